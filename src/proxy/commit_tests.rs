//! When an answer is committed, in virtual time, beside when it would have begun and ended without us.

use http::Request;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use super::super::attempt::Until;
use super::super::spool::Kept;
use super::*;
use crate::model::config::Timeouts;
use crate::model::outcome::ThrottleKind;
use crate::proxy::deadlines::Deadlines;
use crate::wire::patch::Seams;

/// What a service says, each piece so many milliseconds after the request.
type Said = &'static [(u64, &'static str)];

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

fn asked(operation: Operation, stored: Option<&str>) -> Prepared {
    let (head, ()) = Request::new(()).into_parts();
    let mut prepared = Prepared::new(operation, head, Kept::default(), Seams::None);
    prepared.stored = stored.map(|path| (path.to_owned(), None));
    prepared
}

/// Commits what is said; after how many milliseconds, how many bytes were held, and when all of it was here.
async fn told(prepared: &Prepared, said: Said) -> (Result<(u64, usize), FailureClass>, u64) {
    let clock = Clock::start();
    let until = clock.deadline(Duration::from_mins(5));
    told_until(prepared, said, clock, until).await
}

/// The same with another deadline.
async fn told_until(
    prepared: &Prepared,
    said: Said,
    clock: Clock,
    deadline: Instant,
) -> (Result<(u64, usize), FailureClass>, u64) {
    let start = clock.now();
    let (ours, mut theirs) = tokio::io::duplex(4_096);
    tokio::spawn(async move {
        for (at, text) in said {
            tokio::time::sleep_until(clock.instant(start.after(Duration::from_millis(*at)))).await;
            let _ = theirs.write_all(text.as_bytes()).await;
        }
    });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(Request::new(http_body_util::Empty::<Bytes>::new())).await.unwrap();
    let mut watch = Deadlines::new(clock).watch();
    let passed = || u64::try_from(clock.now().since(start).as_millis()).unwrap();
    match commit(response, prepared, &clock, (&mut watch, deadline)).await {
        Ok(committed) => {
            let (at, held) = (passed(), committed.prefix.iter().map(Bytes::len).sum());
            let _ = committed.body.collect().await;
            (Ok((at, held)), passed())
        }
        Err(fault) => (Err(fault.failure.class), passed()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_of_unknown_length_is_committed_the_moment_it_is_whole() {
    let chat = asked(Operation::Chat, None);
    let quick: Said = &[(20, CHUNKED), (30, "2\r\n{}\r\n"), (40, "0\r\n\r\n")];
    assert_eq!(told(&chat, quick).await, (Ok((40, 2)), 40), "no later than without us");
}

#[tokio::test(start_paused = true)]
async fn a_slow_one_begins_a_second_after_its_head_at_most_and_ends_when_it_would_have() {
    let chat = asked(Operation::Chat, None);
    let slow: Said =
        &[(20, CHUNKED), (300, "1\r\n \r\n"), (900, "1\r\n \r\n"), (2_500, "2\r\n{}\r\n"), (2_510, "0\r\n\r\n")];
    assert_eq!(told(&chat, slow).await, (Ok((1_020, 2)), 2_510));
}

#[tokio::test(start_paused = true)]
async fn what_a_client_may_use_piece_by_piece_is_not_held_at_all() {
    const fn head(kind: &'static str) -> Said {
        match kind.as_bytes() {
            b"mpeg" => &[
                (20, "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 4\r\n\r\n"),
                (400, "ab"),
                (800, "cd"),
            ],
            b"jsonl" => &[
                (20, "HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\ntransfer-encoding: chunked\r\n\r\n"),
                (400, "3\r\n{}\n\r\n"),
                (800, "0\r\n\r\n"),
            ],
            b"ndjson" => &[
                (20, "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: 3\r\n\r\n"),
                (800, "{}\n"),
            ],
            _ => &[(20, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n"), (800, "{}")],
        }
    }
    let speech = asked(Operation::Speech, None);
    assert_eq!(told(&speech, head("mpeg")).await, (Ok((20, 0)), 800));
    let content = asked(Operation::Stored, Some("files/file-1/content"));
    assert_eq!(told(&content, head("jsonl")).await, (Ok((20, 0)), 800));
    assert_eq!(told(&content, head("json")).await, (Ok((20, 0)), 800), "whatever a file holds");
    let other = asked(Operation::Stored, Some("logs/next-year"));
    assert_eq!(told(&other, head("ndjson")).await, (Ok((20, 0)), 800));
    assert_eq!(told(&other, head("json")).await, (Ok((800, 2)), 800), "a document is");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_breaks_off_is_met_elsewhere_and_sound_that_does_is_passed_on() {
    let broken: Said = &[(20, CHUNKED), (30, "2\r\n{")];
    assert_eq!(told(&asked(Operation::Chat, None), broken).await.0, Err(FailureClass::Broken));
    let sound: Said = &[(20, "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 4\r\n\r\nab")];
    assert_eq!(told(&asked(Operation::Speech, None), sound).await.0, Ok((20, 0)));
}

#[tokio::test(start_paused = true)]
async fn a_model_may_think_for_twenty_nine_minutes_before_its_first_word_and_no_longer() {
    const BEGUN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: thinking\n\n";
    const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Six.\"}}]}\n\n";
    let late = 29 * 60 * 1_000;
    let thinks: Said = &[(20, BEGUN), (29 * 60 * 1_000 - 1, WORD)];
    let silent: Said = &[(20, BEGUN), (29 * 60 * 1_000 + 1, WORD)];
    for (said, expected) in [(thinks, Ok(late - 1)), (silent, Err(FailureClass::Timeout))] {
        let clock = Clock::start();
        let until = Until::stream(&Timeouts::default(), &clock);
        let (came, at) = told_until(&asked(Operation::Chat, None), said, clock, until.proof).await;
        assert_eq!(came.map(|(at, _)| at), expected, "after {at} ms");
    }
    let clock = Clock::start();
    let whole = Until::whole(&Timeouts::default(), &clock);
    assert_eq!(whole.head, clock.deadline(Duration::from_mins(29)), "in one piece, its head comes as late");
}

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const ROLE: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";

#[tokio::test(start_paused = true)]
async fn a_stream_that_announces_its_output_is_held_a_second_more_and_a_failure_meanwhile_goes_elsewhere() {
    const FULL: &str = "data: {\"error\":{\"code\":\"rate_limit_exceeded\",\"type\":\"tokens\"}}\n\n";
    const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Six.\"}}]}\n\n";
    let chat = asked(Operation::Chat, None);
    let full: Said = &[(20, EVENTS), (100, ROLE), (900, FULL)];
    assert_eq!(told(&chat, full).await.0, Err(FailureClass::Throttled(ThrottleKind::Tokens)));
    let word: Said = &[(20, EVENTS), (100, ROLE), (300, WORD), (5_000, FULL)];
    assert_eq!(told(&chat, word).await.0, Ok((300, ROLE.len() + WORD.len())), "with its first word");
    let thinks: Said = &[(20, EVENTS), (100, ROLE), (90_000, WORD)];
    assert_eq!(told(&chat, thinks).await, (Ok((1_100, ROLE.len())), 90_000), "its client is not kept from its head");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_says_that_it_failed_is_no_good_answer_whatever_was_asked_for() {
    let failed: Said = &[
        (20, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: 66\r\n\r\n"),
        (30, r#"{"status":"failed","error":{"code":"#),
        (40, r#" "rate_limit_exceeded"}       }"#),
    ];
    let throttled = Err(FailureClass::Throttled(ThrottleKind::Unknown));
    assert_eq!(told(&asked(Operation::Responses, None), failed).await.0, throttled);
    assert_eq!(told(&asked(Operation::Chat, None), failed).await.0, throttled);
    assert_eq!(
        told(&asked(Operation::Stored, Some("responses/resp_1")), failed).await.0,
        Ok((40, 66)),
        "that is what is kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_only_says_that_it_failed_is_classed_by_that() {
    const FAILED: &str = "event: response.failed\ndata: {\"response\":{\"error\":null}}\n\n";
    let said: Said = &[(20, EVENTS), (30, FAILED)];
    assert_eq!(told(&asked(Operation::Responses, None), said).await.0, Err(FailureClass::ServerError));
}
