//! Sound, pictures, verdicts and counts: the operations that are neither text nor vectors.
//!
//! Invariant: shapes and usage are the services' own; what is in them is made up and harmless.
//! Absent on purpose: hearing and seeing. A file is taken and not looked into.

use bytes::Bytes;
use serde_json::{Value, json};

use super::reply::{Frame, Reply, event};
use crate::model::profile::Operation;

/// A picture of one transparent dot.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
/// A third of a second of nothing.
const SILENCE: &[u8] = &[0; 4_096];
/// The same as text within an event.
const SILENT_PIECE: &str = "AAAAAAAAAAA=";
const CATEGORIES: [&str; 5] = ["harassment", "hate", "self-harm", "sexual", "violence"];

/// What speech sounds like here.
pub(super) fn sound(_: &Reply<'_>) -> Bytes {
    Bytes::from_static(SILENCE)
}

/// An answer in one document.
pub(super) fn whole(reply: &Reply<'_>) -> Value {
    match reply.ask.request.operation {
        Operation::Moderations => moderation(reply),
        Operation::Transcriptions => json!({"text": heard(reply), "usage": usage(reply)}),
        Operation::Translations => json!({"text": heard(reply)}),
        Operation::InputTokens => {
            json!({"object": "response.input_tokens", "input_tokens": reply.admission.prompt_tokens})
        }
        Operation::Compact => compacted(reply),
        _ => json!({"created": reply.created(), "data": [{"b64_json": DOT}], "usage": usage(reply)}),
    }
}

/// The events of one that is streamed.
pub(super) fn frames(reply: &Reply<'_>) -> Vec<Frame> {
    let named = |after, name: &str, mut fields: Value| {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("type".to_owned(), name.into());
        }
        event(after, name, &fields)
    };
    match reply.ask.request.operation {
        Operation::Transcriptions => {
            let words = heard(reply);
            let mut frames: Vec<Frame> = (0..)
                .zip(words.split_inclusive(' '))
                .map(|(place, word)| named(place, "transcript.text.delta", json!({"delta": word})))
                .collect();
            let after = frames.len() as u64;
            frames.push(named(after, "transcript.text.done", json!({"text": words, "usage": usage(reply)})));
            frames
        }
        Operation::Speech => vec![
            named(0, "speech.audio.delta", json!({"audio": SILENT_PIECE})),
            named(1, "speech.audio.done", json!({"usage": usage(reply)})),
        ],
        _ => {
            let picture = json!({"b64_json": DOT, "created_at": reply.created(), "size": "1024x1024"});
            let mut last = picture.clone();
            if let Some(fields) = last.as_object_mut() {
                fields.insert("usage".to_owned(), usage(reply));
            }
            let kind = match reply.ask.request.operation {
                Operation::ImageEdits => "image_edit",
                _ => "image_generation",
            };
            vec![named(0, &format!("{kind}.partial_image"), picture), named(1, &format!("{kind}.completed"), last)]
        }
    }
}

fn heard(_: &Reply<'_>) -> String {
    "The tide turns at six.".to_owned()
}

/// Tokens in the shape of audio and images.
fn usage(reply: &Reply<'_>) -> Value {
    let input = reply.admission.prompt_tokens;
    json!({
        "type": "tokens", "input_tokens": input, "output_tokens": 6, "total_tokens": input.saturating_add(6),
        "input_tokens_details": {"text_tokens": input, "audio_tokens": 0, "image_tokens": 0},
    })
}

fn moderation(reply: &Reply<'_>) -> Value {
    let each = |value: Value| CATEGORIES.iter().map(|name| ((*name).to_owned(), value.clone())).collect::<Value>();
    let verdict = json!({"flagged": false, "categories": each(json!(false)), "category_scores": each(json!(0.0)),
        "category_applied_input_types": each(json!(["text"]))});
    let verdicts = vec![verdict; reply.ask.inputs.len().max(1)];
    json!({"id": reply.id("modr-"), "model": reply.model, "results": verdicts})
}

fn compacted(reply: &Reply<'_>) -> Value {
    let input = reply.admission.prompt_tokens;
    json!({
        "id": reply.id("resp_"), "object": "response.compaction", "created_at": reply.created(),
        "output": [{"id": reply.id("cmp_"), "type": "compaction", "encrypted_content": reply.id("gAAAAABcompacted")}],
        "usage": {"input_tokens": input, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 6,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": input.saturating_add(6)},
    })
}
