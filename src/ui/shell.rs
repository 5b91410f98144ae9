//! The console: what is round the pages, and the one place where asking becomes doing.
//!
//! Invariant: one snapshot per frame; every command leaves through the line; no repaint is asked for unless something moves.
//! Absent on purpose: what a page shows.

mod act;
mod banners;
mod bars;
mod bell;
mod coming;
mod cover;
mod demo;
mod focus;
mod help;
mod hold;
mod inspector;
mod leaving;
mod live_bar;
mod nav;
mod palette;
mod panes;
mod parting;
mod profiles;
mod review;
mod revisions;
mod spoken;
mod steps;
mod toasts;
mod top;
mod unread;

use std::sync::Arc;

use egui::{Frame, Margin, Panel, ScrollArea, Ui};

use crate::contract::snapshot::Serving;
use crate::contract::{Command, Notice, NoticeBody, ProfileCommand, Snapshot, UiEnd};

use crate::model::preferences::Preferences;

use super::actions::{self, Action};
use super::cx::{Asks, Page, PageCx, Target};
use super::deeds::Deeds;
use super::draft::Draft;
use super::live::Tuning;
use super::looks::Looks;
use super::pages::States;
use super::theme::{Theme, Tone, is_low};
use super::trail::Trail;
use super::undo::{Pending, Undo};
use super::widgets;
pub use bell::Desktop;
pub use coming::{Away, LogTo};
pub use leaving::Ending;
use parting::Afterwards;
use toasts::{Look, Toast, Toasts};

/// The whole screen. Drawn by eframe in the window, by a harness in tests.
pub struct Console {
    line: UiEnd,
    /// Whose draft, selection and filters these are: nothing of one profile goes to another.
    profile: String,
    pub(super) draft: Draft,
    tuning: Tuning,
    trail: Trail,
    /// The draft's version and whether it was changed, as it was left with the background last.
    left: (u64, bool),
    target: Option<Target>,
    /// How far down the page is to be in the next frame, in points.
    scroll_to: Option<f32>,
    /// Actions that a page asked for.
    later: Vec<Action>,
    /// What is selected on the page.
    selected: Option<Target>,
    /// Actions that the page is to do.
    acts: Vec<Action>,
    palette: palette::Palette,
    panes: panes::Panes,
    help: help::Help,
    inspector: inspector::Inspector,
    bell: bell::Bell,
    desktop: Desktop,
    preferences: Preferences,
    /// As they were kept last.
    kept: Preferences,
    keep: Box<dyn Fn(&Preferences)>,
    log: LogTo,
    /// The desktop says that serving goes on without a window.
    standing: bool,
    /// What was asked for from outside while there is no window.
    wanted: Away,
    looks: Looks,
    /// Links from outside that are to be followed.
    links: Vec<String>,
    question: Option<leaving::Question>,
    ending: Ending,
    states: States,
    toasts: Toasts,
    pending: Pending,
    deeds: Deeds,
    demo: demo::Strip,
    spoken: spoken::Spoken,
    reviewing: bool,
    revisions: revisions::Sheet,
    profiles: profiles::Sheet,
    hold: hold::Hold,
    cover: cover::Cover,
    bar: bool,
    foot: panes::Foot,
    /// Fields whose text cannot be read.
    unread: unread::Fields,
    /// Where the page was in the frame before.
    place: egui::Rect,
}

impl Console {
    /// A console at the screen's end of the line; puts fonts and themes into `ctx`.
    #[must_use]
    pub fn new(line: UiEnd, ctx: &egui::Context) -> Self {
        let mut console = Self::bare(line);
        console.open_in(ctx);
        console
    }

    /// A console without a window, and with nothing remembered.
    fn bare(line: UiEnd) -> Self {
        let draft = Draft::new(&line.latest().applied);
        let profile = line.latest().profile.name.clone();
        Self {
            line,
            profile,
            draft,
            tuning: Tuning::default(),
            trail: Trail::default(),
            left: (u64::MAX, false),
            target: None,
            scroll_to: None,
            later: Vec::new(),
            selected: None,
            acts: Vec::new(),
            palette: palette::Palette::default(),
            panes: panes::Panes::default(),
            help: help::Help::default(),
            inspector: inspector::Inspector::default(),
            bell: bell::Bell::default(),
            desktop: Box::new(|_| {}),
            preferences: Preferences::default(),
            kept: Preferences::default(),
            keep: Box::new(|_| {}),
            log: Box::new(|_| {}),
            standing: false,
            wanted: Away::Stay,
            looks: Looks::default(),
            links: Vec::new(),
            question: None,
            ending: Ending::Open,
            states: States::default(),
            toasts: Toasts::default(),
            pending: Pending::default(),
            deeds: Deeds::default(),
            demo: demo::Strip::default(),
            spoken: spoken::Spoken::default(),
            reviewing: false,
            revisions: revisions::Sheet::default(),
            profiles: profiles::Sheet::default(),
            hold: hold::Hold::default(),
            cover: cover::Cover::default(),
            bar: false,
            foot: panes::Foot::default(),
            unread: unread::Fields::default(),
            place: egui::Rect::NOTHING,
        }
    }

    /// The page that is shown.
    #[must_use]
    pub fn page(&self) -> Page {
        self.trail.page()
    }

    /// What is in hand on the page: the inspector, actions and links are about it.
    #[must_use]
    pub fn selected(&self) -> Option<&Target> {
        self.selected.as_ref()
    }

    /// The edited configuration.
    #[must_use]
    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    /// What has to be done even while the window is hidden: when the proxy stops, the window closes.
    pub fn logic(&mut self, ctx: &egui::Context) {
        let snapshot = self.line.latest();
        self.mind_closing(ctx, &snapshot);
        self.keep_preferences();
        if matches!(snapshot.serving, Serving::Stopping { .. }) {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Draws one frame.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        hear_presses_alone(&ctx);
        let aside = self.cover.begin(&ctx);
        let snapshot = self.line.latest();
        self.looks.follow(&ctx, &mut self.preferences);
        let theme = Theme::of(&ctx);
        self.mind_profile(&ctx, &snapshot);
        self.remember_profile(&snapshot);
        self.draft.follow(&snapshot.applied);
        let notices = self.hear(&ctx);
        self.alert(&snapshot, Some(&ctx));
        self.follow_links(&ctx);
        self.palette.take_keys(&ctx);
        for action in actions::pressed(&ctx, self.page()) {
            if self.hears(&ctx, action) {
                self.act(action, &ctx, &snapshot);
                if matches!(action, Action::Go(_) | Action::Back | Action::Forward) {
                    self.panes.enter(&ctx, self.page());
                }
            }
        }
        self.panes.mind_tab(&ctx, self.page());
        self.tune(&ctx);
        self.panes.begin();
        let mut wanted = self.frame(ui, theme, &snapshot);
        self.leave_draft();
        let shown = self.hold.view(&snapshot);
        self.inspect(ui, theme, &shown, &mut wanted);
        self.show_page(ui, theme, &shown, &notices);
        if self.reviewing {
            let unread = self.unread.said(&ctx, self.draft.version());
            wanted.extend(review::show(&ctx, theme, &self.draft, &snapshot, unread));
        }
        if self.help.show(&ctx, theme) {
            self.go(&ctx, Page::Accounts, None);
        }
        self.ask(&ctx, theme, &snapshot);
        self.show_palette(&ctx, theme, &snapshot);
        self.revisions.show(&ctx, theme, &snapshot, &mut self.draft);
        wanted.extend(self.profiles.show(&ctx, theme));
        focus::show(&ctx, theme);
        wanted.extend(std::mem::take(&mut self.later).into_iter().map(Wish::Act));
        for wish in wanted {
            self.grant(wish, &ctx, &snapshot);
        }
        cover::end(&ctx, aside);
    }

    fn show_palette(&mut self, ctx: &egui::Context, theme: &'static Theme, snapshot: &Snapshot) {
        let mut palette = std::mem::take(&mut self.palette);
        let chosen = palette.show(ctx, theme, &self.circumstances(snapshot));
        self.palette = palette;
        if let Some(does) = chosen {
            let before = self.page();
            self.choose(does, ctx, snapshot);
            if self.page() != before {
                self.panes.enter(ctx, self.page());
            }
        }
    }

    /// Everything round the page; returns what was clicked.
    fn frame(&mut self, ui: &mut Ui, theme: &'static Theme, snapshot: &Snapshot) -> Vec<Wish> {
        let mut wanted = Vec::new();
        let low = is_low(ui.ctx());
        let bar = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(16, if low { 2 } else { 8 }));
        Panel::top("top bar").frame(bar).show(ui, |ui| {
            self.panes.mark(ui, "Top bar", ui.max_rect());
            let (bell, preferences) = (&mut self.bell, &mut self.preferences);
            let history = (&self.deeds, &self.draft);
            let mut top = top::Top { bell, preferences, held: self.hold.is_on(), history };
            top::show(ui, theme, snapshot, &mut top, &mut wanted);
        });
        banners::show(ui, theme, snapshot, &mut wanted);
        self.hold.show(ui, theme, snapshot, &mut wanted);
        self.demo.show(ui, theme, snapshot, self.trail.page(), &mut wanted);
        self.spoken.show(ui, snapshot);
        if ui.ctx().dragged_id().is_none() {
            // A bar that came in the middle of a drag would take room from what is dragged over.
            self.bar = live_bar::is_wanted(&self.draft, &self.tuning, snapshot);
        }
        let thin = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(16, 4));
        let messages = self.toasts.take_the_status_line(ui.ctx());
        if messages {
            wanted.extend(self.toasts.show(ui, theme, self.place).map(Wish::from));
        } else if !low {
            Panel::bottom("status line").frame(thin).show(ui, |ui| bars::status(ui, theme, snapshot, &mut wanted));
        }
        if self.bar {
            let fill = Frame::new().fill(theme.bar(Tone::Info)).inner_margin(Margin::symmetric(16, 6));
            // At the foot: what the person has just changed stays where it is.
            Panel::bottom("draft bar").frame(fill).show(ui, |ui| {
                live_bar::show(ui, theme, (&self.draft, &self.tuning), snapshot, &mut wanted);
            });
        }
        nav::show(ui, theme, self.trail.page(), snapshot, &mut self.panes, &mut wanted);
        if !messages {
            wanted.extend(self.toasts.show(ui, theme, self.place).map(Wish::from));
        }
        wanted
    }

    fn show_page(&mut self, ui: &mut Ui, theme: &'static Theme, snapshot: &Arc<Snapshot>, notices: &[Notice]) {
        let (mut asks, page) = (Asks::default(), self.page());
        let mut cx = PageCx {
            snapshot,
            theme,
            draft: &mut self.draft,
            preferences: &mut self.preferences,
            notices,
            inspecting: self.inspector.open,
            arrived: self.target.take(),
            acts: std::mem::take(&mut self.acts),
            line: &self.line,
            asks: &mut asks,
        };
        let lift = self.toasts.take_lift();
        let strip = self.toasts.height();
        let body = Frame::new().fill(theme.page).inner_margin(Margin::same(if is_low(ui.ctx()) { 8 } else { 16 }));
        self.place = ui.available_rect_before_wrap();
        egui::CentralPanel::default().frame(body).show(ui, |ui| {
            self.panes.mark(ui, &panes::name_of(page), ui.max_rect());
            if page.fills_window() && ui.available_height() >= LEAST_LIST {
                self.states.show(page, ui, &mut cx);
            } else {
                let area = ScrollArea::vertical().id_salt(page.name()).auto_shrink(false);
                let foot = match self.scroll_to {
                    Some(_) => 0.0,
                    None => self.foot.before(strip, self.trail.scrolled(), ui.available_height()),
                };
                let area = match self.scroll_to.take() {
                    Some(to) => area.vertical_scroll_offset(to),
                    None => area,
                };
                let scrolled = area.show(ui, |ui| {
                    ui.scroll_with_delta(egui::vec2(0.0, -lift));
                    let room = ui.available_rect_before_wrap();
                    // Where there is more of it than the page takes, it stands in the middle.
                    let spare = (room.width() - page.widest()).max(0.0);
                    let column = egui::UiBuilder::new().max_rect(room.shrink2(egui::vec2(spare / 2.0, 0.0)));
                    ui.scope_builder(column, |ui| {
                        if page.fills_window() {
                            ui.set_height(LEAST_LIST);
                            ui.set_max_height(LEAST_LIST);
                        }
                        self.states.show(page, ui, &mut cx);
                    });
                    ui.expand_to_include_y(ui.min_rect().bottom() + foot);
                });
                let at = scrolled.state.clamped_offset().y;
                self.trail.scroll(at);
                self.foot.after(foot, scrolled.content_size.y, at + scrolled.inner_rect.height());
            }
            self.states.welcome(ui, &mut cx);
        });
        self.toasts.tell_tests(ui.ctx(), notices, asks.target.as_ref());
        self.fulfil(asks, ui.ctx());
        let here = self.selected.clone().filter(|place| place.page() == page).unwrap_or(Target::Top(page));
        self.unread.follow(ui.ctx(), &here, &self.draft);
    }

    fn fulfil(&mut self, asks: Asks, ctx: &egui::Context) {
        for (tone, text) in asks.toasts {
            self.toasts.add(ctx, Toast::new(tone, text));
        }
        if let Some(text) = asks.step {
            self.toasts.step(ctx, text);
        }
        for (id, undo, deed) in asks.undoable {
            self.mind_way_back(id, undo, deed);
        }
        self.reviewing |= asks.review;
        if let Some(number) = asks.revision {
            self.revisions.open_at(number);
        }
        self.selected = asks.selected;
        self.later.extend(asks.acts);
        if asks.again {
            ctx.request_repaint();
        }
        if let Some(page) = asks.page {
            self.go(ctx, page, asks.target);
        }
    }

    fn hear(&mut self, ctx: &egui::Context) -> Vec<Notice> {
        let notices = self.line.notices();
        for notice in &notices {
            let ours = self.draft.hear(notice);
            if ours && matches!(notice.body, NoticeBody::Applied { .. }) {
                self.reviewing = false;
            }
            match &notice.body {
                NoticeBody::Rung { link } => self.come(ctx, link.clone()),
                NoticeBody::StopAsked => self.stop_from_outside(Some(ctx)),
                NoticeBody::NotePressed { note, press } => self.press_note(Some(ctx), *note, *press),
                _ => {}
            }
            let undo = self.pending.take(notice.id, &notice.body).or_else(|| Undo::of_notice(&notice.body));
            self.mind_what_went_back(&notice.body);
            if matches!(notice.body, NoticeBody::Applied { .. }) {
                self.toasts.settle_applied();
            }
            if let Some((text, redo)) = self.deeds.hear(notice.id, &notice.body) {
                self.toasts.turn(ctx, Toast { undo: redo.then_some(Undo::Undone), ..Toast::new(Tone::Info, text) });
            } else if let Some((tone, text)) = toasts::of_notice(&notice.body) {
                self.toasts.add(ctx, Toast { undo, ..Toast::new(tone, text) });
            }
        }
        notices
    }

    fn apply(&mut self, ctx: &egui::Context) {
        let Some(command) = self.draft.apply() else { return };
        let undo = Undo::of(&command, &self.line.latest());
        let Some(id) = self.send(ctx, command) else { return };
        self.draft.applying(id);
        if let Some(undo) = undo {
            self.pending.add(id, undo);
        }
        let unread = self.unread.said(ctx, self.draft.version());
        if let Some(words) = unread::without(&unread) {
            let look = unread.into_iter().next().map(|one| ("Go to it", Look::Field(one.place, one.field)));
            self.toasts.add(ctx, Toast { look, ..Toast::new(Tone::Near, words) });
        }
    }

    /// Leaves the draft with the background, if it is another one than last time.
    fn leave_draft(&mut self) {
        let now = (self.draft.version(), self.draft.is_changed());
        if now != self.left {
            self.left = now;
            self.line.leave_draft(self.draft.left());
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
            Wish::Send(command) => self.order(ctx, snapshot, command),
            Wish::Undo(undo) if undo.is_stale(snapshot) => {
                let words = format!("Nothing was taken back: rev {} runs by now.", snapshot.applied.revision);
                self.toasts.add(ctx, Toast::new(Tone::Info, words));
            }
            Wish::Undo(Undo::Undone) => self.act(Action::Redo, ctx, snapshot),
            Wish::Undo(undo) if self.deeds.turn_to(&undo, &self.draft) => self.act(Action::Undo, ctx, snapshot),
            Wish::Undo(undo) => match undo.command() {
                Some(command) => drop(self.send(ctx, command)),
                None => self.say(ctx, "In the draft again", None, Draft::bring_back),
            },
            Wish::Open(target) => self.go(ctx, target.page(), Some(target)),
            Wish::Field(place, field) => {
                widgets::seek(ctx, field);
                self.go(ctx, place.page(), Some(place));
            }
            Wish::Why(ask) => {
                let target = ask.settle(&mut self.draft);
                self.go(ctx, target.page(), Some(target));
            }
            Wish::Browse(address) => ctx.open_url(egui::OpenUrl::new_tab(address)),
            Wish::Bell(press) => self.press_bell(press),
            Wish::ApplyRead if review::is_due(&self.draft, snapshot) => self.reviewing = true,
            Wish::Apply | Wish::ApplyRead => self.apply(ctx),
            Wish::Compare => self.revisions.compare(),
            Wish::Profile(command) => self.change_profile(ctx, snapshot, command),
            Wish::AddRealEndpoint => self.ask_to_leave_demo(Afterwards::Page(Page::Accounts)),
            Wish::CloseReview => self.reviewing = false,
            Wish::KeepPort(port) => {
                self.draft.edit(format!("Keep port {port}"), |config| config.listen.port = port);
            }
            Wish::Copy(text) => ctx.copy_text(text),
        }
    }
}

/// A key that is held answers once: what it opens is not answered before anybody could read it. Text goes on.
fn hear_presses_alone(ctx: &egui::Context) {
    let is_held = |event: &egui::Event| {
        matches!(event, egui::Event::Key { key: egui::Key::Enter | egui::Key::Space, pressed: true, repeat: true, .. })
    };
    ctx.input_mut(|input| input.events.retain(|event| !is_held(event)));
}

/// Points that a page with a list of its own needs; in a lower window it is scrolled as a whole.
const LEAST_LIST: f32 = 300.0;

/// A sheet above everything, with room round what it says.
fn sheet(ctx: &egui::Context, name: &'static str) -> egui::Modal {
    let frame = Frame::window(&ctx.global_style()).inner_margin(Margin::same(20));
    egui::Modal::new(egui::Id::unique(name)).frame(frame)
}

/// Something that was clicked round the page.
enum Wish {
    Act(Action),
    Send(Command),
    /// Another profile is to run; from the demo that is asked first.
    Profile(ProfileCommand),
    Open(Target),
    /// A field of a place is to be mended.
    Field(Target, egui::Id),
    /// What was asked beside a request's why.
    Why(super::pages::why::Ask),
    /// The draft is to run; it was listed.
    Apply,
    /// The same, from the bar: what is to be heeded is listed first.
    ApplyRead,
    CloseReview,
    /// The demo is over; real accounts are next.
    AddRealEndpoint,
    Compare,
    /// The port that serves now is to be the configured one.
    KeepPort(u16),
    Copy(String),
    Undo(Undo),
    /// A page of a service, in the browser.
    Browse(&'static str),
    Bell(bell::Press),
}

impl From<toasts::Look> for Wish {
    fn from(look: toasts::Look) -> Self {
        match look {
            toasts::Look::Place(target) => Self::Open(target),
            toasts::Look::Field(place, field) => Self::Field(place, field),
            toasts::Look::Web(address) => Self::Browse(address),
        }
    }
}

impl From<toasts::Pressed> for Wish {
    fn from(pressed: toasts::Pressed) -> Self {
        match pressed {
            toasts::Pressed::Undo(undo) => Self::Undo(undo),
            toasts::Pressed::Look(look) => look.into(),
        }
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "shell/places_tests.rs"]
mod places_tests;

#[cfg(test)]
#[path = "shell/leaving_tests.rs"]
mod leaving_tests;

#[cfg(test)]
#[path = "shell/parting_tests.rs"]
mod parting_tests;

#[cfg(test)]
#[path = "shell/toasts_tests.rs"]
mod toasts_tests;

#[cfg(test)]
#[path = "shell/top_tests.rs"]
mod top_tests;

#[cfg(test)]
#[path = "shell/overlay_tests.rs"]
mod overlay_tests;

#[cfg(test)]
#[path = "shell/unread_tests.rs"]
mod unread_tests;
