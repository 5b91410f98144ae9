//! Which objects a path, a query or a document names: by the keys that services use for ids, whatever the object.
//!
//! Invariant: fingerprints only, a bounded number; what cannot be read names nothing.
//! Absent on purpose: kinds of objects. New ones appear monthly, and ids differ by themselves; in a path they are told by where they
//! stand, since one drawn from letters and digits may hold no digit.

use super::fingerprint;
use super::json::{Malformed, Reader};
use super::path::segment;

/// As many are taken from one document.
const AT_MOST: usize = 128;
/// The longest text that is taken for an id.
const LONGEST: usize = 256;
/// What ends in `id` and names nothing that an account stores.
const NOT_STORED: [&str; 6] = ["call_id", "custom_id", "organization_id", "project_id", "request_id", "user_id"];
/// What names something without ending in `id`.
const STORED: [&str; 8] = [
    "consent",
    "container",
    "conversation",
    "file",
    "fine_tuned_model",
    "input_file",
    "training_file",
    "validation_file",
];
/// First words of paths behind which an id stands at once: `files/ID`.
const COLLECTIONS: [&str; 14] = [
    "assistants",
    "batches",
    "containers",
    "content_provenance_checks",
    "conversations",
    "evals",
    "files",
    "models",
    "responses",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
];
/// First words behind which a collection stands: `fine_tuning/jobs/ID`.
const FAMILIES: [&str; 7] = ["audio", "chat", "chatkit", "fine_tuning", "images", "realtime", "video"];
/// What stands where an id might and is none: collections within collections, and what is done there.
const WORDS: [&str; 16] = [
    "calls",
    "characters",
    "client_secrets",
    "compact",
    "edits",
    "extensions",
    "graders",
    "import",
    "input_tokens",
    "jobs",
    "run",
    "runs",
    "search",
    "thumbnail",
    "validate",
    "video",
];
/// How ids begin that could pass for words.
const BEGINNINGS: [&str; 10] =
    ["asst_", "batch_", "conv_", "file-", "file_", "ft:", "resp_", "thread_", "upload_", "vs_"];

/// What a JSON document names, in its order.
#[must_use]
pub fn of_json(document: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    let Ok(text) = std::str::from_utf8(document) else { return found };
    if value(&mut Reader::new(text), false, &mut found).is_err() {
        // Half a document says nothing that could be relied on.
        found.clear();
    }
    found
}

fn value(reader: &mut Reader<'_>, names: bool, found: &mut Vec<u64>) -> Result<(), Malformed> {
    match reader.next()? {
        b'{' => reader.object(|reader, key| {
            let names = is_name(&key.decoded());
            value(reader, names, found)
        }),
        b'[' => reader.array(|reader| value(reader, names, found)),
        b'"' if names => {
            let text = reader.string()?;
            keep(&text.decoded(), found);
            Ok(())
        }
        _ => reader.skip(),
    }
}

pub(super) fn is_name(key: &str) -> bool {
    let ends = key == "id" || key.ends_with("_id") || key.ends_with("_ids");
    (ends && !NOT_STORED.contains(&key)) || STORED.contains(&key)
}

fn keep(text: &str, found: &mut Vec<u64>) {
    if text.is_empty() || text.len() > LONGEST {
        return;
    }
    let key = fingerprint::of(text.as_bytes());
    if found.len() < AT_MOST && !found.contains(&key) {
        found.push(key);
    }
}

/// What a path below the root names, and what the query's `after`, `before` and `call_id` name.
#[must_use]
pub fn of_path(path: &str, query: Option<&str>) -> Vec<u64> {
    let mut found = Vec::new();
    let named = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        matches!(name, "after" | "before" | "call_id").then_some(value)
    });
    for text in segments(path).filter(|(_, is_id)| *is_id).map(|(text, _)| text).chain(named) {
        match segment(text) {
            Some(decoded) => keep(&decoded, &mut found),
            None => keep(text, &mut found),
        }
    }
    found
}

/// What an address in an answer's head names, such as `/v1/realtime/calls/ID`: from the first word on that is known.
#[must_use]
pub fn of_address(address: &str) -> Vec<u64> {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let mut rest = path;
    loop {
        let first = rest.split('/').next().unwrap_or_default();
        if COLLECTIONS.contains(&first) || FAMILIES.contains(&first) {
            return of_path(rest, None);
        }
        match rest.split_once('/') {
            Some((_, behind)) => rest = behind,
            None => return Vec::new(),
        }
    }
}

/// The path of the object that a path is about: up to its first id, if it has one.
#[must_use]
pub fn object(path: &str) -> Option<&str> {
    let mut end = 0_usize;
    for (text, is_id) in segments(path) {
        end = end.saturating_add(text.len());
        if is_id {
            return path.get(..end);
        }
        end = end.saturating_add(1);
    }
    None
}

/// Whether a path ends with an object's id.
#[must_use]
pub fn names_one(path: &str) -> bool {
    segments(path).last().is_some_and(|(_, is_id)| is_id)
}

/// Whether a GET of the object that a path is about ([`object`]) says for sure whether an account has it. Of paths that are not
/// known here nobody knows, calls cannot be looked at, and what reads like a word may be one.
#[must_use]
pub fn is_looked_up(object: &str) -> bool {
    let mut parts = object.split('/');
    let (first, last) = (parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default());
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-');
    let reads_like_word = last.len() <= LONGEST_WORD
        && last.bytes().all(is_plain)
        && !BEGINNINGS.iter().any(|beginning| last.starts_with(beginning));
    (COLLECTIONS.contains(&first) || (FAMILIES.contains(&first) && first != "realtime")) && !reads_like_word
}

/// Words of the APIs' paths are no longer.
const LONGEST_WORD: usize = 28;

/// The segments of a path below the root, each with whether it is an id.
fn segments(path: &str) -> impl Iterator<Item = (&str, bool)> {
    let first = path.split('/').next().unwrap_or_default();
    let mut expected = match first {
        _ if COLLECTIONS.contains(&first) => Some(1),
        _ if FAMILIES.contains(&first) => Some(2),
        _ => None,
    };
    path.split('/').enumerate().map(move |(at, text)| {
        if expected != Some(at) {
            // Azure's deployments are called as their owner likes.
            let is_name = at == 0 || (at == 1 && first == "deployments");
            return (text, !is_name && looks_random(text));
        }
        // A version stands in an id's place, but many things have a first one.
        let (is_version, is_word) = (text == "latest" || is_number(text), WORDS.contains(&text));
        // Behind an id stands what it has, behind a word its ids.
        expected = Some(at.saturating_add(if is_word { 1 } else { 2 }));
        (text, !is_word && !is_version)
    })
}

/// Whether a segment of which nothing is known reads like an id: words hold no digit and are short.
fn looks_random(text: &str) -> bool {
    let is_version = text.strip_prefix('v').is_some_and(is_number);
    text.len() > LONGEST_WORD || (text.bytes().any(|byte| byte.is_ascii_digit()) && !is_number(text) && !is_version)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> u64 {
        fingerprint::of(text.as_bytes())
    }

    #[test]
    fn objects_name_themselves_and_others() {
        let batch = br#"{"id":"batch_1","input_file_id":"file-1","custom_id":"row-1","metadata":{"note":"file-9"},
            "tool_resources":{"file_search":{"vector_store_ids":["vs_1","vs_2"]}},"file":{"id":"file-2"}}"#;
        assert_eq!(of_json(batch), ["batch_1", "file-1", "vs_1", "vs_2", "file-2"].map(of));
        assert!(of_json(b"{\"id\":\"a\"").is_empty() && of_json(b"\xff").is_empty());
    }

    #[test]
    fn a_path_is_about_its_first_id() {
        for (path, expected) in [
            ("files/file-1/content", Some("files/file-1")),
            ("fine_tuning/jobs/ftjob-7/checkpoints", Some("fine_tuning/jobs/ftjob-7")),
            ("vector_stores/vs_1/files/file-1", Some("vector_stores/vs_1")),
            ("threads/runs", None),
            ("files", None),
            ("responses/compact", None),
            ("audio/voice_consents", None),
            ("realtime/translations/client_secrets", None),
            ("fine_tuning/alpha/graders/run", None),
            ("models/ft:gpt-4o:us::x", Some("models/ft:gpt-4o:us::x")),
            ("video/generations/jobs/task_x", Some("video/generations/jobs/task_x")),
            ("chat/completions/chatcmpl-x/messages", Some("chat/completions/chatcmpl-x")),
            ("realtime/calls/rtc_x/hangup", Some("realtime/calls/rtc_x")),
            ("deployments/gpt-4/extensions/chat/completions", None),
            ("next_years/v2/ideas", None),
            ("next_years/idea_7/act", Some("next_years/idea_7")),
        ] {
            assert_eq!(object(path), expected, "{path}");
        }
        let named = of_path("vector_stores/vs_1/files/file-1", Some("limit=2&after=file-0"));
        assert_eq!(named, ["vs_1", "file-1", "file-0"].map(of));
    }

    #[test]
    fn an_id_without_a_digit_is_one_by_where_it_stands() {
        let id = "file-abcdefGHIJKLMNopqrstuv";
        let path = format!("files/{id}/content");
        assert_eq!(object(&path), path.strip_suffix("/content"));
        assert_eq!(of_path(&format!("vector_stores/vs_abc/files/{id}"), None), ["vs_abc", id].map(of));
        assert_eq!(of_path("models/ft%3Agpt", None), [of("ft:gpt")], "as its service says it");
        for version in ["1", "1/content", "latest/content"] {
            let path = format!("skills/skill_a/versions/{version}");
            assert_eq!(of_path(&path, None), [of("skill_a")], "{path}: a version names nothing alone");
        }
        assert_eq!(of_path("realtime", Some("call_id=rtc_a&x=1")), [of("rtc_a")]);
    }

    #[test]
    fn an_address_in_a_head_names_what_was_made() {
        for address in ["/v1/realtime/calls/rtc_ab", "https://x.example/openai/v1/realtime/calls/rtc_ab?x=1"] {
            assert_eq!(of_address(address), [of("rtc_ab")], "{address}");
        }
        assert!(of_address("https://elsewhere.example/a/b").is_empty());
    }

    #[test]
    fn only_of_what_can_be_looked_at_not_found_is_the_last_word() {
        for (object, expected) in [
            ("files/file-abcdefGHIJKLMNopqrstuv", true),
            ("fine_tuning/jobs/ftjob-7", true),
            ("batches/reimport", false),
            ("realtime/calls/rtc_7", false),
            ("next_years/idea_7", false),
        ] {
            assert_eq!(is_looked_up(object), expected, "{object}");
        }
    }
}
