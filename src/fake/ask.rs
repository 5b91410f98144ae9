//! A request's body, read as far as a simulated endpoint answers to it.
//!
//! Invariant: reading never fails on what it does not know; only a body that is no JSON object, or misses what its
//! operation cannot do without, is refused.
//! Absent on purpose: the conversation. Only its length and a few flags are kept.

use serde_json::Value;

use crate::model::profile::Operation;
use crate::sim::upstream::SimRequest;
use crate::wire::multipart::FormReader;

use super::shelf::Refers;
use super::tools::{self, ToolCall};

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The body's `model`.
    pub model: Option<String>,
    /// What the upstream needs to know.
    pub request: SimRequest,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
    /// The answer is to be this call instead of text.
    pub tool: Option<ToolCall>,
    /// Embeddings: what to embed.
    pub inputs: Vec<String>,
    /// Embeddings: how many numbers each; `None`: the model's own.
    pub dimensions: Option<usize>,
    /// Embeddings: `encoding_format` is `base64`.
    pub base64: bool,
    /// What it says of stored and sealed things.
    pub refers: Refers,
}

/// Reads a body.
///
/// # Errors
/// A sentence for the caller when the body cannot be answered.
pub(super) fn read(operation: Operation, content_type: &str, body: &[u8]) -> Result<Ask, String> {
    if let Some(form) = FormReader::new(content_type).filter(|_| operation.takes_form()) {
        return Ok(of_form(operation, form, body));
    }
    let body: Value =
        serde_json::from_slice(body).map_err(|_| "We could not parse the JSON body of your request.".to_owned())?;
    let required = prompt_key(operation);
    if body.get(required).is_none() {
        return Err(format!("Missing required parameter: '{required}'."));
    }
    let lists = matches!(operation, Operation::Embeddings | Operation::Moderations);
    let inputs = if lists { inputs(body.get("input")) } else { Vec::new() };
    let number = |name: &str| body.get(name).and_then(Value::as_u64);
    let output_cap =
        number("max_completion_tokens").or_else(|| number("max_output_tokens")).or_else(|| number("max_tokens"));
    let request = SimRequest {
        operation,
        prompt_chars: prompt_chars(operation, &body, &inputs),
        output_cap,
        choices: number("n").unwrap_or(1).max(number("best_of").unwrap_or(1)).clamp(1, 16),
        inputs: u64::try_from(inputs.len()).unwrap_or(u64::MAX).max(1),
        streaming: is_streamed(operation, &body),
    };
    Ok(Ask {
        model: body.get("model").and_then(Value::as_str).map(str::to_owned),
        request,
        include_usage: flag(body.pointer("/stream_options/include_usage")),
        tool: tools::wanted(operation, &body),
        inputs,
        dimensions: number("dimensions").and_then(|count| usize::try_from(count.clamp(1, 4_096)).ok()),
        base64: body.get("encoding_format").and_then(Value::as_str) == Some("base64"),
        refers: Refers::read(operation, &body),
    })
}

fn is_streamed(operation: Operation, body: &Value) -> bool {
    match operation {
        Operation::Embeddings | Operation::Moderations | Operation::Compact | Operation::InputTokens => false,
        Operation::Speech => body.get("stream_format").and_then(Value::as_str) == Some("sse"),
        _ => flag(body.get("stream")),
    }
}

/// A form tells its model, its prompt and whether it wants a stream.
fn of_form(operation: Operation, mut reader: FormReader, body: &[u8]) -> Ask {
    reader.feed(body);
    let form = reader.finish();
    let request =
        SimRequest { prompt_chars: form.prompt_chars, streaming: form.streaming, ..SimRequest::new(operation) };
    Ask {
        model: form.model,
        request,
        include_usage: false,
        tool: None,
        inputs: Vec::new(),
        dimensions: None,
        base64: false,
        refers: Refers::default(),
    }
}

fn flag(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool).unwrap_or(false)
}

const fn prompt_key(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat => "messages",
        Operation::Completions | Operation::Images | Operation::ImageEdits => "prompt",
        Operation::Transcriptions | Operation::Translations => "file",
        Operation::ImageVariations => "image",
        _ => "input",
    }
}

/// One text per input; a list of numbers is one input that was tokenised before.
fn inputs(value: Option<&Value>) -> Vec<String> {
    let tokens = |list: &[Value]| list.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) if list.iter().all(Value::is_number) => vec![tokens(list)],
        Some(Value::Array(list)) => list
            .iter()
            .map(|item| match item {
                Value::Array(list) => tokens(list),
                other => other.as_str().unwrap_or_default().to_owned(),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn prompt_chars(operation: Operation, body: &Value, inputs: &[String]) -> u64 {
    if !inputs.is_empty() {
        return inputs.iter().map(|text| chars(text)).fold(0, u64::saturating_add);
    }
    let tools = body.get("tools").map_or(0, |tools| chars(&tools.to_string()));
    let instructions = body.get("instructions").map_or(0, text_chars);
    body.get(prompt_key(operation)).map_or(0, text_chars).saturating_add(instructions).saturating_add(tools)
}

fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// Characters of text within a prompt: strings, and what stands under the keys that hold text.
fn text_chars(value: &Value) -> u64 {
    match value {
        Value::String(text) => chars(text),
        Value::Array(list) => list.iter().map(text_chars).fold(0, u64::saturating_add),
        Value::Object(fields) => ["content", "text", "arguments", "output"]
            .iter()
            .filter_map(|key| fields.get(*key))
            .map(text_chars)
            .fold(0, u64::saturating_add),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(operation: Operation, body: &str) -> Ask {
        read(operation, "application/json", body.as_bytes()).expect("can be answered")
    }

    #[test]
    fn the_text_of_a_prompt_is_counted_and_its_frame_is_not() {
        let body = r#"{"model":"m","messages":[{"role":"user","content":"abcd"},
            {"role":"user","content":[{"type":"text","text":"efg"},{"type":"image_url","image_url":{"url":"data:xxxx"}}]}]}"#;
        assert_eq!(ask(Operation::Chat, body).request.prompt_chars, 7);
        let body = r#"{"model":"m","instructions":"ab","input":[{"role":"user","content":"cde"}]}"#;
        assert_eq!(ask(Operation::Responses, body).request.prompt_chars, 5);
    }

    #[test]
    fn embeddings_take_texts_lists_and_tokens() {
        for (input, count) in [("\"a\"", 1), (r#"["a","b"]"#, 2), ("[1,2,3]", 1), ("[[1,2],[3]]", 2)] {
            let body = format!(r#"{{"model":"m","input":{input}}}"#);
            assert_eq!(ask(Operation::Embeddings, &body).inputs.len(), count, "{input}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_named() {
        assert!(read(Operation::Chat, "", b"{").is_err());
        assert_eq!(read(Operation::Chat, "", b"{}").unwrap_err(), "Missing required parameter: 'messages'.");
    }
}
