//! Short messages that go away by themselves.
//!
//! Invariant: at most three at once; each stays for six seconds, ten if it has a button.
//! Absent on purpose: a history.

use egui::{Align2, Area, Frame, Label, Margin, Order, RichText, Stroke, Ui};
use egui_material_icons::icons::ICON_CONTENT_COPY;

use crate::contract::snapshot::Problem;
use crate::contract::{NoticeBody, RevertCause};
use crate::model::check::Severity;
use crate::ui::cx::Target;
use crate::ui::format::clock_time;
use crate::ui::theme::{Theme, Tone};
use crate::ui::undo::Undo;
use crate::ui::widgets::{icon_button, quiet_button};

const SHOWN: usize = 3;
const SECONDS: f64 = 6.0;
const SECONDS_TO_UNDO: f64 = 10.0;

/// A message.
pub(super) struct Toast {
    /// Colour and glyph.
    pub(super) tone: Tone,
    /// What it says.
    pub(super) text: String,
    /// What its button takes back.
    pub(super) undo: Option<Undo>,
    /// Where its button leads, and what it says.
    pub(super) look: Option<(&'static str, Look)>,
}

/// Where the button of a message leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    /// A place of ours.
    Place(Target),
    /// A page of the service, in the browser.
    Web(&'static str),
}

/// What the person did with a message.
pub(super) enum Pressed {
    /// Took back what it tells of.
    Undo(Undo),
    /// Went to what it tells of.
    Look(Look),
}

impl Toast {
    /// A message without a button.
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into(), undo: None, look: None }
    }
}

/// The messages on screen.
#[derive(Default)]
pub(super) struct Toasts {
    /// Each with the time of its end.
    list: Vec<(Toast, f64)>,
}

impl Toasts {
    /// Forgets everything: times of one window mean nothing in another.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Says something for a few seconds.
    pub(super) fn add(&mut self, ctx: &egui::Context, toast: Toast) {
        let seconds = if toast.undo.is_some() || toast.look.is_some() { SECONDS_TO_UNDO } else { SECONDS };
        self.list.push((toast, ctx.input(|input| input.time) + seconds));
        if self.list.len() > SHOWN {
            self.list.remove(0);
        }
    }

    /// Shows what is still to be shown and asks for a frame when the next one ends. Returns what was pressed.
    /// `foot` is what the bars at the window's foot take; nothing covers them.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme, foot: f32) -> Option<Pressed> {
        let now = ctx.input(|input| input.time);
        self.list.retain(|(_, until)| *until > now);
        let next = self.list.iter().map(|(_, until)| until - now).reduce(f64::min)?;
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(next.clamp(0.0, SECONDS_TO_UNDO)));
        let mut pressed = None;
        let area = Area::new(egui::Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, [-16.0, -16.0 - foot]);
        area.show(ctx, |ui| {
            for (place, (toast, _)) in self.list.iter().enumerate() {
                Frame::new()
                    .fill(theme.card)
                    .stroke(Stroke::new(1.0, theme.edge))
                    .corner_radius(8)
                    .shadow(ui.visuals().popup_shadow)
                    .inner_margin(Margin::symmetric(12, 8))
                    .show(ui, |ui| {
                        if message(ui, theme, toast) {
                            pressed = Some(place);
                        }
                    });
            }
        });
        let toast = pressed.map(|place| self.list.remove(place).0)?;
        let look = toast.look.map(|(_, look)| Pressed::Look(look));
        toast.undo.map(Pressed::Undo).or(look)
    }
}

/// One message; returns whether its button was pressed.
fn message(ui: &mut Ui, theme: &Theme, toast: &Toast) -> bool {
    let most = (ui.ctx().content_rect().width() - 64.0).min(420.0);
    ui.set_max_width(most);
    ui.horizontal(|ui| {
        ui.label(toast.tone.icon().rich_text().size(16.0).color(theme.tone(toast.tone)));
        let label = toast.undo.as_ref().map(Undo::label).or(toast.look.as_ref().map(|(label, _)| *label));
        let room = most - if label.is_some() { 120.0 } else { 76.0 };
        let text = Label::new(RichText::new(&toast.text).color(theme.text)).wrap();
        ui.vertical(|ui| {
            ui.set_max_width(room);
            ui.add(text);
        });
        if toast.tone == Tone::Error
            && label.is_none()
            && icon_button(ui, theme, ICON_CONTENT_COPY, "Copy details").clicked()
        {
            ui.ctx().copy_text(details(&toast.text));
        }
        label.is_some_and(|label| quiet_button(ui, theme, label).clicked())
    })
    .inner
}

/// What is copied of a problem: with the version, for whoever is asked for help.
pub(super) fn details(text: &str) -> String {
    format!("Tidegate {}: {text}", env!("CARGO_PKG_VERSION"))
}

/// What a notice says, if anything.
pub(super) fn of_notice(body: &NoticeBody) -> Option<(Tone, String)> {
    match body {
        NoticeBody::Done(text) if text.is_empty() => None,
        NoticeBody::Done(text) => Some((Tone::Ok, text.clone())),
        NoticeBody::Applied { revision, .. } => Some((Tone::Ok, format!("Rev {revision} applied"))),
        NoticeBody::Reverted { revision, why } => Some((Tone::Throttled, reverted(*revision, *why))),
        NoticeBody::Rejected(findings) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count().max(1);
            let noun = if errors == 1 { "1 problem" } else { "several problems" };
            Some((Tone::Error, format!("Not applied: {noun}. What ran before still runs.")))
        }
        // The page that asked shows what came; of the test request the Why opens.
        NoticeBody::TokenMade { .. }
        | NoticeBody::Exporting { .. }
        | NoticeBody::Rung { .. }
        | NoticeBody::NotePressed { .. }
        | NoticeBody::TestSent { status: 200, .. } => None,
        NoticeBody::TestSent { status, .. } => Some((Tone::Error, format!("Test request got status {status}"))),
        NoticeBody::Failed(problem) => Some((Tone::Error, words(problem))),
    }
}

fn reverted(revision: u64, why: RevertCause) -> String {
    match why {
        RevertCause::Asked => format!("Limits went back to rev {revision}."),
        RevertCause::Unconfirmed(seconds) => {
            format!("Limits went back to rev {revision}: not confirmed within {seconds} s.")
        }
        RevertCause::Errors { percent, before } => format!(
            "Limits went back to rev {revision}: {percent} % of the requests failed, {before} % before. Clients are served as before."
        ),
        RevertCause::Ended(began) => format!(
            "The live session of {} was not kept when Tidegate ended. The limits from before it run.",
            &clock_time(began)
        ),
    }
}

/// A problem as one line: what happened, what still works, one next step.
pub(super) fn words(problem: &Problem) -> String {
    [&problem.what, &problem.still_works, &problem.next_step]
        .map(|part| part.trim())
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
