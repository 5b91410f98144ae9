//! Which account holds which state, as the test was told and has seen.

use std::collections::BTreeMap;

/// States there are.
pub const KEYS: u64 = 24;

/// Where a request may go for the sake of what it refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Free,
    To(usize),
    Torn,
}

impl Bound {
    pub fn allows(self, account: usize) -> bool {
        self == Self::Free || self == Self::To(account)
    }
}

/// By state: who holds it.
#[derive(Debug, Default)]
pub struct Owners(BTreeMap<u64, usize>);

impl Owners {
    pub fn learn(&mut self, account: usize, keys: &[u64]) {
        self.0.extend(keys.iter().map(|key| (*key, account)));
    }

    pub fn bind(&self, keys: &[u64]) -> Bound {
        keys.iter().filter_map(|key| self.0.get(key)).fold(Bound::Free, |bound, owner| match bound {
            Bound::Free => Bound::To(*owner),
            Bound::To(known) if known == *owner => bound,
            _ => Bound::Torn,
        })
    }

    pub fn by_account(&self) -> BTreeMap<usize, Vec<u64>> {
        let mut all = BTreeMap::<usize, Vec<u64>>::new();
        for (key, account) in &self.0 {
            all.entry(*account).or_default().push(*key);
        }
        all
    }
}
