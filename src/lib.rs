//! Tidegate: a desktop load-balancer console for OpenAI endpoints.
//!
//! This file is only the map. Arrows point downward: `backend` and `ui` meet in `contract` alone; `policy` is pure;
//! `model` is known to all. `tests/architecture.rs` holds the arrows.

pub mod backend;
pub mod contract;
pub mod engine;
pub mod fake;
pub mod model;
pub mod plan;
pub mod policy;
pub mod proxy;
pub mod record;
pub mod sim;
pub mod store;
#[cfg(feature = "window")]
pub mod ui;
pub mod wire;
