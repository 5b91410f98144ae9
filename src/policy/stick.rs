//! Where conversations and callers were answered last.
//!
//! Invariant: at most [`MOST`] are remembered; the one heard of longest ago is forgotten first.
//! Absent on purpose: state that binds. Whoever cannot go home goes elsewhere and is at home there.

use std::collections::BTreeMap;

use crate::model::config::Spread;
use crate::model::profile::RequestProfile;

/// How many are remembered.
const MOST: usize = 16_384;

/// What is at home somewhere: a conversation's or a caller's fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guest {
    Conversation(u64),
    Caller(u64),
}

impl Guest {
    /// Who a group that spreads like this would send home; `None`: nobody.
    pub(super) fn of(spread: Spread, profile: &RequestProfile) -> Option<Self> {
        match spread {
            Spread::Conversation => profile.affinity.conversation.map(Self::Conversation),
            Spread::Caller => profile.caller.as_ref().map(|caller| Self::Caller(fingerprint(caller.as_str()))),
            _ => None,
        }
    }
}

/// Guest → endpoint slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Homes {
    home: BTreeMap<Guest, (usize, u64)>,
    /// When each was heard of, by a running number.
    heard: BTreeMap<u64, Guest>,
    next: u64,
}

impl Homes {
    /// Where it was answered last.
    pub(super) fn of(&self, guest: Guest) -> Option<usize> {
        self.home.get(&guest).map(|(slot, _)| *slot)
    }

    /// It was answered there.
    pub(super) fn note(&mut self, guest: Guest, slot: usize) {
        self.next = self.next.saturating_add(1);
        if let Some((_, before)) = self.home.insert(guest, (slot, self.next)) {
            self.heard.remove(&before);
        }
        self.heard.insert(self.next, guest);
        if self.heard.len() > MOST
            && let Some((_, oldest)) = self.heard.pop_first()
        {
            self.home.remove(&oldest);
        }
    }
}

/// FNV-1a: the same text, the same number, in every run.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_home_counts_and_kinds_do_not_mix() {
        let mut homes = Homes::default();
        homes.note(Guest::Conversation(1), 4);
        homes.note(Guest::Conversation(1), 5);
        homes.note(Guest::Caller(1), 6);
        assert_eq!(homes.of(Guest::Conversation(1)), Some(5));
        assert_eq!(homes.of(Guest::Caller(1)), Some(6));
        assert_eq!(homes.of(Guest::Caller(2)), None);
    }

    #[test]
    fn what_was_not_heard_of_longest_is_forgotten_first() {
        let mut homes = Homes::default();
        for number in 0..MOST as u64 {
            homes.note(Guest::Conversation(number), 0);
        }
        homes.note(Guest::Conversation(0), 1);
        homes.note(Guest::Caller(0), 2);
        assert_eq!((homes.home.len(), homes.heard.len()), (MOST, MOST));
        assert_eq!(homes.of(Guest::Conversation(0)), Some(1), "heard of lately");
        assert_eq!(homes.of(Guest::Conversation(1)), None);
    }
}
