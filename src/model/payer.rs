//! Who pays for an account, as far as the configuration says so: a subscription of Azure, an organization elsewhere.
//!
//! Invariant: accounts of one payer lack credit together, and a second key of one adds no capacity.
//! Absent on purpose: guesses. An account that states neither stands alone.

use serde::{Deserialize, Serialize};

use super::config::{Account, Service};
use super::id::AccountId;

/// What kind of payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayerKind {
    /// Azure bills a subscription.
    Subscription,
    /// OpenAI, and whoever speaks like it, an organization.
    Organization,
}

/// A payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// What kind.
    pub kind: PayerKind,
    /// Of which service: organizations of two services may have one name.
    pub service: Service,
    /// As the configuration calls it.
    pub name: String,
}

/// What all accounts of a payer have and use together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerView {
    /// Who pays.
    pub payer: Payer,
    /// In configuration order.
    pub accounts: Vec<AccountId>,
    /// How many endpoints they have.
    pub endpoints: u32,
    /// Tokens per minute over all of them, of a quota pool no more than it has; `None`: one has no known limit.
    pub limit: Option<u64>,
    /// Tokens that count against it now, reserved or charged.
    pub taken: u64,
    /// Requests running.
    pub in_flight: u32,
}

impl Account {
    /// Who pays for it; `None`: not said.
    #[must_use]
    pub fn payer(&self) -> Option<Payer> {
        let subscription = self.subscription.as_ref().map(|name| (PayerKind::Subscription, name));
        let organization = self.organization.as_ref().map(|name| (PayerKind::Organization, name));
        let (kind, name) = match self.service {
            Service::Azure => subscription?,
            Service::Openai | Service::Compatible => organization?,
            Service::Simulated => organization.or(subscription)?,
        };
        Some(Payer { kind, service: self.service, name: name.clone() })
    }
}
