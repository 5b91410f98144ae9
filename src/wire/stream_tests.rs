use super::super::stored::Left;
use super::*;
use crate::model::outcome::{FailureClass, ThrottleKind};

/// The state after each chunk, and the end.
fn play(operation: Operation, chunks: &[&str]) -> (Vec<StreamState>, StreamEnd) {
    let mut reader = StreamReader::new(operation);
    let states = chunks.iter().map(|chunk| reader.read(chunk.as_bytes())).collect();
    (states, reader.finish())
}

fn class(state: &StreamState) -> Option<FailureClass> {
    match state {
        StreamState::Failed(failure) => Some(failure.class),
        StreamState::Undecided | StreamState::Decisive => None,
    }
}

const FILTER: &str = "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n";
const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"index\":0}]}\n\n";
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"index\":0}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":2,\"total_tokens\":10}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn a_chat_stream_commits_at_its_first_output_and_reports_its_usage() {
    let (states, end) = play(Operation::Chat, &[": hello\n\n", FILTER, ROLE, WORD, WORD, STOP, USAGE, DONE]);
    assert!(states[..3].iter().all(|state| *state == StreamState::Undecided));
    assert!(states[3..].iter().all(|state| *state == StreamState::Decisive));
    let usage = Usage { input: 8, output: 2, exact: true, ..Usage::default() };
    assert_eq!(end, StreamEnd { complete: true, is_last: true, usage: Some(usage), failure: None, work: None });
}

#[test]
fn a_choice_that_only_begins_is_announced_and_anything_of_it_is_output() {
    let chunk = |choice: &str| format!("data: {{\"choices\":[{{\"index\":0,{choice}}}]}}\n\n");
    for begins in [
        r#""delta":{"role":"assistant","content":null,"refusal":null,"tool_calls":[]},"finish_reason":null"#,
        r#""delta":{"role":"assistant","reasoning_content":""},"logprobs":null"#,
        r#""text":"","finish_reason":null"#,
        r#""content_filter_offsets":{"end_offset":4},"content_filter_results":{},"finish_reason":null"#,
    ] {
        let mut reader = StreamReader::new(Operation::Chat);
        assert_eq!(reader.read(chunk(begins).as_bytes()), StreamState::Undecided, "{begins}");
        assert!(reader.announces() && !reader.has_output(), "{begins}");
        let _ = reader.read(WORD.as_bytes());
        assert!(!reader.announces() && reader.has_output());
    }
    for says in [
        r#""delta":{"role":"assistant","content":" "}"#,
        r#""delta":{"role":"assistant","reasoning":"Hm"}"#,
        r#""delta":{"role":"assistant","tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
        r#""delta":{},"finish_reason":"stop""#,
        r#""text":"a""#,
        r#""message":{"content":"a"}"#,
    ] {
        assert_eq!(play(Operation::Chat, &[&chunk(says)]).0, [StreamState::Decisive], "{says}");
    }
    assert!(!StreamReader::new(Operation::Chat).announces(), "a comment announces nothing");
}

#[test]
fn a_failure_right_behind_what_announces_output_may_go_elsewhere() {
    let error = "data: {\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\",\"type\":\"requests\"}}\n\n";
    let throttled = Some(FailureClass::Throttled(ThrottleKind::Requests));
    assert_eq!(class(&play(Operation::Chat, &[ROLE, error]).0[1]), throttled);
    let item = "data: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\",\"content\":[]}}\n\n";
    let part = "data: {\"type\":\"response.content_part.added\",\"part\":{\"text\":\"\"}}\n\n";
    let (states, _) = play(Operation::Responses, &[CREATED, item, part, error]);
    assert_eq!(states[..3], [StreamState::Undecided, StreamState::Undecided, StreamState::Undecided]);
    assert_eq!(class(&states[3]), throttled);
}

#[test]
fn an_answer_of_several_choices_is_whole_once_each_is_finished() {
    let stop = |index: u64| {
        format!("data: {{\"choices\":[{{\"delta\":{{}},\"index\":{index},\"finish_reason\":\"stop\"}}]}}\n\n")
    };
    let whole = |chunks: &[&str]| {
        let mut reader = StreamReader::new(Operation::Chat).of_choices(2);
        for chunk in chunks {
            let _ = reader.read(chunk.as_bytes());
        }
        reader.finish().complete
    };
    assert!(!whole(&[WORD, &stop(0)]) && !whole(&[WORD, &stop(0), &stop(0)]), "the other goes on");
    assert!(whole(&[WORD, &stop(1), WORD, &stop(0)]) && whole(&[WORD, &stop(0), DONE]));
}

#[test]
fn within_responses_that_are_resumed_and_runs_parts_end_before_the_whole() {
    let event = |name: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\",\"object\":\"x\"}}\n\n");
    for (operation, parts, whole) in [
        (
            Operation::Stored,
            &["response.output_text.done", "response.content_part.done", "response.web_search_call.completed"][..],
            &["response.completed", "response.incomplete", "response.failed"][..],
        ),
        (
            Operation::Run,
            &["thread.message.completed", "thread.run.step.completed", "thread.run.in_progress"],
            &["thread.run.completed", "thread.run.expired", "thread.run.requires_action", "done"],
        ),
        (Operation::Speech, &["speech.audio.delta"], &["speech.audio.done"]),
        (Operation::Stored, &["x.begun"], &["x.done"]),
    ] {
        for part in parts {
            assert!(!play(operation, &[&event(part)]).1.complete, "{part}");
        }
        for end in whole {
            assert!(play(operation, &[&event(parts[0]), &event(end)]).1.complete, "{end}");
        }
    }
}

#[test]
fn a_last_event_that_carries_a_picture_is_read_all_the_same() {
    let picture = "iVBOR".repeat(600_000);
    let usage = r#"{"input_tokens":5,"output_tokens":7}"#;
    let expected = Some(Usage { input: 5, output: 7, exact: true, ..Usage::default() });
    let drawn =
        format!("event: image_generation.completed\ndata: {{\"b64_json\":\"{picture}\",\"usage\":{usage}}}\n\n");
    let response = format!(
        "data: {{\"type\":\"response.completed\",\"response\":{{\"output\":[{{\"result\":\"{picture}\"}}],\"usage\":{usage}}}}}\n\n"
    );
    for (operation, last) in [(Operation::Images, drawn), (Operation::Responses, response)] {
        for pieces in [16_384, last.len()] {
            let mut reader = StreamReader::new(operation);
            last.as_bytes().chunks(pieces).for_each(|piece| drop(reader.read(piece)));
            let end = reader.finish();
            assert_eq!((end.complete, end.usage, end.failure), (true, expected, None), "{operation:?}");
        }
    }
}

#[test]
fn without_reported_usage_deltas_are_counted_as_at_least() {
    let (_, end) = play(Operation::Chat, &[ROLE, WORD, WORD, WORD]);
    let usage = Usage { output: 3, exact: false, ..Usage::default() };
    assert_eq!(end, StreamEnd { complete: false, is_last: false, usage: Some(usage), failure: None, work: None });
    let completions = "data: {\"choices\": [{\"text\": \"a\"}]}\n\ndata: {\"choices\": [{\"text\": \"\"}]}\n\n";
    assert_eq!(play(Operation::Completions, &[completions]).1.usage.map(|usage| usage.output), Some(1));
    assert_eq!(play(Operation::Chat, &[FILTER]).1.usage, None);
}

#[test]
fn a_last_event_that_is_cut_is_not_the_last_word() {
    for (operation, whole, cut) in [
        (Operation::Chat, "data: [DONE]\n\n", "data: [DONE]\n"),
        (
            Operation::Responses,
            "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n",
            "event: response.completed\ndata: {\"type\":\"respo",
        ),
    ] {
        assert!(play(operation, &[whole]).1.is_last, "{operation:?}");
        assert!(!play(operation, &[cut]).1.is_last, "{operation:?}");
    }
}

#[test]
fn a_torn_event_before_any_output_binds_nobody() {
    for operation in [Operation::Chat, Operation::Completions, Operation::Responses] {
        let torn = "data: {\"choices\":[{\"del not what was meant\n\n";
        assert_eq!(play(operation, &[torn]).0, [StreamState::Undecided], "{operation:?}");
    }
}

#[test]
fn a_chat_stream_is_whole_once_its_reason_to_finish_has_come() {
    assert!(!play(Operation::Chat, &[ROLE, WORD]).1.complete);
    assert!(play(Operation::Chat, &[ROLE, WORD, STOP]).1.complete);
    let quoted = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\"\"}}]}\n\n";
    assert!(!play(Operation::Chat, &[ROLE, quoted]).1.complete, "generated text finishes nothing");
}

#[test]
fn an_error_before_output_fails_and_after_output_is_only_noted() {
    let error = "data: {\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\",\"type\":\"requests\"}}\n\n";
    let throttled = FailureClass::Throttled(ThrottleKind::Requests);
    let (states, end) = play(Operation::Chat, &[FILTER, error]);
    assert_eq!(class(&states[1]), Some(throttled));
    assert!(!end.complete);
    let (states, end) = play(Operation::Chat, &[WORD, error]);
    assert_eq!(states, [StreamState::Decisive, StreamState::Decisive]);
    assert_eq!(end.failure.map(|failure| failure.class), Some(throttled));
}

#[test]
fn the_words_error_and_usage_in_generated_text_mean_nothing() {
    let text = r#"{\"error\":{\"code\":\"slow_down\"},\"usage\":{\"prompt_tokens\":9}}"#;
    let chunk = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    let (states, end) = play(Operation::Chat, &[&chunk]);
    assert_eq!(states, [StreamState::Decisive]);
    assert_eq!(end.failure, None);
    assert_eq!(end.usage.map(|usage| usage.exact), Some(false));
    let filter_outage = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"content_filter_results\":{\"error\":{\"code\":\"x\"}}}]}\n\n";
    assert_eq!(play(Operation::Chat, &[filter_outage]).1.failure, None);
}

const CREATED: &str =
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n";
const RUNNING: &str = "event: response.in_progress\ndata: {\"type\":\"response.in_progress\"}\n\n";
const DELTA: &str =
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n";

#[test]
fn a_responses_stream_commits_at_output_and_ends_with_its_usage() {
    for name in ["completed", "incomplete"] {
        let last = format!(
            "event: response.{name}\ndata: {{\"type\":\"response.{name}\",\"response\":{{\"usage\":{{\"input_tokens\":5,\
             \"input_tokens_details\":{{\"cached_tokens\":1}},\"output_tokens\":7,\
             \"output_tokens_details\":{{\"reasoning_tokens\":3}}}}}}}}\n\n"
        );
        let (states, end) = play(Operation::Responses, &[CREATED, RUNNING, DELTA, &last]);
        assert_eq!(states[..2], [StreamState::Undecided, StreamState::Undecided]);
        assert_eq!(states[2..], [StreamState::Decisive, StreamState::Decisive]);
        let usage = Usage { input: 5, cached: 1, output: 7, reasoning: 3, exact: true, ..Usage::default() };
        assert_eq!(end, StreamEnd { complete: true, is_last: true, usage: Some(usage), failure: None, work: None });
    }
}

#[test]
fn a_rate_limit_inside_a_200_is_found_behind_a_failure_without_cause() {
    let failed = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":null}}\n\n";
    let error =
        "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"tokens per min\"}\n\n";
    let throttled = FailureClass::Throttled(ThrottleKind::Tokens);
    let (states, end) = play(Operation::Responses, &[CREATED, failed, error]);
    assert_eq!(states[..2], [StreamState::Undecided, StreamState::Undecided]);
    assert_eq!(class(&states[2]), Some(throttled));
    assert_eq!(end.failure.map(|failure| failure.class), Some(throttled));
    let (_, end) = play(Operation::Responses, &[CREATED, failed]);
    assert_eq!(end.failure.map(|failure| failure.class), Some(FailureClass::ServerError));
}

#[test]
fn a_failure_with_its_cause_fails_at_once() {
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_is_overloaded\",\"message\":\"\"}}}\n\n";
    let (states, end) = play(Operation::Responses, &[CREATED, failed]);
    assert_eq!(class(&states[1]), Some(FailureClass::Overloaded));
    assert!(end.complete);
}

#[test]
fn events_without_a_name_are_known_by_their_type() {
    let unnamed = DELTA.split_once('\n').map(|(_, rest)| rest).unwrap();
    let late = "data: {\"response\":{\"output\":[{\"type\":\"message\"}]},\"type\":\"response.in_progress\"}\n\n";
    let (states, end) = play(Operation::Responses, &[late, unnamed]);
    assert_eq!(states, [StreamState::Undecided, StreamState::Decisive]);
    assert_eq!(end.usage.map(|usage| usage.output), Some(1));
}

#[test]
fn the_last_event_counts_even_without_its_blank_line() {
    assert!(play(Operation::Chat, &[WORD, "data: [DO", "NE]"]).1.complete);
}

#[test]
fn a_payload_that_cannot_be_read_passes_as_output() {
    assert_eq!(play(Operation::Chat, &["data: not json\n\n"]).0, [StreamState::Decisive]);
}

#[test]
fn what_a_stream_stores_is_told_as_soon_as_it_is_met() {
    let created = "event: response.created\ndata: {\"response\":{\"id\":\"resp_1\",\"output\":[]}}\n\n";
    let done =
        "event: response.output_item.done\ndata: {\"item\":{\"id\":\"rs_1\",\"encrypted_content\":\"sealed\"}}\n\n";
    let mut reader = StreamReader::new(Operation::Responses);
    let of = |text: &str| crate::wire::fingerprint::of(text.as_bytes());
    let _ = reader.read(created.as_bytes());
    assert_eq!(reader.take_stored(), Left { stored: vec![of("resp_1")], sealed: Vec::new() });
    for half in [&done[..40], &done[40..]] {
        let _ = reader.read(half.as_bytes());
    }
    assert_eq!(reader.take_stored(), Left { stored: vec![of("rs_1")], sealed: vec![of("sealed")] });
    let _ = reader.read(created.as_bytes());
    assert_eq!(reader.take_stored(), Left::default(), "nothing is told twice");
}

#[test]
fn a_response_in_the_background_is_bound_to_its_endpoint_once_it_is_begun() {
    let event = |background: bool, status: &str| {
        let response =
            format!(r#"{{"object":"response","id":"resp_1","status":"{status}","background":{background}}}"#);
        format!("data: {{\"type\":\"response.{status}\",\"response\":{response}}}\n\n")
    };
    let (queued, failed) = (event(true, "queued"), event(true, "failed"));
    let (states, end) = play(Operation::Responses, &[&queued, &failed]);
    assert_eq!(states, [StreamState::Decisive, StreamState::Decisive], "it is not begun again elsewhere");
    assert!(end.failure.is_some());
    assert_eq!(play(Operation::Responses, &[&event(false, "queued")]).0, [StreamState::Undecided]);
    assert!(!bears_output(queued.as_bytes(), Operation::Responses), "what comes before output is still veiled");
}

#[test]
fn what_is_begun_in_the_background_has_no_output_yet() {
    let created = "data: {\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"id\":\"resp_1\",\"status\":\"queued\",\"background\":true}}\n\n";
    let mut reader = StreamReader::new(Operation::Responses);
    assert_eq!((reader.read(created.as_bytes()), reader.has_output()), (StreamState::Decisive, false));
    let _ = reader.read(DELTA.as_bytes());
    assert!(reader.has_output());
}

#[test]
fn a_bare_error_behind_the_begin_decides_wherever_the_bytes_are_cut() {
    for background in [true, false] {
        let response = format!(r#"{{"object":"response","id":"resp_1","status":"queued","background":{background}}}"#);
        let created = format!("data: {{\"type\":\"response.created\",\"response\":{response}}}\n\n");
        let error = "data: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"tokens per min\"}\n\n";
        let whole = [&created, error].concat();
        for cut in 0..=whole.len() {
            let mut reader = StreamReader::new(Operation::Responses);
            let states = [reader.read(&whole.as_bytes()[..cut]), reader.read(&whole.as_bytes()[cut..])];
            // Of work in the background its id went out with the first piece, where it was whole in that.
            let is_shown = background && (created.len()..whole.len()).contains(&cut);
            let bound = [StreamState::Decisive, StreamState::Decisive];
            assert_eq!(states == bound, is_shown, "cut at {cut}, in the background: {background}");
            assert!(is_shown || class(&states[1]).is_some(), "cut at {cut}, in the background: {background}");
        }
    }
}

#[test]
fn a_response_in_the_background_that_failed_before_it_was_heard_of_may_be_begun_elsewhere() {
    let created = "data: {\"type\":\"response.created\",\"response\":{\"object\":\"response\",\"id\":\"resp_1\",\"status\":\"queued\",\"background\":true}}\n\n";
    let failed = "data: {\"type\":\"response.failed\",\"response\":{\"error\":null}}\n\n";
    let error = "data: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"tokens per min\"}\n\n";
    let throttled = Some(FailureClass::Throttled(ThrottleKind::Tokens));
    let at_once = play(Operation::Responses, &[&[created, failed, error].concat()]).0;
    assert_eq!(at_once.iter().map(class).collect::<Vec<_>>(), [throttled]);
    let (states, _) = play(Operation::Responses, &[&[created, failed].concat(), error]);
    assert_eq!((&states[0], class(&states[1])), (&StreamState::Undecided, throttled), "its cause is waited for");
    let by_and_by = play(Operation::Responses, &[created, failed, error]).0;
    assert!(by_and_by.iter().all(|state| *state == StreamState::Decisive), "it was shown under way: {by_and_by:?}");
}

#[test]
fn a_chat_stream_that_sounds_tells_under_which_name_it_is_kept() {
    let mut reader = StreamReader::new(Operation::Chat);
    let _ = reader.read(ROLE.as_bytes());
    assert_eq!(reader.take_stored(), Left::default());
    let _ = reader.read(b"data: {\"choices\":[{\"delta\":{\"audio\":{\"id\":\"audio_a\",\"data\":\"\"}}}]}\n\n");
    assert_eq!(reader.take_stored().stored.len(), 1);
}
