//! The configuration's numbers that concern every request: what they are called, how far they go, and the sentences they
//! stand in.
//!
//! Invariant: every number of these sections stands here once; the editor and the review sheet take their words from it.
//! Absent on purpose: routes, endpoints and pools; their pages have them.

use egui::Ui;
use egui_material_icons::icons::ICON_UNDO;

use super::cx::PageCx;
use super::findings;
use super::widgets::{Blank, checkbox, icon_button, note, on_or_off, quiet_button, sentence_words, unapplied};
use crate::model::config::{Config, Queue};
use crate::model::units::Grouped;

/// A section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[retry]`
    Retry,
    /// `[queue]`
    Queue,
    /// `[health]`
    Health,
    /// `[timeouts]`
    Timeouts,
    /// `[bodies]`
    Bodies,
    /// `[live_tuning]`
    LiveTuning,
    /// `[history]`
    History,
}

impl Section {
    /// Every section, in order.
    pub const ALL: [Self; 7] =
        [Self::Retry, Self::Queue, Self::Health, Self::Timeouts, Self::Bodies, Self::LiveTuning, Self::History];

    /// The section that a setting is about, by the setting's name in links.
    #[must_use]
    pub fn of_setting(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.table() == slug)
    }

    /// Its name in the file, which is the setting's name in links, too.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Queue => "queue",
            Self::Health => "health",
            Self::Timeouts => "timeouts",
            Self::Bodies => "bodies",
            Self::LiveTuning => "live_tuning",
            Self::History => "history",
        }
    }

    /// Makes it the same as in another configuration.
    fn take(self, config: &mut Config, from: &Config) {
        match self {
            Self::Retry => config.retry = from.retry.clone(),
            Self::Queue => config.queue = from.queue.clone(),
            Self::Health => config.health = from.health.clone(),
            Self::Timeouts => config.timeouts = from.timeouts.clone(),
            Self::Bodies => config.bodies = from.bodies.clone(),
            Self::LiveTuning => config.live_tuning = from.live_tuning.clone(),
            Self::History => config.history = from.history.clone(),
        }
    }

    fn figures(self) -> impl Iterator<Item = &'static Figure> {
        FIGURES.iter().filter(move |figure| figure.section == self)
    }
}

/// A number of a section.
pub struct Figure {
    section: Section,
    /// What it is called, unique over all sections.
    name: &'static str,
    /// Space included.
    unit: &'static str,
    bounds: (u32, u32),
    /// What stands before it in its sentence.
    before: &'static str,
    of: fn(&mut Config) -> Number<'_>,
}

/// Where a number lies.
enum Number<'a> {
    Short(&'a mut u32),
    Long(&'a mut u64),
}

impl Number<'_> {
    fn value(&self) -> u32 {
        match self {
            Self::Short(value) => **value,
            Self::Long(value) => u32::try_from(**value).unwrap_or(u32::MAX),
        }
    }

    fn set(self, to: u32) {
        match self {
            Self::Short(value) => *value = to,
            Self::Long(value) => *value = to.into(),
        }
    }
}

impl Figure {
    fn value(&self, config: &Config) -> u32 {
        (self.of)(&mut config.clone()).value()
    }
}

const fn figure(
    section: Section,
    before: &'static str,
    (name, unit): (&'static str, &'static str),
    bounds: (u32, u32),
    of: fn(&mut Config) -> Number<'_>,
) -> Figure {
    Figure { section, name, unit, bounds, before, of }
}

static FIGURES: &[Figure] = &[
    figure(Section::Retry, "A request is sent", ("Sendings of one request", " times"), (1, 20), |config| {
        Number::Short(&mut config.retry.max_attempts)
    }),
    figure(
        Section::Retry,
        "in all at most, to other endpoints or the same one. Of the requests, at most",
        ("Share of retries", " %"),
        (0, 100),
        |config| Number::Short(&mut config.retry.budget_percent),
    ),
    figure(
        Section::Retry,
        "are retried after faults, so that an outage is not made worse. Where the same endpoint is tried again, the wait \
         begins at",
        ("First wait before a retry", " ms"),
        (0, 60_000),
        |config| Number::Long(&mut config.retry.base_delay_ms),
    ),
    figure(Section::Retry, "and doubles up to", ("Longest wait before a retry", " ms"), (0, 600_000), |config| {
        Number::Long(&mut config.retry.max_delay_ms)
    }),
    figure(Section::Queue, "Up to", ("Requests that may wait", " requests"), (0, 100_000), |config| {
        Number::Short(&mut config.queue.max_waiting)
    }),
    figure(Section::Queue, "wait in line for at most", ("Longest wait in line", " s"), (0, 3_600), |config| {
        Number::Short(&mut config.queue.max_wait_seconds)
    }),
    figure(
        Section::Queue,
        "each. Bulk work gets at least",
        ("Bulk's share of the tokens", " %"),
        (0, Queue::LARGEST_BULK_SHARE),
        |config| Number::Short(&mut config.queue.bulk_share_percent),
    ),
    figure(Section::Health, "After", ("Failures in a row", " failures"), (1, 100), |config| {
        Number::Short(&mut config.health.failures)
    }),
    figure(Section::Health, "in", ("Time that counts as in a row", " s"), (1, 3_600), |config| {
        Number::Short(&mut config.health.within_seconds)
    }),
    figure(Section::Health, "an endpoint is not used for", ("First rest", " s"), (1, 3_600), |config| {
        Number::Short(&mut config.health.rest_seconds)
    }),
    figure(
        Section::Health,
        ", twice as long each further time, up to",
        ("Longest rest", " s"),
        (1, 86_400),
        |config| Number::Short(&mut config.health.longest_rest_seconds),
    ),
    figure(Section::Timeouts, "A connection has to stand within", ("Time to connect", " s"), (1, 600), |config| {
        Number::Short(&mut config.timeouts.connect_seconds)
    }),
    figure(
        Section::Timeouts,
        ", an answer that is not streamed to begin within",
        ("Time until an answer begins", " s"),
        (1, 86_400),
        |config| Number::Short(&mut config.timeouts.answer_seconds),
    ),
    figure(
        Section::Timeouts,
        ", the head of a stream to come within",
        ("Time until a stream's head", " s"),
        (1, 86_400),
        |config| Number::Short(&mut config.timeouts.stream_head_seconds),
    ),
    figure(
        Section::Timeouts,
        ", and a stream may be silent for",
        ("Silence of a stream", " s"),
        (1, 86_400),
        |config| Number::Short(&mut config.timeouts.stream_idle_seconds),
    ),
    figure(
        Section::Timeouts,
        ". A WebSocket is closed after",
        ("Time between responses on a socket", " s"),
        (1, 86_400),
        |config| Number::Short(&mut config.timeouts.socket_idle_seconds),
    ),
    figure(Section::Bodies, "Of each body, up to", ("Body kept in memory", " MiB"), (0, 1_024), |config| {
        Number::Short(&mut config.bodies.memory_mib)
    }),
    figure(
        Section::Bodies,
        "are kept in memory for another try, the rest in a temporary file. Bodies of up to",
        ("Longest body", " MiB"),
        (1, 1_048_576),
        |config| Number::Short(&mut config.bodies.largest_mib),
    ),
    figure(
        Section::Bodies,
        "are taken, and a client that sends nothing more for",
        ("Pause within a body", " s"),
        (1, 3_600),
        |config| Number::Short(&mut config.bodies.stall_seconds),
    ),
    figure(
        Section::LiveTuning,
        "Edits that nobody keeps go back after",
        ("Time to confirm live edits", " s"),
        (10, 3_600),
        |config| Number::Short(&mut config.live_tuning.confirm_seconds),
    ),
    figure(Section::LiveTuning, ", or at once when", ("Errors that end live tuning", " %"), (1, 100), |config| {
        Number::Short(&mut config.live_tuning.max_errors_percent)
    }),
    figure(Section::History, "Requests are kept for", ("Days of history", " days"), (1, 3_650), |config| {
        Number::Short(&mut config.history.max_days)
    }),
    figure(Section::History, ", in a file of at most", ("Size of the history", " MB"), (8, 1_048_576), |config| {
        Number::Short(&mut config.history.max_megabytes)
    }),
    figure(
        Section::History,
        "; the oldest go first. In one second at most",
        ("Requests stored in a second", " requests"),
        (1, 100_000),
        |config| Number::Short(&mut config.history.requests_per_second),
    ),
];

/// What follows a section's last number.
const fn end(section: Section) -> &'static str {
    match section {
        Section::Bodies => "is cut off.",
        Section::LiveTuning => "more of the requests fail than before.",
        Section::Health => "; then 1 request tries it. Two failed connections in a row are enough.",
        Section::History => "get a row of their own; usage counts all.",
        Section::Queue => "of the tokens while it wants them.",
        Section::Retry | Section::Timeouts => ".",
    }
}

/// Every difference within a section, one sentence each.
#[must_use]
pub fn sentences(section: Section, from: &Config, to: &Config) -> Vec<String> {
    let changed = section.figures().filter(|figure| figure.value(from) != figure.value(to));
    changed
        .map(|figure| {
            let unit = figure.unit;
            let (before, after) = (Grouped(figure.value(from).into()), Grouped(figure.value(to).into()));
            format!("{}: {before} → {after}{unit}.", figure.name)
        })
        .collect()
}

/// Shows a section as sentences with blanks, and the way back to what is usual. Edits go into the draft.
pub fn show(ui: &mut Ui, cx: &mut PageCx, section: Section) {
    if section == Section::History {
        keep(ui, cx);
    }
    let (config, usual) = (std::sync::Arc::clone(cx.draft.working()), Config::default());
    ui.horizontal_wrapped(|ui| {
        let mut figures = section.figures().peekable();
        while let Some(figure) = figures.next() {
            let then = figures.peek().map_or(end(section), |next| next.before);
            sentence_words(ui, cx.theme, figure.before, then);
            blank(ui, cx, figure, &config, &usual);
        }
        sentence_words(ui, cx.theme, end(section), "");
    });
    let mut back = Config::clone(&config);
    section.take(&mut back, &usual);
    if back == *config {
        note(ui, cx.theme, "default");
    } else {
        let button = quiet_button(ui, cx.theme, "Back to what is usual");
        let name = format!("{}: back to what is usual", section.table());
        ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(name));
        if button.clicked() {
            cx.draft.edit(format!("set {} back to what is usual", section.table()), |config| *config = back);
        }
    }
    findings::show(ui, cx, section.table(), None);
}

/// Says that a setting is as usual, or is the way back to what is; true if that was taken.
#[must_use]
pub fn usual(ui: &mut Ui, cx: &PageCx, name: &str, is_usual: bool, usual: &str) -> bool {
    if is_usual {
        note(ui, cx.theme, "default");
        return false;
    }
    let button = quiet_button(ui, cx.theme, &format!("Back to {usual}"));
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_label(format!("{name}: back to {usual}")));
    button.clicked()
}

fn blank(ui: &mut Ui, cx: &mut PageCx, figure: &Figure, config: &Config, usual: &Config) {
    let (value, applied, usually) = (figure.value(config), figure.value(cx.draft.base()), figure.value(usual));
    let hint = format!("Usually {}", Grouped(usually.into()));
    if value != usually {
        // Before the number: what stands behind it may be a comma.
        let name = format!("{}: back to {}{}", figure.name, Grouped(usually.into()), figure.unit);
        if icon_button(ui, cx.theme, ICON_UNDO, &name).clicked() {
            let label = format!("set {} back to what is usual", figure.name.to_lowercase());
            cx.draft.edit(label, |config| (figure.of)(config).set(usually));
        }
    }
    let field = Blank::new(figure.name, value, figure.bounds.0..=figure.bounds.1);
    let output = field.unit(figure.unit).hint(&hint).applied(Some(applied)).show(ui, cx.theme);
    if let Some(value) = output.changed {
        let label = format!("set {} to {}", figure.name.to_lowercase(), Grouped(value.into()));
        cx.draft.adjust(figure.name, label, |config| (figure.of)(config).set(value));
    }
    if output.done {
        cx.draft.settle();
    }
}

fn keep(ui: &mut Ui, cx: &mut PageCx) {
    let mut kept = cx.draft.working().history.keep;
    let runs = cx.draft.base().history.keep;
    let field = checkbox(ui, &mut kept, "Keep requests, series and usage over a restart");
    let changed = field.changed();
    drop(unapplied(ui, cx.theme, field, (kept != runs && !changed).then(|| on_or_off(runs).to_owned())));
    let usually = crate::model::config::History::default().keep;
    if usual(ui, cx, "Keep history", kept == usually, on_or_off(usually)) {
        cx.draft.edit("keep history as usual", |config| config.history.keep = usually);
    } else if changed {
        let label = if kept { "keep history" } else { "keep no history" };
        cx.draft.edit(label, |config| config.history.keep = kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sections as the file would have them, number by number.
    fn numbers(config: &Config, section: Section) -> usize {
        let text = toml_edit::ser::to_string(config).expect("a configuration can be written");
        let document: toml_edit::DocumentMut = text.parse().expect("what was written can be read");
        let table = document.get(section.table()).and_then(toml_edit::Item::as_table_like).expect("a section");
        table.iter().filter(|(_, item)| item.as_integer().is_some()).count()
    }

    #[test]
    fn every_number_of_these_sections_has_an_editor_of_its_own_name() {
        for section in Section::ALL {
            assert_eq!(section.figures().count(), numbers(&Config::default(), section), "{section:?}");
        }
        for (place, figure) in FIGURES.iter().enumerate() {
            assert!(FIGURES.iter().skip(place + 1).all(|other| other.name != figure.name), "{}", figure.name);
        }
    }

    #[test]
    fn every_usual_value_lies_within_its_bounds_and_can_be_set() {
        let usual = Config::default();
        for figure in FIGURES {
            let (least, most) = figure.bounds;
            assert!((least..=most).contains(&figure.value(&usual)), "{}", figure.name);
            let mut config = usual.clone();
            (figure.of)(&mut config).set(most);
            assert_eq!(figure.value(&config), most, "{}", figure.name);
            let said = sentences(figure.section, &usual, &config);
            assert!(said.len() == 1 && said[0].starts_with(figure.name), "{said:?}");
        }
    }
}
