//! Who waits in line, with the two things a person can do about it.
//!
//! Invariant: shown only while somebody waits; rows stand in the order of service.
//! Absent on purpose: more than a handful; how many others wait is said below.

use std::sync::Arc;

use egui::{Grid, Ui};

use crate::contract::{Command, LineCommand};
use crate::model::status::WaitingView;
use crate::model::units::{Grouped, Timestamp};
use crate::ui::cx::PageCx;
use crate::ui::format::countdown;
use crate::ui::theme::{self, gap};
use crate::ui::widgets::{note, quiet_button, section};
use crate::ui::words::priority;

/// As many rows are shown.
const ROWS: usize = 6;

/// Shows those who wait, if anyone does.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let view = Arc::clone(&cx.snapshot.view);
    let (list, now, theme) = (&view.queue.list, view.at, cx.theme);
    if list.is_empty() {
        return;
    }
    section(ui, theme, "Waiting", |ui| {
        Grid::new("waiting").num_columns(6).spacing([gap::L, gap::S]).show(ui, |ui| {
            for one in list.iter().take(ROWS) {
                row(ui, cx, one, now);
                ui.end_row();
            }
        });
        let more = u64::from(view.queue.waiting).saturating_sub(list.len().min(ROWS) as u64);
        if more > 0 {
            note(ui, theme, &format!("and {} more", Grouped(more)));
        }
    });
}

fn row(ui: &mut Ui, cx: &mut PageCx, one: &WaitingView, now: Timestamp) {
    let theme = cx.theme;
    let (id, place) = (one.request, one.position);
    ui.label(theme::mono(format!("{place}. {id}")).color(theme.text));
    ui.label(one.route.as_str());
    ui.label(match &one.caller {
        Some(caller) => format!("{} · {caller}", priority(one.priority)),
        None => priority(one.priority).to_owned(),
    });
    ui.label(format!("{} tokens", Grouped(one.charge)));
    ui.label(expectation(one.expected, now))
        .on_hover_text(one.deadline.map_or_else(String::new, |at| format!("given up in {}", countdown(at, now))));
    ui.horizontal(|ui| {
        let first = place == 1;
        if !first && quiet_button(ui, theme, "Next").on_hover_text(format!("Put {id} first in its line")).clicked() {
            cx.send(Command::Line(LineCommand::Promote(id)));
        }
        let tip = format!("Answer {id} with an error instead of letting it wait");
        if quiet_button(ui, theme, "Cancel").on_hover_text(tip).clicked() {
            cx.send(Command::Line(LineCommand::Cancel(id)));
        }
    });
}

/// When a request is expected to go.
fn expectation(expected: Option<Timestamp>, now: Timestamp) -> String {
    match expected {
        Some(at) if at <= now => "goes any moment".to_owned(),
        Some(at) => format!("goes in {}", countdown(at, now)),
        None => "not in time as things stand".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_due_is_not_counted_down() {
        let now = Timestamp::from_secs(100);
        let words = [Some(now), Some(Timestamp::from_secs(112)), None].map(|at| expectation(at, now));
        assert_eq!(words, ["goes any moment", "goes in 0:12", "not in time as things stand"]);
    }
}
