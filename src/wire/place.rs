//! Which place an account's address is: what is stored there stays there, whatever the account is called.
//!
//! Invariant: the same place has the same fingerprint in every run; an Azure resource is its host, whatever stands behind it.
//! Absent on purpose: credentials. Their fingerprints need a secret (`store::keys`).

use super::fingerprint;
use crate::model::config::{Account, Service};

/// The fingerprint of where an account's state lies; 0 for one that is played.
#[must_use]
pub fn address(account: &Account) -> u64 {
    let base = account.base_url.trim().trim_end_matches('/').to_ascii_lowercase();
    let host = base.split_once("://").map_or(base.as_str(), |(_, rest)| rest).split('/').next().unwrap_or_default();
    let place = match account.service {
        Service::Simulated => return 0,
        Service::Azure => host,
        Service::Openai | Service::Compatible => &base,
    };
    let within = [account.organization.as_deref(), account.project.as_deref()];
    let text = within.iter().fold(place.to_owned(), |text, part| format!("{text}\n{}", part.unwrap_or_default()));
    // 0 means that nothing is known.
    fingerprint::of(text.as_bytes()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Config;

    fn account(service: &str, base_url: &str, more: &str) -> u64 {
        let text = format!("[[account]]\nid = \"a\"\nservice = \"{service}\"\nbase_url = \"{base_url}\"\n{more}\n");
        let config: Config = toml_edit::de::from_str(&text).unwrap();
        address(&config.accounts[0])
    }

    #[test]
    fn a_place_is_the_resource_or_the_address_with_organization_and_project() {
        let azure = account("azure", "https://East.openai.azure.com/", "");
        assert_eq!(azure, account("azure", "https://east.openai.azure.com/openai/v1", "api = \"v1\""));
        assert_ne!(azure, account("azure", "https://west.openai.azure.com", ""));
        let openai = account("openai", "https://api.openai.com/v1", "");
        assert_eq!(openai, account("openai", "https://api.openai.com/v1/", ""));
        assert_ne!(openai, account("openai", "https://api.openai.com/v1", "project = \"p\""));
        assert_eq!(account("simulated", "", ""), 0);
    }
}
