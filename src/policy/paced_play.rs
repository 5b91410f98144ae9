//! What lesser requests may take while lines are rehearsed: room is kept for the important ones that are foreseen.
//!
//! The rule of `pacing`, second by second.
//!
//! Invariant: what is taken counts for a little more than a minute, never less.
//! Absent on purpose: groups apart from each other. A lesser request goes to the last of them if all together allow it.

use std::time::Duration;

use super::order::CLASSES;
use super::pacing::{HORIZONS, LAST, NORMAL_SHARE, at_hand, share};
use super::play::Play;
use crate::model::config::Priority;
use crate::model::outlook::Demand;
use crate::model::units::Timestamp;

/// So many seconds' free tokens are looked at, and what is taken counts for as many.
const SPAN: usize = 62;
/// So many seconds are foreseen; what comes later is told as if it came then.
const SECONDS: usize = 600;

/// What is kept, by class.
#[derive(Clone, Debug, Default)]
pub(super) struct Paces {
    from: Timestamp,
    /// Free at each second if nothing more goes; nothing in it: nobody is paced.
    free: Vec<u64>,
    /// Tokens a minute that are kept from normal, and from bulk, requests,
    kept: [u64; 2],
    /// and of these, what must be free so many seconds ahead: one of each of the moments looked at.
    needs: [[u64; HORIZONS.len()]; 2],
    /// Of the last minute at each second, of normal and of bulk requests.
    taken: [Vec<u64>; 2],
    /// What each of them gets whatever is foreseen.
    own: [u64; 2],
}

/// The place of a class in what is kept by class; `None`: it is never paced.
const fn place(class: Priority) -> Option<usize> {
    match class {
        Priority::Interactive => None,
        Priority::Normal => Some(0),
        Priority::Bulk => Some(1),
    }
}

/// Of an amount that is kept each minute, what must be free at each of the moments that are looked at: until the next one.
fn needs(kept: u64, at_hand: u64) -> [u64; HORIZONS.len()] {
    let mut until = HORIZONS.into_iter().skip(2).chain([LAST]).map(|seconds| share(kept, seconds, 60));
    let mut first = Some(at_hand);
    std::array::from_fn(|_| first.take().or_else(|| until.next()).unwrap_or_default())
}

impl Paces {
    /// By what is free on a stage, what is foreseen, the least share of bulk in percent, and what normal and bulk requests
    /// will have taken of the last minute at a time.
    pub(super) fn new(
        play: &Play,
        [interactive, normal, _]: [Demand; 3],
        bulk_share: u32,
        taken: impl Fn(Priority, Timestamp) -> u64,
    ) -> Self {
        let from = play.now();
        let Some((_, whole)) = play.free_at(from) else { return Self::default() };
        let moment = |second: usize| from.after(Duration::from_secs(u64::try_from(second).unwrap_or(u64::MAX)));
        let free = |second: usize| play.free_at(moment(second)).map_or(0, |(free, _)| free);
        let mut free: Vec<u64> = (0..=SPAN).map(free).collect();
        free.resize(SECONDS + SPAN, free.last().copied().unwrap_or(whole));
        let bulk_share = u64::from(bulk_share).min(90);
        let both = interactive.upper.saturating_add(normal.upper);
        let upmost = |upper: u64, own| upper.min(share(whole, 100 - own, 100));
        let through = CLASSES.into_iter().fold(0_u64, |sum, class| sum.saturating_add(taken(class, from)));
        let through = whole.max(through);
        let taken = [Priority::Normal, Priority::Bulk].map(|class| {
            let mut taken: Vec<u64> = (0..=SPAN).map(|second| taken(class, moment(second))).collect();
            taken.resize(SECONDS + SPAN, 0);
            taken
        });
        let kept = [upmost(interactive.upper, NORMAL_SHARE), upmost(both, bulk_share)];
        let at_hand = at_hand(interactive, whole);
        let needs = kept.map(|kept| needs(kept, at_hand));
        Self {
            from,
            free,
            kept,
            needs,
            taken,
            own: [NORMAL_SHARE, bulk_share].map(|percent| share(through, percent * 21, 2_000)),
        }
    }

    /// What is expected of those more important than a class, in tokens a minute, as far as it is their share.
    pub(super) fn ahead_of(&self, class: Priority, [interactive, normal, _]: [Demand; 3]) -> u64 {
        let Some(place) = place(class) else { return 0 };
        let both = interactive.expected.saturating_add(if place == 0 { 0 } else { normal.expected });
        self.kept.get(place).map_or(0, |kept| both.min(*kept))
    }

    /// From when on a request of this class may take so much.
    pub(super) fn opens(&self, now: Timestamp, class: Priority, charge: u64) -> Timestamp {
        if self.free.is_empty() || place(class).is_none() || self.allows(self.second(now), class, charge) {
            return now;
        }
        let later = (self.second(now) + 1..SECONDS).find(|second| self.allows(*second, class, charge));
        let seconds = u64::try_from(later.unwrap_or(SECONDS)).unwrap_or(u64::MAX);
        self.from.after(Duration::from_secs(seconds)).max(now.after(Duration::from_secs(1)))
    }

    fn second(&self, at: Timestamp) -> usize {
        usize::try_from(at.since(self.from).as_secs()).unwrap_or(SECONDS).min(SECONDS)
    }

    fn allows(&self, second: usize, class: Priority, charge: u64) -> bool {
        let Some(needs) = place(class).and_then(|place| self.needs.get(place)) else { return true };
        let nobody = place(class).and_then(|place| self.kept.get(place)) == Some(&0);
        if nobody || self.is_due_at(second, class, charge) {
            return true;
        }
        let ahead = self.free.get(second..).unwrap_or_default();
        HORIZONS.iter().zip(needs).all(|(seconds, need)| {
            let free = usize::try_from(*seconds).ok().and_then(|seconds| ahead.get(seconds));
            charge.saturating_add(*need) <= free.copied().unwrap_or_default()
        })
    }

    /// Whether a class had less than its share of the last minute.
    pub(super) fn is_due(&self, now: Timestamp, class: Priority, charge: u64) -> bool {
        !self.free.is_empty() && self.is_due_at(self.second(now), class, charge)
    }

    fn is_due_at(&self, second: usize, class: Priority, charge: u64) -> bool {
        let Some(place) = place(class) else { return false };
        let taken = self.taken.get(place).and_then(|taken| taken.get(second)).copied().unwrap_or_default();
        self.own.get(place).is_some_and(|own| taken.saturating_add(charge) <= *own)
    }

    /// One goes.
    pub(super) fn take(&mut self, at: Timestamp, class: Priority, charge: u64) {
        let from = self.second(at);
        for free in self.free.iter_mut().skip(from).take(SPAN) {
            *free = free.saturating_sub(charge);
        }
        if let Some(taken) = place(class).and_then(|place| self.taken.get_mut(place)) {
            for taken in taken.iter_mut().skip(from).take(SPAN) {
                *taken = taken.saturating_add(charge);
            }
        }
    }
}
