//! What the copy menu puts on the clipboard.
//!
//! Invariant: no key, no body of the caller: a cURL line asks the same model through Tidegate with a placeholder prompt.
//! Absent on purpose: a cURL line that goes to the service directly; it would need the key.

use crate::model::decision::Decision;
use crate::model::profile::Operation;
use crate::model::record::RequestRecord;

/// A cURL line for this operation and model, through `base_url` (which ends in `/v1`).
#[must_use]
pub fn curl(record: &RequestRecord, base_url: &str) -> String {
    let model = record.profile.model.as_str();
    let text = "Say hi";
    let mut body = match record.profile.operation {
        Operation::Chat => serde_json::json!({"model": model, "messages": [{"role": "user", "content": text}]}),
        Operation::Completions => serde_json::json!({"model": model, "prompt": text}),
        Operation::Images | Operation::ImageEdits | Operation::ImageVariations => {
            serde_json::json!({"model": model, "prompt": text})
        }
        _ => serde_json::json!({"model": model, "input": text}),
    };
    if let Some(object) = body.as_object_mut().filter(|_| record.profile.streaming) {
        object.insert("stream".to_owned(), true.into());
    }
    format!(
        "curl {base_url}/{} -H 'Content-Type: application/json' -H 'Authorization: Bearer local' -d '{}' -i",
        record.profile.operation.path(),
        body.to_string().replace('\'', r"'\''")
    )
}

/// A decision as indented JSON.
#[must_use]
pub fn decision_json(decision: &Decision) -> String {
    serde_json::to_string_pretty(decision).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn record(model: &str) -> RequestRecord {
        let mut record = RequestRecord::clone(fixture::snapshot().records.iter().next().unwrap());
        let mut profile = (*record.profile).clone();
        profile.model = model.into();
        record.profile = std::sync::Arc::new(profile);
        record
    }

    #[test]
    fn a_curl_line_asks_the_same_operation_and_model() {
        let line = curl(&record("gpt-4o"), "http://127.0.0.1:8787/v1");
        assert!(line.starts_with("curl http://127.0.0.1:8787/v1/chat/completions "), "{line}");
        assert!(line.contains("\"model\":\"gpt-4o\"") && line.contains("\"stream\":true"), "{line}");
    }

    #[test]
    fn a_quote_in_a_model_name_cannot_break_out_of_the_shell_word() {
        let line = curl(&record("x'; rm -rf ~; '"), "http://127.0.0.1:8787/v1");
        assert!(line.contains(r"x'\''; rm -rf ~; '\''"), "{line}");
    }

    #[test]
    fn a_decision_as_json_reads_back_the_same() {
        let record = record("gpt-4o");
        let decision = record.decisions.last().unwrap();
        let read: Decision = serde_json::from_str(&decision_json(decision)).unwrap();
        assert_eq!(read, **decision);
    }
}
