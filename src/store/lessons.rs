//! Which limits refusals taught and headers named, over a restart: no header names a quota pool's, and some services name none
//! at all.
//!
//! Invariant: the file is replaced whole; one that cannot be read is as good as none, since every lesson can be learned again.
//! Absent on purpose: how long a lesson is believed (`policy::lessons`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic;
use crate::model::lesson::Lesson;

/// The file of one profile.
#[derive(Clone, Debug)]
pub struct LessonsFile {
    path: PathBuf,
}

impl LessonsFile {
    /// The file in this profile's state folder, which need not exist.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { path: state_dir.join("learned.json") }
    }

    /// Puts these in the place of what is there.
    ///
    /// # Errors
    /// As the file system says; the old ones are there still.
    pub fn keep(&self, lessons: &[Lesson]) -> io::Result<()> {
        atomic::write_unflushed(&self.path, &serde_json::to_vec(lessons)?)
    }

    /// What is there.
    #[must_use]
    pub fn read(&self) -> Vec<Lesson> {
        let read = || -> Option<Vec<Lesson>> { serde_json::from_slice(&fs::read(&self.path).ok()?).ok() };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::PoolId;
    use crate::model::lesson::Taught;
    use crate::model::units::Timestamp;

    #[test]
    fn what_is_kept_is_read_again_and_a_broken_file_is_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        let file = LessonsFile::of(home.path());
        assert_eq!(file.read(), []);
        let of = Taught::PoolTokens(PoolId::from("p"));
        let (since, held) = (Timestamp::from_secs(1), Timestamp::from_secs(2));
        let lesson = Lesson { of, ceiling: 58_000, stated: Some(100_000), since, held };
        file.keep(std::slice::from_ref(&lesson)).unwrap();
        assert_eq!(file.read(), [lesson]);
        let whole = fs::read(home.path().join("learned.json")).unwrap();
        fs::write(home.path().join("learned.json"), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(file.read(), []);
    }
}
