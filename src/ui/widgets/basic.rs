//! Labels, chips, buttons and frames.
//!
//! Invariant: a button that shows only a glyph has a name and a tooltip.
//! Absent on purpose: layout of pages.

use egui::{CornerRadius, Frame, Margin, Response, RichText, Role, Stroke, Ui, WidgetInfo};
use egui_material_icons::MaterialIcon;

use crate::ui::theme::{self, Theme, Tone, gap};

/// A page's title with a sentence below it, in a low window beside it as far as it goes; it may be empty.
pub fn page_title(ui: &mut Ui, theme: &Theme, title: &str, sentence: &str) {
    let heading = theme::title(title).color(theme.text);
    let sentence = RichText::new(sentence).color(theme.text_faint);
    if theme::is_low(ui.ctx()) {
        ui.horizontal(|ui| {
            ui.label(heading);
            ui.add(egui::Label::new(sentence.small()).truncate());
        });
    } else {
        ui.label(heading);
        ui.add_space(-gap::S);
        ui.label(sentence);
    }
    ui.add_space(gap::S);
}

/// A card: a framed surface as wide as what is left.
pub fn card<R>(ui: &mut Ui, theme: &Theme, contents: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .fill(theme.card)
        .stroke(Stroke::new(1.0, theme.edge))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            // Columns justify what is in them, which spreads words.
            ui.with_layout(egui::Layout::top_down(egui::Align::Min), contents).inner
        })
        .inner
}

/// Marks a card that is in hand, and says whether the person took it in hand in this frame.
#[must_use]
pub fn in_hand(ui: &Ui, theme: &Theme, card: &Response, held: bool) -> bool {
    if held {
        ui.painter().rect_stroke(card.rect, 10, Stroke::new(1.0, theme.accent), egui::StrokeKind::Inside);
    }
    !held && card.contains_pointer() && ui.input(|input| input.pointer.primary_pressed())
}

/// A card with a heading.
pub fn section<R>(ui: &mut Ui, theme: &Theme, heading: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    card(ui, theme, |ui| {
        ui.label(theme::strong(heading).color(theme.text));
        contents(ui)
    })
}

/// A word on a faint wash of its tone.
pub fn chip(ui: &mut Ui, theme: &Theme, tone: Tone, text: &str) -> Response {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::small_font(), theme.tone(tone));
    let (rect, response) = ui.allocate_exact_size(galley.size() + egui::vec2(16.0, 4.0), egui::Sense::hover());
    named(&response, Role::Label, text);
    ui.painter().rect_filled(rect, 9, theme.wash(tone));
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, theme.tone(tone));
    response
}

/// Glyph, word and colour of a state.
pub fn status_label(ui: &mut Ui, theme: &Theme, tone: Tone, word: &str) -> Response {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = gap::S;
        glyph(ui, tone.icon(), theme.tone(tone));
        ui.add(egui::Label::new(RichText::new(word).color(theme.tone(tone))).truncate())
    })
    .inner
}

/// A glyph beside a word that says the same; silent for screen readers.
fn glyph(ui: &mut Ui, icon: MaterialIcon, color: egui::Color32) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(15.0, 16.0), egui::Sense::hover());
    let font = egui::FontId::new(15.0, icon.font_family());
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon.codepoint, font, color);
}

/// The one button that matters most in its place.
pub fn primary_button(ui: &mut Ui, theme: &Theme, text: &str) -> Response {
    let label = theme::strong(text).color(theme.on_accent);
    ui.add(egui::Button::new(label).fill(theme.accent).stroke(Stroke::NONE))
}

/// The same in a sheet that asks something: it has the keyboard until the person moves on, so that Enter answers.
pub fn answer_button(ui: &mut Ui, theme: &Theme, text: &str) -> Response {
    let response = primary_button(ui, theme, text);
    // What had it below the sheet would hear Enter otherwise.
    let layer = |id| ui.ctx().read_response(id).map(|focused| focused.layer_id);
    let focused = ui.memory(egui::Memory::focused).and_then(layer);
    let in_sheet = focused.is_some_and(|layer| ui.memory(|memory| memory.is_above_modal_layer(layer)));
    if response.enabled() && !in_sheet {
        response.request_focus();
    }
    response
}

/// A button without a surface, for actions of lesser rank.
pub fn quiet_button(ui: &mut Ui, theme: &Theme, text: &str) -> Response {
    ui.add(egui::Button::new(RichText::new(text).color(theme.accent)).frame(false))
}

/// A button that shows a glyph; `name` is its accessible name and tooltip.
pub fn icon_button(ui: &mut Ui, theme: &Theme, icon: MaterialIcon, name: &str) -> Response {
    icon_button_saying(ui, theme, icon, name, name)
}

/// The same with a tooltip that says more than the name. One that is added to a button would stand below the first.
pub fn icon_button_saying(ui: &mut Ui, theme: &Theme, icon: MaterialIcon, name: &str, says: &str) -> Response {
    let glyph = icon.rich_text().size(17.0).color(theme.text_soft);
    let button = egui::Button::new(glyph).frame_when_inactive(false).min_size(egui::vec2(28.0, 26.0));
    // Not in a scope of its own, which would not wrap within a row.
    let padding = ui.spacing().button_padding.x;
    ui.spacing_mut().button_padding.x = 5.0;
    let response = ui.add(button);
    ui.spacing_mut().button_padding.x = padding;
    named(&response, Role::Button, name);
    response.on_hover_text(says)
}

/// Points that a button with a glyph and a word takes at least, so that a short word changes for another in its place.
const WORD: f32 = 96.0;

/// A button with a glyph and a word; `name` is its accessible name where the word alone would not do.
pub fn icon_text_button(ui: &mut Ui, theme: &Theme, icon: MaterialIcon, word: &str, name: &str) -> Response {
    let glyph = icon.rich_text().size(16.0).color(theme.text_soft);
    let response = ui.add(egui::Button::new((glyph, word.to_owned())).min_size(egui::vec2(WORD, 0.0)));
    named(&response, Role::Button, name);
    response
}

/// A caption with a value below each other. In a row that wraps it goes to the next one whole.
pub fn fact(ui: &mut Ui, theme: &Theme, caption: &str, value: &str) {
    let measure = |text: &str, font| ui.painter().layout_no_wrap(text.to_owned(), font, theme.text).size();
    let (above, below) = (measure(caption, theme::small_font()), measure(value, theme::mono_font()));
    let size = egui::vec2(above.x.max(below.x).ceil(), above.y + 2.0 + below.y);
    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
        let caption_label = ui.label(RichText::new(caption).small().color(theme.text_faint));
        crate::ui::glossary::of_heading(caption).map(|says| caption_label.on_hover_text(says));
        ui.label(theme::mono(value).color(theme.text));
    });
}

/// A box to tick.
pub fn checkbox(ui: &mut Ui, on: &mut bool, words: &str) -> Response {
    outlined(ui, |ui| ui.checkbox(on, words))
}

/// One of several to choose from.
pub fn radio(ui: &mut Ui, on: bool, words: &str) -> Response {
    outlined(ui, |ui| ui.radio(on, words))
}

/// One of several to choose from, which is put into `value` when it is chosen.
pub fn radio_value<T: PartialEq>(ui: &mut Ui, value: &mut T, choice: T, words: &str) -> Response {
    outlined(ui, |ui| ui.radio_value(value, choice, words))
}

/// Draws what is known by its outline alone, such as an empty box, with one that can be seen. Not in a scope of its own,
/// which would not wrap within a row.
pub fn outlined<R>(ui: &mut Ui, draw: impl FnOnce(&mut Ui) -> R) -> R {
    let outline = Theme::of(ui.ctx()).outline;
    let stroke = &mut ui.visuals_mut().widgets.inactive.bg_stroke;
    // In menus it has no width.
    let seen = Stroke::new(stroke.width.max(1.0), outline);
    let before = std::mem::replace(stroke, seen);
    let drawn = draw(ui);
    ui.visuals_mut().widgets.inactive.bg_stroke = before;
    drawn
}

/// A line of small, soft text.
pub fn note(ui: &mut Ui, theme: &Theme, text: &str) -> Response {
    ui.label(RichText::new(text).small().color(theme.text_faint))
}

/// Gives a response its role and accessible name.
pub(super) fn named(response: &Response, role: Role, name: &str) {
    let enabled = response.enabled();
    response.widget_info(|| WidgetInfo::labeled(role, enabled, name));
}
