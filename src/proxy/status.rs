//! `GET /_tidegate/status`: how things stand, as JSON.
//!
//! Invariant: reads only; holds no key, no header and no text of any request.
//! Absent on purpose: commands. No GET changes anything.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Serialize;

use super::door::Door;
use crate::model::status::BalancerView;

#[derive(Serialize)]
struct Status {
    version: &'static str,
    /// Microseconds since the start; `until` and the like count from the same moment.
    now: u64,
    paused: bool,
    in_flight: u64,
    records_dropped: u64,
    #[serde(flatten)]
    view: BalancerView,
}

/// The status page's body.
#[must_use]
pub fn status_page(door: &Door) -> Bytes {
    let view = door.engine.view();
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        now: view.at.0,
        paused: door.paused.load(Ordering::Relaxed),
        in_flight: door.in_flight.load(Ordering::Relaxed),
        records_dropped: door.recorder.dropped(),
        view,
    };
    serde_json::to_vec(&status).map(Bytes::from).unwrap_or_default()
}
