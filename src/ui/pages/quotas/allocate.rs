//! Dividing a pool's total: what moving a border, evening out or following use does to the shares. Pure functions.
//!
//! Invariant: shares and spare add up to the total (beyond it only in a pool that already was over it); a locked share never
//! changes.
//! Absent on purpose: drawing, and where a share is written.

use crate::model::config::{Config, Endpoint};
use crate::model::id::PoolId;

/// Shares are multiples of this many tokens per minute: the unit in which services grant them.
pub const STEP: u64 = 1_000;

/// From where a border takes what it gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trade {
    /// The neighbour on the other side; behind the last endpoint that is what is spare.
    Neighbour,
    /// What is spare; those behind move along.
    Spare,
    /// All others that are not locked, in proportion to what they have.
    All,
}

/// A pool's shares, in the order of its endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    total: u64,
    shares: Vec<u64>,
    locked: Vec<bool>,
}

impl Division {
    /// Shares of a total. A missing lock is open.
    #[must_use]
    pub fn new(total: u64, shares: Vec<u64>, mut locked: Vec<bool>) -> Self {
        locked.resize(shares.len(), false);
        Self { total, shares, locked }
    }

    /// The pool's shares as configured; a share that is learned counts as none.
    #[must_use]
    pub fn of(config: &Config, pool: &PoolId, is_locked: impl Fn(&Endpoint) -> bool) -> Option<Self> {
        let total = config.quota_pool(pool)?.tokens_per_minute;
        let members: Vec<&Endpoint> = super::allot::members(config, pool).collect();
        let shares = members.iter().map(|member| member.tokens_per_minute.unwrap_or(0)).collect();
        Some(Self::new(total, shares, members.into_iter().map(is_locked).collect()))
    }

    /// Writes the shares into the pool's endpoints. What did not change stays as it was stated; a stated request limit follows
    /// by the pool's ratio.
    pub fn write(&self, config: &mut Config, pool: &PoolId) {
        let ratio = config.quota_pool(pool).and_then(|pool| pool.requests_per_1k_tokens);
        let members = config.endpoints.iter_mut().filter(|endpoint| endpoint.quota_pool.as_ref() == Some(pool));
        for (endpoint, share) in members.zip(&self.shares) {
            if endpoint.tokens_per_minute.unwrap_or(0) != *share {
                endpoint.tokens_per_minute = Some(*share);
                let requests = ratio.map(|ratio| share.saturating_mul(ratio) / STEP);
                endpoint.requests_per_minute = endpoint.requests_per_minute.and_then(|old| requests.or(Some(old)));
            }
        }
    }

    /// The shares.
    #[must_use]
    pub fn shares(&self) -> &[u64] {
        &self.shares
    }

    /// The share at a place, 0 if there is none.
    #[must_use]
    pub fn share(&self, place: usize) -> u64 {
        self.shares.get(place).copied().unwrap_or(0)
    }

    /// All shares together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.shares.iter().copied().fold(0, u64::saturating_add)
    }

    /// What nobody has.
    #[must_use]
    pub fn spare(&self) -> u64 {
        self.total.saturating_sub(self.sum())
    }

    /// By how much the shares exceed the total.
    #[must_use]
    pub fn over(&self) -> u64 {
        self.sum().saturating_sub(self.total)
    }

    /// Whether the share at a place may change.
    #[must_use]
    pub fn is_open(&self, place: usize) -> bool {
        self.locked.get(place).is_some_and(|locked| !locked)
    }

    /// Whether the border right of a place can be moved by this trade at all.
    #[must_use]
    pub fn can_move(&self, place: usize, trade: Trade) -> bool {
        let last = place + 1 == self.shares.len();
        self.is_open(place) && (trade != Trade::Neighbour || last || self.is_open(place + 1))
    }

    /// Moves the border right of a place so that the share there becomes `wanted`, or as near as those that give or take
    /// allow. `step` is what shares are rounded to.
    #[must_use]
    pub fn moved(&self, place: usize, wanted: u64, trade: Trade, step: u64) -> Self {
        let mut next = self.clone();
        if !self.can_move(place, trade) {
            return next;
        }
        let (now, step) = (self.share(place), step.max(1));
        let wanted = wanted.saturating_add(step / 2) / step * step;
        let wanted = wanted.max(floor(now));
        let last = place + 1 == self.shares.len();
        let at_hand = match trade {
            Trade::Neighbour if !last => self.share(place + 1).saturating_sub(floor(self.share(place + 1))),
            Trade::Neighbour | Trade::Spare => self.spare(),
            Trade::All => {
                self.others(place).map(|other| self.share(other).saturating_sub(floor(self.share(other)))).sum()
            }
        };
        if trade == Trade::All && self.others(place).next().is_none() {
            return next;
        }
        let wanted = wanted.min(now.saturating_add(at_hand));
        match trade {
            Trade::Neighbour if !last => next.set(place + 1, (self.share(place + 1) + now).saturating_sub(wanted)),
            Trade::Neighbour | Trade::Spare => {}
            Trade::All => next.spread(place, now, wanted, step),
        }
        next.set(place, wanted);
        next
    }

    /// What all that are not locked have, and what is spare, in equal parts of whole steps; what does not divide stays spare.
    #[must_use]
    pub fn even(&self) -> Self {
        self.weighed(|_| 1)
    }

    /// The same, in proportion to what each uses; nobody gets less than a step.
    #[must_use]
    pub fn by_use(&self, used: &[u64]) -> Self {
        self.weighed(|place| used.get(place).copied().unwrap_or(0).max(STEP))
    }

    fn weighed(&self, weight: impl Fn(usize) -> u64) -> Self {
        let mut next = self.clone();
        let open: Vec<usize> = (0..self.shares.len()).filter(|place| self.is_open(*place)).collect();
        let fixed: u64 =
            (0..self.shares.len()).filter(|place| !self.is_open(*place)).map(|place| self.share(place)).sum();
        let least = STEP.saturating_mul(open.len() as u64);
        let free = self.total.saturating_sub(fixed);
        let all: u128 = open.iter().map(|place| u128::from(weight(*place))).sum();
        if all == 0 || free < least {
            return next;
        }
        let rest = u128::from(free - least);
        for place in open {
            let part = rest * u128::from(weight(place)) / all / u128::from(STEP) * u128::from(STEP);
            next.set(place, STEP.saturating_add(u64::try_from(part).unwrap_or(0)));
        }
        next
    }

    fn others(&self, place: usize) -> impl Iterator<Item = usize> {
        (0..self.shares.len()).filter(move |other| *other != place && self.is_open(*other))
    }

    fn set(&mut self, place: usize, share: u64) {
        if let Some(known) = self.shares.get_mut(place) {
            *known = share;
        }
    }

    /// Takes from the others what `place` gains, or gives them what it loses, in proportion to what they have.
    fn spread(&mut self, place: usize, now: u64, wanted: u64, step: u64) {
        let others: Vec<usize> = self.others(place).collect();
        let have = |division: &Self, other: usize| u128::from(division.share(other).max(1));
        let all: u128 = others.iter().map(|other| have(self, *other)).sum();
        let mut left = now.abs_diff(wanted);
        let whole = u128::from(left);
        let shares: Vec<u64> = others
            .iter()
            .map(|other| u64::try_from(whole * have(self, *other) / all.max(1)).unwrap_or(0) / step * step)
            .collect();
        for (other, share) in others.iter().zip(shares) {
            left -= self.shift(*other, share.min(left), wanted > now);
        }
        // What rounding and floors left over goes to whoever can bear it.
        for other in others {
            left -= self.shift(other, left, wanted > now);
        }
    }

    /// Takes from or gives to a share; returns how much it was.
    fn shift(&mut self, place: usize, amount: u64, takes: bool) -> u64 {
        let now = self.share(place);
        if takes {
            let amount = amount.min(now.saturating_sub(floor(now)));
            self.set(place, now - amount);
            return amount;
        }
        self.set(place, now.saturating_add(amount));
        amount
    }
}

/// A border stops here: an endpoint without a share would be shut.
fn floor(now: u64) -> u64 {
    now.min(STEP)
}

#[cfg(test)]
#[path = "allocate_tests.rs"]
mod tests;
