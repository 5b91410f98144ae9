//! What the targets share: how a string of random bytes becomes the input of a reader.
//!
//! Invariant: the same bytes give the same input, so that a kept case plays again.
//! Absent on purpose: the readers' own expectations; each target states the law it tries to break.

#![forbid(unsafe_code)]

use tidegate::model::profile::Operation;

/// The first bytes of an input say how it is played, the rest is what is read.
#[must_use]
pub fn split_off<const N: usize>(input: &[u8]) -> Option<([u8; N], &[u8])> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    Some((*head, rest))
}

/// One of the operations that are balanced.
#[must_use]
pub fn operation(choice: u8) -> Operation {
    let all = Operation::BALANCED;
    all.get(usize::from(choice) % all.len()).copied().unwrap_or(Operation::Chat)
}

/// `whole` in pieces of 1 to 64 bytes; which, `seed` says. Seed 0 leaves it in one piece.
pub fn pieces(whole: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = whole;
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wanted = if seed == 0 { rest.len() } else { 1 + (state >> 26) as usize };
        let (piece, after) = rest.split_at(wanted.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
