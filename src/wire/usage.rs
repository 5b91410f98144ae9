//! Tokens that an answer reports, in both shapes: chat and completions (`prompt_tokens`), Responses (`input_tokens`).
//!
//! Invariant: numbers are the service's own and marked exact; a missing one counts as zero.
//! Absent on purpose: charges against limits.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::object;
use crate::model::profile::Operation;
use crate::model::usage::Usage;

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
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        usage: Option<&'a RawValue>,
    }
    object::fields::<Answer<'_>>(json)?.usage.and_then(|raw| read(raw.get()))
}

/// The `usage` within the `response` object of a Responses event.
pub(super) fn of_response(json: &[u8]) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        response: Option<&'a RawValue>,
    }
    top_level(object::fields::<Event<'_>>(json)?.response?.get().as_bytes())
}

fn read(usage: &str) -> Option<Usage> {
    let usage: Value = serde_json::from_str(usage).ok()?;
    let number = |path: &[&str]| path.iter().try_fold(&usage, |value, key| value.get(key))?.as_u64();
    let either = |first: &[&str], second: &[&str]| number(first).or_else(|| number(second));
    let input = either(&["prompt_tokens"], &["input_tokens"]);
    let output = either(&["completion_tokens"], &["output_tokens"]);
    let total = number(&["total_tokens"]);
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    Some(Usage {
        input: input.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(output.unwrap_or(0))),
        cached: either(&["prompt_tokens_details", "cached_tokens"], &["input_tokens_details", "cached_tokens"])
            .unwrap_or(0),
        output: output.unwrap_or(0),
        reasoning: either(
            &["completion_tokens_details", "reasoning_tokens"],
            &["output_tokens_details", "reasoning_tokens"],
        )
        .unwrap_or(0),
        exact: true,
    })
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
