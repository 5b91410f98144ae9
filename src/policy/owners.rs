//! Which account holds which stored state: responses, conversations, files, encrypted reasoning.
//!
//! Invariant: bounded in number and age; of a full table what was not met for longest goes first.
//! Absent on purpose: ids and texts. A fingerprint says whether two things are the same, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::id::AccountId;
use crate::model::status::KeptState;
use crate::model::units::Timestamp;

/// Fingerprints known at once.
pub(super) const AT_MOST: usize = 65_536;
/// Services keep stored responses this long; what nobody met for longer is forgotten.
const MEMORY: Duration = Duration::from_hours(24 * 30);
/// What was met this recently keeps its place in the order of use, so that meeting it again costs a look-up alone.
const RECENT: Duration = Duration::from_mins(1);

/// One account that holds something.
#[derive(Clone, Debug)]
struct Holder {
    id: AccountId,
    known: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Index into the holders.
    holder: usize,
    met: Timestamp,
    /// Place in the order of use.
    turn: u64,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners {
    /// Every account that ever held something; never shrinks, as accounts are few.
    holders: Vec<Holder>,
    holder_of: BTreeMap<AccountId, usize>,
    entries: BTreeMap<u64, Entry>,
    /// Fingerprints, the longest unmet first.
    by_turn: BTreeMap<u64, u64>,
    turns: u64,
    /// Learned since they were last taken to be kept.
    fresh: Vec<(u64, usize)>,
}

impl Owners {
    /// The account holds these; whoever was thought to hold them before was not the last to say so.
    pub(super) fn learn(&mut self, now: Timestamp, account: &AccountId, keys: &[u64]) {
        self.forget_old(now);
        if keys.is_empty() {
            return;
        }
        let holder = self.holder(account);
        for key in keys {
            let known = self.entries.get(key).is_some_and(|entry| entry.holder == holder);
            if known {
                self.meet(now, *key);
            } else {
                self.remove(*key);
                self.insert(now, *key, holder);
            }
        }
    }

    /// Who holds it, if that is known. It counts as met.
    pub(super) fn owner(&mut self, now: Timestamp, key: u64) -> Option<&AccountId> {
        let entry = self.entries.get(&key)?;
        if now.since(entry.met) > MEMORY {
            return None;
        }
        let holder = entry.holder;
        self.meet(now, key);
        self.holders.get(holder).map(|holder| &holder.id)
    }

    /// What was learned since the last call, in order.
    pub(super) fn take_fresh(&mut self) -> Vec<(u64, AccountId)> {
        let fresh = std::mem::take(&mut self.fresh);
        let named = fresh.into_iter().filter_map(|(key, holder)| Some((key, self.holders.get(holder)?.id.clone())));
        named.collect()
    }

    /// How much is known of each account, by its name.
    pub(super) fn kept(&self) -> Vec<KeptState> {
        let holders = self.holder_of.values().filter_map(|place| self.holders.get(*place));
        let known = holders.filter(|holder| holder.known > 0);
        known.map(|holder| KeptState { account: holder.id.clone(), known: holder.known }).collect()
    }

    fn holder(&mut self, account: &AccountId) -> usize {
        if let Some(known) = self.holder_of.get(account) {
            return *known;
        }
        let place = self.holders.len();
        self.holders.push(Holder { id: account.clone(), known: 0 });
        self.holder_of.insert(account.clone(), place);
        place
    }

    fn insert(&mut self, now: Timestamp, key: u64, holder: usize) {
        if self.entries.len() >= AT_MOST
            && let Some((_, oldest)) = self.by_turn.first_key_value()
        {
            self.remove(*oldest);
        }
        self.turns = self.turns.saturating_add(1);
        self.entries.insert(key, Entry { holder, met: now, turn: self.turns });
        self.by_turn.insert(self.turns, key);
        if let Some(holder) = self.holders.get_mut(holder) {
            holder.known = holder.known.saturating_add(1);
        }
        if self.fresh.len() < AT_MOST {
            self.fresh.push((key, holder));
        }
    }

    fn remove(&mut self, key: u64) {
        let Some(entry) = self.entries.remove(&key) else { return };
        self.by_turn.remove(&entry.turn);
        if let Some(holder) = self.holders.get_mut(entry.holder) {
            holder.known = holder.known.saturating_sub(1);
        }
    }

    fn meet(&mut self, now: Timestamp, key: u64) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        if now.since(entry.met) < RECENT {
            return;
        }
        self.turns = self.turns.saturating_add(1);
        self.by_turn.remove(&entry.turn);
        (entry.met, entry.turn) = (now, self.turns);
        self.by_turn.insert(self.turns, key);
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some((_, key)) = self.by_turn.first_key_value()
            && self.entries.get(key).is_none_or(|entry| now.since(entry.met) > MEMORY)
        {
            let key = *key;
            self.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::from(name)
    }
    fn day(day: u64) -> Timestamp {
        Timestamp::from_secs(day * 86_400)
    }
    fn known(owners: &Owners) -> Vec<(String, u32)> {
        owners.kept().into_iter().map(|kept| (kept.account.to_string(), kept.known)).collect()
    }

    #[test]
    fn the_last_account_to_answer_for_something_owns_it() {
        let mut owners = Owners::default();
        owners.learn(day(0), &account("b"), &[1, 2, 3]);
        owners.learn(day(0), &account("a"), &[2]);
        assert_eq!(owners.owner(day(0), 1), Some(&account("b")));
        assert_eq!(owners.owner(day(0), 2), Some(&account("a")));
        assert_eq!(owners.owner(day(0), 4), None);
        assert_eq!(known(&owners), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }

    #[test]
    fn what_nobody_met_for_thirty_days_is_forgotten() {
        let mut owners = Owners::default();
        owners.learn(day(0), &account("a"), &[1, 2]);
        assert!(owners.owner(day(20), 1).is_some());
        assert_eq!(owners.owner(day(31), 2), None);
        owners.learn(day(31), &account("a"), &[]);
        assert_eq!(known(&owners), [("a".to_owned(), 1)], "and takes no room any more");
        assert!(owners.owner(day(49), 1).is_some(), "meeting it kept it");
    }

    #[test]
    fn a_full_table_drops_what_was_not_met_for_longest() {
        let mut owners = Owners::default();
        let all: Vec<u64> = (0..AT_MOST as u64).collect();
        owners.learn(day(0), &account("a"), &all);
        assert!(owners.owner(day(1), 0).is_some());
        owners.learn(day(1), &account("a"), &[u64::MAX, u64::MAX - 1]);
        assert_eq!(owners.entries.len(), AT_MOST);
        assert_eq!(owners.by_turn.len(), AT_MOST);
        assert!(owners.owner(day(1), 0).is_some());
        assert!(owners.owner(day(1), 1).is_none() && owners.owner(day(1), 2).is_none());
        assert_eq!(known(&owners), [("a".to_owned(), 65_536)]);
    }

    #[test]
    fn what_was_learned_is_given_out_once() {
        let mut owners = Owners::default();
        owners.learn(day(0), &account("a"), &[7, 8]);
        owners.learn(day(0), &account("a"), &[7]);
        assert_eq!(owners.take_fresh(), [(7, account("a")), (8, account("a"))]);
        assert!(owners.take_fresh().is_empty());
    }
}
