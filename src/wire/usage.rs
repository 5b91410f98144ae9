//! What an answer reports, in both shapes: chat and completions (`prompt_tokens`), Responses (`input_tokens`); of transcriptions
//! also their length.
//!
//! Invariant: numbers are the service's own and marked exact; a missing one counts as zero. An answer is read in one walk.
//! Absent on purpose: charges against limits.

use std::borrow::Cow;
use std::time::Duration;

use super::json::{Malformed, Reader};
use crate::model::profile::Operation;
use crate::model::usage::{Transcribed, Usage};

/// The usage in an answer that came in one piece; `None` if it reports none or is not JSON.
///
/// `operation` is where the client asked; the shape is told from the fields, since services mix them.
#[must_use]
pub fn of_body(operation: Operation, body: &[u8]) -> Option<Usage> {
    let usage = top_level(body)?;
    // An embedding has no output, whatever a relay adds.
    Some(if operation == Operation::Embeddings { Usage { output: 0, reasoning: 0, ..usage } } else { usage })
}

/// The top-level `usage` of a JSON object, everything else skipped.
pub(super) fn top_level(json: &[u8]) -> Option<Usage> {
    whole(&text(json), |reader| within(reader, "usage", read))
}

/// The `usage` within the `response` object of a Responses event.
pub(super) fn of_response(json: &[u8]) -> Option<Usage> {
    whole(&text(json), |reader| within(reader, "response", |reader| within(reader, "usage", read)))
}

/// The same of the value of `usage` alone.
pub(super) fn of_value(json: &[u8]) -> Option<Usage> {
    whole(&text(json), read)
}

/// What an answer says, whatever else some of its bytes may be.
fn text(json: &[u8]) -> Cow<'_, str> {
    simdutf8::basic::from_utf8(json).map_or_else(|_| String::from_utf8_lossy(json), Cow::Borrowed)
}

/// What `read` finds in a JSON text; nothing in what is none.
fn whole<T>(json: &str, read: impl FnOnce(&mut Reader<'_>) -> Result<Option<T>, Malformed>) -> Option<T> {
    let mut reader = Reader::new(json);
    let found = read(&mut reader).ok()?;
    reader.end().ok().and(found)
}

/// What `read` finds in one member of the object that comes next; the last of its name counts.
fn within<T>(
    reader: &mut Reader<'_>,
    wanted: &str,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, Malformed> {
    let mut found = None;
    members(reader, |reader, name| {
        if name != wanted {
            return reader.skip();
        }
        found = read(reader)?;
        Ok(())
    })?;
    Ok(found)
}

/// Calls `each` for every member of the object that comes next, to consume its value. What is no object is passed over.
fn members(
    reader: &mut Reader<'_>,
    mut each: impl FnMut(&mut Reader<'_>, &str) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    if reader.next()? != b'{' {
        return reader.skip();
    }
    reader.object(|reader, key| each(reader, &key.decoded()))
}

/// `usage` in both shapes; what is no number there is none.
fn read(reader: &mut Reader<'_>) -> Result<Option<Usage>, Malformed> {
    let (mut input, mut output, mut total, mut cached, mut reasoning) = ([None; 2], [None; 2], None, None, None);
    let mut millis = None;
    let ([prompt, input_tokens], [completion, output_tokens]) = (&mut input, &mut output);
    members(reader, |reader, name| {
        let count = match name {
            "prompt_tokens" => &mut *prompt,
            "input_tokens" => &mut *input_tokens,
            "completion_tokens" => &mut *completion,
            "output_tokens" => &mut *output_tokens,
            "total_tokens" => &mut total,
            // The last as Realtime writes it.
            "prompt_tokens_details" | "input_tokens_details" | "input_token_details" => {
                cached = cached.or(within(reader, "cached_tokens", number)?);
                return Ok(());
            }
            "completion_tokens_details" | "output_tokens_details" => {
                reasoning = reasoning.or(within(reader, "reasoning_tokens", number)?);
                return Ok(());
            }
            // Of a transcription that is counted by its length.
            "seconds" => {
                millis = seconds(reader)?;
                return Ok(());
            }
            _ => return reader.skip(),
        };
        *count = number(reader)?;
        Ok(())
    })?;
    let (input, output) = (input.into_iter().flatten().next(), output.into_iter().flatten().next());
    if input.is_none() && output.is_none() && total.is_none() && millis.is_none() {
        return Ok(None);
    }
    Ok(Some(Usage {
        input: input.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(output.unwrap_or(0))),
        cached: cached.unwrap_or(0),
        output: output.unwrap_or(0),
        reasoning: reasoning.unwrap_or(0),
        exact: true,
        transcribed: Transcribed { tokens: 0, millis: millis.unwrap_or(0) },
    }))
}

fn number(reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    Ok(reader.raw()?.parse().ok())
}

/// Seconds, which may have a fraction, as milliseconds. What is no span of time is none.
fn seconds(reader: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    let seconds = reader.raw()?.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(seconds.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
