//! Strings of JSON, searched sixty-four bytes at a time and without a branch for each escape.
//!
//! Invariant: what is said of a string does not depend on how it lies in blocks; every byte is looked at once.
//! Absent on purpose: what escapes of code points stand for, and whether they are right. The search stops at each of them.

use wide::u8x16;

/// A part of a string that was searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    /// Its bytes.
    pub(super) length: usize,
    /// Escapes of two bytes in it: each stands for one character.
    pub(super) escapes: usize,
    /// Bytes in it that go on a character.
    pub(super) continued: usize,
}

/// Where a search stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// At the quote that ends the string.
    Quote,
    /// At the backslash of an escape that has not two bytes, or is none.
    Escape,
    /// The text is over.
    End,
}

/// Searches the inside of a string up to the first thing that needs a look.
pub(super) fn run(bytes: &[u8]) -> (Run, Stop) {
    if let Some(length) = bytes.first_chunk().and_then(short) {
        return (Run { length, ..Run::default() }, Stop::Quote);
    }
    let (mut run, mut carry) = (Run::default(), 0);
    let (blocks, rest) = bytes.as_chunks::<64>();
    for block in blocks {
        if let Some(stop) = run.block(block, &mut carry) {
            return (run, stop);
        }
    }
    let mut last = [0; 64];
    if let Some(to) = last.get_mut(..rest.len()) {
        to.copy_from_slice(rest);
    }
    // Zeros are no escape's letter: one that is cut off stops the search before it.
    let stop = run.block(&last, &mut carry);
    (run, stop.unwrap_or(Stop::End))
}

/// The length of a string that ends within sixteen bytes and has nothing but ASCII without escapes: keys and labels.
fn short(bytes: &[u8; 16]) -> Option<usize> {
    let bytes = u8x16::new(*bytes);
    let quotes = bytes.simd_eq(u8x16::splat(b'"')).to_bitmask();
    let others = bytes.simd_eq(u8x16::splat(b'\\')).to_bitmask() | bytes.to_bitmask();
    let before = quotes.wrapping_sub(1) & !quotes;
    (quotes != 0 && others & before == 0).then(|| quotes.trailing_zeros() as usize)
}

impl Run {
    /// Adds the next block; `carry` is 1 if its first byte stands behind a backslash.
    #[inline]
    fn block(&mut self, block: &[u8; 64], carry: &mut u64) -> Option<Stop> {
        let Kinds { quotes, backslashes, continued } = Kinds::of(block);
        let escaped = escaped(backslashes, carry);
        let ends = quotes & !escaped;
        let mut inside = below(ends.trailing_zeros());
        let mut stop = (ends != 0).then_some(Stop::Quote);
        let mut letters = escaped & inside & !(quotes | backslashes);
        while letters != 0 {
            let at = letters.trailing_zeros();
            if !matches!(block.get(at as usize), Some(b'n' | b't' | b'r' | b'/' | b'b' | b'f')) {
                (inside, stop) = (below(at), Some(Stop::Escape));
                break;
            }
            letters &= letters.wrapping_sub(1);
        }
        // The backslash of an escape may be the last byte of the block before.
        self.length =
            (self.length + inside.trailing_ones() as usize).saturating_sub(usize::from(stop == Some(Stop::Escape)));
        self.escapes += (escaped & inside).count_ones() as usize;
        if continued != 0 {
            self.continued += (continued & inside).count_ones() as usize;
        }
        stop
    }
}

/// Which bytes of a block are what, the first byte's bit lowest.
struct Kinds {
    quotes: u64,
    backslashes: u64,
    continued: u64,
}

impl Kinds {
    #[inline]
    fn of(block: &[u8; 64]) -> Self {
        // Spelled out: of an array's `map` the compiler makes calls.
        let ([a, b, c, d], []) = block.as_chunks::<16>() else {
            return Self { quotes: 0, backslashes: 0, continued: 0 };
        };
        let [a, b, c, d] = [u8x16::new(*a), u8x16::new(*b), u8x16::new(*c), u8x16::new(*d)];
        let is_ascii = (a | b | c | d).to_bitmask() == 0;
        let top = u8x16::splat(0b1100_0000);
        let continued = if is_ascii { 0 } else { equal([a & top, b & top, c & top, d & top], 0b1000_0000) };
        Self { quotes: equal([a, b, c, d], b'"'), backslashes: equal([a, b, c, d], b'\\'), continued }
    }
}

/// Which bytes are this one.
#[inline]
fn equal([a, b, c, d]: [u8x16; 4], byte: u8) -> u64 {
    let wanted = u8x16::splat(byte);
    let bits = |part: u8x16| u64::from(part.simd_eq(wanted).to_bitmask());
    bits(a) | bits(b) << 16 | bits(c) << 32 | bits(d) << 48
}

/// The bytes that stand behind a backslash which is not escaped itself. Of a row of backslashes every second one is: the sum carries
/// through rows that begin at an odd place, and so tells them from those that begin at an even one.
#[inline]
const fn escaped(backslashes: u64, carry: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let open = backslashes & !*carry;
    let behind = open << 1 | *carry;
    let odd_starts = open & !EVEN & !behind;
    let (through, over) = odd_starts.overflowing_add(open);
    *carry = over as u64;
    (EVEN ^ (through << 1)) & behind
}

/// The bits below this one; all if there is none.
const fn below(bit: u32) -> u64 {
    if bit >= 64 { u64::MAX } else { (1 << bit) - 1 }
}

/// How many bytes at the beginning are no backslash.
pub(super) fn plain(bytes: &[u8; 16]) -> usize {
    u8x16::new(*bytes).simd_eq(u8x16::splat(b'\\')).to_bitmask().trailing_zeros().min(16) as usize
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
