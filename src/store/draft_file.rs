//! The draft over a restart: what was edited and not applied.
//!
//! Invariant: it is beside the configuration, never in it; a draft that cannot be read is none.
//! Absent on purpose: putting it on top of what runs by then; the screen does that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic;
use crate::model::revision::LeftDraft;

/// The draft of one profile.
#[derive(Clone, Debug)]
pub struct DraftFile {
    path: PathBuf,
}

impl DraftFile {
    /// The draft in this profile's data folder, which need not exist.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("draft.json") }
    }

    /// Keeps a draft, or forgets it.
    ///
    /// # Errors
    /// The file could not be written or removed.
    pub fn keep(&self, draft: Option<&LeftDraft>) -> io::Result<()> {
        match draft {
            Some(draft) => atomic::write(&self.path, &serde_json::to_vec(draft)?),
            None => match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    /// The draft that was kept last, if there is one.
    #[must_use]
    pub fn read(&self) -> Option<LeftDraft> {
        serde_json::from_slice(&fs::read(&self.path).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Config;

    #[test]
    fn a_draft_is_read_as_it_was_kept_until_it_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let file = DraftFile::of(home.path());
        assert_eq!(file.read(), None);
        file.keep(None).unwrap();
        let mut draft = LeftDraft::default();
        draft.working.queue.max_waiting = 7;
        file.keep(Some(&draft)).unwrap();
        assert_eq!(file.read(), Some(draft));
        file.keep(None).unwrap();
        assert_eq!(file.read().map(|draft| draft.working), None::<Config>);
    }
}
