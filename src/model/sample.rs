//! Finished requests for tests of every room and of the whole.
//!
//! Invariant: two samples differ only in their number; a test states whatever it asserts.
//! Absent on purpose: anything that runs uses. It is built for tests alone; those of the whole take this file in by its path.

use std::sync::Arc;
use std::time::Duration;

use super::config::Priority;
use super::id::{ModelName, RequestId};
use super::outcome::Ending;
use super::profile::{Affinity, Operation, RequestProfile, RequestSize};
use super::record::{RecordEnd, RequestRecord};
use super::units::Timestamp;

/// What `client` asks for: a chat with `gpt-4o`, of normal importance.
#[must_use]
pub(crate) fn profile(client: &str) -> RequestProfile {
    RequestProfile {
        model: ModelName::from("gpt-4o"),
        operation: Operation::Chat,
        streaming: false,
        size: RequestSize::default(),
        priority: Priority::Normal,
        caller: None,
        client: Arc::from(client),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    }
}

/// The request with this number, answered with 200 after five milliseconds, without a word of how.
#[must_use]
pub(crate) fn record(number: u64) -> RequestRecord {
    RequestRecord {
        id: RequestId(number),
        at: Timestamp::from_secs(number),
        wall_ms: number,
        profile: Arc::new(profile("aider")),
        status: 200,
        end: RecordEnd::Answered(Ending::Completed),
        attempts: Vec::new(),
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::from_millis(5),
    }
}
