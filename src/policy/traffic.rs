//! What a service has seen of us: our own charges and requests over its windows, without any margin.
//!
//! Invariant: a mark tells how things stood when its request was sent, that request included; what the service refused
//! is taken out again.
//! Absent on purpose: limits. Admission goes by the ledgers, which keep amounts a little longer.

use std::time::Duration;

use super::window::{Place, Window};
use crate::model::units::{MINUTE, Timestamp};

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
    /// Tokens within the minute, its own included.
    pub(super) tokens: u64,
    /// Requests within the minute, itself included.
    pub(super) minute: u64,
    /// All tokens ever sent, its own included.
    total: u64,
    places: [Place; 3],
}

impl Mark {
    /// Tokens sent after an earlier mark, up to and including this one.
    pub(super) const fn sent_after(&self, earlier: &Self) -> u64 {
        self.total.saturating_sub(earlier.total)
    }
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
    /// By order, over and over: when it was sent, and the tokens sent so shortly after that they may have come first.
    recent: [(u64, Timestamp, u64); RECENT],
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
            recent: [(0, Timestamp::ZERO, 0); RECENT],
        }
    }

    /// A request of this charge is sent.
    pub(super) fn send(&mut self, now: Timestamp, charge: u64, formula: u64) -> Mark {
        let apart = self.crowd(now, charge) == 0;
        self.order = self.order.wrapping_add(1);
        if let Some(slot) = self.recent.get_mut(place(self.order)) {
            *slot = (self.order, now, 0);
        }
        self.total = self.total.saturating_add(charge);
        let places = [self.tokens.add(now, charge), self.minute.add(now, 1), self.slice.add(now, 1)];
        Mark {
            order: self.order,
            at: now,
            charge,
            formula,
            apart,
            tokens: self.tokens.taken(now),
            minute: self.minute.taken(now),
            total: self.total,
            places,
        }
    }

    /// Tells those sent shortly before that this charge may arrive earlier; how many they are.
    fn crowd(&mut self, now: Timestamp, charge: u64) -> usize {
        let mut close = 0;
        for back in 0..RECENT as u64 {
            let order = self.order.wrapping_sub(back);
            match self.recent.get_mut(place(order)) {
                Some((known, at, after)) if *known == order && order > 0 && now.since(*at) < OVERTAKES => {
                    *after = after.saturating_add(charge);
                    close += 1;
                }
                _ => break,
            }
        }
        close
    }

    /// Tokens sent so shortly after a request that they may have arrived before it; `None`: too long ago to say.
    pub(super) fn overtaking(&self, mark: &Mark) -> Option<u64> {
        self.recent.get(place(mark.order)).filter(|(order, ..)| *order == mark.order).map(|(_, _, after)| *after)
    }

    /// What it came to in the end; nothing: the service did not let it in.
    pub(super) fn settle(&mut self, mark: &Mark, charge: u64) {
        let [tokens, minute, slice] = mark.places;
        let count = u64::from(charge > 0);
        if charge != mark.charge {
            self.tokens.settle(tokens, mark.charge, charge);
        }
        if count == 0 {
            self.minute.settle(minute, 1, 0);
            self.slice.settle(slice, 1, 0);
        }
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

    /// Tokens sent after a mark.
    pub(super) const fn sent_since(&self, mark: &Mark) -> u64 {
        self.total.saturating_sub(mark.total)
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
    fn what_was_refused_was_never_in() {
        let mut traffic = Traffic::new(Duration::from_secs(10));
        let mark = traffic.send(Timestamp::ZERO, 100, 100);
        traffic.send(Timestamp::ZERO, 60, 60);
        traffic.settle(&mark, 0);
        assert_eq!((traffic.tokens(Timestamp::ZERO), traffic.requests(Timestamp::ZERO, false)), (60, 1));
        assert_eq!(traffic.requests(Timestamp::ZERO, true), 6, "one in ten seconds is six a minute");
    }
}
