//! The simulated part of a configuration, as specs of upstream endpoints.
//!
//! Invariant: an endpoint's seed depends on its id alone, so that a run repeats after any other edit.
//! Absent on purpose: endpoints of real services, and keys: simulated accounts expect none.

use std::time::Duration;

use crate::model::config::{Account, AzureApi, Config, Endpoint, Enforcement, Service};
use crate::model::id::AccountId;
use crate::sim::extra::MoreLimits;
use crate::sim::upstream::{Dialect, UpstreamSpec};

/// An endpoint to play: its account, the key that account expects (`None`: any or none), and how it behaves.
pub type FakeSpec = (AccountId, Option<String>, UpstreamSpec);

/// Every endpoint of a simulated account, in file order.
#[must_use]
pub fn specs_of(config: &Config) -> Vec<FakeSpec> {
    let simulated = |endpoint: &Endpoint| {
        let account = config.account(&endpoint.account)?;
        (account.service == Service::Simulated).then(|| (account.id.clone(), None, spec(config, account, endpoint)))
    };
    config.endpoints.iter().filter_map(simulated).collect()
}

fn spec(config: &Config, account: &Account, endpoint: &Endpoint) -> UpstreamSpec {
    let manner = endpoint.simulated.clone().unwrap_or_default();
    UpstreamSpec {
        id: endpoint.id.clone(),
        dialect: match account.api {
            None => Dialect::OpenAi,
            Some(AzureApi::Classic) => Dialect::AzureClassic,
            Some(AzureApi::V1) => Dialect::AzureV1,
        },
        model: endpoint.model.to_string(),
        deployment: endpoint.deployment.clone().unwrap_or_else(|| endpoint.model.to_string()),
        tokens_per_minute: endpoint.tokens_per_minute,
        requests_per_minute: config.requests_of(endpoint),
        request_slice: Duration::from_secs(u64::from(endpoint.request_slice_seconds.unwrap_or(1).max(1))),
        enforcement: match endpoint.enforcement {
            Enforcement::Auto => Enforcement::SlidingLog,
            stated => stated,
        },
        first_token: Duration::from_millis(manner.first_token_ms),
        tokens_per_second: manner.tokens_per_second,
        seed: seed_of(endpoint.id.as_str()),
        more_limits: MoreLimits {
            input_tokens_per_minute: endpoint.input_tokens_per_minute,
            output_tokens_per_minute: endpoint.output_tokens_per_minute,
            tokens_per_day: endpoint.tokens_per_day,
            requests_per_day: endpoint.requests_per_day,
        },
    }
}

/// FNV-1a: short, and the same everywhere.
fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
#[path = "specs_tests.rs"]
mod tests;
