//! A copy of every configuration that was applied, and of the last one that was good.
//!
//! Invariant: numbers only grow; at most [`KEPT`] copies; a copy is never changed.
//! Absent on purpose: who is to be named as its author; that is told.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{atomic, config_read};
use crate::model::revision::{Revision, Signature};

/// Copies kept.
pub const KEPT: usize = 50;

/// The copies of one profile.
#[derive(Clone, Debug)]
pub struct Revisions {
    folder: PathBuf,
    last_good: PathBuf,
    /// The lowest number of the next copy.
    least: u64,
}

impl Revisions {
    /// The copies in this profile's data folder, which need not exist.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("revisions"), last_good: data_dir.join("last-good.toml"), least: 1 }
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
        let number = newest.unwrap_or(0).saturating_add(1).max(self.least);
        atomic::write(&self.path(number), text.as_bytes())?;
        for old in numbers.iter().rev().skip(KEPT - 1) {
            fs::remove_file(self.path(*old))?;
            // Most copies made by hand or before have none.
            drop(fs::remove_file(self.signature_path(*old)));
        }
        Ok(())
    }

    /// Says who made the newest copy, unless it is said already. Returns its number; 0 if there is none.
    ///
    /// # Errors
    /// It could not be written.
    pub fn sign_newest(&self, signature: Signature) -> io::Result<u64> {
        let Some(number) = self.numbers().last().copied() else { return Ok(0) };
        if self.signature(number).is_none() {
            atomic::write(&self.signature_path(number), &serde_json::to_vec(&signature)?)?;
        }
        Ok(number)
    }

    /// Every copy, newest first. What is `known` is not read again.
    #[must_use]
    pub fn list(&self, known: &[Revision]) -> Vec<Revision> {
        let read = |number: u64| {
            let text = fs::read_to_string(self.path(number)).ok();
            let told = text.and_then(|text| config_read::read(&text, "revision").ok());
            Revision { number, signature: self.signature(number), config: told.map(|told| Arc::new(told.config)) }
        };
        let find = |number: u64| known.iter().find(|one| one.number == number && one.signature.is_some()).cloned();
        self.numbers().into_iter().rev().map(|number| find(number).unwrap_or_else(|| read(number))).collect()
    }

    fn signature(&self, number: u64) -> Option<Signature> {
        serde_json::from_slice(&fs::read(self.signature_path(number)).ok()?).ok()
    }

    fn signature_path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:06}.json"))
    }

    /// The next copy gets at least this number, so that it is that of the configuration it is a copy of.
    pub fn number_from(&mut self, least: u64) {
        self.least = least;
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
    use crate::model::revision::Author;

    #[test]
    fn the_last_fifty_copies_are_kept_and_numbers_go_on() {
        let home = tempfile::tempdir().unwrap();
        let revisions = Revisions::of(home.path());
        (1..=60).for_each(|number| revisions.keep(&format!("# {number}\n")).unwrap());
        assert_eq!(revisions.numbers(), (11..=60).collect::<Vec<_>>());
        assert_eq!(fs::read_to_string(revisions.path(60)).unwrap(), "# 60\n");
    }

    #[test]
    fn copies_are_listed_newest_first_with_their_first_signature() {
        let home = tempfile::tempdir().unwrap();
        let revisions = Revisions::of(home.path());
        let by = |author| Signature { author, wall_ms: 7 };
        assert_eq!(revisions.sign_newest(by(Author::You)).unwrap(), 0);
        revisions.keep("[queue]\nmax_waiting = 5\n").unwrap();
        assert_eq!(revisions.sign_newest(by(Author::You)).unwrap(), 1);
        assert_eq!(revisions.sign_newest(by(Author::File)).unwrap(), 1, "it is signed already");
        revisions.keep("no configuration").unwrap();
        let list = revisions.list(&[]);
        assert_eq!(list.iter().map(|one| one.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((&list[0].config, list[0].signature), (&None, None));
        assert_eq!(list[1].signature, Some(by(Author::You)));
        assert_eq!(list[1].config.as_ref().map(|config| config.queue.max_waiting), Some(5));
        assert!(Arc::ptr_eq(revisions.list(&list)[1].config.as_ref().unwrap(), list[1].config.as_ref().unwrap()));
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
