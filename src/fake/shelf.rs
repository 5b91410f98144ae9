//! What a simulated account has stored or sealed, and knows again.
//!
//! Invariant: an account knows its own responses and sealed reasoning and nobody else's, as services do; of many it
//! forgets the oldest.
//! Absent on purpose: contents. What a stored answer says is kept with all other objects (`objects`).

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use super::ask::Ask;
use super::reply::Reply;
use crate::model::profile::Operation;

/// As much is known at once.
const AT_MOST: usize = 10_000;

/// One account's shelf.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    names: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Shelf {
    /// Puts something on it.
    pub(super) fn put(&mut self, name: String) {
        if self.names.insert(name.clone()) {
            self.order.push_back(name);
        }
        if self.order.len() > AT_MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    /// Whether it is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// What a request says of stored and sealed things; of the operations but Responses, only chat stores what it answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Refers {
    /// `previous_response_id`
    pub previous: Option<String>,
    /// `encrypted_content` of reasoning items in the input.
    pub sealed: Vec<String>,
    /// `store`: what is not said to be left is kept of Responses, and nothing of chats.
    pub stores: bool,
    /// `background`
    pub in_background: bool,
    /// `metadata`; nothing if there is none.
    pub metadata: Value,
    /// A chat's messages, if it is kept.
    pub messages: Vec<Value>,
    /// `include` asks for sealed reasoning.
    pub wants_sealed: bool,
}

impl Refers {
    /// Reads it from a body.
    pub(super) fn read(operation: Operation, body: &Value) -> Self {
        let flag = |name: &str| body.get(name).and_then(Value::as_bool);
        let metadata = body.get("metadata").filter(|told| told.is_object()).cloned().unwrap_or_else(|| json!({}));
        if operation == Operation::Chat {
            let stores = flag("store").unwrap_or(false);
            let said = body.get("messages").and_then(Value::as_array).filter(|_| stores);
            return Self { stores, metadata, messages: said.cloned().unwrap_or_default(), ..Self::default() };
        }
        if operation != Operation::Responses {
            return Self::default();
        }
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let list = |name: &str| body.get(name).and_then(Value::as_array).into_iter().flatten();
        Self {
            previous: text(body.get("previous_response_id")),
            sealed: list("input").filter_map(|item| text(item.get("encrypted_content"))).collect(),
            stores: flag("store").unwrap_or(true),
            in_background: flag("background").unwrap_or(false),
            metadata,
            messages: Vec::new(),
            wants_sealed: list("include").any(|what| what == "reasoning.encrypted_content"),
        }
    }
}

/// What an answer to this will leave on the account's shelf.
pub(super) fn left_by(reply: &Reply<'_>) -> Vec<String> {
    if reply.ask.request.operation != Operation::Responses {
        return Vec::new();
    }
    let id = reply.ask.refers.stores.then(|| reply.id("resp_"));
    id.into_iter().chain(reply.ask.refers.wants_sealed.then(|| seal(reply))).collect()
}

/// The reasoning item that stands before the message, if the request asks for one.
pub(super) fn reasoning(reply: &Reply<'_>) -> Option<Value> {
    reply
        .ask
        .refers
        .wants_sealed
        .then(|| json!({ "id": reply.id("rs_"), "type": "reasoning", "summary": [], "encrypted_content": seal(reply) }))
}

/// How many items stand before the message.
pub(super) fn items_before(ask: &Ask) -> u64 {
    u64::from(ask.refers.wants_sealed)
}

fn seal(reply: &Reply<'_>) -> String {
    reply.id("gAAAAABsimulated")
}
