//! A configuration that was applied once, with who applied it and when.
//!
//! Invariant: what a revision says never changes.
//! Absent on purpose: keys; going back to a revision never touches them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::config::Config;

/// Who made a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The person, in the window.
    You,
    /// A live session that was kept; it began at this moment, as Unix milliseconds.
    LiveSession(u64),
    /// Somebody who changed the file.
    File,
    /// A command in a terminal.
    Cli,
}

/// Who made a revision, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who.
    pub author: Author,
    /// When, as Unix milliseconds.
    pub wall_ms: u64,
}

/// A revision as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// Who made it and when, if that is known.
    pub signature: Option<Signature>,
    /// What it says; `None`: the copy cannot be read any more.
    pub config: Option<Arc<Config>>,
}

/// The configuration file as somebody else left it, while something else runs.
#[derive(Clone, Debug, PartialEq)]
pub struct OnDisk {
    /// What it says; `None`: it is gone or cannot be read.
    pub config: Option<Arc<Config>>,
    /// Why it cannot be read, as a sentence.
    pub fault: Option<Arc<str>>,
}

/// A draft that was not applied, with what it departed from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LeftDraft {
    /// What ran when it was edited.
    pub base: Config,
    /// What was edited.
    pub working: Config,
}
