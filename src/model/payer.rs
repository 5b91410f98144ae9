//! Who pays for an account, as far as the configuration says so: a subscription of Azure, an organization elsewhere.
//!
//! Invariant: accounts of one payer lack credit together, and a second key of one adds no capacity.
//! Absent on purpose: guesses. An account that states neither stands alone.

use serde::{Deserialize, Serialize};

use super::config::{Account, Service};
use super::id::AccountId;

/// Where OpenAI itself is reached.
const OPENAI: &str = "api.openai.com";

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
    /// Where it is reached, unless there is one such service alone: two services that speak like OpenAI know nothing of each
    /// other's organizations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
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
        Some(Payer { kind, service: self.service, name: name.clone(), host: self.foreign_host() })
    }

    /// The host of a service that only speaks like OpenAI.
    fn foreign_host(&self) -> Option<String> {
        if matches!(self.service, Service::Azure | Service::Simulated) {
            return None;
        }
        let uri: http::Uri = self.base_url.parse().ok()?;
        let host = uri.host()?.to_lowercase();
        // OpenAI has hosts of several regions.
        let is_openais = host == OPENAI || host.strip_suffix(OPENAI).is_some_and(|region| region.ends_with('.'));
        Some(host).filter(|_| self.service == Service::Compatible || !is_openais)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payer(service: &str, base_url: &str) -> Option<Payer> {
        let text = format!("id = \"a\"\nservice = \"{service}\"\nbase_url = \"{base_url}\"\norganization = \"acme\"");
        let account: Account = toml_edit::de::from_str(&text).expect("the test's text is sound");
        account.payer()
    }

    #[test]
    fn one_name_at_two_services_that_speak_like_openai_is_two_payers() {
        let compatible = |url| payer("compatible", url);
        assert!(compatible("https://one.example/v1").is_some());
        assert_ne!(compatible("https://one.example/v1"), compatible("https://two.example/v1"));
        assert_eq!(compatible("https://one.example/v1"), compatible("https://ONE.example/other"));
        assert_ne!(payer("openai", "https://api.openai.com/v1"), payer("openai", "https://gateway.example/v1"));
    }

    #[test]
    fn the_regions_of_openai_are_one_service() {
        let [everywhere, europe, fake] = ["api.openai.com", "eu.api.openai.com", "notapi.openai.com"]
            .map(|host| payer("openai", &format!("https://{host}/v1")));
        assert_eq!(everywhere, europe);
        assert_ne!(everywhere, fake);
    }
}
