//! The command palette: a field, and what it finds below.
//!
//! Invariant: Enter, Esc and the arrows are taken before the text field sees them; the chosen row is always on screen.
//! Absent on purpose: finding; `ui::palette` does it.

use std::sync::Arc;

use egui::{Align2, FontId, Id, Key, Modal, Modifiers, Role, ScrollArea, Sense, TextEdit, Ui, WidgetInfo, pos2, vec2};

use super::sheet;
use crate::ui::actions::{self, Circumstances};
use crate::ui::cx::{Page, Target};
use crate::ui::keyless;
use crate::ui::palette::{self, Does, Finder, Found, Item, Kind};
use crate::ui::theme::{self, Theme, gap, size, small_font};

/// Rows of a group before "more".
const SHOWN: usize = 5;
/// Choices that are remembered.
const RECENT: usize = 5;
const WIDTH: f32 = 620.0;
const ROW: f32 = 30.0;

/// What the palette remembers.
#[derive(Debug, Default)]
pub(super) struct Palette {
    state: State,
    query: String,
    chosen: usize,
    /// Groups of which all rows are shown.
    unfolded: Vec<Kind>,
    recent: Vec<String>,
    finder: Finder,
    found: Found,
    /// What `found` was found for.
    found_for: Option<(String, u64)>,
    /// The chosen row is another one than in the frame before.
    moved: bool,
    enter: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    /// Opened since the last frame: the field gets the keyboard.
    Fresh,
    Open,
}

/// A row of the list.
enum Row<'a> {
    Item(&'a Item),
    More(Kind, usize),
}

impl Palette {
    /// Opens it, or closes it when it is open.
    pub(super) fn toggle(&mut self) {
        match self.state {
            State::Closed => self.state = State::Fresh,
            State::Fresh | State::Open => self.close(),
        }
    }

    /// Whether it is open.
    pub(super) fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    fn close(&mut self) {
        *self = Self {
            recent: std::mem::take(&mut self.recent),
            finder: std::mem::take(&mut self.finder),
            ..Self::default()
        };
    }

    /// Takes the keys that move and choose, before any page or field sees them.
    pub(super) fn take_keys(&mut self, ctx: &egui::Context) {
        if !self.is_open() {
            return;
        }
        let pressed = |key| ctx.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
        let (down, up) = (pressed(Key::ArrowDown), pressed(Key::ArrowUp));
        let rows = self.rows().len().max(1);
        self.chosen = (self.chosen + down + rows - up.min(rows)) % rows;
        self.moved |= down + up > 0;
        self.enter = pressed(Key::Enter) > 0;
    }

    /// Shows it, if it is open; returns what was chosen.
    pub(super) fn show(&mut self, ctx: &egui::Context, theme: &Theme, now: &Circumstances) -> Option<Does> {
        if !self.is_open() {
            return None;
        }
        self.look(now);
        let id = Id::unique("palette");
        let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, [0.0, 56.0]);
        let (mut clicked, mut to_accounts) = (None, false);
        let modal = sheet(ctx, "palette").area(area).show(ctx, |ui| {
            ui.set_width((ctx.content_rect().width() - 80.0).min(WIDTH));
            to_accounts = self.field(ui, theme, now);
            clicked = self.list(ui, theme);
        });
        if to_accounts {
            self.close();
            return Some(Does::Open(Target::Top(Page::Accounts)));
        }
        let chosen = clicked.or(self.enter.then_some(self.chosen));
        self.enter = false;
        let does = chosen.and_then(|row| self.choose(row));
        if does.is_some() || modal.should_close() {
            self.close();
        }
        does
    }

    /// True if a key that was pasted is to be taken to Accounts.
    fn field(&mut self, ui: &mut Ui, theme: &Theme, now: &Circumstances) -> bool {
        let hint = "Find anything:  > commands   @ endpoints   # requests";
        let id = Id::unique("palette field");
        let field = keyless::guarded(ui, theme, id, &mut self.query, |ui, query| {
            let field = TextEdit::singleline(query).id(id).hint_text(hint).desired_width(f32::INFINITY);
            ui.add(field.margin(vec2(8.0, 7.0)).text_color(theme.text))
        });
        let response = field.response;
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label("Search everything"));
        if std::mem::replace(&mut self.state, State::Open) == State::Fresh {
            response.request_focus();
        }
        if response.changed() {
            (self.chosen, self.moved) = (0, true);
            self.unfolded.clear();
            self.look(now);
        }
        field.to_accounts
    }

    /// Finds anew if the text or the snapshot is another.
    fn look(&mut self, now: &Circumstances) {
        let wanted = (self.query.clone(), now.snapshot.generation);
        if self.found_for.as_ref() != Some(&wanted) {
            self.found = self.finder.find(&self.query, &palette::all(now), now.snapshot, &self.recent);
            self.found_for = Some(wanted);
            self.chosen = self.chosen.min(self.rows().len().saturating_sub(1));
        }
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for group in &self.found.groups {
            let unfolded = self.found.groups.len() == 1 || self.unfolded.contains(&group.kind);
            let shown = if unfolded { group.items.len() } else { SHOWN };
            rows.extend(group.items.iter().take(shown).map(Row::Item));
            if let more @ 1.. = group.items.len().saturating_sub(shown) {
                rows.push(Row::More(group.kind, more));
            }
        }
        rows
    }

    /// Shows what was found; returns the row that was clicked.
    fn list(&mut self, ui: &mut Ui, theme: &Theme) -> Option<usize> {
        let moved = std::mem::take(&mut self.moved);
        if self.found.groups.is_empty() {
            ui.add_space(gap::M);
            ui.label(egui::RichText::new("Nothing is called that.").color(theme.text_soft));
            return None;
        }
        let height = (ui.ctx().content_rect().height() - 180.0).clamp(120.0, 420.0);
        let mut clicked = None;
        ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            let mut above = None;
            for (place, row) in self.rows().into_iter().enumerate() {
                let kind = match &row {
                    Row::Item(item) => item.kind,
                    Row::More(kind, _) => *kind,
                };
                if above.replace(kind) != Some(kind) {
                    ui.add_space(gap::S);
                    ui.label(egui::RichText::new(kind.heading()).small().color(theme.text_faint));
                }
                let response = draw(ui, theme, &row, place == self.chosen);
                if place == self.chosen && moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    clicked = Some(place);
                }
            }
        });
        clicked
    }

    /// What a row does; unfolding a group and what cannot be done keep the palette open.
    fn choose(&mut self, row: usize) -> Option<Does> {
        self.chosen = row;
        let rows = self.rows();
        let (kind, chosen) = match rows.get(row)? {
            Row::More(kind, _) => (*kind, None),
            Row::Item(item) if item.obstacle.is_some() => return None,
            Row::Item(item) => (item.kind, Some((item.label.clone(), item.does.clone()))),
        };
        let Some((label, does)) = chosen else {
            self.unfolded.push(kind);
            return None;
        };
        self.recent.retain(|other| *other != label);
        self.recent.insert(0, label);
        self.recent.truncate(RECENT);
        Some(does)
    }
}

fn draw(ui: &mut Ui, theme: &Theme, row: &Row, chosen: bool) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let (label, detail, enabled) = match row {
        Row::Item(item) => {
            (item.label.clone(), item.obstacle.as_ref().unwrap_or(&item.detail).clone(), item.obstacle.is_none())
        }
        Row::More(_, more) => (format!("{more} more"), String::new(), true),
    };
    let name = if detail.is_empty() { label.clone() } else { format!("{label}, {detail}") };
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, enabled, chosen, &name));
    if chosen {
        ui.painter().rect_filled(rect, 6, theme.accent_soft);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, 6, theme.hover);
    }
    let keys = match row {
        Row::Item(Item { does: Does::Act(action), .. }) => actions::keys(ui.ctx(), *action),
        _ => None,
    };
    let color = if enabled { theme.text } else { theme.text_faint };
    let middle = rect.center().y;
    let mut right = rect.right() - 10.0;
    if let Some(keys) = keys {
        let galley = ui.painter().layout_no_wrap(keys, theme::mono_font(), theme.text_soft);
        right -= galley.size().x;
        ui.painter().galley(pos2(right, middle - galley.size().y / 2.0), galley, theme.text_soft);
        right -= 14.0;
    }
    let at = rect.left() + 10.0;
    let room = right - at;
    let used = line(ui, &label, FontId::proportional(size::BODY), color, pos2(at, middle), room);
    line(ui, &detail, small_font(), theme.text_faint, pos2(at + used + 12.0, middle), room - used - 12.0);
    response
}

/// Paints a line as far as there is room, with an ellipsis; returns how wide it became.
fn line(ui: &Ui, text: &str, font: FontId, color: egui::Color32, left: egui::Pos2, room: f32) -> f32 {
    if text.is_empty() || room < 24.0 {
        return 0.0;
    }
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(room);
    let galley: Arc<egui::Galley> = ui.painter().layout_job(job);
    let width = galley.size().x;
    ui.painter().galley(pos2(left.x, left.y - galley.size().y / 2.0), galley, color);
    width
}
