//! The named profiles of this computer, each a folder beside the usual configuration.
//!
//! Invariant: a name is a folder's name on every system, and shows as it was typed; a name that differs from another in its
//! letters' case alone is taken.
//! Absent on purpose: removing one. It holds a configuration and its history, and whoever means it can delete the folder.

use std::io;

use thiserror::Error;

use super::atomic;
use super::paths::Paths;

/// The longest name, in characters.
pub const LONGEST: usize = 40;

/// Why a profile cannot be added.
#[derive(Debug, Error)]
pub enum NameError {
    /// No name for a folder.
    #[error("\"{0}\" cannot be a profile's name. Take letters, digits, spaces, - and _, at most {LONGEST}.")]
    Unusable(String),
    /// It is there already, or means something else.
    #[error("There is a profile {0} already.")]
    Taken(String),
    /// A configuration was named on the command line.
    #[error("Profiles cannot be added beside a file that was named with --config.")]
    NoRoom,
    /// The folder cannot be made.
    #[error("The folder of the profile cannot be made: {0}.")]
    Folder(#[from] io::Error),
}

/// Whether a profile can be called that.
#[must_use]
pub fn is_usable(name: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let begins = name.chars().next().is_some_and(char::is_alphanumeric);
    begins && name.trim() == name && name.chars().count() <= LONGEST && name.chars().all(plain)
}

/// Every profile, the usual one of `home` first, then the named ones in order.
#[must_use]
pub fn names(home: &Paths) -> Vec<String> {
    let folders = home.profiles.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    let mut named: Vec<String> =
        folders.filter(is_folder).filter_map(|entry| entry.file_name().into_string().ok()).collect();
    named.retain(|name| is_usable(name) && !is_taken(std::slice::from_ref(&home.profile_name), name));
    named.sort_by_key(|name| name.to_lowercase());
    named.insert(0, home.profile_name.clone());
    named
}

/// Adds a profile beside the usual one of `home`.
///
/// # Errors
/// The name cannot be had, or the folder cannot be made.
pub fn add(home: &Paths, name: &str) -> Result<(), NameError> {
    let folder = home.profiles.as_ref().ok_or(NameError::NoRoom)?;
    if !is_usable(name) {
        return Err(NameError::Unusable(name.to_owned()));
    }
    if is_taken(&names(home), name) {
        return Err(NameError::Taken(name.to_owned()));
    }
    Ok(atomic::make_folder(&folder.join(name))?)
}

/// The demo's name is one that no profile can have.
fn is_taken(known: &[String], name: &str) -> bool {
    let same = |other: &str| other.to_lowercase() == name.to_lowercase();
    same("Demo") || known.iter().any(|known| same(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_profile_is_listed_after_the_usual_one_and_no_name_is_had_twice() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::inside(home.path());
        let usual = paths.profile_name.clone();
        assert_eq!(names(&paths), [usual.as_str()]);
        add(&paths, "Work").unwrap();
        add(&paths, "at home").unwrap();
        assert_eq!(names(&paths), [usual.as_str(), "at home", "Work"]);
        for taken in ["work", "Work", "demo", &usual] {
            assert!(matches!(add(&paths, taken), Err(NameError::Taken(_) | NameError::Unusable(_))), "{taken}");
        }
        assert!(matches!(add(&paths, "WORK"), Err(NameError::Taken(_))));
    }

    #[test]
    fn what_leads_elsewhere_or_hides_is_no_name() {
        for name in ["", " ", "..", "../x", "a/b", "a\\b", ".hidden", "-flag", "a ", "nul\0", "a:b", &"x".repeat(41)] {
            assert!(!is_usable(name), "{name:?}");
        }
        assert!(is_usable("Work") && is_usable("Büro 2") && is_usable(&"x".repeat(40)));
    }
}
