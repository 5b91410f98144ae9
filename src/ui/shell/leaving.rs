//! Closing the window and quitting: what is asked, and how it ends.
//!
//! Invariant: nothing that serves ends without the person having said so, once or in Settings; a running request is never
//! cut off unasked.
//! Absent on purpose: stopping the proxy; whoever opened the window does it.

use egui::{Context, RichText, ViewportCommand};

use super::parting::Afterwards;
use super::{Away, Console, parting, review, sheet};
use crate::contract::snapshot::Serving;
use crate::contract::{DesktopNote, NoteButtons, NotePress, Snapshot};
use crate::model::preferences::{OnClose, WindowPlace};
use crate::ui::actions::Action;
use crate::ui::format::count;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{answer_button, checkbox, note};

/// The notification that says that serving goes on.
const STANDING: u64 = u64::MAX - 1;
/// The way back to a window that was closed, and the one to the end.
const BACK_AND_END: &str = "Start Tidegate again to open its window; `tidegate stop` ends it.";

/// How the window ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It has not.
    #[default]
    Open,
    /// Closed; serving goes on and the window may come back.
    Background,
    /// The person quits; running requests finish first.
    Quit,
    /// The person quits; running requests are cut off.
    QuitNow,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether to go on without a window, and whether to remember it.
    KeepServing { remember: bool },
    /// Whether keys that are in memory alone may go.
    KeysLost,
    /// What becomes of running requests.
    StillRunning,
    /// Whether simulated endpoints are to answer in place of the person's own.
    EnterDemo,
    /// Whether the demo is to end, and what is next.
    LeaveDemo { then: Afterwards },
}

impl Console {
    /// How the window ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// Answers the close button, keys and the system.
    pub(super) fn mind_closing(&mut self, ctx: &Context, snapshot: &Snapshot) {
        if !ctx.input(|input| input.viewport().close_requested()) || self.ending != Ending::Open {
            return;
        }
        self.preferences.window = place(ctx).or(self.preferences.window);
        match &snapshot.serving {
            Serving::Stopping { .. } | Serving::Failed(_) => self.ending = Ending::Quit,
            Serving::Listening { .. } | Serving::Starting => match self.preferences.on_close {
                OnClose::KeepServing => {
                    self.ending = Ending::Background;
                    self.say_standing(true);
                }
                OnClose::Quit => self.quit(ctx, snapshot),
                OnClose::Ask => self.question = Some(Question::KeepServing { remember: false }),
            },
        }
        if self.ending == Ending::Open {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
        }
    }

    /// Quits, or asks first what becomes of keys and requests that would be lost.
    pub(super) fn quit(&mut self, ctx: &Context, snapshot: &Snapshot) {
        self.preferences.window = place(ctx).or(self.preferences.window);
        if parting::in_memory(snapshot).is_empty() {
            self.quit_with_requests(ctx, snapshot);
        } else {
            self.question = Some(Question::KeysLost);
        }
    }

    /// Quits, or asks what becomes of running requests.
    pub(super) fn quit_with_requests(&mut self, ctx: &Context, snapshot: &Snapshot) {
        if running(snapshot) == 0 {
            self.end(ctx, Ending::Quit);
        } else {
            self.question = Some(Question::StillRunning);
        }
    }

    pub(super) fn end(&mut self, ctx: &Context, ending: Ending) {
        self.question = None;
        self.ending = ending;
        self.say_standing(ending == Ending::Background);
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }

    /// Has the desktop say that serving goes on without a window, with the ways back and to its end; or say it no more.
    pub(super) fn say_standing(&mut self, on: bool) {
        let on = on && self.preferences.desktop_notifications;
        let text = match &self.line.latest().serving {
            Serving::Listening { base_url, paused: true, .. } if on => {
                format!("Still on {}, where serving is paused. {BACK_AND_END}", bare(base_url))
            }
            Serving::Listening { base_url, .. } if on => format!("Still serving on {}. {BACK_AND_END}", bare(base_url)),
            _ if on => format!("Still running. {BACK_AND_END}"),
            _ if !self.standing => return,
            _ => String::new(),
        };
        self.standing = on;
        let buttons = NoteButtons { look: "Open", other: NotePress::Stop };
        let note = DesktopNote { id: STANDING, text: on.then_some(text), buttons: on.then_some(buttons) };
        (self.desktop)(note);
    }

    /// Ends as the desktop or the command line asks: what runs is answered first, and of keys that would be lost the window asks.
    pub(super) fn stop_from_outside(&mut self, ctx: Option<&Context>) {
        let keys_would_go = !parting::in_memory(&self.line.latest()).is_empty();
        match ctx {
            Some(ctx) if keys_would_go => {
                self.come(ctx, None);
                self.question = Some(Question::KeysLost);
            }
            Some(ctx) => self.end(ctx, Ending::Quit),
            None => {
                // Keys that would be lost are asked about in a window.
                self.wanted = if keys_would_go { Away::Open } else { Away::Over };
                self.later.extend(keys_would_go.then_some(Action::Quit));
            }
        }
    }

    /// Shows what is asked, if anything is.
    pub(super) fn ask(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot) {
        match self.question.clone() {
            Some(Question::KeepServing { remember }) => self.ask_to_serve(ctx, theme, snapshot, remember),
            Some(Question::KeysLost) => self.ask_for_keys(ctx, theme, snapshot),
            Some(Question::EnterDemo) => self.ask_for_demo(ctx, theme, snapshot),
            Some(Question::LeaveDemo { then }) => self.ask_of_demo(ctx, theme, snapshot, &then),
            Some(Question::StillRunning) => self.ask_for_running(ctx, theme, snapshot),
            None => {}
        }
    }

    fn ask_to_serve(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot, mut remember: bool) {
        let mut chosen = None;
        let modal = sheet(ctx, "closing").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(460.0));
            ui.label(theme::title("Keep serving in the background?").color(theme.text));
            ui.label("Requests are answered while the window is closed.");
            ui.label(BACK_AND_END);
            self.say_draft(ui, theme);
            ui.add_space(gap::S);
            checkbox(ui, &mut remember, "Remember this");
            note(ui, theme, "Without it you are asked each time; Settings can change it.");
            ui.add_space(gap::M);
            ui.horizontal(|ui| {
                if answer_button(ui, theme, "Keep serving").clicked() {
                    chosen = Some(OnClose::KeepServing);
                }
                if ui.button("Stop and quit").clicked() {
                    chosen = Some(OnClose::Quit);
                }
                ui.button("Cancel").clicked()
            })
            .inner
        });
        self.question = Some(Question::KeepServing { remember });
        if let Some(choice) = chosen {
            if remember {
                self.preferences.on_close = choice;
            }
            self.question = None;
            match choice {
                OnClose::Quit => self.quit(ctx, snapshot),
                _ => self.end(ctx, Ending::Background),
            }
        } else if modal.inner || modal.should_close() {
            self.question = None;
        }
    }

    /// What becomes of edits that do not run yet.
    pub(super) fn say_draft(&self, ui: &mut egui::Ui, theme: &Theme) {
        if self.draft.is_changed() {
            let number = count(self.draft.done_since(), "change is", "changes are");
            let words =
                format!("{number} not applied. Your draft is kept: it is here again when the window opens next.");
            review::warning(ui, theme, Tone::Info, &words);
        }
    }

    fn ask_for_running(&mut self, ctx: &Context, theme: &Theme, snapshot: &Snapshot) {
        let running = running(snapshot);
        if running == 0 {
            return self.end(ctx, Ending::Quit);
        }
        let mut chosen = None;
        let modal = sheet(ctx, "quitting").show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 96.0).min(460.0));
            let title = format!("{} running", count(running, "request is", "requests are"));
            ui.label(theme::title(title).color(theme.text));
            ui.label(RichText::new("Waiting takes a minute at most. Quitting now cuts their answers off."));
            self.say_draft(ui, theme);
            ui.add_space(gap::M);
            ui.horizontal_wrapped(|ui| {
                if answer_button(ui, theme, "Wait and quit").clicked() {
                    chosen = Some(Ending::Quit);
                }
                if ui.button("Quit now").clicked() {
                    chosen = Some(Ending::QuitNow);
                }
                ui.button("Cancel").clicked()
            })
            .inner
        });
        match chosen {
            Some(ending) => self.end(ctx, ending),
            None if modal.inner || modal.should_close() => self.question = None,
            None => {}
        }
    }
}

/// `127.0.0.1:8787` of an address with scheme and path.
fn bare(base_url: &str) -> &str {
    base_url.split('/').nth(2).unwrap_or(base_url)
}

/// Requests that run or wait.
fn running(snapshot: &Snapshot) -> u64 {
    snapshot.view.in_flight().saturating_add(u64::from(snapshot.view.queue.waiting))
}

/// Where the window is, as far as the window system tells.
fn place(ctx: &Context) -> Option<WindowPlace> {
    let zoom = ctx.zoom_factor();
    ctx.input(|input| {
        let viewport = input.viewport();
        let size = viewport.inner_rect?.size() * zoom;
        // A negative corner is on another monitor, which may be gone next time.
        let corner =
            viewport.outer_rect.map(|rect| rect.min * zoom).filter(|corner| corner.x >= 0.0 && corner.y >= 0.0);
        let maximized = viewport.maximized.unwrap_or_default();
        Some(WindowPlace { size: size.into(), corner: corner.map(Into::into), maximized })
    })
}
