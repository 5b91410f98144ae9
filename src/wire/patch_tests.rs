use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::model::profile::Operation;
use crate::wire::peek::peek;

fn patched(body: &str, model: &str) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let spans = peek(&body, Operation::Chat).unwrap().model_spans;
    let parts = with_model(&body, &spans, &model.into());
    assert_eq!(parts.length, parts.parts.iter().map(Bytes::len).sum::<usize>() as u64);
    String::from_utf8(parts.parts.concat()).unwrap()
}

#[test]
fn every_top_level_model_is_replaced_and_no_nested_one() {
    let body = r#"{ "model" : "a","x":{"model":"a"},"mod\u0065l":null, "model":"a"}"#;
    assert_eq!(patched(body, "b\"c"), r#"{ "model" : "b\"c","x":{"model":"a"},"mod\u0065l":"b\"c", "model":"b\"c"}"#);
}

#[test]
fn the_same_name_leaves_the_received_bytes_alone() {
    let body = Bytes::from_static(br#"{"model":"gpt-4o","n":1}"#);
    let spans = peek(&body, Operation::Chat).unwrap().model_spans;
    let parts = with_model(&body, &spans, &"gpt-4o".into());
    assert_eq!(parts.parts.len(), 1);
    assert_eq!(parts.parts[0].as_ptr(), body.as_ptr());
}

#[test]
fn the_rest_of_the_body_is_not_copied() {
    let body = Bytes::from_static(br#"{"model":"gpt-4o","n":1}"#);
    let spans = peek(&body, Operation::Chat).unwrap().model_spans;
    let parts = with_model(&body, &spans, &"mini".into());
    assert_eq!(parts.parts[0].as_ptr(), body.as_ptr());
    assert_eq!(parts.parts[2].as_ptr(), body[17..].as_ptr());
}

proptest! {
    #[test]
    fn only_the_model_changes(
        before in proptest::collection::btree_map("[a-z]{1,4}", any::<Option<String>>(), 0..4),
        old in any::<String>(),
        new in any::<String>(),
    ) {
        let mut object: Map<String, Value> = before.into_iter().map(|(k, v)| (k, Value::from(v))).collect();
        object.insert("model".to_owned(), Value::from(old));
        let body = Value::Object(object.clone()).to_string();
        object.insert("model".to_owned(), Value::from(new.clone()));
        let after: Value = serde_json::from_str(&patched(&body, &new)).unwrap();
        prop_assert_eq!(after, Value::Object(object));
    }
}
