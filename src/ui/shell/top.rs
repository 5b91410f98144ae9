//! The top bar: whether we serve, where, which profile, what plots show, and the ways to everything else.
//!
//! Invariant: listening and being able to answer are told apart; what a narrow bar leaves out stands in its last menu.
//! Absent on purpose: page content.

mod menus;

use egui::{Align, Button, CornerRadius, Frame, Layout, Margin, RichText, Stroke, Ui};
use egui_material_icons::icons::{
    ICON_CONTENT_COPY, ICON_DARK_MODE, ICON_HELP, ICON_LIGHT_MODE, ICON_PAUSE, ICON_PLAY_ARROW, ICON_REDO, ICON_SEARCH,
    ICON_UNDO,
};

use super::bell::Bell;
use super::{Wish, is_low};
use crate::contract::snapshot::Serving;
use crate::contract::{Command, ServingCommand, Snapshot};
use crate::model::preferences::Preferences;
use crate::model::status::EndpointView;
use crate::ui::actions::{self, Action};
use crate::ui::deeds::Deeds;
use crate::ui::draft::Draft;
use crate::ui::theme::{self, Theme, Tone};
use crate::ui::widgets::{icon_button, icon_button_saying, middle};

/// Below this width, words that a glyph can stand for are left out.
const NARROW: f32 = 880.0;
/// Points at the right in which everything has room, and in which menus have without their words; what has none stands in the last.
const ROOM: (f32, f32) = (676.0, 466.0);
/// Points in which help has a button of its own beside the menus.
const HELP: f32 = 502.0;
/// Points at the right in which the draft's history has buttons of its own; with less they are in the last menu.
const HISTORY: f32 = 716.0;
/// Below this width, the buttons alone have room; their tooltips and the last menu tell the rest.
const TINY: f32 = 520.0;

/// What the bar shows and changes besides the snapshot.
pub(super) struct Top<'a> {
    pub(super) bell: &'a mut Bell,
    pub(super) preferences: &'a mut Preferences,
    /// Whether pages show a moment that is held.
    pub(super) held: bool,
    /// What can be gone back through.
    pub(super) history: (&'a Deeds, &'a Draft),
}

/// Serving pill, base URL, profile, what plots show, search, bell, help, theme.
pub(super) fn show(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, top: &mut Top, wanted: &mut Vec<Wish>) {
    let width = ui.available_width();
    let (narrow, tiny, low) = (width < NARROW, width < TINY, is_low(ui.ctx()));
    let mut unshown = None;
    ui.horizontal(|ui| {
        ui.set_min_height(if low { 26.0 } else { 30.0 });
        let (tone, word) = serving(snapshot);
        pill(ui, theme, tone, word, reason(snapshot).filter(|_| !narrow));
        if let Serving::Listening { base_url, paused, .. } = &snapshot.serving {
            if !tiny {
                ui.label(theme::mono(base_url.as_ref()).color(theme.text));
            }
            let says = format!("{}\n{base_url}", actions::tooltip(ui.ctx(), Action::CopyBaseUrl));
            if icon_button_saying(ui, theme, ICON_CONTENT_COPY, "Copy base URL", &says).clicked() {
                wanted.push(Wish::Act(Action::CopyBaseUrl));
            }
            if tiny {
                unshown = Some(base_url.as_ref());
            } else {
                wanted.extend(menus::copy_for_shells(ui, theme, base_url, snapshot.door.asks_token));
            }
            wanted.extend(pause(ui, theme, *paused, narrow));
        }
        let room = ui.available_width();
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let (wordy, small, helped) = (room >= ROOM.0, room < ROOM.1, room >= HELP);
            let history = room >= HISTORY;
            let buttons = match (history, wordy) {
                (true, _) => menus::Buttons::None,
                (false, true) => menus::Buttons::History,
                (false, false) => menus::Buttons::All,
            };
            if !history || low {
                let left_out = menus::LeftOut { address: unshown, menus: small, buttons, help: !helped, figures: low };
                menus::more(ui, theme, snapshot, top, &left_out, wanted);
            }
            let (icon, name) =
                if theme.dark { (ICON_LIGHT_MODE, "Use light theme") } else { (ICON_DARK_MODE, "Use dark theme") };
            if icon_button(ui, theme, icon, name).clicked() {
                wanted.push(Wish::Act(Action::ToggleTheme));
            }
            if helped {
                let says = actions::tooltip(ui.ctx(), Action::Help);
                if icon_button_saying(ui, theme, ICON_HELP, "Help", &says).clicked() {
                    wanted.push(Wish::Act(Action::Help));
                }
            }
            wanted.extend(top.bell.show(ui, theme, snapshot));
            let says = actions::tooltip(ui.ctx(), Action::Palette);
            if icon_button_saying(ui, theme, ICON_SEARCH, "Search everything", &says).clicked() {
                wanted.push(Wish::Act(Action::Palette));
            }
            if history {
                wanted.extend(steps(ui, theme, top.history));
            }
            if !small {
                menus::reach(ui, theme, top.preferences, wordy);
                if wordy {
                    wanted.extend(live(ui, theme, top.held));
                }
                menus::profile(ui, theme, snapshot, wordy, wanted);
            }
        });
    });
}

/// Undo and redo, from right to left; greyed where there is nothing to step to.
fn steps(ui: &mut Ui, theme: &Theme, history: (&Deeds, &Draft)) -> Option<Wish> {
    let mut wish = None;
    for (action, icon) in [(Action::Redo, ICON_REDO), (Action::Undo, ICON_UNDO)] {
        let (name, able) = step_name(history, action);
        let says = match actions::keys(ui.ctx(), action) {
            Some(keys) => format!("{name} ({keys})"),
            None => name.clone(),
        };
        let button = ui.add_enabled_ui(able, |ui| icon_button_saying(ui, theme, icon, &name, &says)).inner;
        if button.on_disabled_hover_text(says).clicked() {
            wish = Some(Wish::Act(action));
        }
    }
    wish
}

/// `Undo: move sim-eastus to first choice`, and whether there is such a step.
fn step_name((deeds, draft): (&Deeds, &Draft), action: Action) -> (String, bool) {
    let (word, label, nothing) = match action {
        Action::Redo => ("Redo", deeds.redo_label(draft), "Nothing to redo"),
        _ => ("Undo", deeds.undo_label(draft), "Nothing to undo"),
    };
    (label.map_or_else(|| nothing.to_owned(), |label| format!("{word}: {label}")), label.is_some())
}

/// Pauses or resumes serving; in a narrow window a glyph alone.
fn pause(ui: &mut Ui, theme: &Theme, paused: bool, narrow: bool) -> Option<Wish> {
    let (word, icon, command) = if paused {
        ("Resume serving", ICON_PLAY_ARROW, ServingCommand::Resume)
    } else {
        ("Pause serving", ICON_PAUSE, ServingCommand::Pause)
    };
    let response = if narrow {
        icon_button(ui, theme, icon, word)
    } else {
        ui.add(Button::new(RichText::new(word).color(theme.text_soft)).frame_when_inactive(false))
    };
    response.clicked().then_some(Wish::Send(Command::Serving(command)))
}

/// Holds what pages show of traffic, or lets go. Only with its words: a glyph alone would be taken for that of serving.
fn live(ui: &mut Ui, theme: &Theme, held: bool) -> Option<Wish> {
    let (word, color) = if held { ("View held", theme.tone(Tone::Info)) } else { ("Live view", theme.text_soft) };
    let button = ui.add(Button::new(RichText::new(word).color(color)).frame_when_inactive(false));
    let pressed = button.on_hover_text(actions::tooltip(ui.ctx(), Action::HoldView)).clicked();
    pressed.then_some(Wish::Act(Action::HoldView))
}

/// Whether we serve, and why not where a reason is known; as much of that as leaves room for the rest.
fn pill(ui: &mut Ui, theme: &Theme, tone: Tone, word: &str, reason: Option<&str>) {
    Frame::new()
        .fill(theme.wash(tone))
        .stroke(Stroke::new(1.0, theme.tone(tone).gamma_multiply(0.5)))
        .corner_radius(CornerRadius::same(13))
        .inner_margin(Margin::symmetric(10, 4))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(tone.icon().rich_text().size(15.0).color(theme.tone(tone)));
            ui.label(theme::strong(word).color(theme.tone(tone)));
            if let Some(reason) = reason {
                let (font, room) = (egui::TextStyle::Body.resolve(ui.style()), ui.available_width() * 0.4);
                let shown = ui.label(RichText::new(middle(ui, reason, &font, room)).color(theme.text));
                shown.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, reason));
                shown.on_hover_text(reason);
            }
        });
}

/// Why nothing is listened to.
fn reason(snapshot: &Snapshot) -> Option<&str> {
    match &snapshot.serving {
        Serving::Failed(problem) => Some(problem.what.trim_end_matches('.')),
        _ => None,
    }
}

/// The four states, and two short ones round them. Listening is not the same as able to answer.
pub(super) fn serving(snapshot: &Snapshot) -> (Tone, &'static str) {
    match &snapshot.serving {
        Serving::Starting => (Tone::Quiet, "Starting"),
        Serving::Listening { paused: true, .. } => (Tone::Off, "Paused by you"),
        Serving::Listening { .. } if snapshot.applied.config.routes.is_empty() => {
            (Tone::Quiet, "Listening, no routes yet")
        }
        Serving::Listening { .. } if !can_answer(snapshot) => (Tone::Throttled, "Serving, but no endpoint can answer"),
        Serving::Listening { .. } => (Tone::Ok, "Serving"),
        Serving::Failed(_) => (Tone::Error, "Not listening"),
        Serving::Stopping { .. } => (Tone::Quiet, "Stopping"),
    }
}

/// Whether a route has an endpoint that could be asked. One that is in no route answers nobody.
fn can_answer(snapshot: &Snapshot) -> bool {
    let members = snapshot.view.routes.iter().flat_map(|route| &route.groups).flat_map(|group| &group.endpoints);
    members.filter_map(|id| snapshot.view.endpoint(id)).any(EndpointView::serving)
}
