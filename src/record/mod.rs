//! What happened: finished requests and the endpoints' last 15 minutes.
//!
//! Invariant: bounded in memory and never in a request's way; what could not be kept is counted.
//! Absent on purpose: influence on any request, and files.

pub mod recorder;
pub mod ring;
pub mod series;

pub use recorder::{Drain, Recorder, recorder};
pub use ring::Ring;
pub use series::Series;

#[cfg(test)]
pub(crate) mod sample;
