//! The Usage page: how many requests and tokens, by model, endpoint, caller, client and day.
//!
//! Invariant: the total is the sum of the rows shown; what is added up is every request that ended, also those whose rows the
//! history left out.
//! Absent on purpose: prices, which no service tells us.

pub mod export;
mod plot;
pub mod tally;

use std::cmp::Reverse;
use std::sync::Arc;

use egui::{RichText, Ui};

use crate::contract::{Command, SaveCommand};
use crate::model::history::UsageSum;
use crate::model::units::Grouped;
use crate::ui::cx::{Page, PageCx, Target};
use crate::ui::format::{count, file_time};
use crate::ui::stored;
use crate::ui::theme::{self, Theme, Tone, gap};
use crate::ui::widgets::{Column, DataTable, TableState, card, fact, note, page_title};

use tally::{By, Figure, Range, Tally};

const FIGURES: [Figure; 7] = [
    ("Ended", |sum| sum.requests),
    ("Failed", |sum| sum.failed),
    ("Input", |sum| sum.input),
    ("Cached", |sum| sum.cached),
    ("Output", |sum| sum.output),
    ("Reasoning", |sum| sum.reasoning),
    ("Tokens", UsageSum::tokens),
];

/// Which of them have a column, and which in a narrow window.
const ALL: &[usize] = &[0, 1, 2, 3, 4, 5, 6];
const FEW: &[usize] = &[0, 2, 4, 6];

/// This page's view state.
#[derive(Debug, Default)]
pub struct State {
    range: Range,
    by: By,
    table: TableState<Arc<str>>,
    /// A link led here.
    sought: bool,
    /// Places of the figures that have a column.
    figures: &'static [usize],
    shown: Option<Shown>,
    stored: stored::State,
}

/// What was added up, and from what.
#[derive(Debug)]
struct Shown {
    from: (u64, i32, Range, By, Option<(usize, bool)>),
    tally: Arc<Tally>,
    ids: Vec<Arc<str>>,
}

/// Shows the page.
pub fn show(ui: &mut Ui, cx: &mut PageCx, state: &mut State) {
    let theme = cx.theme;
    page_title(ui, theme, "Usage", "Requests and tokens, as the services count them");
    if let Some(Target::Usage(by, range)) = cx.take_target() {
        (state.by, state.range, state.sought) = (by, range, true);
    }
    let today = tally::day_of(cx.snapshot.wall_ms);
    if cx.snapshot.history.usage.iter().next().is_none() {
        if cx.snapshot.history.reading {
            return stored::reading(ui, cx, egui::Id::unique("usage is read"), 8);
        }
        nothing_yet(ui, cx);
        return;
    }
    let columns: &[usize] = if ui.available_width() < 720.0 { FEW } else { ALL };
    if state.figures != columns {
        // Columns are known by place, and the places change.
        (state.figures, state.table.sort) = (columns, None);
    }
    if std::mem::take(&mut state.sought) {
        // Who asks for a view wants to know who took the most; days are in order.
        state.table.sort = (state.by != By::Day).then_some((columns.len(), false));
    }
    let tally = add_up(cx, state, today);
    controls(ui, cx, state, &tally);
    ui.add_space(gap::M);
    card(ui, theme, |ui| {
        figures(ui, theme, &tally.total);
        ui.add_space(gap::M);
        plot::show(ui, theme, &tally, state.range, today);
    });
    ui.add_space(gap::M);
    card(ui, theme, |ui| table(ui, theme, state, &tally));
    if state.by == By::Caller {
        no_caller(ui, cx, &tally);
    }
    remarks(ui, theme, cx, &tally);
    ui.add_space(gap::M);
    stored::show(ui, cx, &mut state.stored);
}

fn nothing_yet(ui: &mut Ui, cx: &mut PageCx) {
    card(ui, cx.theme, |ui| {
        ui.label("No request has ended yet. Once some have, their tokens are added up here, day by day.");
        if ui.button("See how to point a tool here").clicked() {
            cx.go(Page::Connect);
        }
    });
}

/// Adds up what is asked for, if anything changed since the last frame.
fn add_up(cx: &PageCx, state: &mut State, today: i32) -> Arc<Tally> {
    let usage = &cx.snapshot.history.usage;
    let from = (usage.generation, today, state.range, state.by, state.table.sort);
    if let Some(shown) = state.shown.as_ref().filter(|shown| shown.from == from) {
        return Arc::clone(&shown.tally);
    }
    let mut tally = Tally::of(usage, state.range, state.by, today);
    if let Some((column, descending)) = state.table.sort {
        let figure = column.checked_sub(1).and_then(|place| state.figures.get(place));
        if let Some((_, figure)) = figure.and_then(|place| FIGURES.get(*place)) {
            tally.lines.sort_by_key(|(_, sum)| Reverse(figure(sum)));
        }
        if descending {
            tally.lines.reverse();
        }
    }
    let ids = tally.lines.iter().map(|(name, _)| Arc::from(name.as_str())).collect();
    let tally = Arc::new(tally);
    state.shown = Some(Shown { from, tally: Arc::clone(&tally), ids });
    tally
}

fn controls(ui: &mut Ui, cx: &mut PageCx, state: &mut State, tally: &Tally) {
    let soft = cx.theme.text_soft;
    ui.horizontal_wrapped(|ui| {
        for range in Range::EACH {
            ui.selectable_value(&mut state.range, range, range.name());
        }
        ui.add_space(gap::L);
        ui.label(RichText::new("by").color(soft));
        for by in By::EACH {
            ui.selectable_value(&mut state.by, by, by.name());
        }
        ui.add_space(gap::L);
        for (word, export) in [("Copy CSV", export::csv as fn(&Tally, By) -> String), ("Copy JSON", export::json)] {
            if ui.button(word).on_hover_text("Copies the table below, with its total").clicked() {
                ui.ctx().copy_text(export(tally, state.by));
                cx.toast(Tone::Info, format!("{} copied", count(tally.lines.len() as u64, "row", "rows")));
            }
        }
        for (word, ending, export) in
            [("Save CSV", "csv", export::csv as fn(&Tally, By) -> String), ("Save JSON", "json", export::json)]
        {
            if ui.button(word).on_hover_text("Writes the table below, with its total, to a file").clicked() {
                let name = format!("tidegate-usage-{}", file_time(cx.snapshot.wall_ms));
                cx.send(Command::Save(SaveCommand { name, ending, text: export(tally, state.by) }));
            }
        }
    });
}

fn figures(ui: &mut Ui, theme: &Theme, total: &UsageSum) {
    let with = |whole: u64, part: u64, what: &str| format!("{} ({} {what})", Grouped(whole), Grouped(part));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = gap::XL * 1.5;
        fact(ui, theme, "All requests", &with(total.requests, total.failed, "failed"));
        fact(ui, theme, "All input", &with(total.input, total.cached, "cached"));
        fact(ui, theme, "All output", &with(total.output, total.reasoning, "reasoning"));
        fact(ui, theme, "All tokens", &Grouped(total.tokens()).to_string());
    });
}

fn table(ui: &mut Ui, theme: &Theme, state: &mut State, tally: &Tally) {
    let mut columns = vec![Column::rest(state.by.name()).sorted()];
    // Numbers of a larger text need more room.
    let width = 7.1 * ui.fonts_mut(|fonts| fonts.glyph_width(&theme::mono_font(), '0'));
    let figures: Vec<_> = state.figures.iter().filter_map(|place| FIGURES.get(*place)).collect();
    columns.extend(figures.iter().map(|(name, _)| Column::number(name, width.max(78.0)).sorted()));
    let words = |row: usize| {
        tally.lines.get(row).map_or_else(String::new, |(name, sum)| {
            format!("{name}: {}, {} tokens", count(sum.requests, "request", "requests"), Grouped(sum.tokens()))
        })
    };
    // As high as what is left of the window, and never so low that rows vanish: the page itself scrolls.
    let height = ui.available_height().max(300.0);
    let ids = state.shown.as_ref().map_or(&[] as &[Arc<str>], |shown| &shown.ids);
    let table = DataTable::new("usage", &columns).max_height(height);
    ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
        table.show(ui, theme, &mut state.table, ids, words, |ui, row, column| {
            let Some((name, sum)) = tally.lines.get(row) else { return };
            match column.checked_sub(1).and_then(|place| figures.get(place)) {
                None => ui.add(egui::Label::new(RichText::new(name).color(theme.text)).truncate()),
                Some((_, figure)) => ui.label(theme::mono(Grouped(figure(sum)).to_string())),
            };
        });
    });
}

/// Who is behind requests without a caller, and how to tell.
fn no_caller(ui: &mut Ui, cx: &mut PageCx, tally: &Tally) {
    if tally.lines.iter().all(|(name, _)| name != tally::NO_CALLER) {
        return;
    }
    let asked = cx.snapshot.applied.config.listen.require_token;
    let now = if asked { "none was asked for when these came" } else { "none is asked for" };
    let words = format!(
        "“{}”: the program that asked brought none, as {now}. Give each program a token of its own to tell them apart; \
         “Client” tells them apart by the name they give themselves.",
        tally::NO_CALLER
    );
    ui.horizontal_wrapped(|ui| {
        note(ui, cx.theme, &words);
        if ui.button("Callers and their tokens").clicked() {
            cx.open(Target::Setting("callers"));
        }
    });
}

/// What the numbers leave open.
fn remarks(ui: &mut Ui, theme: &Theme, cx: &PageCx, tally: &Tally) {
    if tally.total.uncounted > 0 {
        let uncounted = count(tally.total.uncounted, "answer came", "answers came");
        note(ui, theme, &format!("{uncounted} without a count of the service's own; their tokens are a lower bound."));
    }
    let left_out = cx.snapshot.history.store.left_out;
    if left_out > 0 {
        let left_out = count(left_out, "request has", "requests have");
        note(ui, theme, &format!("{left_out} no row in the stored history, and is counted here all the same."));
    }
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
