//! From text to clauses.
//!
//! Invariant: every piece of text becomes a clause; what is half typed looks for itself as a word.
//! Absent on purpose: errors.

use std::time::Duration;

use super::{Amount, Clause, Comparison, Field, Span, Term};
use crate::model::units::parse_amount;

/// Signs, the longer ones first.
const SIGNS: [(&str, Comparison); 6] = [
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    (">", Comparison::Above),
    ("<", Comparison::Below),
    ("=", Comparison::Equal),
    (":", Comparison::Equal),
];

/// What stands between blanks that are in no quotes, as clauses.
pub(super) fn clauses(text: &str) -> Vec<Clause> {
    pieces(text).into_iter().filter_map(clause).collect()
}

fn clause(piece: &str) -> Option<Clause> {
    let (wanted, asked) = piece.strip_prefix('-').map_or((true, piece), |rest| (false, rest));
    let bare = unquoted(asked);
    if bare.trim().is_empty() {
        return None;
    }
    let term = if asked.starts_with('"') { Term::Word(bare.to_lowercase()) } else { term(asked) };
    Some(Clause { text: piece.to_owned(), wanted, term })
}

/// Pieces between blanks; quotes hold blanks together, and an open quote lasts to the end.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted) = (None, false);
    for (place, letter) in text.char_indices() {
        quoted ^= letter == '"';
        if letter.is_whitespace() && !quoted {
            pieces.extend(start.take().and_then(|from: usize| text.get(from..place)));
        } else if start.is_none() {
            start = Some(place);
        }
    }
    pieces.extend(start.and_then(|from| text.get(from..)));
    pieces
}

fn unquoted(text: &str) -> String {
    text.chars().filter(|letter| *letter != '"').collect()
}

fn term(asked: &str) -> Term {
    split(asked).and_then(|(name, sign, value)| field(&name, sign, &value)).unwrap_or_else(|| {
        let word = unquoted(asked).to_lowercase();
        match word.parse() {
            Ok(code @ 100..=599) => Term::Status(Comparison::Equal, code),
            _ => Term::Word(word),
        }
    })
}

/// Name, sign and value, in lower case and without quotes.
fn split(asked: &str) -> Option<(String, Comparison, String)> {
    let end = asked.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')?;
    let (name, rest) = (asked.get(..end)?, asked.get(end..)?);
    let (sign, comparison) = SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign))?;
    let value = unquoted(rest.get(sign.len()..)?).to_lowercase();
    Some((name.to_lowercase(), comparison, value))
}

fn field(name: &str, sign: Comparison, value: &str) -> Option<Term> {
    let text = |field| Some(Term::Text(field, value.to_owned()));
    let amount = |amount| Some(Term::Amount(amount, sign, parse_amount(value)?));
    let span = |span| Some(Term::Span(span, sign, micros(value)?));
    match name {
        "status" => status(sign, value),
        "got" => Some(Term::Got(sign, value.parse().ok()?)),
        "endpoint" => text(Field::Endpoint),
        "model" | "route" => text(Field::Model),
        "client" => text(Field::Client),
        "caller" => text(Field::Caller),
        "why" => text(Field::Why),
        "end" => text(Field::End),
        "priority" => text(Field::Priority),
        "op" => text(Field::Operation),
        "id" => text(Field::Id),
        "tokens" => amount(Amount::Tokens),
        "in" => amount(Amount::Input),
        "out" => amount(Amount::Output),
        "reserved" => amount(Amount::Reserved),
        "attempts" => amount(Amount::Attempts),
        "group" => amount(Amount::Group),
        "ttft" => span(Span::FirstToken),
        "total" => span(Span::Total),
        "waited" => span(Span::Waited),
        "at" => Some(Term::At(second_of_day(value)?)),
        "since" => Some(Term::Since(Duration::from_micros(micros(value)?))),
        "is" if value == "marked" => Some(Term::Marked),
        "is" if value == "stream" => Some(Term::Streamed),
        "is" if value == "failed" => Some(Term::Failed),
        _ => None,
    }
}

fn status(sign: Comparison, value: &str) -> Option<Term> {
    if let Some(hundred) = value.strip_suffix("xx") {
        let hundred = hundred.parse().ok().filter(|hundred| (1..=5).contains(hundred))?;
        return (sign == Comparison::Equal).then_some(Term::StatusClass(hundred));
    }
    Some(Term::Status(sign, value.parse().ok()?))
}

/// `14:03:20` or `14:03`, as a second of the day.
fn second_of_day(text: &str) -> Option<u32> {
    let parts: Vec<u32> = text.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
    match *parts {
        [hour @ 0..24, minute @ 0..60] => Some((hour * 60 + minute) * 60),
        [hour @ 0..24, minute @ 0..60, second @ 0..60] => Some((hour * 60 + minute) * 60 + second),
        _ => None,
    }
}

/// `300ms`, `2s`, `1.5s`, `10m`, `2h`, `7d`; a bare number is seconds.
fn micros(text: &str) -> Option<u64> {
    let number_ends = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(number_ends)?;
    let unit: u64 = match unit {
        "ms" => 1_000,
        "" | "s" => 1_000_000,
        "m" | "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = if whole.is_empty() && !fraction.is_empty() { 0 } else { whole.parse().ok()? };
    let mut micros = whole.checked_mul(unit)?;
    let mut place = unit;
    for digit in fraction.bytes() {
        place /= 10;
        micros = micros.checked_add(u64::from(digit.checked_sub(b'0')?).checked_mul(place)?)?;
    }
    Some(micros)
}
