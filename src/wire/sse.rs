//! Server-sent events out of chunks cut anywhere.
//!
//! Invariant: how the bytes are cut into chunks changes nothing in the events; memory stays below about 1 MiB, since an
//! event above that is passed over. An event that lies within one chunk is lent, not copied.
//! Absent on purpose: the meaning of events (`stream`), `id` and `retry` fields.

/// The longest event that is read, in bytes of its lines.
const LONGEST: usize = 1 << 20;

/// One event, lent for the length of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The `event` field, if it was sent and is UTF-8.
    pub event: Option<&'a str>,
    /// The `data` lines, joined by line feeds.
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
    /// Whether the event at hand is read at all.
    passing: Passing,
    /// The last chunk ended in CR; an LF that comes next belongs to it.
    after_cr: bool,
    /// No line was read yet: a byte order mark may come.
    at_start: bool,
    longest: usize,
}

/// Whether the event at hand is too long and passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passing {
    /// It is read.
    Not,
    /// It is passed over, at the start of a line: an empty one ends it.
    AtLineStart,
    /// It is passed over, within a line that began in an earlier chunk.
    WithinLine,
}

#[derive(Debug, Default)]
struct Held {
    event: Vec<u8>,
    has_event: bool,
    data: Vec<u8>,
    has_data: bool,
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
        Self {
            line: Vec::new(),
            held: Held::default(),
            size: 0,
            passing: Passing::Not,
            after_cr: false,
            at_start: true,
            longest,
        }
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
        self.keep(rest);
        self.hold(&lent);
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
        if self.line.is_empty() {
            let empty = tail.is_empty() && self.passing != Passing::WithinLine;
            if self.passing == Passing::WithinLine {
                self.passing = Passing::AtLineStart;
            }
            let line = self.without_mark(tail);
            self.count(tail.len());
            return if empty { self.end(lent, each) } else { self.field(line, lent) };
        }
        self.count(self.line.len().saturating_add(tail.len()));
        let mut whole = std::mem::take(&mut self.line);
        if self.passing == Passing::Not {
            whole.extend_from_slice(tail);
            let mut fields = Lent::default();
            let line = self.without_mark(&whole);
            // What this chunk lent so far comes before this line only if it is empty: a kept line opens a chunk.
            self.field(line, &mut fields);
            self.hold(&fields);
        }
        whole.clear();
        self.line = whole;
    }

    fn without_mark<'c>(&mut self, line: &'c [u8]) -> &'c [u8] {
        if std::mem::take(&mut self.at_start) { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
    }

    fn count(&mut self, bytes: usize) {
        self.size = self.size.saturating_add(bytes);
        if self.size > self.longest {
            self.pass_over();
        }
    }

    fn pass_over(&mut self) {
        self.passing = Passing::AtLineStart;
        self.line = Vec::new();
        self.held = Held::default();
    }

    fn field<'c>(&mut self, line: &'c [u8], lent: &mut Lent<'c>) {
        if self.passing != Passing::Not {
            return;
        }
        let (name, value) = match memchr::memchr(b':', line).and_then(|colon| line.split_at_checked(colon)) {
            Some((name, [_, b' ', value @ ..] | [_, value @ ..])) => (name, value),
            _ => (line, &b""[..]),
        };
        match name {
            b"data" if self.held.has_data || lent.data.is_some() => {
                self.hold_data(lent.data.take());
                self.held.data.push(b'\n');
                self.held.data.extend_from_slice(value);
            }
            b"data" => lent.data = Some(value),
            b"event" => lent.event = Some(value),
            _ => {}
        }
    }

    /// The blank line: gives the event and starts the next one.
    fn end(&mut self, lent: &mut Lent<'_>, each: &mut impl FnMut(Event<'_>)) {
        let (event, data) = (lent.event.take(), lent.data.take());
        if self.passing == Passing::Not && (data.is_some() || self.held.has_data) {
            let event = event.or_else(|| self.held.has_event.then_some(&*self.held.event));
            let event = event.and_then(|name| std::str::from_utf8(name).ok());
            each(Event { event, data: data.unwrap_or(&self.held.data) });
        }
        self.held.event.clear();
        self.held.data.clear();
        (self.held.has_event, self.held.has_data) = (false, false);
        (self.size, self.passing) = (0, Passing::Not);
    }

    /// Keeps the start of a line for the next chunk.
    fn keep(&mut self, start: &[u8]) {
        if start.is_empty() {
            return;
        }
        let size = self.size.saturating_add(self.line.len()).saturating_add(start.len());
        if self.passing != Passing::Not || size > self.longest {
            self.pass_over();
            self.passing = Passing::WithinLine;
        } else {
            self.line.extend_from_slice(start);
        }
    }

    /// Copies what the chunk lent, since it goes away.
    fn hold(&mut self, lent: &Lent<'_>) {
        if self.passing != Passing::Not {
            return;
        }
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
