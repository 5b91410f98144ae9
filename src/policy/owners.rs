//! Which account holds which stored state: responses, conversations, files, encrypted reasoning.
//!
//! Invariant: bounded in number and age; of a full table what was not met for longest goes first.
//! Absent on purpose: ids and texts. A fingerprint says whether two things are the same, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::id::AccountId;
use crate::model::ownership::{AT_MOST, Ownership, Place};
use crate::model::status::KeptState;
use crate::model::units::Timestamp;

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
    /// Where its holder was, and for which credential it is sealed; 0: not known.
    address: u64,
    seal: u64,
}

/// Who holds something now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keeper {
    /// This account, where it was or under another name.
    Is(AccountId),
    /// This account did, but it is elsewhere now, or comes with another credential.
    Left(AccountId),
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
    fresh: Vec<u64>,
    /// Where accounts are, as far as it was told.
    places: BTreeMap<AccountId, Place>,
}

impl Owners {
    /// The account holds these where it is now, sealed for its credential or not; whoever was thought to hold them before was
    /// not the last to say so.
    pub(super) fn learn(&mut self, now: Timestamp, account: &AccountId, keys: &[u64], is_sealed: bool) {
        self.forget_old(now);
        if keys.is_empty() {
            return;
        }
        let place = self.places.get(account);
        let address = place.map_or(0, |place| place.address);
        let seal = place.filter(|_| is_sealed).and_then(|place| place.seals.first()).copied().unwrap_or(0);
        let holder = self.holder(account);
        for key in keys {
            let is_same = |entry: &Entry| {
                let tells_more = is_sealed && entry.seal != seal;
                entry.holder == holder && entry.address == address && !tells_more
            };
            if self.entries.get(key).is_some_and(is_same) {
                self.meet(now, *key);
            } else {
                self.remove(*key);
                self.insert(now, *key, (holder, address, seal));
            }
        }
    }

    /// What was learned in an earlier run.
    pub(super) fn remember(&mut self, now: Timestamp, all: &[Ownership]) {
        for one in all {
            let holder = self.holder(&one.account);
            self.remove(one.key);
            self.insert(now, one.key, (holder, one.address, one.seal));
        }
        // It stands where it is kept.
        self.fresh.clear();
    }

    /// Where an account is from now on. A credential that takes over from one before opens what was sealed for that one.
    pub(super) fn placed(&mut self, account: &AccountId, place: &Place) {
        let before = self.places.insert(account.clone(), place.clone()).unwrap_or_default();
        let is_rotated = before.address == place.address && before.seals.iter().any(|seal| place.seals.contains(seal));
        let (Some(seal), Some(holder)) = (place.seals.first().copied(), self.holder_of.get(account).copied()) else {
            return;
        };
        if !is_rotated {
            return;
        }
        for (key, entry) in &mut self.entries {
            if entry.holder == holder && entry.seal != seal && before.seals.contains(&entry.seal) {
                entry.seal = seal;
                self.fresh.push(*key);
            }
        }
    }

    /// Where an account is; `None`: nobody said.
    pub(super) fn place_of(&self, account: &AccountId) -> Option<&Place> {
        self.places.get(account)
    }

    /// Who holds it, if that is known. It counts as met.
    pub(super) fn owner(&mut self, now: Timestamp, key: u64) -> Option<Keeper> {
        let entry = *self.entries.get(&key)?;
        if now.since(entry.met) > MEMORY {
            return None;
        }
        self.meet(now, key);
        let account = self.holders.get(entry.holder).map(|holder| &holder.id)?;
        let reads = |place: &Place| place.reads(entry.address, entry.seal);
        if self.places.get(account).is_none_or(reads) {
            return Some(Keeper::Is(account.clone()));
        }
        // The place may have got another name.
        let renamed = |(_, place): &(&AccountId, &Place)| entry.address != 0 && place.address != 0 && reads(place);
        Some(match self.places.iter().find(renamed) {
            Some((other, _)) => Keeper::Is(other.clone()),
            None => Keeper::Left(account.clone()),
        })
    }

    /// What was learned since the last call, in order.
    pub(super) fn take_fresh(&mut self) -> Vec<Ownership> {
        let told = |key: u64| {
            let Entry { holder, address, seal, .. } = *self.entries.get(&key)?;
            Some(Ownership { key, account: self.holders.get(holder)?.id.clone(), address, seal })
        };
        let fresh = self.fresh.iter().filter_map(|key| told(*key)).collect();
        self.fresh.clear();
        fresh
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

    fn insert(&mut self, now: Timestamp, key: u64, (holder, address, seal): (usize, u64, u64)) {
        if self.entries.len() >= AT_MOST
            && let Some((_, oldest)) = self.by_turn.first_key_value()
        {
            self.remove(*oldest);
        }
        self.turns = self.turns.saturating_add(1);
        self.entries.insert(key, Entry { holder, met: now, turn: self.turns, address, seal });
        self.by_turn.insert(self.turns, key);
        if let Some(holder) = self.holders.get_mut(holder) {
            holder.known = holder.known.saturating_add(1);
        }
        if self.fresh.len() < AT_MOST {
            self.fresh.push(key);
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
    fn is(name: &str) -> Keeper {
        Keeper::Is(account(name))
    }
    fn at(address: u64, seals: &[u64]) -> Place {
        Place { address, credential: 0, seals: seals.to_vec() }
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
        owners.learn(day(0), &account("b"), &[1, 2, 3], false);
        owners.learn(day(0), &account("a"), &[2], false);
        assert_eq!(owners.owner(day(0), 1), Some(is("b")));
        assert_eq!(owners.owner(day(0), 2), Some(is("a")));
        assert_eq!(owners.owner(day(0), 4), None);
        assert_eq!(known(&owners), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }

    #[test]
    fn what_nobody_met_for_thirty_days_is_forgotten() {
        let mut owners = Owners::default();
        owners.learn(day(0), &account("a"), &[1, 2], false);
        assert!(owners.owner(day(20), 1).is_some());
        assert_eq!(owners.owner(day(31), 2), None);
        owners.learn(day(31), &account("a"), &[], false);
        assert_eq!(known(&owners), [("a".to_owned(), 1)], "and takes no room any more");
        assert!(owners.owner(day(49), 1).is_some(), "meeting it kept it");
    }

    #[test]
    fn a_full_table_drops_what_was_not_met_for_longest() {
        let mut owners = Owners::default();
        let all: Vec<u64> = (0..AT_MOST as u64).collect();
        owners.learn(day(0), &account("a"), &all, false);
        assert!(owners.owner(day(1), 0).is_some());
        owners.learn(day(1), &account("a"), &[u64::MAX, u64::MAX - 1], false);
        assert_eq!(owners.entries.len(), AT_MOST);
        assert_eq!(owners.by_turn.len(), AT_MOST);
        assert!(owners.owner(day(1), 0).is_some());
        assert!(owners.owner(day(1), 1).is_none() && owners.owner(day(1), 2).is_none());
        assert_eq!(known(&owners), [("a".to_owned(), 65_536)]);
    }

    #[test]
    fn what_was_learned_is_given_out_once() {
        let mut owners = Owners::default();
        owners.learn(day(0), &account("a"), &[7, 8], false);
        owners.learn(day(0), &account("a"), &[7], false);
        let fresh: Vec<(u64, AccountId)> = owners.take_fresh().into_iter().map(|one| (one.key, one.account)).collect();
        assert_eq!(fresh, [(7, account("a")), (8, account("a"))]);
        assert!(owners.take_fresh().is_empty());
    }

    #[test]
    fn what_was_kept_at_another_address_is_not_there_any_more_unless_another_account_is() {
        let mut owners = Owners::default();
        owners.placed(&account("a"), &at(1, &[]));
        owners.learn(day(0), &account("a"), &[7], false);
        owners.placed(&account("a"), &at(2, &[]));
        assert_eq!(owners.owner(day(0), 7), Some(Keeper::Left(account("a"))));
        owners.placed(&account("b"), &at(1, &[]));
        assert_eq!(owners.owner(day(0), 7), Some(is("b")), "the place has another name now");
        owners.placed(&account("a"), &at(1, &[]));
        assert_eq!(owners.owner(day(0), 7), Some(is("a")), "and it is back");
    }

    #[test]
    fn what_is_sealed_opens_for_its_credential_and_for_one_that_takes_over_from_it() {
        let mut owners = Owners::default();
        owners.placed(&account("a"), &at(1, &[10]));
        owners.learn(day(0), &account("a"), &[7], true);
        owners.learn(day(0), &account("a"), &[8], false);
        owners.placed(&account("a"), &at(1, &[20]));
        assert_eq!(owners.owner(day(0), 7), Some(Keeper::Left(account("a"))), "another organization's key");
        assert_eq!(owners.owner(day(0), 8), Some(is("a")), "ids belong to the address");
        owners.placed(&account("a"), &at(1, &[10, 30]));
        owners.placed(&account("a"), &at(1, &[30, 10]));
        owners.take_fresh();
        owners.placed(&account("a"), &at(1, &[40, 30]));
        assert_eq!(owners.take_fresh().iter().map(|one| (one.key, one.seal)).collect::<Vec<_>>(), [(7, 40)]);
        owners.placed(&account("a"), &at(1, &[40]));
        assert_eq!(owners.owner(day(0), 7), Some(is("a")), "two rotations later it is still its own");
    }

    #[test]
    fn what_an_older_file_said_without_a_place_is_believed() {
        let mut owners = Owners::default();
        owners.remember(day(0), &[Ownership { key: 7, account: account("a"), address: 0, seal: 0 }]);
        owners.placed(&account("a"), &at(2, &[10]));
        assert_eq!(owners.owner(day(0), 7), Some(is("a")));
        assert!(owners.take_fresh().is_empty());
    }
}
