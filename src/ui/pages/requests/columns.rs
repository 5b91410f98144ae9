//! The columns of the list: what each shows and sorts by, which are shown, and in what order.
//!
//! Invariant: every column can be hidden but the one that says why; a narrow page drops columns from the end of its order,
//! then the reason, which the open request says, and never those that tell how it ended, where it went and how often it was tried.
//! Absent on purpose: widths the person drew; the table keeps those.

use egui::{RichText, Ui};

use crate::model::decision::Decision;
use crate::model::record::RequestRecord;
use crate::model::units::{Grouped, Short, micros};
use crate::ui::format::{clock_time, group_rank, span};
use crate::ui::request_rows::outcome;
use crate::ui::theme::{Theme, Tone, mono};
use crate::ui::widgets::{checkbox, middle, text_width};
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
    /// Its width in a narrow list, where it stays for what it decides; `None`: it goes when there is no room.
    pub kept: Option<f32>,
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
    Kind { id, title, width, kept: None, usual: true, cell, key }
}

impl Kind {
    const fn on_request(mut self) -> Self {
        self.usual = false;
        self
    }

    const fn kept_at(mut self, width: f32) -> Self {
        self.kept = Some(width);
        self
    }
}

/// Every column there is, in the usual order. The last one says why.
pub const KINDS: [Kind; 14] = [
    kind("ended", "Ended", 84.0, time, |record| Rank::Number(record.ended_wall_ms())),
    kind("status", "Status", 132.0, status, |record| Rank::Text(words::status(record))).kept_at(96.0),
    kind("way", "Route → endpoint", 190.0, way, |record| Rank::Text(way_text(record))).kept_at(168.0),
    kind("total", "Total", 64.0, total, |record| Rank::Number(micros(record.total))),
    kind("ttft", "First token", 78.0, first_token, |record| Rank::Number(record.first_token.map_or(u64::MAX, micros))),
    kind("attempts", "Tries", 44.0, attempts, |record| Rank::Number(tries(record))).kept_at(44.0),
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

/// The least that is left for the reason; in a narrow list less will do, and beside an open request, which says it.
const WHY: [f32; 3] = [260.0, 200.0, 110.0];
/// Below this width of the list those that always stay are narrower.
const NARROW: f32 = 760.0;
/// Between columns.
const SPACING: f32 = 8.0;

/// The columns that a width has room for.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitting {
    /// Places in [`KINDS`], in order.
    pub places: Vec<usize>,
    /// Whether those that always stay are narrower.
    pub narrow: bool,
}

impl Fitting {
    /// Each with its width in points; `None`: what is left.
    pub fn each(&self) -> impl Iterator<Item = (&'static Kind, Option<f32>)> {
        let rest = self.places.iter().rposition(|place| *place == WHY_PLACE).or_else(|| {
            // Without the reason, where it went has what is left.
            self.places.iter().position(|place| *place == WAY_PLACE)
        });
        let kinds = self.places.iter().enumerate().filter_map(|(at, place)| Some((at, KINDS.get(*place)?)));
        kinds.map(move |(at, kind)| (kind, (rest != Some(at)).then(|| width_of(kind, self.narrow))))
    }
}

fn width_of(kind: &Kind, narrow: bool) -> f32 {
    kind.kept.filter(|_| narrow).unwrap_or(kind.width)
}

fn stays(place: usize) -> bool {
    KINDS.get(place).is_some_and(|kind| kind.kept.is_some())
}

/// Where the reason stands in [`KINDS`], and where a request went.
const WHY_PLACE: usize = KINDS.len() - 1;
const WAY_PLACE: usize = 2;

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
    pub fn fitting(&self, width: f32) -> Fitting {
        let narrow = width < NARROW;
        let staying = self.shown().filter(|place| stays(*place)).count();
        for least in WHY {
            let (mut places, left) = self.beside(width - least, narrow);
            let more = places.len() > staying || self.shown().all(|place| stays(place) || place == WHY_PLACE);
            if left >= 0.0 && (more || least <= WHY[2]) {
                places.push(WHY_PLACE);
                return Fitting { places, narrow };
            }
        }
        let (mut places, _) = self.beside(width, narrow);
        if places.is_empty() {
            places.push(WHY_PLACE);
        }
        Fitting { places, narrow }
    }

    /// Those that fit beside the reason, and what they leave. Room for those that always stay is kept first.
    fn beside(&self, width: f32, narrow: bool) -> (Vec<usize>, f32) {
        let needs = |place: usize| KINDS.get(place).map_or(0.0, |kind| width_of(kind, narrow)) + SPACING;
        let mut left = width - self.shown().filter(|place| stays(*place)).map(needs).sum::<f32>();
        let mut full = false;
        let fits = |place: &usize| {
            if stays(*place) {
                return true;
            }
            full |= left < needs(*place);
            if !full {
                left -= needs(*place);
            }
            !full
        };
        let places = self.shown().filter(|place| *place != WHY_PLACE).filter(fits).collect();
        (places, left)
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

    /// The chooser: a tick and two arrows for each. Returns whether all is to be as it was at first, widths too.
    pub fn choose(&mut self, ui: &mut Ui, theme: &Theme) -> bool {
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
        let usual = ui.button("As they were at first").clicked();
        if usual {
            *self = Self::default();
        }
        usual
    }
}

fn time(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    ui.label(mono(clock_time(record.ended_wall_ms())).color(theme.text_soft));
}

/// Points without which it is not begun to tell what a request met before.
const MET: f32 = 36.0;

/// How it ended, and what it met before: a 429 that was saved elsewhere is seen, and found, as one.
fn status(ui: &mut Ui, theme: &Theme, record: &RequestRecord) {
    outcome(record).show(ui, theme);
    // In a narrow list the tries tell that there was something before.
    if let Some(met) = words::met(record).filter(|_| ui.available_width() >= MET) {
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
    let fits = |text: &str| text_width(ui, text, &font) <= room;
    let whole = way_text(record);
    let endpoint = record.endpoint().map(|endpoint| format!("… → {endpoint}")).filter(|_| !fits(&whole));
    let shown = endpoint.as_deref().unwrap_or(&whole);
    let shown = middle(ui, shown, &font, room);
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
        // Estimated, and counted from what went through: the service did not say.
        Some(usage) if usage.input > 0 => format!("~{} / ≥{}", amount(usage.input), amount(usage.output)),
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
    fn a_narrow_page_keeps_what_decides_and_gives_up_the_reason_last() {
        let columns = Columns::default();
        let shown = |width| ids(&columns.fitting(width).places);
        assert_eq!(shown(700.0), ["ended", "status", "way", "attempts", "why"]);
        assert_eq!(shown(556.0), ["ended", "status", "way", "attempts", "why"]);
        assert_eq!(shown(450.0), ["status", "way", "attempts", "why"]);
        assert_eq!(shown(312.0), ["status", "way", "attempts"], "these decide; the open request says why");
        let widths = |width| -> f32 { columns.fitting(width).each().filter_map(|(_, width)| width).sum() };
        assert!(widths(312.0) < 180.0, "where it went has what is left");
        assert_eq!(columns.fitting(2_000.0).places.len(), 10, "those shown on request are not among them");
    }

    #[test]
    fn what_was_kept_comes_back_in_its_order_and_unknown_names_do_no_harm() {
        let kept = ["id", "ended", "nonsense", "id", "why"].map(str::to_owned);
        let columns = Columns::of_names(&kept);
        assert_eq!(ids(&columns.fitting(2_000.0).places), ["id", "ended", "why"]);
        assert_eq!(Columns::of_names(&columns.names()), columns);
        assert_eq!(Columns::of_names(&[]), Columns::default());
    }
}
