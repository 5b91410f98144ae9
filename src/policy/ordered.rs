//! A map for keys that come nearly in order and go nearly in order: requests by id, reservations by when they expire.
//!
//! New keys are put at the end and the first ones leave, so that in the steady state nothing is allocated; who leaves from
//! the middle leaves a gap that goes with the next tidying. Looking up is a binary search.
//!
//! Invariant: keys ascend, the first and the last entry are no gaps, and gaps are fewer than [`SPARE`] and the live ones.
//! Absent on purpose: speed for keys in any order. Each that comes before others moves them.

use std::collections::VecDeque;

/// So many gaps are never too many.
const SPARE: usize = 32;

/// Values by key.
#[derive(Clone, Debug)]
pub(super) struct Ordered<K, V> {
    entries: VecDeque<(K, Option<V>)>,
    gaps: usize,
}

impl<K, V> Default for Ordered<K, V> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), gaps: 0 }
    }
}

impl<K: Copy + Ord, V> Ordered<K, V> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.entries.binary_search_by_key(key, |(known, _)| *known)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len().saturating_sub(self.gaps)
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(self.place(key).ok()?)?.1.as_ref()
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        self.entries.get_mut(place)?.1.as_mut()
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value before it, if there was one.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.entries.back().is_none_or(|(last, _)| *last < key) {
            self.entries.push_back((key, Some(value)));
            return None;
        }
        match self.place(&key) {
            Ok(place) => {
                let before = self.entries.get_mut(place).and_then(|(_, known)| known.replace(value));
                self.gaps = self.gaps.saturating_sub(usize::from(before.is_none()));
                before
            }
            Err(place) => {
                self.entries.insert(place, (key, Some(value)));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key).ok()?;
        let value = self.entries.get_mut(place)?.1.take()?;
        self.gaps += 1;
        self.tidy();
        Some(value)
    }

    /// The smallest key.
    pub(super) fn first(&self) -> Option<&K> {
        self.entries.front().map(|(key, _)| key)
    }

    /// In order of keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().filter_map(|(key, value)| Some((key, value.as_ref()?)))
    }

    /// In order of keys.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.entries.iter_mut().filter_map(|(key, value)| Some((&*key, value.as_mut()?)))
    }

    fn tidy(&mut self) {
        while self.entries.front().is_some_and(|(_, value)| value.is_none()) {
            self.entries.pop_front();
            self.gaps -= 1;
        }
        while self.entries.back().is_some_and(|(_, value)| value.is_none()) {
            self.entries.pop_back();
            self.gaps -= 1;
        }
        if self.gaps > SPARE && self.gaps > self.entries.len() / 2 {
            self.entries.retain(|(_, value)| value.is_some());
            self.gaps = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_holds_what_a_tree_would_hold_in_whatever_order_keys_come_and_go() {
        let mut rng = fastrand::Rng::with_seed(5);
        let (mut ours, mut tree, mut next) = (Ordered::default(), BTreeMap::new(), 0_u64);
        for step in 0..20_000_u64 {
            next += rng.u64(0..2);
            let key = if rng.u8(..4) == 0 { rng.u64(..=next) } else { next };
            let old = next.saturating_sub(rng.u64(..200));
            if rng.u8(..2) == 0 {
                assert_eq!(ours.insert(key, step), tree.insert(key, step));
            } else {
                assert_eq!(ours.remove(&old), tree.remove(&old));
            }
            assert_eq!((ours.get(&key), ours.contains_key(&old)), (tree.get(&key), tree.contains_key(&old)));
            assert_eq!(ours.first(), tree.keys().next());
            assert!(ours.gaps <= SPARE || ours.gaps <= ours.entries.len() / 2, "{} gaps", ours.gaps);
        }
        assert!(ours.iter_mut().map(|(key, value)| (*key, *value)).eq(tree));
    }

    #[test]
    fn one_that_stays_long_keeps_no_room_for_those_that_came_after_it_and_went() {
        let mut ours = Ordered::default();
        ours.insert(0, ());
        for key in 1..10_000 {
            ours.insert(key, ());
            ours.insert(key + 1, ());
            ours.remove(&key);
        }
        assert!(ours.entries.len() < 100, "{} entries for two", ours.entries.len());
    }
}
