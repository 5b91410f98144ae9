//! Looking ahead with an engine on a paused runtime.

use super::*;
use crate::engine::Engine;
use crate::engine::clock::Clock;
use crate::engine::lease::Turn;
use crate::model::checked::CheckedConfig;
use crate::model::id::ModelName;
use crate::model::outcome::{Ending, Settlement};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};

/// Two routes over one pool of 60,000 tokens a minute that we divide.
const CONFIG: &str = r#"
account = [{ id = "a", service = "simulated" }]
quota_pool = [{ id = "p", tokens_per_minute = 60_000, adjust_within_percent = 50 }]
endpoint = [
    { id = "east", account = "a", model = "m", quota_pool = "p" },
    { id = "west", account = "a", model = "n", quota_pool = "p" },
]
route = [
    { model = "m", group = [{ endpoints = ["east"] }] },
    { model = "n", group = [{ endpoints = ["west"] }] },
]
"#;

fn running() -> Arc<Engine> {
    let config: Config = toml_edit::de::from_str(CONFIG).expect("the test's text is sound");
    let checked = Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0);
    let clock = Clock::start();
    let engine = Engine::new(Balancer::new(checked, 1, clock.now()), clock);
    let clockwork = Arc::clone(&engine);
    tokio::spawn(async move { clockwork.run().await });
    engine
}

fn chat(model: &str, charge: u64, sdk_retry: u32) -> Arc<RequestProfile> {
    Arc::new(RequestProfile {
        model: ModelName::from(model),
        operation: Operation::Chat,
        streaming: false,
        size: RequestSize { prompt_chars: 0, output_cap: Some(charge - 1), choices: 1 },
        priority: Priority::Interactive,
        caller: None,
        client: "".into(),
        sdk_retry,
        patience: None,
        affinity: Affinity::default(),
    })
}

/// Sends one request of each model each second.
async fn send(engine: &Arc<Engine>, seconds: u32, charges: &[(&str, u64)]) {
    for _ in 0..seconds {
        for (model, charge) in charges {
            let mut lease = engine.lease(chat(model, *charge, 0));
            assert!(matches!(lease.first().await, Turn::Send(_)));
            lease.settle(Settlement { ending: Ending::Completed, usage: None });
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn demand_is_told_to_the_brain_once_a_second_and_the_engine_sleeps_when_it_ends() {
    let engine = running();
    send(&engine, 20, &[("m", 600)]).await;
    let demand = engine.view().routes[0].demand[0];
    assert!((30_000..42_000).contains(&demand.expected), "{demand:?}");
    assert_eq!(engine.view().routes[1].demand[0].expected, 0);
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(engine.view().routes[0].demand[0].expected, 0);
    assert_eq!(engine.core().wake(), None, "nothing to come back for");
}

#[tokio::test(start_paused = true)]
async fn a_clients_own_retry_is_not_a_new_demand() {
    let engine = running();
    let mut lease = engine.lease(chat("m", 600, 1));
    assert!(matches!(lease.first().await, Turn::Send(_)));
    assert_eq!(engine.core().lookout.due(), None);
}

#[tokio::test(start_paused = true)]
async fn exhaustion_is_foreseen_before_the_pool_is_full() {
    let engine = running();
    send(&engine, 15, &[("m", 1_500), ("n", 500)]).await;
    let view = engine.view();
    let when = view.pools[0].exhausts_at.expect("2,000 a second fill 60,000 in half a minute");
    assert!((Timestamp::from_secs(29)..=Timestamp::from_secs(31)).contains(&when.at), "{when:?}");
    assert!(when.earliest <= when.at && when.at <= when.latest);
    let proposed: Vec<u64> = view.pools[0].proposed.iter().map(|share| share.tokens_per_minute).collect();
    assert_eq!(proposed, [45_000, 15_000], "three to one");
}

#[tokio::test(start_paused = true)]
async fn shares_follow_demand_within_the_persons_bounds_and_end_with_it() {
    let engine = running();
    send(&engine, 10, &[("m", 1_500), ("n", 500)]).await;
    let allotted = |engine: &Engine| engine.view().endpoints.iter().map(|one| one.allotted).collect::<Vec<_>>();
    assert!(allotted(&engine)[0].is_some_and(|share| share < 60_000), "{:?}", allotted(&engine));
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(allotted(&engine), [None, None]);
}
