//! Tokens that an answer reports, in both shapes: chat and completions (`prompt_tokens`), Responses (`input_tokens`).
//!
//! Invariant: numbers are the service's own and marked exact; a missing one counts as zero.
//! Absent on purpose: charges against limits.

use serde::Deserialize;
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

/// Two answers of one session together.
pub(super) fn sum(before: Option<Usage>, more: Usage) -> Usage {
    let before = before.unwrap_or(Usage { exact: true, ..Usage::default() });
    Usage {
        input: before.input.saturating_add(more.input),
        cached: before.cached.saturating_add(more.cached),
        output: before.output.saturating_add(more.output),
        reasoning: before.reasoning.saturating_add(more.reasoning),
        exact: before.exact && more.exact,
    }
}

/// The members of `usage` in both shapes, as they stand; what is no number there is none.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    /// As Realtime writes it.
    #[serde(borrow)]
    input_token_details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
}

fn number(raw: Option<&RawValue>) -> Option<u64> {
    raw?.get().parse().ok()
}

fn details(raw: Option<&RawValue>) -> Option<Details<'_>> {
    object::fields(raw?.get().as_bytes())
}

fn read(usage: &str) -> Option<Usage> {
    let usage: Members<'_> = object::fields(usage.as_bytes())?;
    let input = number(usage.prompt_tokens).or_else(|| number(usage.input_tokens));
    let output = number(usage.completion_tokens).or_else(|| number(usage.output_tokens));
    let total = number(usage.total_tokens);
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    let of_input = [usage.prompt_tokens_details, usage.input_tokens_details, usage.input_token_details];
    let of_output = [usage.completion_tokens_details, usage.output_tokens_details];
    let cached = of_input.into_iter().find_map(|raw| number(details(raw)?.cached_tokens));
    let reasoning = of_output.into_iter().find_map(|raw| number(details(raw)?.reasoning_tokens));
    Some(Usage {
        input: input.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(output.unwrap_or(0))),
        cached: cached.unwrap_or(0),
        output: output.unwrap_or(0),
        reasoning: reasoning.unwrap_or(0),
        exact: true,
    })
}

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
