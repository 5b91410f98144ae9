//! The model that a Realtime session is asked for: its own, or where it only transcribes, the one that transcribes.
//!
//! Invariant: the place of a name is that of its last bytes in the body, quotes included, so that it can be replaced alone.
//! Absent on purpose: what else a session is to be like.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::object;

/// A model's name within a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// As the request says it.
    pub model: String,
    /// Where it stands, quotes included.
    pub span: Range<usize>,
}

/// What of a body, a session or a part of one leads to its model.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    session: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    input_audio_transcription: Option<&'a RawValue>,
    #[serde(borrow)]
    transcription: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// The model of a session, or of a body that has one under `session`.
#[must_use]
pub fn model(body: &[u8]) -> Option<Named> {
    let whole = fields(body)?;
    let session = whole.session.and_then(|within| fields(within.get().as_bytes())).unwrap_or(whole);
    let input = || fields(fields(session.audio?.get().as_bytes())?.input?.get().as_bytes());
    let listens = session.input_audio_transcription.or_else(|| input()?.transcription);
    let named = session.model.or_else(|| fields(listens?.get().as_bytes())?.model)?.get();
    let model: String = serde_json::from_str(named).ok().filter(|model: &String| !model.is_empty())?;
    let start = (named.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    Some(Named { model, span: start..start.checked_add(named.len())? })
}

fn fields(json: &[u8]) -> Option<Part<'_>> {
    object::fields(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_model_is_found_where_it_stands() {
        for (body, expected) in [
            (r#"{"session":{"type":"realtime","model":"m"}}"#, Some("m")),
            (r#"{"type":"realtime", "model" : "m" }"#, Some("m")),
            (r#"{"session":{"type":"transcription","audio":{"input":{"transcription":{"model":"w"}}}}}"#, Some("w")),
            (r#"{"input_audio_transcription":{"model":"w","language":"en"}}"#, Some("w")),
            // What answers counts, not what listens.
            (r#"{"session":{"audio":{"input":{"transcription":{"model":"w"}}},"model":"m"}}"#, Some("m")),
            (r#"{"session":{"model":7}}"#, None),
            (r#"{"session":{}}"#, None),
            ("[]", None),
        ] {
            let found = model(body.as_bytes());
            assert_eq!(found.as_ref().map(|named| named.model.as_str()), expected, "{body}");
            if let Some(Named { model, span }) = found {
                assert_eq!(body[span], format!("\"{model}\""));
            }
        }
    }
}
