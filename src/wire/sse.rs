//! Server-sent events out of chunks cut anywhere.
//!
//! Invariant: how the bytes are cut into chunks changes nothing in the events; memory stays below about 4 MiB, since of an
//! event above 1 MiB the gist alone is kept. An event that lies within one chunk is lent, not copied.
//! Absent on purpose: the meaning of events (`stream`), `id` and `retry` fields.

use super::gist::Gist;

/// The longest event that is read as it is, in bytes of its lines.
const LONGEST: usize = 1 << 20;
/// No line of a long event but its data is longer.
const FIELD: usize = 256;

/// One event, lent for the length of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field, if it was sent and is UTF-8.
    pub event: Option<&'a str>,
    /// The `data` lines, joined by line feeds; of a long event their gist, as of JSON.
    pub data: &'a [u8],
}

/// Finds events in a stream of bytes.
#[derive(Debug)]
pub struct Splitter {
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    /// Fields of the event at hand, as far as they came in earlier chunks.
    held: Held,
    /// Bytes of the lines of the event at hand.
    size: usize,
    /// The event at hand, if it is a long one.
    long: Option<Box<Long>>,
    /// The last chunk ended in CR; an LF that comes next belongs to it.
    after_cr: bool,
    /// No line was read yet: a byte order mark may come.
    at_start: bool,
    longest: usize,
}

/// An event of which the gist is kept.
#[derive(Debug, Default)]
struct Long {
    gist: Gist,
    /// The start of the line at hand, until it is known which field it is.
    start: Vec<u8>,
    within: Within,
}

/// Where a long event stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    /// At the start of a line.
    #[default]
    Start,
    /// In a line of data.
    Data,
    /// In a line that is not read.
    Other,
}

#[derive(Debug, Default)]
struct Held {
    event: Vec<u8>,
    has_event: bool,
    data: Vec<u8>,
    has_data: bool,
}

/// A line's field and its value.
fn parsed(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
        Some((name, [_, b' ', value @ ..] | [_, value @ ..])) => (name, value),
        _ => (line, &b""[..]),
    }
}

/// Fields of the event at hand that lie in the chunk at hand.
#[derive(Default)]
struct Lent<'c> {
    event: Option<&'c [u8]>,
    data: Option<&'c [u8]>,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Splitter {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_longest(LONGEST)
    }

    fn with_longest(longest: usize) -> Self {
        Self { line: Vec::new(), held: Held::default(), size: 0, long: None, after_cr: false, at_start: true, longest }
    }

    /// Takes the next bytes and calls `each` for every event that ends in them.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(Event<'_>)) {
        let mut lent = Lent::default();
        let mut rest = chunk;
        if std::mem::take(&mut self.after_cr) {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = chunk.is_empty();
        }
        while let Some((line, after)) = self.cut(rest) {
            self.line(line, &mut lent, &mut each);
            rest = after;
        }
        self.hold(&lent);
        self.keep(rest);
    }

    /// The stream is over: an event whose blank line never came is given all the same, since some services leave it out.
    pub fn finish(&mut self, mut each: impl FnMut(Event<'_>)) {
        self.feed(b"\n\n", &mut each);
    }

    /// Splits off the first whole line and its end.
    fn cut<'c>(&mut self, bytes: &'c [u8]) -> Option<(&'c [u8], &'c [u8])> {
        let end = memchr::memchr2(b'\n', b'\r', bytes)?;
        let (line, tail) = bytes.split_at_checked(end)?;
        let after = match tail {
            [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
            [] => tail,
        };
        self.after_cr = tail == b"\r";
        Some((line, after))
    }

    /// One line whose end was found; `tail` is what of it lies in this chunk.
    fn line<'c>(&mut self, tail: &'c [u8], lent: &mut Lent<'c>, each: &mut impl FnMut(Event<'_>)) {
        let begins = self.line.is_empty()
            && self.long.as_ref().is_none_or(|long| long.within == Within::Start && long.start.is_empty());
        if begins && tail.is_empty() {
            self.at_start = false;
            return self.end(lent, each);
        }
        self.size = self.size.saturating_add(self.line.len()).saturating_add(tail.len());
        if self.long.is_some() || self.size > self.longest {
            self.hold(&std::mem::take(lent));
            self.read_long(tail);
            return self.end_long_line();
        }
        if begins {
            let line = self.without_mark(tail);
            return self.field(line, lent);
        }
        let mut whole = std::mem::take(&mut self.line);
        whole.extend_from_slice(tail);
        let mut fields = Lent::default();
        let line = self.without_mark(&whole);
        // What this chunk lent so far comes before this line only if it is empty: a kept line opens a chunk.
        self.field(line, &mut fields);
        self.hold(&fields);
        whole.clear();
        self.line = whole;
    }

    fn without_mark<'c>(&mut self, line: &'c [u8]) -> &'c [u8] {
        if std::mem::take(&mut self.at_start) { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
    }

    /// A part of a line of a long event; what was kept of the event before is read first.
    fn read_long(&mut self, part: &[u8]) {
        let begun = std::mem::take(&mut self.line);
        let Some(long) = &mut self.long else {
            let mut long = Box::<Long>::default();
            long.gist.read(&std::mem::take(&mut self.held.data));
            self.long = Some(long);
            self.read_long(&begun);
            return self.read_long(part);
        };
        match long.within {
            Within::Start => {
                let room = FIELD.saturating_sub(long.start.len()).min(part.len());
                let (start, rest) = part.split_at(room);
                long.start.extend_from_slice(start);
                if long.start.len() == FIELD {
                    let start = std::mem::take(&mut long.start);
                    let is_data = self.long_field(&start);
                    if let Some(long) = &mut self.long {
                        long.within = if is_data { Within::Data } else { Within::Other };
                    }
                    self.read_long(rest);
                }
            }
            Within::Data => long.gist.read(part),
            Within::Other => {}
        }
    }

    fn end_long_line(&mut self) {
        let Some(long) = &mut self.long else { return };
        if std::mem::take(&mut long.within) == Within::Start {
            let start = std::mem::take(&mut long.start);
            self.long_field(&start);
        }
    }

    /// A line of a long event, or as much of its start as tells which field it is; whether it is data.
    fn long_field(&mut self, start: &[u8]) -> bool {
        let line = self.without_mark(start);
        let Some(long) = &mut self.long else { return false };
        match parsed(line) {
            (b"data", value) => {
                if std::mem::replace(&mut self.held.has_data, true) {
                    long.gist.read(b"\n");
                }
                long.gist.read(value);
                return true;
            }
            (b"event", value) if start.len() < FIELD => self.hold(&Lent { event: Some(value), data: None }),
            _ => {}
        }
        false
    }

    fn field<'c>(&mut self, line: &'c [u8], lent: &mut Lent<'c>) {
        match parsed(line) {
            (b"data", value) if self.held.has_data || lent.data.is_some() => {
                self.hold_data(lent.data.take());
                self.held.data.push(b'\n');
                self.held.data.extend_from_slice(value);
            }
            (b"data", value) => lent.data = Some(value),
            (b"event", value) => lent.event = Some(value),
            _ => {}
        }
    }

    /// The blank line: gives the event and starts the next one.
    fn end(&mut self, lent: &mut Lent<'_>, each: &mut impl FnMut(Event<'_>)) {
        let (event, data) = (lent.event.take(), lent.data.take());
        let long = self.long.take();
        let gist = long.as_ref().map(|long| long.gist.end());
        if (data.is_some() || self.held.has_data) && gist.is_none_or(|gist| !gist.is_empty()) {
            let event = event.or_else(|| self.held.has_event.then_some(&*self.held.event));
            let event = event.and_then(|name| std::str::from_utf8(name).ok());
            each(Event { event, data: gist.or(data).unwrap_or(&self.held.data) });
        }
        self.held.event.clear();
        self.held.data.clear();
        (self.held.has_event, self.held.has_data) = (false, false);
        self.size = 0;
    }

    /// Keeps the start of a line for the next chunk.
    fn keep(&mut self, start: &[u8]) {
        if start.is_empty() {
            return;
        }
        let size = self.size.saturating_add(self.line.len()).saturating_add(start.len());
        if self.long.is_some() || size > self.longest {
            self.read_long(start);
        } else {
            self.line.extend_from_slice(start);
        }
    }

    /// Copies what the chunk lent, since it goes away.
    fn hold(&mut self, lent: &Lent<'_>) {
        if let Some(event) = lent.event {
            self.held.event.clear();
            self.held.event.extend_from_slice(event);
            self.held.has_event = true;
        }
        self.hold_data(lent.data);
    }

    fn hold_data(&mut self, data: Option<&[u8]>) {
        if let Some(data) = data {
            self.held.data.extend_from_slice(data);
            self.held.has_data = true;
        }
    }
}

#[cfg(test)]
#[path = "sse_tests.rs"]
mod tests;
