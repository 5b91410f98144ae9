//! A virtual world: how upstream endpoints behave, and the scripts that people play against them.
//!
//! Invariant: time is an argument and chance is a seed, so that the same inputs give the same run.
//! Absent on purpose: sockets and real time (`fake` has them), and the policy's ledgers: the limiters here are written
//! from the services' observed behaviour alone, so that they can check the policy.

pub mod charge;
pub mod extra;
pub mod limiter;
pub mod pace;
pub mod scripts;
pub mod upstream;
pub mod window;
pub mod words;
pub mod world;

#[cfg(test)]
mod laws_tests;
