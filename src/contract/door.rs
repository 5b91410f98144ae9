//! What the screen is told of the door: who may come in, who was turned away, and from where it can be reached.
//!
//! Invariant: no token and no hash of one; a token's text goes to the screen in one notice, once.
//! Absent on purpose: limits and priorities of callers; the configuration has them.

use std::sync::Arc;

use crate::model::id::CallerId;
use crate::model::secret::Secret;

/// The door as it stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorView {
    /// Address and port by which other computers reach us; `None`: only this one does.
    pub visible_as: Option<Arc<str>>,
    /// Every request needs a caller's token.
    pub asks_token: bool,
    /// What is known of the callers' tokens, by name.
    pub tokens: Vec<CallerToken>,
    /// Who was turned away.
    pub strangers: Strangers,
    /// Requests that wait because as many connections are open as there are files for.
    pub waiting: u32,
}

impl DoorView {
    /// What is known of this caller's token.
    #[must_use]
    pub fn token(&self, caller: &CallerId) -> Option<&CallerToken> {
        self.tokens.iter().find(|token| token.caller == *caller)
    }

    /// Whether any caller could come in where tokens are asked for.
    #[must_use]
    pub fn anybody_can_enter(&self) -> bool {
        self.tokens.iter().any(|token| token.made_wall_ms.is_some() || token.variable_is_set)
    }
}

/// One caller's token, as far as it can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerToken {
    /// Whose.
    pub caller: CallerId,
    /// When the newest one was made here, as Unix milliseconds; `None`: none was.
    pub made_wall_ms: Option<u64>,
    /// Until when the one before works, too.
    pub former_until_wall_ms: Option<u64>,
    /// A variable is named for it and holds one.
    pub variable_is_set: bool,
}

/// Requests without a token that they needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    /// How many, so far.
    pub requests: u64,
    /// When the last one came, as Unix milliseconds.
    pub last_wall_ms: Option<u64>,
}

/// About callers. Acts at once; what is said of their limits goes through the draft.
pub enum CallerCommand {
    /// Add a caller and make it a token.
    Add(CallerId),
    /// Make a new token for a caller; the one before works for ten more minutes.
    NewToken(CallerId),
    /// End every token of a caller.
    Revoke(CallerId),
    /// Give a caller another name; its tokens stay.
    Rename {
        /// Its name now.
        from: CallerId,
        /// Its name from now on.
        to: CallerId,
    },
}

/// A token on its way to the person. It cannot be printed.
#[derive(Clone)]
pub struct Told(pub Arc<Secret>);

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Told(..)")
    }
}
