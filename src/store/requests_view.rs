//! How the person keeps the Requests page: filters, order and columns, in a small file of their own.
//!
//! Invariant: a file that cannot be read is as none; it is replaced whole or not at all.
//! Absent on purpose: configuration. Losing this file loses nothing that routes a request.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::atomic;

const NAME: &str = "requests-view.json";

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Saved filters, as typed.
    pub filters: Vec<String>,
    /// Columns shown, in order; empty: as they were at first.
    pub columns: Vec<String>,
    /// The clauses of the filter, and whether each takes part.
    pub clauses: Vec<(String, bool)>,
    /// The column that sorts, and whether it descends.
    pub sort: Option<(String, bool)>,
    /// Columns that were drawn wider or narrower, by heading, in points.
    pub widths: Vec<(String, u16)>,
}

/// What is kept in this folder.
#[must_use]
pub fn load(folder: &Path) -> Kept {
    let text = std::fs::read(folder.join(NAME)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Keeps it in this folder.
///
/// # Errors
/// As the file system says; what was kept before is then as it was.
pub fn save(folder: &Path, kept: &Kept) -> io::Result<()> {
    atomic::write(&folder.join(NAME), &serde_json::to_vec_pretty(kept)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_comes_back_and_a_broken_file_is_as_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()), Kept::default());
        let kept = Kept {
            filters: vec!["status>=400 -\"my tool\"".to_owned()],
            columns: vec!["ended".to_owned()],
            clauses: vec![("429".to_owned(), false)],
            sort: Some(("total".to_owned(), true)),
            widths: vec![("Status".to_owned(), 90)],
        };
        save(folder.path(), &kept).unwrap();
        assert_eq!(load(folder.path()), kept);
        std::fs::write(folder.path().join(NAME), "{\"filters\": 3").unwrap();
        assert_eq!(load(folder.path()), Kept::default());
    }
}
