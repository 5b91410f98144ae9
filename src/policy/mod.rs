//! The brain: who waits, who goes where, what a failure means, what a quota still allows.
//!
//! Invariant: time is an argument and chance a seed; the same inputs give the same outputs.
//! Absent on purpose: clocks, tokio, locks, logging, iteration over hash maps.

pub mod balancer;
pub mod event;

pub use balancer::Balancer;
pub use event::{Assignment, Input, Output};
