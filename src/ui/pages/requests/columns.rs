//! The columns of the list: what each shows and sorts by, which are shown, and in what order.
//!
//! Invariant: every column can be hidden but the one that says why; a narrow page drops columns from the end of its order,
//! and last the one that says where a request went.
//! Absent on purpose: widths the person drew; the table keeps those.

use egui::{RichText, Ui};

use crate::model::decision::Decision;
use crate::model::record::RequestRecord;
use crate::model::units::{Grouped, Short, micros};
use crate::ui::format::{clock_time, group_rank, span};
use crate::ui::request_rows::outcome;
use crate::ui::theme::{Theme, Tone, mono};
use crate::ui::widgets::checkbox;
use crate::ui::words::{self, explain};

/// What a column sorts by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// By amount.
    Number(u64),
    /// By text.
    Text(String),
}

/// One column.
pub struct Kind {
    /// Its name in what is kept.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Its width; 0: what is left.
    pub width: f32,
    /// Whether it is shown until the person says otherwise.
    pub usual: bool,
    /// Draws a cell.
    pub cell: fn(&mut Ui, &Theme, &RequestRecord),
    /// What it sorts by.
    pub key: fn(&RequestRecord) -> Rank,
}

const fn kind(
    id: &'static str,
    title: &'static str,
    width: f32,
    cell: fn(&mut Ui, &Theme, &RequestRecord),
    key: fn(&RequestRecord) -> Rank,
) -> Kind {
    Kind { id, title, width, usual: true, cell, key }
}

impl Kind {
    const fn on_request(mut self) -> Self {
        self.usual = false;
        self
    }
}

/// Every column there is, in the usual order. The last one says why.
pub const KINDS: [Kind; 14] = [
    kind("ended", "Ended", 84.0, time, |record| Rank::Number(record.ended_wall_ms())),
    kind("status", "Status", 132.0, status, |record| Rank::Text(words::status(record))),
    kind("way", "Route → endpoint", 190.0, way, |record| Rank::Text(way_text(record))),
    kind("total", "Total", 64.0, total, |record| Rank::Number(micros(record.total))),
    kind("ttft", "First token", 78.0, first_token, |record| Rank::Number(record.first_token.map_or(u64::MAX, micros))),
    kind("attempts", "Tries", 44.0, attempts, |record| Rank::Number(tries(record))),
    kind("tokens", "Tokens in / out (reserved)", 172.0, tokens, |record| {
        Rank::Number(record.usage.map_or(0, |usage| usage.total()))
    }),
    kind("client", "Client", 104.0, client, |record| Rank::Text(record.profile.client.to_string())),
    kind("group", "Group", 104.0, group, |record| {
        Rank::Number(record.attempts.last().map_or(u64::MAX, |attempt| attempt.group.into()))
    }),
    kind("waited", "Waited", 64.0, waited, |record| Rank::Number(micros(record.waited))).on_request(),
    kind("caller", "Caller", 96.0, caller, |record| Rank::Text(caller_text(record))).on_request(),
    kind("priority", "Priority", 84.0, priority, |record| Rank::Text(priority_text(record))).on_request(),
    kind("id", "Request", 84.0, id, |record| Rank::Number(record.id.0)).on_request(),
    kind("why", "Why", 0.0, why, |record| Rank::Text(explain::one_line(record))),
];

/// The least that is left for the reason; beside an open request, which says it, less will do where else no more than two
/// columns had room.
const WHY: [f32; 3] = [260.0, 200.0, 110.0];
/// Between columns.
const SPACING: f32 = 8.0;

/// Which columns are shown, in what order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Places in [`KINDS`] with whether they are shown.
    order: Vec<(usize, bool)>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { order: KINDS.iter().enumerate().map(|(place, kind)| (place, kind.usual)).collect() }
    }
}

impl Columns {
    /// Those shown, as far as a width goes, the reason always last.
    #[must_use]
    pub fn fitting(&self, width: f32) -> Vec<usize> {
        let mut shown = Vec::new();
        for least in WHY {
            shown = self.beside(width - least);
            if shown.len() > 2 {
                break;
            }
        }
        shown.push(KINDS.len() - 1);
        shown
    }

    /// Those that fit beside the reason. Room for where a request went is kept first.
    fn beside(&self, width: f32) -> Vec<usize> {
        let needs = |place: usize| KINDS.get(place).map_or(0.0, |kind| kind.width) + SPACING;
        let is_way = |place: usize| KINDS.get(place).is_some_and(|kind| kind.id == "way");
        let mut left = width - self.shown().find(|place| is_way(*place)).map_or(0.0, needs);
        let mut full = false;
        let fits = |place: &usize| {
            if !is_way(*place) {
                left -= needs(*place);
                full |= left < 0.0;
            }
            !full || is_way(*place)
        };
        self.shown().filter(|place| *place != KINDS.len() - 1).filter(fits).collect()
    }

    fn shown(&self) -> impl Iterator<Item = usize> {
        self.order.iter().filter(|(_, on)| *on).map(|(place, _)| *place)
    }

    /// The names of those shown, in order, to be kept.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.shown().filter_map(|place| KINDS.get(place)).map(|kind| kind.id.to_owned()).collect()
    }

    /// What was kept. Names that are not known are left out; what is not named is hidden.
    #[must_use]
    pub fn of_names(names: &[String]) -> Self {
        let known = names.iter().filter_map(|name| KINDS.iter().position(|kind| kind.id == name));
        let mut order: Vec<(usize, bool)> = Vec::new();
        for place in known {
            if !order.iter().any(|(other, _)| *other == place) {
                order.push((place, true));
            }
        }
        if order.is_empty() {
            return Self::default();
        }
        let rest: Vec<usize> = (0..KINDS.len()).filter(|place| !order.iter().any(|(one, _)| one == place)).collect();
        order.extend(rest.into_iter().map(|place| (place, false)));
        Self { order }
    }

    /// The chooser: a tick and two arrows for each.
    pub fn choose(&mut self, ui: &mut Ui, theme: &Theme) {
        let mut swap = None;
        let last = self.order.len().saturating_sub(2);
        for (row, (place, on)) in self.order.iter_mut().enumerate() {
            let Some(kind) = KINDS.get(*place).filter(|kind| kind.id != "why") else { continue };
            ui.horizontal(|ui| {
                ui.set_min_width(230.0);
                checkbox(ui, on, kind.title);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let mut arrow = |icon, name: String, usable: bool, with: usize| {
                        let button =
                            ui.add_enabled_ui(usable, |ui| crate::ui::widgets::icon_button(ui, theme, icon, &name));
                        if button.inner.clicked() {
                            swap = Some((row, with));
                        }
                    };
                    let down = egui_material_icons::icons::ICON_ARROW_DOWNWARD;
                    arrow(down, format!("{} further right", kind.title), row < last, row + 1);
                    let up = egui_material_icons::icons::ICON_ARROW_UPWARD;
                    arrow(up, format!("{} further left", kind.title), row > 0, row.saturating_sub(1));
                });
            });
        }
        if let Some((one, other)) = swap {
            self.order.swap(one, other);
        }
        ui.separator();
        if ui.button("As they were at first").clicked() {
            *self = Self::default();
        }
    }
}

fn time(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(clock_time(record.ended_wall_ms())).color(theme.text_soft));
}

/// How it ended, and what it met before: a 429 that was saved elsewhere is seen, and found, as one.
fn status(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    outcome(record).show(ui, theme);
    if let Some(met) = words::met(record) {
        ui.label(RichText::new(met).small().color(theme.tone(Tone::Throttled)));
    }
}

fn way_text(record: &RequestRecord) -> String {
    let endpoint = record.endpoint().map_or("–", |endpoint| endpoint.as_str());
    format!("{} → {endpoint}", record.profile.model)
}

/// Where both names have no room, the endpoint has it: the route is the same in most rows.
fn way(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let font = egui::TextStyle::Body.resolve(ui.style());
    let room = ui.available_width();
    let fits = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), font.clone(), theme.text).size().x <= room;
    let whole = way_text(record);
    let endpoint = record.endpoint().map(|endpoint| format!("… → {endpoint}")).filter(|_| !fits(&whole));
    let shown = endpoint.as_deref().unwrap_or(&whole);
    let shown = crate::ui::widgets::middle(ui, shown, &font, room);
    let label = ui.label(RichText::new(shown).color(theme.text));
    label.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &whole));
    label.on_hover_text(whole);
}

fn group(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let place = record.attempts.last().map(|attempt| (attempt.group as usize).saturating_sub(1));
    let groups = record.decisions.last().map_or(1, |decision: &std::sync::Arc<Decision>| explain::groups(decision));
    let name = place.map_or_else(|| "–".to_owned(), |place| group_rank(place, groups));
    ui.label(RichText::new(name).color(theme.text_soft));
}

fn tries(record: &RequestRecord) -> u64 {
    u64::try_from(record.attempts.len()).unwrap_or(u64::MAX)
}

fn attempts(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let color = if record.attempts.len() > 1 { theme.tone(Tone::Throttled) } else { theme.text_soft };
    ui.label(mono(record.attempts.len().to_string()).color(color));
}

fn tokens(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let reserved = record.decisions.last().map_or(0, |decision| decision.estimate.charge);
    let used = match record.usage {
        None => "– / –".to_owned(),
        Some(usage) if usage.exact => format!("{} / {}", amount(usage.input), amount(usage.output)),
        // Counted from what went through: the service did not say.
        Some(usage) => format!("– / ≥{}", amount(usage.output)),
    };
    ui.label(mono(format!("{used} ({})", amount(reserved))).color(theme.text));
}

/// Whole below ten thousand, short above.
fn amount(tokens: u64) -> String {
    if tokens < 10_000 { Grouped(tokens).to_string() } else { Short(tokens).to_string() }
}

fn first_token(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(record.first_token.map_or_else(|| "–".to_owned(), span)).color(theme.text));
}

fn total(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(span(record.total)).color(theme.text));
}

fn waited(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    let text = if record.waited.is_zero() { "–".to_owned() } else { span(record.waited) };
    ui.label(mono(text).color(theme.text));
}

fn client(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(record.profile.client.as_ref()).color(theme.text_soft));
}

fn caller_text(record: &RequestRecord) -> String {
    record.profile.caller.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string)
}

fn caller(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(caller_text(record)).color(theme.text_soft));
}

fn priority_text(record: &RequestRecord) -> String {
    words::priority(record.profile.priority).to_owned()
}

fn priority(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(priority_text(record)).color(theme.text_soft));
}

fn id(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(record.id.to_string()).color(theme.text_soft));
}

fn why(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(RichText::new(explain::one_line(record)).color(theme.text_soft));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(places: &[usize]) -> Vec<&'static str> {
        places.iter().map(|place| KINDS[*place].id).collect()
    }

    #[test]
    fn a_narrow_page_keeps_the_first_columns_and_always_the_reason() {
        let columns = Columns::default();
        assert_eq!(ids(&columns.fitting(400.0)), ["ended", "way", "why"]);
        assert_eq!(ids(&columns.fitting(540.0)), ["ended", "status", "way", "why"]);
        assert_eq!(ids(&columns.fitting(320.0)), ["way", "why"], "where it went is the last that goes");
        assert_eq!(ids(&columns.fitting(640.0)), ["ended", "status", "way", "why"]);
        assert_eq!(ids(&columns.fitting(700.0)), ["ended", "status", "way", "why"]);
        assert_eq!(columns.fitting(2_000.0).len(), 10, "those shown on request are not among them");
    }

    #[test]
    fn what_was_kept_comes_back_in_its_order_and_unknown_names_do_no_harm() {
        let kept = ["id", "ended", "nonsense", "id", "why"].map(str::to_owned);
        let columns = Columns::of_names(&kept);
        assert_eq!(ids(&columns.fitting(2_000.0)), ["id", "ended", "why"]);
        assert_eq!(Columns::of_names(&columns.names()), columns);
        assert_eq!(Columns::of_names(&[]), Columns::default());
    }
}
