use serde_json::Value;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(100);

fn refused(reason: RefusalReason, wait: Option<Duration>) -> Reply {
    let refused = Refusal { reason, retry_at: wait.map(|wait| NOW.after(wait)) };
    refusal(&refused, NOW, "gpt-4o", ["gpt-4o-mini", "*"], Some("azure-east"), Scarce::Requests)
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.1.get(name).map(|value| value.to_str().unwrap())
}

fn message(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.2).unwrap();
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_short_wait_is_told_in_every_form_and_rounded_up() {
    for (micros, seconds, millis) in
        [(0, "1", "1"), (1, "1", "1"), (13_200_001, "14", "13201"), (60_000_000, "60", "60000")]
    {
        let reply = refused(RefusalReason::NoCapacityInTime, Some(Duration::from_micros(micros)));
        assert_eq!(reply.0, 429);
        assert_eq!(header(&reply, "retry-after"), Some(seconds));
        assert_eq!(header(&reply, "retry-after-ms"), Some(millis));
        assert_eq!(header(&reply, "x-should-retry"), Some("true"));
        assert_eq!(header(&reply, "x-tidegate-429-source"), Some("local"));
    }
}

#[test]
fn a_long_wait_is_capped_for_sdks_and_true_in_the_message() {
    let reply = refused(RefusalReason::LineFull, Some(Duration::from_secs(365)));
    assert_eq!(header(&reply, "retry-after"), Some("60"));
    assert_eq!(header(&reply, "retry-after-ms"), None);
    assert_eq!(header(&reply, "x-should-retry"), Some("false"));
    assert_eq!(message(&reply), "Too many requests are waiting already. The earliest room is in 6 min 5 s.");
    let reply = refused(RefusalReason::NoCapacityInTime, None);
    assert_eq!((header(&reply, "retry-after"), header(&reply, "x-should-retry")), (Some("60"), Some("false")));
}

#[test]
fn bodies_have_openais_shape() {
    let reply = refused(RefusalReason::NoCapacityInTime, Some(Duration::from_secs(14)));
    assert_eq!(
        serde_json::from_slice::<Value>(&reply.2).unwrap(),
        json!({"error": {
            "message": "No endpoint for model \"gpt-4o\" has room within the allowed wait. Try again in 14 s.",
            "type": "requests",
            "param": null,
            "code": "rate_limit_exceeded",
        }})
    );
    assert_eq!(header(&reply, "content-type"), Some("application/json"));
}

#[test]
fn a_429_says_what_is_short() {
    let refused =
        Refusal { reason: RefusalReason::NoCapacityInTime, retry_at: Some(NOW.after(Duration::from_secs(9))) };
    for (scarce, kind, lacks) in
        [(Scarce::Tokens, "tokens", "has enough tokens free"), (Scarce::Requests, "requests", "has room")]
    {
        let reply = refusal(&refused, NOW, "m", [], None, scarce);
        let body: Value = serde_json::from_slice(&reply.2).unwrap();
        assert_eq!(body["error"]["type"], kind);
        let told = format!("No endpoint for model \"m\" {lacks} within the allowed wait. Try again in 9 s.");
        assert_eq!(message(&reply), told);
    }
}

#[test]
fn every_refusal_has_its_status_and_only_throttles_claim_a_429() {
    for (reason, wait, status) in [
        (RefusalReason::TooLargeEverywhere, None, 400),
        (RefusalReason::UnknownModel, None, 404),
        (RefusalReason::NothingUsable, None, 503),
        (RefusalReason::AttemptsSpent, None, 502),
        (RefusalReason::AttemptsSpent, Some(5), 503),
        (RefusalReason::Stopping, None, 503),
        (RefusalReason::Cancelled, None, 503),
        (RefusalReason::StateElsewhere, None, 400),
        (RefusalReason::StateOutOfReach, None, 503),
        (RefusalReason::StateTorn, None, 400),
    ] {
        let reply = refused(reason, wait.map(Duration::from_secs));
        assert_eq!(reply.0, status, "{reason:?}");
        assert_eq!(header(&reply, "x-should-retry"), Some("false"), "{reason:?}");
        assert_eq!(header(&reply, "x-tidegate-429-source"), None, "{reason:?}");
        // Who was let go by hand is not to be back at once.
        let wait = wait.or((reason == RefusalReason::Cancelled).then_some(60)).map(|wait| wait.to_string());
        assert_eq!(header(&reply, "retry-after"), wait.as_deref(), "{reason:?}");
    }
}

#[test]
fn an_unknown_model_is_told_with_the_names_that_work() {
    let reply = refused(RefusalReason::UnknownModel, None);
    assert_eq!(
        message(&reply),
        "No route answers for model \"gpt-4o\". Routes: gpt-4o-mini. Ask for one of these, or add a route for it on \
         Tidegate's Routing page."
    );
    let refused = Refusal { reason: RefusalReason::UnknownModel, retry_at: None };
    let many: Vec<String> = (0..30).map(|place| format!("m{place}")).collect();
    let long = message(&refusal(
        &refused,
        NOW,
        &"x\n".repeat(500_000),
        many.iter().map(String::as_str),
        None,
        Scarce::Requests,
    ));
    assert!(long.len() < 1_000 && long.contains("m19, …. Ask for one"), "{long}");
    assert!(!long.contains('\n'));
    let empty = refusal(&refused, NOW, "x", [], None, Scarce::Requests);
    assert_eq!(empty.0, StatusCode::SERVICE_UNAVAILABLE, "nothing is wrong with a request while nothing is routed");
    assert!(message(&empty).starts_with("Tidegate has no routes yet"));
}

#[test]
fn plain_errors_have_their_statuses_and_say_not_to_retry() {
    for (reply, status) in [
        (bad_request("m"), 400),
        (forbidden("m"), 403),
        (not_found("m"), 404),
        (too_large("m"), 413),
        (bad_gateway("m"), 502),
        (unavailable("m"), 503),
    ] {
        assert_eq!((reply.0.as_u16(), message(&reply).as_str()), (status, "m"));
        assert_eq!(header(&reply, "x-should-retry"), Some("false"));
    }
}

#[test]
fn a_broken_stream_ends_with_an_error_that_our_own_reader_understands() {
    for operation in [Operation::Chat, Operation::Completions, Operation::Responses] {
        let event = stream_error(operation, "The service broke off.", Some(8));
        let mut reader = crate::wire::stream::StreamReader::new(operation);
        assert!(matches!(reader.read(&event), crate::wire::stream::StreamState::Failed(_)), "{operation:?}");
        let numbered = (operation == Operation::Responses).then_some(9);
        assert_eq!(reader.next_number(), numbered, "{operation:?}: where events are numbered, it is one of them");
    }
}

#[test]
fn spans_are_said_as_people_say_them() {
    for (seconds, said) in
        [(0, "1 s"), (59, "59 s"), (60, "1 min"), (365, "6 min 5 s"), (86_400, "24 h"), (5_400, "1 h 30 min")]
    {
        assert_eq!(Span(Duration::from_secs(seconds)).to_string(), said);
    }
}

#[test]
fn what_is_bound_elsewhere_is_told_with_the_account_and_the_way_out() {
    let elsewhere = message(&refused(RefusalReason::StateElsewhere, None));
    assert!(
        elsewhere.starts_with("The stored state that this request refers to lives in account \"azure-east\", which")
    );
    assert!(elsewhere.ends_with("or start anew without the stored state."), "{elsewhere}");
    let paused = message(&refused(RefusalReason::StateOutOfReach, None));
    assert!(paused.contains("\"azure-east\", none of whose endpoints can be used: they are paused"), "{paused}");
    let busy = refused(RefusalReason::StateOutOfReach, Some(Duration::from_secs(14)));
    assert_eq!((busy.0.as_u16(), header(&busy, "retry-after")), (429, Some("14")));
    assert!(message(&busy).ends_with("which has no room within the allowed wait. Try again in 14 s."));
}

#[test]
fn what_was_repeated_as_often_as_it_may_be_is_not_to_be_repeated_by_the_client() {
    for (status, wait, expected) in [
        (500, None, Some("false")),
        (503, Some("90"), Some("false")),
        (503, Some("2"), None),
        (408, None, Some("false")),
        (409, None, Some("false")),
        (429, None, Some("false")),
        (429, Some("90"), Some("false")),
        (429, Some("60"), None),
        (400, None, None),
        (200, None, None),
    ] {
        let mut headers = HeaderMap::new();
        wait.map(|wait| headers.insert("retry-after", HeaderValue::from_static(wait)));
        tell_exhausted(StatusCode::from_u16(status).unwrap(), &mut headers, 0);
        let told = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
        assert_eq!(told, expected, "{status}, {wait:?}");
    }
    let mut headers = HeaderMap::from_iter([(SHOULD_RETRY, HeaderValue::from_static("true"))]);
    tell_exhausted(StatusCode::BAD_GATEWAY, &mut headers, 0);
    assert_eq!(headers["x-should-retry"], "false", "the service knows nothing of our attempts");
}
