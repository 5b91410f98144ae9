//! A simulated service on loopback, for tests that do with it what they like.

use std::sync::Arc;
use std::time::Duration;

use tidegate::engine::clock::Clock;
use tidegate::fake::Fake;
use tidegate::model::config::Enforcement;
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::sim::extra::MoreLimits;
use tidegate::sim::upstream::{Dialect, UpstreamSpec};

/// An endpoint of OpenAI's kind for the model `m`, without limits and without delays worth the name.
pub fn spec(id: &str) -> UpstreamSpec {
    UpstreamSpec {
        id: EndpointId::from(id),
        dialect: Dialect::OpenAi,
        model: "m".to_owned(),
        deployment: "m".to_owned(),
        tokens_per_minute: None,
        requests_per_minute: None,
        request_slice: Duration::from_secs(1),
        enforcement: Enforcement::TokenBucket,
        first_token: Duration::from_millis(1),
        tokens_per_second: 100_000,
        more_limits: MoreLimits::default(),
        seed: 7,
    }
}

/// Serves it as this account, whose key is asked for if there is one.
pub async fn start(account: &str, key: Option<&str>, spec: UpstreamSpec) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let clock = Clock::start();
    let specs = vec![(AccountId::from(account), key.map(str::to_owned), spec)];
    Fake::start(listener, specs, Arc::new(move || clock.now())).expect("it starts")
}
