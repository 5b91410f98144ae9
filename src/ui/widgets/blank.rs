//! A number within a sentence, to be edited where it stands.
//!
//! Invariant: it has the name it was given, and says what applies while a draft says otherwise.
//! Absent on purpose: undo steps; whoever owns the number takes the change.

use std::ops::RangeInclusive;

use egui::{DragValue, FontId, Role, Sense, Ui, WidgetInfo, vec2};

use super::unapplied::unapplied;
use crate::model::units::{Grouped, parse_amount};
use crate::ui::theme::{Theme, Tone, size};

/// Between the words of a sentence, in points.
const SPACE: f32 = 4.0;

/// The words of a sentence before a blank or behind it, one by one, so that it wraps between any two. What stands right behind
/// a blank may begin with a comma; `then` are the words that follow, if a blank comes in between.
pub fn sentence_words(ui: &mut Ui, theme: &Theme, text: &str, then: &str) {
    ui.spacing_mut().item_spacing = vec2(SPACE, 2.0);
    let height = ui.spacing().interact_size.y;
    for (place, word) in text.split_whitespace().enumerate() {
        let galley = ui.painter().layout_no_wrap(word.to_owned(), FontId::proportional(size::BODY), theme.text_soft);
        // As high as a blank, so that every row of the sentence has one base line.
        let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x, height), Sense::hover());
        ui.painter().galley(rect.left_center() - vec2(0.0, galley.size().y / 2.0), galley, theme.text_soft);
        if place == 0 {
            // A screen reader says the words in one.
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
        }
    }
    ui.spacing_mut().item_spacing.x = if then.starts_with([',', ';', '.']) { 1.0 } else { SPACE };
}

/// A blank to fill in.
pub struct Blank<'a> {
    name: &'a str,
    value: u32,
    range: RangeInclusive<u32>,
    unit: &'a str,
    hint: &'a str,
    applied: Option<u32>,
}

/// What the person did to it in this frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlankOutput {
    /// The new number.
    pub changed: Option<u32>,
    /// The person let go of it.
    pub done: bool,
}

/// `2,000`.
fn grouped(number: f64) -> String {
    let plain = format!("{number:.0}");
    plain.parse::<u64>().map_or(plain, |number| Grouped(number).to_string())
}

/// As amounts are read everywhere: `2000`, `2,000`, `2k`.
fn read(text: &str) -> Option<f64> {
    parse_amount(text.trim()).and_then(|amount| u32::try_from(amount).ok()).map(f64::from)
}

impl<'a> Blank<'a> {
    /// A blank called `name`, unique on its page, that shows `value`.
    #[must_use]
    pub const fn new(name: &'a str, value: u32, range: RangeInclusive<u32>) -> Self {
        Self { name, value, range, unit: "", hint: "", applied: None }
    }

    /// What stands behind the number, space included.
    #[must_use]
    pub const fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }

    /// What the number does, as a tooltip.
    #[must_use]
    pub const fn hint(mut self, hint: &'a str) -> Self {
        self.hint = hint;
        self
    }

    /// What runs now, if that may be another number.
    #[must_use]
    pub const fn applied(mut self, applied: Option<u32>) -> Self {
        self.applied = applied;
        self
    }

    /// Shows it.
    pub fn show(self, ui: &mut Ui, theme: &Theme) -> BlankOutput {
        let mut value = self.value;
        let applied = self.applied.filter(|applied| *applied != self.value);
        let speed = if *self.range.end() > 1_000 { 10.0 } else { 1.0 };
        // Not in a scope of its own, which would not wrap within a sentence.
        let color = ui.visuals().override_text_color;
        if applied.is_some() {
            ui.visuals_mut().override_text_color = Some(theme.tone(Tone::Info));
        }
        let field = DragValue::new(&mut value).range(self.range.clone()).suffix(self.unit).speed(speed);
        // A number that is half typed is another number, and what it brings up would move the field away.
        let field = field.update_while_editing(false);
        let field = ui.add(field.custom_formatter(|number, _| grouped(number)).custom_parser(read));
        ui.visuals_mut().override_text_color = color;
        ui.ctx().accesskit_node_builder(field.id, |node| node.set_label(self.name));
        let runs = applied.map(|applied| format!("{}{}", Grouped(applied.into()), self.unit));
        let done = field.lost_focus() || field.drag_stopped();
        let field = unapplied(ui, theme, field, runs);
        if !self.hint.is_empty() {
            field.on_hover_text(self.hint);
        }
        BlankOutput { changed: (value != self.value).then_some(value), done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_shows_and_reads_amounts_as_every_field_does() {
        assert_eq!(grouped(2_000.0), "2,000");
        assert_eq!((read("2,000"), read(" 2k "), read("two")), (Some(2_000.0), Some(2_000.0), None));
    }
}
