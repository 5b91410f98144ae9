use super::*;

#[test]
fn every_shape_is_read() {
    let chat = br#"{"id":"x","choices":[{"message":{"content":"\"usage\": 1"}}],"usage":{"prompt_tokens":19,
        "completion_tokens":30,"total_tokens":49,"prompt_tokens_details":{"cached_tokens":7,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":11}}}"#;
    let usage = Usage { input: 19, cached: 7, output: 30, reasoning: 11, exact: true, ..Usage::default() };
    assert_eq!(of_body(Operation::Chat, chat), Some(usage));
    let responses = br#"{"output":[],"usage":{"input_tokens":19,"input_tokens_details":{"cached_tokens":7},
        "output_tokens":30,"output_tokens_details":{"reasoning_tokens":11},"total_tokens":49}}"#;
    assert_eq!(of_body(Operation::Responses, responses), Some(usage));
    let embeddings = br#"{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#;
    let usage = Usage { input: 8, exact: true, ..Usage::default() };
    assert_eq!(of_body(Operation::Embeddings, embeddings), Some(usage));
}

#[test]
fn a_transcription_tells_its_tokens_or_its_length() {
    let of = |usage: &str| of_body(Operation::Transcriptions, format!(r#"{{"text":"x","usage":{usage}}}"#).as_bytes());
    let tokens = of(r#"{"type":"tokens","input_tokens":14,"output_tokens":45,"total_tokens":59}"#);
    assert_eq!(tokens, Some(Usage { input: 14, output: 45, exact: true, ..Usage::default() }));
    let transcribed = Transcribed { tokens: 0, millis: 9_000 };
    let by_length = Some(Usage { exact: true, transcribed, ..Usage::default() });
    assert_eq!(of(r#"{"type":"duration","seconds":9}"#), by_length);
    assert_eq!(of(r#"{"type":"duration","seconds":-1}"#), None);
}

#[test]
fn nothing_is_made_up_where_nothing_is_reported() {
    for body in [
        &b""[..],
        b"{}",
        b"[]",
        b"null",
        br#"{"usage":null}"#,
        br#"{"usage":{}}"#,
        br#"{"usage":7}"#,
        br#"[{"prompt_tokens":1}]"#,
        br#"{"usage":{"prompt_tokens":-1}}"#,
        br#"{"choices":[{"usage":{"prompt_tokens":1}}]}"#,
        br#"{"usage":{"prompt_tokens":1}"#,
        b"\xff",
    ] {
        assert_eq!(of_body(Operation::Chat, body), None, "{}", String::from_utf8_lossy(body));
    }
}
