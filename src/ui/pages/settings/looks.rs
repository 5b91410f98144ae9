//! Looks, the close button and notifications: what the person prefers of this window.
//!
//! Invariant: a change acts at once and is kept.
//! Absent on purpose: colours.

use egui::{ComboBox, Ui};

use super::usual;
use crate::model::preferences::{
    LogLevel, OnClose, POOL_FULL_PERCENTS, Palette, Preferences, QuietHours, TEXT_SIZES, ThemeChoice, Thousands,
};
use crate::ui::alerts::Kind;
use crate::ui::cx::PageCx;
use crate::ui::theme::Tone;
use crate::ui::widgets::{checkbox, radio};

const THEMES: [(ThemeChoice, &str); 3] =
    [(ThemeChoice::System, "As the desktop"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")];
const CLOSING: [(OnClose, &str); 3] = [
    (OnClose::Ask, "Ask each time"),
    (OnClose::KeepServing, "Keep serving in the background"),
    (OnClose::Quit, "Stop and quit"),
];

const THOUSANDS: [(Thousands, &str); 4] = [
    (Thousands::Comma, "240,000"),
    (Thousands::Space, "240\u{a0}000"),
    (Thousands::Apostrophe, "240'000"),
    (Thousands::Nothing, "240000"),
];

const LEVELS: [(Option<LogLevel>, &str); 5] = [
    (None, "As at launch"),
    (Some(LogLevel::Error), "Errors"),
    (Some(LogLevel::Warn), "Warnings"),
    (Some(LogLevel::Info), "What is done"),
    (Some(LogLevel::Debug), "Everything, for finding a fault"),
];

const PALETTES: [(Palette, &str); 3] =
    [(Palette::Tidegate, "Tidegate"), (Palette::BlueOrange, "Blue and orange"), (Palette::Grey, "Grey")];
const STATES: [(Tone, &str); 4] =
    [(Tone::Ok, "healthy"), (Tone::Near, "near limit"), (Tone::Throttled, "throttled"), (Tone::Error, "failed")];
const FULL: [(u8, &str); 3] = [
    (POOL_FULL_PERCENTS[0], "From 75 %"),
    (POOL_FULL_PERCENTS[1], "From 90 %"),
    (POOL_FULL_PERCENTS[2], "Only when full"),
];

/// Shows the control of one setting.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, slug: &str) {
    match slug {
        "theme" => one_of(ui, cx, "Theme mode", &THEMES, |liked| &mut liked.theme),
        "palette" => palette(ui, cx),
        "contrast" => switch(ui, cx, "High contrast", |liked| &mut liked.high_contrast),
        "text" => text(ui, cx),
        "density" => switch(ui, cx, "Compact", |liked| &mut liked.compact),
        "numbers" => one_of(ui, cx, "Thousands in numbers", &THOUSANDS, |liked| &mut liked.thousands),
        "time" => switch(ui, cx, "Twelve hours", |liked| &mut liked.twelve_hours),
        "motion" => switch(ui, cx, "Reduce motion", |liked| &mut liked.reduced_motion),
        "close" => one_of(ui, cx, "The close button", &CLOSING, |liked| &mut liked.on_close),
        "desktop" => switch(ui, cx, "Notify on the desktop", |liked| &mut liked.desktop_notifications),
        "quiet" => quiet_hours(ui, cx),
        "full" => one_of(ui, cx, "Pools that fill up", &FULL, |liked| &mut liked.pool_full_percent),
        "log" => one_of(ui, cx, "Log level", &LEVELS, |liked| &mut liked.log),
        _ => events(ui, cx),
    }
}

/// Each palette with its states and lines.
fn palette(ui: &mut Ui, cx: &mut PageCx) {
    for (choice, name) in PALETTES {
        ui.horizontal_wrapped(|ui| {
            if radio(ui, cx.preferences.palette == choice, name).clicked() {
                cx.preferences.palette = choice;
            }
            let theme = cx.theme.in_palette(choice);
            for (tone, word) in STATES {
                ui.label(tone.icon().rich_text().color(theme.tone(tone)));
                ui.label(egui::RichText::new(word).small().color(theme.tone(tone)));
            }
            for slot in 0..6 {
                let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 12.0), egui::Sense::hover());
                let line = egui::Stroke::new(3.0, theme.series(slot).color);
                ui.painter().hline(rect.x_range(), rect.center().y, line);
            }
        });
    }
    let is_usual = cx.preferences.palette == Palette::Tidegate;
    if usual(ui, cx, "Palette", is_usual, "Tidegate") {
        cx.preferences.palette = Palette::Tidegate;
    }
}

fn quiet_hours(ui: &mut Ui, cx: &mut PageCx) {
    ui.horizontal_wrapped(|ui| {
        let mut quiet = cx.preferences.quiet_hours.is_some();
        if checkbox(ui, &mut quiet, "Quiet on the desktop").changed() {
            cx.preferences.quiet_hours = quiet.then_some(QuietHours::USUAL);
        }
        if let Some(hours) = &mut cx.preferences.quiet_hours {
            hour(ui, "from", "Quiet from this hour", &mut hours.from);
            hour(ui, "to", "Quiet up to this hour", &mut hours.to);
        }
        let none = cx.preferences.quiet_hours.is_none();
        if usual(ui, cx, "Quiet hours", none, "none") {
            cx.preferences.quiet_hours = None;
        }
    });
}

fn hour(ui: &mut Ui, word: &str, name: &str, value: &mut u8) {
    ui.label(word);
    let field = ui.add(egui::DragValue::new(value).range(0..=23).suffix(":00"));
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_label(name));
}

fn one_of<T: Copy + PartialEq>(
    ui: &mut Ui,
    cx: &mut PageCx,
    name: &str,
    choices: &[(T, &str)],
    field: fn(&mut Preferences) -> &mut T,
) {
    let mut defaults = Preferences::default();
    let usually = *field(&mut defaults);
    let words = |value: T| choices.iter().find(|(choice, _)| *choice == value).map_or("", |(_, word)| *word);
    ui.horizontal_wrapped(|ui| {
        for (choice, word) in choices {
            if radio(ui, *field(cx.preferences) == *choice, word).clicked() {
                *field(cx.preferences) = *choice;
            }
        }
        let is_usual = *field(cx.preferences) == usually;
        if usual(ui, cx, name, is_usual, words(usually)) {
            *field(cx.preferences) = usually;
        }
    });
}

fn switch(ui: &mut Ui, cx: &mut PageCx, name: &str, field: fn(&mut Preferences) -> &mut bool) {
    let usually = *field(&mut Preferences::default());
    ui.horizontal_wrapped(|ui| {
        checkbox(ui, field(cx.preferences), name);
        let is_usual = *field(cx.preferences) == usually;
        if usual(ui, cx, name, is_usual, if usually { "on" } else { "off" }) {
            *field(cx.preferences) = usually;
        }
    });
}

fn text(ui: &mut Ui, cx: &mut PageCx) {
    ui.horizontal_wrapped(|ui| {
        let now = cx.preferences.text_percent;
        let shown = ComboBox::from_id_salt("text size").selected_text(format!("{now} %")).show_ui(ui, |ui| {
            for size in TEXT_SIZES {
                ui.selectable_value(&mut cx.preferences.text_percent, size, format!("{size} %"));
            }
        });
        ui.ctx().accesskit_node_builder(shown.response.id, |node| node.set_label("Text size in percent"));
        if usual(ui, cx, "Text size", now == 100, "100 %") {
            cx.preferences.text_percent = 100;
        }
    });
}

fn events(ui: &mut Ui, cx: &mut PageCx) {
    for kind in Kind::ALL {
        let mut told = !cx.preferences.muted.contains(kind.slug());
        if checkbox(ui, &mut told, kind.name()).changed() {
            if told {
                cx.preferences.muted.remove(kind.slug());
            } else {
                cx.preferences.muted.insert(kind.slug().to_owned());
            }
        }
    }
    let none = cx.preferences.muted.is_empty();
    if usual(ui, cx, "What is told", none, "all of them") {
        cx.preferences.muted.clear();
    }
}
