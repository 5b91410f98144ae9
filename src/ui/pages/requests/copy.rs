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
        Operation::Responses | Operation::Embeddings => serde_json::json!({"model": model, "input": text}),
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
