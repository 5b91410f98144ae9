//! The rule of the line in words, and its editor.
//!
//! Invariant: the words come from the draft, so that an edit is read back at once; it runs when the draft is applied.
//! Absent on purpose: who may hold how much of the line; fairness between callers is not a setting.

use egui::{RichText, Ui};

use crate::model::config::Queue;
use crate::model::units::Grouped;
use crate::ui::cx::PageCx;
use crate::ui::theme::{Tone, gap};
use crate::ui::widgets::{AmountChange, AmountEdit, quiet_button};

/// `Hold up to 2,000 requests for at most 60 s; …`
pub(super) fn words(queue: &Queue) -> String {
    if queue.max_wait_seconds == 0 || queue.max_waiting == 0 {
        return "Hold nothing: a request that does not fit at once is refused.".to_owned();
    }
    format!(
        "Hold up to {} requests for at most {} s; interactive before normal before bulk, callers in turn by tokens. Bulk gets at \
         least {} % of the tokens while it wants them.",
        Grouped(queue.max_waiting.into()),
        queue.max_wait_seconds,
        queue.bulk_share_percent
    )
}

/// Shows the rule, and its fields while they are edited.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, editing: &mut bool) {
    let theme = cx.theme;
    let queue = cx.draft.working().queue.clone();
    let changed = cx.draft.base().queue != queue;
    ui.horizontal_wrapped(|ui| {
        let color = if changed { theme.tone(Tone::Info) } else { theme.text_soft };
        ui.label(RichText::new(words(&queue)).color(color));
        let label = if *editing { "Done" } else { "Edit" };
        if quiet_button(ui, theme, label).on_hover_text("Edit the rule of the line in the draft").clicked() {
            *editing = !*editing;
        }
    });
    if *editing {
        fields(ui, cx, &queue);
    }
}

/// A number of the rule: its name, its unit, its most, and where it stands.
type Figure = (&'static str, &'static str, u32, fn(&mut Queue) -> &mut u32);

const FIGURES: [Figure; 3] = [
    ("Requests held at most", "", 100_000, |queue| &mut queue.max_waiting),
    ("Longest wait", "s", 3_600, |queue| &mut queue.max_wait_seconds),
    ("Bulk's share at least", "%", Queue::LARGEST_BULK_SHARE, |queue| &mut queue.bulk_share_percent),
];

fn fields(ui: &mut Ui, cx: &mut PageCx, queue: &Queue) {
    let mut applied = cx.draft.base().queue.clone();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::M;
        for (name, unit, most, of) in FIGURES {
            let mut edited = queue.clone();
            let figure = of(&mut edited);
            ui.label(RichText::new(name).color(cx.theme.text_soft));
            let runs = *of(&mut applied);
            let field = AmountEdit::new(name, Some((*figure).into()), Some(runs.into()))
                .unit(unit)
                .at_most(most.into())
                .width(64.0);
            if let Some(AmountChange::Set(amount)) = field.show(ui, cx.theme) {
                *figure = u32::try_from(amount).unwrap_or(most).min(most);
                let what = format!("change the line: {}", name.to_lowercase());
                cx.draft.edit(what, |config| config.queue = edited.clone());
            }
            ui.add_space(gap::M);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_said_with_its_numbers() {
        let words = words(&Queue::default());
        assert!(words.starts_with("Hold up to 2,000 requests for at most 60 s; interactive before normal"), "{words}");
        let none = Queue { max_wait_seconds: 0, ..Queue::default() };
        assert_eq!(super::words(&none), "Hold nothing: a request that does not fit at once is refused.");
    }
}
