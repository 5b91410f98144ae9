//! Short marks by which two keys can be compared without showing either.
//!
//! Invariant: the same key has the same mark on this computer only; the mark says nothing about the key to whoever lacks the
//! per-install secret.
//! Absent on purpose: equality of keys by what a person sees; 32 bits are for the eye. What is decided by has 64.

use std::fs;
use std::io;
use std::path::Path;

use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::model::secret::Secret;
use crate::store::atomic;

const FILE: &str = "fingerprint.secret";
const BYTES: usize = 32;

/// Makes fingerprints with this installation's secret.
pub struct Fingerprints {
    key: hmac::Key,
}

impl Fingerprints {
    /// With the secret in `data_dir`, which is made at the first start, readable by its owner only.
    ///
    /// # Errors
    /// The file cannot be read or written, or the system gives no randomness. [`Self::for_this_run`] still works.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(FILE);
        match fs::read(&path).map(Zeroizing::new) {
            Ok(secret) if secret.len() == BYTES => return Ok(Self::with(&secret)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // A damaged one is made anew: marks change, nothing else does.
            _ => {}
        }
        let secret = random()?;
        atomic::write(&path, &*secret)?;
        Ok(Self::with(&*secret))
    }

    /// With a secret that nobody keeps: marks are the same until we quit.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn for_this_run() -> io::Result<Self> {
        random().map(|secret| Self::with(&*secret))
    }

    fn with(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// By which another run tells whether a key is the same; never 0.
    #[must_use]
    pub fn mark(&self, secret: &Secret) -> u64 {
        let tag = hmac::sign(&self.key, secret.expose().as_bytes());
        let first = tag.as_ref().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        first.max(1)
    }

    /// 8 hex digits.
    #[must_use]
    pub fn of(&self, secret: &Secret) -> String {
        let tag = hmac::sign(&self.key, secret.expose().as_bytes());
        first_hex(tag.as_ref())
    }
}

/// The first 4 bytes as 8 hex digits.
pub(in crate::store) fn first_hex(bytes: &[u8]) -> String {
    let first = bytes.iter().take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{first:08x}")
}

fn random() -> io::Result<Zeroizing<[u8; BYTES]>> {
    let mut secret = Zeroizing::new([0; BYTES]);
    SystemRandom::new().fill(&mut *secret).map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(prints: &Fingerprints, key: &str) -> String {
        prints.of(&Secret::new(key.to_owned()))
    }

    #[test]
    fn a_key_keeps_its_mark_on_this_computer_and_has_another_elsewhere() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = mark(&Fingerprints::open(here.path()).unwrap(), "sk-one");
        assert_eq!(first, mark(&Fingerprints::open(here.path()).unwrap(), "sk-one"));
        assert_ne!(first, mark(&Fingerprints::open(elsewhere.path()).unwrap(), "sk-one"));
        assert_ne!(first, mark(&Fingerprints::open(here.path()).unwrap(), "sk-two"));
        assert!(first.len() == 8 && first.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[cfg(unix)]
    #[test]
    fn the_secret_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        Fingerprints::open(home.path()).unwrap();
        let mode = fs::metadata(home.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_mark_is_the_beginning_of_a_standard_hmac() {
        // RFC 4231, test case 2.
        assert_eq!(mark(&Fingerprints::with(b"Jefe"), "what do ya want for nothing?"), "5bdcc146");
    }
}
