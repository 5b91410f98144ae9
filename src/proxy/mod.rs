//! One HTTP exchange from accept to last byte. `exchange` is the story; every other file is one of its verbs.
//!
//! Invariant: streams pass through byte for byte, and nothing is tried elsewhere after the commit point.
//! Absent on purpose: rules of choosing (`policy`) and the dialects' facts (`wire`).

pub mod answer;
mod asked;
pub mod attempt;
pub mod auth;
pub mod classify;
pub mod commit;
mod cors;
pub mod deadlines;
mod dialogue;
pub mod door;
pub mod echo;
pub mod exchange;
mod farewell;
pub mod guard;
mod handshake;
pub mod intake;
pub mod journal;
pub mod listen;
mod lists;
pub mod meter;
mod metrics;
pub mod outward;
pub mod pace;
pub mod pool;
mod room;
mod runs;
pub mod said;
pub mod slots;
mod socket;
pub mod spool;
pub mod status;
mod stored;
pub mod streams;
mod unfinished;
pub mod upstreams;
mod visit;
pub mod wishes;
