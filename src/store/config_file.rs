//! The configuration file: one document for the person's editor and for the console.
//!
//! Invariant: a save changes only what changed, keeps comments and unknown keys, and never overwrites what somebody else
//! wrote since it was read.
//! Absent on purpose: watching the file, and applying what was read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml_edit::DocumentMut;

use crate::model::check::{Finding, Severity};
use crate::model::config::Config;

use super::atomic;
use super::config_patch::patch;
use super::config_read::{ReadError, read};
use super::one_writer::{Held, Meeting, OneWriter};
use super::paths::Paths;
use super::revisions::Revisions;

/// The file as it was last read or written by us.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    meeting: Meeting,
    revisions: Revisions,
    on_disk: Option<String>,
    document: DocumentMut,
}

/// What a load found.
#[derive(Debug)]
pub struct Loaded {
    /// To save with.
    pub file: ConfigFile,
    /// What the file says; the default if there is none.
    pub config: Config,
    /// What is to be said of it, in file order.
    pub findings: Vec<Finding>,
    /// Whether there was a file.
    pub existed: bool,
}

/// Why a configuration was not read or not saved. No value of the file is ever quoted.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is there and cannot be read.
    #[error("{path} cannot be read: {reason}.")]
    Unreadable {
        /// Which file.
        path: String,
        /// As the system says.
        reason: io::Error,
    },
    /// The text is no configuration.
    #[error(transparent)]
    Malformed(#[from] ReadError),
    /// Somebody else changed the file since it was read. Nothing was written.
    #[error("{path} was changed by another program since it was read. Nothing was written.")]
    ChangedOnDisk {
        /// Which file.
        path: String,
    },
    /// The file cannot be written; it is as it was.
    #[error("{path} cannot be written: {reason}. The change is not saved.")]
    Unwritable {
        /// Which file.
        path: String,
        /// As the system says.
        reason: io::Error,
    },
    /// Another process is writing it and does not end.
    #[error("{path} cannot be written: {held}. Nothing was written.")]
    Held {
        /// Which file.
        path: String,
        /// As the lock says it.
        held: Held,
    },
    /// The document cannot say this. Nothing was written.
    #[error("The change cannot be written to {path}: {sentence} Nothing was written.")]
    Unsayable {
        /// Which file.
        path: String,
        /// Why.
        sentence: String,
    },
}

/// What became of a save.
#[derive(Debug)]
pub struct Saved {
    /// What is to be said of the file as it is now, in file order, with lines.
    pub findings: Vec<Finding>,
    /// The backup copy could not be kept; the file itself is saved.
    pub backup_problem: Option<io::Error>,
}

impl ConfigFile {
    /// Reads the profile's file. A missing one is an empty one.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`] or [`ConfigError::Malformed`].
    pub fn load(paths: &Paths) -> Result<Loaded, ConfigError> {
        let path = paths.config_file.clone();
        let on_disk = text_of(&path)?;
        let text = on_disk.as_deref().unwrap_or_default();
        let told = read(text, &name_of(&path))?;
        let document = document(text, &path)?;
        let existed = on_disk.is_some();
        let meeting = Meeting::beside(path.clone(), paths.data_dir.join("config.lock"));
        let file = Self { path, meeting, revisions: Revisions::of(&paths.data_dir), on_disk, document };
        Ok(Loaded { file, config: told.config, findings: told.findings, existed })
    }

    /// Writes what differs between `old` and `new` into the file. Both may hold values that the file does not state (a port
    /// from the command line); only differences are written. A copy goes to the revisions, and to last-good.
    ///
    /// # Errors
    /// [`ConfigError::ChangedOnDisk`], [`ConfigError::Held`], [`ConfigError::Unwritable`], [`ConfigError::Unsayable`]; the file
    /// is then as it was and this value too.
    pub fn save(&mut self, old: &Config, new: &Config) -> Result<Saved, ConfigError> {
        let _turn = self.turn()?;
        if self.changed_on_disk()? {
            return Err(ConfigError::ChangedOnDisk { path: self.shown() });
        }
        let mut document = self.document.clone();
        let unsayable = |sentence: String| ConfigError::Unsayable { path: self.shown(), sentence };
        patch(&mut document, old, new).map_err(|_| unsayable("a number is too large.".to_owned()))?;
        let text = document.to_string();
        // Nobody shall find at the next start that we wrote something we cannot read.
        let findings = read(&text, &name_of(&self.path)).map_err(|error| unsayable(error.to_string()))?.findings;
        if self.on_disk.as_deref() == Some(text.as_str()) {
            return Ok(Saved { findings, backup_problem: None });
        }
        let before = self.on_disk.as_deref().map_or(Ok(()), |before| self.revisions.keep(before));
        atomic::write_linked(&self.path, text.as_bytes())
            .map_err(|reason| ConfigError::Unwritable { path: self.shown(), reason })?;
        let kept = before.and_then(|()| self.revisions.keep(&text)).and_then(|()| self.revisions.keep_last_good(&text));
        self.document = document;
        self.on_disk = Some(text);
        Ok(Saved { findings, backup_problem: kept.err() })
    }

    /// Whether the file says something else than when we last read or wrote it.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`].
    pub fn changed_on_disk(&self) -> Result<bool, ConfigError> {
        Ok(text_of(&self.path)? != self.on_disk)
    }

    /// What the file says now; `None`: there is none any more. This value goes on as it was.
    ///
    /// # Errors
    /// As for [`ConfigFile::load`].
    pub fn read_again(&self) -> Result<Option<Config>, ConfigError> {
        let Some(text) = text_of(&self.path)? else { return Ok(None) };
        Ok(Some(read(&text, &name_of(&self.path))?.config))
    }

    /// Keeps a copy of what was last read or written, unless the newest copy says the same.
    ///
    /// # Errors
    /// The copy could not be written; nothing else is affected.
    pub fn keep_revision(&self) -> io::Result<()> {
        self.on_disk.as_deref().map_or(Ok(()), |text| self.revisions.keep(text))
    }

    /// Writes what was last read or written over what somebody else made of the file, of which a copy is kept.
    ///
    /// # Errors
    /// [`ConfigError::Held`], [`ConfigError::Unwritable`]; the file is then as it was.
    pub fn restore(&mut self) -> Result<(), ConfigError> {
        let _turn = self.turn()?;
        let unwritable = |reason| ConfigError::Unwritable { path: self.shown(), reason };
        if let Ok(Some(theirs)) = text_of(&self.path) {
            self.revisions.keep(&theirs).map_err(unwritable)?;
        }
        let mine = self.on_disk.clone().unwrap_or_default();
        atomic::write_linked(&self.path, mine.as_bytes()).map_err(unwritable)?;
        self.revisions.keep(&mine).map_err(unwritable)?;
        self.on_disk = Some(mine);
        Ok(())
    }

    /// Remembers what was read as the last good configuration. To be called once it runs.
    ///
    /// # Errors
    /// The copy could not be written; nothing else is affected.
    pub fn keep_last_good(&self) -> io::Result<()> {
        self.on_disk.as_deref().map_or(Ok(()), |text| self.revisions.keep_last_good(text))
    }

    /// What the file said when it was last read or written; empty if there was none.
    #[must_use]
    pub fn text(&self) -> &str {
        self.on_disk.as_deref().unwrap_or_default()
    }

    /// The next revision gets at least this number.
    pub fn number_from(&mut self, least: u64) {
        self.revisions.number_from(least);
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where those meet who write it.
    #[must_use]
    pub const fn meeting(&self) -> &Meeting {
        &self.meeting
    }

    /// Never stands still for another writer.
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { meeting: self.meeting.without_waiting(), ..self }
    }

    /// The copies of this profile.
    #[must_use]
    pub const fn revisions(&self) -> &Revisions {
        &self.revisions
    }

    /// No other process of ours looks and writes meanwhile.
    fn turn(&self) -> Result<OneWriter, ConfigError> {
        self.meeting.turn().map_err(|held| ConfigError::Held { path: self.shown(), held })
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

/// The last configuration that was read without error, for when the file is broken.
#[must_use]
pub fn last_good(paths: &Paths) -> Option<Config> {
    let text = Revisions::of(&paths.data_dir).last_good()?;
    read(&text, "last-good.toml").ok().map(|told| told.config)
}

/// Puts the last good text where a file lies that cannot be read. What lay there is kept beside it; returns where. `None`: the
/// file can be read by now, and nothing was written.
///
/// # Errors
/// [`ConfigError::Held`], [`ConfigError::Unwritable`], [`ConfigError::Malformed`] where the last good text is none any more: nothing
/// is lost then. There may be no last good text.
pub fn put_back_last_good(paths: &Paths) -> Result<Option<PathBuf>, ConfigError> {
    let path = &paths.config_file;
    let shown = || path.display().to_string();
    let unwritable = |reason| ConfigError::Unwritable { path: shown(), reason };
    let meeting = Meeting::beside(path.clone(), paths.data_dir.join("config.lock")).without_waiting();
    let _turn = meeting.turn().map_err(|held| ConfigError::Held { path: shown(), held })?;
    // Somebody may have mended it since it was looked at.
    if text_of(path).is_ok_and(|text| read(text.as_deref().unwrap_or_default(), &name_of(path)).is_ok()) {
        return Ok(None);
    }
    let missing = || io::Error::new(io::ErrorKind::NotFound, "no configuration that could be read was ever kept");
    let good = Revisions::of(&paths.data_dir).last_good().ok_or_else(missing).map_err(unwritable)?;
    read(&good, "last-good.toml")?;
    let broken = fs::read(path).map_err(unwritable)?;
    let kept = beside(path, &broken).map_err(unwritable)?;
    atomic::write(&kept, &broken).map_err(unwritable)?;
    atomic::write_linked(path, good.as_bytes()).map_err(unwritable)?;
    Ok(Some(kept))
}

/// A name beside a file under which nothing else lies than these bytes, if anything.
fn beside(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let mut number = 1_u32;
    loop {
        let place =
            path.with_extension(if number == 1 { "broken.toml".to_owned() } else { format!("broken-{number}.toml") });
        match fs::read(&place) {
            Ok(there) if there != bytes => number += 1,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => return Ok(place),
        }
    }
}

/// Findings for a terminal: `config.toml:12: warning: …`, one a line; empty if there is nothing to say.
#[must_use]
pub fn report(findings: &[Finding], path: &Path) -> String {
    let place = |finding: &Finding| finding.line.map(|line| format!("{line}:")).unwrap_or_default();
    let lines = findings.iter().map(|finding| format!("{}:{} {finding}\n", path.display(), place(finding)));
    lines.collect::<Vec<_>>().concat()
}

/// Whether a part is out of service: what `tidegate check` answers with.
#[must_use]
pub fn has_errors(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Error)
}

fn text_of(path: &Path) -> Result<Option<String>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let reason = io::Error::new(error.kind(), "it is not UTF-8 text");
            Err(ConfigError::Unreadable { path: path.display().to_string(), reason })
        }
        Err(reason) => Err(ConfigError::Unreadable { path: path.display().to_string(), reason }),
    }
}

fn document(text: &str, path: &Path) -> Result<DocumentMut, ReadError> {
    let broken = |_| ReadError { file: name_of(path), line: 1, column: 1, sentence: "this is not TOML.".to_owned() };
    text.parse().map_err(broken)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
#[path = "config_file_tests.rs"]
pub(in crate::store) mod tests;
