//! The numbers at a plot's upright axis.
//!
//! Invariant: at least three round numbers stand there whatever the top is, and the highest one says of what they are.
//! Absent on purpose: time, which each plot marks as its reach needs it.

use egui::{TextStyle, Ui};
use egui_plot::GridMark;

use super::{as_float, from_float};
use crate::model::units::Short;

/// Points that every axis takes, so that none grows with what it says.
pub const WIDTH: f32 = 66.0;

/// Has the axes of what is drawn next in `ui` say their numbers in small type.
pub fn write_small(ui: &mut Ui) {
    let small = ui.style().text_styles.get(&TextStyle::Small).cloned();
    ui.style_mut().text_styles.extend(small.map(|font| (TextStyle::Body, font)));
}

/// Three to five round numbers from zero up to `top`, few enough for the lowest plot.
#[must_use]
pub fn levels(top: f64) -> Vec<GridMark> {
    let (top, step) = (from_float(top.floor()), step(top));
    let mark = |place: u64| GridMark { value: as_float(place.saturating_mul(step)), step_size: as_float(step) };
    (0..=top / step).map(mark).collect()
}

fn step(top: f64) -> u64 {
    let top = from_float(top.floor());
    let rounds = (0..18).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    rounds.into_iter().find(|step| top / step < 5).unwrap_or(u64::MAX)
}

/// A number at the axis; the highest with its unit.
#[must_use]
pub fn label(mark: GridMark, top: f64, unit: &str) -> String {
    let short = Short(from_float(mark.value));
    if mark.value + as_float(step(top)) > top { format!("{short} {unit}") } else { short.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_top_has_three_to_five_round_numbers_and_the_highest_has_the_unit() {
        for top in [10.0, 11.0, 24.9, 99.0, 115.5, 216.0, 720_000.0, 792_000.0, 4_999_999.0] {
            let marks = levels(top);
            assert!((3..=5).contains(&marks.len()), "{} up to {top}", marks.len());
            assert!(marks.iter().all(|mark| mark.value <= top));
            let said: Vec<String> = marks.iter().map(|mark| label(*mark, top, "TPM")).collect();
            let with_unit: Vec<bool> = said.iter().map(|words| words.ends_with(" TPM")).collect();
            assert!(with_unit.iter().rev().skip(1).all(|unit| !unit) && with_unit.ends_with(&[true]), "{said:?}");
        }
        let said: Vec<String> = levels(115.5).iter().map(|mark| label(*mark, 115.5, "RPM")).collect();
        assert_eq!(said, ["0", "50", "100 RPM"]);
    }
}
