//! Who in a route's line is next: classes by their shares, callers of a class alike, each caller's own in order of arrival.
//!
//! Deficit round robin in tokens, told as tags instead of rounds: a class's tag grows by the charge of whoever goes, divided
//! by the class's weight, and whose tag would be smallest after its next one is next. Callers within a class likewise.
//!
//! Invariant: while everybody wants, each class gets its share of the tokens and each caller of a class as much as any other.
//! Absent on purpose: who fits (`judge`) and what is kept for whom (`claim`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, btree_map};

use crate::model::config::Priority;
use crate::model::id::{CallerId, RequestId};

/// The classes in order of importance.
pub(super) const CLASSES: [Priority; 3] = [Priority::Interactive, Priority::Normal, Priority::Bulk];

/// A token of a class of weight one moves its tag by this much.
const STEP: u64 = 2_640;
/// Weights of the first two classes; bulk has one or more, so that it gets its share.
const WEIGHTS: [u64; 2] = [8, 3];
/// No share of bulk is larger, or the others would have none.
const LARGEST_SHARE: u64 = 90;

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

/// One route's line.
#[derive(Clone, Debug)]
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
    waiting: usize,
    /// All charges.
    total: u64,
    /// Whose turn it is. Stays until its first one has gone, so that what is kept for that one stays kept.
    next: Option<Caller>,
    callers: BTreeMap<Caller, SubLine>,
    turns: BTreeSet<(u64, u64, Caller)>,
    /// Everyone of the class by charge, so that the smallest is at hand; those put first stay here.
    by_charge: BTreeSet<(u64, u64, RequestId)>,
}

#[derive(Clone, Debug, Default)]
struct SubLine {
    tag: u64,
    /// All charges.
    total: u64,
    waiting: BTreeMap<u64, Waiter>,
}

impl SubLine {
    fn first(&self) -> Option<&Waiter> {
        self.waiting.first_key_value().map(|(_, waiter)| waiter)
    }

    fn turn(&self, caller: &Caller) -> Option<(u64, u64, Caller)> {
        let first = self.first()?;
        Some((self.tag.saturating_add(first.charge), first.order, caller.clone()))
    }
}

impl Class {
    /// Changes a caller's sub-line and keeps its turn in step.
    fn change(&mut self, caller: &Caller, change: impl FnOnce(&mut SubLine)) {
        let clock = self.clock;
        let sub = self.callers.entry(caller.clone()).or_insert_with(|| SubLine { tag: clock, ..SubLine::default() });
        if let Some(turn) = sub.turn(caller) {
            self.turns.remove(&turn);
        }
        change(sub);
        match sub.turn(caller) {
            Some(turn) => {
                self.turns.insert(turn);
            }
            None => {
                self.callers.remove(caller);
            }
        }
    }

    /// The caller whose turn it is.
    fn caller_in_turn(&self) -> Option<&Caller> {
        let kept = self.next.as_ref().filter(|caller| self.callers.contains_key(*caller));
        kept.or_else(|| self.turns.first().map(|(_, _, caller)| caller))
    }

    fn next(&self) -> Option<&Waiter> {
        self.callers.get(self.caller_in_turn()?)?.first()
    }

    /// Everyone in the order of service, with the tag of its caller.
    fn in_order(&self, most: usize) -> InOrder<'_> {
        let first = self.caller_in_turn();
        let mut heap = BinaryHeap::with_capacity(self.turns.len().min(most));
        let mut lines = Vec::with_capacity(self.turns.len().min(most));
        // Whose turn it is comes first whatever its tag.
        let callers = self.turns.iter().map(|(_, _, caller)| caller).filter(|caller| Some(*caller) != first);
        for caller in first.into_iter().chain(callers).take(most) {
            let Some(sub) = self.callers.get(caller) else { continue };
            let mut rest = sub.waiting.values();
            if let Some(waiter) = rest.next() {
                let tag = sub.tag.saturating_add(waiter.charge);
                let rank = if lines.is_empty() { 0 } else { tag };
                heap.push(Reverse((rank, waiter.order, lines.len(), tag)));
                lines.push((waiter, rest));
            }
        }
        InOrder { heap, lines }
    }
}

/// The caller's next one, and those behind it.
type Rest<'l> = (&'l Waiter, btree_map::Values<'l, u64, Waiter>);

struct InOrder<'l> {
    heap: BinaryHeap<Reverse<(u64, u64, usize, u64)>>,
    lines: Vec<Rest<'l>>,
}

impl<'l> Iterator for InOrder<'l> {
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
        self.classes.iter().map(|class| class.by_charge.len()).sum()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.by_charge.is_empty())
    }

    /// Goes in line, behind those of the same caller that came before.
    pub(super) fn enter(&mut self, waiter: Waiter) {
        let clock = self.clock;
        let class = self.class_mut(waiter.class);
        class.by_charge.insert((waiter.charge, waiter.order, waiter.request));
        if class.waiting == 0 {
            class.tag = class.tag.max(clock);
        }
        class.waiting = class.waiting.saturating_add(1);
        class.total = class.total.saturating_add(waiter.charge);
        let caller = waiter.caller.clone();
        class.change(&caller, |sub| {
            sub.total = sub.total.saturating_add(waiter.charge);
            sub.waiting.insert(waiter.order, waiter);
        });
    }

    /// Leaves the line, wherever in it. Says whether it stood there.
    pub(super) fn leave(&mut self, waiter: &Waiter) -> bool {
        if !self.class_mut(waiter.class).by_charge.remove(&(waiter.charge, waiter.order, waiter.request)) {
            return false;
        }
        let before = self.promoted.len();
        self.promoted.retain(|_, promoted| promoted.request != waiter.request);
        if self.promoted.len() == before {
            let class = self.class_mut(waiter.class);
            class.waiting = class.waiting.saturating_sub(1);
            class.total = class.total.saturating_sub(waiter.charge);
            if class.next().is_some_and(|next| next.request == waiter.request) {
                class.next = None;
            }
            class.change(&waiter.caller, |sub| {
                sub.total = sub.total.saturating_sub(waiter.charge);
                sub.waiting.remove(&waiter.order);
            });
        }
        if self.is_empty() {
            self.clock = 0;
            for class in &mut self.classes {
                *class = Class::default();
            }
        }
        true
    }

    /// One in line has waited long: from now on it weighs as the class above its own.
    pub(super) fn age(&mut self, waiter: &Waiter) {
        let sub = self.class_mut(waiter.class).callers.get_mut(&waiter.caller);
        if let Some(known) = sub.and_then(|sub| sub.waiting.get_mut(&waiter.order)) {
            known.rank = waiter.rank;
        }
    }

    /// The person wants it next, whatever else waits.
    pub(super) fn promote(&mut self, waiter: &Waiter) {
        if self.leave(waiter) {
            self.promotions = self.promotions.saturating_add(1);
            let everyone = &mut self.class_mut(waiter.class).by_charge;
            everyone.insert((waiter.charge, waiter.order, waiter.request));
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
        if let Some(sub) = class.callers.get(&waiter.caller) {
            class.clock = class.clock.max(sub.tag);
            class.change(&waiter.caller, |sub| sub.tag = sub.tag.saturating_add(waiter.charge));
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

    /// Who is next. It stays next of its class until it has gone.
    pub(super) fn next(&mut self) -> Option<&Waiter> {
        for class in CLASSES {
            let class = self.class_mut(class);
            class.next = class.caller_in_turn().cloned();
        }
        self.first()
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
        self.classes.iter().filter_map(|class| class.by_charge.first()).map(|(charge, ..)| *charge).min()
    }

    /// The request of an open class with the smallest charge, but for one.
    pub(super) fn smallest_but(&self, except: RequestId, open: impl Fn(Priority) -> bool) -> Option<RequestId> {
        let classes = CLASSES.into_iter().filter(|class| open(*class));
        let each = classes.filter_map(|class| self.class(class).by_charge.iter().find(|(_, _, one)| *one != except));
        each.min().map(|(_, _, request)| *request)
    }

    /// The next ones in the order in which they would go if all fitted.
    pub(super) fn upcoming(&self, most: usize) -> Vec<Turn> {
        let promoted =
            self.promoted.values().map(|waiter| Turn { waiter: waiter.clone(), class_tag: 0, caller_tag: 0 });
        let mut all: Vec<Turn> = promoted.take(most).collect();
        let mut classes = CLASSES.map(|class| {
            let here = self.class(class);
            (class, here.tag, here.in_order(most).peekable())
        });
        while all.len() < most {
            let ranked = classes.iter_mut().filter_map(|(class, tag, rest)| {
                let (waiter, _) = rest.peek()?;
                Some((tag.saturating_add(self.step(waiter.rank, waiter.charge)), *class, tag, rest))
            });
            let Some((class_tag, _, tag, rest)) = ranked.min_by_key(|(tag, class, ..)| (*tag, *class)) else { break };
            if let Some((waiter, caller_tag)) = rest.next() {
                *tag = class_tag;
                all.push(Turn { waiter: waiter.clone(), class_tag, caller_tag });
            }
        }
        all
    }

    /// The tags that one who comes now would leave behind: of its class and of its caller, behind all of the same caller.
    pub(super) fn tags_of(&self, Waiter { class, caller, charge, .. }: &Waiter) -> (u64, u64) {
        let here = self.class(*class);
        let class_tag = if here.waiting == 0 { self.clock.max(here.tag) } else { here.tag };
        let ahead = here.callers.get(caller).map_or(here.clock, |sub| sub.tag.saturating_add(sub.total));
        let all = here.total.saturating_add(*charge);
        (class_tag.saturating_add(self.step(*class, all)), ahead.saturating_add(*charge))
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
