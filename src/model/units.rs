//! Time and amounts, as integers, and what amounts count.
//!
//! Invariant: arithmetic saturates; no operation here panics or wraps.
//! Absent on purpose: a way to read a clock. Only `engine/clock.rs` does that.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since the process started. The brain's only notion of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The start of the process.
    pub const ZERO: Self = Self(0);
    /// Later than anything that happens.
    pub const MAX: Self = Self(u64::MAX);

    /// This many whole seconds after the start.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// This many milliseconds after the start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The time that lies `span` later, or [`Timestamp::MAX`].
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// The time that lies `span` earlier, or the start.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// A duration in whole microseconds, saturating.
#[must_use]
pub fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// One minute, the window of most limits.
pub const MINUTE: Duration = Duration::from_mins(1);
/// The window of limits per day.
pub const DAY: Duration = Duration::from_hours(24);

/// The largest amount that can be typed: beyond what any service allows, and far below where arithmetic saturates.
pub const LARGEST_AMOUNT: u64 = 1_000_000_000_000;

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAmount {
    /// It is no number.
    NotANumber,
    /// A part of one is left over: `1.5`.
    NotWhole,
    /// It is above [`LARGEST_AMOUNT`].
    TooLarge,
}

/// A number as people write it: `240000`, `240,000`, `240_000`, `240k`, `0.24M`. `None` if it is none of these.
#[must_use]
pub fn parse_amount(text: &str) -> Option<u64> {
    read_amount(text).ok()
}

/// The same, and if it is none, why not.
///
/// # Errors
/// If the text is no amount.
pub fn read_amount(text: &str) -> Result<u64, NoAmount> {
    let text: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ' | '\u{a0}' | '\u{202f}' | '\'')).collect();
    let scaled = |letters: [char; 2], scale: u64| text.strip_suffix(letters).map(|digits| (digits, scale));
    let (digits, scale) =
        scaled(['k', 'K'], 1_000).or_else(|| scaled(['m', 'M'], 1_000_000)).unwrap_or((text.as_str(), 1));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(NoAmount::NotANumber);
    }
    // Digits alone: what cannot be read has too many.
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| NoAmount::TooLarge)? };
    let mut value = whole.checked_mul(scale).filter(|value| *value <= LARGEST_AMOUNT).ok_or(NoAmount::TooLarge)?;
    let mut place = scale;
    for digit in fraction.bytes() {
        let digit = u64::from(digit - b'0');
        place /= 10;
        if place == 0 && digit != 0 {
            return Err(NoAmount::NotWhole);
        }
        value = value.saturating_add(digit * place);
    }
    if value > LARGEST_AMOUNT { Err(NoAmount::TooLarge) } else { Ok(value) }
}

thread_local! {
    static SEPARATOR: Cell<Option<char>> = const { Cell::new(Some(',')) };
}

/// Has [`Grouped`] part thousands so on this thread, that of the window; `None`: not at all. Logs, answers and files are written
/// on other threads, with commas.
pub fn part_thousands_by(separator: Option<char>) {
    SEPARATOR.set(separator);
}

/// An amount with thousands separators: `Grouped(240000)` shows `240,000`, unless [`part_thousands_by`] said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(pub u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let Some(separator) = SEPARATOR.get() else { return f.pad(&digits) };
        let mut out = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                out.push(separator);
            }
            out.push(digit);
        }
        f.pad(&out)
    }
}

/// A text of another thread, with its commas between thousands as [`Grouped`] parts them on this one.
#[must_use]
pub fn regrouped(text: &str) -> String {
    let separator = SEPARATOR.get();
    let is_digit =
        |place: Option<usize>| place.and_then(|place| text.as_bytes().get(place)).is_some_and(u8::is_ascii_digit);
    let parts_thousands = |place: usize| {
        let three = (1..=3).all(|after| is_digit(Some(place + after)));
        is_digit(place.checked_sub(1)) && three && !is_digit(Some(place + 4))
    };
    let mut out = String::with_capacity(text.len());
    for (place, letter) in text.char_indices() {
        if letter == ',' && parts_thousands(place) { out.extend(separator) } else { out.push(letter) }
    }
    out
}

/// A short amount for narrow places: `Short(88_100)` shows `88.1k`.
#[derive(Clone, Copy, Debug)]
pub struct Short(pub u64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, suffix) = match self.0 {
            0..=9_999 => return f.pad(&self.0.to_string()),
            10_000..=999_999 => (1_000, 'k'),
            _ => (1_000_000, 'M'),
        };
        let (whole, tenth) = (self.0 / scale, self.0 % scale * 10 / scale);
        if tenth == 0 { f.pad(&format!("{whole}{suffix}")) } else { f.pad(&format!("{whole}.{tenth}{suffix}")) }
    }
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tokens per minute.
    Tokens,
    /// Requests per minute.
    Requests,
    /// Prompt tokens per minute.
    Input,
    /// Output tokens per minute.
    Output,
    /// Tokens per day.
    DayTokens,
    /// Requests per day.
    DayRequests,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, value) in
            [("240000", 240_000), ("240,000", 240_000), ("240k", 240_000), ("0.24M", 240_000), ("1.5k", 1_500)]
        {
            assert_eq!(parse_amount(text), Some(value), "{text}");
        }
        for text in ["", "k", "-1", "1.5", "1e3", "12x", "0.00001k", "99999999999999999999"] {
            assert_eq!(parse_amount(text), None, "{text}");
        }
        let wrong = ["abc", "1.5", "0.00001k", "99999999999999999999", "1000000000001", "1000000.000001M"];
        let why = wrong.map(|text| read_amount(text).unwrap_err());
        let (whole, large) = (NoAmount::NotWhole, NoAmount::TooLarge);
        assert_eq!(why, [NoAmount::NotANumber, whole, whole, large, large, large]);
        assert_eq!(read_amount("1,000,000M"), Ok(LARGEST_AMOUNT));
    }

    #[test]
    fn thousands_are_parted_as_the_person_likes_and_read_again_so() {
        for (separator, shown) in [(Some('\u{a0}'), "240\u{a0}000"), (Some('\''), "240'000"), (None, "240000")] {
            part_thousands_by(separator);
            assert_eq!(Grouped(240_000).to_string(), shown);
            assert_eq!(parse_amount(shown), Some(240_000));
            let said = regrouped("\"a\", 240,000 of 1,240,000; 1,2 and 12,3456 stay");
            let million = Grouped(1_240_000);
            assert_eq!(said, format!("\"a\", {shown} of {million}; 1,2 and 12,3456 stay"));
        }
    }

    #[test]
    fn amounts_are_shown_with_separators_and_short() {
        assert_eq!(Grouped(1_240_000).to_string(), "1,240,000");
        assert_eq!(Grouped(999).to_string(), "999");
        assert_eq!(Short(88_100).to_string(), "88.1k");
        assert_eq!(Short(2_000_000).to_string(), "2M");
    }

    #[test]
    fn time_saturates_at_both_ends() {
        assert_eq!(Timestamp::MAX.after(MINUTE), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.before(MINUTE), Timestamp::ZERO);
        assert_eq!(Timestamp::ZERO.since(Timestamp::from_secs(1)), Duration::ZERO);
    }
}
