//! A copy of every configuration that was applied, and of the last one that was good.
//!
//! Invariant: numbers only grow; at most [`KEPT`] copies; a copy is never changed.
//! Absent on purpose: reading meaning into a copy (`store::config_read`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic;

/// Copies kept.
pub const KEPT: usize = 50;

/// The copies of one profile.
#[derive(Clone, Debug)]
pub struct Revisions {
    folder: PathBuf,
    last_good: PathBuf,
}

impl Revisions {
    /// The copies in this profile's data folder, which need not exist.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("revisions"), last_good: data_dir.join("last-good.toml") }
    }

    /// Keeps `text` as the newest copy unless the newest says the same already; forgets the oldest beyond [`KEPT`].
    ///
    /// # Errors
    /// The copy could not be written.
    pub fn keep(&self, text: &str) -> io::Result<()> {
        let numbers = self.numbers();
        let newest = numbers.last().copied();
        if newest.is_some_and(|number| fs::read_to_string(self.path(number)).is_ok_and(|kept| kept == text)) {
            return Ok(());
        }
        atomic::write(&self.path(newest.unwrap_or(0).saturating_add(1)), text.as_bytes())?;
        for old in numbers.iter().rev().skip(KEPT - 1) {
            fs::remove_file(self.path(*old))?;
        }
        Ok(())
    }

    /// Remembers a text that was read without error.
    ///
    /// # Errors
    /// It could not be written.
    pub fn keep_last_good(&self, text: &str) -> io::Result<()> {
        if self.last_good().is_some_and(|kept| kept == text) {
            return Ok(());
        }
        atomic::write(&self.last_good, text.as_bytes())
    }

    /// The last text that was good, if there is one.
    #[must_use]
    pub fn last_good(&self) -> Option<String> {
        fs::read_to_string(&self.last_good).ok()
    }

    /// The copies' numbers, oldest first.
    #[must_use]
    pub fn numbers(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut numbers: Vec<u64> =
            entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".toml")?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Where the copy with this number lies.
    #[must_use]
    pub fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}.toml"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fifty_copies_are_kept_and_numbers_go_on() {
        let home = tempfile::tempdir().unwrap();
        let revisions = Revisions::of(home.path());
        (1..=60).for_each(|number| revisions.keep(&format!("# {number}\n")).unwrap());
        assert_eq!(revisions.numbers(), (11..=60).collect::<Vec<_>>());
        assert_eq!(fs::read_to_string(revisions.path(60)).unwrap(), "# 60\n");
    }

    #[test]
    fn the_same_text_twice_is_one_copy() {
        let home = tempfile::tempdir().unwrap();
        let revisions = Revisions::of(home.path());
        for text in ["a", "a", "b", "a"] {
            revisions.keep(text).unwrap();
        }
        assert_eq!(revisions.numbers(), [1, 2, 3]);
    }

    #[test]
    fn the_last_good_text_is_the_newest_one_given() {
        let home = tempfile::tempdir().unwrap();
        let revisions = Revisions::of(home.path());
        assert_eq!(revisions.last_good(), None);
        for text in ["a", "b"] {
            revisions.keep_last_good(text).unwrap();
        }
        assert_eq!(revisions.last_good().as_deref(), Some("b"));
    }
}
