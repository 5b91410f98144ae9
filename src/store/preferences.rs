//! The file of the person's preferences: small, and never in the way.
//!
//! Invariant: a file that is missing or broken means the defaults; it is written whole or not at all.
//! Absent on purpose: the configuration, which has comments, revisions and checks.

use std::io;
use std::path::Path;

use super::atomic;
use crate::model::preferences::Preferences;

/// Its name in the folder for state.
pub const NAME: &str = "window.json";

/// Reads the file.
#[must_use]
pub fn load(path: &Path) -> Preferences {
    let read = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Preferences>(&bytes).ok());
    read.unwrap_or_default().bounded()
}

/// Writes the file.
///
/// # Errors
/// As the file system says; what was there before is there still.
pub fn save(path: &Path, preferences: &Preferences) -> io::Result<()> {
    atomic::write_linked(path, &serde_json::to_vec_pretty(preferences)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::preferences::{OnClose, WindowPlace};

    #[test]
    fn what_was_saved_is_read_again() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(NAME);
        let window = Some(WindowPlace { size: [900.0, 600.0], corner: Some([10.0, 20.0]), maximized: false });
        let liked = Preferences { on_close: OnClose::KeepServing, text_percent: 150, window, ..Preferences::default() };
        save(&path, &liked).unwrap();
        assert_eq!(load(&path), liked);
    }

    #[test]
    fn a_missing_a_broken_and_an_older_file_are_no_obstacle() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(NAME);
        assert_eq!(load(&path), Preferences::default());
        std::fs::write(&path, "{ not json").unwrap();
        assert_eq!(load(&path), Preferences::default());
        std::fs::write(&path, r#"{"text_percent": 900, "gone": 1}"#).unwrap();
        assert_eq!(load(&path), Preferences { text_percent: 200, ..Preferences::default() });
    }
}
