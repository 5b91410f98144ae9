use tokio::net::TcpListener;

use super::*;
use crate::model::config::Enforcement;
use crate::model::id::AccountId;
use crate::sim::extra::MoreLimits;
use crate::sim::upstream::{Dialect, UpstreamSpec};

/// The runtime's own clock, from now on.
fn clock() -> Clock {
    let origin = tokio::time::sleep(Duration::ZERO).deadline();
    Arc::new(move || Timestamp::ZERO.after(origin.elapsed()))
}

async fn fake(now: &Clock) -> Fake {
    let spec = UpstreamSpec {
        id: EndpointId::from("one"),
        dialect: Dialect::OpenAi,
        model: "demo-chat".to_owned(),
        deployment: "demo-chat".to_owned(),
        tokens_per_minute: None,
        requests_per_minute: None,
        request_slice: Duration::from_secs(1),
        enforcement: Enforcement::SlidingLog,
        first_token: Duration::from_micros(100),
        tokens_per_second: 100_000,
        seed: 1,
        more_limits: MoreLimits::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    Fake::start(listener, vec![(AccountId::from("only"), None, spec)], Arc::clone(now)).expect("starts")
}

fn phase(dials: Dials) -> Phase {
    Phase {
        lasts: Duration::from_millis(100),
        requests_per_minute: 12_000,
        dials: vec![(EndpointId::from("one"), dials)],
    }
}

fn scenario(phases: Vec<Phase>) -> Scenario {
    Scenario { name: "short".to_owned(), title: "Short".to_owned(), model: "demo-chat".to_owned(), phases }
}

fn at(base_url: &str) -> Aim {
    Aim { base_url: base_url.to_owned(), token: None }
}

#[tokio::test]
async fn a_script_plays_its_phases_and_puts_the_dials_to_rest() {
    let now = clock();
    let fake = fake(&now).await;
    let url = fake.base_url(&AccountId::from("only"));
    let throttled = Dials { throttle_percent: 100, ..Dials::default() };
    let script = scenario(vec![phase(Dials::default()), phase(throttled)]);
    let mut load = Load::start(script, at(&url), &fake, now, 9);
    load.ended().await;
    let progress = load.progress();
    let seen = fake.counters(&EndpointId::from("one"));
    assert!(progress.is_over() && seen.answered > 0 && seen.throttled > 0, "{progress:?} {seen:?}");
    assert_eq!(progress.sent(), progress.answered() + progress.failed());
    assert_eq!((progress.answered(), progress.failed()), (seen.answered, seen.throttled));

    let mut again =
        Load::start(scenario(vec![Phase { dials: Vec::new(), ..phase(throttled) }]), at(&url), &fake, clock(), 9);
    again.ended().await;
    assert_eq!(again.progress().failed(), 0);
}

#[tokio::test]
async fn a_stopped_script_ends_before_its_time() {
    let now = clock();
    let fake = fake(&now).await;
    let long = Phase { lasts: Duration::from_hours(1), ..phase(Dials::default()) };
    let mut load = Load::start(scenario(vec![long]), at(&fake.base_url(&AccountId::from("only"))), &fake, now, 9);
    let progress = load.progress();
    while progress.answered() == 0 {
        tokio::task::yield_now().await;
    }
    load.stop();
    load.ended().await;
    assert!(!progress.is_over());
}
