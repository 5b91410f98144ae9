//! What a request is told that does not wait: when it would start, for a client that comes back exactly then.
//!
//! The line is rehearsed with the request in it. Whoever asks for much the same a moment later is told the same, and where
//! too many ask, the forecast has to do.
//!
//! Invariant: what is rehearsed costs a bounded share of the time, however many are refused.
//! Absent on purpose: keeping a place for one who was refused. Those who come in between may take it.

use std::time::Duration;

use super::balancer::Balancer;
use super::judge::{Hope, Judged, hope};
use super::lane::Lane;
use super::request::Job;
use crate::model::config::Priority;
use crate::model::units::{Timestamp, micros};

/// How long what one was told is told to others.
const FRESH: Duration = Duration::from_millis(250);
/// So many players a second may be rehearsed for what is told,
const RATE: u64 = 800;
/// and so many before it is waited.
const AT_ONCE: u64 = 200;
/// More players than this are not rehearsed for a single one: the others wait for it meanwhile.
const CAST: u64 = 250;
/// A stage alone costs as much as so many players for each of its endpoints.
const STAGE: u64 = 2;
/// What is expected of an event whose time nobody knows, such as the verdict of a probe.
const SOON: Duration = Duration::from_secs(1);

/// What one was told.
#[derive(Clone, Debug)]
struct Told {
    class: Priority,
    caller: Option<usize>,
    lane: Lane,
    charge: u64,
    at: Timestamp,
    made: Timestamp,
}

/// What a route told lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Promises {
    told: Vec<Told>,
}

/// How much may be rehearsed for what is told, over all routes.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowance {
    seen: Timestamp,
    /// Players that were rehearsed and not yet waited for, in thousandths.
    spent: u64,
}

impl Promises {
    /// What was told long ago is forgotten.
    fn refresh(&mut self, now: Timestamp) {
        self.told.retain(|told| now.since(told.made) < FRESH);
    }

    /// What one was told who asked for as much or a little more.
    fn known(&self, job: &Job, lane: &Lane) -> Option<Timestamp> {
        let alike =
            |told: &&Told| told.class == job.profile.priority && told.caller == job.caller && told.lane == *lane;
        let near = |told: &&Told| told.charge >= job.charge && told.charge - job.charge <= job.charge / 8;
        self.told.iter().filter(alike).filter(near).map(|told| told.at).max()
    }
}

impl Allowance {
    /// Whether there is time for a rehearsal with so many players. If so, it is taken.
    fn spend(&mut self, now: Timestamp, players: u64) -> bool {
        let passed = micros(now.since(self.seen)) / 1_000;
        if passed > 0 {
            self.spent = self.spent.saturating_sub(passed.saturating_mul(RATE));
            self.seen = now;
        }
        let allowed = players <= CAST && self.spent < AT_ONCE * 1_000;
        if allowed {
            self.spent = self.spent.saturating_add(players.saturating_mul(1_000));
        }
        allowed
    }
}

impl Balancer {
    /// When a client that comes back then is sent at once, if nobody else comes but those more important who are foreseen;
    /// `None`: never.
    pub(super) fn start_of(&mut self, now: Timestamp, job: &Job, judged: &[Judged]) -> Option<Timestamp> {
        let about = self.about(now, job, judged)?;
        let place = job.route?;
        let paced = self.is_foreseen(now, place) && job.profile.priority != Priority::Interactive;
        if !paced && self.routes.get(place)?.line.is_empty() {
            return Some(about);
        }
        let lane = self.lane_of(job);
        let route = self.routes.get_mut(place)?;
        route.promises.refresh(now);
        if let Some(known) = route.promises.known(job, &lane) {
            return Some(known.max(now));
        }
        if !self.affords(now, place, judged) {
            return Some(about);
        }
        let Some(at) = self.comes_back(now, place, job) else { return Some(about) };
        let class = job.profile.priority;
        let told = Told { class, caller: job.caller, lane, charge: job.charge, at, made: now };
        self.routes.get_mut(place)?.promises.told.push(told);
        Some(at)
    }

    /// Whether a request would go by its deadline if it waited, and nobody else came. Room that is kept for those who are
    /// foreseen is no reason to refuse it: they may not come.
    pub(super) fn would_go_by(&mut self, now: Timestamp, deadline: Timestamp, job: &Job, judged: &[Judged]) -> bool {
        let Some(place) = job.route.filter(|_| deadline > now) else { return false };
        let goes = if self.affords(now, place, judged) { self.rehearsed(now, place, job) } else { None };
        goes.or_else(|| self.about(now, job, judged)).is_some_and(|at| at <= deadline)
    }

    /// Whether one more rehearsal of a route, and of those that share endpoints with it, is within the share of the time that such
    /// may take. If so, it is taken.
    fn affords(&mut self, now: Timestamp, place: usize, judged: &[Judged]) -> bool {
        let count = |many: usize| u64::try_from(many).unwrap_or(u64::MAX);
        let routes = [place].into_iter().chain(self.routes_beside(place));
        let waiting = routes.filter_map(|route| self.routes.get(route)).map(|route| count(route.line.len()));
        let players = waiting.fold(count(judged.len()).saturating_mul(STAGE), u64::saturating_add);
        self.rehearsing.spend(now, players)
    }

    /// When one who waits would start, by the forecast: it may be a little old and does not know who may pass whom.
    pub(super) fn about(&mut self, now: Timestamp, job: &Job, judged: &[Judged]) -> Option<Timestamp> {
        let place = job.route?;
        let soonest = match hope(judged) {
            _ if judged.iter().any(Judged::fits) => now,
            Hope::At(when) => when,
            Hope::Event => now.after(SOON),
            Hope::Never => return None,
        };
        if self.routes.get(place)?.line.is_empty() {
            return Some(soonest);
        }
        Some(self.foreseen_start(now, place, job).map_or(soonest, |when| when.max(now)))
    }
}
