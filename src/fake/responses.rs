//! The Responses API, whole and as its sequence of events.
//!
//! Invariant: sequence numbers count up from 0 without a gap, and the last event carries the whole response with usage.
//! Absent on purpose: work that goes on without its client. One in the background is done as soon as it was asked for.

use serde_json::{Value, json};

use super::reply::{Frame, Reply, argument_pieces, event, token_count};
use super::shelf::{items_before, reasoning};
use super::tools::ToolCall;

/// The response as it is kept.
pub(super) fn whole(reply: &Reply<'_>) -> Value {
    response(reply, Stage::Ended)
}

/// The answer in one piece: one in the background has only been taken in.
pub(super) fn told(reply: &Reply<'_>) -> Value {
    response(reply, if reply.ask.refers.in_background { Stage::Queued } else { Stage::Ended })
}

/// The answer as events.
pub(super) fn frames(reply: &Reply<'_>) -> Vec<Frame> {
    let mut reel = Reel { frames: Vec::new(), next: 0 };
    let begun = response(reply, Stage::Begun);
    reel.push(0, "response.created", json!({ "response": begun }));
    reel.push(0, "response.in_progress", json!({ "response": begun }));
    if let Some(reasoning) = reasoning(reply) {
        for name in ["response.output_item.added", "response.output_item.done"] {
            reel.push(0, name, json!({ "output_index": 0, "item": reasoning }));
        }
    }
    let end = match &reply.ask.tool {
        Some(call) => call_events(reply, call, &mut reel),
        None => text_events(reply, &mut reel),
    };
    let last = if cut_short(reply) { "response.incomplete" } else { "response.completed" };
    reel.push(end, last, json!({ "response": response(reply, Stage::Ended) }));
    reel.frames
}

struct Reel {
    frames: Vec<Frame>,
    next: u64,
}

impl Reel {
    fn push(&mut self, after: u64, name: &str, mut value: Value) {
        if let Some(fields) = value.as_object_mut() {
            fields.insert("type".to_owned(), json!(name));
            fields.insert("sequence_number".to_owned(), json!(self.next));
        }
        self.next += 1;
        self.frames.push(event(after, name, &value));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    Begun,
    Ended,
}

fn cut_short(reply: &Reply<'_>) -> bool {
    reply.admission.capped && reply.ask.tool.is_none()
}

fn response(reply: &Reply<'_>, stage: Stage) -> Value {
    let ended = stage == Stage::Ended;
    let (status, details) = match (stage, cut_short(reply)) {
        (Stage::Queued, _) => ("queued", Value::Null),
        (Stage::Begun, _) => ("in_progress", Value::Null),
        (Stage::Ended, false) => ("completed", Value::Null),
        (Stage::Ended, true) => ("incomplete", json!({ "reason": "max_output_tokens" })),
    };
    json!({
        "id": reply.id("resp_"),
        "object": "response",
        "created_at": reply.created(),
        "status": status,
        "background": reply.ask.refers.in_background,
        "error": null,
        "incomplete_details": details,
        "instructions": null,
        "max_output_tokens": reply.ask.request.output_cap,
        "metadata": reply.ask.refers.metadata,
        "model": reply.model,
        "output": if ended { json!(output(reply)) } else { json!([]) },
        "parallel_tool_calls": true,
        "previous_response_id": reply.ask.refers.previous,
        "reasoning": { "effort": null, "summary": null },
        "service_tier": "default",
        "store": reply.ask.refers.stores,
        "temperature": 1.0,
        "text": { "format": { "type": "text" } },
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": if ended { usage(reply) } else { Value::Null },
        "user": null,
    })
}

fn output(reply: &Reply<'_>) -> Vec<Value> {
    reasoning(reply).into_iter().chain([item(reply, Stage::Ended)]).collect()
}

fn usage(reply: &Reply<'_>) -> Value {
    let (input, output) = (reply.admission.prompt_tokens, reply.output_tokens());
    json!({
        "input_tokens": input,
        "input_tokens_details": { "cached_tokens": 0 },
        "output_tokens": output,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": input.saturating_add(output),
    })
}

fn item(reply: &Reply<'_>, stage: Stage) -> Value {
    let ended = stage == Stage::Ended;
    let status = match (ended, cut_short(reply)) {
        (false, _) => "in_progress",
        (true, false) => "completed",
        (true, true) => "incomplete",
    };
    match &reply.ask.tool {
        Some(call) => json!({
            "id": reply.id("fc_"),
            "type": "function_call",
            "status": status,
            "call_id": reply.id("call_"),
            "name": call.name,
            "arguments": if ended { call.arguments.as_str() } else { "" },
        }),
        None => json!({
            "id": reply.id("msg_"),
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": if ended { json!([part(&reply.text(0))]) } else { json!([]) },
        }),
    }
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
}

fn text_events(reply: &Reply<'_>, reel: &mut Reel) -> u64 {
    let id = reply.id("msg_");
    let (end, index) = (reply.admission.output_tokens, items_before(reply.ask));
    let text = reply.text(0);
    reel.push(0, "response.output_item.added", json!({ "output_index": index, "item": item(reply, Stage::Begun) }));
    let place = |more: Value| {
        let mut value = json!({ "item_id": id, "output_index": index, "content_index": 0 });
        if let (Some(fields), Value::Object(more)) = (value.as_object_mut(), more) {
            fields.extend(more);
        }
        value
    };
    reel.push(0, "response.content_part.added", place(json!({ "part": part("") })));
    for (after, piece) in reply.pieces(0) {
        reel.push(after, "response.output_text.delta", place(json!({ "delta": piece, "logprobs": [] })));
    }
    reel.push(end, "response.output_text.done", place(json!({ "text": text, "logprobs": [] })));
    reel.push(end, "response.content_part.done", place(json!({ "part": part(&text) })));
    reel.push(end, "response.output_item.done", json!({ "output_index": index, "item": item(reply, Stage::Ended) }));
    end
}

fn call_events(reply: &Reply<'_>, call: &ToolCall, reel: &mut Reel) -> u64 {
    let id = reply.id("fc_");
    let (end, index) = (token_count(&call.arguments), items_before(reply.ask));
    reel.push(0, "response.output_item.added", json!({ "output_index": index, "item": item(reply, Stage::Begun) }));
    for (after, piece) in argument_pieces(&call.arguments) {
        let more = json!({ "item_id": id, "output_index": index, "delta": piece });
        reel.push(after, "response.function_call_arguments.delta", more);
    }
    let done = json!({ "item_id": id, "output_index": index, "name": call.name, "arguments": call.arguments });
    reel.push(end, "response.function_call_arguments.done", done);
    reel.push(end, "response.output_item.done", json!({ "output_index": index, "item": item(reply, Stage::Ended) }));
    end
}
