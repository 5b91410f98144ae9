//! A local token as it is kept and compared: a keyed hash, from which nobody can work the token out.
//!
//! Invariant: tokens meet only as hashes, which are compared in constant time whatever their texts were.
//! Absent on purpose: a slow hash. Passwords need one because people choose them; these tokens are 256 random bits, of which
//! no machine tries out a noticeable part, and every request is checked.

use ring::hmac;
use subtle::ConstantTimeEq as _;

/// How our own tokens begin, so that one that is no longer known is told from any other text.
pub const PREFIX: &str = "tdg_";
/// Random bytes of a token; twice as many hex digits follow the prefix.
pub const BYTES: usize = 32;

/// What a hash depends on besides the token. Random, made once and kept beside the hashes.
#[derive(Clone)]
pub struct Salt(hmac::Key);

/// A token's hash.
#[derive(Clone, Copy)]
pub struct Tag([u8; BYTES]);

impl Salt {
    /// From these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The hash of a text that may be a token.
    #[must_use]
    pub fn tag(&self, text: &[u8]) -> Tag {
        let mut tag = [0; BYTES];
        for (to, from) in tag.iter_mut().zip(hmac::sign(&self.0, text).as_ref()) {
            *to = *from;
        }
        Tag(tag)
    }
}

impl Tag {
    /// A hash that was kept.
    #[must_use]
    pub const fn kept(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// To be kept.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Whether both are of the same token, in constant time.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Whether a text has the shape of our own tokens. Not a secret question: it looks at the beginning and the length alone.
#[must_use]
pub fn is_ours(text: &[u8]) -> bool {
    text.len() == PREFIX.len() + 2 * BYTES && text.starts_with(PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_token_has_the_same_hash_under_the_same_salt_only() {
        let (here, there) = (Salt::new(b"one"), Salt::new(b"two"));
        assert!(here.tag(b"tdg_a").is(&here.tag(b"tdg_a")));
        assert!(!here.tag(b"tdg_a").is(&here.tag(b"tdg_b")));
        assert!(!here.tag(b"tdg_a").is(&there.tag(b"tdg_a")));
        let kept = Tag::kept(*here.tag(b"tdg_a").bytes());
        assert!(kept.is(&here.tag(b"tdg_a")));
    }

    #[test]
    fn our_tokens_are_told_by_their_shape() {
        assert!(is_ours(format!("tdg_{}", "0a".repeat(32)).as_bytes()));
        assert!(!is_ours(b"tdg_short") && !is_ours("x".repeat(68).as_bytes()) && !is_ours(b""));
    }
}
