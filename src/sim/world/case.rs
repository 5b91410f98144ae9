//! One case of the effectiveness matrix: services, what is known of them, and what clients ask.
//!
//! Invariant: a case and its seed give the same outcome on every machine; whoever spreads the requests meets the same
//! services and clients.
//! Absent on purpose: what counts as good (`goals`).

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::World;
use super::gateway::{Gateway, Ours};
use super::planner::{Group, Planner};
use super::report::{Report, share};
use super::rivals::{Manner, Rival, Seat};
use super::site::{Counting, Site, SiteSpec, used_of_charge};
use super::traffic::{Arrivals, Kind, Sizes, Stretch, Traffic};
use crate::model::checked::CheckedConfig;
use crate::model::config::{Config, Priority};
use crate::model::id::EndpointId;
use crate::model::units::Timestamp;

/// What a mean request is charged.
const MEAN: u64 = 400;
/// The largest request; it fits the smallest service even where that is thought to be a third smaller.
const MOST: u64 = 6_000;
/// Requests per 1,000 tokens, as services of the classic kind have it.
const REQUESTS_PER_1K: u64 = 6;
/// How long clients wait unless they say otherwise: the configuration's default.
const WAIT: u64 = 60;
const MINUTE: u64 = 60;

/// What the configuration says of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    /// The truth.
    Known,
    /// Nothing.
    Unknown,
    /// 70 % of the truth.
    TooLow,
    /// 150 % of the truth.
    TooHigh,
    /// The truth, but others use 30 % of each.
    Foreign,
}

impl Knowledge {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Known, Self::Unknown, Self::TooLow, Self::TooHigh, Self::Foreign];

    const fn stated(self, truth: u64) -> Option<u64> {
        match self {
            Self::Known | Self::Foreign => Some(truth),
            Self::Unknown => None,
            Self::TooLow => Some(truth * 7 / 10),
            Self::TooHigh => Some(truth * 3 / 2),
        }
    }

    /// Seconds until what is measured begins.
    const fn warm_up(self) -> u64 {
        match self {
            Self::Known | Self::Foreign => 0,
            Self::Unknown => 2 * MINUTE,
            Self::TooLow | Self::TooHigh => 5 * MINUTE,
        }
    }
}

/// What clients ask for, against what the services can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// This many percent of the capacity.
    Steady(u64),
    /// 90 % of what two minutes hold, most of it early: 1.73 times the capacity for 40 s, then 0.485 times.
    Burst,
}

impl Load {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Steady(50), Self::Steady(100), Self::Steady(150), Self::Steady(300), Self::Burst];
}

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own, and has two answers")]
pub struct Case {
    /// How all its services count.
    pub counting: Counting,
    /// What is known of their limits.
    pub knowledge: Knowledge,
    /// What clients ask for.
    pub load: Load,
    /// Sizes with a heavy tail instead of all alike.
    pub heavy: bool,
    /// Services, in two groups: 4 or any multiple of three.
    pub endpoints: usize,
    /// A fifth interactive, half normal, the rest bulk, instead of all normal.
    pub mixed: bool,
    /// Whether answers carry limits.
    pub headers: bool,
    /// Whether the person lets what lies above the stated limits be tried.
    pub probe_above: bool,
    /// Where chance begins.
    pub seed: u64,
    /// How many times larger than usual all limits are.
    pub scale: u64,
    /// How long a steady load lasts.
    pub minutes: u64,
}

/// What a run of a case came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The sums.
    pub report: Report,
    /// Tokens that whoever knows all arrivals could have had admitted in the measured span.
    pub bound: u64,
    /// Tokens that the services would have let through, whatever else had to be kept.
    pub services: u64,
    /// Requests that fail whoever spreads them, per 10,000.
    pub least_errors: u64,
}

impl Outcome {
    /// Tokens delivered of those that could have been, in units of 0.01 %.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        share(self.report.tokens(), self.bound, 10_000)
    }

    /// Of what the services would have let through, the share that somebody could have reached, in units of 0.01 %.
    #[must_use]
    pub fn reachable(&self) -> u64 {
        share(self.bound, self.services, 10_000)
    }
}

impl Case {
    /// Known limits, uniform sizes, four services with headers.
    #[must_use]
    pub const fn of(counting: Counting, load: Load) -> Self {
        let knowledge = Knowledge::Known;
        Self {
            counting,
            knowledge,
            load,
            heavy: false,
            endpoints: 4,
            mixed: false,
            headers: true,
            probe_above: false,
            seed: 1,
            scale: 1,
            minutes: 10,
        }
    }

    /// Every case of the table.
    #[must_use]
    pub fn matrix() -> Vec<Self> {
        let mut all = Vec::new();
        for counting in Counting::ALL {
            for knowledge in Knowledge::ALL {
                for load in Load::ALL {
                    for heavy in [false, true] {
                        for endpoints in [4, 30] {
                            all.push(Self { knowledge, heavy, endpoints, ..Self::of(counting, load) });
                        }
                    }
                }
            }
        }
        all
    }

    /// A day of 20 requests a second over four services that have half as much again.
    ///
    /// # Errors
    /// If the configuration made for it is not sound.
    pub fn day() -> Result<Day, Unsound> {
        const RATE: u64 = 20 * MINUTE * MEAN;
        let case = Self { scale: 3, ..Self::of(Counting::SlidingLog, Load::Steady(100)) };
        let lasts = Duration::from_hours(24);
        let traffic = Traffic::steady("m", lasts, RATE, case.sizes(), case.counting.charging());
        case.begin_with(&traffic)
    }

    /// A day of 20 requests a second of all priorities, most of them in every other hour, beside others on the same limits:
    /// lines as long as they may be, refusals, rests, and quiet hours in which they end.
    ///
    /// # Errors
    /// If the configuration made for it is not sound.
    pub fn busy_day() -> Result<Day, Unsound> {
        const RATE: u64 = MINUTE * MEAN;
        let knowledge = Knowledge::Foreign;
        let case =
            Self { scale: 3, mixed: true, heavy: true, knowledge, ..Self::of(Counting::SlidingLog, Load::Steady(100)) };
        let hour = |requests: u64| Stretch { lasts: Duration::from_hours(1), tokens_per_minute: requests * RATE };
        let stretches = [28, 12].map(hour).repeat(12);
        case.begin_with(&Traffic { stretches, ..case.traffic() })
    }

    /// The case with the balancer, to be played in pieces and looked at; everything is measured.
    ///
    /// # Errors
    /// If the configuration made for it is not sound.
    pub fn begin(&self) -> Result<Day, Unsound> {
        self.begin_with(&self.traffic())
    }

    fn begin_with(&self, traffic: &Traffic) -> Result<Day, Unsound> {
        let ours = Ours::new(self.config()?, self.seed);
        let servers = self.sites().into_iter().map(|(id, group, spec)| (id, group, Site::new(spec))).collect();
        let report = Report::over(Timestamp::ZERO, Timestamp::MAX, self.endpoints);
        let arrivals = traffic.arrivals(self.seed).peekable();
        Ok(Day { world: World::new(ours, servers, report, self.seed), arrivals })
    }

    /// Sends everything through the balancer.
    ///
    /// # Errors
    /// If the configuration made for it is not sound.
    pub fn run(&self) -> Result<Outcome, Unsound> {
        let ours = Ours::new(self.config()?, self.seed);
        Ok(self.play(ours))
    }

    /// Sends everything through a rival.
    #[must_use]
    pub fn run_rival(&self, manner: Manner) -> Outcome {
        let seats = self
            .sites()
            .into_iter()
            .map(|(_, group, spec)| Seat { group, tokens_per_minute: self.knowledge.stated(spec.tokens_per_minute) });
        self.play(Rival::new(manner, seats.collect(), self.seed))
    }

    fn play(&self, gateway: impl Gateway) -> Outcome {
        let servers: Vec<_> = self.sites().into_iter().map(|(id, group, spec)| (id, group, Site::new(spec))).collect();
        let (from, to) = (Timestamp::from_secs(self.warm_up()), Timestamp::from_secs(self.seconds()));
        let mut world = World::new(gateway, servers, Report::over(from, to, self.endpoints), self.seed);
        let mut arrivals = self.traffic().arrivals(self.seed).peekable();
        world.run(&mut arrivals, from);
        let before = foreign(&mut world, from);
        let banked = self.banked(&mut world, from);
        world.run(&mut arrivals, to);
        let others = foreign(&mut world, to).saturating_sub(before);
        world.run(&mut arrivals, Timestamp::MAX);
        let report = world.report().clone();
        let (services, least_errors) = self.bound(&report, banked, others);
        let bound = self.planned(&report).map_or(services, |planned| planned.min(services));
        Outcome { report, bound, services, least_errors }
    }

    /// What services let through at most in the measured span of what is asked for, and what must fail.
    fn bound(&self, report: &Report, banked: u64, others: u64) -> (u64, u64) {
        let seconds = report.span().as_secs();
        let holds = |seconds: u64| (self.tokens_per_minute() * seconds / MINUTE).saturating_sub(others) + banked;
        let asked = match self.counting {
            Counting::Utilization => report.offered_tokens() * self.used() / 1_000,
            _ => report.offered_tokens(),
        };
        let capacity = holds(seconds);
        // Those who came last may be answered after the end, unless others waited at the beginning.
        let late = if report.from == Timestamp::ZERO { WAIT } else { 0 };
        let lost = asked.saturating_sub(holds(seconds + late));
        (asked.min(capacity), share(lost, asked, 10_000))
    }

    /// What a planner who knows all arrivals could have had admitted in the measured span, where it is less than what the
    /// services let through: by the order of groups, where all buckets are full at first; and by the stated figures where
    /// refusals alone tell the true ones. Whoever must not be refused where the figures are right cannot go beyond them,
    /// and nothing tells those that are too low from those that are right.
    fn planned(&self, report: &Report) -> Option<u64> {
        let stated = match (self.counting, self.knowledge) {
            // Where sizes differ, requests run out before tokens, and the planner does not count those.
            (Counting::TokenBucket, Knowledge::Known) if !self.heavy => Knowledge::Known,
            // Provisioned throughput does not count requests.
            (Counting::Utilization, Knowledge::Known) => Knowledge::Known,
            (_, Knowledge::TooLow) if !self.headers && !self.probe_above => Knowledge::TooLow,
            _ => return None,
        };
        let group = |number: u32| {
            let limits = self.shape().into_iter().filter(|(_, group)| *group == number);
            let limits: Vec<u64> = limits.filter_map(|(limit, _)| stated.stated(limit)).collect();
            Group { tokens_per_minute: limits.iter().sum(), services: limits.len().try_into().unwrap_or(u64::MAX) }
        };
        let largest = if self.heavy { MOST } else { MEAN };
        let mut planner = Planner::new(&[group(1), group(2)], largest);
        let before = self.pour(&mut planner, Timestamp::ZERO, report.from);
        Some(self.pour(&mut planner, report.from, report.to).saturating_sub(before))
    }

    /// Lets a planner have the arrivals of a span; what it had admitted in all until its end.
    fn pour(&self, planner: &mut Planner, from: Timestamp, to: Timestamp) -> u64 {
        let used = if self.counting == Counting::Utilization { self.used() } else { 1_000 };
        let all = self.traffic().arrivals(self.seed).skip_while(|arrival| arrival.at < from);
        for arrival in all.take_while(|arrival| arrival.at < to) {
            let charge = super::site::charge_of(self.counting.charging(), &arrival.profile.size);
            planner.ask(arrival.at, charge * used / 1_000);
        }
        planner.admitted(to)
    }

    /// What buckets hold in advance.
    fn banked<G: Gateway>(&self, world: &mut World<G, Site>, now: Timestamp) -> u64 {
        match self.counting {
            Counting::TokenBucket | Counting::Utilization => {
                world.servers_mut().map(|site| super::server::Server::standing(site, now).remaining).sum()
            }
            Counting::SlidingLog | Counting::CalendarMinute => 0,
        }
    }

    const fn seconds(&self) -> u64 {
        match self.load {
            Load::Steady(_) => self.minutes * MINUTE,
            Load::Burst => 2 * MINUTE,
        }
    }

    const fn warm_up(&self) -> u64 {
        match self.load {
            Load::Burst => 0,
            Load::Steady(_) => self.knowledge.warm_up(),
        }
    }

    const fn sizes(&self) -> Sizes {
        if self.heavy { Sizes::Heavy { mean: MEAN, most: MOST } } else { Sizes::Uniform(MEAN) }
    }

    /// What is used of a charge in the end, in thousandths.
    fn used(&self) -> u64 {
        used_of_charge(self.sizes(), self.counting.charging()).max(1)
    }

    const fn foreign_percent(&self) -> u64 {
        match self.knowledge {
            Knowledge::Foreign => 30,
            _ => 0,
        }
    }

    /// True limits by place, and the group.
    fn shape(&self) -> Vec<(u64, u32)> {
        let shape: Vec<(u64, u32)> = if self.endpoints == 4 {
            vec![(60_000, 1), (30_000, 1), (120_000, 2), (30_000, 2)]
        } else {
            let group = |place| if place < self.endpoints / 3 { 1 } else { 2 };
            let limits = [10_000, 20_000, 30_000];
            (0..self.endpoints).map(|place| (limits.get(place % 3).copied().unwrap_or(0), group(place))).collect()
        };
        shape.into_iter().map(|(limit, group)| (limit * self.scale, group)).collect()
    }

    /// Provisioned throughput knows utilization and nothing else.
    fn limits_requests(&self) -> bool {
        self.counting != Counting::Utilization
    }

    fn tokens_per_minute(&self) -> u64 {
        self.shape().iter().map(|(limit, _)| limit).sum()
    }

    fn sites(&self) -> Vec<(EndpointId, u32, SiteSpec)> {
        let spec = |place: usize, tokens_per_minute: u64| SiteSpec {
            counting: self.counting,
            tokens_per_minute,
            requests_per_minute: self.limits_requests().then_some(tokens_per_minute * REQUESTS_PER_1K / 1_000),
            request_slice: Duration::from_secs(if self.counting == Counting::TokenBucket { 1 } else { 10 }),
            headers: self.headers,
            foreign_percent: self.foreign_percent(),
            foreign_sizes: self.sizes(),
            seed: self.seed.wrapping_mul(1_000).wrapping_add(u64::try_from(place).unwrap_or(0)),
        };
        let shape = self.shape().into_iter().enumerate();
        shape.map(|(place, (limit, group))| (EndpointId::from(name(place)), group, spec(place, limit))).collect()
    }

    fn traffic(&self) -> Traffic {
        let of_us = self.tokens_per_minute() * (100 - self.foreign_percent()) / 100;
        let of_us = if self.counting == Counting::Utilization { of_us * 1_000 / self.used() } else { of_us };
        let stretch = |seconds, percent_tenths: u64| Stretch {
            lasts: Duration::from_secs(seconds),
            tokens_per_minute: of_us * percent_tenths / 1_000,
        };
        let stretches = match self.load {
            Load::Steady(percent) => vec![stretch(self.seconds(), percent * 10)],
            Load::Burst => vec![stretch(40, 1_730), stretch(80, 485)],
        };
        let kind = |share, priority| Kind { share, priority, caller: None };
        let kinds = if self.mixed {
            vec![kind(20, Priority::Interactive), kind(50, Priority::Normal), kind(30, Priority::Bulk)]
        } else {
            vec![kind(1, Priority::Normal)]
        };
        let charging = self.counting.charging();
        Traffic { stretches, kinds, ..Traffic::steady("m", Duration::ZERO, 0, self.sizes(), charging) }
    }

    /// The configuration as a person would have written it.
    fn config(&self) -> Result<CheckedConfig, Unsound> {
        let mut text = String::new();
        let mut groups = [Vec::new(), Vec::new()];
        for (place, (limit, group)) in self.shape().into_iter().enumerate() {
            self.write_endpoint(&mut text, place, limit).map_err(|error| Unsound(error.to_string()))?;
            let [first, second] = &mut groups;
            if group == 1 { first } else { second }.push(format!("\"{}\"", name(place)));
        }
        text.push_str("[queue]\nmax_waiting = 100_000\n[[route]]\nmodel = \"m\"\n");
        for group in groups {
            let _ = writeln!(text, "[[route.group]]\nendpoints = [{}]", group.join(", "));
        }
        let config: Config = toml_edit::de::from_str(&text).map_err(|error| Unsound(error.to_string()))?;
        let (checked, findings) = CheckedConfig::resolve(Arc::new(config), 1);
        let whole = checked.endpoints.len() == self.endpoints && checked.routes.len() == 1;
        if whole { Ok(checked) } else { Err(Unsound(format!("{findings:?}"))) }
    }

    fn write_endpoint(&self, text: &mut String, place: usize, limit: u64) -> fmt::Result {
        let name = name(place);
        writeln!(text, "[[account]]\nid = \"{name}\"")?;
        match self.counting {
            Counting::TokenBucket => {
                writeln!(text, "service = \"openai\"\nbase_url = \"https://api.openai.com/v1\"")?;
                writeln!(text, "organization = \"{name}\"")?;
            }
            _ => {
                writeln!(text, "service = \"azure\"\nbase_url = \"https://{name}.openai.azure.com\"\napi = \"v1\"")?;
            }
        }
        writeln!(text, "[[endpoint]]\nid = \"{name}\"\naccount = \"{name}\"\nmodel = \"m\"")?;
        if self.counting == Counting::Utilization {
            writeln!(text, "enforcement = \"utilization\"")?;
        }
        if self.probe_above {
            writeln!(text, "probe_above = true")?;
        }
        if let Some(tokens) = self.knowledge.stated(limit) {
            writeln!(text, "tokens_per_minute = {tokens}")?;
            if self.limits_requests() {
                writeln!(text, "requests_per_minute = {}", tokens * REQUESTS_PER_1K / 1_000)?;
            }
        }
        Ok(())
    }
}

/// A run that is played in pieces.
pub struct Day {
    world: World<Ours, Site>,
    arrivals: std::iter::Peekable<Arrivals>,
}

impl Day {
    /// Goes on until then.
    pub fn run(&mut self, until: Timestamp) {
        self.world.run(&mut self.arrivals, until);
    }

    /// The world, to look at.
    #[must_use]
    pub const fn world(&self) -> &World<Ours, Site> {
        &self.world
    }
}

/// Tokens that others were charged until `now`.
fn foreign<G: Gateway>(world: &mut World<G, Site>, now: Timestamp) -> u64 {
    let sites = world.servers_mut();
    sites
        .map(|site| {
            super::server::Server::standing(site, now);
            site.foreign_tokens()
        })
        .sum()
}

fn name(place: usize) -> String {
    format!("e{place}")
}

/// A case's own configuration does not hold.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the case's configuration is not sound: {0}")]
pub struct Unsound(String);

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
