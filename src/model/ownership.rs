//! Whose stored state is, and where that owner was when it was kept.
//!
//! Invariant: fingerprints only; 0 says that nothing is known, and nothing is held against what is not known.
//! Absent on purpose: addresses and credentials. Whoever makes fingerprints of them has them.

use super::id::AccountId;

/// As many are remembered at once, by the brain and over a restart.
pub const AT_MOST: usize = 65_536;

/// One thing that an account keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// What it is.
    pub key: u64,
    /// Who keeps it.
    pub account: AccountId,
    /// The account's address when it was kept; 0: not known.
    pub address: u64,
    /// Of what is sealed for one credential: which; 0: not known, or it is bound to the address alone.
    pub seal: u64,
}

/// Where an account is now, and by which credential it is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Its address, with organization and project; 0: not known.
    pub address: u64,
    /// The credential that is sent; 0: none yet, or one that is another every hour.
    pub credential: u64,
    /// Credentials that open what is sealed there, the one in use first; empty where the address alone decides.
    pub seals: Vec<u64>,
}

impl Place {
    /// Address and credential together; 0: the credential is not known.
    #[must_use]
    pub const fn mark(&self) -> u64 {
        if self.credential == 0 { 0 } else { self.address.rotate_left(17) ^ self.credential }
    }

    /// Whether what was kept at this address, sealed like this, can be read from here.
    #[must_use]
    pub fn reads(&self, address: u64, seal: u64) -> bool {
        let is_there = address == 0 || self.address == 0 || address == self.address;
        is_there && (seal == 0 || self.seals.is_empty() || self.seals.contains(&seal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_held_against_nobody() {
        let place = Place { address: 1, credential: 2, seals: vec![2, 3] };
        assert!(place.reads(1, 2) && place.reads(1, 3) && place.reads(0, 0) && place.reads(1, 0));
        assert!(!place.reads(9, 0) && !place.reads(1, 9));
        assert!(Place::default().reads(9, 9), "nobody said where it is");
        assert!(Place { seals: Vec::new(), ..place }.reads(1, 9), "a resource opens whatever was sealed there");
    }
}
