//! The menus of the top bar: copying for shells, the profiles, how far back plots reach, and one for all that has no room.
//!
//! Invariant: every entry says what it does in a word; what is chosen now is ticked.
//! Absent on purpose: doing it; the shell does.

use std::sync::LazyLock;

use egui::{Button, Popup, Response, RichText, Ui};
use egui_material_icons::icons::{ICON_KEYBOARD_ARROW_DOWN, ICON_MORE_VERT};

use super::Top;
use crate::contract::{ProfileCommand, Snapshot};
use crate::model::preferences::{Preferences, Reach};
use crate::ui::actions::{self, Action};
use crate::ui::pages::connect::snippets::{Kind, Snippets};
use crate::ui::shell::{Wish, bars};
use crate::ui::theme::{Theme, Tone, gap, strong};
use crate::ui::widgets::{chip, middle, note, radio};

static SNIPPETS: LazyLock<Snippets> = LazyLock::new(Snippets::built_in);
/// Points that a profile's name may take in the bar.
const NAME: f32 = 140.0;

/// The address as environment variables, for each shell.
pub(super) fn copy_for_shells(ui: &mut Ui, theme: &Theme, base_url: &str, asks_token: bool) -> Option<Wish> {
    let mut wish = None;
    // It belongs to the button before it.
    ui.add_space(-gap::M);
    let glyph = ICON_KEYBOARD_ARROW_DOWN.rich_text().size(17.0).color(theme.text_soft);
    let button = Button::new(glyph).frame_when_inactive(false).min_size(egui::vec2(20.0, 26.0));
    let padding = std::mem::replace(&mut ui.spacing_mut().button_padding.x, 2.0);
    let button = menu(ui, button, "Copy the address for a shell", |ui| {
        wish = shells(ui, theme, base_url, asks_token);
    });
    ui.spacing_mut().button_padding.x = padding;
    button.on_hover_text("Copy the address for bash, fish, PowerShell or cmd");
    wish
}

fn shells(ui: &mut Ui, theme: &Theme, base_url: &str, asks_token: bool) -> Option<Wish> {
    let mut wish = None;
    note(ui, theme, "Copy as environment variables for");
    for snippet in SNIPPETS.of(&[Kind::Shell]).filter(|snippet| snippet.text.contains("OPENAI_BASE_URL")) {
        if ui.button(&snippet.title).clicked() {
            wish = Some(Wish::Copy(snippet.fill(base_url, "", asks_token)));
            ui.close();
        }
    }
    wish
}

/// How far back plots reach, on every page; where there is room it says of what that is.
pub(super) fn reach(ui: &mut Ui, theme: &Theme, liked: &mut Preferences, wordy: bool) {
    let of = if wordy { "Plots: " } else { "" };
    let word = RichText::new(format!("{of}{} ▾", liked.reach.name())).color(theme.text_soft);
    let button = Button::new(word).frame_when_inactive(false);
    let name = format!("Plots show the last {}", liked.reach.name());
    menu(ui, button, &name, |ui| reaches(ui, liked)).on_hover_text("How far back plots reach, on every page");
}

fn reaches(ui: &mut Ui, liked: &mut Preferences) {
    for one in Reach::EACH {
        if radio(ui, liked.reach == one, &format!("Last {}", one.name())).clicked() {
            liked.reach = one;
            ui.close();
        }
    }
}

/// Which profile runs, and the others.
pub(super) fn profile(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, wordy: bool, wanted: &mut Vec<Wish>) {
    if snapshot.profile.demo {
        chip(ui, theme, Tone::Info, "Simulated");
    }
    let now = snapshot.profile.name.as_str();
    let font = egui::TextStyle::Body.resolve(ui.style());
    let word = strong(format!("{} ▾", middle(ui, now, &font, NAME))).color(theme.text);
    let button = Button::new(word).frame_when_inactive(false);
    let button = menu(ui, button, &format!("Profile {now}"), |ui| profiles(ui, theme, snapshot, wanted));
    button.on_hover_text(format!("Profile {now}: configuration, keys and history of its own"));
    if wordy {
        ui.label(RichText::new("Profile").color(theme.text_faint));
    }
}

fn profiles(ui: &mut Ui, theme: &Theme, snapshot: &Snapshot, wanted: &mut Vec<Wish>) {
    note(ui, theme, "Serve with the profile");
    let shown = &snapshot.profile;
    for known in shown.names.iter() {
        let is_now = !shown.demo && *known == shown.name;
        if radio(ui, is_now, known).clicked() {
            if !is_now {
                wanted.push(Wish::Profile(ProfileCommand::Enter(known.clone())));
            }
            ui.close();
        }
    }
    if radio(ui, shown.demo, "Demo (simulated)").clicked() {
        if !shown.demo {
            wanted.push(Wish::Act(Action::EnterDemo));
        }
        ui.close();
    }
    ui.separator();
    for action in [Action::NewProfile, Action::OpenFolder] {
        let Some(entry) = actions::entry(action) else { continue };
        let able = action != Action::NewProfile || shown.can_add;
        let why = "Profiles cannot be added beside a file that was named with --config";
        let button = ui.add_enabled(able, Button::new(entry.label));
        if button.on_hover_text(entry.hint).on_disabled_hover_text(why).clicked() {
            wanted.push(Wish::Act(action));
            ui.close();
        }
    }
}

/// What a narrow bar leaves to its last menu.
pub(super) struct LeftOut<'a> {
    /// The address, if copying it for shells has no room.
    pub(super) address: Option<&'a str>,
    /// Of the buttons that the bar has only with much room.
    pub(super) buttons: Buttons,
    /// How far back plots reach, and the profiles.
    pub(super) menus: bool,
    /// What words mean, and keys.
    pub(super) help: bool,
    /// What the status line says, if there is no room for it.
    pub(super) figures: bool,
}

/// Which buttons a bar leaves out that is not wide.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Buttons {
    /// It has them all.
    None,
    /// The steps of the draft's history.
    History,
    /// Holding the view, too.
    All,
}

/// What has no room in a narrow bar.
pub(super) fn more(
    ui: &mut Ui,
    theme: &Theme,
    snapshot: &Snapshot,
    top: &mut Top,
    left_out: &LeftOut,
    wanted: &mut Vec<Wish>,
) {
    let glyph = ICON_MORE_VERT.rich_text().size(17.0).color(theme.text_soft);
    let button = Button::new(glyph).frame_when_inactive(false).min_size(egui::vec2(28.0, 26.0));
    let button = menu(ui, button, "More", |ui| {
        let height = (ui.ctx().content_rect().height() - 72.0).max(120.0);
        egui::ScrollArea::vertical().max_height(height).show(ui, |ui| {
            let word = if top.held { "Resume the view" } else { "Pause the view" };
            if left_out.buttons == Buttons::All && ui.button(word).clicked() {
                wanted.push(Wish::Act(Action::HoldView));
                ui.close();
            }
            if left_out.buttons != Buttons::None {
                for action in [Action::Undo, Action::Redo] {
                    let (name, able) = super::step_name(top.history, action);
                    let button = ui.add_enabled(able, Button::new(name));
                    if button.on_hover_text(actions::tooltip(ui.ctx(), action)).clicked() {
                        wanted.push(Wish::Act(action));
                        ui.close();
                    }
                }
            }
            if left_out.help && ui.button("Help").on_hover_text(actions::tooltip(ui.ctx(), Action::Help)).clicked() {
                wanted.push(Wish::Act(Action::Help));
                ui.close();
            }
            if left_out.figures {
                ui.separator();
                wanted.extend(bars::figures_below_each_other(ui, theme, snapshot));
            }
            if left_out.menus {
                ui.separator();
                note(ui, theme, "Plots show the");
                reaches(ui, top.preferences);
                ui.separator();
                profiles(ui, theme, snapshot, wanted);
            }
            if let Some(base_url) = left_out.address {
                ui.separator();
                wanted.extend(shells(ui, theme, base_url, snapshot.door.asks_token));
            }
        });
    });
    button.on_hover_text(if left_out.menus { "The view, undo, plots and profiles" } else { "The view, undo" });
}

/// A button with its name and its menu. The menu has an id of its own: the button's changes with what stands before it.
fn menu(ui: &mut Ui, button: Button, name: &str, contents: impl FnOnce(&mut Ui)) -> Response {
    let button = ui.add(button);
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name));
    let word = name.split(' ').next().unwrap_or_default();
    Popup::menu(&button).id(egui::Id::unique(("menu of the top bar", word))).show(contents);
    button
}
