//! By what rate a limit refills that only refuses: by what it let in since it was last known to be used up.
//!
//! A service that counts by a level lets in up to two limits within a minute, one that it had and one that comes back. So the
//! last minute at a refusal says little of the limit. But between two refusals it lets in exactly what came back; and over any
//! span it lets in no more than comes back in it, and one limit.
//!
//! Invariant: what is said is never more than the limit, as far as our own use is all there is.
//! Absent on purpose: what is made of it (`ceiling`).

use std::collections::VecDeque;
use std::time::Duration;

use super::ceiling::share;
use crate::model::units::{MINUTE, Timestamp};

/// How often it is noted what was let in until then.
const APART: Duration = Duration::from_secs(10);
/// How many notes are kept: those of five minutes.
const KEPT: usize = 30;
/// Two refusals closer than this tell nothing: single requests would weigh too much.
const TELLING: Duration = Duration::from_secs(8);

/// What was let in while a level did not rise tells of the limit once it took this long.
const LEVEL: std::ops::RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_mins(3);

/// When everything was used up.
#[derive(Clone, Copy, Debug)]
struct Empty {
    at: Timestamp,
    let_in: u64,
    /// The last note since, and what came back until then without being used.
    noted: (Timestamp, u64),
    saved: u64,
}

/// What one limit let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Refill {
    notes: VecDeque<(Timestamp, u64)>,
    empty: Option<Empty>,
    /// When the level stood where, in permille of the limit, and what was let in until then.
    stood: Option<(Timestamp, u32, u64)>,
}

impl Refill {
    /// The level stands at this many permille of the limit, after at least and at most this much was let in. What comes
    /// back in a minute at least: what was let in since it stood as high or higher is gone again.
    pub(super) fn fills(&mut self, now: Timestamp, (least, most): (u64, u64), permille: u32) -> Option<u64> {
        let (at, before, until_then) = *self.stood.get_or_insert((now, permille, most));
        // Answers overtake each other.
        if now <= at {
            return None;
        }
        let span = now.since(at);
        let tells = permille <= before && permille < 1_000 && LEVEL.contains(&span);
        let anew = tells || span > *LEVEL.end() || permille > before && span < *LEVEL.start();
        if anew {
            self.stood = Some((now, permille, most));
        }
        tells.then(|| share(least.saturating_sub(until_then), MINUTE, span))
    }

    /// Something is sent, after this much was let in, all in all; `limit`: what is thought to come back in a minute.
    pub(super) fn note(&mut self, now: Timestamp, let_in: u64, limit: Option<u64>) {
        if self.notes.back().is_some_and(|(at, _)| now.since(*at) < APART) {
            return;
        }
        if self.notes.len() >= KEPT {
            self.notes.pop_front();
        }
        self.notes.push_back((now, let_in));
        // Once as much was saved as it holds, what came back since is lost to our sight.
        self.empty =
            self.empty.filter(|_| limit.is_some()).map(|empty| empty.noted_at(now, let_in, limit.unwrap_or(0)));
        self.empty = self.empty.filter(|empty| limit.is_some_and(|limit| empty.saved < limit));
    }

    /// The service is used up, after this much was let in. What comes back in a minute, if that can be told.
    pub(super) fn used_up(&mut self, now: Timestamp, let_in: u64) -> Option<u64> {
        let over = |from: (Timestamp, u64), more: Duration| {
            let span = now.since(from.0).saturating_add(more);
            share(let_in.saturating_sub(from.1), MINUTE, span.max(Duration::from_millis(1)))
        };
        if self.empty.is_some_and(|empty| now.since(empty.at) < TELLING) {
            return None;
        }
        let since = self.empty.map(|empty| over((empty.at, empty.let_in), Duration::ZERO));
        let least = self.notes.iter().map(|note| over(*note, MINUTE)).max();
        self.empty = Some(Empty { at: now, let_in, noted: (now, let_in), saved: 0 });
        since.max(least)
    }
}

impl Empty {
    fn noted_at(self, now: Timestamp, let_in: u64, limit: u64) -> Self {
        let back = share(limit, now.since(self.noted.0), MINUTE);
        let used = let_in.saturating_sub(self.noted.1);
        Self { noted: (now, let_in), saved: self.saved.saturating_add(back).saturating_sub(used), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 60_000;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn the_first_refusal_after_steady_use_tells_the_limit_though_a_whole_one_was_saved_before() {
        let mut refill = Refill::default();
        // 1,500 a second against 1,000 that come back: the 60,000 at first last for two minutes.
        for second in 0..120 {
            refill.note(at(second), second * 1_500, None);
        }
        assert_eq!(refill.used_up(at(120), 180_000), Some(LIMIT));
    }

    #[test]
    fn between_two_refusals_exactly_what_came_back_was_let_in() {
        let mut refill = Refill::default();
        refill.note(at(0), 0, None);
        assert_eq!(refill.used_up(at(10), 70_000), Some(LIMIT), "all it had and ten seconds");
        for second in 11..40 {
            refill.note(at(second), 70_000 + (second - 10) * 1_000, Some(LIMIT));
        }
        assert_eq!(refill.used_up(at(40), 100_000), Some(LIMIT));
        assert_eq!(refill.used_up(at(41), 101_500), None, "too soon after the last");
    }

    #[test]
    fn after_a_pause_more_came_back_than_could_be_kept() {
        let mut refill = Refill::default();
        refill.note(at(0), 0, None);
        refill.used_up(at(10), 70_000);
        refill.note(at(200), 70_000, Some(LIMIT));
        // All it had and five seconds: over the 195 since the last refusal that would be a third of the limit.
        assert_eq!(refill.used_up(at(205), 135_000), Some(LIMIT));
    }

    #[test]
    fn what_was_let_in_while_a_level_stood_came_back_in_that_time() {
        let mut refill = Refill::default();
        assert_eq!(refill.fills(at(0), (0, 0), 700), None);
        assert_eq!(refill.fills(at(30), (45_000, 45_000), 700), None, "too short a time");
        assert_eq!(refill.fills(at(90), (135_000, 140_000), 699), Some(90_000));
        // What may not have come back yet counts for the time before.
        assert_eq!(refill.fills(at(150), (230_000, 235_000), 690), Some(90_000));
    }

    #[test]
    fn a_level_that_rose_that_is_full_or_that_stood_too_long_ago_proves_nothing() {
        let mut refill = Refill::default();
        refill.fills(at(0), (0, 0), 700);
        assert_eq!(refill.fills(at(90), (500_000, 500_000), 701), None, "some of it is still in there");
        let mut full = Refill::default();
        full.fills(at(0), (0, 0), 1_000);
        assert_eq!(full.fills(at(90), (500_000, 500_000), 1_000), None, "it may be over by any amount");
        let mut idle = Refill::default();
        idle.fills(at(0), (0, 0), 700);
        assert_eq!(idle.fills(at(400), (900_000, 900_000), 700), None, "it may have been empty in between");
        assert_eq!(idle.fills(at(460), (960_000, 960_000), 700), Some(LIMIT), "counted from then on");
    }

    #[test]
    fn a_level_that_rises_early_is_counted_from_there_and_answers_that_come_late_change_nothing() {
        let mut refill = Refill::default();
        refill.fills(at(0), (0, 0), 100);
        refill.fills(at(20), (60_000, 60_000), 900);
        assert_eq!(refill.fills(at(10), (30_000, 30_000), 100), None);
        assert_eq!(refill.fills(at(80), (120_000, 120_000), 900), Some(LIMIT));
    }

    #[test]
    fn what_is_kept_does_not_grow() {
        let mut refill = Refill::default();
        for second in 0..100_000 {
            refill.note(at(second), second, Some(LIMIT));
        }
        assert_eq!(refill.notes.len(), KEPT);
    }
}
