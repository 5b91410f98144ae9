//! What a crowd of all three classes brings: who waits how long, who gets what, and how much of the limits is delivered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Input;
use super::load_tests::Load;
use super::order::CLASSES;
use super::world_tests::*;
use crate::model::config::Priority;
use crate::model::id::RequestId;
use crate::model::outlook::{Demand, Outlook, RouteOutlook};
use crate::model::units::Timestamp;

/// Percent of the load by class.
const MIX: [u64; 3] = [20, 50, 30];

/// Steady random arrivals over some minutes.
struct Crowd {
    load: Load,
    class_of: BTreeMap<RequestId, Priority>,
    rng: fastrand::Rng,
    heavy: bool,
}

impl Crowd {
    fn new(sites: &[Site], seed: u64, heavy: bool) -> Self {
        Self { load: Load::new(sites), class_of: BTreeMap::new(), rng: fastrand::Rng::with_seed(seed), heavy }
    }

    /// 400 tokens, or a heavy tail with about that mean.
    fn charge(&mut self) -> u64 {
        if !self.heavy {
            return 400;
        }
        let millionth = self.rng.u64(1..1_000_000);
        // A Pareto tail of index 1.5: 140 tokens divided by u^(2/3), with u^(1/3) by integer cubes.
        let cube = (1..=100_u64).find(|root| root * root * root >= millionth).unwrap_or(100);
        (140 * 10_000 / (cube * cube)).clamp(10, 8_000)
    }

    fn class(&mut self) -> Priority {
        let draw = self.rng.u64(0..100);
        if draw < MIX[0] {
            Priority::Interactive
        } else if draw < MIX[0] + MIX[1] {
            Priority::Normal
        } else {
            Priority::Bulk
        }
    }

    /// Offers so many tokens a minute until `until`; what is foreseen is a fifth above the truth.
    fn offer(&mut self, per_minute: u64, until: Timestamp) {
        let mean = 60_000_000 * 400 / per_minute;
        let (mut told, mut number) = (Timestamp::ZERO, 0);
        while self.load.world.now < until {
            let gap = Duration::from_micros(self.rng.u64(0..2 * mean));
            let at = self.load.world.now.after(gap);
            self.load.run(at);
            if at.since(told) >= Duration::from_secs(1) {
                told = at;
                self.foresee(per_minute);
            }
            let (class, charge) = (self.class(), self.charge());
            number += 1;
            let (request, answer) = self.load.world.arrive_as(charge, |profile| profile.priority = class);
            assert_eq!(request, RequestId(number));
            self.class_of.insert(request, class);
            self.load.take_in(vec![answer]);
        }
    }

    fn foresee(&mut self, per_minute: u64) {
        let demand = MIX.map(|percent| {
            let expected = per_minute * percent / 100;
            Demand { expected, upper: expected * 6 / 5, trend: 0 }
        });
        let routes = vec![RouteOutlook { model: "m".into(), demand }];
        let outlook = Outlook { at: self.load.world.now, routes };
        self.load.world.give(Input::Foreseen(Arc::new(outlook)));
    }

    /// The wait that so many of a hundred stay below.
    fn wait(&self, class: Priority, percent: usize) -> Duration {
        let of = self.load.gone.iter().filter(|(request, ..)| self.class_of.get(request) == Some(&class));
        let mut waits: Vec<Duration> = of.map(|(_, waited, _)| *waited).collect();
        waits.sort_unstable();
        waits[(waits.len() - 1) * percent / 100]
    }

    fn shares(&self) -> [u64; 3] {
        let all: u64 = self.load.gone.iter().map(|(.., charge)| charge).sum();
        CLASSES.map(|class| {
            let of = self.load.gone.iter().filter(|(request, ..)| self.class_of.get(request) == Some(&class));
            of.map(|(.., charge)| charge).sum::<u64>() * 1_000 / all
        })
    }
}

fn four() -> Vec<Site> {
    let of = |id, group| Site { group, requests: Some(360), ..site(id, 60_000) };
    vec![of("a", 0), of("b", 0), of("c", 1), of("d", 1)]
}

#[test]
fn in_a_crowd_the_important_wait_next_to_nothing_bulk_gets_its_share_and_the_limits_are_used() {
    for heavy in [false, true] {
        let seed = 1;
        let mut crowd = Crowd::new(&four(), seed, heavy);
        let minutes = 3;
        crowd.offer(360_000, Timestamp::from_secs(60 * minutes));
        let p99 = crowd.wait(Priority::Interactive, 99);
        let used = crowd.load.delivered * 1_000 / (240_000 * minutes);
        let [_, _, bulk] = crowd.shares();
        assert!(p99 < Duration::from_secs(2), "heavy {heavy}, seed {seed}: p99 is {p99:?}");
        assert!(bulk >= 100, "heavy {heavy}, seed {seed}: bulk got {bulk} of a thousand tokens");
        assert!(used >= 970, "heavy {heavy}, seed {seed}: {used} of a thousand tokens were used");
        assert_eq!(crowd.load.refused_by_service, 0);
    }
}
