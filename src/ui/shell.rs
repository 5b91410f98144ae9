//! The console: what is round the pages, and the one place where asking becomes doing.
//!
//! Invariant: one snapshot per frame; every command leaves through the line; no repaint is asked for unless something moves.
//! Absent on purpose: what a page shows.

mod banners;
mod bars;
mod demo;
mod focus;
mod live_bar;
mod nav;
mod review;
mod toasts;

use std::sync::Arc;

use egui::{Frame, Margin, Panel, ScrollArea, Ui};

use crate::contract::snapshot::Serving;
use crate::contract::{Command, Notice, NoticeBody, RevertCause, Snapshot, UiEnd};

use super::actions::{self, Action};
use super::cx::{Asks, Page, PageCx, Target};
use super::draft::Draft;
use super::live::Tuning;
use super::pages::States;
use super::theme::{self, Theme, Tone};
use super::undo::{Pending, Undo};
use toasts::{Toast, Toasts};

/// The whole screen. Drawn by eframe in the window, by a harness in tests.
pub struct Console {
    line: UiEnd,
    draft: Draft,
    tuning: Tuning,
    page: Page,
    target: Option<Target>,
    states: States,
    toasts: Toasts,
    pending: Pending,
    demo: demo::Strip,
    reviewing: bool,
    bar: bool,
}

impl Console {
    /// A console at the screen's end of the line; puts fonts and themes into `ctx`.
    #[must_use]
    pub fn new(line: UiEnd, ctx: &egui::Context) -> Self {
        theme::install(ctx);
        let draft = Draft::new(&line.latest().applied);
        Self {
            line,
            draft,
            tuning: Tuning::default(),
            page: Page::default(),
            target: None,
            states: States::default(),
            toasts: Toasts::default(),
            pending: Pending::default(),
            demo: demo::Strip::default(),
            reviewing: false,
            bar: false,
        }
    }

    /// The page that is shown.
    #[must_use]
    pub fn page(&self) -> Page {
        self.page
    }

    /// The edited configuration.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What has to be done even while the window is hidden: when the proxy stops, the window closes.
    pub fn logic(&mut self, ctx: &egui::Context) {
        if matches!(self.line.latest().serving, Serving::Stopping { .. }) {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Draws one frame.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let snapshot = self.line.latest();
        let theme = Theme::of(&ctx);
        self.draft.follow(&snapshot.applied);
        let notices = self.hear(&ctx);
        for action in actions::pressed(&ctx) {
            self.act(action, &ctx, &snapshot);
        }
        self.tune(&ctx);
        let mut wanted = self.frame(ui, theme, &snapshot);
        self.show_page(ui, theme, &snapshot, &notices);
        if self.reviewing {
            wanted.extend(review::show(&ctx, theme, &self.draft));
        }
        wanted.extend(self.toasts.show(&ctx, theme).map(Wish::Undo));
        focus::show(&ctx, theme);
        for wish in wanted {
            self.grant(wish, &ctx, &snapshot);
        }
    }

    /// Everything round the page; returns what was clicked.
    fn frame(&mut self, ui: &mut Ui, theme: &'static Theme, snapshot: &Snapshot) -> Vec<Wish> {
        let mut wanted = Vec::new();
        let bar = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(16, 8));
        Panel::top("top bar").frame(bar).show(ui, |ui| bars::top(ui, theme, snapshot, &mut wanted));
        banners::show(ui, theme, snapshot, &mut wanted);
        self.demo.show(ui, theme, snapshot, self.page, &mut wanted);
        if ui.ctx().dragged_id().is_none() {
            // A bar that came in the middle of a drag would move the dragged line away from the pointer.
            self.bar = live_bar::is_wanted(&self.draft, &self.tuning, snapshot);
        }
        if self.bar {
            let fill = Frame::new().fill(theme.bar(Tone::Info)).inner_margin(Margin::symmetric(16, 6));
            Panel::top("draft bar").frame(fill).show(ui, |ui| {
                live_bar::show(ui, theme, (&self.draft, &self.tuning), snapshot, &mut wanted);
            });
        }
        let thin = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(16, 4));
        Panel::bottom("status line").frame(thin).show(ui, |ui| bars::status(ui, theme, snapshot));
        nav::show(ui, theme, self.page, snapshot, &mut wanted);
        wanted
    }

    fn show_page(&mut self, ui: &mut Ui, theme: &'static Theme, snapshot: &Arc<Snapshot>, notices: &[Notice]) {
        let mut asks = Asks::default();
        let mut cx = PageCx {
            snapshot,
            theme,
            draft: &mut self.draft,
            notices,
            arrived: self.target.take(),
            line: &self.line,
            asks: &mut asks,
        };
        let body = Frame::new().fill(theme.page).inner_margin(Margin::same(16));
        egui::CentralPanel::default().frame(body).show(ui, |ui| {
            if self.page.fills_window() {
                self.states.show(self.page, ui, &mut cx);
            } else {
                ScrollArea::vertical().id_salt(self.page.name()).auto_shrink(false).show(ui, |ui| {
                    ui.set_max_width(ui.available_width().min(self.page.widest()));
                    self.states.show(self.page, ui, &mut cx);
                });
            }
            self.states.welcome(ui, &mut cx);
        });
        self.fulfil(asks, ui.ctx());
    }

    fn fulfil(&mut self, asks: Asks, ctx: &egui::Context) {
        for (tone, text) in asks.toasts {
            self.toasts.add(ctx, Toast::new(tone, text));
        }
        for (id, undo) in asks.undoable {
            self.pending.add(id, undo);
        }
        self.reviewing |= asks.review;
        if asks.again {
            ctx.request_repaint();
        }
        if let Some(page) = asks.page {
            self.page = page;
            self.target = asks.target;
            ctx.request_repaint();
        }
    }

    fn hear(&mut self, ctx: &egui::Context) -> Vec<Notice> {
        let notices = self.line.notices();
        for notice in &notices {
            let ours = self.draft.hear(notice);
            if ours && matches!(notice.body, NoticeBody::Applied { .. }) {
                self.reviewing = false;
            }
            let undo = self.pending.take(notice.id).or_else(|| Undo::of_notice(&notice.body));
            if matches!(&notice.body, NoticeBody::Reverted { why, .. } if *why != RevertCause::Asked) {
                self.tuning.stop();
            }
            if let Some((tone, text)) = toasts::of_notice(&notice.body) {
                self.toasts.add(ctx, Toast { undo, ..Toast::new(tone, text) });
            }
        }
        notices
    }

    fn act(&mut self, action: Action, ctx: &egui::Context, snapshot: &Snapshot) {
        match action {
            Action::Go(page) => self.page = page,
            Action::Undo => self.say(ctx, "Undone", Draft::undo),
            Action::Redo => self.say(ctx, "Done again", Draft::redo),
            Action::Review if self.reviewing => self.apply(ctx),
            Action::Review => self.reviewing = self.draft.is_changed(),
            Action::Discard => {
                self.draft.discard();
                self.reviewing = false;
            }
            Action::LiveTuning => self.tuning.toggle(),
            Action::CopyBaseUrl => {
                if let Serving::Listening { base_url, .. } = &snapshot.serving {
                    ctx.copy_text(base_url.to_string());
                    self.toasts.add(ctx, Toast::new(Tone::Info, "Base URL copied"));
                }
            }
            Action::ToggleTheme => {
                let other = if Theme::of(ctx).dark { egui::Theme::Light } else { egui::Theme::Dark };
                ctx.set_theme(other);
            }
        }
    }

    fn say(&mut self, ctx: &egui::Context, what: &str, step: impl FnOnce(&mut Draft) -> Option<String>) {
        if let Some(label) = step(&mut self.draft) {
            self.toasts.add(ctx, Toast::new(Tone::Info, format!("{what}: {label}")));
        }
    }

    fn apply(&mut self, ctx: &egui::Context) {
        let Some(command) = self.draft.apply() else { return };
        if let Some(id) = self.send(ctx, command) {
            self.draft.applying(id);
        }
    }

    /// Has the draft tried, once it is quiet.
    fn tune(&mut self, ctx: &egui::Context) {
        let Some(command) = self.draft.attempt().filter(|_| self.tuning.is_due(ctx, &self.draft)) else { return };
        if let Some(id) = self.send(ctx, command) {
            self.draft.trying(id);
        }
    }

    fn send(&mut self, ctx: &egui::Context, command: Command) -> Option<crate::model::id::CommandId> {
        let sent = self.line.send(command);
        if let Err(busy) = sent {
            self.toasts.add(ctx, Toast::new(Tone::Error, busy.to_string()));
        }
        sent.ok()
    }

    fn grant(&mut self, wish: Wish, ctx: &egui::Context, snapshot: &Snapshot) {
        match wish {
            Wish::Act(action) => self.act(action, ctx, snapshot),
            Wish::Send(command) => {
                if matches!(command, Command::Demo(crate::contract::DemoCommand::Leave)) {
                    self.states.skip_welcome();
                }
                let undo = Undo::of(&command, snapshot);
                if let (Some(id), Some(undo)) = (self.send(ctx, command), undo) {
                    self.pending.add(id, undo);
                }
            }
            Wish::Undo(undo) => match undo.command() {
                Some(command) => drop(self.send(ctx, command)),
                None => self.say(ctx, "In the draft again", Draft::undo),
            },
            Wish::Apply => self.apply(ctx),
            Wish::CloseReview => self.reviewing = false,
            Wish::Copy(text) => ctx.copy_text(text),
        }
    }
}

/// Something that was clicked round the page.
enum Wish {
    Act(Action),
    Send(Command),
    Apply,
    CloseReview,
    Copy(String),
    Undo(Undo),
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
