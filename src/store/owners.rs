//! Which account holds which stored state, over a restart: a file of lines, each a fingerprint and an account's name, and between
//! them, behind full stops, the account's address then and the credential it is sealed for, if those are known.
//!
//! Invariant: lines are only added, so that a process killed at any moment loses at most its last ones; a line that cannot
//! be read is passed over. Of a file that has grown long the oldest lines are dropped.
//! Absent on purpose: ids and texts. Who reads the file learns how much an account stores, not what.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::atomic;
use crate::model::id::AccountId;
use crate::model::ownership::{AT_MOST, Ownership};

/// Its name in the data folder.
const NAME: &str = "owners";
/// Lines after which the file is written anew.
const LONG: usize = 3 * AT_MOST;

/// A line.
pub type Owned = Ownership;

/// The file.
#[derive(Debug)]
pub struct OwnersFile {
    path: PathBuf,
    lines: usize,
}

impl OwnersFile {
    /// Reads what is remembered, the oldest first. A file that is not there or cannot be read is an empty memory.
    #[must_use]
    pub fn load(data_dir: &Path) -> (Self, Vec<Owned>) {
        let path = data_dir.join(NAME);
        let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines = text.lines().count();
        let whole = text.is_empty() || text.ends_with('\n');
        // What would glue to a line that was cut off must not be lost with it: then the next append writes anew.
        (Self { path, lines: if whole { lines } else { LONG } }, remembered(&text))
    }

    /// Adds what was learned.
    ///
    /// # Errors
    /// As the file system says.
    pub fn append(&mut self, learned: &[Owned]) -> io::Result<()> {
        if self.lines.saturating_add(learned.len()) > LONG {
            return self.rewrite(learned);
        }
        if let Some(folder) = self.path.parent() {
            atomic::make_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        atomic::refuse_link(&self.path)?;
        let mut file = options.open(&self.path)?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(written(learned).as_bytes()) {
            // The next line would be glued to half a one; if that cannot be taken back, the file is written anew.
            self.lines = if file.set_len(before).is_ok() { self.lines } else { LONG };
            return Err(error);
        }
        self.lines = self.lines.saturating_add(learned.len());
        Ok(())
    }

    fn rewrite(&mut self, learned: &[Owned]) -> io::Result<()> {
        let (_, mut all) = Self::load(self.path.parent().unwrap_or(Path::new("")));
        all.extend_from_slice(learned);
        let all = latest(all);
        atomic::write(&self.path, written(&all).as_bytes())?;
        self.lines = all.len();
        Ok(())
    }
}

fn remembered(text: &str) -> Vec<Owned> {
    latest(text.split_inclusive('\n').filter_map(|line| read(line.strip_suffix('\n')?)).collect())
}

/// `KEY[.ADDRESS[.SEAL]] ACCOUNT`, numbers in sixteen hex digits. Older files have the first alone.
fn read(line: &str) -> Option<Owned> {
    let (numbers, account) = line.split_once(' ').filter(|(_, account)| !account.is_empty())?;
    let mut numbers = numbers.split('.').map(|digits| {
        let number = u64::from_str_radix(digits, 16).ok();
        number.filter(|_| digits.len() == 16)
    });
    let key = numbers.next()??;
    let (address, seal) = (numbers.next().unwrap_or(Some(0))?, numbers.next().unwrap_or(Some(0))?);
    Some(Ownership { key, account: AccountId::from(account), address, seal })
}

/// Each fingerprint once, where it stands last; of too many the youngest.
fn latest(all: Vec<Owned>) -> Vec<Owned> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Owned> = all.into_iter().rev().filter(|one| seen.insert(one.key)).take(AT_MOST).collect();
    kept.reverse();
    kept
}

fn written(all: &[Owned]) -> String {
    let mut text = String::with_capacity(all.len().saturating_mul(48));
    // A name with a line break in it would be read as two lines.
    for Ownership { key, account, address, seal } in
        all.iter().filter(|one| !one.account.as_str().contains(['\n', '\r']))
    {
        // Writing to a string cannot fail.
        let _ = match (address, seal) {
            (0, 0) => writeln!(text, "{key:016x} {account}"),
            (address, 0) => writeln!(text, "{key:016x}.{address:016x} {account}"),
            (address, seal) => writeln!(text, "{key:016x}.{address:016x}.{seal:016x} {account}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(key: u64, account: &str) -> Owned {
        Ownership { key, account: AccountId::from(account), address: 0, seal: 0 }
    }

    #[test]
    fn where_an_account_was_is_kept_and_older_lines_are_read() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(NAME), "0000000000000005 old one\n").unwrap();
        let (mut file, _) = OwnersFile::load(home.path());
        let placed = [
            Ownership { address: 7, ..owned(6, "east") },
            Ownership { address: 7, seal: u64::MAX, ..owned(8, "my account") },
        ];
        file.append(&placed).unwrap();
        let (_, after) = OwnersFile::load(home.path());
        assert_eq!(after, [owned(5, "old one"), placed[0].clone(), placed[1].clone()]);
    }

    #[test]
    fn what_was_added_is_read_in_order_and_the_last_word_counts() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let (mut file, before) = OwnersFile::load(&data);
        assert!(before.is_empty());
        file.append(&[owned(1, "east"), owned(2, "my account")]).unwrap();
        file.append(&[owned(1, "west"), owned(u64::MAX, "east"), owned(9, "two\nlines")]).unwrap();
        let (_, after) = OwnersFile::load(&data);
        assert_eq!(after, [owned(2, "my account"), owned(1, "west"), owned(u64::MAX, "east")]);
    }

    #[test]
    fn a_line_cut_off_by_a_kill_costs_itself_alone() {
        let home = tempfile::tempdir().unwrap();
        let (mut file, _) = OwnersFile::load(home.path());
        file.append(&[owned(1, "east"), owned(2, "east")]).unwrap();
        let path = home.path().join(NAME);
        let mut text = fs::read_to_string(&path).unwrap();
        text.truncate(text.len() - 3);
        fs::write(&path, &text).unwrap();
        let (mut file, after) = OwnersFile::load(home.path());
        assert_eq!(after, [owned(1, "east")]);
        file.append(&[owned(3, "west")]).unwrap();
        assert_eq!(OwnersFile::load(home.path()).1, [owned(1, "east"), owned(3, "west")]);
    }

    #[test]
    fn what_is_no_line_of_ours_is_passed_over() {
        let text = "zz east\n0000000000000009.7 east\n0000000000000001\n1 east\n\u{fffd}\n0000000000000002 \n0000000000000003 e\n";
        assert_eq!(remembered(text), [owned(3, "e")]);
    }

    #[test]
    fn the_file_stays_bounded_however_much_is_added() {
        let home = tempfile::tempdir().unwrap();
        let (mut file, _) = OwnersFile::load(home.path());
        let mut next = 0_u64;
        for _ in 0..12 {
            let batch: Vec<Owned> = (next..next + 30_000).map(|key| owned(key, "east")).collect();
            next += 30_000;
            file.append(&batch).unwrap();
            assert!(fs::metadata(home.path().join(NAME)).unwrap().len() < 22 * (LONG as u64 + 1));
        }
        let (_, after) = OwnersFile::load(home.path());
        assert_eq!((after.len(), after.last().cloned()), (AT_MOST, Some(owned(next - 1, "east"))));
    }
}
