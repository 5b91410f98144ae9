//! When a request at the end of a line would start, by playing the line ahead of it over copies of the ledgers.
//!
//! Invariant: nothing real is touched; starts never go backwards along the line.
//! Absent on purpose: other routes' lines, and when requests in flight will end. It is exact where endpoints serve one
//! route, and else early rather than late.

use std::time::Duration;

use super::ledger::{Ledger, Limits};
use crate::model::units::Timestamp;

/// A doubted forecast is used this long before it is made again.
const DOUBTED: Duration = Duration::from_millis(250);
/// Any forecast is made again after this long.
const STALE: Duration = Duration::from_secs(5);

/// An endpoint as the forecast sees it.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    /// Index into the configuration's endpoints.
    pub(super) endpoint: usize,
    /// Rest ends, or now.
    pub(super) opens: Timestamp,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    /// Index into the forecast's pools.
    pub(super) pool: Option<usize>,
}

/// The line's future.
#[derive(Clone, Debug)]
pub(super) struct Forecast {
    made: Timestamp,
    doubted: bool,
    /// When the last request in line starts.
    last: Timestamp,
    gates: Vec<Gate>,
    pools: Vec<(Ledger, Limits)>,
}

impl Forecast {
    /// A line nobody stands in yet.
    pub(super) const fn new(now: Timestamp, gates: Vec<Gate>, pools: Vec<(Ledger, Limits)>) -> Self {
        Self { made: now, doubted: false, last: now, gates, pools }
    }

    /// Something changed that was not foreseen.
    pub(super) const fn doubt(&mut self) {
        self.doubted = true;
    }

    /// Whether it may still be used.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now.since(self.made) < if self.doubted { DOUBTED } else { STALE }
    }

    /// When the next request in line starts and at which gate; `cost` gives its charge by endpoint, absent where it
    /// may not go. `None`: it fits nowhere.
    pub(super) fn next(&self, now: Timestamp, cost: impl Fn(usize) -> Option<u64>) -> Option<(Timestamp, usize, u64)> {
        let from = self.last.max(now);
        let starts = self.gates.iter().enumerate().filter_map(|(at, gate)| {
            let cost = cost(gate.endpoint)?;
            Some((self.starts(gate, from, cost)?, at, cost))
        });
        starts.min_by_key(|(when, _, _)| *when)
    }

    /// The request takes its place there.
    pub(super) fn take(&mut self, when: Timestamp, at: usize, cost: u64) {
        self.last = self.last.max(when);
        let Some(gate) = self.gates.get_mut(at) else { return };
        gate.ledger.reserve(when, cost);
        if let Some((pool, _)) = gate.pool.and_then(|pool| self.pools.get_mut(pool)) {
            pool.reserve(when, cost);
        }
    }

    fn starts(&self, gate: &Gate, from: Timestamp, cost: u64) -> Option<Timestamp> {
        let from = from.max(gate.opens);
        let own = gate.ledger.earliest(from, cost, gate.limits)?;
        match gate.pool.and_then(|pool| self.pools.get(pool)) {
            Some((pool, limits)) => Some(own.max(pool.earliest(from, cost, *limits)?)),
            None => Some(own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(endpoint: usize, tokens: u64, opens: u64) -> Gate {
        let limits = Limits { tokens: Some(tokens), ..Limits::NONE };
        let ledger = Ledger::new(Duration::from_secs(1));
        Gate { endpoint, opens: Timestamp::from_secs(opens), ledger, limits, pool: None }
    }
    fn play(forecast: &mut Forecast, requests: usize, cost: u64) -> Vec<u64> {
        (0..requests)
            .filter_map(|_| {
                let (when, at, cost) = forecast.next(Timestamp::ZERO, |_| Some(cost))?;
                forecast.take(when, at, cost);
                Some(when.0 / 1_000)
            })
            .collect()
    }

    #[test]
    fn each_in_line_takes_what_those_before_it_left() {
        let mut forecast = Forecast::new(Timestamp::ZERO, vec![gate(0, 100, 0)], Vec::new());
        assert_eq!(play(&mut forecast, 5, 50), [0, 0, 60_300, 60_300, 120_600]);
    }

    #[test]
    fn a_resting_endpoint_helps_from_the_end_of_its_rest() {
        let mut forecast = Forecast::new(Timestamp::ZERO, vec![gate(0, 100, 0), gate(1, 100, 20)], Vec::new());
        assert_eq!(play(&mut forecast, 3, 100), [0, 20_000, 60_300]);
    }

    #[test]
    fn a_pool_binds_all_its_members() {
        let pool = (Ledger::new(Duration::from_secs(1)), Limits { tokens: Some(100), ..Limits::NONE });
        let gates = vec![Gate { pool: Some(0), ..gate(0, 100, 0) }, Gate { pool: Some(0), ..gate(1, 100, 0) }];
        let mut forecast = Forecast::new(Timestamp::ZERO, gates, vec![pool]);
        assert_eq!(play(&mut forecast, 2, 100), [0, 60_300]);
    }

    #[test]
    fn what_fits_nowhere_has_no_start() {
        let forecast = Forecast::new(Timestamp::ZERO, vec![gate(0, 100, 0)], Vec::new());
        assert_eq!(forecast.next(Timestamp::ZERO, |_| Some(101)), None);
        assert_eq!(forecast.next(Timestamp::ZERO, |_| None), None);
    }

    #[test]
    fn a_doubted_forecast_is_made_again_soon_and_any_other_later() {
        let mut forecast = Forecast::new(Timestamp::ZERO, Vec::new(), Vec::new());
        assert!(forecast.holds(Timestamp::from_secs(4)));
        forecast.doubt();
        assert!(forecast.holds(Timestamp::from_millis(200)));
        assert!(!forecast.holds(Timestamp::from_millis(300)));
    }
}
