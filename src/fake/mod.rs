//! Simulated endpoints on a loopback port, and the player that puts load on the proxy before them.
//!
//! Invariant: nothing here is used by real traffic; what `sim` decides is only put on the wire.
//! Absent on purpose: limits, distributions and faults of its own; those are `sim::upstream`'s.

mod ask;
mod chat;
mod completions;
mod credentials;
mod dialogue;
mod embeddings;
mod handler;
pub mod load;
mod media;
mod objects;
mod paced;
mod path;
mod realtime;
mod reply;
mod responses;
pub mod server;
mod shelf;
mod site;
mod specs;
mod text;
mod tools;

pub use server::Fake;
pub use site::{Clock, FakeCounters};
pub use specs::{FakeSpec, specs_of};
