//! Short messages that go away by themselves.
//!
//! Invariant: at most three at once; each stays for six seconds, ten if it has a button, from when it is first seen. They take
//! room at the page's foot and cover nothing; while a sheet is open the newest stands below or above it, or waits for it to go.
//! Absent on purpose: a history.

mod strip;

use crate::contract::snapshot::Problem;
use crate::contract::{Notice, NoticeBody, RevertCause};
use crate::model::check::Severity;
use crate::ui::alerts::Alert;
use crate::ui::cx::Target;
use crate::ui::format::clock_time;
use crate::ui::theme::Tone;
use crate::ui::undo::Undo;

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
    /// The alert that it tells of: it says what that says, and goes when that is over.
    pub(super) alert: Option<u64>,
    /// It tells of a step by keyboard, and the next step's takes its place.
    pub(super) step: bool,
    /// It tells of an undo or a redo, and the next one's takes its place.
    pub(super) turn: bool,
    /// It said something else before, as a countdown does: who listens has heard of it.
    pub(super) heard: bool,
}

/// Where the button of a message leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Look {
    /// A place of ours.
    Place(Target),
    /// A field of such a place.
    Field(Target, egui::Id),
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
        Self { tone, text: text.into(), undo: None, look: None, alert: None, step: false, turn: false, heard: false }
    }
}

impl Toast {
    /// Whether it has a button besides the one that closes it.
    fn has_button(&self) -> bool {
        self.undo.is_some() || self.look.is_some()
    }

    /// Whether it leads to nothing of the profile in which it was said.
    fn outlives_the_profile(&self) -> bool {
        let leads_there = matches!(self.look, Some((_, Look::Place(_) | Look::Field(..)))) || self.alert.is_some();
        !leads_there && self.undo.as_ref().is_none_or(Undo::outlives_the_profile)
    }

    /// How long it stays, in seconds.
    fn seconds(&self) -> f64 {
        if self.has_button() { SECONDS_TO_UNDO } else { SECONDS }
    }
}

/// The messages on screen.
#[derive(Default)]
pub(super) struct Toasts {
    /// Oldest first, each with the time of its end; `None`: not seen yet.
    list: Vec<(Toast, Option<f64>)>,
    /// How high the strip was in the frame before; 0: there was none.
    height: f32,
    /// By how much the page is still to be scrolled, so that the strip hides nothing the person works on.
    lift: f32,
}

impl Toasts {
    /// Forgets everything: times of one window mean nothing in another.
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    /// Lets go of those that belong to a profile that was left.
    pub(super) fn begin_anew(&mut self) {
        self.list.retain(|(toast, _)| toast.outlives_the_profile());
    }

    /// Says something for a few seconds.
    pub(super) fn add(&mut self, ctx: &egui::Context, toast: Toast) {
        if toast.undo == Some(Undo::Tried) {
            // The draft keeps only what was taken out of it last.
            self.list.retain(|(earlier, _)| earlier.undo != toast.undo);
        }
        self.list.push((toast, None));
        if self.list.len() > SHOWN {
            self.list.remove(0);
        }
        ctx.request_repaint();
    }

    /// Something newer was applied: what was applied before is not taken back from its message any more.
    pub(super) fn settle_applied(&mut self) {
        for (toast, _) in &mut self.list {
            toast.undo.take_if(|undo| matches!(undo, Undo::Applied(..)));
        }
    }

    /// Says what an undo or a redo came to, in place of what the one before did.
    pub(super) fn turn(&mut self, ctx: &egui::Context, toast: Toast) {
        self.list.retain(|(earlier, _)| !earlier.turn);
        self.add(ctx, Toast { turn: true, ..toast });
    }

    /// What this would have taken back was taken back otherwise: the message that offered it goes.
    pub(super) fn settle(&mut self, taken: &Undo) {
        self.list.retain(|(toast, _)| toast.undo.as_ref() != Some(taken));
    }

    /// Says what a step by keyboard came to, in place of what the one before did.
    pub(super) fn step(&mut self, ctx: &egui::Context, text: String) {
        self.list.retain(|(toast, _)| !toast.step);
        self.add(ctx, Toast { step: true, ..Toast::new(Tone::Info, text) });
    }

    /// Says of test requests that were answered what came of them, with the way to the Why; not of one that `opened` is: the
    /// person sees it then.
    pub(super) fn tell_tests(&mut self, ctx: &egui::Context, notices: &[Notice], opened: Option<&Target>) {
        for notice in notices {
            let NoticeBody::TestSent { request, status } = notice.body else { continue };
            let target = Target::Request(request);
            let (tone, text) = match status {
                200 => (Tone::Ok, "Test request answered".to_owned()),
                status => (Tone::Error, format!("Test request got status {status}")),
            };
            if opened != Some(&target) {
                self.add(ctx, Toast { look: Some(("Why", Look::Place(target))), ..Toast::new(tone, text) });
            } else if status != 200 {
                self.add(ctx, Toast::new(tone, text));
            }
        }
    }

    /// Lets messages of alerts say what these say by now; what is over and has no last word goes.
    pub(super) fn follow(&mut self, alerts: &[Alert]) {
        let of = |id: u64| alerts.iter().rev().find(|alert| alert.id == id);
        self.list.retain_mut(|(toast, _)| {
            let Some(alert) = toast.alert.and_then(of) else { return true };
            toast.heard |= toast.text != alert.text;
            toast.text.clone_from(&alert.text);
            if alert.over {
                toast.heard = false;
                (toast.tone, toast.look, toast.alert) = (Tone::Ok, None, None);
            }
            !alert.over || alert.kind.tells_its_end()
        });
    }

    /// By how much the page is to be scrolled for the strip; told once.
    pub(super) fn take_lift(&mut self) -> f32 {
        std::mem::take(&mut self.lift)
    }

    /// How high the strip is below the page; 0: there is none.
    pub(super) fn height(&self) -> f32 {
        self.height
    }

    #[cfg(test)]
    pub(super) fn heard(&self) -> impl Iterator<Item = bool> {
        self.list.iter().map(|(toast, _)| toast.heard)
    }

    #[cfg(test)]
    pub(super) fn ends(&self) -> impl Iterator<Item = f64> {
        self.list.iter().filter_map(|(_, until)| *until)
    }

    /// Lets go of those whose time is over and asks for a frame when the next one's is.
    fn pass(&mut self, ctx: &egui::Context) {
        let now = ctx.input(|input| input.time);
        for (toast, until) in &mut self.list {
            until.get_or_insert(now + toast.seconds());
        }
        self.list.retain(|(_, until)| until.is_none_or(|until| until > now));
        let ends = self.list.iter().filter_map(|(_, until)| *until);
        if let Some(next) = ends.map(|until| until - now).reduce(f64::min) {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(next.clamp(0.0, SECONDS_TO_UNDO)));
        }
    }
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
        // The page that asked shows what came; of a test request it is told where its Why did not open.
        NoticeBody::TokenMade { .. }
        | NoticeBody::Exporting { .. }
        | NoticeBody::Rung { .. }
        | NoticeBody::StopAsked
        | NoticeBody::NotePressed { .. }
        | NoticeBody::TestSent { .. } => None,
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
