use serde_json::{Value, json};

use super::super::peek::peek;
use super::*;
use crate::model::profile::Operation;

fn ties(operation: Operation, body: &Value) -> Affinity {
    peek(body.to_string().as_bytes(), operation).expect("a sound body").affinity
}

fn of(text: &str) -> u64 {
    fingerprint::of(text.as_bytes())
}

#[test]
fn every_kind_of_stored_state_a_response_may_refer_to_is_met() {
    let body = json!({
        "previous_response_id": "resp_1",
        "conversation": {"id": "conv_1"},
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Bath"}},
        "input": [
            {"type": "item_reference", "id": "msg_9"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA-sealed"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": null},
            {"type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": "x"}]},
            {"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}, {"type": "input_text", "text": "y"}]},
        ],
        "tools": [
            {"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]},
            {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file_2"]}},
            {"type": "function", "name": "f", "parameters": {"properties": {"file_ids": {"type": "array"}}}},
        ],
    });
    let found = ties(Operation::Responses, &body);
    let known =
        ["pmpt_1", "msg_9", "gAAAA-sealed", "rs_2", "file_1", "vs_1", "vs_2", "file_2", "resp_1", "conv_1"].map(of);
    let mut state = found.state.clone();
    state.sort_unstable();
    let mut wanted = known.to_vec();
    wanted.sort_unstable();
    assert_eq!(state, wanted);
    assert_eq!(found.sealed, [of("gAAAA-sealed")], "names are bound to the address alone");
    assert_eq!(found.conversation, Some(of("conv_1")));
}

#[test]
fn a_request_that_refers_to_nothing_takes_no_memory() {
    let body = json!({"messages": [{"role": "user", "content": "hello", "id": "msg_1"}], "prompt_cache_key": "k"});
    let found = ties(Operation::Chat, &body);
    assert_eq!((found.state.capacity(), found.cache, found.prefix), (0, Some(of("k")), None));
    let null = json!({"input": "x", "previous_response_id": null, "conversation": null, "prompt_cache_key": ""});
    let found = ties(Operation::Responses, &null);
    assert_eq!((found.state.len(), found.cache), (0, None));
}

#[test]
fn a_chat_refers_to_files_and_an_embedding_to_nothing() {
    let body = json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file_1"}}]}]});
    assert_eq!(ties(Operation::Chat, &body).state, [of("file_1")]);
    let body = json!({"input": ["a"], "previous_response_id": "resp_1", "prompt_cache_key": "k"});
    assert_eq!(ties(Operation::Embeddings, &body), Affinity::default());
}

#[test]
fn escapes_change_nothing_and_the_last_of_two_counts() {
    let body = br#"{"input":"x","previous_response_id":"resp_0","previous_response_id":"r\u0065sp_1"}"#;
    let found = peek(body, Operation::Responses).expect("a sound body").affinity;
    assert_eq!(found.state, [of("resp_1")]);
}

#[test]
fn of_many_references_the_youngest_are_kept_and_none_twice() {
    let item = |place: usize| json!({"type": "reasoning", "encrypted_content": format!("sealed {place}")});
    let items: Vec<Value> = (0..100).chain(90..100).map(item).collect();
    let state = ties(Operation::Responses, &json!({ "input": items })).state;
    assert_eq!(state.len(), REFERENCES);
    assert!((100 - REFERENCES..100).all(|place| state.contains(&of(&format!("sealed {place}")))));
}

#[test]
fn later_turns_of_a_conversation_share_its_fingerprint_and_others_do_not() {
    let turn = |system: &str, first: &str, more: usize| {
        let mut messages =
            vec![json!({"role": "system", "content": system}), json!({"content": first, "role": "user"})];
        for place in 0..more {
            messages.push(json!({"role": "assistant", "content": format!("answer {place}")}));
            messages.push(json!({"role": "user", "content": [{"type": "text", "text": format!("question {place}")}]}));
        }
        ties(Operation::Chat, &json!({ "messages": messages })).conversation
    };
    let first = turn("be brief", "hello", 0);
    assert!(first.is_some());
    assert_eq!((first, first), (turn("be brief", "hello", 1), turn("be brief", "hello", 5)));
    assert_ne!(first, turn("be brief", "goodbye", 1));
    assert_ne!(first, turn("be long", "hello", 1));
    assert_eq!(ties(Operation::Chat, &json!({"messages": [{"role": "system", "content": "s"}]})).conversation, None);
}

#[test]
fn instructions_count_wherever_they_stand_in_the_body() {
    let ask = |text: &str| peek(text.as_bytes(), Operation::Responses).expect("sound").affinity.conversation;
    let first = ask(r#"{"instructions":"be brief","input":"hello"}"#);
    assert_eq!(first, ask(r#"{"input":[{"role":"user","content":"hello"}],"instructions":"be brief"}"#));
    assert_ne!(first, ask(r#"{"instructions":"be long","input":"hello"}"#));
}

#[test]
fn prompts_long_enough_to_be_cached_share_the_fingerprint_of_their_beginning() {
    let ask = |start: &str, end: &str| {
        let content = format!("{}{}{end}", start, "x".repeat(6_000));
        ties(Operation::Chat, &json!({"messages": [{"role": "user", "content": content}]})).prefix
    };
    assert!(ask("a", "b").is_some());
    assert_eq!(ask("a", "b"), ask("a", "c"), "only the beginning counts");
    assert_ne!(ask("a", "b"), ask("b", "b"));
}

#[test]
fn the_end_of_a_stored_prompt_is_not_taken_for_its_beginning() {
    let found = ties(Operation::Responses, &json!({"input": "go on ".repeat(1_000), "previous_response_id": "resp_1"}));
    assert_eq!((found.conversation, found.prefix, found.state), (None, None, vec![of("resp_1")]));
}
