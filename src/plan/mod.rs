//! Looks ahead: the demand to come, when limits will be full, how a total is best split, and what is wasteful in what is
//! configured.
//!
//! Invariant: pure; time is an argument, and nothing here changes what runs.
//! Absent on purpose: acting on it. The brain and the person do.

pub mod adjust;
pub mod azure_cli;
pub mod demand;
pub mod exhaust;
pub mod inflow;
pub mod inventory;
pub mod propose;
pub mod split;
pub mod windows;
