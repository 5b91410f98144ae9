//! The keys of each account as the door uses them, kept as long as they are the same.
//!
//! Invariant: what the door learned of a key (that it was refused) is forgotten with the key and not before.
//! Absent on purpose: fetching keys; the desk has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::stage::Stage;
use super::table::table;
use crate::model::config::Credential;
use crate::model::id::AccountId;
use crate::proxy::slots::Slots;
use crate::store::keys::KeyDesk;

/// A program whose token was refused is run again before its time, but not more often than once in so many milliseconds.
const SOONEST_MS: u64 = 60_000;

/// The keys of all accounts.
#[derive(Default)]
pub(super) struct Racks {
    slots: BTreeMap<AccountId, Arc<Slots>>,
    /// When a program was last run again because its token was refused.
    renewed: BTreeMap<AccountId, u64>,
}

impl Racks {
    /// An account's keys; the same value as long as they are the same.
    fn of(&mut self, account: &AccountId, desk: &KeyDesk) -> Arc<Slots> {
        let (first, second) = (desk.key(account), desk.spare(account));
        if let Some(known) = self.slots.get(account).filter(|known| known.holds(first.as_ref(), second.as_ref())) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(Slots::new(first, second));
        self.slots.insert(account.clone(), Arc::clone(&fresh));
        fresh
    }

    /// Since when the second key stands in for a refused first one, in Unix milliseconds.
    pub(super) fn stands_in_since(&self, account: &AccountId) -> Option<u64> {
        self.slots.get(account).filter(|slots| slots.uses_second())?.last_refused()
    }

    /// Whether this account's token was refused and it is time to ask for another one.
    fn wants_token(&mut self, account: &AccountId, now_wall_ms: u64) -> bool {
        let Some(refused) = self.slots.get(account).and_then(|slots| slots.last_refused()) else { return false };
        let last = self.renewed.get(account).copied();
        let is_due = last.is_none_or(|last| refused > last && now_wall_ms.saturating_sub(last) >= SOONEST_MS);
        if is_due {
            self.renewed.insert(account.clone(), now_wall_ms);
        }
        is_due
    }
}

impl Stage {
    /// Gives the door addresses and keys as they are now.
    pub(super) fn set_table(&mut self) {
        let (desk, config) = (self.desk.clone(), self.door.config.load_full());
        let simulated = self.simulated.as_ref();
        let played = |account: &AccountId| simulated.map(|simulated| simulated.base_url(account));
        let racks = &mut self.racks;
        let upstreams = table(&config, |account| racks.of(account, &desk), played, self.address);
        self.door.reach(upstreams);
    }

    /// Asks anew for tokens that were refused before their time.
    pub(super) fn renew_refused(&mut self) {
        let now = self.clock.wall_ms();
        let config = Arc::clone(&self.applied.config);
        let of_commands = config.accounts.iter().filter(|account| matches!(account.credential, Credential::Command(_)));
        let refused: Vec<_> = of_commands.filter(|account| self.racks.wants_token(&account.id, now)).collect();
        if refused.is_empty() {
            return;
        }
        for account in refused {
            tracing::warn!(account = %account.id, "a token was refused before its time, so another one is asked for");
            self.desk.forget_token(&account.id);
        }
        self.ask_for_keys();
    }
}
