//! Which endpoint has which place among the colours of lines, in a small file of its own.
//!
//! Invariant: a file that cannot be read is as none; it is replaced whole or not at all.
//! Absent on purpose: configuration. Losing this file loses nothing but colours that people got used to.

use std::io;
use std::path::Path;

use super::atomic;
use crate::model::id::EndpointId;

const NAME: &str = "slots.json";

/// The endpoints in order of their places.
#[must_use]
pub fn load(folder: &Path) -> Vec<EndpointId> {
    let text = std::fs::read(folder.join(NAME)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps them in this folder.
///
/// # Errors
/// As the file system says; what was kept before is then as it was.
pub fn save(folder: &Path, slots: &[EndpointId]) -> io::Result<()> {
    atomic::write_unflushed(&folder.join(NAME), &serde_json::to_vec_pretty(slots)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_a_broken_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(load(folder.path()).is_empty());
        let slots = ["sim-ptu", "sim-eastus"].map(EndpointId::from);
        save(folder.path(), &slots).unwrap();
        assert_eq!(load(folder.path()), slots);
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert!(load(folder.path()).is_empty());
    }
}
