//! Fingerprints of ids and texts: 64 bits that say whether two of them are the same, and nothing else.
//!
//! Invariant: keyless and fixed (XXH64), so that what was learned in one run is known in the next.
//! Absent on purpose: secrecy. Keys are fingerprinted elsewhere, with a secret.

use super::object;

const P1: u64 = 0x9e37_79b1_85eb_ca87;
const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const P3: u64 = 0x1656_67b1_9e37_79f9;
const P4: u64 = 0x85eb_ca77_c2b2_ae63;
const P5: u64 = 0x27d4_eb2f_1656_67c5;

/// The fingerprint of one text.
#[must_use]
pub(super) fn of(text: &[u8]) -> u64 {
    after(0, text)
}

/// The fingerprint of a text that follows another one, whose fingerprint is given.
#[must_use]
pub(super) fn after(before: u64, text: &[u8]) -> u64 {
    let (stripes, rest) = text.as_chunks::<32>();
    let start = if stripes.is_empty() { before.wrapping_add(P5) } else { striped(before, stripes) };
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    finish(tail(start.wrapping_add(length), rest))
}

/// The fingerprint of a string in JSON; `None` if it is empty or no string.
pub(super) fn of_json(json: &str) -> Option<u64> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        let decoded: String = serde_json::from_str(json).ok()?;
        return Some(of(decoded.as_bytes())).filter(|_| !decoded.is_empty());
    }
    (!inside.is_empty()).then(|| of(inside.as_bytes()))
}

/// The same, of a string or of an object's `id`: services write references either way.
pub(super) fn named(json: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        id: Option<&'a serde_json::value::RawValue>,
    }
    of_json(json).or_else(|| of_json(object::fields::<Named<'_>>(json.as_bytes())?.id?.get()))
}

fn striped(seed: u64, stripes: &[[u8; 32]]) -> u64 {
    let mut lanes = [seed.wrapping_add(P1).wrapping_add(P2), seed.wrapping_add(P2), seed, seed.wrapping_sub(P1)];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let [a, b, c, d] = lanes;
    let sum = a.rotate_left(1).wrapping_add(b.rotate_left(7));
    let sum = sum.wrapping_add(c.rotate_left(12)).wrapping_add(d.rotate_left(18));
    lanes.into_iter().fold(sum, |sum, lane| (sum ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4))
}

const fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn tail(mut sum: u64, rest: &[u8]) -> u64 {
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        sum = (sum ^ round(0, u64::from_le_bytes(*word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half));
        sum = (sum ^ half.wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in rest {
        sum = (sum ^ u64::from(*byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    sum
}

const fn finish(sum: u64) -> u64 {
    let sum = (sum ^ (sum >> 33)).wrapping_mul(P2);
    let sum = (sum ^ (sum >> 29)).wrapping_mul(P3);
    sum ^ (sum >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_of_the_hash_are_met() {
        assert_eq!(of(b""), 0xef46_db37_51d8_e999);
        assert_eq!(of(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(of(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(of(b"Nobody inspects the spammish repetition"), 0xfbce_a83c_8a37_8bf1);
        assert_eq!(after(20_141_025, b"xxhash"), 0xb559_b98d_844e_0635);
    }

    #[test]
    fn what_stood_before_counts() {
        assert_ne!(after(of(b"a"), b"b"), after(of(b"b"), b"a"));
        assert_ne!(after(of(b"a"), b""), of(b"a"));
    }
}
