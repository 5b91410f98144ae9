//! What ties a request to where it went before, gathered while its body is scanned.
//!
//! Invariant: nothing is kept but fingerprints; the work is a look at each string and the hash of a bounded part of it,
//! and memory is taken only by a request that refers to stored state.
//! Absent on purpose: whether anybody knows the state; that is `policy`'s.

use super::fingerprint;
use crate::model::profile::Affinity;

/// As many references to stored state are kept; of more the last ones, which are the youngest.
const REFERENCES: usize = 16;
/// Bytes at the beginning of the prompt that a cache goes by. Services route by about the first 256 tokens.
const BEGINNING: usize = 1_024;
/// Characters of a prompt from which services cache its beginning: 1,024 tokens.
const CACHED_FROM: u64 = 4_096;
/// Bytes of one message that tell conversations apart.
const MESSAGE: usize = 4_096;
/// As much of one text is looked at, at most.
pub(super) const TEXT_READ: usize = if MESSAGE > BEGINNING { MESSAGE } else { BEGINNING };

/// Whose a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Role {
    System,
    User,
    #[default]
    Other,
}

/// What a label of an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// `role`
    Role,
    /// `type`
    Type,
    /// `id`
    Id,
    /// The name of a stored file or template.
    Stored,
}

/// The message or item at hand.
#[derive(Debug, Default)]
struct Item {
    /// Its text tells conversations apart.
    tells: bool,
    role: Role,
    text: u64,
    read: usize,
    id: Option<u64>,
    /// It stands for, or builds on, something stored under its id.
    is_reference: bool,
    /// It carries all of it with it, sealed; the seal is bound, its name is not.
    is_sealed: bool,
}

/// The threads gathered so far.
#[derive(Debug, Default)]
pub(super) struct Ties {
    references: Vec<u64>,
    /// References met in all.
    met: usize,
    /// Which of those that are kept are sealed, a bit for each place.
    sealed: u16,
    beginning: u64,
    begun: usize,
    item: Item,
    /// System messages and the first of the user.
    opening: u64,
    opened: bool,
    instructions: u64,
    previous: Option<u64>,
    conversation: Option<u64>,
    cache: Option<u64>,
}

impl Ties {
    /// Whether [`Self::text`] would look at a text now.
    pub(super) const fn wants_text(&self) -> bool {
        self.begun < BEGINNING || (self.item.tells && self.item.read < MESSAGE)
    }

    /// Text of the prompt, in the order of the body.
    pub(super) fn text(&mut self, text: &[u8]) {
        if self.begun < BEGINNING {
            self.beginning = take(self.beginning, &mut self.begun, text, BEGINNING);
        }
        if self.item.tells && self.item.read < MESSAGE {
            self.item.text = take(self.item.text, &mut self.item.read, text, MESSAGE);
        }
    }

    /// Something the service stored or sealed, by its id or as it is.
    pub(super) fn refer(&mut self, text: &[u8], is_sealed: bool) {
        if !text.is_empty() {
            self.item.is_sealed = true;
            self.keep(fingerprint::of(text), is_sealed);
        }
    }

    fn keep(&mut self, key: u64, is_sealed: bool) {
        if self.references.contains(&key) {
            return;
        }
        let at = self.met % REFERENCES;
        if let Some(place) = self.references.get_mut(at) {
            *place = key;
        } else {
            self.references.push(key);
        }
        let bit = 1_u16 << at;
        self.sealed = if is_sealed { self.sealed | bit } else { self.sealed & !bit };
        self.met = self.met.saturating_add(1);
    }

    /// A label of the item at hand.
    pub(super) fn label(&mut self, label: Label, text: &str) {
        match label {
            Label::Role => {
                self.item.role = match text {
                    "user" => Role::User,
                    "system" | "developer" => Role::System,
                    _ => Role::Other,
                }
            }
            Label::Type => self.item.is_reference = matches!(text, "item_reference" | "reasoning"),
            Label::Id => self.item.id = Some(fingerprint::of(text.as_bytes())),
            Label::Stored => self.refer(text.as_bytes(), false),
        }
    }

    /// A message or item begins.
    pub(super) fn begin_item(&mut self) {
        self.item = Item { tells: !self.opened, ..Item::default() };
    }

    /// The item at hand is over.
    pub(super) fn end_item(&mut self) {
        let item = std::mem::take(&mut self.item);
        if let Some(id) = item.id.filter(|_| item.is_reference && !item.is_sealed) {
            self.keep(id, false);
        }
        if !self.opened && item.role != Role::Other {
            self.opening = fingerprint::after(self.opening, &item.text.to_le_bytes());
            self.opened = item.role == Role::User;
        }
    }

    /// The prompt is one text: the user's.
    pub(super) fn only_text(&mut self, text: &[u8]) {
        self.begin_item();
        self.text(text);
        self.item.role = Role::User;
        self.end_item();
    }

    /// The instructions begin. They stand before all messages, wherever they stand in the body.
    pub(super) fn begin_instructions(&mut self) {
        self.item = Item { tells: true, ..Item::default() };
    }

    /// The instructions are over.
    pub(super) fn end_instructions(&mut self) {
        self.instructions = std::mem::take(&mut self.item).text;
    }

    /// `previous_response_id`, as JSON text.
    pub(super) fn set_previous(&mut self, json: &str) {
        self.previous = fingerprint::of_json(json);
    }

    /// `conversation`, a string or an object with an `id`, as JSON text.
    pub(super) fn set_conversation(&mut self, json: &str) {
        self.conversation = fingerprint::named(json);
    }

    /// Something stored that an object's `id` names, as JSON text.
    pub(super) fn refer_to(&mut self, json: &str) {
        if let Some(key) = fingerprint::named(json) {
            self.keep(key, false);
        }
    }

    /// A voice, as JSON text: one that was made is an object with an `id`, those of everybody are words.
    pub(super) fn speak(&mut self, json: &str) {
        if json.starts_with('{') {
            self.refer_to(json);
        }
    }

    /// `prompt_cache_key`, as JSON text.
    pub(super) fn set_cache(&mut self, json: &str) {
        self.cache = fingerprint::of_json(json);
    }

    /// What was gathered from a prompt of this many characters.
    pub(super) fn into_affinity(mut self, prompt_chars: u64) -> Affinity {
        for key in [self.previous, self.conversation].into_iter().flatten() {
            self.keep(key, false);
        }
        let is_sealed = |at: usize| self.sealed & (1_u16 << at) != 0;
        let sealed = self.references.iter().enumerate().filter(|(at, _)| is_sealed(*at)).map(|(_, key)| *key);
        let sealed = sealed.collect();
        // Of a prompt that goes on from something stored, the body has but the end: many a conversation's says "go on".
        let whole = self.previous.is_none() && self.conversation.is_none();
        let opening = || Some(fingerprint::after(self.instructions, &self.opening.to_le_bytes()));
        Affinity {
            cache: self.cache,
            conversation: self.conversation.or_else(|| opening().filter(|_| self.opened && whole)),
            prefix: Some(self.beginning).filter(|_| whole && prompt_chars >= CACHED_FROM && self.begun > 0),
            state: self.references,
            sealed,
            account: None,
        }
    }
}

/// Hashes on, up to `most` bytes in all.
fn take(before: u64, read: &mut usize, bytes: &[u8], most: usize) -> u64 {
    let part = bytes.get(..most.saturating_sub(*read)).unwrap_or(bytes);
    *read = read.saturating_add(part.len());
    fingerprint::after(before, part)
}

#[cfg(test)]
#[path = "ties_tests.rs"]
mod tests;
