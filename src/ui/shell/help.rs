//! Help: what the words mean, and every shortcut, with one field that looks for both.
//!
//! Invariant: every word of the glossary and every action with keys stands here; a search that finds nothing in the part that is
//! shown says where it does.
//! Absent on purpose: changing keys; Settings does.

use egui::{Grid, Id, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::{is_low, sheet};

use crate::ui::actions::{self, Entry, Section};
use crate::ui::glossary::{self, Word};
use crate::ui::keyless;
use crate::ui::theme::{self, Theme, gap};
use crate::ui::widgets::note;

/// Keys of focused controls, which no table of actions knows.
const CONTROLS: &[(&str, &str)] = &[
    ("Tab, Shift+Tab", "Next or previous control"),
    ("Enter, Space", "Press it. Space lifts a card of a route, arrows carry it, Enter drops it, Esc puts it back"),
    ("↑ ↓, Page Up, Page Down", "Move a limit line or a border; Home takes it off"),
    ("Alt+↑, Alt+↓", "Move a card to the priority group above or below"),
    ("J, K, Enter", "Next and previous row of a table, open it"),
    ("Esc", "Close, or give a drag up"),
    ("Ctrl +, Ctrl −, Ctrl 0", "Larger, smaller and usual text"),
];

/// Width of the keys, the same in every section; in a small window, the share of its width.
const KEYS: (f32, f32) = (190.0, 0.36);
/// Points that the sheet takes round its list; in a low window it leaves out what is said twice.
const ROUND: (f32, f32) = (238.0, 150.0);

/// What the sheet shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// What the words mean.
    #[default]
    Words,
    /// Every shortcut.
    Keys,
}

impl Part {
    const ALL: [Self; 2] = [Self::Words, Self::Keys];

    const fn name(self) -> &'static str {
        match self {
            Self::Words => "What words mean",
            Self::Keys => "Keyboard shortcuts",
        }
    }
}

/// The sheet.
#[derive(Debug, Default)]
pub(super) struct Help {
    open: bool,
    part: Part,
    query: String,
    /// It was opened in this frame: its field takes the keyboard.
    fresh: bool,
    /// A key that was pasted is to be taken to Accounts.
    to_accounts: bool,
}

impl Help {
    /// Opens it at a part, or closes it if that part is shown.
    pub(super) fn toggle(&mut self, part: Part) {
        let open = !(self.open && self.part == part);
        *self = Self { open, part, query: String::new(), fresh: open, to_accounts: false };
    }

    /// Opens it at a word.
    pub(super) fn explain(&mut self, word: &str) {
        *self = Self { open: true, part: Part::Words, query: word.to_owned(), fresh: true, to_accounts: false };
    }

    /// Shows it, if it is open. True if a key that was pasted into its field is to be taken to Accounts.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme) -> bool {
        if !self.open {
            return false;
        }
        let screen = ctx.content_rect();
        let low = is_low(ctx);
        let round = if low { ROUND.1 } else { ROUND.0 };
        let modal = sheet(ctx, "help").show(ctx, |ui| {
            ui.set_width((screen.width() - 64.0).min(760.0));
            if !low {
                ui.label(theme::title("Help").color(theme.text));
            }
            let closes = self.head(ui, theme);
            if self.part == Part::Keys && !low {
                note(ui, theme, "Single letters act while no text field has the keyboard.");
            }
            // Always as high, or the field would move while one types.
            let height = (screen.height() - round).max(72.0);
            let list = ScrollArea::vertical().id_salt(self.part.name()).auto_shrink(false);
            list.max_height(height).min_scrolled_height(height).show(ui, |ui| match self.part {
                Part::Words => self.words(ui, theme),
                Part::Keys => self.keys(ui, theme),
            });
            closes
        });
        let to_accounts = std::mem::take(&mut self.to_accounts);
        self.open = !(to_accounts || modal.inner || modal.should_close());
        to_accounts
    }

    /// The parts, the field and the way out; true if it was taken.
    fn head(&mut self, ui: &mut Ui, theme: &Theme) -> bool {
        let mut closes = false;
        ui.horizontal_wrapped(|ui| {
            for part in Part::ALL {
                ui.selectable_value(&mut self.part, part, part.name());
            }
            let room = ui.available_size_before_wrap().x - 76.0;
            let width = if room < 120.0 { ui.available_width() - 76.0 } else { room };
            let id = Id::unique("help field");
            let field = keyless::guarded(ui, theme, id, &mut self.query, |ui, query| {
                let field = TextEdit::singleline(query).id(id).hint_text("Look for a word or a key");
                ui.add(field.desired_width(width).margin(vec2(8.0, 4.0)))
            });
            self.to_accounts |= field.to_accounts;
            let field = field.response;
            ui.ctx().accesskit_node_builder(field.id, |node| node.set_label("Look for a word or a key"));
            if std::mem::take(&mut self.fresh) {
                field.request_focus();
            }
            closes = ui.button("Close").clicked();
        });
        ui.add_space(gap::S);
        closes
    }

    fn words(&mut self, ui: &mut Ui, theme: &Theme) {
        let mut found = false;
        for word in glossary::matching(&self.query) {
            found = true;
            explained(ui, theme, word);
        }
        if !found {
            let there = actions::table().iter().filter(|entry| self.asks_for(ui.ctx(), entry)).count();
            let there = there.saturating_add(self.controls().count());
            self.elsewhere(ui, theme, Part::Keys, there);
        }
    }

    fn keys(&mut self, ui: &mut Ui, theme: &Theme) {
        let mut found = false;
        for section in Section::ALL {
            found |= of_section(ui, theme, section, |ctx, entry| self.asks_for(ctx, entry));
        }
        let controls: Vec<_> = self.controls().collect();
        if !controls.is_empty() {
            found = true;
            ui.label(theme::strong("Within a control").color(theme.text));
            grid(ui, "control keys", |ui| {
                for (keys, does) in controls {
                    row(ui, theme, keys, does);
                }
            });
        }
        if !found {
            self.elsewhere(ui, theme, Part::Words, glossary::matching(&self.query).count());
        }
    }

    /// Nothing is found here: says so, and leads to where something is.
    fn elsewhere(&mut self, ui: &mut Ui, theme: &Theme, other: Part, there: usize) {
        ui.label(RichText::new("Nothing here has that in it.").color(theme.text_soft));
        if there > 0 && ui.button(format!("{there} found under {}", other.name())).clicked() {
            self.part = other;
        }
    }

    /// Whether an action has keys and is asked for: by its words, or by its keys as they are shown.
    fn asks_for(&self, ctx: &egui::Context, entry: &Entry) -> bool {
        let keys = said(ctx, entry);
        !keys.is_empty() && self.is_in(&format!("{} {} {keys}", entry.label, entry.hint))
    }

    fn controls(&self) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        CONTROLS.iter().filter(|(keys, does)| self.is_in(&format!("{keys} {does}")))
    }

    fn is_in(&self, text: &str) -> bool {
        text.to_lowercase().contains(&self.query.trim().to_lowercase())
    }
}

/// A word above what it means.
fn explained(ui: &mut Ui, theme: &Theme, word: &Word) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.label(theme::strong(word.name).color(theme.text));
        ui.add(egui::Label::new(RichText::new(word.says).color(theme.text_soft)).wrap());
    });
    ui.add_space(gap::S);
}

/// The keys of an action as they are shown; empty: it has none.
fn said(ctx: &egui::Context, entry: &Entry) -> String {
    let keys = actions::keys::of(ctx, entry);
    keys.iter().map(|keys| actions::keys::said(ctx, *keys)).collect::<Vec<_>>().join(", ")
}

/// The actions of a section that are asked for; whether there are any.
fn of_section(ui: &mut Ui, theme: &Theme, section: Section, wanted: impl Fn(&egui::Context, &Entry) -> bool) -> bool {
    let shown = |entry: &&Entry| entry.section == section && wanted(ui.ctx(), entry);
    let entries: Vec<&Entry> = actions::table().iter().filter(shown).collect();
    if entries.is_empty() {
        return false;
    }
    ui.label(theme::strong(section.name()).color(theme.text));
    grid(ui, section.name(), |ui| {
        for entry in entries {
            let keys = said(ui.ctx(), entry);
            let place = match entry.pages {
                [] => String::new(),
                [page] => format!(" (on {})", page.name()),
                _ => " (on pages with rows)".to_owned(),
            };
            row(ui, theme, &keys, &format!("{} – {}{place}", entry.label, entry.hint));
        }
    });
    ui.add_space(gap::M);
    true
}

fn grid(ui: &mut Ui, name: &str, rows: impl FnOnce(&mut Ui)) {
    Grid::new(name).num_columns(2).min_col_width(keys_width(ui)).spacing([gap::XL, gap::S]).show(ui, rows);
}

fn keys_width(ui: &Ui) -> f32 {
    KEYS.0.min(ui.available_width() * KEYS.1)
}

fn row(ui: &mut Ui, theme: &Theme, keys: &str, does: &str) {
    let width = keys_width(ui);
    ui.scope(|ui| {
        ui.set_max_width(width);
        ui.add(egui::Label::new(theme::mono(keys).color(theme.text)).wrap());
    });
    ui.add(egui::Label::new(RichText::new(does).color(theme.text_soft)).wrap());
    ui.end_row();
}

#[cfg(test)]
#[path = "help_tests.rs"]
mod tests;
