//! The waiting lines: who goes next, who may pass, and for how long one waits.
//!
//! Invariant: whoever is next in its lane starts no later than could be promised when its turn came, unless something real
//! takes room away or a more important one's turn comes first. A lane that cannot go on holds up no other, nor does a route.
//! Absent on purpose: polling. Each line knows when somebody in it fits, and events let it look again.

use std::time::Duration;

use super::admit::hopeless;
use super::balancer::Balancer;
use super::claim::{Claim, Standing};
use super::event::Output;
use super::judge::{Hope, Judged, Ruling, hope};
use super::lane::Lane;
use super::order::Passer;
use super::request::{Job, Stage};
use crate::model::config::Priority;
use crate::model::decision::{Exclusion, RefusalReason};
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// How many of those behind the next one are tried at a time.
const TRIED: usize = 33;
/// How often lines that share endpoints are looked at for one event.
const ROUNDS: usize = 4;

/// What came of looking at one who waits.
enum Look {
    /// It went, or was refused.
    Gone,
    /// It waits on, until then if nothing happens before.
    Waits(Option<Timestamp>),
}

impl Balancer {
    /// Lets go everyone in the lines concerned who fits now and is in turn, or delays nobody who is.
    pub(super) fn pump(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        self.visits_of_freed(now, true, outputs);
        self.pump_lines(now, outputs);
        self.visits_of_freed(now, false, outputs);
    }

    fn pump_lines(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        for _ in 0..ROUNDS {
            self.touch_due(now);
            match self.touched.len() {
                0 => return,
                1 => {
                    if let Some(route) = self.touched.pop_first() {
                        self.pump_route(now, route, outputs);
                    }
                }
                _ => self.pump_several(now, outputs),
            }
        }
        self.touched.clear();
    }

    /// Lines that share endpoints: the one whose next request is most important and oldest first.
    fn pump_several(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        let touched = std::mem::take(&mut self.touched);
        let mut ranked: Vec<_> = touched.into_iter().filter_map(|route| Some((self.rank(route)?, route))).collect();
        ranked.sort_unstable();
        for (_, route) in ranked {
            self.pump_route(now, route, outputs);
        }
    }

    fn rank(&mut self, route: usize) -> Option<(Priority, u64)> {
        let next = self.routes.get_mut(route)?.line.first()?.request;
        self.jobs.get(&next).map(|job| (job.rank, job.order))
    }

    fn pump_route(&mut self, now: Timestamp, route: usize, outputs: &mut Vec<Output>) {
        let before = self.take_up_claims(route);
        if let Some(state) = self.routes.get_mut(route) {
            state.paced.clear();
        }
        let (mut waiting, mut wake, mut turn) = (Vec::new(), None, None);
        while let Some((lane, next)) = self.next_in_turn(route, &waiting) {
            let own = self.jobs.get(&next).map(|job| (job.rank, job.order));
            let after = own.max(turn);
            if let Look::Waits(until) = self.try_next(now, (route, next), after.unwrap_or_default(), outputs) {
                wake = earlier(wake, until);
                waiting.push((lane, next));
                turn = after;
            }
        }
        for (lane, next) in &waiting {
            wake = earlier(wake, self.let_pass(now, route, (lane, *next), outputs));
        }
        self.let_go(route, &before);
        self.set_wake(now, route, wake);
        self.touched.remove(&route);
    }

    /// Who is next of the lanes that are not known to wait.
    fn next_in_turn(&mut self, route: usize, waiting: &[(Lane, RequestId)]) -> Option<(Lane, RequestId)> {
        let next = self.routes.get_mut(route)?.line.next_but(waiting)?;
        Some((next.lane.clone(), next.request))
    }

    /// Sends the one whose turn it is in its lane, or keeps a place for it.
    fn try_next(
        &mut self,
        now: Timestamp,
        (route, request): (usize, RequestId),
        turn: (Priority, u64),
        outputs: &mut Vec<Output>,
    ) -> Look {
        let Some(mut job) = self.jobs.remove(&request) else { return Look::Waits(None) };
        let mut judged = self.judge(now, &job);
        self.heed_claims(now, &job, &mut judged, Standing::Next(turn));
        self.pace(now, &job, &mut judged, true);
        if let Some(pick) = self.pick(now, &job, &judged) {
            self.assign(now, request, job, &judged, pick, outputs);
            self.give_back(judged);
            return Look::Gone;
        }
        let until = match hope(&judged) {
            Hope::At(when) => Some(when),
            Hope::Event => None,
            Hope::Never => {
                self.leave_line(now, request, &mut job);
                self.refuse(now, request, &job, &judged, hopeless(&judged), None, outputs);
                return Look::Gone;
            }
        };
        // Nothing is kept for one who only waits because something is kept for others.
        if judged.iter().any(is_paced) {
            if let Some(state) = self.routes.get_mut(route) {
                state.paced.push((job.lane.clone(), job.profile.priority));
                state.line.forgo(job.profile.priority);
            }
        } else if let Some(claim) = self.claim_for((route, turn), &job, &judged) {
            self.keep(claim);
        }
        self.jobs.insert(request, job);
        self.give_back(judged);
        Look::Waits(until)
    }

    /// The place where it would start first.
    fn claim_for(&self, (route, turn): (usize, (Priority, u64)), job: &Job, judged: &[Judged]) -> Option<Claim> {
        let known = judged.iter().filter_map(|one| match one.ruling {
            Ruling::Out(_, Hope::At(when)) => Some((when, one)),
            _ => None,
        });
        let (at, one) = known.min_by_key(|(when, _)| *when)?;
        let pool = self.config.endpoints.get(one.endpoint)?.pool;
        let pool = pool.and_then(|pool| self.pool_slot_of.get(pool).copied());
        Some(Claim { slot: one.slot, pool, estimate: one.estimate, at, rank: job.rank, order: job.order, turn, route })
    }

    /// Lets go those behind in a lane who take nothing from its next one. Says when the first of the others may go.
    fn let_pass(
        &mut self,
        now: Timestamp,
        route: usize,
        (lane, next): (&Lane, RequestId),
        outputs: &mut Vec<Output>,
    ) -> Option<Timestamp> {
        loop {
            let state = self.routes.get(route)?;
            let (paced, share) = (state.paced_in(lane), self.config.queue.bulk_share_percent);
            // Behind one who waits for an allowance only those go who need none.
            let due = paced.is_some() && state.is_due(now, Priority::Bulk, 0, share);
            let open = |class| paced.is_none_or(|paced| class < paced || due && paced < class);
            let smallest = state.line.smallest_but(lane, next, open)?;
            let judged = self.judge_behind(now, smallest)?;
            let (fits, soonest, widest) = (judged.iter().any(Judged::fits), known(&judged), widest(&judged));
            // Where not even the smallest fits, nobody does; but an allowance is one thing for each class.
            let (paced, none) = (judged.iter().any(is_paced), !fits && !judged.iter().any(is_paced));
            self.give_back(judged);
            if none {
                return soonest;
            }
            let upcoming = self.routes.get(route)?.line.upcoming_of(lane, TRIED);
            let (mut moved, mut wake) = (false, soonest.filter(|_| !fits));
            let may = |one: &&Passer| one.request != next && open(one.class) && (paced || one.charge <= widest);
            for one in upcoming.iter().filter(may) {
                match self.try_behind(now, one.request, outputs) {
                    Look::Gone => moved = true,
                    Look::Waits(when) => wake = earlier(wake, when),
                }
            }
            if !moved && (!fits || matches!(self.try_behind(now, smallest, outputs), Look::Waits(_))) {
                return wake;
            }
        }
    }

    fn judge_behind(&mut self, now: Timestamp, request: RequestId) -> Option<Vec<Judged>> {
        let job = self.jobs.remove(&request)?;
        let mut judged = self.judge(now, &job);
        self.heed_claims(now, &job, &mut judged, Standing::Behind);
        self.pace(now, &job, &mut judged, false);
        self.jobs.insert(request, job);
        Some(judged)
    }

    fn try_behind(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) -> Look {
        let Some(judged) = self.judge_behind(now, request) else { return Look::Waits(None) };
        let Some(mut job) = self.jobs.remove(&request) else { return Look::Waits(None) };
        if let Some(pick) = self.pick(now, &job, &judged) {
            self.assign(now, request, job, &judged, pick, outputs);
            self.give_back(judged);
            return Look::Gone;
        }
        if hope(&judged) == Hope::Never {
            self.leave_line(now, request, &mut job);
            self.refuse(now, request, &job, &judged, hopeless(&judged), None, outputs);
            return Look::Gone;
        }
        self.jobs.insert(request, job);
        let until = known(&judged);
        self.give_back(judged);
        Look::Waits(until)
    }

    /// A backoff is over: the request goes in line, before those of its caller who arrived after it.
    pub(super) fn end_backoff(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        let Some(Stage::BackingOff { since, deadline, .. }) = job.stage else { return };
        job.stage = Some(Stage::InLine { since, deadline });
        self.step_in(request);
    }

    /// Puts a request that waits in its route's line.
    pub(super) fn step_in(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get(&request) else { return };
        let Some(place) = job.route else { return };
        let Some(route) = self.routes.get_mut(place) else { return };
        route.line.enter(job.waiter(request));
        route.doubt_forecast();
        self.lined.insert(place);
        self.touched.insert(place);
    }

    /// Takes a request out of its route's line.
    pub(super) fn step_out(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get(&request) else { return };
        let (place, waiter) = (job.route, job.waiter(request));
        if let Some(place) = place {
            self.part(place, &waiter);
        }
    }

    /// It stands in line no more: what was kept for it is free.
    fn part(&mut self, place: usize, waiter: &super::order::Waiter) {
        let Some(route) = self.routes.get_mut(place) else { return };
        if !route.line.leave(waiter) {
            return;
        }
        if route.line.is_empty() {
            route.forecast = None;
            self.lined.remove(&place);
            self.set_wake(self.now, place, None);
        } else {
            route.foresee_left(self.now, waiter.order, false);
            self.touched.insert(place);
        }
        self.drop_claim(place, waiter.order);
    }

    /// A request waited as long as it may.
    pub(super) fn run_out_of_time(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        let Some((job, stood)) = self.take_from_line(now, request) else { return };
        let judged = self.judge(now, &job);
        let retry_at = self.start_of(now, &job, &judged);
        let reason = if retry_at.is_some() { RefusalReason::NoCapacityInTime } else { hopeless(&judged) };
        self.refuse(now, request, &job, &stood, reason, retry_at, outputs);
    }

    /// Takes a request out of its line for good, with what stood in its way there.
    pub(super) fn take_from_line(&mut self, now: Timestamp, request: RequestId) -> Option<(Job, Vec<Judged>)> {
        let mut job = self.jobs.remove(&request)?;
        let mut stood = self.judge(now, &job);
        self.heed_claims(now, &job, &mut stood, Standing::Behind);
        self.pace(now, &job, &mut stood, false);
        // Who stood in line was looked at when this last changed, and others' turns came before its own.
        let in_line = matches!(job.stage, Some(Stage::InLine { .. }));
        for one in stood.iter_mut().filter(|one| in_line && one.fits()) {
            one.ruling = Ruling::Out(Exclusion::LineAhead, Hope::Event);
        }
        self.leave_line(now, request, &mut job);
        Some((job, stood))
    }

    /// Half of what it may wait has passed: its tokens weigh as those of the class above.
    pub(super) fn move_up(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get_mut(&request) else { return };
        job.rank = match job.profile.priority {
            Priority::Bulk => Priority::Normal,
            Priority::Normal | Priority::Interactive => Priority::Interactive,
        };
        let Some(place) = job.route else { return };
        if let Some(route) = self.routes.get_mut(place) {
            route.line.age(&job.waiter(request));
            self.touched.insert(place);
        }
    }

    /// The person lets it wait no longer.
    pub(super) fn cancelled(&mut self, now: Timestamp, request: RequestId, outputs: &mut Vec<Output>) {
        if self.jobs.get(&request).and_then(Job::deadline).is_none() {
            return;
        }
        let Some((job, stood)) = self.take_from_line(now, request) else { return };
        self.refuse(now, request, &job, &stood, RefusalReason::Cancelled, None, outputs);
    }

    /// The person wants it next.
    pub(super) fn promoted(&mut self, request: RequestId) {
        let Some(job) = self.jobs.get(&request) else { return };
        let (Some(place), Some(Stage::InLine { .. })) = (job.route, &job.stage) else { return };
        if let Some(route) = self.routes.get_mut(place) {
            route.line.promote(&job.waiter(request));
            route.doubt_forecast();
            self.touched.insert(place);
        }
    }

    /// When a request that would wait from now on is given up on: its own patience counts, and ours.
    pub(super) fn deadline_of(&self, now: Timestamp, job: &Job) -> Timestamp {
        let longest = Duration::from_secs(u64::from(self.config.queue.max_wait_seconds));
        let patience = job.profile.patience.map_or(longest, |patience| patience.min(longest));
        now.after(patience.saturating_sub(job.waited))
    }

    /// Takes a waiting request out of every order it stands in.
    pub(super) fn leave_line(&mut self, now: Timestamp, request: RequestId, job: &mut Job) {
        let waited = job.waited_by(now);
        let Some(Stage::InLine { since, deadline } | Stage::BackingOff { since, deadline, .. }) = job.stage else {
            return;
        };
        if let Some(Stage::BackingOff { until, .. }) = job.stage {
            self.backoffs.remove(&(until, request));
        }
        self.deadlines.remove(&(deadline, request));
        self.ages.remove(&(half_way(since, deadline), request));
        self.ranks.remove(&(job.profile.priority, job.order, request));
        (job.waited, job.stage) = (waited, None);
        if let Some(place) = job.route {
            self.part(place, &job.waiter(request));
        }
    }
}

/// When one who waits moves up.
pub(super) fn half_way(since: Timestamp, deadline: Timestamp) -> Timestamp {
    since.after(deadline.since(since) / 2)
}

/// The earliest known time.
fn known(judged: &[Judged]) -> Option<Timestamp> {
    match hope(judged) {
        Hope::At(when) => Some(when),
        Hope::Event | Hope::Never => None,
    }
}

/// No larger charge fits anywhere now, as far as is known.
fn widest(judged: &[Judged]) -> u64 {
    let free = |one: &Judged| match (one.has, one.limit) {
        // What exceeds a limit that is not for good goes where nothing else is.
        (Some(has), Some(limit)) if has < limit => has.max(one.estimate.charge),
        _ => u64::MAX,
    };
    judged.iter().filter(|one| one.fits()).map(free).max().unwrap_or(u64::MAX)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

const fn is_paced(one: &Judged) -> bool {
    matches!(one.ruling, Ruling::Out(Exclusion::KeptForImportant, _))
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
