//! Which endpoints rest and until when, over a restart: whoever was told to wait is not asked again because we were started anew.
//!
//! Invariant: the file is replaced whole; one that cannot be read is as good as none, since every rest can be learned again.
//! Absent on purpose: levels and limits. A service says them with its next answer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic;
use crate::model::status::Rest;
use crate::model::units::Timestamp;

/// The file of one profile.
#[derive(Clone, Debug)]
pub struct RestsFile {
    path: PathBuf,
}

impl RestsFile {
    /// The file in this profile's state folder, which need not exist.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { path: state_dir.join("rests.json") }
    }

    /// Puts these in the place of what is there.
    ///
    /// # Errors
    /// As the file system says; the old ones are there still.
    pub fn keep(&self, rests: &[Rest]) -> io::Result<()> {
        atomic::write_unflushed(&self.path, &serde_json::to_vec(rests)?)
    }

    /// What is left of them at `now`.
    #[must_use]
    pub fn left(&self, now: Timestamp) -> Vec<Rest> {
        let read = || -> Option<Vec<Rest>> { serde_json::from_slice(&fs::read(&self.path).ok()?).ok() };
        read().unwrap_or_default().into_iter().filter(|rest| rest.until > now).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::EndpointId;
    use crate::model::outcome::ThrottleKind;
    use crate::model::status::RestCause;

    fn rest(endpoint: &str, until: u64) -> Rest {
        let cause = RestCause::Throttled(ThrottleKind::Tokens);
        Rest { endpoint: EndpointId::from(endpoint), until: Timestamp::from_secs(until), cause, mark: 0 }
    }

    #[test]
    fn what_is_over_is_not_told_of() {
        let home = tempfile::tempdir().unwrap();
        let file = RestsFile::of(home.path());
        assert_eq!(file.left(Timestamp::ZERO), []);
        file.keep(&[rest("a", 100), rest("b", 200)]).unwrap();
        assert_eq!(file.left(Timestamp::from_secs(100)), [rest("b", 200)]);
    }

    #[test]
    fn a_broken_file_is_as_good_as_none() {
        let home = tempfile::tempdir().unwrap();
        let file = RestsFile::of(home.path());
        file.keep(&[rest("a", 100)]).unwrap();
        let whole = fs::read(home.path().join("rests.json")).unwrap();
        fs::write(home.path().join("rests.json"), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(file.left(Timestamp::ZERO), []);
    }
}
