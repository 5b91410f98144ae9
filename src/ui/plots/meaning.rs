//! What a plot's figure means, one click beside its heading.
//!
//! Invariant: it is said for each metric as it is counted here, and what the service does otherwise.
//! Absent on purpose: how limits are learned; the Quotas page tells.

use egui::{Popup, Rect, Ui, UiBuilder, pos2, vec2};
use egui_material_icons::icons::ICON_INFO;

use super::{Metric, SWITCH};
use crate::ui::theme::Theme;
use crate::ui::widgets::icon_button;

const TOKENS: &str = "Each point is a sliding sum: the tokens charged in the 60 s before it. A request is charged its prompt and its answer's \
                      allowance (max_tokens) as soon as it is sent, as the services do. They cut their minutes in ways of their own, so \
                      that a 429 can come a little below a limit.";
const REQUESTS: &str = "Each point is a sliding sum: the requests sent in the 60 s before it. Services look at shorter slices besides, of 1 s \
                        or 10 s: 600 a minute are about 10 a second.";
/// A button beside the one for the table that says what is plotted.
pub(super) fn button(ui: &mut Ui, theme: &Theme, metric: Metric, name: &str) {
    let (below, size) = (ui.cursor().top() - ui.spacing().item_spacing.y, vec2(28.0, 24.0));
    let place = Rect::from_min_size(pos2(ui.max_rect().right() - SWITCH - size.x, below - size.y), size);
    let mut child = ui.new_child(UiBuilder::new().max_rect(place));
    let button = icon_button(&mut child, theme, ICON_INFO, &format!("What is plotted: {name}"));
    Popup::menu(&button).id(egui::Id::unique(("meaning of a plot", name))).show(|ui| {
        ui.set_max_width((ui.ctx().content_rect().width() - 48.0).min(340.0));
        ui.label(match metric {
            Metric::Tokens => TOKENS,
            Metric::Requests => REQUESTS,
        });
    });
}
