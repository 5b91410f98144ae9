//! What a service has seen of us: our own charges and requests over its windows, without any margin.
//!
//! Invariant: a mark tells how things stood when its request was sent, that request included; what the service refused
//! is taken out again.
//! Absent on purpose: limits. Admission goes by the ledgers, which keep amounts a little longer.

use std::time::Duration;

use super::window::{Place, Window};
use crate::model::units::{MINUTE, Timestamp, micros};

/// Requests sent within this time may overtake each other on their way.
pub(super) const OVERTAKES: Duration = Duration::from_millis(50);
/// The last sendings whose neighbours are known.
const RECENT: usize = 64;

/// One sending, and what had been sent before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Its number among all sendings to this endpoint.
    pub(super) order: u64,
    pub(super) at: Timestamp,
    pub(super) charge: u64,
    /// What the formula said, before its factor.
    pub(super) formula: u64,
    /// Whether nothing was sent so shortly before that it may have arrived later.
    pub(super) apart: bool,
    /// Tokens sent so shortly before.
    close: u64,
    /// Tokens within the minute, its own included.
    pub(super) tokens: u64,
    /// Requests within the minute, itself included.
    pub(super) minute: u64,
    /// All tokens ever sent, its own included.
    total: u64,
    /// All tokens ever given back.
    returned: u64,
    places: [Place; 3],
}

/// One of the last sendings.
#[derive(Clone, Copy, Debug)]
struct Recent {
    order: u64,
    at: Timestamp,
    charge: u64,
    /// Tokens sent so shortly after it that they may have come first.
    after: u64,
}

/// Our traffic to one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Traffic {
    tokens: Window,
    minute: Window,
    slice: Window,
    slice_span: Duration,
    order: u64,
    total: u64,
    /// All tokens the service ever let in, as they settled; of those under way, what they were sent with.
    let_in: u64,
    /// All tokens that what was let in came to less than it was sent with.
    returned: u64,
    /// Tokens of requests that have not ended.
    under_way: u64,
    /// By order, over and over.
    recent: [Recent; RECENT],
    /// By order and charge, over and over: the last that the service refused.
    refused: [(u64, u64); RECENT],
    refusals: usize,
}

impl Traffic {
    /// Nothing sent.
    pub(super) fn new(slice_span: Duration) -> Self {
        let window = |span| Window::new(span, Duration::ZERO);
        Self {
            tokens: window(MINUTE),
            minute: window(MINUTE),
            slice: window(slice_span),
            slice_span,
            order: 0,
            total: 0,
            let_in: 0,
            returned: 0,
            under_way: 0,
            recent: [Recent { order: 0, at: Timestamp::ZERO, charge: 0, after: 0 }; RECENT],
            refused: [(0, 0); RECENT],
            refusals: 0,
        }
    }

    /// A request of this charge is sent.
    pub(super) fn send(&mut self, now: Timestamp, charge: u64, formula: u64) -> Mark {
        let close = self.crowd(now, charge);
        self.order = self.order.wrapping_add(1);
        if let Some(slot) = self.recent.get_mut(place(self.order)) {
            *slot = Recent { order: self.order, at: now, charge, after: 0 };
        }
        self.total = self.total.saturating_add(charge);
        self.let_in = self.let_in.saturating_add(charge);
        self.under_way = self.under_way.saturating_add(charge);
        let places = [self.tokens.add(now, charge), self.minute.add(now, 1), self.slice.add(now, 1)];
        Mark {
            order: self.order,
            at: now,
            charge,
            formula,
            apart: close == 0,
            close,
            tokens: self.tokens.taken(now),
            minute: self.minute.taken(now),
            total: self.total,
            returned: self.returned,
            places,
        }
    }

    /// What was sent before used this much more.
    pub(super) fn spend(&mut self, now: Timestamp, charge: u64) {
        self.total = self.total.saturating_add(charge);
        self.let_in = self.let_in.saturating_add(charge);
        let place = self.tokens.add(now, charge);
        self.tokens.settle(place, charge, charge);
    }

    /// Tells those sent shortly before that this charge may arrive earlier; the tokens they have, everything if there
    /// are too many of them to know.
    fn crowd(&mut self, now: Timestamp, charge: u64) -> u64 {
        let mut close = 0_u64;
        for back in 0..RECENT as u64 {
            let order = self.order.wrapping_sub(back);
            match self.recent.get_mut(place(order)) {
                Some(known) if known.order == order && order > 0 && now.since(known.at) < OVERTAKES => {
                    known.after = known.after.saturating_add(charge);
                    close = close.saturating_add(known.charge.max(1));
                }
                _ => return close,
            }
        }
        u64::MAX
    }

    /// Tokens sent so shortly after a request that they may have arrived before it; `None`: too long ago to say.
    pub(super) fn overtaking(&self, mark: &Mark) -> Option<u64> {
        self.recent.get(place(mark.order)).filter(|known| known.order == mark.order).map(|known| known.after)
    }

    /// What is at least and at most left of `remaining`, which the service saw when the marked request came: whatever it
    /// may not have seen then, and whatever it surely had not. What came back since is in neither.
    pub(super) fn left(&self, mark: &Mark, remaining: u64) -> (u64, u64) {
        let since = self.sent_since(mark);
        let surely = self.overtaking(mark).map_or(0, |overtaking| since.saturating_sub(overtaking));
        (remaining.saturating_sub(mark.close).saturating_sub(since), remaining.saturating_sub(surely))
    }

    /// What was given back since the marked request was sent. The service may have seen it then, or not.
    pub(super) const fn returned_since(&self, mark: &Mark) -> u64 {
        self.returned.saturating_sub(mark.returned)
    }

    /// Tokens of requests that have not ended: what they were sent with.
    pub(super) const fn under_way(&self) -> u64 {
        self.under_way
    }

    /// What is left in requests. What remains is told in whole ones.
    pub(super) fn requests_left(&self, mark: &Mark, remaining: u64) -> (u64, u64) {
        let since = self.requests_since(mark);
        let close = if mark.apart { 0 } else { RECENT as u64 };
        let surely = if self.overtaking(mark) == Some(0) { since } else { 0 };
        (remaining.saturating_sub(close).saturating_sub(since), remaining.saturating_add(1).saturating_sub(surely))
    }

    /// What it came to in the end; nothing: the service did not let it in.
    pub(super) fn settle(&mut self, mark: &Mark, charge: u64) {
        let [tokens, minute, slice] = mark.places;
        let count = u64::from(charge > 0);
        self.let_in = self.let_in.saturating_sub(mark.charge).saturating_add(charge);
        self.under_way = self.under_way.saturating_sub(mark.charge);
        if count > 0 {
            self.returned = self.returned.saturating_add(mark.charge.saturating_sub(charge));
        }
        if charge != mark.charge {
            self.tokens.settle(tokens, mark.charge, charge);
        }
        if count == 0 {
            if let Some(slot) = self.refused.get_mut(self.refusals) {
                *slot = (mark.order, mark.charge);
            }
            self.refusals = (self.refusals + 1) % RECENT;
            self.minute.settle(minute, 1, 0);
            self.slice.settle(slice, 1, 0);
        }
    }

    /// All tokens the service ever let in.
    pub(super) const fn let_in(&self) -> u64 {
        self.let_in
    }

    /// Tokens of ours the service has in its minute.
    pub(super) fn tokens(&self, now: Timestamp) -> u64 {
        self.tokens.taken(now)
    }

    /// Requests a minute, by what is in the minute or by what is in the slice.
    pub(super) fn requests(&self, now: Timestamp, by_slice: bool) -> u64 {
        if by_slice { self.slice.taken(now).saturating_mul(self.slices()) } else { self.minute.taken(now) }
    }

    /// Slices in a minute.
    pub(super) fn slices(&self) -> u64 {
        MINUTE.as_secs() / self.slice_span.as_secs().clamp(1, MINUTE.as_secs())
    }

    /// Requests sent after a mark, as far as the service did not refuse them.
    pub(super) fn requests_since(&self, mark: &Mark) -> u64 {
        let refused = self.refused.iter().filter(|(order, _)| *order > mark.order).count() as u64;
        self.order.wrapping_sub(mark.order).saturating_sub(refused)
    }

    /// Requests of the `span` before a moment, a minute at most, and all since.
    pub(super) fn requests_within(&self, at: Timestamp, span: Duration) -> u64 {
        at.0.checked_sub(micros(span)).map_or_else(|| self.minute.taken(at), |from| self.minute.since(Timestamp(from)))
    }

    /// Tokens sent after a mark, as far as the service did not refuse them.
    pub(super) fn sent_since(&self, mark: &Mark) -> u64 {
        self.total.saturating_sub(mark.total).saturating_sub(self.refused_between(mark.order, self.order))
    }

    /// Tokens sent after one mark, up to and including another, as far as the service did not refuse them.
    pub(super) fn sent_between(&self, earlier: &Mark, later: &Mark) -> u64 {
        let refused = self.refused_between(earlier.order, later.order);
        later.total.saturating_sub(earlier.total).saturating_sub(refused)
    }

    fn refused_between(&self, after: u64, upto: u64) -> u64 {
        let within = |order: &u64| after < *order && *order <= upto;
        self.refused.iter().filter(|(order, _)| within(order)).fold(0, |sum, (_, charge)| sum.saturating_add(*charge))
    }
}

fn place(order: u64) -> usize {
    usize::try_from(order % RECENT as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_close_to_each_other_may_arrive_in_any_order() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        let first = traffic.send(Timestamp::ZERO, 100, 100);
        let second = traffic.send(Timestamp::from_millis(20), 50, 50);
        let third = traffic.send(Timestamp::from_millis(60), 7, 7);
        let last = traffic.send(Timestamp::from_millis(200), 7, 7);
        assert_eq!([first, second, third, last].map(|mark| mark.apart), [true, false, false, true]);
        let overtaking = [first, second, third, last].map(|mark| traffic.overtaking(&mark));
        assert_eq!(overtaking, [Some(50), Some(7), Some(0), Some(0)]);
        for n in 0..64 {
            traffic.send(Timestamp::from_secs(n), 1, 1);
        }
        assert_eq!(traffic.overtaking(&last), None);
    }

    #[test]
    fn a_mark_knows_what_was_sent_before_it_and_what_came_after() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        traffic.send(Timestamp::ZERO, 100, 100);
        let mark = traffic.send(Timestamp::from_secs(20), 50, 50);
        traffic.send(Timestamp::from_secs(21), 7, 7);
        assert_eq!((mark.order, mark.tokens, mark.minute), (2, 150, 2));
        assert_eq!(traffic.requests(Timestamp::from_secs(21), true), 12);
        assert_eq!(traffic.sent_since(&mark), 7);
    }

    #[test]
    fn what_was_refused_is_not_taken_for_use_of_ours_between_two_answers() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        let first = traffic.send(Timestamp::ZERO, 100, 100);
        let refused = traffic.send(Timestamp::from_secs(1), 400, 400);
        let last = traffic.send(Timestamp::from_secs(2), 100, 100);
        assert_eq!((traffic.sent_between(&first, &last), traffic.sent_since(&first)), (500, 500));
        traffic.settle(&refused, 0);
        assert_eq!((traffic.sent_between(&first, &last), traffic.sent_since(&first)), (100, 100));
        assert_eq!(traffic.sent_since(&last), 0);
    }

    #[test]
    fn what_is_left_lies_between_what_may_and_what_must_have_been_seen() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        traffic.send(Timestamp::ZERO, 100, 100);
        let mark = traffic.send(Timestamp::from_millis(20), 50, 50);
        traffic.send(Timestamp::from_millis(60), 7, 7);
        traffic.send(Timestamp::from_millis(500), 30, 30);
        // 100 may arrive later, 7 may have arrived earlier, 30 surely comes after it.
        assert_eq!(traffic.left(&mark, 1_000), (1_000 - 100 - 37, 1_000 - 30));
    }

    #[test]
    fn what_was_refused_was_never_in() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        let mark = traffic.send(Timestamp::ZERO, 100, 100);
        traffic.send(Timestamp::ZERO, 60, 60);
        traffic.settle(&mark, 0);
        assert_eq!((traffic.tokens(Timestamp::ZERO), traffic.requests(Timestamp::ZERO, false)), (60, 1));
        assert_eq!(traffic.requests(Timestamp::ZERO, true), 6, "one in ten seconds is six a minute");
    }
}
