//! Replacing a file whole or not at all.
//!
//! Invariant: at every moment the path holds the old text or the new one, also after a power cut unless that was waived; new files
//! are readable by their owner only.
//! Absent on purpose: locks against other writers; `store::lock` keeps a second instance away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` beside `path`, flushes them to disk, and renames. Missing directories are made. An existing file keeps its
/// permissions; a symbolic link is replaced, never followed, so that nobody can lead us to another file.
///
/// # Errors
/// The first step that failed; the file at `path` is then as it was.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, Flush::Now)
}

/// The same without a flush to disk: our own death loses nothing, a power cut may leave an older text or a broken one. For what
/// changes often and can be learned again.
///
/// # Errors
/// As for [`write()`].
pub fn write_unflushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, Flush::Never)
}

/// The same for a file that people keep elsewhere and link to: the link stays and its target is replaced.
///
/// # Errors
/// As for [`write()`].
pub fn write_linked(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), bytes, Flush::Now)
}

/// Refuses a symbolic link where a file of ours is to be opened and written in place.
///
/// # Errors
/// It is one.
pub fn refuse_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link, which is not followed"))
        }
        _ => Ok(()),
    }
}

/// Whether the disk is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    Now,
    Never,
}

fn replace(target: &Path, bytes: &[u8], flush: Flush) -> io::Result<()> {
    let folder =
        target.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a path without a folder"))?;
    make_folder(folder)?;
    let beside = beside(target);
    let done = write_beside(&beside, target, bytes, flush).and_then(|()| fs::rename(&beside, target));
    if done.is_err() {
        // What was half written is of no use; that it could not be removed either adds nothing to the error.
        drop(fs::remove_file(&beside));
    }
    done?;
    if flush == Flush::Now { flush_folder(folder) } else { Ok(()) }
}

/// Makes a folder and its parents; those that are new are the owner's alone.
///
/// # Errors
/// As the file system says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    target.with_file_name(format!(".{name}.new"))
}

fn write_beside(beside: &Path, target: &Path, bytes: &[u8], flush: Flush) -> io::Result<()> {
    // One left behind by a crash may have other permissions: never write into it.
    match fs::remove_file(beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(beside)?;
    file.write_all(bytes)?;
    if let Ok(existing) = fs::symlink_metadata(target)
        && !existing.is_symlink()
    {
        file.set_permissions(existing.permissions())?;
    }
    if flush == Flush::Now { file.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn flush_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same shape on every platform")]
fn flush_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_text_replaces_the_old_and_nothing_else_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep").join("file");
        for text in ["one", "two"] {
            write(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        write(&path, b"one").unwrap();
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(mode(), 0o640);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        fs::write(&real, "one").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(
            refuse_link(&link).is_err() && refuse_link(&real).is_ok() && refuse_link(&home.path().join("no")).is_ok()
        );
        write(&link, b"two").unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read_to_string(&real).unwrap(), fs::read_to_string(&link).unwrap()),
            ("one".into(), "two".into())
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_people_made_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        fs::write(&real, "one").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_linked(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "two");
    }
}
