//! The draft bar and the status line.
//!
//! Invariant: figures that do not fit are left out whole, and an ellipsis says so.
//! Absent on purpose: page content.

use egui::{Align, Label, Layout, RichText, Ui};

use super::Wish;
use crate::contract::Snapshot;
use crate::contract::snapshot::KeyringState;
use crate::model::status::EndpointView;
use crate::model::units::{Grouped, Short};
use crate::ui::actions::{self, Action};
use crate::ui::draft::Draft;
use crate::ui::format::count;
use crate::ui::tally::Tally;
use crate::ui::theme::{self, Theme, Tone, gap, size};
use crate::ui::widgets::{chip, note, primary_button, text_width};

/// Below this width the draft's bar has no room for long words, in points.
pub(super) const NARROW_DRAFT: f32 = 460.0;

/// How many changes, and what to do with them.
pub(super) fn draft(ui: &mut Ui, theme: &Theme, draft: &Draft, wanted: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        let number = draft.done_since();
        ui.label(Tone::Info.icon().rich_text().size(15.0).color(theme.tone(Tone::Info)));
        let (one, many) = if ui.available_width() >= NARROW_DRAFT {
            ("unapplied change", "unapplied changes")
        } else {
            ("change", "changes")
        };
        let words = theme::strong(count(number, one, many)).color(theme.text);
        // One step of the person can change several things: they are named.
        ui.label(words).on_hover_text(draft.changes().join("\n"));
        if ui.button("Review").on_hover_text(actions::tooltip(ui.ctx(), Action::Review)).clicked() {
            wanted.push(Wish::Act(Action::Review));
        }
        let ready = draft.apply().is_some();
        let apply = ui.add_enabled_ui(ready, |ui| primary_button(ui, theme, "Apply")).inner;
        if apply.on_hover_text("Have it run; what is to be heeded is shown first").clicked() {
            wanted.push(Wish::ApplyRead);
        }
        let discard = egui::Button::new("Discard").frame_when_inactive(false);
        if ui.add(discard).on_hover_text(actions::tooltip(ui.ctx(), Action::Discard)).clicked() {
            wanted.push(Wish::Act(Action::Discard));
        }
        let blocking = draft.blocking().count();
        if blocking > 0 {
            let word = count(u64::try_from(blocking).unwrap_or(0), "error blocks", "errors block");
            chip(ui, theme, Tone::Error, &word);
        }
    });
}

/// The numbers of the last minute, the revision, the keyring.
pub(super) fn status(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, wanted: &mut Vec<Wish>) {
    ui.horizontal(|ui| {
        ui.set_min_height(20.0);
        ui.spacing_mut().item_spacing.x = gap::L;
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let list = egui::Button::new(RichText::new("Revisions").small().color(theme.accent)).frame(false);
            if ui.add(list).on_hover_text(actions::tooltip(ui.ctx(), Action::Revisions)).clicked() {
                wanted.push(Wish::Act(Action::Revisions));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let all = figures(snapshot);
                let shown = as_fits(ui, &all);
                let look = |text: &str| RichText::new(text).monospace().size(size::SMALL).color(theme.text_soft);
                let line = ui.add(Label::new(look(&shown)).truncate());
                let whole = all.join(" · ");
                line.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &whole));
                line.on_hover_text(format!("{whole}\nTPM: what the last minute's requests count against limits"));
            });
        });
    });
}

/// The same in a menu, where the window has no room for the line.
pub(super) fn figures_below_each_other(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot) -> Option<Wish> {
    let revisions = ui.button("Revisions").on_hover_text(actions::tooltip(ui.ctx(), Action::Revisions));
    for figure in figures(snapshot) {
        note(ui, theme, &figure);
    }
    revisions.clicked().then(|| {
        ui.close();
        Wish::Act(Action::Revisions)
    })
}

/// As many of the figures as there is room for; an ellipsis says that there are more.
fn as_fits(ui: &egui::Ui, all: &[String]) -> String {
    let font = egui::FontId::monospace(size::SMALL);
    let room = ui.available_width();
    let fits = |text: &str| text_width(ui, text, &font) <= room;
    let whole = all.join(" · ");
    if fits(&whole) {
        return whole;
    }
    let shorter = (1..all.len()).rev().filter_map(|number| all.get(..number));
    let cut = shorter.map(|some| format!("{} · …", some.join(" · ")));
    cut.into_iter().find(|text| fits(text)).unwrap_or(whole)
}

/// The figures, those that matter most first.
fn figures(snapshot: &Snapshot) -> Vec<String> {
    let view = &snapshot.view;
    let sum = |each: fn(&EndpointView) -> u64| view.endpoints.iter().map(each).fold(0_u64, u64::saturating_add);
    let tally = Tally::of(snapshot);
    let keyring = match snapshot.keys.keyring {
        _ if snapshot.profile.demo => "no keys needed",
        KeyringState::Unknown => "keyring not asked yet",
        KeyringState::Ready => "keyring ok",
        KeyringState::Locked => "keyring locked",
        KeyringState::Missing { .. } => "no keyring",
    };
    vec![
        format!("{} RPM", Grouped(sum(|endpoint| endpoint.last_minute.requests))),
        format!("{} TPM charged", Short(sum(|endpoint| endpoint.last_minute.tokens))),
        format!("{} in flight", view.in_flight()),
        format!("{} queued", view.queue.waiting),
        format!("429 last min: {} provider / {} us", tally.theirs, tally.ours),
        keyring.to_owned(),
        format!("rev {}", snapshot.applied.revision),
    ]
}
