//! A key in memory: zeroed when dropped, impossible to print, compare by accident or serialise.
//!
//! Invariant: the text leaves only through [`Secret::expose`], whose callers are the upstream request and the keyring.
//! Absent on purpose: `Debug`, `Display`, `Serialize`, `PartialEq`.

use zeroize::Zeroizing;

/// A provider key or local token.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a key as the person or the keyring gave it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A key as pasted: without quotes, `export NAME=`, `Bearer ` and surrounding white space. `None` if nothing is left
    /// or if what is left could not stand in a header.
    #[must_use]
    pub fn from_pasted(text: &str) -> Option<Self> {
        let mut key = text.trim();
        if let Some(rest) = key.strip_prefix("export ") {
            key = rest.trim_start();
        }
        if let Some((name, rest)) = key.split_once('=')
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        {
            key = rest;
        }
        key = key.trim().trim_matches(['"', '\'']);
        if key.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
            key = key.get(7..)?.trim();
        }
        let fits = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self::new(key.to_owned()))
    }

    /// The text itself. Do not store, log, format or compare it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_key_is_stripped_of_what_shells_and_pages_add() {
        for pasted in [
            "sk-abc",
            " sk-abc\n",
            "\"sk-abc\"",
            "export OPENAI_API_KEY='sk-abc'",
            "Bearer sk-abc",
            "OPENAI_API_KEY=sk-abc",
        ] {
            assert_eq!(
                Secret::from_pasted(pasted).map(|s| s.expose().to_owned()).as_deref(),
                Some("sk-abc"),
                "{pasted:?}"
            );
        }
        for pasted in ["", "  ", "\"\"", "sk abc", "sk-\u{e9}"] {
            assert!(Secret::from_pasted(pasted).is_none(), "{pasted:?}");
        }
    }
}
