//! JSON read in one walk, without a copy: strings are searched for their end and given as they stand.
//!
//! Invariant: only JSON is accepted, and whatever is accepted was looked at once; memory grows with nesting alone.
//! Absent on purpose: numbers as numbers, a tree, and words for what is wrong: `peek` has `serde_json` find those.

use std::borrow::Cow;

use super::scan::{self, Stop};

/// As deep as values may be nested that are read and not skipped: `serde_json`'s own bound.
const DEEPEST: u32 = 127;

/// The text is no JSON from here on, or nested too deeply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads one JSON text from its start to its end.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: u32,
    /// Somewhere is a control character, which may stand between values but not in strings.
    has_controls: bool,
}

impl<'t> Reader<'t> {
    /// At the start of a text.
    pub(super) fn new(text: &'t str) -> Self {
        let has_controls = text.bytes().fold(u8::MAX, u8::min) < b' ';
        Self { text, at: 0, depth: 0, has_controls }
    }

    /// How far it has come, in bytes.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// Whether it stopped since values are nested too deeply.
    pub(super) const fn is_too_deep(&self) -> bool {
        self.depth > DEEPEST
    }

    /// The first byte of what comes next, blanks passed over. It is not consumed.
    pub(super) fn next(&mut self) -> Result<u8, Malformed> {
        loop {
            match self.here() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(byte),
                None => return Err(Malformed),
            }
        }
    }

    /// Nothing but blanks is left.
    pub(super) fn end(&mut self) -> Result<(), Malformed> {
        if self.next().is_err() { Ok(()) } else { Err(Malformed) }
    }

    /// An object; `each` is called with every key and must consume its value.
    pub(super) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Text<'t>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.open(b'{')?;
        if self.next()? != b'}' {
            loop {
                let key = self.key()?;
                each(self, key)?;
                if self.next()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.close(b'}')
    }

    /// An array; `each` must consume one value.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Malformed>) -> Result<(), Malformed> {
        self.open(b'[')?;
        if self.next()? != b']' {
            loop {
                each(self)?;
                if self.next()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.close(b']')
    }

    /// A string.
    pub(super) fn string(&mut self) -> Result<Text<'t>, Malformed> {
        self.expect(b'"')?;
        let (start, mut spent, mut continued) = (self.at, 0, 0);
        loop {
            let (run, stop) = scan::run(self.rest());
            self.at += run.length + 1;
            spent += run.escapes;
            continued += run.continued;
            match stop {
                Stop::Quote => break,
                Stop::Escape => spent += self.escape()?,
                Stop::End => return Err(Malformed),
            }
        }
        let raw = self.text.get(start..self.at - 1).ok_or(Malformed)?;
        if self.has_controls && raw.bytes().fold(u8::MAX, u8::min) < b' ' {
            return Err(Malformed);
        }
        Ok(Text { raw, spent, continued })
    }

    /// Any value, passed over. Takes no stack, however deep it is.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        // What is open round the value at hand: an object, or else an array.
        let mut open: Vec<bool> = Vec::new();
        loop {
            match self.next()? {
                b'{' if self.is_empty(b'}')? => {}
                b'{' => {
                    self.key()?;
                    open.push(true);
                    continue;
                }
                b'[' if self.is_empty(b']')? => {}
                b'[' => {
                    open.push(false);
                    continue;
                }
                _ => self.scalar()?,
            }
            while let Some(in_object) = open.last() {
                match (self.next()?, in_object) {
                    (b',', true) => {
                        self.at += 1;
                        self.key()?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(Malformed),
                }
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    /// Any value as it stands.
    pub(super) fn raw(&mut self) -> Result<&'t str, Malformed> {
        self.next()?;
        let start = self.at;
        self.skip()?;
        self.text.get(start..self.at).ok_or(Malformed)
    }

    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.next()? != byte {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    fn open(&mut self, byte: u8) -> Result<(), Malformed> {
        self.expect(byte)?;
        self.depth += 1;
        if self.is_too_deep() { Err(Malformed) } else { Ok(()) }
    }

    fn close(&mut self, byte: u8) -> Result<(), Malformed> {
        self.depth -= 1;
        self.expect(byte)
    }

    fn key(&mut self) -> Result<Text<'t>, Malformed> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Consumes an opening bracket; if the closing one follows at once, that too.
    fn is_empty(&mut self, close: u8) -> Result<bool, Malformed> {
        self.at += 1;
        let is_empty = self.next()? == close;
        self.at += usize::from(is_empty);
        Ok(is_empty)
    }

    fn scalar(&mut self) -> Result<(), Malformed> {
        match self.here() {
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| self.rest().starts_with(word));
                self.at += word.ok_or(Malformed)?.len();
                Ok(())
            }
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        self.at += usize::from(self.here() == Some(b'-'));
        let leads_with_zero = self.here() == Some(b'0');
        if self.digits()? > 1 && leads_with_zero {
            return Err(Malformed);
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.here(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<usize, Malformed> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(count) } else { Err(Malformed) }
    }

    /// What follows a backslash; by how many characters it is longer than what it stands for.
    fn escape(&mut self) -> Result<usize, Malformed> {
        match self.here().ok_or(Malformed)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(1)
            }
            b'u' => {
                let (_, length) = unit(self.rest()).ok_or(Malformed)?;
                self.at += length;
                Ok(length)
            }
            _ => Err(Malformed),
        }
    }
}

/// The character of an escape from its `u` on, and its length; the halves of one beyond 16 bits count as one. A half
/// alone is passed on for the service to judge; read here it is a replacement character.
fn unit(escape: &[u8]) -> Option<(char, usize)> {
    let four = |at: usize| {
        let digits = escape.get(at..at + 4)?;
        let value = |sum: u32, digit: &u8| Some(sum << 4 | char::from(*digit).to_digit(16)?);
        digits.iter().try_fold(0, value)
    };
    let first = four(1)?;
    let second = if matches!(first, 0xd800..0xdc00) && escape.get(5..7) == Some(b"\\u") { four(7) } else { None };
    match second {
        Some(second @ 0xdc00..0xe000) => {
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Some((char::from_u32(code)?, 11))
        }
        _ => Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 5)),
    }
}

/// A string as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'t> {
    raw: &'t str,
    /// By how many characters its escapes make it longer.
    spent: usize,
    /// Bytes that go on a character.
    continued: usize,
}

impl<'t> Text<'t> {
    /// Characters in it.
    pub(super) fn chars(&self) -> u64 {
        let chars = self.raw.len().saturating_sub(self.continued).saturating_sub(self.spent);
        u64::try_from(chars).unwrap_or(u64::MAX)
    }

    /// What it says.
    #[inline]
    pub(super) fn decoded(&self) -> Cow<'t, str> {
        if self.spent == 0 {
            return Cow::Borrowed(self.raw);
        }
        Cow::Owned(String::from_utf8_lossy(&self.beginning(usize::MAX)).into_owned())
    }

    /// The bytes of what it says, or of the beginning of it: at least so many.
    pub(super) fn beginning(&self, most: usize) -> Cow<'t, [u8]> {
        let mut rest = self.raw.as_bytes();
        if self.spent == 0 {
            return Cow::Borrowed(rest);
        }
        let mut said = Vec::with_capacity(rest.len().min(most).saturating_add(PIECE));
        while said.len() < most
            && let Some(piece) = rest.first_chunk::<PIECE>()
        {
            // Copied whole and cut is quicker than measured first.
            let plain = scan::plain(piece);
            said.extend_from_slice(piece);
            said.truncate(said.len() - PIECE + plain);
            rest = rest.get(plain..).unwrap_or_default();
            if plain < PIECE {
                rest = unescape(rest, &mut said);
            }
        }
        while said.len() < most
            && let Some((first, after)) = rest.split_first()
        {
            rest = if *first == b'\\' {
                unescape(rest, &mut said)
            } else {
                said.push(*first);
                after
            };
        }
        Cow::Owned(said)
    }

    /// Whether it may say `start` at its beginning. An escape there is rare enough to be looked at.
    pub(super) fn may_start_with(&self, start: &str) -> bool {
        // Nearly every text differs in its first byte already.
        self.raw.as_bytes().first().is_some_and(|first| *first == b'\\' || start.as_bytes().first() == Some(first))
            && (self.raw.starts_with(start) || self.raw.starts_with("\\u"))
    }
}

/// As many bytes of a string are decoded at once.
const PIECE: usize = 16;

/// Adds the character of an escape that was read before; what comes after it.
fn unescape<'e>(escape: &'e [u8], said: &mut Vec<u8>) -> &'e [u8] {
    let letter = escape.get(1).copied().unwrap_or(b'\\');
    let length = if letter == b'u' {
        let inside = escape.get(1..).unwrap_or_default();
        let (character, length) = unit(inside).unwrap_or((char::REPLACEMENT_CHARACTER, 1));
        said.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        length + 1
    } else {
        said.push(match letter {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            other => other,
        });
        2
    };
    escape.get(length..).unwrap_or_default()
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
