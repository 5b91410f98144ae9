//! Who in a route's line is next: classes by their shares, callers of a class alike, each caller's own in order of arrival.
//!
//! Deficit round robin in tokens, told as tags instead of rounds: a class's tag grows by the charge of whoever goes, divided
//! by the class's weight, and whose tag would be smallest after its next one is next. Callers within a class likewise.
//!
//! Invariant: while everybody wants, each class gets its share of the tokens and each caller of a class as much as any other.
//! Absent on purpose: who fits (`judge`) and what is kept for whom (`claim`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::lane::{Lane, Members};
use crate::model::config::{Priority, Queue};
use crate::model::id::{CallerId, RequestId};

/// The classes in order of importance.
pub(super) const CLASSES: [Priority; 3] = [Priority::Interactive, Priority::Normal, Priority::Bulk];

/// A token of a class of weight one moves its tag by this much.
const STEP: u64 = 2_640;
/// Weights of the first two classes; bulk has one or more, so that it gets its share.
const WEIGHTS: [u64; 2] = [8, 3];
/// No share of bulk is larger.
const LARGEST_SHARE: u64 = Queue::LARGEST_BULK_SHARE as u64;

/// Whose request it is; all whom no token names count as one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Caller(pub(super) Option<CallerId>);

/// One who waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) request: RequestId,
    /// Its place among all arrivals.
    pub(super) order: u64,
    pub(super) class: Priority,
    /// Its class, or the one above once it has waited long: its tokens weigh as much as those of this class.
    pub(super) rank: Priority,
    pub(super) caller: Caller,
    /// What it is expected to take, in tokens.
    pub(super) charge: u64,
    pub(super) lane: Lane,
}

/// One who waits, with the tags it would leave behind.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) waiter: Waiter,
    /// Of its class among classes.
    pub(super) class_tag: u64,
    /// Of its caller within the class.
    pub(super) caller_tag: u64,
}

/// One behind the next one of its lane, who may pass if it fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passer {
    pub(super) request: RequestId,
    pub(super) class: Priority,
    /// As of its [`Waiter`].
    pub(super) charge: u64,
}

/// One route's line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    classes: [Class; 3],
    /// By how much a token moves the tag of its class.
    steps: [u64; 3],
    /// Those whom the person put first; the last of them comes first.
    promoted: BTreeMap<Reverse<u64>, Waiter>,
    promotions: u64,
    /// The tag of the class that went last, before it went: one that comes back starts from here.
    clock: u64,
}

#[derive(Clone, Debug, Default)]
struct Class {
    tag: u64,
    clock: u64,
    /// But for those put first.
    waiting: usize,
    /// All their charges.
    total: u64,
    fares: BTreeMap<Caller, Fare>,
    lanes: BTreeMap<Lane, Members>,
}

/// What is reckoned of a caller within a class, over all lanes.
#[derive(Clone, Debug, Default)]
struct Fare {
    tag: u64,
    /// All charges.
    total: u64,
    waiting: usize,
}

/// Where somebody stands in the order of service: the tag its class would have, its class, the tag its caller would have,
/// and its place among all arrivals.
type Rank = (u64, Priority, u64, u64);

impl Class {
    fn tag_of(&self, caller: &Caller) -> u64 {
        self.fares.get(caller).map_or(self.clock, |fare| fare.tag)
    }

    /// The next one of each lane, with the tag its caller would have.
    fn firsts(&self) -> impl Iterator<Item = (u64, &Waiter)> {
        let firsts = self.lanes.values().filter_map(Members::first);
        firsts.map(|first| (self.tag_of(&first.caller).saturating_add(first.charge), first))
    }

    fn next(&self) -> Option<&Waiter> {
        self.firsts().min_by_key(|(tag, first)| (*tag, first.order)).map(|(_, first)| first)
    }

    /// Everyone in the order of service, with the tag of its caller.
    fn in_order(&self) -> InOrder<'_, std::vec::IntoIter<&Waiter>> {
        let mut lines: BTreeMap<&Caller, Vec<&Waiter>> = BTreeMap::new();
        for (caller, line) in self.lanes.values().flat_map(Members::callers) {
            lines.entry(caller).or_default().extend(line);
        }
        let mut order = InOrder::default();
        let first = self.next().map(|first| &first.caller);
        for (caller, mut line) in lines {
            line.sort_unstable_by_key(|waiter| waiter.order);
            order.add(self.tag_of(caller), Some(caller) == first, line.into_iter());
        }
        order
    }

    /// The same for one lane.
    fn lane_in_order(&self, lane: &Lane) -> InOrder<'_, impl Iterator<Item = &Waiter>> {
        let mut order = InOrder::default();
        for (at, (caller, line)) in self.lanes.get(lane).into_iter().flat_map(Members::callers).enumerate() {
            order.add(self.tag_of(caller), at == 0, line);
        }
        order
    }
}

/// Callers' lines side by side: each with its next one, and those behind it.
struct InOrder<'l, I> {
    heap: BinaryHeap<Reverse<(u64, u64, usize, u64)>>,
    lines: Vec<(&'l Waiter, I)>,
}

impl<I> Default for InOrder<'_, I> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), lines: Vec::new() }
    }
}

impl<'l, I: Iterator<Item = &'l Waiter>> InOrder<'l, I> {
    /// One more caller. Whose turn it is comes first whatever its tag.
    fn add(&mut self, tag: u64, in_turn: bool, mut line: I) {
        let Some(waiter) = line.next() else { return };
        let tag = tag.saturating_add(waiter.charge);
        self.heap.push(Reverse((if in_turn { 0 } else { tag }, waiter.order, self.lines.len(), tag)));
        self.lines.push((waiter, line));
    }
}

impl<'l, I: Iterator<Item = &'l Waiter>> Iterator for InOrder<'l, I> {
    type Item = (&'l Waiter, u64);

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse((_, _, line, tag)) = self.heap.pop()?;
        let (waiter, rest) = self.lines.get_mut(line)?;
        let went = *waiter;
        if let Some(next) = rest.next() {
            *waiter = next;
            let tag = tag.saturating_add(next.charge);
            self.heap.push(Reverse((tag, next.order, line, tag)));
        }
        Some((went, tag))
    }
}

impl Line {
    /// Nobody waits. Bulk gets at least this share of the tokens.
    pub(super) fn new(bulk_share_percent: u32) -> Self {
        let share = u64::from(bulk_share_percent).min(LARGEST_SHARE);
        let [interactive, normal] = WEIGHTS;
        let others = interactive.saturating_add(normal);
        // Its weight w is such that w / (w + others) is the share, but never below one.
        let bulk = STEP.saturating_mul(100 - share).checked_div(others.saturating_mul(share)).unwrap_or(STEP);
        Self {
            classes: Default::default(),
            steps: [STEP / interactive, STEP / normal, bulk.clamp(1, STEP)],
            promoted: BTreeMap::new(),
            promotions: 0,
            clock: 0,
        }
    }

    const fn class(&self, class: Priority) -> &Class {
        let [interactive, normal, bulk] = &self.classes;
        match class {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }

    const fn class_mut(&mut self, class: Priority) -> &mut Class {
        let [interactive, normal, bulk] = &mut self.classes;
        match class {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        }
    }

    /// By how much a request moves the tag of its class.
    const fn step(&self, rank: Priority, charge: u64) -> u64 {
        let [interactive, normal, bulk] = self.steps;
        charge.saturating_mul(match rank {
            Priority::Interactive => interactive,
            Priority::Normal => normal,
            Priority::Bulk => bulk,
        })
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.members().map(Members::len).sum()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.lanes.is_empty())
    }

    fn members(&self) -> impl Iterator<Item = &Members> {
        self.classes.iter().flat_map(|class| class.lanes.values())
    }

    /// Goes in line, behind those of the same caller that came before.
    pub(super) fn enter(&mut self, waiter: Waiter) {
        let clock = self.clock;
        let class = self.class_mut(waiter.class);
        if class.waiting == 0 {
            class.tag = class.tag.max(clock);
        }
        class.waiting = class.waiting.saturating_add(1);
        class.total = class.total.saturating_add(waiter.charge);
        let started = class.clock;
        let fare = class.fares.entry(waiter.caller.clone()).or_insert(Fare { tag: started, ..Fare::default() });
        fare.total = fare.total.saturating_add(waiter.charge);
        fare.waiting = fare.waiting.saturating_add(1);
        let lane = class.lanes.entry(waiter.lane.clone()).or_default();
        lane.count(&waiter);
        lane.put(waiter, fare.tag);
    }

    /// Leaves the line, wherever in it. Says whether it stood there.
    pub(super) fn leave(&mut self, waiter: &Waiter) -> bool {
        let lane = self.class_mut(waiter.class).lanes.get_mut(&waiter.lane);
        if !lane.is_some_and(|lane| lane.discount(waiter)) {
            return false;
        }
        let before = self.promoted.len();
        self.promoted.retain(|_, promoted| promoted.request != waiter.request);
        let was_put_first = self.promoted.len() < before;
        let class = self.class_mut(waiter.class);
        if !was_put_first {
            class.waiting = class.waiting.saturating_sub(1);
            class.total = class.total.saturating_sub(waiter.charge);
            let tag = class.tag_of(&waiter.caller);
            if let Some(lane) = class.lanes.get_mut(&waiter.lane) {
                lane.take(waiter, tag);
            }
            if let Some(fare) = class.fares.get_mut(&waiter.caller) {
                fare.total = fare.total.saturating_sub(waiter.charge);
                fare.waiting = fare.waiting.saturating_sub(1);
                if fare.waiting == 0 {
                    class.fares.remove(&waiter.caller);
                }
            }
        }
        if class.lanes.get(&waiter.lane).is_some_and(Members::is_empty) {
            class.lanes.remove(&waiter.lane);
        }
        if self.is_empty() {
            self.clock = 0;
            for class in &mut self.classes {
                *class = Class::default();
            }
        }
        true
    }

    /// Goes on where another line of the same route stood: whose turn it was, and whom the person put first.
    pub(super) fn resume(&mut self, before: &Self) {
        self.clock = before.clock;
        for (class, known) in self.classes.iter_mut().zip(&before.classes).filter(|(class, _)| class.waiting > 0) {
            (class.tag, class.clock) = (known.tag, known.clock);
            let clock = class.clock;
            for (caller, fare) in &mut class.fares {
                let tag = known.fares.get(caller).map_or(clock, |known| known.tag);
                for lane in class.lanes.values_mut() {
                    lane.retag(caller, fare.tag, tag);
                }
                fare.tag = tag;
            }
            for (lane, members) in &mut class.lanes {
                if let Some(before) = known.lanes.get(lane) {
                    members.keep_turn_of(before);
                }
            }
        }
    }

    /// Those whom the person put first, the earliest first.
    pub(super) fn promoted(&self) -> impl Iterator<Item = RequestId> {
        self.promoted.values().rev().map(|waiter| waiter.request)
    }

    /// One in line has waited long: from now on it weighs as the class above its own.
    pub(super) fn age(&mut self, waiter: &Waiter) {
        if let Some(lane) = self.class_mut(waiter.class).lanes.get_mut(&waiter.lane) {
            lane.age(waiter);
        }
    }

    /// The person wants it next, whatever else waits.
    pub(super) fn promote(&mut self, waiter: &Waiter) {
        if self.leave(waiter) {
            self.promotions = self.promotions.saturating_add(1);
            self.class_mut(waiter.class).lanes.entry(waiter.lane.clone()).or_default().count(waiter);
            self.promoted.insert(Reverse(self.promotions), waiter.clone());
        }
    }

    /// It goes, now: from the line, or past it. Call it before it leaves.
    pub(super) fn went(&mut self, waiter: &Waiter) {
        if self.is_empty() {
            return;
        }
        let (clock, step) = (self.clock, self.step(waiter.rank, waiter.charge));
        let class = self.class_mut(waiter.class);
        if class.waiting == 0 {
            class.tag = class.tag.max(clock);
        }
        let before = class.tag;
        class.tag = class.tag.saturating_add(step);
        if let Some(fare) = class.fares.get_mut(&waiter.caller) {
            let before = fare.tag;
            class.clock = class.clock.max(before);
            fare.tag = before.saturating_add(waiter.charge);
            for lane in class.lanes.values_mut() {
                lane.retag(&waiter.caller, before, fare.tag);
            }
        }
        self.clock = self.clock.max(before);
    }

    /// A class waits of its own accord: it saves up no turns.
    pub(super) fn forgo(&mut self, class: Priority) {
        let clock = self.clock;
        let class = self.class_mut(class);
        class.tag = class.tag.max(clock);
    }

    /// The class whose turn it is, with the tag it would have after.
    fn class_in_turn(&self) -> Option<(u64, Priority)> {
        let ranked = CLASSES.into_iter().filter_map(|class| {
            let next = self.class(class).next()?;
            Some((self.class(class).tag.saturating_add(self.step(next.rank, next.charge)), class))
        });
        ranked.min()
    }

    /// Who is next of the lanes that are not among these. It stays next of its lane and class until it has gone.
    pub(super) fn next_but(&mut self, lanes: &[(Lane, RequestId)]) -> Option<&Waiter> {
        for lane in self.classes.iter_mut().flat_map(|class| class.lanes.values_mut()) {
            lane.keep_turn();
        }
        let open = |waiter: &Waiter| lanes.iter().all(|(lane, _)| *lane != waiter.lane);
        let promoted = self.promoted.values().find(|waiter| open(waiter));
        promoted.or_else(|| {
            self.firsts().filter(|(_, first)| open(first)).min_by_key(|(rank, _)| *rank).map(|(_, first)| first)
        })
    }

    /// The next one of each lane and class, those put first aside.
    fn firsts(&self) -> impl Iterator<Item = (Rank, &Waiter)> {
        CLASSES.into_iter().flat_map(|at| {
            let class = self.class(at);
            let next = class.next().map_or(0, |next| self.step(next.rank, next.charge));
            let tag = class.tag.saturating_add(next);
            class.firsts().map(move |(fare, first)| ((tag, at, fare, first.order), first))
        })
    }

    /// Who is next.
    pub(super) fn first(&self) -> Option<&Waiter> {
        if !self.promoted.is_empty() {
            return self.promoted.first_key_value().map(|(_, first)| first);
        }
        self.class(self.class_in_turn()?.1).next()
    }

    /// Whether one that is not in line would be next if it were.
    pub(super) fn outranks(&self, class: Priority, charge: u64) -> bool {
        if self.is_empty() {
            return true;
        }
        let here = self.class(class);
        if here.waiting > 0 || !self.promoted.is_empty() {
            return false;
        }
        let tag = self.clock.max(here.tag).saturating_add(self.step(class, charge));
        self.class_in_turn().is_none_or(|next| (tag, class) < next)
    }

    /// The smallest charge in line.
    pub(super) fn smallest(&self) -> Option<u64> {
        self.members().filter_map(|lane| lane.smallest_but(None)).map(|(charge, ..)| *charge).min()
    }

    /// The request of a lane and of an open class with the smallest charge, but for one.
    pub(super) fn smallest_but(
        &self,
        lane: &Lane,
        except: RequestId,
        open: impl Fn(Priority) -> bool,
    ) -> Option<RequestId> {
        let classes = CLASSES.into_iter().filter(|class| open(*class));
        let each = classes.filter_map(|class| self.class(class).lanes.get(lane)?.smallest_but(Some(except)));
        each.min().map(|(_, _, request)| *request)
    }

    /// The next ones in the order in which they would go if all fitted.
    pub(super) fn upcoming(&self, most: usize) -> Vec<Turn> {
        let promoted =
            self.promoted.values().map(|waiter| Turn { waiter: waiter.clone(), class_tag: 0, caller_tag: 0 });
        let mut all: Vec<Turn> = promoted.take(most).collect();
        let turn = |waiter: &Waiter, class_tag, caller_tag| Turn { waiter: waiter.clone(), class_tag, caller_tag };
        self.merge(&mut all, most, |class| class.in_order(), turn);
        all
    }

    /// Those of one lane who would go next.
    pub(super) fn upcoming_of(&self, lane: &Lane, most: usize) -> Vec<Passer> {
        let passer = |waiter: &Waiter| Passer { request: waiter.request, class: waiter.class, charge: waiter.charge };
        let promoted = self.promoted.values().filter(|waiter| waiter.lane == *lane);
        let mut all: Vec<Passer> = promoted.map(passer).take(most).collect();
        self.merge(&mut all, most, |class| class.lane_in_order(lane), |waiter, _, _| passer(waiter));
        all
    }

    /// Adds the next ones of all classes; `tell` is given each with the tags of its class and of its caller.
    fn merge<'l, I, T>(
        &'l self,
        all: &mut Vec<T>,
        most: usize,
        order: impl Fn(&'l Class) -> InOrder<'l, I>,
        tell: impl Fn(&'l Waiter, u64, u64) -> T,
    ) where
        I: Iterator<Item = &'l Waiter>,
    {
        let mut classes = CLASSES.map(|class| {
            let here = self.class(class);
            (class, here.tag, order(here).peekable())
        });
        while all.len() < most {
            let ranked = classes.iter_mut().filter_map(|(class, tag, rest)| {
                let (waiter, _) = rest.peek()?;
                Some((tag.saturating_add(self.step(waiter.rank, waiter.charge)), *class, tag, rest))
            });
            let Some((class_tag, _, tag, rest)) = ranked.min_by_key(|(tag, class, ..)| (*tag, *class)) else { break };
            if let Some((waiter, caller_tag)) = rest.next() {
                *tag = class_tag;
                all.push(tell(waiter, class_tag, caller_tag));
            }
        }
    }

    /// The tags that one who comes now would leave behind: of its class and of its caller, behind all of the same caller.
    pub(super) fn tags_of(&self, Waiter { class, caller, charge, .. }: &Waiter) -> (u64, u64) {
        let here = self.class(*class);
        let class_tag = if here.waiting == 0 { self.clock.max(here.tag) } else { here.tag };
        let ahead = here.fares.get(caller).map_or(here.clock, |fare| fare.tag.saturating_add(fare.total));
        let all = here.total.saturating_add(*charge);
        (class_tag.saturating_add(self.step(*class, all)), ahead.saturating_add(*charge))
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
