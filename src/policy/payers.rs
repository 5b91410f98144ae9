//! What the accounts of one payer have and use together, for the screen.
//!
//! Invariant: what several endpoints share is counted once.
//! Absent on purpose: who lacks credit with whom; `shared` acts on that.

use super::balancer::Balancer;
use crate::model::checked::CheckedEndpoint;
use crate::model::id::AccountId;
use crate::model::payer::{Payer, PayerView};
use crate::model::status::EndpointView;

impl Balancer {
    /// Every payer that is stated, in configuration order. `views` are those of the configured endpoints.
    pub(super) fn payer_views(&self, views: &[EndpointView]) -> Vec<PayerView> {
        let mut all: Vec<PayerView> = Vec::new();
        for account in &self.config.config.accounts {
            let Some(payer) = account.payer() else { continue };
            match all.iter_mut().find(|known| known.payer == payer) {
                Some(known) => known.accounts.push(account.id.clone()),
                None => all.push(of_account(payer, account.id.clone())),
            }
        }
        for payer in &mut all {
            let own =
                self.config.endpoints.iter().zip(views).filter(|(spec, _)| payer.accounts.contains(&spec.account));
            let own: Vec<(&CheckedEndpoint, &EndpointView)> = own.collect();
            payer.endpoints = u32::try_from(own.len()).unwrap_or(u32::MAX);
            payer.limit = self.limit_of(&own);
            for (_, view) in own {
                payer.taken = payer.taken.saturating_add(view.tokens.used).saturating_add(view.tokens.reserved);
                payer.in_flight = payer.in_flight.saturating_add(view.in_flight);
            }
        }
        all
    }

    /// What endpoints may take together; `None`: one of them has no limit that is known, nor a pool that has one.
    fn limit_of(&self, own: &[(&CheckedEndpoint, &EndpointView)]) -> Option<u64> {
        let alone = own.iter().filter(|(spec, _)| spec.pool.is_none());
        let alone =
            alone.map(|(_, view)| view.tokens.limit).try_fold(0_u64, |sum, one| Some(sum.saturating_add(one?)))?;
        let mut pools: Vec<usize> = own.iter().filter_map(|(spec, _)| spec.pool).collect();
        pools.sort_unstable();
        pools.dedup();
        let shared = pools.into_iter().map(|place| {
            let total = self.config.pools.get(place).and_then(|spec| {
                let state = self.pools.get(*self.pool_slot_of.get(place)?)?;
                state.held(spec).limit
            });
            let members = own.iter().filter(|(spec, _)| spec.pool == Some(place));
            let members =
                members.map(|(_, view)| view.tokens.limit).try_fold(0_u64, |sum, one| Some(sum.saturating_add(one?)));
            members.into_iter().chain(total).min()
        });
        shared.into_iter().try_fold(alone, |sum, one| Some(sum.saturating_add(one?)))
    }
}

fn of_account(payer: Payer, account: AccountId) -> PayerView {
    PayerView { payer, accounts: vec![account], endpoints: 0, limit: None, taken: 0, in_flight: 0 }
}

#[cfg(test)]
#[path = "payers_tests.rs"]
mod tests;
