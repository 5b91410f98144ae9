//! The engine on a paused runtime: time moves only when everything waits, so moments are asserted exactly.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::lease::Turn;
use super::*;
use crate::model::checked::CheckedConfig;
use crate::model::config::{Config, Priority};
use crate::model::decision::RefusalReason;
use crate::model::id::ModelName;
use crate::model::outcome::{Ending, Failure, FailureClass, HeaderFacts, Settlement};
use crate::model::profile::{Affinity, Operation, RequestSize};

/// One endpoint of a thousand tokens a minute.
const CONFIG: &str = r#"
queue = { max_wait_seconds = 300 }
[[account]]
id = "a"
service = "simulated"
[[endpoint]]
id = "east"
account = "a"
model = "m"
tokens_per_minute = 1000
[[route]]
model = "m"
[[route.group]]
endpoints = ["east"]
"#;

fn checked() -> Arc<CheckedConfig> {
    let config: Config = toml_edit::de::from_str(CONFIG).expect("the test's text is sound");
    Arc::new(CheckedConfig::resolve(Arc::new(config), 1).0)
}

/// An engine whose clockwork runs beside the test.
fn running() -> Arc<Engine> {
    let clock = Clock::start();
    let engine = Engine::new(Balancer::new(checked(), 1, clock.now()), clock);
    let clockwork = Arc::clone(&engine);
    tokio::spawn(async move { clockwork.run().await });
    engine
}

/// A chat request that is charged `charge` tokens.
fn chat(charge: u64) -> Arc<RequestProfile> {
    Arc::new(RequestProfile {
        model: ModelName::from("m"),
        operation: Operation::Chat,
        streaming: false,
        size: RequestSize { prompt_chars: 0, output_cap: Some(charge - 1), choices: 1 },
        priority: Priority::Normal,
        caller: None,
        client: "".into(),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    })
}

const DONE: Settlement = Settlement { ending: Ending::Completed, usage: None };

fn standing(engine: &Engine) -> (u32, u32, u64, u64) {
    let view = engine.view();
    let east = view.endpoints.first().expect("one endpoint");
    (view.queue.waiting, east.in_flight, east.tokens.reserved, east.tokens.used)
}

/// Polls a future once; whether it was ready.
async fn poll_once<F: Future>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn refused(turn: &Turn) -> Option<RefusalReason> {
    if let Turn::Refused(refusal, _) = turn { Some(refusal.reason) } else { None }
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_woken_at_the_very_time_capacity_returns() {
    let engine = running();
    let mut first = engine.lease(chat(600));
    assert!(matches!(first.first().await, Turn::Send(_)));
    first.settle(DONE);
    tokio::time::advance(Duration::from_secs(10)).await;
    let mut second = engine.lease(chat(600));
    assert!(matches!(second.first().await, Turn::Send(_)));
    assert_eq!(engine.clock().now(), Timestamp::from_millis(60_300));
    assert_eq!(second.waited(), Duration::from_millis(50_300));
}

#[tokio::test(start_paused = true)]
async fn an_earlier_chance_than_the_one_waited_for_is_not_slept_through() {
    let engine = running();
    let mut first = engine.lease(chat(600));
    assert!(matches!(first.first().await, Turn::Send(_)));
    let mut second = engine.lease(chat(600));
    let mut waiting = Box::pin(second.first());
    assert!(poll_once(&mut waiting).await.is_none());
    tokio::time::advance(Duration::from_secs(5)).await;
    // Nothing reached the service, so everything is given back, and the one behind goes at once.
    let facts = HeaderFacts::default();
    let unreached = Failure { class: FailureClass::Connect, status: None, reached: false, facts };
    let retry = tokio::spawn(async move { first.failed(unreached).await });
    assert!(matches!(waiting.await, Turn::Send(_)));
    assert_eq!(engine.clock().now(), Timestamp::from_secs(5));
    retry.abort();
}

#[tokio::test(start_paused = true)]
async fn a_waiting_lease_that_is_dropped_leaves_the_line() {
    let engine = running();
    let mut first = engine.lease(chat(600));
    assert!(matches!(first.first().await, Turn::Send(_)));
    let mut second = engine.lease(chat(600));
    let mut waiting = Box::pin(second.first());
    assert!(poll_once(&mut waiting).await.is_none());
    assert_eq!(standing(&engine), (1, 1, 600, 0));
    drop(waiting);
    drop(second);
    assert_eq!(standing(&engine), (0, 1, 600, 0));
    assert!(engine.core().waiters.is_empty(), "nobody is left to be told");
}

#[tokio::test(start_paused = true)]
async fn a_lease_settles_once_whether_dropped_or_told() {
    let engine = running();
    let mut dropped = engine.lease(chat(300));
    assert!(matches!(dropped.first().await, Turn::Send(_)));
    assert_eq!(standing(&engine), (0, 1, 300, 0));
    drop(dropped);
    assert_eq!(standing(&engine), (0, 0, 0, 300), "the service may have charged it");
    let mut told = engine.lease(chat(300));
    assert!(matches!(told.first().await, Turn::Send(_)));
    told.settle(DONE);
    let settled = engine.view();
    told.settle(DONE);
    drop(told);
    assert_eq!(engine.view(), settled, "neither a second settlement nor the drop changes anything");
    assert_eq!(standing(&engine), (0, 0, 0, 600));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_never_asked_leaves_no_trace() {
    let engine = running();
    let before = engine.view();
    drop(engine.lease(chat(300)));
    assert_eq!(engine.view(), before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_meets_its_client_leaving_is_settled_and_the_next_goes() {
    let engine = running();
    let mut first = engine.lease(chat(1_000));
    assert!(matches!(first.first().await, Turn::Send(_)));
    first.settle(DONE);
    let (mut leaver, mut stayer) = (engine.lease(chat(400)), engine.lease(chat(400)));
    let mut leaving = Box::pin(leaver.first());
    assert!(poll_once(&mut leaving).await.is_none());
    let mut staying = Box::pin(stayer.first());
    assert!(poll_once(&mut staying).await.is_none());
    tokio::time::advance(Duration::from_millis(60_300)).await;
    engine.tell(Input::Tick);
    assert_eq!(standing(&engine), (0, 2, 800, 0), "both were let go");
    drop(leaving);
    drop(leaver);
    assert_eq!(standing(&engine), (0, 1, 400, 0), "nothing was sent for the one who left");
    assert!(matches!(poll_once(&mut staying).await, Some(Turn::Send(_))));
    drop(staying);
    stayer.settle(DONE);
    assert_eq!(standing(&engine), (0, 0, 0, 400));
}

#[tokio::test(start_paused = true)]
async fn stopping_refuses_all_who_wait_and_all_who_come() {
    let engine = running();
    let mut first = engine.lease(chat(1_000));
    assert!(matches!(first.first().await, Turn::Send(_)));
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let mut lease = engine.lease(chat(400));
            tokio::spawn(async move { lease.first().await })
        })
        .collect();
    while engine.view().queue.waiting < 3 {
        tokio::task::yield_now().await;
    }
    engine.tell(Input::Stopping);
    for waiter in waiting {
        assert_eq!(refused(&waiter.await.expect("it ends")), Some(RefusalReason::Stopping));
    }
    assert_eq!(refused(&engine.lease(chat(2)).first().await), Some(RefusalReason::Stopping));
    assert_eq!(engine.clock().now(), Timestamp::ZERO, "nobody had to wait for it");
    first.settle(DONE);
    assert_eq!(standing(&engine), (0, 0, 0, 1_000), "what was under way settles as ever");
}

#[tokio::test(start_paused = true)]
async fn another_brain_refuses_the_waiting_of_the_old_one_and_serves_anew() {
    let engine = running();
    let mut old = engine.lease(chat(1_000));
    assert!(matches!(old.first().await, Turn::Send(_)));
    let mut lease = engine.lease(chat(400));
    let mut waiting = Box::pin(lease.first());
    assert!(poll_once(&mut waiting).await.is_none());
    engine.replace(Balancer::new(checked(), 2, engine.clock().now()));
    assert_eq!(refused(&waiting.await), Some(RefusalReason::Stopping));
    assert!(matches!(engine.lease(chat(1_000)).first().await, Turn::Send(_)));
    let failure = Failure { class: FailureClass::Broken, status: None, reached: true, facts: HeaderFacts::default() };
    assert_eq!(refused(&old.failed(failure).await), Some(RefusalReason::Stopping), "the new brain never met it");
    assert_eq!(standing(&engine), (0, 0, 0, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_panic_that_holds_the_brain_leaves_it_to_everybody_else() {
    let engine = running();
    let mut sent = engine.lease(chat(1_000));
    assert!(matches!(sent.first().await, Turn::Send(_)));
    let mut waiting = engine.lease(chat(1_000));
    let mut turn = Box::pin(waiting.first());
    assert!(poll_once(&mut turn).await.is_none());
    let (holder, mut lost) = (Arc::clone(&engine), engine.lease(chat(1)));
    let fault = tokio::spawn(async move {
        let mut turn = Box::pin(lost.first());
        assert!(poll_once(&mut turn).await.is_none());
        let _core = holder.core();
        panic!("a fault of ours")
    });
    assert!(fault.await.is_err() && engine.core.is_poisoned());
    assert_eq!(standing(&engine), (1, 1, 1_000, 0), "the one that panicked has left the line");
    sent.settle(DONE);
    // The minute of the first passes, and time alone sends the second.
    assert!(matches!(turn.await, Turn::Send(_)));
    waiting.settle(DONE);
    assert_eq!(standing(&engine), (0, 0, 0, 1_000));
}
