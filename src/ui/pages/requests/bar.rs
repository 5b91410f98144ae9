//! Above the list: the filter with what it could go on with, its chips, how it was understood, and how many rows there are.
//!
//! Invariant: the count is always there and says whether the search is still running.
//! Absent on purpose: what passes.

use std::fmt::Write as _;

use egui::{Area, Frame, Id, Key, Modifiers, Order, Rect, RichText, TextEdit, Ui, Vec2};
use egui_material_icons::icons;

use super::complete::{Suggestion, suggestions};
use super::echo;
use super::older;
use super::{State, Wanted};
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx};
use crate::ui::keyless;
use crate::ui::theme::{Theme, Tone, gap, mono};
use crate::ui::widgets::{icon_button, note, quiet_button};

/// What could be typed next, as it is offered.
#[derive(Debug, Default)]
pub(super) struct Offer {
    list: Vec<Suggestion>,
    of: String,
    /// The one that Tab or Enter takes.
    chosen: Option<usize>,
    /// The person has waved it away for this text.
    dismissed: bool,
    area: Option<Rect>,
    /// The field, once it was shown.
    field: Option<Id>,
}

/// Shows all of it.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State, focus: bool) {
    ui.horizontal_wrapped(|ui| {
        field(ui, cx, state, focus);
        if !state.query.is_empty() && ui.button("Clear").clicked() {
            state.query.clear();
        }
        saved_menu(ui, cx.theme, state);
        columns_menu(ui, cx.theme, state);
        super::take::menu(ui, cx, state);
        count(ui, cx, state);
    });
    chips(ui, cx.theme, state);
    if let Some(sentence) = echo::sentence(state.rows.filter()) {
        note(ui, cx.theme, &sentence);
    }
}

fn field(ui: &mut Ui, cx: &mut PageCx, state: &mut State, focus: bool) {
    let theme = cx.theme;
    let name = ui.label(RichText::new("Filter").color(theme.text_soft));
    if let Some(id) = state.offer.field.filter(|id| ui.memory(|memory| memory.has_focus(*id)))
        && keys(ui, state)
    {
        keyless::forget(ui.ctx(), id);
    }
    let hint = "status>=400 endpoint:east client:aider 429";
    let field = ui.scope(|ui| {
        ui.set_max_width(ui.available_width().min(360.0));
        keyless::edit(ui, theme, ("Filter", name.id), hint, &mut state.query.typed)
    });
    let response = field.inner.response;
    state.offer.field = Some(response.id);
    if focus {
        response.request_focus();
    }
    if field.inner.to_accounts {
        cx.go(Page::Accounts);
    }
    offer(ui, cx, state, response.rect, response.id, response.has_focus());
}

/// Keys of the field, before it sees them. Returns whether the text was turned into chips.
fn keys(ui: &Ui, state: &mut State) -> bool {
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let offered = if state.offer.dismissed { 0 } else { state.offer.list.len() };
    if offered > 0 {
        let at = state.offer.chosen;
        if pressed(Key::ArrowDown) {
            state.offer.chosen = Some(at.map_or(0, |at| (at + 1).min(offered - 1)));
        }
        if pressed(Key::ArrowUp) {
            state.offer.chosen = at.and_then(|at| at.checked_sub(1));
        }
        let enter = state.offer.chosen.is_some() && pressed(Key::Enter);
        if enter || pressed(Key::Tab) {
            let chosen = state.offer.chosen.unwrap_or(0);
            accept(ui, state, chosen);
            return false;
        }
        if pressed(Key::Escape) {
            state.offer.dismissed = true;
        }
    }
    let keeps = !state.query.typed.trim().is_empty() && pressed(Key::Enter);
    if keeps {
        state.query.keep_typed();
    }
    keeps
}

fn accept(ui: &Ui, state: &mut State, place: usize) {
    let Some(taken) = state.offer.list.get(place) else { return };
    state.query.typed.clone_from(&taken.text);
    state.offer.chosen = None;
    let Some(id) = state.offer.field else { return };
    if let Some(mut edit) = TextEdit::load_state(ui.ctx(), id) {
        let end = egui::text::CCursor::new(state.query.typed.chars().count());
        edit.cursor.set_char_range(Some(egui::text::CCursorRange::one(end)));
        TextEdit::store_state(ui.ctx(), id, edit);
    }
    ui.memory_mut(|memory| memory.request_focus(id));
}

/// What could be typed next, below the field while it has the keyboard, or while the pointer is on the list.
fn offer(ui: &Ui, cx: &PageCx, state: &mut State, below: Rect, field: Id, typing: bool) {
    if state.offer.of != state.query.typed {
        let list = suggestions(&state.query.typed, cx.snapshot);
        state.offer = Offer {
            list,
            of: state.query.typed.clone(),
            area: state.offer.area,
            field: Some(field),
            ..Offer::default()
        };
    }
    let pointed = state.offer.area.zip(ui.input(|input| input.pointer.latest_pos()));
    let pointed = pointed.is_some_and(|(area, at)| area.contains(at));
    if state.offer.list.is_empty() || state.offer.dismissed || !typing && !pointed {
        state.offer.area = None;
        return;
    }
    let mut clicked = None;
    let area =
        Area::new(field.with("offer")).order(Order::Foreground).fixed_pos(below.left_bottom() + Vec2::new(0.0, 4.0));
    let shown = area.show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).show(ui, |ui| {
            ui.set_max_width(320.0);
            for (place, one) in state.offer.list.iter().enumerate() {
                let chosen = state.offer.chosen == Some(place);
                if ui.selectable_label(chosen, mono(&one.label)).clicked() {
                    clicked = Some(place);
                }
            }
            note(ui, cx.theme, "Tab takes the first, ↑ ↓ choose, Esc hides");
        });
    });
    state.offer.area = Some(shown.response.rect);
    if typing {
        // Tab takes what is offered and Escape waves it away, instead of leaving the field.
        let kept = egui::EventFilter { tab: true, horizontal_arrows: true, vertical_arrows: true, escape: true };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(field, kept));
    }
    if let Some(place) = clicked {
        accept(ui, state, place);
        state.offer.area = None;
    }
}

fn chips(ui: &mut Ui, theme: &Theme, state: &mut State) {
    if state.query.chips.is_empty() {
        return;
    }
    let mut removed = None;
    ui.horizontal_wrapped(|ui| {
        for (place, chip) in state.query.chips.iter_mut().enumerate() {
            ui.spacing_mut().item_spacing.x = 2.0;
            let (tip, words) = if chip.on {
                ("Click to switch it off without losing it", mono(&chip.text))
            } else {
                ("Off. Click to switch it on", mono(&chip.text).color(theme.text_faint).strikethrough())
            };
            ui.toggle_value(&mut chip.on, words).on_hover_text(tip);
            if icon_button(ui, theme, icons::ICON_CLOSE, &format!("Remove {}", chip.text)).clicked() {
                removed = Some(place);
            }
            ui.add_space(gap::S);
        }
    });
    if let Some(place) = removed {
        state.query.chips.remove(place);
    }
}

fn saved_menu(ui: &mut Ui, theme: &Theme, state: &mut State) {
    let (mut recalled, mut forgotten) = (None, None);
    ui.menu_button("Saved", |ui| {
        ui.set_min_width(240.0);
        let name = match state.query.saved_at() {
            Some(place) => format!("Saved as Alt+{place}"),
            None => format!("Save this filter as Alt+{}", state.query.saved.len() + 1),
        };
        let savable = state.query.saved_at().is_none() && !state.query.text().is_empty();
        if ui.add_enabled(savable, egui::Button::new(name)).clicked() {
            state.query.keep_typed();
            state.query.save();
        }
        for (place, saved) in (1_usize..).zip(&state.query.saved) {
            ui.horizontal(|ui| {
                if quiet_button(ui, theme, saved).on_hover_text(format!("Alt+{place}")).clicked() {
                    recalled = Some(place);
                    ui.close();
                }
                let forget = format!("Forget {saved}");
                if icon_button(ui, theme, icons::ICON_CLOSE, &forget).clicked() {
                    forgotten = Some(place - 1);
                }
            });
        }
        if state.query.saved.is_empty() {
            note(ui, theme, "Nothing is saved yet.");
        }
    });
    if let Some(place) = recalled {
        state.query.recall(place);
    }
    if let Some(place) = forgotten {
        state.query.saved.remove(place);
    }
}

fn columns_menu(ui: &mut Ui, theme: &Theme, state: &mut State) {
    let usual = ui.menu_button("Columns", |ui| state.columns.choose(ui, theme));
    if usual.inner == Some(true) {
        state.table.widths.clear();
    }
}

fn count(ui: &mut Ui, cx: &PageCx, state: &mut State) {
    let theme = cx.theme;
    let records = &cx.snapshot.records;
    let kept = Grouped(records.len() as u64);
    let stored = cx.snapshot.history.store.requests.max(records.len() as u64);
    let mut line = match &state.found {
        None if state.rows.filter().is_empty() => format!("{kept} kept of {}", Grouped(records.total.max(stored))),
        Some(found) => {
            let all = Grouped((state.rows.len() as u64).saturating_add(older::beyond(found)));
            format!("{all} of {}", Grouped((records.len() as u64).saturating_add(found.of)))
        }
        None => format!("{} of {kept}", Grouped(state.rows.len() as u64)),
    };
    if let Some(percent) = state.rows.progress(records) {
        let _ = write!(line, " · searching… {percent} %");
    } else if let Some(words) = state.found.as_deref().and_then(older::progress) {
        let _ = write!(line, " · {words}");
    }
    if state.table.held() > 1 {
        let _ = write!(line, " · {} selected", Grouped(state.table.held() as u64));
    }
    // Whole, on a line of its own if need be.
    ui.add(egui::Label::new(mono(line).color(theme.text_soft)).extend());
    let left = state.found.as_deref().filter(|found| found.done).map_or(0, older::beyond);
    if left > 0 {
        let words = format!("The oldest {} of them are not listed", Grouped(left));
        ui.label(RichText::new(words).color(theme.tone(Tone::Info)));
    }
    if !cx.snapshot.history.reading && state.older.can_list_more(state.found.as_deref(), records, stored) {
        let (word, tip) = if left > 0 {
            ("List more", "Lists up to 50,000 of them")
        } else {
            ("List older ones", "Lists what is kept of earlier requests, up to 50,000 of them")
        };
        if ui.button(word).on_hover_text(tip).clicked() {
            state.older.list_more();
        }
    }
    if let Some(sorted) = &state.sorted {
        let title = super::columns::KINDS.get(sorted.by.0).map_or("", |kind| kind.title);
        let newer = records.total.saturating_sub(sorted.until);
        let text = format!("Sorted by {title}, so it does not follow: {} newer", Grouped(newer));
        ui.label(RichText::new(text).color(theme.tone(Tone::Info)));
        if ui.button("Sort again").clicked() {
            state.sort_by = Some(Wanted::By(sorted.by.0, sorted.by.1));
        }
        if ui.button("Follow newest").on_hover_text("Shift+G").clicked() {
            state.follow();
        }
    } else if state.table.released && ui.button("Follow newest").on_hover_text("Shift+G").clicked() {
        state.follow();
    }
}
