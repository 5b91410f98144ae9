//! Whatever comes as a body: what is read of it agrees with a plain JSON reader, and a rewritten one differs in nothing but
//! its model.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use tidegate::wire::patch::{Changes, ModelText, Piece, Seams, patched};
use tidegate::wire::peek::{BadBody, peek};
use tidegate::wire::runs::exam;
use tidegate_fuzz::{operation, split_off};

fuzz_target!(|input: &[u8]| {
    let Some(([choice], body)) = split_off(input) else { return };
    let plain: Option<Value> = serde_json::from_slice(body).ok();
    if let Some(exam) = exam("evals/e/runs", body) {
        assert_eq!(serde_json::from_slice::<String>(&body[exam.span]).ok(), Some(exam.model));
    }
    match peek(body, operation(choice)) {
        Ok(peek) => {
            let Some(Value::Object(plain)) = plain else {
                // Numbers that do not fit, halves of characters, and depth in what we pass over are for the service to judge.
                assert!(beyond_the_plain_reader(body), "read a body that is no JSON object");
                return;
            };
            assert_eq!(peek.model.as_deref(), plain.get("model").and_then(Value::as_str));
            assert_eq!(peek.is_empty, plain.is_empty());
            let renamed = renamed(body, &Seams::of_json(&peek));
            let Ok(Value::Object(mut renamed)) = serde_json::from_slice(&renamed) else {
                panic!("the rewritten body is no JSON object")
            };
            assert_eq!(renamed.insert("model".to_owned(), Value::Null), Some(Value::from("other \"one\"")));
            let mut plain = plain;
            plain.insert("model".to_owned(), Value::Null);
            assert_eq!(renamed, plain);
        }
        // Deeper than the plain reader goes, too.
        Err(BadBody::TooDeep { .. }) => {}
        Err(_) => assert!(!matches!(plain, Some(Value::Object(_))), "refused a sound body"),
    }
});

fn beyond_the_plain_reader(body: &[u8]) -> bool {
    let limits = ["number out of range", "recursion limit", "lone leading surrogate", "unexpected end of hex escape"];
    serde_json::from_slice::<Value>(body)
        .is_err_and(|error| limits.iter().any(|limit| error.to_string().starts_with(limit)))
}

/// The body with another model, put together as it is sent.
fn renamed(body: &[u8], seams: &Seams) -> Vec<u8> {
    let model = ModelText::from("other \"one\"");
    let memory = Bytes::copy_from_slice(body);
    let changes = Changes { model: Some(&model), ask_usage: false };
    let patched = patched(body.len() as u64, seams, changes, Some(&memory));
    let mut whole = Vec::new();
    for piece in patched.pieces {
        match piece {
            Piece::Kept(span) => whole.extend_from_slice(&body[span.start as usize..span.end as usize]),
            Piece::New(text) => whole.extend_from_slice(&text),
        }
    }
    assert_eq!(whole.len() as u64, patched.length);
    whole
}
