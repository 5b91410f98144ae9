//! Short messages that go away by themselves.
//!
//! Invariant: at most four at once; each stays for six seconds of frames or until it is clicked.
//! Absent on purpose: a history.

use egui::{Align2, Area, Frame, Margin, Order, Stroke};

use crate::contract::NoticeBody;
use crate::contract::snapshot::Problem;
use crate::model::check::Severity;
use crate::ui::theme::{Theme, Tone};
use crate::ui::widgets::status_label;

const SHOWN: usize = 4;
const SECONDS: f64 = 6.0;

struct Toast {
    tone: Tone,
    text: String,
    until: f64,
}

/// The messages on screen.
#[derive(Default)]
pub(super) struct Toasts {
    list: Vec<Toast>,
}

impl Toasts {
    /// Says something for a few seconds.
    pub(super) fn add(&mut self, ctx: &egui::Context, tone: Tone, text: String) {
        let until = ctx.input(|input| input.time) + SECONDS;
        self.list.push(Toast { tone, text, until });
        if self.list.len() > SHOWN {
            self.list.remove(0);
        }
    }

    /// Shows what is still to be shown and asks for a frame when the next one ends.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme) {
        let now = ctx.input(|input| input.time);
        self.list.retain(|toast| toast.until > now);
        let Some(next) = self.list.iter().map(|toast| toast.until - now).reduce(f64::min) else { return };
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(next.clamp(0.0, SECONDS)));
        let area =
            Area::new(egui::Id::unique("toasts")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, [-16.0, -44.0]);
        area.show(ctx, |ui| {
            for toast in &self.list {
                Frame::new()
                    .fill(theme.card)
                    .stroke(Stroke::new(1.0, theme.edge))
                    .corner_radius(8)
                    .shadow(ui.visuals().popup_shadow)
                    .inner_margin(Margin::symmetric(12, 8))
                    .show(ui, |ui| {
                        ui.set_max_width(420.0);
                        status_label(ui, theme, toast.tone, &toast.text);
                    });
            }
        });
    }
}

/// What a notice says, if anything.
pub(super) fn of_notice(body: &NoticeBody) -> Option<(Tone, String)> {
    match body {
        NoticeBody::Done(text) if text.is_empty() => None,
        NoticeBody::Done(text) => Some((Tone::Ok, text.clone())),
        NoticeBody::Applied { revision, .. } => Some((Tone::Ok, format!("Rev {revision} applied"))),
        NoticeBody::Rejected(findings) => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count().max(1);
            let noun = if errors == 1 { "1 problem" } else { "several problems" };
            Some((Tone::Error, format!("Not applied: {noun}. What ran before still runs.")))
        }
        NoticeBody::TestSent { status: 200, .. } => Some((Tone::Ok, "Test request answered".to_owned())),
        NoticeBody::TestSent { status, .. } => Some((Tone::Error, format!("Test request got status {status}"))),
        NoticeBody::Failed(problem) => Some((Tone::Error, words(problem))),
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
