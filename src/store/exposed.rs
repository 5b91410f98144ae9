//! Whether others on this computer could change what we read.
//!
//! Invariant: looks, and changes nothing.
//! Absent on purpose: who may read. No file of ours holds a key, and those with hashes are their owner's alone.

use std::path::Path;

use super::paths::Paths;
use crate::model::check::{Finding, FindingPlace, Severity};

/// What is to be said of who may write the profile's files. Whoever can write them can have keys sent to an address of theirs.
#[must_use]
pub fn findings(paths: &Paths) -> Vec<Finding> {
    let folder = paths.config_file.parent();
    let places = [Some(paths.config_file.as_path()), folder, Some(paths.data_dir.as_path())];
    let mut exposed: Vec<&Path> = places.into_iter().flatten().filter(|path| others_write(path)).collect();
    exposed.dedup();
    let finding = |path: &Path| Finding {
        severity: Severity::Warning,
        at: FindingPlace { table: "listen".to_owned(), ..FindingPlace::default() },
        line: None,
        message: format!(
            "Others on this computer can write {0}, and so have requests and keys sent elsewhere. Everything runs; take that \
             right away: chmod go-w {0}",
            path.display()
        ),
    };
    exposed.into_iter().map(finding).collect()
}

/// Anybody, or a group that is not the owner's own. In a folder with the sticky bit others replace nothing.
#[cfg(unix)]
fn others_write(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    const STICKY: u32 = 0o1000;
    std::fs::metadata(path).is_ok_and(|about| {
        let (mode, of_group) = (about.mode(), about.gid() != about.uid());
        let open = mode & 0o002 != 0 || mode & 0o020 != 0 && of_group;
        open && !(about.is_dir() && mode & STICKY != 0)
    })
}

#[cfg(not(unix))]
fn others_write(_path: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_that_others_can_write_are_named_with_the_way_out() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::inside(home.path());
        fs::write(&paths.config_file, "").unwrap();
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        mode(&paths.config_file, 0o644);
        mode(home.path(), 0o700);
        assert!(findings(&paths).is_empty(), "reading it is no harm");
        mode(&paths.config_file, 0o666);
        let found = findings(&paths);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.ends_with(&format!("chmod go-w {}", paths.config_file.display())), "{}", found[0]);
        mode(&paths.config_file, 0o600);
        mode(home.path(), 0o777);
        assert!(!findings(&paths).is_empty());
        mode(home.path(), 0o1777);
        assert!(findings(&paths).is_empty(), "others replace nothing in a sticky folder");
    }
}
