use proptest::prelude::*;

use super::*;
use FailureClass::{Blocked, ClientFault, KeyRejected, NotFound, Overloaded, ServerError, Throttled, Transient};

const NOW: u64 = 1_700_000_000_000;

fn of(status: u16, body: &str) -> Failure {
    classify(status, &HeaderMap::new(), body.as_bytes(), NOW)
}

fn error(code: &str, kind: &str, message: &str) -> String {
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

#[test]
fn azures_throttles_are_told_apart_by_their_words() {
    for (message, kind) in [
        (
            "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2023-05-15 have exceeded \
             token rate limit of your current OpenAI S0 pricing tier. Please retry after 14 seconds.",
            ThrottleKind::Tokens,
        ),
        (
            "Requests to the Embeddings_Create Operation have exceeded call rate limit of your current OpenAI S0 \
             pricing tier. Please retry after 4 seconds.",
            ThrottleKind::Requests,
        ),
        (
            "Your requests to gpt-4.1 for gpt-4.1 in East US 2 have exceeded the token rate limit for your current tier.",
            ThrottleKind::Tokens,
        ),
        (
            "The service is temporarily unable to process your request. Please try again later.",
            ThrottleKind::SharedCapacity,
        ),
        ("We are experiencing high demand.", ThrottleKind::SharedCapacity),
        ("Your request exceeds the maximum usage size allowed during peak load.", ThrottleKind::SharedCapacity),
        ("The provisioned-managed deployment is above 100 % utilization.", ThrottleKind::Utilization),
        (
            "Requests have exceeded the token rate limit of the Global Standard quota of your subscription. Please retry \
             after 9 seconds.",
            ThrottleKind::Pool,
        ),
        ("The call rate limit of your subscription is exceeded.", ThrottleKind::Requests),
        ("Too many requests.", ThrottleKind::Unknown),
    ] {
        for code in ["429", "RateLimitReached"] {
            assert_eq!(of(429, &error(code, "", message)).class, Throttled(kind), "{message}");
        }
    }
}

#[test]
fn openais_codes_decide_before_words_and_status() {
    let limit = "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, \
                 Requested 1287. Please try again in 2.572s.";
    let offer = "Rate limit reached for gpt-4 in organization org-x on requests per min. Limit: 3 / min. Please try again \
                 in 20s. Contact us through our help center if you continue to have issues. Please add a payment method to \
                 your account to increase your rate limit. Visit https://platform.openai.com/account/billing to add a \
                 payment method.";
    for (status, code, kind, message, class) in [
        (429, "rate_limit_exceeded", "tokens", limit, Throttled(ThrottleKind::Tokens)),
        (429, "rate_limit_exceeded", "requests", "Rate limit reached.", Throttled(ThrottleKind::Requests)),
        (
            429,
            "rate_limit_exceeded",
            "requests",
            "on requests per min (RPM): Limit 3",
            Throttled(ThrottleKind::Requests),
        ),
        (
            429,
            "rate_limit_exceeded",
            "requests",
            "on requests per day (RPD): Limit 200",
            Throttled(ThrottleKind::Daily),
        ),
        (
            429,
            "rate_limit_exceeded",
            "tokens",
            "Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000.",
            Throttled(ThrottleKind::TooLarge),
        ),
        (429, "rate_limit_exceeded", "requests", offer, Throttled(ThrottleKind::Requests)),
        (429, "rate_limit_exceeded", "", offer, Throttled(ThrottleKind::Requests)),
        (429, "", "requests", offer, Throttled(ThrottleKind::Requests)),
        (429, "", "", offer, Throttled(ThrottleKind::Requests)),
        (429, "rate_limit_exceeded", "tokens", "See your billing details.", Throttled(ThrottleKind::Tokens)),
        (429, "", "", "Please check your plan and billing details.", Throttled(ThrottleKind::OutOfCredit)),
        (429, "", "", "Billing hard limit has been reached", Throttled(ThrottleKind::OutOfCredit)),
        (429, "slow_down", "rate_limit_error", "Slow down", Throttled(ThrottleKind::Growth)),
        (503, "slow_down", "rate_limit_error", "", Throttled(ThrottleKind::Growth)),
        (429, "429", "", "Your traffic has increased too quickly.", Throttled(ThrottleKind::Growth)),
        (429, "credit_balance_exhausted", "", "", Throttled(ThrottleKind::OutOfCredit)),
        (429, "organization_spend_limit_exceeded", "", "", Throttled(ThrottleKind::OutOfCredit)),
        (429, "project_spend_limit_exceeded", "", "", Throttled(ThrottleKind::ProjectLimit)),
        (429, "organization_usage_limit_exceeded", "", "", Throttled(ThrottleKind::OutOfCredit)),
        (429, "insufficient_quota", "insufficient_quota", "", Throttled(ThrottleKind::OutOfCredit)),
        (429, "", "insufficient_quota", "", Throttled(ThrottleKind::OutOfCredit)),
        (429, "", "", "You exceeded your current quota, please check your plan", Throttled(ThrottleKind::OutOfCredit)),
        (503, "server_is_overloaded", "service_unavailable_error", "", Overloaded),
        (429, "token_limit_exceeded", "", "Enqueued token limit reached", ClientFault),
        (400, "content_filter", "", "The response was filtered", ClientFault),
        (400, "invalid_encrypted_content", "", "", ClientFault),
        (404, "previous_response_not_found", "", "The deployment has no response `x`: not found.", ClientFault),
        (404, "model_not_found", "invalid_request_error", "The model `x` does not exist", NotFound),
        (403, "model_not_found", "invalid_request_error", "Project has no access to model x", NotFound),
        (404, "DeploymentNotFound", "", "The API deployment for this resource does not exist.", NotFound),
        (404, "", "", "The model `x` does not exist or you do not have access to it.", NotFound),
        (404, "404", "", "Resource not found", ClientFault),
        (401, "401", "", "Access denied due to invalid subscription key or wrong API endpoint.", KeyRejected),
        (401, "invalid_api_key", "", "Incorrect API key provided", KeyRejected),
        (403, "unsupported_country_region_territory", "", "", Blocked),
    ] {
        assert_eq!(of(status, &error(code, kind, message)).class, class, "{status} {code} {kind} {message}");
    }
}

#[test]
fn without_words_the_status_decides() {
    for (status, class) in [
        (400, ClientFault),
        (401, KeyRejected),
        (402, Throttled(ThrottleKind::OutOfCredit)),
        (403, Blocked),
        (404, ClientFault),
        (408, Transient),
        (409, Transient),
        (413, ClientFault),
        (422, ClientFault),
        (429, Throttled(ThrottleKind::Unknown)),
        (500, ServerError),
        (502, ServerError),
        (503, Overloaded),
        (504, ServerError),
        (529, Overloaded),
        (302, ClientFault),
    ] {
        for body in ["", "{}", "null", "<html>oops</html>", "{\"error\":null}"] {
            let failure = of(status, body);
            assert_eq!((failure.class, failure.status), (class, Some(status)), "{status} {body}");
            assert!(failure.reached);
        }
    }
}

#[test]
fn the_wait_in_the_message_counts_only_where_headers_are_silent() {
    for (message, millis) in [
        ("Please retry after 14 seconds.", Some(14_000)),
        ("Please retry after 86400 seconds.", Some(86_400_000)),
        ("Please try again in 2.572s.", Some(2_572)),
        ("Please try again in 6m0s. Visit", Some(360_000)),
        ("Please try again in 20ms.", Some(20)),
        ("retry after 250 milliseconds", Some(250)),
        ("Please retry after 2 minutes", Some(120_000)),
        ("Please try again later.", None),
        ("retry after ", None),
        ("retry after -5 seconds", None),
    ] {
        let failure = of(429, &error("429", "", message));
        assert_eq!(failure.facts.retry_after, millis.map(Duration::from_millis), "{message}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", http::HeaderValue::from_static("3"));
    let body = error("429", "", "Please retry after 14 seconds.");
    let failure = classify(429, &headers, body.as_bytes(), NOW);
    assert_eq!(failure.facts.retry_after, Some(Duration::from_secs(3)));
}

#[test]
fn headers_tell_which_limit_where_words_do_not() {
    for (name, value, kind) in [
        ("policy-id", "DeploymentRatelimit-Token", ThrottleKind::Tokens),
        ("x-ratelimit-remaining-tokens", "0", ThrottleKind::Tokens),
        ("x-ratelimit-remaining-requests", "0", ThrottleKind::Requests),
        ("x-ratelimit-remaining-requests", "-1", ThrottleKind::Unknown),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_static(value));
        assert_eq!(classify(429, &headers, b"{}", NOW).class, Throttled(kind), "{name}: {value}");
    }
}

#[test]
fn other_envelopes_and_cut_off_bodies_are_read_too() {
    for body in [
        r#"{"error":{"code":429,"message":"exceeded token rate limit"}}"#,
        r#"{"statusCode":429,"message":"exceeded token rate limit"}"#,
        r#"{"error":"exceeded token rate limit"}"#,
        r#"[{"error":{"message":"exceeded token rate limit"}}]"#,
        r#"{"error":{"code":"429","message":"exceeded Token Rate Limit of your cur"#,
        "exceeded token rate limit",
    ] {
        assert_eq!(of(429, body).class, Throttled(ThrottleKind::Tokens), "{body}");
    }
}

#[test]
fn an_error_inside_a_stream_is_classified_by_the_same_words() {
    for (data, class) in [
        (r#"{"type":"error","code":"rate_limit_exceeded","message":"x (TPM)"}"#, Throttled(ThrottleKind::Tokens)),
        (r#"{"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded"}}"#, Throttled(ThrottleKind::Tokens)),
        (r#"{"error":{"message":"The server had an error","type":"server_error"}}"#, ServerError),
        (r#"{"error":{"message":"bad","type":"invalid_request_error"}}"#, ClientFault),
        (r#"{"response":{"error":{"code":"server_is_overloaded"}}}"#, Overloaded),
        (r#"{"response":{"error":null}}"#, ServerError),
    ] {
        assert_eq!(of_event(data.as_bytes()).class, class, "{data}");
    }
}

proptest! {
    #[test]
    fn any_answer_is_classified(status in any::<u16>(), body in proptest::collection::vec(any::<u8>(), 0..64)) {
        let failure = classify(status, &HeaderMap::new(), &body, NOW);
        prop_assert_eq!(failure.status, Some(status));
    }
}

#[test]
fn a_whole_answer_that_says_that_it_failed_is_classed_as_its_stream_is() {
    let class = |operation, text: &str| in_document(operation, text.as_bytes()).map(|failure| failure.class);
    let requests = Some(FailureClass::Throttled(ThrottleKind::Requests));
    let long = "rate limit, insufficient_quota; ".repeat(2_000);
    for (operation, text, expected) in [
        (Operation::Chat, r#"{"error":{"code":"rate_limit_exceeded","type":"requests"}}"#.to_owned(), requests),
        (Operation::Chat, r#"{ "error" : "the engine is overloaded" }"#.to_owned(), Some(FailureClass::Overloaded)),
        (
            Operation::Responses,
            format!(
                r#"{{"instructions":"{long}","status":"failed","error":{{"code":"rate_limit_exceeded","message":"requests per min"}}}}"#
            ),
            requests,
        ),
        (
            Operation::Responses,
            format!(r#"{{"status":"failed","error":null,"instructions":"{long}"}}"#),
            Some(FailureClass::ServerError),
        ),
        (Operation::Responses, r#"{"status":"completed","error":null}"#.to_owned(), None),
        (Operation::Chat, r#"{"choices":[{"message":{"content":"\"error\":{"}}],"status":"failed"}"#.to_owned(), None),
        (
            Operation::Chat,
            r#"{"choices":[{"content_filter_results":{"error":{"code":"x"}}}],"error":{}}"#.to_owned(),
            None,
        ),
        (Operation::Chat, r#"{"error":"","ok":true}"#.to_owned(), None),
        // What is looked at is what was kept, and it is there.
        (Operation::Stored, r#"{"status":"failed","error":{"code":"rate_limit_exceeded"}}"#.to_owned(), None),
        (Operation::Chat, "not json \"error\":1".to_owned(), None),
    ] {
        assert_eq!(class(operation, &text), expected, "{}", &text[..text.len().min(99)]);
    }
}

#[test]
fn an_event_that_repeats_much_of_what_was_asked_is_classed_by_its_error_alone() {
    let long = "rate limit exceeded ".repeat(2_000);
    let failed = |error: &str| {
        let event = format!(
            r#"{{"type":"response.failed","response":{{"instructions":"{long}","error":{error},"status":"failed"}}}}"#
        );
        of_event(event.as_bytes()).class
    };
    assert_eq!(failed(r#"{"code":"server_is_overloaded","message":""}"#), FailureClass::Overloaded);
    assert_eq!(failed("null"), FailureClass::ServerError);
}
