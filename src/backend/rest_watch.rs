//! When it is worth writing down who rests.
//!
//! Invariant: a wait that still has more than [`SHORT`] to go is written at the next look if nothing was written lately, and
//! [`PACE`] after what was written last at the latest; one of [`LONG`] for whom the file says nothing, at the next look always.
//! Absent on purpose: short waits. They are over before a process has started again.

use std::time::Duration;

use crate::model::status::Rest;
use crate::model::units::Timestamp;

/// A wait that ends sooner is not worth a file.
const SHORT: Duration = Duration::from_secs(5);
/// A wait that begins with this much to go is written whenever the file was: forgotten, it would cost more than a write.
const LONG: Duration = Duration::from_secs(10);
/// How often the file is written at most, but for the beginning of long waits.
const PACE: Duration = Duration::from_secs(5);
/// An end that moves by less is the same for whoever starts again.
const SAME: Duration = Duration::from_secs(1);

/// What the file says, and since when.
#[derive(Debug, Default)]
pub(super) struct RestWatch {
    written: Vec<Rest>,
    at: Timestamp,
}

impl RestWatch {
    /// The file says this already.
    pub(super) fn of(written: Vec<Rest>) -> Self {
        Self { written, at: Timestamp::ZERO }
    }

    /// Who is to be written down now, if what the file says would mislead.
    pub(super) fn news(&mut self, now: Timestamp, rests: &[Rest]) -> Option<Vec<Rest>> {
        let is_early = self.at > Timestamp::ZERO && now.since(self.at) < PACE;
        let is_due = if is_early { self.lacks_long(now, rests) } else { self.misleads(now, rests) };
        if !is_due {
            return None;
        }
        self.at = now;
        self.written = rests.to_vec();
        Some(rests.to_vec())
    }

    /// Whether the file has no word of an endpoint that will rest for long. One that it says will rest a while is not lacking,
    /// so an endpoint whose end moves all the time is no reason to write all the time.
    fn lacks_long(&self, now: Timestamp, rests: &[Rest]) -> bool {
        let is_known = |rest: &Rest| {
            let same = |other: &&Rest| other.endpoint == rest.endpoint && other.cause == rest.cause;
            self.written.iter().filter(same).any(|other| other.until.since(now) > SHORT)
        };
        rests.iter().any(|rest| rest.until.since(now) >= LONG && !is_known(rest))
    }

    /// Whether the file lacks somebody who will rest for a while, or has somebody who rests no more.
    fn misleads(&self, now: Timestamp, rests: &[Rest]) -> bool {
        let lacks = |those: &[Rest], rest: &Rest| !those.iter().any(|other| is_same(other, rest));
        let lasts = |rest: &&Rest| rest.until.since(now) > SHORT;
        rests.iter().filter(lasts).any(|rest| lacks(&self.written, rest))
            || self.written.iter().filter(lasts).any(|rest| lacks(rests, rest))
    }
}

fn is_same(one: &Rest, other: &Rest) -> bool {
    let apart = one.until.since(other.until).max(other.until.since(one.until));
    one.endpoint == other.endpoint && one.cause == other.cause && one.mark == other.mark && apart <= SAME
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EndpointId;
    use crate::model::outcome::ThrottleKind;
    use crate::model::status::RestCause;

    fn rest(endpoint: &str, until_ms: u64) -> Rest {
        let cause = RestCause::Throttled(ThrottleKind::Tokens);
        Rest { endpoint: EndpointId::from(endpoint), until: Timestamp::from_millis(until_ms), cause, mark: 0 }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn short_waits_are_never_written() {
        let mut watch = RestWatch::default();
        for second in 100..200 {
            let now = second * 1_000;
            assert_eq!(watch.news(at(now), &[rest("a", now + 5_000)]), None);
        }
    }

    #[test]
    fn a_long_wait_is_written_at_once_and_then_no_more() {
        let mut watch = RestWatch::default();
        let long = [rest("a", 190_000)];
        assert_eq!(watch.news(at(100_000), &long).as_deref(), Some(long.as_slice()));
        for second in 101..190 {
            let moved = [rest("a", 190_000 + second)];
            assert_eq!(watch.news(at(second * 1_000), &moved), None, "it moved by less than a second");
        }
        assert_eq!(watch.news(at(200_000), &[]), None, "that it is over the file says itself");
    }

    #[test]
    fn what_changes_all_the_time_is_written_every_five_seconds() {
        let mut watch = RestWatch::default();
        let mut times = 0;
        for second in 100..200 {
            let now = second * 1_000;
            times += usize::from(watch.news(at(now), &[rest("a", now + 60_000)]).is_some());
        }
        assert_eq!(times, 20);
    }

    #[test]
    fn the_beginning_of_a_long_wait_is_written_however_lately_something_else_was() {
        let mut watch = RestWatch::default();
        let first = [rest("a", 190_000)];
        assert!(watch.news(at(100_000), &first).is_some());
        let shorter = [first.clone(), [rest("b", 109_000)]].concat();
        assert_eq!(watch.news(at(100_001), &shorter), None, "nine seconds can wait for their turn");
        let longer = [first, [rest("b", 111_000)]].concat();
        assert_eq!(watch.news(at(100_002), &longer).as_deref(), Some(longer.as_slice()));
        assert_eq!(watch.news(at(100_003), &longer), None, "once");
    }

    #[test]
    fn who_rests_no_more_before_its_time_is_taken_out() {
        let mut watch = RestWatch::of(vec![rest("a", 190_000), rest("b", 190_000)]);
        let left = [rest("b", 190_000)];
        assert_eq!(watch.news(at(100_000), &left).as_deref(), Some(left.as_slice()));
    }
}
