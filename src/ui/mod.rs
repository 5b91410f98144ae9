//! The console: shows the snapshot, collects intentions.
//!
//! Invariant: everything drawn comes from one snapshot, the draft, or this page's own view state; everything wanted leaves
//! as a command.
//! Absent on purpose: clocks, sockets and files; waiting, but for `window` between two windows.

#[cfg(test)]
mod acceptance_tests;
pub mod actions;
pub mod alerts;
pub mod attention;
pub mod cx;
mod deeds;
pub mod draft;
pub mod findings;
#[cfg(test)]
pub mod fixture;
pub mod flash;
#[cfg(test)]
mod flash_tests;
pub mod format;
pub mod glossary;
pub mod headroom;
pub mod holds;
pub mod key_shape;
pub mod key_test;
pub mod keyless;
pub mod link;
pub mod live;
pub mod long;
pub mod looks;
pub mod new_route;
pub mod pages;
pub mod palette;
pub mod plots;
pub mod request_rows;
pub mod rules;
pub mod settings;
pub mod shell;
pub mod status;
pub mod stored;
pub mod tally;
pub mod test_request;
pub mod theme;
pub mod trail;
mod undo;
pub mod usage_view;
pub mod widgets;
pub mod window;
pub mod words;

pub use shell::{Console, Ending};
pub use window::{WindowOptions, run};
