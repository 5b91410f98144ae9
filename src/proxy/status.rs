//! `GET /_tidegate/status`: how things stand, as JSON.
//!
//! Invariant: reads only; holds no key, no header and no text of any request.
//! Absent on purpose: commands. No GET changes anything.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;

use http::header::HOST;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::door::Door;
use crate::model::outlook::Exhaustion;
use crate::model::status::{BalancerView, EndpointView, Health, PoolView, WaitingView};
use crate::model::units::Timestamp;

#[derive(Serialize)]
struct Status {
    version: &'static str,
    /// For clients; as the one who asks knows us.
    base_url: Option<String>,
    /// Microseconds since the start; `until` and the like count from the same moment.
    now: u64,
    paused: bool,
    in_flight: u64,
    /// Requests that wait for a file for their connection, before anything else.
    waiting_for_connection: u32,
    records_dropped: u64,
    /// Tasks of the runtime, and entries of what comes and goes, by kind: whoever wonders whether something grows can look.
    sizes: BTreeMap<&'static str, usize>,
    #[serde(flatten)]
    view: Map<String, Value>,
}

/// The status page's body.
#[must_use]
pub fn status_page(door: &Door, head: &Parts) -> Bytes {
    let view = door.engine.view();
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        // The guard has let in this computer's own names only.
        base_url: head.headers.get(HOST).and_then(|host| Some(format!("http://{}/v1", host.to_str().ok()?))),
        now: view.at.0,
        paused: door.paused.load(Ordering::Relaxed),
        in_flight: door.in_flight.load(Ordering::Relaxed),
        waiting_for_connection: door.waiting(),
        records_dropped: door.recorder.dropped(),
        sizes: sizes(door),
        view: told(&view),
    };
    serde_json::to_vec(&status).map(Bytes::from).unwrap_or_default()
}

fn sizes(door: &Door) -> BTreeMap<&'static str, usize> {
    let tasks = tokio::runtime::Handle::try_current().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
    let own = [
        ("tasks", tasks),
        ("waits", door.deadlines.waiting()),
        ("streams", door.streams.view().len()),
        ("unfinished", door.unfinished.len()),
    ];
    own.into_iter().chain(door.engine.sizes()).collect()
}

/// The view, with moments as seconds from now and with sums for pools.
fn told(view: &BalancerView) -> Map<String, Value> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(view) else { return Map::new() };
    let full = |when: Option<Exhaustion>| when.map(|when| seconds(view.at, when.at));
    add(&mut all, "endpoints", &view.endpoints, |endpoint| {
        let rests = rests(view.at, endpoint.health);
        let asked = endpoint.insight.asked_until.map(|until| seconds(view.at, until));
        json!({"rests_seconds": rests, "asked_seconds": asked, "full_seconds": full(endpoint.exhausts_at)})
    });
    add(
        &mut all,
        "routes",
        &view.routes,
        |route| json!({"back_seconds": route.back_at.map(|at| seconds(view.at, at))}),
    );
    add(&mut all, "visited", &view.visited, |one| json!({"rests_seconds": rests(view.at, one.health)}));
    add_waits(&mut all, view);
    add(&mut all, "pools", &view.pools, |pool| sums(pool, view));
    add(&mut all, "pools", &view.pools, |pool| {
        let rests = pool.rests_until.map(|until| seconds(view.at, until));
        json!({"full_seconds": full(pool.exhausts_at), "rests_seconds": rests})
    });
    all
}

/// When each of those who wait is expected to go.
fn add_waits(all: &mut Map<String, Value>, view: &BalancerView) {
    if let Some(queue) = all.get_mut("queue").and_then(Value::as_object_mut) {
        let expected = |one: &WaitingView| one.expected.map(|at| seconds(view.at, at));
        add(queue, "list", &view.queue.list, |one| json!({"expected_seconds": expected(one)}));
    }
}

/// Adds members to each object of a list.
fn add<T>(all: &mut Map<String, Value>, list: &str, of: &[T], more: impl Fn(&T) -> Value) {
    let objects = all.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
    for (object, one) in objects.zip(of) {
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more(one)) {
            object.extend(more);
        }
    }
}

fn sums(pool: &PoolView, view: &BalancerView) -> Value {
    let members = || pool.members.iter().filter_map(|id| view.endpoint(id));
    let sum = |of: fn(&EndpointView) -> u64| members().map(of).fold(0, u64::saturating_add);
    json!({
        "in_flight": sum(|one| u64::from(one.in_flight)),
        "counters": {
            "attempts": sum(|one| one.counters.attempts),
            "answered": sum(|one| one.counters.answered),
            "throttled": sum(|one| one.counters.throttled),
            "failed": sum(|one| one.counters.failed),
            "tokens_in": sum(|one| one.counters.tokens_in),
            "tokens_out": sum(|one| one.counters.tokens_out),
            "charged": sum(|one| one.counters.charged),
        },
    })
}

/// How long a rest still lasts.
fn rests(now: Timestamp, health: Health) -> Option<f64> {
    match health {
        Health::Resting { until, .. } => Some(seconds(now, until)),
        _ => None,
    }
}

/// Rounded up to the millisecond.
#[expect(clippy::cast_precision_loss, reason = "shown, never reckoned with")]
fn seconds(now: Timestamp, at: Timestamp) -> f64 {
    at.since(now).as_micros().div_ceil(1_000) as f64 / 1_000.0
}
