//! From one key to the next without a moment in which none works.
//!
//! Invariant: at every step, also if the process ends there, the key in use is kept whole, and doing it again goes on where it
//! stopped.
//! Absent on purpose: testing the new key; the person does that before.

use super::desk::{Clerk, Spares};
use super::{KeyError, KeySlot};
use crate::model::id::AccountId;

impl Clerk {
    /// The next key becomes the current one; the current one is kept for ten minutes.
    pub(super) fn switch(&mut self, account: &AccountId, now_wall_ms: u64) -> Result<(), KeyError> {
        let next = self.fetch(account, KeySlot::Next)?.ok_or(KeyError::NoneThere)?;
        if let Some(current) = self.fetch(account, KeySlot::Current)?
            && current.expose() != next.expose()
        {
            self.rotations.begin(account, now_wall_ms).map_err(|_| KeyError::Unnoted)?;
            self.keep(account, KeySlot::Previous, current)?;
        }
        self.keep(account, KeySlot::Current, next)?;
        self.remove(account, KeySlot::Next)
    }

    /// The key before becomes the current one again, and the current one the next.
    pub(super) fn switch_back(&mut self, account: &AccountId) -> Result<(), KeyError> {
        let previous = self.fetch(account, KeySlot::Previous)?.ok_or(KeyError::NoneThere)?;
        if let Some(current) = self.fetch(account, KeySlot::Current)?
            && current.expose() != previous.expose()
        {
            self.keep(account, KeySlot::Next, current)?;
        }
        self.keep(account, KeySlot::Current, previous)?;
        self.remove(account, KeySlot::Previous)?;
        self.rotations.end(account);
        Ok(())
    }

    /// Removes keys that have had their ten minutes. One that cannot be removed now is tried again with the next look-up.
    pub(super) fn end_rotations(&mut self, now_wall_ms: u64) {
        for account in self.rotations.over(now_wall_ms) {
            match self.remove(&account, KeySlot::Previous) {
                Ok(()) => self.rotations.end(&account),
                Err(error) => tracing::warn!(account = %account, %error, "the key before could not be removed yet"),
            }
        }
    }

    /// What there is besides the key in use. A next key that is in use already is what a switch left that did not end.
    pub(super) fn spares(&mut self, account: &AccountId) -> Spares {
        let current = self.fetch(account, KeySlot::Current).ok().flatten();
        let found = |clerk: &mut Self, slot| {
            let key = clerk.fetch(account, slot).ok().flatten();
            let is_current = key.as_ref().zip(current.as_ref()).is_some_and(|(key, now)| key.expose() == now.expose());
            match key {
                Some(key) if !is_current => Some(clerk.offer(account, slot, key)),
                Some(_) if slot == KeySlot::Next => {
                    // One that cannot be removed now is found again with the next look-up.
                    let _ = clerk.remove(account, slot);
                    None
                }
                _ => {
                    clerk.take_away(account, slot);
                    None
                }
            }
        };
        let next = found(self, KeySlot::Next);
        let until = self.rotations.until(account);
        let previous = until.and_then(|until| Some((found(self, KeySlot::Previous)?, until)));
        Spares { next, previous, second: None }
    }
}
