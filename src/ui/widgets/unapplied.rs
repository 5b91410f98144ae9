//! The mark of a value that is edited and does not run yet.
//!
//! Invariant: a dot never stands alone: those who point at it and those who hear it are told what runs instead.
//! Absent on purpose: comparing values; the caller knows what runs.

use egui::{Response, Ui, vec2};

use crate::ui::theme::{Theme, Tone};

/// Puts a dot into the field's corner if something else runs, with what that is; `None`: the value runs as it is.
#[must_use]
pub fn unapplied(ui: &Ui, theme: &Theme, field: Response, runs: Option<String>) -> Response {
    let Some(runs) = runs else { return field };
    let runs = format!("applied: {runs}");
    ui.painter().circle_filled(field.rect.left_top() + vec2(5.0, 5.0), 3.0, theme.tone(Tone::Info));
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_description(runs.clone()));
    field.on_hover_text(runs)
}

/// What a box that is ticked or not says of itself.
#[must_use]
pub const fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};

    use super::*;
    use crate::ui::theme;

    #[test]
    fn what_does_not_run_yet_says_what_runs() {
        for (runs, said) in [(Some("off".to_owned()), Some("applied: off".to_owned())), (None, None)] {
            let mut harness = Harness::builder().with_context_setup(theme::install).build_ui(move |ui| {
                let field = ui.button("Pinned");
                drop(unapplied(ui, Theme::of(ui.ctx()), field, runs.clone()));
            });
            harness.run_steps(2);
            assert_eq!(harness.get_by_label("Pinned").accesskit_node().description(), said);
        }
    }
}
