//! What happened: finished requests, the endpoints' last 15 minutes, six hours and seven days, and what was used.
//!
//! Invariant: bounded in memory and never in a request's way; what could not be kept is counted.
//! Absent on purpose: influence on any request, and files.

pub mod depth;
pub mod export;
pub mod outbox;
pub mod pyramid;
pub mod recorder;
pub mod ring;
pub mod series;
pub mod usage;

pub use outbox::Outbox;
pub use pyramid::Pyramid;
pub use recorder::{Drain, Recorder, recorder};
pub use ring::Ring;
pub use series::Series;
pub use usage::UsageBook;

#[cfg(test)]
pub(crate) mod sample;
