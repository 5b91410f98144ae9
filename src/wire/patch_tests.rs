use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::model::profile::Operation;
use crate::wire::multipart::FormReader;
use crate::wire::peek::peek;

fn put_together(body: &[u8], patched: &Patched) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in &patched.pieces {
        match piece {
            Piece::Kept(span) => {
                let place = |at: u64| usize::try_from(at).unwrap();
                all.extend_from_slice(&body[place(span.start)..place(span.end)]);
            }
            Piece::New(text) => all.extend_from_slice(text),
        }
    }
    assert_eq!(patched.length, all.len() as u64);
    all
}

fn changed(body: &str, model: Option<&str>, ask_usage: bool) -> String {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let seams = Seams::of_json(&peek(&bytes, Operation::Chat).unwrap());
    let name = model.map(ModelText::from);
    let changes = Changes { model: name.as_ref(), ask_usage };
    let patched = patched(bytes.len() as u64, &seams, changes, Some(&bytes));
    String::from_utf8(put_together(&bytes, &patched)).unwrap()
}

#[test]
fn every_top_level_model_is_replaced_and_no_nested_one() {
    let body = r#"{ "model" : "a","x":{"model":"a"},"mod\u0065l":null, "model":"a"}"#;
    let expected = r#"{ "model" : "b\"c","x":{"model":"a"},"mod\u0065l":"b\"c", "model":"b\"c"}"#;
    assert_eq!(changed(body, Some("b\"c"), false), expected);
}

#[test]
fn a_name_and_a_wish_are_put_in_where_there_is_none() {
    assert_eq!(changed(" { } ", Some("m"), false), r#" {"model":"m" } "#);
    assert_eq!(
        changed(r#"{"n":1}"#, Some("m"), true),
        r#"{"model":"m","stream_options":{"include_usage":true},"n":1}"#
    );
    assert_eq!(
        changed(r#"{"model":"a"}"#, Some("m"), true),
        r#"{"stream_options":{"include_usage":true},"model":"m"}"#
    );
    assert_eq!(changed(r#"{"model":"a"}"#, None, false), r#"{"model":"a"}"#);
}

#[test]
fn the_same_name_leaves_the_received_bytes_in_one_piece() {
    let body = Bytes::from_static(br#"{"model":"gpt-4o","n":1}"#);
    let seams = Seams::of_json(&peek(&body, Operation::Chat).unwrap());
    let name = ModelText::from("gpt-4o");
    let changes = Changes { model: Some(&name), ask_usage: false };
    assert_eq!(patched(body.len() as u64, &seams, changes, Some(&body)), whole(24));
}

#[test]
fn a_form_gets_the_name_in_place_of_its_own_or_as_a_part_of_its_own() {
    let kind = "multipart/form-data; boundary=b";
    let change = |body: &str| {
        let mut reader = FormReader::new(kind).unwrap();
        reader.feed(body.as_bytes());
        let seams = Seams::of_form(&reader.finish(), kind);
        let name = ModelText::from("new");
        let changes = Changes { model: Some(&name), ask_usage: false };
        let patched = patched(body.len() as u64, &seams, changes, None);
        String::from_utf8(put_together(body.as_bytes(), &patched)).unwrap()
    };
    let part =
        |name: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = part("file", "sound");
    assert_eq!(
        change(&format!("{file}{}--b--", part("model", "whisper"))),
        format!("{file}{}--b--", part("model", "new"))
    );
    assert_eq!(change(&format!("{file}--b--")), format!("{}{file}--b--", part("model", "new")));
    assert_eq!(change("no form"), "no form");
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
        let after: Value = serde_json::from_str(&changed(&body, Some(&new), false)).unwrap();
        prop_assert_eq!(after, Value::Object(object));
    }
}

#[test]
fn a_wish_is_put_into_options_that_say_nothing_of_usage_and_into_no_others() {
    for (body, expected) in [
        (
            r#"{"model":"a","stream_options": { "x":1 },"n":1}"#,
            r#"{"model":"b","stream_options": {"include_usage":true, "x":1 },"n":1}"#,
        ),
        (r#"{"stream_options":{ },"model":"a"}"#, r#"{"stream_options":{"include_usage":true },"model":"b"}"#),
        (r#"{"stream_options": null}"#, r#"{"model":"b","stream_options": {"include_usage":true}}"#),
    ] {
        assert_eq!(changed(body, Some("b"), true), expected);
        assert!(peek(body.as_bytes(), Operation::Chat).unwrap().room.is_some());
    }
    for said in [r#"{"include_usage":false}"#, r#"{"include_usage":true}"#, r#"{"include_usage":null}"#, "7", "[]"] {
        let body = format!(r#"{{"stream_options":{said}}}"#);
        assert_eq!(peek(body.as_bytes(), Operation::Chat).unwrap().room, None, "{said}");
    }
}
