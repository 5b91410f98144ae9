//! By what factor a service charges more or less than the formula says.
//!
//! Invariant: the factor is a low one of the last observations, from a quarter to fourfold: what others use meanwhile only
//! ever adds to an observation, and where most are spoiled the lowest are not.
//! Absent on purpose: the formula (`estimate`).

use std::time::Duration;

use super::traffic::{Mark, OVERTAKES};
use crate::model::units::MINUTE;

/// Observations remembered.
const KEPT: usize = 15;
/// Observations before the first is believed.
const ENOUGH: usize = 5;
/// Factors in permille.
const SMALLEST: u64 = 250;
const LARGEST: u64 = 4_000;
/// A factor this near to one is one.
const EXACT: u64 = 15;
/// Answers to requests further apart tell nothing, nor do those so close that one may overtake the other.
const APART: std::ops::RangeInclusive<Duration> = OVERTAKES..=Duration::from_secs(3);
/// What differs on the way between requests.
const JITTER: Duration = Duration::from_millis(40);

/// What an answer said was left after its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) mark: Mark,
    pub(super) limit: u64,
    pub(super) remaining: u64,
}

impl Reading {
    /// What the service charged for this request, if only this one came between the two readings.
    pub(super) fn charged_since(&self, before: &Self, bucket: bool) -> Option<u64> {
        let apart = self.mark.at.since(before.mark.at);
        let alone =
            self.mark.order == before.mark.order.wrapping_add(1) && before.mark.apart && self.limit == before.limit;
        if !alone || !APART.contains(&apart) {
            return None;
        }
        if bucket {
            let flow = |span: Duration| {
                let part = u128::from(self.limit).saturating_mul(span.as_micros()) / MINUTE.as_micros();
                u64::try_from(part).unwrap_or(u64::MAX)
            };
            let filled = before.remaining.saturating_add(flow(apart));
            let charged = filled.min(self.limit).checked_sub(self.remaining)?;
            let surely_full = filled >= self.limit.saturating_add(flow(JITTER));
            // By what we reckon with, not by what is seen: else those that others spoiled are the only ones that count.
            return (surely_full || flow(JITTER) <= self.mark.charge / 40).then_some(charged);
        }
        // Only while nothing of ours left the window; when exactly it leaves there, nobody knows.
        let stays = before.mark.tokens.saturating_add(self.mark.charge) == self.mark.tokens;
        before.remaining.checked_sub(self.remaining).filter(|_| stays)
    }
}

/// The factor for one kind of request at one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Calibration {
    ratios: [u16; KEPT],
    count: usize,
    next: usize,
    permille: u64,
}

impl Calibration {
    /// The formula is taken at its word.
    pub(super) const fn new() -> Self {
        Self { ratios: [0; KEPT], count: 0, next: 0, permille: 1_000 }
    }

    /// In permille.
    pub(super) const fn permille(&self) -> u64 {
        self.permille
    }

    /// What the formula said where it led to this charge.
    pub(super) const fn formula(&self, charge: u64) -> u64 {
        charge.saturating_mul(1_000) / self.permille
    }

    /// Whether the charge was seen often enough to be relied on.
    pub(super) const fn is_known(&self) -> bool {
        self.count >= ENOUGH
    }

    /// The service charged this where the formula said that.
    pub(super) fn observe(&mut self, charged: u64, formula: u64) {
        let ratio = charged.saturating_mul(1_000) / formula.max(1);
        // Nothing, or tenfold: that was not this request.
        if charged == 0 || ratio > LARGEST.saturating_mul(5) / 2 {
            return;
        }
        if let Some(slot) = self.ratios.get_mut(self.next) {
            *slot = u16::try_from(ratio.clamp(SMALLEST, LARGEST)).unwrap_or(u16::MAX);
        }
        self.next = (self.next + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
        if self.count >= ENOUGH {
            let mut sorted = self.ratios;
            let known = sorted.get_mut(..self.count).unwrap_or_default();
            known.sort_unstable();
            let low = known.get(self.count * 3 / 10).map_or(1_000, |ratio| u64::from(*ratio));
            let low = if low.abs_diff(1_000) <= EXACT { 1_000 } else { low };
            // A factor that hardly differs from the one in use stays, so that what stands on it may too.
            if low.abs_diff(self.permille) > EXACT || low == 1_000 && self.permille != 1_000 {
                self.permille = low;
            }
        }
    }
}

/// What a formula's charge comes to by a factor in permille.
pub(super) const fn scaled(formula: u64, permille: u64) -> u64 {
    if permille == 1_000 {
        return formula;
    }
    let charge = formula.saturating_mul(permille) / 1_000;
    if charge == 0 { 1 } else { charge }
}

#[cfg(test)]
mod tests {
    use super::super::traffic::Traffic;
    use super::*;
    use crate::model::units::Timestamp;

    const LIMIT: u64 = 100_000;

    fn settled(factor: u64, spoiled: usize) -> Calibration {
        let mut calibration = Calibration::new();
        for n in 0..KEPT {
            let charged = if n % 5 < spoiled { 2_900 } else { 500 * factor / 1_000 };
            calibration.observe(charged, 500);
        }
        calibration
    }

    #[test]
    fn the_factor_is_learned_from_five_observations_and_not_from_fewer() {
        let mut calibration = Calibration::new();
        for _ in 0..4 {
            calibration.observe(650, 500);
        }
        assert_eq!(calibration.permille(), 1_000);
        calibration.observe(650, 500);
        assert_eq!(calibration.permille(), 1_300);
        assert_eq!((scaled(1_000, calibration.permille()), calibration.formula(1_300)), (1_300, 1_000));
    }

    #[test]
    fn what_others_spoiled_does_not_move_it() {
        assert_eq!(settled(1_300, 2).permille(), 1_300);
        assert_eq!(settled(1_000, 2).permille(), 1_000);
    }

    #[test]
    fn it_stays_between_a_quarter_and_fourfold_and_one_is_one() {
        assert_eq!(settled(20, 0).permille(), 250);
        assert_eq!(settled(9_000, 0).permille(), 4_000);
        assert_eq!(settled(1_010, 0).permille(), 1_000);
    }

    /// Two readings `apart` milliseconds from each other, after requests that cost 400 by our books.
    fn readings(apart: u64, between: u64, remaining: [u64; 2]) -> [Reading; 2] {
        readings_of(400, apart, between, remaining)
    }
    fn readings_of(cost: u64, apart: u64, between: u64, remaining: [u64; 2]) -> [Reading; 2] {
        let mut traffic = Traffic::new(Duration::from_secs(1));
        let first = traffic.send(Timestamp::ZERO, cost, cost);
        for _ in 0..between {
            traffic.send(Timestamp::ZERO, cost, cost);
        }
        let second = traffic.send(Timestamp::from_millis(apart), cost, cost);
        let reading = |mark, remaining| Reading { mark, limit: LIMIT, remaining };
        [reading(first, remaining[0]), reading(second, remaining[1])]
    }

    #[test]
    fn a_logs_charge_is_the_drop_between_two_answers() {
        let [first, second] = readings(500, 0, [99_600, 99_080]);
        assert_eq!(second.charged_since(&first, false), Some(520));
        let [first, second] = readings(500, 1, [99_600, 99_080]);
        assert_eq!(second.charged_since(&first, false), None, "another came between");
        let [first, second] = readings(20, 0, [99_600, 99_080]);
        assert_eq!(second.charged_since(&first, false), None, "too close to be sure of the order");
        let [first, second] = readings(61_000, 0, [99_600, 99_600]);
        assert_eq!(second.charged_since(&first, false), None);
    }

    #[test]
    fn a_bucket_refills_between_two_answers() {
        let [first, second] = readings_of(2_900, 60, 0, [50_000, 47_100]);
        assert_eq!(second.charged_since(&first, true), Some(3_000), "100 came back in 60 ms");
        let [first, second] = readings(60, 0, [50_000, 49_580]);
        assert_eq!(second.charged_since(&first, true), None, "too little beside what comes back");
        let [first, second] = readings(60, 0, [50_000, 47_100]);
        assert_eq!(second.charged_since(&first, true), None, "no less so where others took some, too");
        let [first, second] = readings(2_000, 0, [99_600, 99_480]);
        assert_eq!(second.charged_since(&first, true), Some(520), "it was full");
    }
}
