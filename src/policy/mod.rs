//! The brain: who waits, who goes where, what a failure means, what a quota still allows.
//!
//! Invariant: time is an argument and chance a seed; the same inputs give the same outputs.
//! Absent on purpose: clocks, tokio, locks, logging, iteration over hash maps.

pub mod balancer;
pub mod event;

mod admit;
mod affinity;
mod ahead;
mod bucket;
mod by_hand;
mod cache_home;
mod calibrate;
mod caller;
mod ceiling;
mod choose;
mod claim;
mod configure;
mod counterfactual;
mod cubic;
mod endpoint;
mod estimate;
mod explain;
mod fail;
mod forecast;
mod foreign;
mod free;
mod glance;
mod growth;
mod health;
mod judge;
mod lane;
mod latency;
mod learn;
mod learn_requests;
mod ledger;
mod lessons;
mod line;
mod meter;
mod order;
mod ordered;
mod outputs;
mod owners;
mod paced_play;
mod pacing;
mod pairs;
mod payers;
mod play;
mod pool;
mod promise;
mod queue_view;
mod refill;
mod rehearsal;
mod relent;
mod request;
mod rest;
mod rests;
mod retry;
mod room;
mod settle;
mod shared;
mod sizes;
mod spill;
mod stick;
mod touch;
mod traffic;
mod view;
mod visits;
mod whereabouts;
mod window;
mod words;

#[cfg(test)]
mod allot_tests;
#[cfg(test)]
mod crowd_tests;
#[cfg(test)]
mod cut_off_tests;
#[cfg(test)]
mod honesty_tests;
#[cfg(test)]
mod insight_tests;
#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod learn_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod pairs_tests;
#[cfg(test)]
mod pool_laws_tests;
#[cfg(test)]
mod promise_tests;
#[cfg(test)]
mod world_tests;

pub use balancer::Balancer;
pub use event::{Assignment, Input, Output, Visit};
pub use whereabouts::Whereabouts;
