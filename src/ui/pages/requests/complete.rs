//! What could be typed next in the filter: fields, and values that were seen.
//!
//! Invariant: a suggestion replaces the piece at the end of the text and nothing before it.
//! Absent on purpose: guesses; a value that no request and no configuration names is not offered.

use std::collections::BTreeSet;

use crate::contract::Snapshot;
use crate::model::record::RequestRecord;
use crate::ui::words;

/// As many are offered.
const OFFERED: usize = 6;
/// So many of the newest requests are asked for values.
const ASKED: usize = 400;

/// Fields with an example of what follows.
const FIELDS: [(&str, &str); 22] = [
    ("status", ">=400"),
    ("got", ">=400"),
    ("endpoint", ":"),
    ("model", ":"),
    ("client", ":"),
    ("caller", ":"),
    ("why", ":"),
    ("end", ":"),
    ("priority", ":"),
    ("op", ":"),
    ("id", ":"),
    ("ttft", ">2s"),
    ("total", ">10s"),
    ("waited", ">1s"),
    ("tokens", ">1000"),
    ("in", ">1000"),
    ("out", ">1000"),
    ("attempts", ">1"),
    ("group", ">1"),
    ("at", ":14:03"),
    ("since", ":10m"),
    ("is", ":marked"),
];

/// Something that could be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// As offered.
    pub label: String,
    /// The whole text with it.
    pub text: String,
}

/// What could follow `text`, whose end is being typed.
#[must_use]
pub fn suggestions(text: &str, snapshot: &Snapshot) -> Vec<Suggestion> {
    let begin = text.rfind(char::is_whitespace).map_or(0, |place| place.saturating_add(1));
    let (before, piece) = text.split_at_checked(begin).unwrap_or(("", text));
    let (minus, piece) = piece.strip_prefix('-').map_or(("", piece), |rest| ("-", rest));
    let offer =
        |whole: String| Suggestion { text: format!("{before}{minus}{whole}"), label: format!("{minus}{whole}") };
    let piece = piece.to_lowercase();
    match piece.split_once(':') {
        Some((field, typed)) => {
            let values = values(field, snapshot);
            let fitting = values.into_iter().filter(|value| {
                let folded = value.to_lowercase();
                folded.contains(typed.trim_matches('"')) && folded != typed
            });
            fitting.take(OFFERED).map(|value| offer(format!("{field}:{}", quoted(&value)))).collect()
        }
        None if piece.is_empty() => Vec::new(),
        None => {
            let fields = FIELDS.iter().filter(|(field, _)| field.starts_with(&piece));
            fields.take(OFFERED).map(|(field, example)| offer(format!("{field}{example}"))).collect()
        }
    }
}

fn quoted(value: &str) -> String {
    if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.to_owned() }
}

fn values(field: &str, snapshot: &Snapshot) -> BTreeSet<String> {
    let config = &snapshot.applied.config;
    let seen = |of: fn(&RequestRecord) -> Option<String>| {
        snapshot.records.iter().rev().take(ASKED).filter_map(move |record| of(record))
    };
    match field {
        "endpoint" => config.endpoints.iter().map(|endpoint| endpoint.id.to_string()).collect(),
        "model" | "route" => {
            let routes = config.routes.iter().map(|route| route.model.to_string()).filter(|model| model != "*");
            routes.chain(seen(|record| Some(record.profile.model.to_string()))).collect()
        }
        "client" => {
            seen(|record| Some(record.profile.client.to_string())).filter(|client| !client.is_empty()).collect()
        }
        "caller" => {
            let known = config.callers.iter().map(|caller| caller.id.to_string());
            known.chain(seen(|record| record.profile.caller.as_ref().map(ToString::to_string))).collect()
        }
        "end" => seen(|record| Some(words::record_end(record.end).to_owned())).collect(),
        "op" => seen(|record| Some(record.profile.operation.path().to_owned())).collect(),
        "status" => {
            seen(|record| Some(record.status.to_string())).chain(["4xx".to_owned(), "5xx".to_owned()]).collect()
        }
        "priority" => ["interactive", "normal", "bulk"].map(str::to_owned).into(),
        "why" => {
            ["throttled", "not enough", "soft cap", "refused by us", "held", "R-01", "R-03"].map(str::to_owned).into()
        }
        "since" => ["1m", "10m", "1h", "1d"].map(str::to_owned).into(),
        "is" => ["failed", "marked", "stream"].map(str::to_owned).into(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn labels(text: &str) -> Vec<String> {
        suggestions(text, &fixture::snapshot()).into_iter().map(|one| one.label).collect()
    }

    #[test]
    fn fields_are_offered_while_a_name_is_typed_and_values_after_its_sign() {
        assert_eq!(labels("status>=400 e"), ["endpoint:", "end:"]);
        assert_eq!(labels("endpoint:west"), ["endpoint:sim-westus"]);
        assert_eq!(labels("client:"), ["client:aider"]);
        assert!(labels("").is_empty() && labels("endpoint:sim-westus").is_empty(), "nothing is left to say");
    }

    #[test]
    fn a_suggestion_replaces_the_last_piece_alone_and_keeps_its_minus() {
        let offered = suggestions("429 -endpoint:swe", &fixture::snapshot());
        assert_eq!(offered[0].text, "429 -endpoint:sim-sweden");
    }
}
