//! Ceilings inside a pool, for now.

use std::sync::Arc;

use super::{Balancer, Input, Output};
use crate::model::checked::CheckedConfig;
use crate::model::config::Config;
use crate::model::decision::{Exclusion, Verdict};
use crate::model::id::{EndpointId, ModelName, RequestId};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::status::LimitSource;
use crate::model::units::Timestamp;

const CONFIG: &str = r#"
queue = { max_wait_seconds = 300 }
account = [{ id = "a", service = "simulated" }]
quota_pool = [{ id = "p", tokens_per_minute = 10_000 }]
endpoint = [{ id = "east", account = "a", model = "m", quota_pool = "p" }]
route = [{ model = "m", group = [{ endpoints = ["east"] }] }]
"#;

fn config() -> Arc<CheckedConfig> {
    let config: Config = toml_edit::de::from_str(CONFIG).expect("the test's text is sound");
    Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0)
}

struct World {
    brain: Balancer,
    last: u64,
}

impl World {
    fn with_share(share: u64) -> Self {
        let mut world = Self { brain: Balancer::new(config(), 1, Timestamp::ZERO), last: 0 };
        world.tell(Input::Allotted(vec![(EndpointId::from("east"), Some(share)), (EndpointId::from("nobody"), None)]));
        world
    }
    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.brain.handle(Timestamp::ZERO, input, &mut outputs);
        outputs
    }
    fn send(&mut self, charge: u64) -> Output {
        self.last += 1;
        let profile = RequestProfile {
            model: ModelName::from("m"),
            operation: Operation::Chat,
            streaming: false,
            size: RequestSize { prompt_chars: 0, output_cap: Some(charge - 1), choices: 1 },
            priority: crate::model::config::Priority::Normal,
            caller: None,
            client: "".into(),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        };
        self.tell(Input::Arrived { request: RequestId(self.last), profile: Arc::new(profile) }).remove(0)
    }
}

#[test]
fn a_share_holds_back_what_the_pool_keeps_for_others() {
    let mut world = World::with_share(4_000);
    assert!(matches!(world.send(3_000), Output::Assigned { .. }));
    let Output::Held { decision, .. } = world.send(2_000) else { panic!("the share is used") };
    assert_eq!(decision.candidates.get(0).expect("a candidate").verdict, Verdict::Excluded(Exclusion::PoolShort));
    assert_eq!(
        (decision.candidates.get(0).expect("a candidate").has, decision.candidates.get(0).expect("a candidate").limit),
        (Some(1_000), Some(4_000))
    );
    let view = world.brain.view(Timestamp::ZERO);
    assert_eq!((view.endpoints[0].tokens.limit, view.endpoints[0].tokens.source), (Some(4_000), LimitSource::Allotted));
}

#[test]
fn a_request_larger_than_the_share_is_not_kept_out_by_it() {
    let mut world = World::with_share(4_000);
    assert!(matches!(world.send(6_000), Output::Assigned { .. }));
}

#[test]
fn a_lifted_share_lets_those_who_wait_go_at_once_and_so_does_a_new_configuration() {
    for lifts in [Input::Allotted(vec![(EndpointId::from("east"), None)]), Input::Configured(config())] {
        let mut world = World::with_share(4_000);
        world.send(3_000);
        assert!(matches!(world.send(2_000), Output::Held { .. }));
        assert!(world.tell(lifts).iter().any(|output| matches!(output, Output::Assigned { .. })));
        assert_eq!(world.brain.view(Timestamp::ZERO).endpoints[0].allotted, None);
    }
}
