//! Text made to fit: names cut in the middle, since endpoints of one kind differ at their ends, and facts in a row told as far as
//! there is room.
//!
//! Invariant: what fits is left as it is; what is cut keeps as much of its beginning as of its end, and no fact is told in part.
//! Absent on purpose: saying the whole name; whoever draws the cut one does, on hover and to screen readers.

use egui::{Color32, FontId, Ui};

/// `text` as it fits into `room` points of `font`, with an ellipsis for what is left out of its middle.
#[must_use]
pub fn middle(ui: &Ui, text: &str, font: &FontId, room: f32) -> String {
    let width = |text: &str| text_width(ui, text, font);
    if width(text) <= room {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    let cut = |kept: usize| {
        let begin = kept.div_ceil(2);
        let end = letters.len().saturating_sub(kept - begin);
        letters.iter().take(begin).chain(&['…']).chain(letters.iter().skip(end)).collect::<String>()
    };
    // The most letters that fit, by halving.
    let (mut fits, mut over) = (2, letters.len().max(3));
    while over - fits > 1 {
        let kept = usize::midpoint(fits, over);
        if width(&cut(kept)) <= room { fits = kept } else { over = kept }
    }
    cut(fits)
}

/// As many of the facts in `text`, which stand between dots, as fit into `room` points of `font`: the first one always.
#[must_use]
pub fn facts<'t>(ui: &Ui, text: &'t str, font: &FontId, room: f32) -> &'t str {
    let mut told = text;
    while let Some((before, _)) = told.rsplit_once(" · ")
        && text_width(ui, told, font) > room
    {
        told = before;
    }
    told
}

/// How wide a text of one line is, in points of `font`.
#[must_use]
pub fn text_width(ui: &Ui, text: &str, font: &FontId) -> f32 {
    ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::PLACEHOLDER).size().x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme;

    #[test]
    fn facts_in_a_row_are_told_whole_or_not_at_all() {
        let _ = egui_kittest::Harness::builder().with_context_setup(theme::install).build_ui(|ui| {
            let font = theme::mono_font();
            let all = "48.5k / 60k · 83k last min · full in ~6 min";
            let wide = text_width(ui, all, &font);
            assert_eq!(facts(ui, all, &font, wide), all);
            assert_eq!(facts(ui, all, &font, wide - 1.0), "48.5k / 60k · 83k last min");
            assert_eq!(facts(ui, all, &font, 0.0), "48.5k / 60k");
        });
    }

    #[test]
    fn a_long_name_keeps_its_beginning_and_its_end_and_a_short_one_everything() {
        let _ = egui_kittest::Harness::builder().with_context_setup(theme::install).build_ui(|ui| {
            let font = theme::small_font();
            let cut = |text: &str, room| middle(ui, text, &font, room);
            assert_eq!(cut("sim-ptu", 84.0), "sim-ptu");
            let (one, two) = (cut("local-my-gpt4-east-1", 84.0), cut("local-my-gpt4-east-2", 84.0));
            assert!(one.starts_with("local") && one.ends_with("-1") && one.contains('…'), "{one}");
            assert_ne!(one, two, "they are told apart");
            let width = text_width(ui, &one, &font);
            assert!((60.0..=84.0).contains(&width), "{one} is {width} wide");
            assert_eq!(cut("Ölförderungsgebiet-süß", 1.0), "Ö…ß");
            assert_eq!(cut("ab", 1.0), "a…b", "it never ends in less");
        });
    }
}
