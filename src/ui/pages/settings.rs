//! The Settings page: how Tidegate behaves on this computer.
//!
//! Invariant: each setting shows what is usual and goes back to it alone; what the configuration has goes through the draft, all
//! else acts at once.
//! Absent on purpose: endpoints, routes and quotas; their pages have them.

mod callers;
mod looks;
mod network;
mod outward;
mod places;
mod shortcuts;

use egui::{RichText, Ui};

use crate::ui::actions::Action;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::flash;
use crate::ui::keyless;
use crate::ui::palette;
use crate::ui::rules::{self, usual};
use crate::ui::settings::{self, Part, Setting};
use crate::ui::stored;
use crate::ui::theme::{gap, strong};
use crate::ui::widgets::{note, page_title, section};

/// From this width on there is room for two columns, in points; these parts stand in the left one.
const TWO_COLUMNS: f32 = 1_300.0;
const LEFT: [Part; 4] = [Part::Network, Part::Callers, Part::Requests, Part::Advanced];

/// In how many frames a setting is scrolled to.
const FRAMES: u8 = 3;

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    filter: String,
    /// To be scrolled to, in so many frames: only the second knows how tall everything is.
    wanted: Option<(&'static str, u8)>,
    stored: stored::State,
    shortcuts: shortcuts::State,
    network: network::State,
    outward: outward::State,
    callers: callers::State,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    match cx.take_target() {
        Some(Target::Setting(slug)) => {
            state.filter.clear();
            state.wanted = Some((slug, FRAMES));
        }
        Some(Target::Top(_)) => state.filter.clear(),
        _ => {}
    }
    page_title(ui, cx.theme, "Settings", "How Tidegate behaves on this computer");
    search(ui, cx, state);
    let passing = |part: &Part| {
        let of_it = |setting: &&Setting| setting.part == *part && matches(setting, &state.filter);
        settings::ALL.iter().any(|setting| of_it(&setting))
    };
    let parts: Vec<Part> = Part::ALL.into_iter().filter(passing).collect();
    if parts.is_empty() {
        ui.label("No setting is called that.");
    } else if ui.available_width() < TWO_COLUMNS || parts.len() == 1 {
        for part in parts {
            one_part(ui, cx, state, part);
        }
    } else {
        let (left, right): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(|part| LEFT.contains(part));
        ui.columns(2, |columns| {
            for (ui, parts) in columns.iter_mut().zip([left, right]) {
                for part in parts {
                    one_part(ui, cx, state, part);
                }
            }
        });
    }
}

/// The settings of a part that pass the filter.
fn one_part(ui: &mut Ui, cx: &mut PageCx, state: &mut State, part: Part) {
    let passing = |setting: &&Setting| setting.part == part && matches(setting, &state.filter);
    let shown: Vec<&Setting> = settings::ALL.iter().filter(passing).collect();
    section(ui, cx.theme, part.name(), |ui| {
        for setting in shown {
            one(ui, cx, state, setting);
        }
    });
    if part == Part::Data {
        stored::show(ui, cx, &mut state.stored);
    }
}

fn search(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        let name = ui.label(RichText::new("Find a setting").color(cx.theme.text_soft));
        let field = ui.scope(|ui| {
            ui.set_max_width(ui.available_width().clamp(120.0, 280.0));
            keyless::edit(ui, cx.theme, ("Find a setting", name.id), "text size, port, close …", &mut state.filter)
        });
        if cx.take(Action::Filter) {
            field.inner.response.request_focus();
        }
        if field.inner.to_accounts {
            cx.go(Page::Accounts);
        }
    });
    ui.add_space(gap::S);
}

fn matches(setting: &Setting, filter: &str) -> bool {
    if setting.slug == "keys" && shortcuts::finds(filter) {
        return true;
    }
    let also = palette::other_words(setting.slug);
    let text = format!("{} {} {} {also}", setting.part.name(), setting.name, setting.hint).to_lowercase();
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// One setting: name, meaning, control.
fn one(ui: &mut Ui, cx: &mut PageCx, state: &mut State, setting: &Setting) {
    let shown = ui.push_id(setting.slug, |ui| {
        let heading = ui.label(strong(setting.name).color(cx.theme.text));
        if let Some((slug, left)) = state.wanted.filter(|(slug, _)| *slug == setting.slug) {
            state.wanted = left.checked_sub(1).map(|left| (slug, left));
            heading.scroll_to_me(Some(egui::Align::Center));
            cx.again();
        }
        note(ui, cx.theme, setting.hint);
        match setting.slug {
            "callers" => callers::show(ui, cx, &mut state.callers),
            "upstream_proxy" => outward::show(ui, cx, &mut state.outward),
            "sockets" => places::sockets(ui, cx),
            "folders" => places::folders(ui, cx),
            "file" => places::file(ui, cx),
            "keys" => shortcuts::show(ui, cx, &mut state.shortcuts, &state.filter),
            slug if setting.part == Part::Network => network::show(ui, cx, &mut state.network, slug),
            slug => match rules::Section::of_setting(slug) {
                Some(section) => rules::show(ui, cx, section),
                None => looks::show(ui, cx, slug),
            },
        }
    });
    flash::frame(ui, cx.theme, shown.response.rect, &Target::Setting(setting.slug));
    ui.add_space(gap::M);
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
