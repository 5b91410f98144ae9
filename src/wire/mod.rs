//! Bytes ↔ facts of the OpenAI and Azure dialects: paths, requests, headers, streams, usage, errors.
//!
//! Invariant: whatever bytes arrive, nothing here panics, and the work is proportional to their number.
//! Absent on purpose: sockets, clocks, and every decision about what a fact means for balancing.

pub mod error;
pub mod failure;
mod fingerprint;
pub mod gate;
pub mod gist;
pub mod headers;
mod json;
pub mod mentions;
pub mod models;
pub mod multipart;
mod object;
pub mod patch;
pub mod path;
pub mod peek;
pub mod place;
mod prompt;
pub mod runs;
mod scan;
pub mod session;
mod skim;
pub mod socket;
mod span;
pub mod sse;
pub mod stored;
pub mod stream;
pub mod target;
mod ties;
pub mod under_way;
pub mod usage;
