//! Which objects a path, a query or a document names: by the keys that services use for ids, whatever the object.
//!
//! Invariant: fingerprints only, a bounded number; what cannot be read names nothing.
//! Absent on purpose: kinds of objects. New ones appear monthly, and ids differ by themselves.

use super::fingerprint;
use super::json::{Malformed, Reader};

/// As many are taken from one document.
const AT_MOST: usize = 128;
/// The longest text that is taken for an id.
const LONGEST: usize = 256;
/// What ends in `id` and names nothing that an account stores.
const NOT_STORED: [&str; 6] = ["call_id", "custom_id", "organization_id", "project_id", "request_id", "user_id"];
/// What names something without ending in `id`.
const STORED: [&str; 6] = ["conversation", "container", "file", "input_file", "training_file", "validation_file"];

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

fn is_name(key: &str) -> bool {
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

/// What a path below the root names, and what the query's `after` and `before` name.
#[must_use]
pub fn of_path(path: &str, query: Option<&str>) -> Vec<u64> {
    let mut found = Vec::new();
    let pages = query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        matches!(name, "after" | "before").then_some(value)
    });
    for text in path.split('/').filter(|segment| is_id(segment)).chain(pages) {
        keep(text, &mut found);
    }
    found
}

/// The path of the object that a path is about: up to its first id, if it has one.
#[must_use]
pub fn object(path: &str) -> Option<&str> {
    let mut end = 0_usize;
    for segment in path.split('/') {
        end = end.saturating_add(segment.len());
        if is_id(segment) {
            return path.get(..end);
        }
        end = end.saturating_add(1);
    }
    None
}

/// Whether a segment is an id and no word: ids are drawn at random, words of the API hold no digit and are short.
fn is_id(segment: &str) -> bool {
    segment.len() > 28 || segment.bytes().any(|byte| byte.is_ascii_digit())
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
        ] {
            assert_eq!(object(path), expected, "{path}");
        }
        let named = of_path("vector_stores/vs_1/files/file-1", Some("limit=2&after=file-0"));
        assert_eq!(named, ["vs_1", "file-1", "file-0"].map(of));
    }
}
