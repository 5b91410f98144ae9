//! Builds and stops the background side; applies commands.
//!
//! Invariant: (being built)
//! Absent on purpose: drawing.

pub mod key_test;
pub mod port;
