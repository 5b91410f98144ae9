use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn chat(body: &str) -> Peek {
    peek(body.as_bytes(), Operation::Chat).unwrap()
}

#[test]
fn an_ordinary_request_is_read() {
    let body = json!({
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Größe?"}, {"type": "image_url",
                "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_completion_tokens": 256,
        "n": 2,
    })
    .to_string();
    let found = chat(&body);
    assert_eq!(found.model.as_deref(), Some("gpt-4o"));
    assert_eq!(found.model_spans.len(), 1);
    assert_eq!(&body[found.model_spans[0].clone()], "\"gpt-4o\"");
    assert!(found.streaming && found.asks_usage);
    assert_eq!(found.size, RequestSize { prompt_chars: 9 + 6, output_cap: Some(256), choices: 2 });
}

#[test]
fn of_a_key_that_stands_twice_the_last_value_counts() {
    let body = r#"{"model":"a","stream":true,"max_tokens":1,"mod\u0065l":"b","stream":false,"max_tokens":9}"#;
    let found = chat(body);
    assert_eq!((found.model.as_deref(), found.streaming, found.size.output_cap), (Some("b"), false, Some(9)));
    let values: Vec<&str> = found.model_spans.iter().map(|span| &body[span.clone()]).collect();
    assert_eq!(values, ["\"a\"", "\"b\""]);
    assert_eq!(chat(r#"{"model":"a","model":7}"#).model, None);
}

#[test]
fn absurd_numbers_saturate_or_are_left_to_the_service() {
    for (text, cap) in [
        ("0", Some(0)),
        ("1.2", Some(2)),
        ("1e3", Some(1_000)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", Some(u64::MAX)),
        ("1e999", Some(u64::MAX)),
        ("-1", None),
        ("-1e999", None),
        ("null", None),
        ("\"5\"", None),
        ("[5]", None),
    ] {
        assert_eq!(chat(&format!("{{\"max_tokens\":{text}}}")).size.output_cap, cap, "{text}");
    }
    assert_eq!(chat(r#"{"n":0}"#).size.choices, 1);
    assert_eq!(chat(r#"{"n":1e99}"#).size.choices, u64::MAX);
    let completions = peek(br#"{"n":2,"best_of":5}"#, Operation::Completions).unwrap();
    assert_eq!(completions.size.choices, 5);
}

#[test]
fn each_operation_counts_its_own_text() {
    for (operation, body, chars) in [
        (Operation::Embeddings, json!({"input": "abcd"}), 4),
        (Operation::Embeddings, json!({"input": ["ab", "c", "dé"]}), 5),
        (Operation::Embeddings, json!({"input": [[1, 2, 3], [4]]}), 16),
        (Operation::Completions, json!({"prompt": ["ab", "c"], "suffix": "d"}), 4),
        (Operation::Responses, json!({"instructions": "abc", "input": [{"role": "user", "content": "de"}]}), 5),
        (Operation::Chat, json!({"input": "not read by chat"}), 0),
        (Operation::Chat, json!({"tools": [{"type": "function", "name": "f"}]}), 4 + 8 + 4 + 1),
        (Operation::Chat, json!({"messages": [{"role": "user", "content": "a\n\"b"}]}), 4),
    ] {
        assert_eq!(peek(body.to_string().as_bytes(), operation).unwrap().size.prompt_chars, chars, "{body}");
    }
}

#[test]
fn pictures_and_sound_are_no_text() {
    let long = "A".repeat(10_000);
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{long}")}},
        {"type": "input_audio", "input_audio": {"data": long, "format": "wav"}},
        {"type": "file", "file": {"file_data": long, "filename": "a.pdf"}},
    ]}]});
    assert_eq!(chat(&body.to_string()).size.prompt_chars, 5);
    let body = json!({"input": [{"type": "input_image", "image_url": format!("data:image/png;base64,{long}")}]});
    assert_eq!(peek(body.to_string().as_bytes(), Operation::Responses).unwrap().size.prompt_chars, 0);
}

#[test]
fn a_body_that_cannot_be_routed_says_where_and_never_what() {
    for (body, expected) in [
        (&b""[..], BadBody::Empty),
        (b" \n ", BadBody::Empty),
        (b"[1]", BadBody::NotAnObject),
        (b"\xef\xbb\xbf{\"model\":\"a\"}", BadBody::Marked),
        (b"\"secret\"", BadBody::NotAnObject),
        (b"secret", BadBody::NotJson { line: 1, column: 1 }),
        (b"{\"model\":\"a\"", BadBody::Truncated { line: 1, column: 12 }),
        (b"{\"model\":\n secret}", BadBody::NotJson { line: 2, column: 2 }),
        (b"{\"n\":NaN}", BadBody::NotJson { line: 1, column: 6 }),
        (b"{} x", BadBody::NotJson { line: 1, column: 4 }),
        (b"{\"a\":\"\xff\"}", BadBody::NotUtf8 { at: 6 }),
    ] {
        let error = peek(body, Operation::Chat).unwrap_err();
        assert_eq!(error, expected, "{}", String::from_utf8_lossy(body));
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn depth_bombs_neither_overflow_nor_pass_as_prompts() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(matches!(
        peek(format!("{{\"messages\":{deep}}}").as_bytes(), Operation::Chat),
        Err(BadBody::TooDeep { line: 1, .. })
    ));
    for key in ["metadata", "model", "stream_options", "max_tokens"] {
        assert!(peek(format!("{{\"{key}\":{deep}}}").as_bytes(), Operation::Chat).is_ok(), "{key}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn keys() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("model".to_owned()),
        Just("stream".to_owned()),
        Just("stream_options".to_owned()),
        Just("messages".to_owned()),
        Just("tools".to_owned()),
        "[a-z\"\\\\é]{0,4}",
    ]
}

/// An upper bound of the text in a value, by another road.
fn text_bound(value: &Value) -> u64 {
    value.to_string().chars().count() as u64 * 4
}

proptest! {
    #[test]
    fn the_scan_agrees_with_a_tree(entries in proptest::collection::btree_map(keys(), values(), 0..6)) {
        let body = Value::Object(entries.into_iter().collect()).to_string();
        let tree: Value = serde_json::from_str(&body).unwrap();
        let found = chat(&body);
        prop_assert_eq!(found.model.as_deref(), tree["model"].as_str());
        prop_assert_eq!(found.streaming, tree["stream"] == true);
        prop_assert_eq!(found.asks_usage, tree["stream_options"]["include_usage"] == true);
        prop_assert_eq!(found.model_spans.len(), usize::from(tree.get("model").is_some()));
        for span in found.model_spans {
            let value: Value = serde_json::from_str(&body[span]).unwrap();
            prop_assert_eq!(&value, &tree["model"]);
        }
        prop_assert!(found.size.prompt_chars <= text_bound(&tree["messages"]) + text_bound(&tree["tools"]));
    }

    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = peek(&body, Operation::Chat);
    }

    #[test]
    fn no_damaged_body_makes_it_panic(cut in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let body = br#"{"model":"a\u00e9","messages":[{"content":"x\ny"}],"n":1.5e3,"stream":true}"#;
        let mut damaged = body.to_vec();
        let place = cut.index(damaged.len());
        damaged[place] = byte;
        let _ = peek(&damaged, Operation::Chat);
        prop_assert!(peek(&body[..place], Operation::Chat).is_err());
    }
}

#[test]
fn what_is_stored_elsewhere_is_found_in_pictures_voices_and_sound() {
    let of = |text: &str| crate::wire::fingerprint::of(text.as_bytes());
    let edit = br#"{"model":"m","prompt":"a tide","images":[{"file_id":"file-a"},{"image_url":"https://x/y.png"}],"mask":{"file_id":"file-b"}}"#;
    let seen = peek(edit, Operation::ImageEdits).unwrap();
    assert_eq!((seen.affinity.state, seen.size.prompt_chars), (["file-a", "file-b"].map(of).into(), 6));
    for (operation, body, expected) in [
        (Operation::Speech, r#"{"model":"m","input":"x","voice":{"id":"voice_a"}}"#, Some("voice_a")),
        (Operation::Speech, r#"{"model":"m","input":"x","voice":"alloy"}"#, None),
        (Operation::Chat, r#"{"audio":{"voice":{"id":"voice_a"},"format":"wav"},"messages":[]}"#, Some("voice_a")),
        (Operation::Chat, r#"{"audio":{"voice":"alloy"},"messages":[]}"#, None),
        (Operation::Chat, r#"{"messages":[{"role":"assistant","audio":{"id":"audio_a"}}]}"#, Some("audio_a")),
        (Operation::Chat, r#"{"messages":[{"role":"assistant","audio":null}]}"#, None),
    ] {
        let expected: Vec<u64> = expected.into_iter().map(of).collect();
        assert_eq!(peek(body.as_bytes(), operation).unwrap().affinity.state, expected, "{body}");
    }
}
