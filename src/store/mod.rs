//! Disk and keyring: where things lie, the configuration file, keys, and who runs.
//!
//! Invariant: a file is replaced whole or not at all, or only added to; a key is only ever in the keyring or in memory.
//! Absent on purpose: decisions about what to write or which key to use.

pub mod atomic;
pub mod caller_tokens;
pub mod config_file;
pub mod config_read;
pub mod draft_file;
pub mod environment;
pub mod exposed;
pub mod history;
pub mod keys;
pub mod lessons;
pub mod live_session;
pub mod lock;
pub mod one_writer;
pub mod owners;
pub mod paths;
pub mod preferences;
pub mod profiles;
pub mod rank;
pub mod requests_view;
pub mod rests;
pub mod revisions;
pub mod slots;

mod config_patch;
mod config_schema;
