//! The tokens of local callers: made here, told once, and kept as hashes in a file of their own.
//!
//! Invariant: a token's text leaves this file once, to the person; the disk has its hash, a caller's name and two moments.
//! Absent on purpose: the configuration. What is revoked must not come back with an older revision, a draft or an undo.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::model::id::CallerId;
use crate::model::secret::Secret;
use crate::model::token::{BYTES, PREFIX, Salt, Tag};
use crate::store::atomic;
use crate::store::one_writer::{Held, Meeting, OneWriter};

/// The file's name, in the data folder.
pub const NAME: &str = "caller-tokens.json";
/// How long the token before works on after a new one was made, in milliseconds.
pub const GRACE_MS: u64 = 10 * 60 * 1_000;

/// Why tokens cannot be read or kept. Holds no token and no hash.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file is not ours or was damaged.
    #[error(
        "{path} cannot be read as a list of tokens. Nobody is let in by a token made here, and nothing was overwritten. Move the file away and make new tokens."
    )]
    Broken {
        /// Where.
        path: String,
    },
    /// The disk says no.
    #[error(
        "{path} cannot be used: {reason}. Tokens are as they were. Check the folder's permissions and free space, then try again."
    )]
    Disk {
        /// Where.
        path: String,
        /// As the system says it.
        reason: io::Error,
    },
    /// Another process is changing them and does not end.
    #[error(
        "{path} cannot be changed: {held}. Tokens are as they were. See whether another `tidegate` hangs, then try again."
    )]
    Held {
        /// Where.
        path: String,
        /// As the lock says it.
        held: Held,
    },
    /// No randomness.
    #[error("The system gives no randomness, so no token was made. Tokens made before work. Try again.")]
    NoChance,
}

/// One token, as far as it is kept.
#[derive(Clone)]
pub struct Kept {
    /// Whose.
    pub caller: CallerId,
    /// Its hash.
    pub tag: Tag,
    /// When it was made, in Unix milliseconds.
    pub made_wall_ms: u64,
    /// When it ends, since a newer one was made; `None`: it is the newest.
    pub until_wall_ms: Option<u64>,
}

/// All tokens, as the file has them.
#[derive(Clone, Default)]
pub struct Tokens {
    salt: Option<Salt>,
    list: Vec<Kept>,
}

impl Tokens {
    /// What the hashes depend on; `None` if no token was ever made.
    #[must_use]
    pub const fn salt(&self) -> Option<&Salt> {
        self.salt.as_ref()
    }

    /// Every token that works at this moment.
    pub fn valid(&self, now_wall_ms: u64) -> impl Iterator<Item = &Kept> {
        self.list.iter().filter(move |kept| kept.until_wall_ms.is_none_or(|until| now_wall_ms < until))
    }
}

#[derive(Serialize, Deserialize)]
struct Written {
    salt: String,
    tokens: Vec<WrittenToken>,
}

#[derive(Clone, Serialize, Deserialize)]
struct WrittenToken {
    caller: CallerId,
    hash: String,
    made: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

/// One state of the file. Each change replaces the file, so that two within a tick of the disk's clock differ as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: SystemTime,
    length: u64,
    file: u64,
}

#[cfg(unix)]
fn number_of(about: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(about)
}

#[cfg(not(unix))]
const fn number_of(_about: &fs::Metadata) -> u64 {
    0
}

/// The file of one profile. Several processes may change it; each waits for its turn.
#[derive(Clone)]
pub struct TokenFile {
    path: PathBuf,
    meeting: Meeting,
}

impl TokenFile {
    /// In this data folder. Nothing is read or made yet.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        let path = data_dir.join(NAME);
        Self { meeting: Meeting::at(path.with_extension("lock")), path }
    }

    /// Never stands still for another writer.
    #[must_use]
    pub fn without_waiting(self) -> Self {
        Self { meeting: self.meeting.without_waiting(), ..self }
    }

    /// Where those meet who write it.
    #[must_use]
    pub const fn meeting(&self) -> &Meeting {
        &self.meeting
    }

    /// Tells one state of the file from another without reading it. `None`: there is no file.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let about = fs::metadata(&self.path).ok()?;
        Some(Stamp { modified: about.modified().ok()?, length: about.len(), file: number_of(&about) })
    }

    /// All tokens; none if there is no file.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn read(&self) -> Result<Tokens, TokenError> {
        let Some(written) = self.written()? else { return Ok(Tokens::default()) };
        let salt = from_hex(&written.salt).ok_or_else(|| self.broken())?;
        let kept = |token: WrittenToken| {
            Some(Kept {
                caller: token.caller,
                tag: Tag::kept(from_hex(&token.hash)?),
                made_wall_ms: token.made,
                until_wall_ms: token.until,
            })
        };
        let list = written.tokens.into_iter().map(kept).collect::<Option<Vec<_>>>().ok_or_else(|| self.broken())?;
        Ok(Tokens { salt: Some(Salt::new(&salt)), list })
    }

    /// Makes a token for a caller. The one before works for ten more minutes.
    ///
    /// # Errors
    /// [`TokenError`]; what worked before works.
    pub fn make(&self, caller: &CallerId, now_wall_ms: u64) -> Result<Secret, TokenError> {
        let _turn = self.turn()?;
        let mut written = match self.written()? {
            Some(written) => written,
            None => Written { salt: chance()?.to_string(), tokens: Vec::new() },
        };
        let salt: [u8; BYTES] = from_hex(&written.salt).ok_or_else(|| self.broken())?;
        let token = Zeroizing::new(format!("{PREFIX}{}", *chance()?));
        let grace = now_wall_ms.saturating_add(GRACE_MS);
        for earlier in written.tokens.iter_mut().filter(|earlier| earlier.caller == *caller) {
            earlier.until = Some(earlier.until.map_or(grace, |until| until.min(grace)));
        }
        written.tokens.retain(|token| token.until.is_none_or(|until| now_wall_ms < until));
        let hash = hex(Salt::new(&salt).tag(token.as_bytes()).bytes());
        written.tokens.push(WrittenToken { caller: caller.clone(), hash, made: now_wall_ms, until: None });
        self.write(&written)?;
        Ok(Secret::new(token.to_string()))
    }

    /// Ends every token of callers that this does not hold for. Returns how many ended. It is asked while nobody else can change
    /// the file.
    ///
    /// # Errors
    /// [`TokenError`]; they may still work.
    pub fn keep_only(&self, stays: impl Fn(&CallerId) -> bool) -> Result<usize, TokenError> {
        if self.stamp().is_none() {
            return Ok(0);
        }
        let _turn = self.turn()?;
        let Some(mut written) = self.written()? else { return Ok(0) };
        let before = written.tokens.len();
        written.tokens.retain(|token| stays(&token.caller));
        let ended = before - written.tokens.len();
        if ended > 0 {
            self.write(&written)?;
        }
        Ok(ended)
    }

    /// Gives a caller's tokens to another name.
    ///
    /// # Errors
    /// [`TokenError`]; they are the old name's.
    pub fn rename(&self, from: &CallerId, to: &CallerId) -> Result<(), TokenError> {
        let _turn = self.turn()?;
        let Some(mut written) = self.written()? else { return Ok(()) };
        for token in written.tokens.iter_mut().filter(|token| token.caller == *from) {
            token.caller = to.clone();
        }
        self.write(&written)
    }

    /// Nobody else reads, changes and writes meanwhile.
    fn turn(&self) -> Result<OneWriter, TokenError> {
        let held = |held| TokenError::Held { path: self.path.display().to_string(), held };
        self.meeting.turn().map_err(held)
    }

    fn written(&self) -> Result<Option<Written>, TokenError> {
        match fs::read(&self.path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|_| self.broken()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(self.disk(reason)),
        }
    }

    fn write(&self, written: &Written) -> Result<(), TokenError> {
        let text = serde_json::to_vec_pretty(written).map_err(|error| self.disk(error.into()))?;
        atomic::write(&self.path, &text).map_err(|reason| self.disk(reason))
    }

    fn broken(&self) -> TokenError {
        TokenError::Broken { path: self.path.display().to_string() }
    }

    fn disk(&self, reason: io::Error) -> TokenError {
        TokenError::Disk { path: self.path.display().to_string(), reason }
    }
}

/// 256 random bits, as 64 hex digits.
///
/// # Errors
/// [`TokenError::NoChance`]
pub fn chance() -> Result<Zeroizing<String>, TokenError> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| TokenError::NoChance)?;
    Ok(Zeroizing::new(hex(&*bytes)))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != 2 * BYTES || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::token::is_ours;

    fn opens(file: &TokenFile, token: &Secret, now: u64) -> Option<String> {
        let tokens = file.read().unwrap();
        let tag = tokens.salt()?.tag(token.expose().as_bytes());
        tokens.valid(now).find(|kept| kept.tag.is(&tag)).map(|kept| kept.caller.to_string())
    }

    #[test]
    fn a_token_is_known_again_and_is_nowhere_on_disk() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::of(home.path());
        assert!(file.read().unwrap().salt().is_none());
        let token = file.make(&"ci".into(), 5).unwrap();
        assert!(is_ours(token.expose().as_bytes()));
        assert_eq!(opens(&file, &token, 6).as_deref(), Some("ci"));
        let written = fs::read_to_string(home.path().join(NAME)).unwrap();
        assert!(!written.contains(token.expose()) && !written.contains(&token.expose()[4..]));
        let other = TokenFile::of(tempfile::tempdir().unwrap().path()).make(&"ci".into(), 5).unwrap();
        assert_eq!(opens(&file, &other, 6), None);
    }

    #[test]
    fn the_token_before_works_for_ten_more_minutes_and_no_longer() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::of(home.path());
        let first = file.make(&"ci".into(), 1_000).unwrap();
        let second = file.make(&"ci".into(), 2_000).unwrap();
        let end = 2_000 + GRACE_MS;
        assert!(opens(&file, &first, end - 1).is_some() && opens(&file, &first, end).is_none());
        assert!(opens(&file, &second, end).is_some());
        let third = file.make(&"ci".into(), 3_000).unwrap();
        assert!(opens(&file, &first, end - 1).is_some(), "its end is not put off");
        assert!(opens(&file, &first, end).is_none() && opens(&file, &third, end).is_some());
    }

    #[test]
    fn revoked_tokens_are_gone_and_renamed_ones_are_the_new_names() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::of(home.path());
        let (one, two) = (file.make(&"one".into(), 1).unwrap(), file.make(&"two".into(), 1).unwrap());
        assert_eq!(file.keep_only(|caller| caller.as_str() != "one").unwrap(), 1);
        assert_eq!((opens(&file, &one, 2), opens(&file, &two, 2).as_deref()), (None, Some("two")));
        file.rename(&"two".into(), &"batch".into()).unwrap();
        assert_eq!(opens(&file, &two, 2).as_deref(), Some("batch"));
    }

    #[test]
    fn of_many_who_change_the_file_at_once_none_loses_what_another_wrote() {
        let home = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..12).map(|number| format!("caller {number}")).collect();
        let tokens: Vec<Secret> = std::thread::scope(|scope| {
            let make = |name: &String| TokenFile::of(home.path()).make(&name.as_str().into(), 1).unwrap();
            let makers: Vec<_> = names.iter().map(|name| scope.spawn(move || make(name))).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        let file = TokenFile::of(home.path());
        let opened: Vec<_> = tokens.iter().map(|token| opens(&file, token, 2)).collect();
        assert_eq!(opened, names.into_iter().map(Some).collect::<Vec<_>>());
    }

    #[test]
    fn a_damaged_file_lets_nobody_in_and_is_not_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::of(home.path());
        for text in ["{", r#"{"salt":"00","tokens":[]}"#] {
            fs::write(home.path().join(NAME), text).unwrap();
            assert!(file.read().is_err() && file.make(&"ci".into(), 1).is_err(), "{text}");
            assert_eq!(fs::read_to_string(home.path().join(NAME)).unwrap(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        TokenFile::of(home.path()).make(&"ci".into(), 1).unwrap();
        let mode = fs::metadata(home.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
