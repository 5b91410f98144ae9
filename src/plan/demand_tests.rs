//! Forecasts against streams whose truth is known.

use fastrand::Rng;

use super::*;

fn route() -> ModelName {
    ModelName::from("m")
}

/// Requests of a Poisson stream, second by second: how many in this one.
fn arrivals(rng: &mut Rng, a_second: f64) -> u32 {
    let (limit, mut product, mut count) = ((-a_second).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

struct Stream {
    forecaster: Forecaster,
    rng: Rng,
    second: u64,
}

impl Stream {
    fn new(seed: u64) -> Self {
        Self { forecaster: Forecaster::default(), rng: Rng::with_seed(seed), second: 0 }
    }

    /// Lets one second pass; returns the tokens that came.
    fn pass(&mut self, requests_a_second: f64, tokens: std::ops::Range<u64>) -> u64 {
        let mut sum = 0;
        for _ in 0..arrivals(&mut self.rng, requests_a_second) {
            let charge = self.rng.u64(tokens.clone());
            let at = Timestamp(self.second * 1_000_000 + self.rng.u64(..1_000_000));
            self.forecaster.note(at, &route(), Priority::Normal, charge);
            sum += charge;
        }
        self.second += 1;
        sum
    }

    fn demand(&mut self) -> Demand {
        let outlook = self.forecaster.outlook(Timestamp::from_secs(self.second));
        outlook.route(&route()).map(|route| route.of(Priority::Normal)).unwrap_or_default()
    }
}

/// How often, in percent, the band held the true rate, and the upper end the tokens of the next ten seconds.
fn coverage(requests_a_second: f64, tokens: &std::ops::Range<u64>) -> (u32, u32) {
    let (mut held, mut above, mut all) = (0, 0, 0);
    let mean = (tokens.start + tokens.end - 1) / 2;
    let truth = per_minute(requests_a_second * float(mean));
    for seed in 0..20 {
        let mut stream = Stream::new(seed);
        for _ in 0..60 {
            stream.pass(requests_a_second, tokens.clone());
        }
        for _ in 0..20 {
            let demand = stream.demand();
            let next: u64 = (0..10).map(|_| stream.pass(requests_a_second, tokens.clone())).sum();
            let width = demand.upper - demand.expected;
            held += u32::from(truth.abs_diff(demand.expected) <= width);
            above += u32::from(next * 6 <= demand.upper);
            all += 1;
        }
    }
    (held * 100 / all, above * 100 / all)
}

#[test]
fn the_band_of_a_steady_stream_holds_the_truth_four_times_in_five() {
    for (requests, tokens) in [(0.3, 2_000..2_001), (2.0, 100..4_000), (20.0, 500..1_500), (200.0, 600..601)] {
        let (held, above) = coverage(requests, &tokens);
        assert!(held >= 80, "{requests}/s: the truth was inside {held} % of the time");
        assert!(above >= 88, "{requests}/s: the next seconds stayed below the upper end {above} % of the time");
    }
}

#[test]
fn the_band_of_a_dense_stream_is_narrow() {
    let mut stream = Stream::new(7);
    for _ in 0..120 {
        stream.pass(100.0, 500..1_500);
    }
    let demand = stream.demand();
    assert!(demand.upper - demand.expected < demand.expected / 10, "{demand:?}");
}

#[test]
fn a_stream_that_triples_is_followed_within_fifteen_seconds_and_its_growth_is_seen() {
    let mut stream = Stream::new(3);
    for _ in 0..60 {
        stream.pass(20.0, 1_000..1_001);
    }
    let before = stream.demand();
    for _ in 0..5 {
        stream.pass(60.0, 1_000..1_001);
    }
    assert!(stream.demand().trend > i64::try_from(before.expected).unwrap() / 2, "{:?}", stream.demand());
    for _ in 0..10 {
        stream.pass(60.0, 1_000..1_001);
    }
    let after = stream.demand();
    assert!(after.expected > before.expected * 5 / 2, "{before:?} {after:?}");
}

#[test]
fn the_first_seconds_foresee_nothing_and_what_comes_then_swings_little() {
    let mut stream = Stream::new(11);
    let mut foreseen = Vec::new();
    for _ in 0..30 {
        stream.pass(10.0, 500..1_500);
        foreseen.push(stream.demand().expected);
    }
    assert!(foreseen[..7].iter().all(|expected| *expected == 0), "{foreseen:?}");
    let (least, most) = (foreseen[7..].iter().min().unwrap(), foreseen[7..].iter().max().unwrap());
    assert!(*least > 0 && *most < least * 2, "{foreseen:?}");
}

#[test]
fn silence_brings_demand_down_and_ends_it() {
    let mut stream = Stream::new(1);
    for _ in 0..60 {
        stream.pass(20.0, 1_000..1_001);
    }
    let busy = stream.demand();
    stream.second += 30;
    let calm = stream.demand();
    assert!(calm.expected < busy.expected / 10, "{busy:?} {calm:?}");
    stream.second += 100;
    assert_eq!(stream.demand(), Demand::default());
    assert!(stream.forecaster.is_idle());
}

#[test]
fn the_first_request_after_a_long_silence_starts_anew() {
    let mut stream = Stream::new(1);
    for _ in 0..60 {
        stream.pass(20.0, 1_000..1_001);
    }
    stream.second = 1_000_000;
    for _ in 0..8 {
        assert_eq!(stream.demand(), Demand::default());
        stream.forecaster.note(Timestamp::from_secs(stream.second), &route(), Priority::Normal, 600);
        stream.second += 1;
    }
    assert_eq!(stream.demand().expected, 36_000);
}

#[test]
fn the_same_notes_give_the_same_outlook() {
    let outlook = || {
        let mut stream = Stream::new(11);
        for _ in 0..200 {
            stream.pass(5.0, 1..9_000);
        }
        stream.forecaster.outlook(Timestamp::from_secs(200))
    };
    assert_eq!(outlook(), outlook());
}

#[test]
fn priorities_and_routes_are_kept_apart() {
    let mut forecaster = Forecaster::default();
    let other = ModelName::from("other");
    for second in 0..8 {
        forecaster.note(Timestamp::from_secs(second), &route(), Priority::Interactive, 100);
        forecaster.note(Timestamp::from_secs(second), &other, Priority::Bulk, 900);
    }
    let outlook = forecaster.outlook(Timestamp::from_secs(8));
    let expected = |model: &ModelName, priority| outlook.route(model).map(|route| route.of(priority).expected);
    assert_eq!(expected(&route(), Priority::Interactive), Some(6_000));
    assert_eq!(expected(&route(), Priority::Bulk), Some(0));
    assert_eq!(expected(&other, Priority::Bulk), Some(54_000));
}

#[test]
fn absurd_charges_neither_overflow_nor_go_below_zero() {
    let mut forecaster = Forecaster::default();
    for second in 0..20 {
        forecaster.note(Timestamp::from_secs(second), &route(), Priority::Bulk, u64::MAX);
        forecaster.note(Timestamp::from_secs(second), &route(), Priority::Bulk, u64::MAX);
    }
    let demand = forecaster.outlook(Timestamp::from_secs(60)).route(&route()).unwrap().of(Priority::Bulk);
    assert!(demand.upper >= demand.expected);
}
