//! Finished requests for this room's tests.
//!
//! Invariant: two samples differ only in their number.
//! Absent on purpose: anything a test could assert by itself.

use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::sample;

/// The request with this number, refused by us.
pub(crate) fn record(number: u64) -> RequestRecord {
    RequestRecord { end: RecordEnd::Refused, ..sample::record(number) }
}
