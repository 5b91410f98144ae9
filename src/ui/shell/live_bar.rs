//! The bar of the draft and of a live session: what is unapplied, what waits to be kept, and the switch between the two.
//!
//! Invariant: while a session waits, its countdown and the three answers to it are on every page, and the bar keeps its
//! height when one content follows the other.
//! Absent on purpose: the countdown's own clock; the background keeps it.

use egui::{Align, Layout, RichText, Ui};

use super::{Wish, bars};
use crate::contract::snapshot::LiveView;
use crate::contract::{Command, LiveCommand, Snapshot};
use crate::model::config::LiveTuning;
use crate::model::units::Grouped;
use crate::ui::actions::{self, Action};
use crate::ui::draft::Draft;
use crate::ui::format::countdown;
use crate::ui::live::Tuning;
use crate::ui::theme::{self, Theme, Tone};
use crate::ui::widgets::{checkbox, note, primary_button};

/// Below this width the buttons alone have to ask.
const ROOMY: f32 = 680.0;

/// Whether there is anything to show.
pub(super) fn is_wanted(draft: &Draft, tuning: &Tuning, snapshot: &Snapshot) -> bool {
    draft.is_changed() || tuning.is_on() || snapshot.live.is_some()
}

/// Shows the bar.
pub(super) fn show(
    ui: &mut Ui,
    theme: &Theme,
    (draft, tuning): (&Draft, &Tuning),
    snapshot: &Snapshot,
    wanted: &mut Vec<Wish>,
) {
    let narrow = ui.available_width() < bars::NARROW_DRAFT;
    ui.horizontal(|ui| {
        ui.set_min_height(ui.spacing().interact_size.y);
        if let Some(live) = &snapshot.live {
            session(ui, theme, live, snapshot, wanted);
        }
        if draft.is_changed() && (snapshot.live.is_none() || !tuning.is_on() || draft.blocking().next().is_some()) {
            bars::draft(ui, theme, draft, wanted);
        } else if snapshot.live.is_none() {
            let words = if narrow {
                "Edits are tried as you make them."
            } else {
                "Edits run as soon as you pause, and go back unless you keep them."
            };
            ui.label(RichText::new(words).color(theme.text));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut on = tuning.is_on();
            let switch = checkbox(ui, &mut on, if narrow { "" } else { "Live tuning" });
            ui.ctx().accesskit_node_builder(switch.id, |node| node.set_label("Live tuning"));
            if switch.on_hover_text(actions::tooltip(ui.ctx(), Action::LiveTuning)).clicked() {
                wanted.push(Wish::Act(Action::LiveTuning));
            }
        });
    });
}

fn session(ui: &mut Ui, theme: &Theme, live: &LiveView, snapshot: &Snapshot, wanted: &mut Vec<Wish>) {
    ui.label(Tone::Throttled.icon().rich_text().size(15.0).color(theme.tone(Tone::Throttled)));
    if ui.available_width() > ROOMY {
        ui.label(theme::strong("Keep these limits?").color(theme.text));
    }
    ui.label(theme::mono(format!("Reverting in {}", countdown(live.until, snapshot.at))).color(theme.text));
    let back = format!("Go back to rev {}", live.before.revision);
    if primary_button(ui, theme, "Keep").on_hover_text("Write them into the configuration").clicked() {
        wanted.push(Wish::Send(Command::Live(LiveCommand::Keep)));
    }
    if ui.button("Revert now").on_hover_text(back).clicked() {
        wanted.push(Wish::Send(Command::Live(LiveCommand::Revert)));
    }
    let rules = &snapshot.applied.config.live_tuning;
    let more = format!("{} s more", rules.confirm_seconds.max(LiveTuning::LEAST_SECONDS));
    if ui.button(more).on_hover_text("Take longer to decide").clicked() {
        wanted.push(Wish::Send(Command::Live(LiveCommand::Extend)));
    }
    if ui.available_width() > 320.0 {
        let failed = format!("{} of {} requests failed since the last edit", Grouped(live.failed), Grouped(live.ended));
        note(ui, theme, &failed);
    }
}

#[cfg(test)]
#[path = "live_bar_tests.rs"]
mod tests;
