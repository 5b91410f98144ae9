//! Writes an export off the actor's turn, and says how far it is and where it went.
//!
//! Invariant: a file that exists is never written over; one that could not be finished is removed.
//! Absent on purpose: formats (`record::export`).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use directories::UserDirs;

use super::stage::{Event, Stage};
use crate::contract::snapshot::Problem;
use crate::contract::{ExportCommand, Notice, NoticeBody, SaveCommand};
use crate::model::id::CommandId;
use crate::model::units::Grouped;
use crate::record::export::{ending, write};
use crate::store::atomic::make_folder;

/// So many files of one name are tried.
const NAMES: u32 = 100;

/// Starts an export; its end is told by a notice.
pub(super) fn start(stage: &Stage, id: CommandId, command: ExportCommand) {
    let (events, back) = (stage.events.clone(), stage.back.clone());
    let folder = folder(&stage.profile.paths.data_dir);
    let of = command.records.len() as u64;
    tokio::task::spawn_blocking(move || {
        let told = |done: usize| {
            let body = NoticeBody::Exporting { done: done as u64, of };
            back.tell(Notice { id: Some(id), body });
        };
        let written = export(&folder, &command, told);
        let outcome = written
            .map(|path| format!("{} requests are in {}", Grouped(of), path.display()))
            .map_err(|error| problem(&folder, &error));
        let _ = events.blocking_send(Event::Done(id, outcome));
    });
}

/// Writes a text; its end is told by a notice.
pub(super) fn save(stage: &Stage, id: CommandId, command: SaveCommand) {
    let events = stage.events.clone();
    let folder = folder(&stage.profile.paths.data_dir);
    tokio::task::spawn_blocking(move || {
        let outcome = save_to(&folder, &command).map(|path| format!("Saved as {}", path.display()));
        let _ = events.blocking_send(Event::Done(id, outcome.map_err(|error| problem(&folder, &error))));
    });
}

fn save_to(folder: &Path, command: &SaveCommand) -> io::Result<PathBuf> {
    make_folder(folder)?;
    let (path, mut file) = fresh(folder, &command.name, command.ending)?;
    let done = file.write_all(command.text.as_bytes());
    if done.is_err() {
        drop(fs::remove_file(&path));
    }
    done.map(|()| path)
}

/// Where people look for what they saved; beside our own data where there is no such folder.
fn folder(data: &Path) -> PathBuf {
    let downloads = UserDirs::new().and_then(|dirs| dirs.download_dir().map(Path::to_owned));
    downloads.filter(|folder| folder.is_dir()).unwrap_or_else(|| data.join("exports"))
}

fn export(folder: &Path, command: &ExportCommand, mut told: impl FnMut(usize)) -> io::Result<PathBuf> {
    make_folder(folder)?;
    let (path, file) = fresh(folder, &command.name, ending(command.format))?;
    let mut out = BufWriter::new(file);
    let done = write(command.format, &command.records, &mut out, &mut told).and_then(|()| out.flush());
    if done.is_err() {
        // Half an export is of no use; that it could not be removed either adds nothing to the error.
        drop(fs::remove_file(&path));
    }
    done.map(|()| path)
}

/// A file that did not exist, readable by its owner.
fn fresh(folder: &Path, name: &str, ending: &str) -> io::Result<(PathBuf, File)> {
    let name: String = name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    for number in 1..=NAMES {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{name}{suffix}.{ending}"));
        match options.open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn problem(folder: &Path, error: &io::Error) -> Problem {
    Problem {
        what: format!("The export could not be written to {}: {error}.", folder.display()),
        still_works: "What was to be exported is still on screen.".to_owned(),
        next_step: "Make room or make the folder writable, then export again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::ExportFormat;

    fn command() -> ExportCommand {
        ExportCommand { format: ExportFormat::Csv, name: "requests/../1".to_owned(), records: Vec::new().into() }
    }

    #[test]
    fn a_file_that_exists_is_never_written_over_and_a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = export(folder.path(), &command(), |_| {}).unwrap();
        fs::write(&first, "kept").unwrap();
        let second = export(folder.path(), &command(), |_| {}).unwrap();
        let names = [&first, &second].map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string());
        assert_eq!(names, ["requests1.csv", "requests1-2.csv"]);
        assert_eq!(fs::read_to_string(&first).unwrap(), "kept");
    }

    #[test]
    fn a_text_is_saved_whole_under_a_name_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let command = SaveCommand { name: "usage".to_owned(), ending: "csv", text: "Model,Requests\n".to_owned() };
        let paths = [save_to(folder.path(), &command).unwrap(), save_to(folder.path(), &command).unwrap()];
        assert_ne!(paths[0], paths[1]);
        assert!(paths.iter().all(|path| fs::read_to_string(path).unwrap() == "Model,Requests\n"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_that_says_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = export(&file.path().join("below a file"), &command(), |_| {}).unwrap_err();
        assert!(problem(file.path(), &error).next_step.contains("export again"));
    }
}
