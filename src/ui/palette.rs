//! What the palette finds: commands, pages, endpoints, routes, accounts, pools, settings and requests, by what was typed.
//!
//! Invariant: the same text over the same snapshot finds the same, in the same order; what cannot be done is found, too, with
//! the reason.
//! Absent on purpose: drawing, and doing what was chosen; the shell does both.

mod also;
mod find;
mod items;
mod questions;

pub use also::of_setting as other_words;
pub use find::{Finder, Found, Group};
pub use items::all;

use super::actions::Action;
use super::cx::Target;
use crate::model::config::AdminState;
use crate::model::id::{AccountId, EndpointId};

/// What kind of thing an item is. In this order where nothing else tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Chosen before.
    Recent,
    /// A link that was pasted.
    Link,
    /// A command.
    Command,
    /// A page.
    Page,
    /// An endpoint.
    Endpoint,
    /// A route.
    Route,
    /// A quota pool.
    Pool,
    /// An account.
    Account,
    /// A setting.
    Setting,
    /// A word of ours.
    Word,
    /// A finished request.
    Request,
}

impl Kind {
    /// The heading of its group.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Recent => "Recent",
            Self::Link => "Link",
            Self::Command => "Commands",
            Self::Page => "Pages",
            Self::Endpoint => "Endpoints",
            Self::Route => "Routes",
            Self::Pool => "Quota pools",
            Self::Account => "Accounts",
            Self::Setting => "Settings",
            Self::Word => "What words mean",
            Self::Request => "Requests",
        }
    }
}

/// What choosing an item does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// An action of the table.
    Act(Action),
    /// Opens a place.
    Open(Target),
    /// Enables, drains or pauses an endpoint.
    Set(EndpointId, AdminState),
    /// Serves with another profile.
    Profile(String),
    /// Tests an account's key.
    Test(AccountId),
    /// Opens the field for another key of an account.
    ReplaceKey(AccountId),
    /// Says what a word means.
    Explain(&'static str),
}

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What kind of thing it is.
    pub kind: Kind,
    /// What is matched first, and shown.
    pub label: String,
    /// Said beside it, and matched too.
    pub detail: String,
    /// What else people call it, in lower case, parted by spaces.
    pub also: &'static str,
    /// Why it cannot be chosen now.
    pub obstacle: Option<String>,
    /// What it does.
    pub does: Does,
}

#[cfg(test)]
#[path = "palette_tests.rs"]
mod tests;
