//! Names of things. An id survives every edit of what it names.
//!
//! Invariant: an id is compared and ordered by its text alone, never by what it stands for.
//! Absent on purpose: look-ups. Whoever owns a collection owns its index.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
    )+};
}

text_id! {
    /// A base address plus a credential; also the keyring entry's user.
    AccountId,
    /// What the balancer picks: an account plus a deployment or model.
    EndpointId,
    /// Capacity that several endpoints share.
    PoolId,
    /// A priority group inside one route. Absent in the file: its place, from 1, as text.
    GroupId,
    /// The local client that authenticated to us.
    CallerId,
    /// A model as clients and routes name it; `*` in a route matches any other.
    ModelName,
}

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:06x}"), self.0)
            }
        }
    )+};
}

number_id! {
    /// One client request, from accept to record. Unique within a process.
    RequestId "r-",
    /// One routing decision; sent to the client as `x-tidegate-decision`.
    DecisionId "d-",
    /// One command of the person; its notice carries the same id.
    CommandId "c-",
}
