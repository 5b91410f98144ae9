//! Rehearses lines over copies of the ledgers: who would start when, if nobody else came.
//!
//! The lines are copies of the real ones, so that turns, aging and deadlines come as they will.
//!
//! Invariant: whose turn it is, what is kept for the next one of a lane and who may pass it are as in `line`.
//! Absent on purpose: failures, and who may still come but for those who are foreseen and more important (`Crowd`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::lane::Lane;
use super::order::{Caller, Line, Passer, Waiter};
use super::paced_play::Paces;
use super::play::{Play, Player, Start};
use crate::model::config::Priority;
use crate::model::decision::Estimate;
use crate::model::id::RequestId;
use crate::model::units::Timestamp;

/// How many of those behind the next one are tried at a time, as in `line`.
const TRIED: usize = 33;
/// How often some of those come who are foreseen.
const BEAT: Duration = Duration::from_secs(1);
/// So many gates are looked at in one rehearsal: a request waits for it at most a few milliseconds.
const MOST_LOOKS: usize = 100_000;
/// Time goes on by this much at least.
const TICK: Duration = Duration::from_millis(1);

/// One who waits.
#[derive(Clone, Debug)]
pub(super) struct Role {
    /// Its place among the lines.
    pub(super) line: usize,
    pub(super) waiter: Waiter,
    pub(super) player: Player,
    /// When it is given up on; `None`: never.
    pub(super) deadline: Option<Timestamp>,
    /// When it moves up a class, if it will.
    pub(super) ages: Option<Timestamp>,
}

/// What time alone does to one who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ages,
    Leaves,
}

/// Those more important who are foreseen: they come evenly.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    /// Tokens a minute; none come: nothing.
    pub(super) rate: u64,
    /// Tokens of each.
    pub(super) size: u64,
}

/// Who has come of them.
#[derive(Clone, Copy, Debug, Default)]
struct Arrivals {
    crowd: Crowd,
    /// When the next second's come.
    next: Timestamp,
    /// Tokens that have been asked for and not been taken.
    owed: u64,
}

/// Lines on a stage.
pub(super) struct Rehearsal<C> {
    play: Play,
    lines: Vec<Line>,
    roles: BTreeMap<RequestId, Role>,
    /// What a request would take at an endpoint; absent where it will not go.
    cost: C,
    /// What was asked of it, by gate: the same ones are looked at again and again.
    costs: BTreeMap<RequestId, Vec<Option<Estimate>>>,
    paces: Paces,
    events: BTreeSet<(Timestamp, Event, RequestId)>,
    starts: BTreeMap<RequestId, Timestamp>,
    arrivals: Arrivals,
    /// When this one has started, nothing more is of interest.
    wanted: Option<RequestId>,
    /// So many looks are left.
    steps: usize,
}

/// What came of looking at one who may pass.
enum Look {
    Gone,
    /// When it might, if that is known.
    Waits(Option<Timestamp>),
}

/// One who is next in its lane, and waits.
struct Next {
    line: usize,
    lane: Lane,
    request: RequestId,
    /// Its class, if it waits for an allowance.
    paced: Option<Priority>,
}

impl<C> Rehearsal<C> {
    /// The place of a caller's purse.
    pub(super) fn purse_of(&self, caller: Option<usize>) -> Option<usize> {
        self.play.purse_of(caller)
    }

    /// Nobody is foreseen.
    pub(super) fn unpaced(self) -> Self {
        Self { paces: Paces::default(), arrivals: Arrivals::default(), ..self }
    }

    /// With one more in its line. The play ends when it has started.
    pub(super) fn joined_by(mut self, guest: Role) -> Self {
        if let Some(line) = self.lines.get_mut(guest.line) {
            line.enter(guest.waiter.clone());
        }
        let smallest = self.play.smallest().min(guest.player.charge);
        self.play.begin(if self.roles.is_empty() { guest.player.charge } else { smallest });
        self.wanted = Some(guest.waiter.request);
        self.roles.insert(guest.waiter.request, guest);
        self
    }
}

impl<C: Fn(RequestId, usize) -> Option<Estimate>> Rehearsal<C> {
    /// Nobody has started yet. `roles` tells of everybody in the lines.
    pub(super) fn new(mut play: Play, lines: Vec<Line>, roles: Vec<Role>, paces: Paces, cost: C) -> Self {
        play.begin(roles.iter().map(|role| role.player.charge).min().unwrap_or_default());
        let events = roles.iter().flat_map(|role| {
            let request = role.waiter.request;
            let ages = role.ages.map(|at| (at, Event::Ages, request));
            ages.into_iter().chain(role.deadline.map(|at| (at, Event::Leaves, request)))
        });
        let most = MOST_LOOKS / play.endpoints().count().max(1);
        let (events, steps) = (events.collect(), roles.len().saturating_mul(16).saturating_add(256).min(most));
        let roles = roles.into_iter().map(|role| (role.waiter.request, role)).collect();
        Self {
            play,
            lines,
            roles,
            cost,
            costs: BTreeMap::new(),
            paces,
            events,
            starts: BTreeMap::new(),
            arrivals: Arrivals::default(),
            wanted: None,
            steps,
        }
    }

    /// With these who come as time goes on.
    pub(super) fn with(mut self, crowd: Crowd) -> Self {
        let next = self.play.now().after(BEAT);
        self.arrivals = Arrivals { crowd, next, owed: 0 };
        let most = MOST_LOOKS / self.play.endpoints().count().max(1);
        self.steps = self.steps.saturating_add(1_024).min(most);
        self
    }

    /// Plays everybody, until a time at most. When each starts, and how things stand then.
    pub(super) fn run(mut self, until: Timestamp) -> (BTreeMap<RequestId, Timestamp>, Play) {
        let is_over = |starts: &BTreeMap<_, _>, wanted: Option<_>| wanted.is_some_and(|one| starts.contains_key(&one));
        while self.play.now() <= until
            && self.steps > 0
            && !self.roles.is_empty()
            && !is_over(&self.starts, self.wanted)
        {
            let Some(soon) = self.pump(None).filter(|_| !self.roles.is_empty()) else { break };
            self.play.pass(soon);
        }
        (self.starts, self.play)
    }

    /// From when on one who comes then is sent at once; `None`: not until that time.
    pub(super) fn admits(mut self, guest: &Role, until: Timestamp) -> Option<Timestamp> {
        while self.play.now() <= until && self.steps > 0 {
            let soon = self.pump(Some(guest))?;
            if soon <= self.play.now() {
                return Some(soon);
            }
            self.play.pass(soon);
        }
        None
    }

    fn let_events_come(&mut self) {
        while let Some((at, event, request)) = self.events.first().copied()
            && at <= self.play.now()
        {
            self.events.pop_first();
            let Some(role) = self.roles.get_mut(&request) else { continue };
            let Some(line) = self.lines.get_mut(role.line) else { continue };
            if event == Event::Leaves {
                line.leave(&role.waiter);
                self.roles.remove(&request);
            } else {
                role.waiter.rank = match role.waiter.class {
                    Priority::Bulk => Priority::Normal,
                    Priority::Normal | Priority::Interactive => Priority::Interactive,
                };
                line.age(&role.waiter);
            }
        }
    }

    /// Lets go everyone who fits now and is in turn, or delays nobody who is. When it is to be looked again; now: the guest
    /// would be sent.
    fn pump(&mut self, guest: Option<&Role>) -> Option<Timestamp> {
        self.let_events_come();
        // Nothing happens any more to those who have gone.
        while self.events.first().is_some_and(|(_, _, request)| !self.roles.contains_key(request)) {
            self.events.pop_first();
        }
        let (mut kept, mut waiting) = (Vec::new(), Vec::new());
        let mut ranked: Vec<_> = self.lines.iter().enumerate().collect();
        ranked.sort_by_key(|(_, line)| line.first().map(|first| (first.rank, first.order)));
        let ranked: Vec<usize> = ranked.into_iter().map(|(at, _)| at).collect();
        let mut wake = self.events.first().map(|(at, ..)| *at);
        for line in ranked {
            wake = earlier(wake, self.turns(line, &mut kept, &mut waiting));
        }
        wake = earlier(wake, self.let_crowd_in(&kept));
        for next in &waiting {
            wake = earlier(wake, self.let_pass(next, &kept));
        }
        let wake = wake.map(|wake| wake.max(self.play.now().after(TICK)));
        earlier(wake, guest.and_then(|guest| self.guest_start(guest, &kept, &waiting)))
    }

    /// When one who is not in line would be sent, as things stand.
    fn guest_start(&mut self, guest: &Role, kept: &[Start], waiting: &[Next]) -> Option<Timestamp> {
        let class = guest.waiter.class;
        let first = self.lines.first()?.outranks(class, guest.waiter.charge);
        self.steps = self.steps.saturating_sub(1);
        let now = self.play.now();
        let start = self.looked_up(guest.waiter.request, guest.player, if first { &[] } else { kept })?;
        let paced = waiting.iter().filter(|next| next.line == 0 && next.lane == guest.waiter.lane);
        let due = self.paces.is_due(now, class, guest.waiter.charge);
        let behind = |paced| paced == class || paced < class && !due;
        if !first && paced.filter_map(|next| next.paced).any(behind) {
            // It is looked again when the one before it may go.
            return None;
        }
        Some(self.paced_from(&guest.waiter, start).unwrap_or(start.at))
    }

    /// Those come who are foreseen, and take their place if there is room. When more of them come.
    fn let_crowd_in(&mut self, kept: &[Start]) -> Option<Timestamp> {
        let (now, Crowd { rate, size }) = (self.play.now(), self.arrivals.crowd);
        if rate == 0 {
            return None;
        }
        while self.arrivals.next <= now {
            self.arrivals.next = self.arrivals.next.after(BEAT);
            self.arrivals.owed = self.arrivals.owed.saturating_add(rate / 60);
        }
        let one = crowd_member(size);
        let player = Player { order: u64::MAX, charge: size, purse: None };
        let estimate = Estimate { prompt: 0, output: size, charge: size };
        while self.arrivals.owed >= size && self.steps > 0 {
            self.steps -= 1;
            let line = self.lines.first_mut()?;
            let kept = if line.outranks(one.class, size) { &[] } else { kept };
            let start = self.play.next_beside(now, player, kept, |_, _| Some(estimate)).filter(|start| start.at <= now);
            let Some(start) = start else { break };
            self.arrivals.owed = self.arrivals.owed.saturating_sub(size);
            line.went(&one);
            self.paces.take(now, one.class, size);
            self.play.take(start);
        }
        Some(self.arrivals.next)
    }

    /// Everyone of a line in turn, until the next one of each lane waits.
    fn turns(&mut self, line: usize, kept: &mut Vec<Start>, waiting: &mut Vec<Next>) -> Option<Timestamp> {
        let (mut known, mut wake) = (Vec::new(), None);
        while self.steps > 0 {
            let Some(next) = self.lines.get_mut(line).and_then(|line| line.next_but(&known)).cloned() else { break };
            let Some(start) = self.start_of(next.request, kept) else {
                // Waiting does not help it.
                self.leave(next.request);
                continue;
            };
            let from = self.paced_from(&next, start);
            if from.is_none() && start.at <= self.play.now() {
                self.go(next.request, start);
                continue;
            }
            if from.is_some() {
                if let Some(line) = self.lines.get_mut(line) {
                    line.forgo(next.class);
                }
            } else {
                kept.push(start);
            }
            wake = earlier(wake, Some(from.unwrap_or(start.at)));
            known.push((next.lane.clone(), next.request));
            let paced = from.map(|_| next.class);
            waiting.push(Next { line, lane: next.lane, request: next.request, paced });
        }
        wake
    }

    /// Lets go those behind in a lane who take nothing from its next one. When the smallest of the others may go.
    fn let_pass(&mut self, next: &Next, kept: &[Start]) -> Option<Timestamp> {
        let due = next.paced.is_some() && self.paces.is_due(self.play.now(), Priority::Bulk, 0);
        let open = |class| next.paced.is_none_or(|paced| class < paced || due && paced < class);
        loop {
            let line = self.lines.get(next.line)?;
            let smallest = line.smallest_but(&next.lane, next.request, open)?;
            let start = self.start_of(smallest, kept)?;
            if start.at > self.play.now() {
                return Some(start.at);
            }
            let line = self.lines.get(next.line)?;
            // Whoever needs more than is free anywhere need not be asked; but an allowance is one thing for each class.
            let paced = self.roles.get(&smallest).is_some_and(|role| self.paced_from(&role.waiter, start).is_some());
            let widest = if paced { u64::MAX } else { self.play.widest() };
            let may = |one: &&Passer| one.request != next.request && open(one.class) && one.charge <= widest;
            let upcoming = line.upcoming_of(&next.lane, TRIED);
            let (mut moved, mut wake) = (false, None);
            for request in upcoming.iter().filter(may).map(|one| one.request).chain([smallest]) {
                match self.pass(request, kept) {
                    Look::Gone => moved = true,
                    Look::Waits(when) => wake = earlier(wake, when),
                }
            }
            if !moved || self.steps == 0 {
                return wake;
            }
        }
    }

    /// Lets one pass if it may.
    fn pass(&mut self, request: RequestId, kept: &[Start]) -> Look {
        let Some(waiter) = self.roles.get(&request).map(|role| role.waiter.clone()) else { return Look::Waits(None) };
        let Some(start) = self.start_of(request, kept) else { return Look::Waits(None) };
        let from = self.paced_from(&waiter, start);
        if from.is_none() && start.at <= self.play.now() {
            self.go(request, start);
            return Look::Gone;
        }
        Look::Waits(from.or(Some(start.at)))
    }

    fn start_of(&mut self, request: RequestId, kept: &[Start]) -> Option<Start> {
        self.steps = self.steps.saturating_sub(1);
        let player = self.roles.get(&request)?.player;
        self.looked_up(request, player, kept)
    }

    fn looked_up(&mut self, request: RequestId, player: Player, kept: &[Start]) -> Option<Start> {
        let (play, cost) = (&self.play, &self.cost);
        let asked = || play.endpoints().map(|endpoint| cost(request, endpoint)).collect();
        let costs = self.costs.entry(request).or_insert_with(asked);
        play.next_beside(play.now(), player, kept, |gate, _| costs.get(gate).copied().flatten())
    }

    /// Until when room is kept from one who would start now for those who are foreseen.
    fn paced_from(&self, waiter: &Waiter, start: Start) -> Option<Timestamp> {
        let now = self.play.now();
        (start.at <= now).then(|| self.paces.opens(now, waiter.class, start.estimate.charge)).filter(|at| *at > now)
    }

    fn go(&mut self, request: RequestId, start: Start) {
        if let Some(role) = self.roles.get(&request)
            && let Some(line) = self.lines.get_mut(role.line)
        {
            line.went(&role.waiter);
            self.paces.take(start.at, role.waiter.class, start.estimate.charge);
        }
        self.play.take(start);
        self.starts.insert(request, start.at);
        self.leave(request);
    }

    fn leave(&mut self, request: RequestId) {
        if let Some(role) = self.roles.remove(&request)
            && let Some(line) = self.lines.get_mut(role.line)
        {
            line.leave(&role.waiter);
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// One of those who are foreseen.
fn crowd_member(charge: u64) -> Waiter {
    let class = Priority::Interactive;
    let (caller, lane) = (Caller::default(), Lane::default());
    Waiter { request: RequestId(u64::MAX - 1), order: u64::MAX, class, rank: class, caller, charge, lane }
}
