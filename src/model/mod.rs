//! The nouns that several rooms share.
//!
//! Invariant: values only; whoever holds one can send it to another thread, compare it and print it (secrets excepted).
//! Absent on purpose: I/O, clocks, and any behaviour beyond a value checking itself.

pub mod candidates;
pub mod check;
pub mod checked;
pub mod config;
pub mod counterfactual;
pub mod decision;
pub mod history;
pub mod host;
pub mod id;
pub mod insight;
pub mod lesson;
pub mod outcome;
pub mod outlook;
pub mod ownership;
pub mod payer;
pub mod preferences;
pub mod profile;
pub mod proposal;
pub mod record;
pub mod revision;
#[cfg(test)]
pub(crate) mod sample;
pub mod scenario;
pub mod script;
pub mod secret;
pub mod status;
pub mod token;
pub mod units;
pub mod usage;
