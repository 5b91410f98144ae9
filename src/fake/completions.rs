//! The older completions, whole and as a stream.
//!
//! Invariant: the pieces of a stream join to the text of the whole answer.
//! Absent on purpose: `echo`, `suffix` and log probabilities.

use serde_json::{Value, json};

use super::reply::{Frame, Reply, data, done};

/// The answer in one piece.
pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let choices: Vec<Value> =
        (0..reply.choices()).map(|index| choice(index, &reply.text(index), Some(reply.finish_reason()))).collect();
    object(reply, &json!(choices), &reply.usage())
}

/// The answer as events, choice by choice.
pub(super) fn frames(reply: &Reply<'_>) -> Vec<Frame> {
    let mut pieces: Vec<(u64, u64, String)> = (0..reply.choices())
        .flat_map(|index| reply.pieces(index).into_iter().map(move |(after, piece)| (after, index, piece)))
        .collect();
    pieces.sort_by_key(|(after, index, _)| (*after, *index));
    let chunk = |choice: Value| object(reply, &json!([choice]), &Value::Null);
    let mut frames: Vec<Frame> =
        pieces.iter().map(|(after, index, piece)| data(*after, &chunk(choice(*index, piece, None)))).collect();
    let end = reply.admission.output_tokens;
    frames.extend((0..reply.choices()).map(|index| data(end, &chunk(choice(index, "", Some(reply.finish_reason()))))));
    if reply.ask.include_usage {
        frames.push(data(end, &object(reply, &json!([]), &reply.usage())));
    }
    frames.push(done(end));
    frames
}

fn choice(index: u64, text: &str, finish: Option<&str>) -> Value {
    json!({ "text": text, "index": index, "logprobs": null, "finish_reason": finish })
}

fn object(reply: &Reply<'_>, choices: &Value, usage: &Value) -> Value {
    let mut object = json!({
        "id": reply.id("cmpl-"),
        "object": "text_completion",
        "created": reply.created(),
        "model": reply.model,
        "choices": choices,
    });
    if let Some(fields) = object.as_object_mut()
        && !usage.is_null()
    {
        fields.insert("usage".to_owned(), usage.clone());
    }
    object
}
