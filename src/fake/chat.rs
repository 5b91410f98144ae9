//! Chat completions, whole and as a stream.
//!
//! Invariant: the pieces of a stream join to the text of the whole answer.
//! Absent on purpose: refusals, audio and log probabilities.

use serde_json::{Value, json};

use super::reply::{Frame, Reply, argument_pieces, data, done, token_count};
use super::tools::ToolCall;

/// The answer in one piece.
pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let choices: Vec<Value> = match &reply.ask.tool {
        Some(call) => vec![choice(0, &called(reply, call), "tool_calls")],
        None => (0..reply.choices())
            .map(|index| {
                let message = json!({ "role": "assistant", "content": reply.text(index), "refusal": null });
                choice(index, &message, reply.finish_reason())
            })
            .collect(),
    };
    let mut answer = frame_of(reply, "chat.completion", &json!(choices));
    set(&mut answer, "usage", reply.usage());
    if reply.dialect.is_azure() {
        set(&mut answer, "prompt_filter_results", prompt_filter());
    }
    answer
}

fn choice(index: u64, message: &Value, finish: &str) -> Value {
    json!({ "index": index, "message": message, "logprobs": null, "finish_reason": finish })
}

fn called(reply: &Reply<'_>, call: &ToolCall) -> Value {
    json!({
        "role": "assistant",
        "content": null,
        "refusal": null,
        "tool_calls": [{
            "id": reply.id("call_"),
            "type": "function",
            "function": { "name": call.name, "arguments": call.arguments },
        }],
    })
}

/// What is kept of a chat, each under its path: the answer with what was said of it, and the messages that it answers.
pub(super) fn kept(reply: &Reply<'_>) -> Vec<(String, Value)> {
    let refers = &reply.ask.refers;
    if !refers.stores {
        return Vec::new();
    }
    let mut answer = whole(reply);
    set(&mut answer, "metadata", refers.metadata.clone());
    let id = reply.id("chatcmpl-");
    let messages = (0..).zip(&refers.messages).map(|(place, message)| {
        let mut message = message.clone();
        set(&mut message, "id", json!(format!("{id}-{place}")));
        (format!("chat/completions/{id}/messages/{place:04}"), message)
    });
    std::iter::once((format!("chat/completions/{id}"), answer)).chain(messages).collect()
}

/// The answer as events.
pub(super) fn frames(reply: &Reply<'_>) -> Vec<Frame> {
    let mut frames = Vec::new();
    if reply.dialect.is_azure() {
        frames.push(data(0, &filter_chunk()));
    }
    let end = match &reply.ask.tool {
        Some(call) => call_frames(reply, call, &mut frames),
        None => text_frames(reply, &mut frames),
    };
    if reply.ask.include_usage {
        let mut last = frame_of(reply, "chat.completion.chunk", &json!([]));
        set(&mut last, "usage", reply.usage());
        frames.push(data(end, &last));
    }
    frames.push(done(end));
    frames
}

/// All choices at the same time. Returns the tokens of one of them.
fn text_frames(reply: &Reply<'_>, frames: &mut Vec<Frame>) -> u64 {
    for index in 0..reply.choices() {
        frames.push(delta(reply, 0, index, &json!({ "role": "assistant", "content": "", "refusal": null }), None));
    }
    let mut pieces: Vec<(u64, u64, String)> = (0..reply.choices())
        .flat_map(|index| reply.pieces(index).into_iter().map(move |(after, piece)| (after, index, piece)))
        .collect();
    pieces.sort_by_key(|(after, index, _)| (*after, *index));
    for (after, index, piece) in pieces {
        frames.push(delta(reply, after, index, &json!({ "content": piece }), None));
    }
    let end = reply.admission.output_tokens;
    for index in 0..reply.choices() {
        frames.push(delta(reply, end, index, &json!({}), Some(reply.finish_reason())));
    }
    end
}

fn call_frames(reply: &Reply<'_>, call: &ToolCall, frames: &mut Vec<Frame>) -> u64 {
    let opening = json!({
        "role": "assistant",
        "content": null,
        "tool_calls": [{
            "index": 0,
            "id": reply.id("call_"),
            "type": "function",
            "function": { "name": call.name, "arguments": "" },
        }],
    });
    frames.push(delta(reply, 0, 0, &opening, None));
    for (after, piece) in argument_pieces(&call.arguments) {
        let more = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] });
        frames.push(delta(reply, after, 0, &more, None));
    }
    let end = token_count(&call.arguments);
    frames.push(delta(reply, end, 0, &json!({}), Some("tool_calls")));
    end
}

fn delta(reply: &Reply<'_>, after: u64, index: u64, delta: &Value, finish: Option<&str>) -> Frame {
    let choices = json!([{ "index": index, "delta": delta, "logprobs": null, "finish_reason": finish }]);
    let mut chunk = frame_of(reply, "chat.completion.chunk", &choices);
    if reply.ask.include_usage {
        set(&mut chunk, "usage", Value::Null);
    }
    data(after, &chunk)
}

fn frame_of(reply: &Reply<'_>, object: &str, choices: &Value) -> Value {
    json!({
        "id": reply.id("chatcmpl-"),
        "object": object,
        "created": reply.created(),
        "model": reply.model,
        "system_fingerprint": "fp_tidegate_simulated",
        "choices": choices,
    })
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// Azure's first event: no choices, and what its filter says of the prompt.
fn filter_chunk() -> Value {
    json!({
        "id": "", "object": "", "created": 0, "model": "",
        "choices": [],
        "prompt_filter_results": prompt_filter(),
    })
}

fn prompt_filter() -> Value {
    let safe = json!({ "filtered": false, "severity": "safe" });
    json!([{
        "prompt_index": 0,
        "content_filter_results": { "hate": safe, "self_harm": safe, "sexual": safe, "violence": safe },
    }])
}
