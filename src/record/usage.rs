//! What was used, added up by day, caller, client, model and endpoint.
//!
//! Invariant: every finished request is in exactly one sum, also one that is stored nowhere else.
//! Absent on purpose: prices, and single requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::contract::history::UsageView;
use crate::model::history::{UsageKey, UsageRow, UsageSum};
use crate::model::id::EndpointId;
use crate::model::record::RequestRecord;

/// Clients of one day that are told apart; a client may call itself whatever it likes.
const CLIENTS: usize = 100;
/// What the others are called together.
const OTHERS: &str = "other clients";
/// Where days are counted from.
const FIRST_DAY: Date = Date::constant(1970, 1, 1);

/// All sums.
#[derive(Debug)]
pub struct UsageBook {
    zone: TimeZone,
    /// The day that is being filled, and the Unix milliseconds it spans.
    day: (i32, std::ops::Range<u64>),
    clients: BTreeSet<Arc<str>>,
    today: BTreeMap<UsageKey, UsageSum>,
    past: Arc<[UsageRow]>,
    /// The endpoints that any row is of.
    served: Arc<BTreeSet<EndpointId>>,
    /// What was added since the last batch.
    fresh: BTreeMap<UsageKey, UsageSum>,
    generation: u64,
}

impl UsageBook {
    /// An empty book whose days begin at this zone's midnights.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        let (day, clients, past) = ((0, 0..0), BTreeSet::new(), Arc::from([]));
        let (today, fresh, served) = (BTreeMap::new(), BTreeMap::new(), Arc::default());
        Self { zone, day, clients, today, past, served, fresh, generation: 0 }
    }

    /// Adds a finished request. It counts for the day on which it arrived, unless a later day has begun meanwhile.
    pub fn add(&mut self, record: &RequestRecord) {
        self.turn_to(record.wall_ms);
        let key = UsageKey {
            day: self.day.0,
            caller: record.profile.caller.clone(),
            client: self.client(&record.profile.client),
            model: record.profile.model.clone(),
            endpoint: record.endpoint().cloned(),
        };
        self.meet(&key);
        let sum = UsageSum::of(record);
        self.fresh.entry(key.clone()).or_default().add(&sum);
        self.today.entry(key).or_default().add(&sum);
        self.generation = self.generation.saturating_add(1);
    }

    /// Adds what an earlier run left.
    pub fn remember(&mut self, rows: Vec<UsageRow>, wall_ms: u64) {
        self.turn_to(wall_ms);
        let mut past: BTreeMap<UsageKey, UsageSum> = self.past.iter().cloned().collect();
        for (key, sum) in rows {
            self.meet(&key);
            let book = if key.day == self.day.0 { &mut self.today } else { &mut past };
            book.entry(key).or_default().add(&sum);
        }
        self.past = past.into_iter().collect();
        self.generation = self.generation.saturating_add(1);
    }

    /// What was added since the last call.
    #[must_use]
    pub fn take_fresh(&mut self) -> Vec<UsageRow> {
        std::mem::take(&mut self.fresh).into_iter().collect()
    }

    /// Takes back what could not be handed over.
    pub fn put_back(&mut self, rows: Vec<UsageRow>) {
        for (key, sum) in rows {
            self.fresh.entry(key).or_default().add(&sum);
        }
    }

    /// Changes exactly when the view would.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether any row is of this endpoint.
    #[must_use]
    pub fn has_served(&self, endpoint: &EndpointId) -> bool {
        self.served.contains(endpoint)
    }

    /// What the screen reads: past days are shared, today is copied.
    #[must_use]
    pub fn view(&self) -> UsageView {
        let today = self.today.iter().map(|(key, sum)| (key.clone(), *sum)).collect();
        let (past, served) = (Arc::clone(&self.past), Arc::clone(&self.served));
        UsageView { generation: self.generation, today_is: self.day.0, past, today, served }
    }

    fn meet(&mut self, key: &UsageKey) {
        if let Some(endpoint) = key.endpoint.as_ref().filter(|endpoint| !self.served.contains(*endpoint)) {
            Arc::make_mut(&mut self.served).insert(endpoint.clone());
        }
    }

    /// Begins the day of this moment, if it is a later one.
    fn turn_to(&mut self, wall_ms: u64) {
        if wall_ms < self.day.1.end {
            return;
        }
        let day = span_of_day(&self.zone, wall_ms);
        if day.0 > self.day.0 {
            let today = std::mem::take(&mut self.today);
            self.past = self.past.iter().cloned().chain(today).collect();
            self.clients.clear();
        }
        self.day = day;
    }

    fn client(&mut self, label: &Arc<str>) -> Arc<str> {
        if let Some(known) = self.clients.get(label) {
            return Arc::clone(known);
        }
        if self.clients.len() >= CLIENTS {
            return Arc::from(OTHERS);
        }
        self.clients.insert(Arc::clone(label));
        Arc::clone(label)
    }
}

/// The local day of a moment, counted from 1970, and the Unix milliseconds it spans.
fn span_of_day(zone: &TimeZone, wall_ms: u64) -> (i32, std::ops::Range<u64>) {
    let at = i64::try_from(wall_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    let date = at.to_zoned(zone.clone()).date();
    let days = date.since((jiff::Unit::Day, FIRST_DAY)).map_or(0, |span| span.get_days());
    let midnight = |date: Date| {
        let zoned = zone.to_ambiguous_zoned(date.into()).compatible();
        zoned.ok().and_then(|zoned| u64::try_from(zoned.timestamp().as_millisecond()).ok())
    };
    let end = date.tomorrow().ok().and_then(midnight).unwrap_or(u64::MAX);
    (days, midnight(date).unwrap_or(0)..end)
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
