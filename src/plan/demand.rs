//! What clients will ask for in the next seconds: level and trend of tokens a second, smoothed (Holt, trend damped), with
//! a band from the errors the forecasts of the last seconds made.
//!
//! Invariant: the same notes at the same times give the same outlook; whoever is silent for two minutes is forgotten.
//! Absent on purpose: seasons. A local proxy sees too few days for them.

use std::collections::BTreeMap;

use crate::model::config::Priority;
use crate::model::id::ModelName;
use crate::model::outlook::{Demand, Outlook, RouteOutlook};
use crate::model::units::Timestamp;

/// Weight of the newest second in the level: a change is followed in about ten seconds.
const LEVEL_GAIN: f64 = 0.1;
/// Weight of a level's change in the trend.
const TREND_GAIN: f64 = 0.1;
/// What a second leaves of the trend.
const DAMPING: f64 = 0.95;
/// Weight of the newest error in the errors' variance.
const ERROR_GAIN: f64 = 0.05;
/// Seconds that an outlook is meant for.
const AHEAD: f64 = 10.0;
/// The sum of a damped trend over a second, averaged over the seconds an outlook is meant for.
const TREND_AHEAD: f64 = 4.51;
/// The sum of a damped trend over a minute.
const TREND_MINUTE: f64 = 18.1;
/// Seconds before anything is foreseen: fewer say next to nothing of the next ones.
const ENOUGH: u32 = 8;
/// Seconds before a trend is believed.
const TREND_FROM: u32 = 10;
/// Standard deviations between what is expected and what is rarely exceeded (one time in twenty).
const RARELY: f64 = 1.64;
/// Seconds of silence after which a demand is forgotten.
const FORGET: u64 = 120;

/// Foresees the demand per route and priority.
#[derive(Clone, Debug, Default)]
pub struct Forecaster {
    routes: BTreeMap<ModelName, [Series; 3]>,
}

impl Forecaster {
    /// A request came that will be charged this much. Allocates only for the first one of a route.
    pub fn note(&mut self, now: Timestamp, route: &ModelName, priority: Priority, charge: u64) {
        let second = now.0 / 1_000_000;
        if let Some(series) = self.routes.get_mut(route) {
            one(series, priority).note(second, charge);
            return;
        }
        let mut series = <[Series; 3]>::default();
        one(&mut series, priority).note(second, charge);
        self.routes.insert(route.clone(), series);
    }

    /// The demand to come. Without routes: nobody asked for anything lately, and there is nothing to come back for.
    pub fn outlook(&mut self, now: Timestamp) -> Outlook {
        let second = now.0 / 1_000_000;
        self.routes.retain(|_, all| {
            for series in all.iter_mut() {
                series.catch_up(second);
            }
            all.iter().any(|series| !series.is_empty())
        });
        let routes = self.routes.iter();
        let routes = routes.map(|(model, all)| RouteOutlook { model: model.clone(), demand: all.map(Series::demand) });
        Outlook { at: now, routes: routes.collect() }
    }

    /// Whether nobody asked for anything lately.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.routes.is_empty()
    }
}

const fn one(series: &mut [Series; 3], priority: Priority) -> &mut Series {
    let [interactive, normal, bulk] = series;
    match priority {
        Priority::Interactive => interactive,
        Priority::Normal => normal,
        Priority::Bulk => bulk,
    }
}

/// One demand.
#[derive(Clone, Copy, Debug, Default)]
struct Series {
    /// The second that is being filled.
    second: u64,
    /// Tokens in it.
    sum: u64,
    /// The last second that had any.
    last_heard: u64,
    /// Seconds closed so far; saturates.
    seen: u32,
    /// Tokens a second.
    level: f64,
    /// Tokens a second, per second.
    trend: f64,
    /// Of the error made one second ahead.
    variance: f64,
}

impl Series {
    fn note(&mut self, second: u64, charge: u64) {
        self.catch_up(second);
        if self.is_empty() {
            *self = Self { second, ..Self::default() };
        }
        self.sum = self.sum.saturating_add(charge.max(1));
        self.last_heard = self.second;
    }

    const fn is_empty(&self) -> bool {
        self.seen == 0 && self.sum == 0
    }

    /// Closes every second before this one.
    fn catch_up(&mut self, second: u64) {
        if second <= self.second || self.is_empty() {
            return;
        }
        if second - self.last_heard > FORGET {
            *self = Self::default();
            return;
        }
        while self.second < second {
            let observed = float(std::mem::take(&mut self.sum));
            self.close(observed);
            self.second += 1;
        }
    }

    fn close(&mut self, observed: f64) {
        // The first seconds count alike: a mean, not the echo of the very first one.
        let young = 1.0 / f64::from(self.seen.saturating_add(1));
        let foreseen = self.level + DAMPING * self.trend;
        let error = observed - foreseen;
        let gain = LEVEL_GAIN.max(young);
        self.trend *= DAMPING;
        if self.seen >= TREND_FROM {
            self.trend += gain * TREND_GAIN * error;
        }
        self.level = (foreseen + gain * error).max(0.0);
        self.variance += ERROR_GAIN.max(young) * (error * error - self.variance);
        self.seen = self.seen.saturating_add(1);
    }

    fn demand(self) -> Demand {
        if self.seen < ENOUGH {
            return Demand::default();
        }
        let expected = (self.level + TREND_AHEAD * self.trend).max(0.0);
        // How far the next seconds' mean may lie off, and how far the level itself may.
        let known = (LEVEL_GAIN / (2.0 - LEVEL_GAIN)).max(1.0 / f64::from(self.seen.max(1)));
        let spread = (self.variance * (1.0 / AHEAD + known)).sqrt();
        Demand {
            expected: per_minute(expected),
            upper: per_minute(expected + RARELY * spread),
            trend: signed(self.trend * TREND_MINUTE * 60.0),
        }
    }
}

fn per_minute(a_second: f64) -> u64 {
    u64::try_from(signed(a_second * 60.0)).unwrap_or(0)
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and tokens are far below 2^52")]
fn signed(value: f64) -> i64 {
    value.round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "tokens of one second are far below 2^52")]
const fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
#[path = "demand_tests.rs"]
mod tests;
