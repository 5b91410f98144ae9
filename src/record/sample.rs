//! Finished requests for this room's tests.
//!
//! Invariant: two samples differ only in their number.
//! Absent on purpose: anything a test could assert by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::model::config::Priority;
use crate::model::id::{ModelName, RequestId};
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::units::Timestamp;

/// The request with this number.
pub(crate) fn record(number: u64) -> RequestRecord {
    RequestRecord {
        id: RequestId(number),
        at: Timestamp::from_secs(number),
        wall_ms: number,
        profile: Arc::new(RequestProfile {
            model: ModelName::from("gpt-4o"),
            operation: Operation::Chat,
            streaming: false,
            size: RequestSize::default(),
            priority: Priority::Normal,
            caller: None,
            client: Arc::from("aider"),
            sdk_retry: 0,
            patience: None,
            affinity: Affinity::default(),
        }),
        status: 200,
        end: RecordEnd::Refused,
        attempts: Vec::new(),
        decisions: Vec::new(),
        usage: None,
        waited: Duration::ZERO,
        first_token: None,
        total: Duration::from_millis(5),
    }
}
