//! What happened to an endpoint: changes of its health, switches, 429s, and the revisions that changed it.
//!
//! Invariant: newest first; each event is in the snapshot, none is remembered here.
//! Absent on purpose: single requests; the tab beside it has them.

use egui::{RichText, Ui};

use crate::contract::Snapshot;
use crate::contract::snapshot::{EndpointSeries, SeriesPoint};
use crate::model::config::{AdminState, Config};
use crate::model::id::EndpointId;
use crate::model::status::EndpointView;
use crate::model::units::Timestamp;
use crate::ui::cx::PageCx;
use crate::ui::draft;
use crate::ui::format::{clock_time, count, date_time};
use crate::ui::status::{self, Status};
use crate::ui::theme::{Tone, gap, mono};
use crate::ui::widgets::{quiet_button, section, status_label};

/// How many are shown.
const MOST: usize = 60;

/// Something that happened.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    wall_ms: u64,
    tone: Tone,
    text: String,
    /// The revision that it is about.
    revision: Option<u64>,
}

/// Shows the tab.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx, endpoint: &EndpointView) {
    let theme = cx.theme;
    let mut events = of_series(cx.snapshot, &endpoint.id);
    events.extend(of_revisions(cx.snapshot, &endpoint.id));
    events.sort_by_key(|event| std::cmp::Reverse(event.wall_ms));
    let today = cx.snapshot.wall_ms.saturating_sub(86_400_000);
    section(ui, theme, "Events", |ui| {
        if events.is_empty() {
            ui.label("Nothing has changed in the last 15 minutes, and no revision that is kept has changed it.");
        }
        for event in events.iter().take(MOST) {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = gap::L;
                let at = if event.wall_ms < today { date_time(event.wall_ms) } else { clock_time(event.wall_ms) };
                ui.label(mono(at).color(theme.text_faint));
                match event.revision {
                    None => drop(status_label(ui, theme, event.tone, &event.text)),
                    Some(revision) => {
                        if quiet_button(ui, theme, &format!("rev {revision}")).clicked() {
                            cx.open_revision(revision);
                        }
                        ui.label(RichText::new(&event.text).color(theme.text));
                    }
                }
            });
        }
    });
}

/// Changes of health, what the person switched, and seconds with 429s, of the last minutes.
fn of_series(snapshot: &Snapshot, id: &EndpointId) -> Vec<Event> {
    let Some(series) = snapshot.series.endpoints.iter().find(|one| one.id == *id) else { return Vec::new() };
    let mut events = Vec::new();
    let mut before: Option<&SeriesPoint> = None;
    for point in series.watched() {
        let at = Timestamp::from_secs(point.second);
        let wall_ms = status::wall(snapshot, at);
        let mut happened = |Status { tone, word }| events.push(Event { wall_ms, tone, text: word, revision: None });
        if before.is_some_and(|before| !status::is_same(before.health, point.health)) {
            happened(status::health(point.health, at));
        }
        if before.is_some_and(|before| before.admin_state != point.admin_state) {
            happened(switched(point.admin_state));
        }
        before = Some(point);
    }
    events.extend(throttles(snapshot, series));
    events
}

/// What the person did, as a state.
fn switched(to: AdminState) -> Status {
    let Status { tone, word } = status::admin(to);
    let word = if to == AdminState::Enabled { "Resumed".to_owned() } else { word };
    Status { tone, word: format!("{word} by you") }
}

/// 429s that came within ten seconds of each other are one event.
fn throttles(snapshot: &Snapshot, series: &EndpointSeries) -> Vec<Event> {
    let mut bursts: Vec<(u64, u64, u64)> = Vec::new();
    for point in series.points().filter(|point| point.throttled > 0) {
        match bursts.last_mut().filter(|(_, last, _)| point.second.saturating_sub(*last) <= 10) {
            Some((_, last, sum)) => (*last, *sum) = (point.second, sum.saturating_add(point.throttled.into())),
            None => bursts.push((point.second, point.second, point.throttled.into())),
        }
    }
    let event = |(first, _, sum): (u64, u64, u64)| Event {
        wall_ms: status::wall(snapshot, Timestamp::from_secs(first)),
        tone: Tone::Throttled,
        text: count(sum, "429 of the service", "429s of the service"),
        revision: None,
    };
    bursts.into_iter().map(event).collect()
}

/// Revisions that changed the endpoint, in sentences.
fn of_revisions(snapshot: &Snapshot, id: &EndpointId) -> Vec<Event> {
    let pairs = snapshot.revisions.windows(2).filter_map(|pair| {
        let [new, old] = pair else { return None };
        let (before, after) = (only(old.config.as_deref()?, id), only(new.config.as_deref()?, id));
        let said = draft::sentences(&before, &after);
        let wall_ms = new.signature?.wall_ms;
        (before != after).then(|| Event { wall_ms, tone: Tone::Info, text: said.join(" "), revision: Some(new.number) })
    });
    pairs.collect()
}

fn only(config: &Config, id: &EndpointId) -> Config {
    Config { endpoints: config.endpoint(id).cloned().into_iter().collect(), ..Config::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::revision::{Author, Revision, Signature};
    use crate::ui::fixture;
    use std::sync::Arc;

    #[test]
    fn a_revision_that_changed_it_is_an_event_and_others_are_none() {
        let mut snapshot = fixture::snapshot();
        let base = fixture::config();
        let (mut mine, mut other) = (base.clone(), base.clone());
        mine.endpoint_mut(&"sim-ptu".into()).unwrap().soft_cap_tokens_per_minute = Some(5_000);
        other.endpoint_mut(&"sim-sweden".into()).unwrap().pinned = true;
        let of = |number, config: Config| Revision {
            number,
            signature: Some(Signature { author: Author::You, wall_ms: number * 1_000 }),
            config: Some(Arc::new(config)),
        };
        other.endpoint_mut(&"sim-ptu".into()).unwrap().soft_cap_tokens_per_minute = Some(5_000);
        snapshot.revisions = Arc::new(vec![of(3, other), of(2, mine), of(1, base)]);
        let events = of_revisions(&snapshot, &"sim-ptu".into());
        let found: Vec<_> = events.iter().map(|event| (event.revision, event.text.as_str())).collect();
        assert_eq!(found, [(Some(2), "Soft cap of sim-ptu: none → 5,000 TPM.")]);
    }

    #[test]
    fn a_pause_and_a_rest_that_becomes_one_for_another_reason_are_events() {
        use crate::model::outcome::ThrottleKind;
        use crate::model::status::{Health, RestCause};
        let mut snapshot = fixture::snapshot();
        let series = Arc::make_mut(&mut snapshot.series);
        let one = &mut series.endpoints[0];
        let first = SeriesPoint { throttled: 0, ..*one.points().next().unwrap() };
        let resting = |cause| Health::Resting { until: Timestamp::MAX, cause };
        let points = [
            first,
            SeriesPoint { second: 2, health: resting(RestCause::Throttled(ThrottleKind::Tokens)), ..first },
            SeriesPoint { second: 3, health: resting(RestCause::KeyRejected), ..first },
            SeriesPoint {
                second: 4,
                admin_state: AdminState::Paused,
                health: resting(RestCause::KeyRejected),
                ..first
            },
            SeriesPoint { second: 5, health: resting(RestCause::KeyRejected), ..first },
        ];
        one.chunks = vec![points.into()];
        let id = one.id.clone();
        let said: Vec<String> = of_series(&snapshot, &id).into_iter().map(|event| event.text).collect();
        assert_eq!(said, ["Throttled", "Key rejected", "Paused by you", "Resumed by you"]);
    }

    #[test]
    fn refusals_of_the_service_near_each_other_are_one_event() {
        let snapshot = fixture::snapshot();
        let series = snapshot.series.endpoints.iter().find(|one| one.id.as_str() == "sim-eastus").unwrap();
        let all: u64 = series.points().map(|point| u64::from(point.throttled)).sum();
        let told = throttles(&snapshot, series);
        assert!(all > 0 && !told.is_empty(), "the fixture throttles it");
        let said = told.iter().filter_map(|event| event.text.split(' ').next()?.parse::<u64>().ok()).sum::<u64>();
        assert_eq!(said, all);
    }
}
