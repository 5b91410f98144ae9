use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT

fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
    facts(&map(pairs), NOW).retry_after
}

#[test]
fn recorded_pairs_of_openai_are_read() {
    for (unit, limit, remaining, reset, expected) in [
        ("requests", "500", "499", "120ms", (500, 499, 120)),
        ("requests", "10,000", "9,999", "8.64s", (10_000, 9_999, 8_640)),
        ("tokens", "30000", "28713", "2.572s", (30_000, 28_713, 2_572)),
        ("tokens", "200000", "199780", "66ms", (200_000, 199_780, 66)),
        ("tokens", "10000", "0", "6m0s", (10_000, 0, 360_000)),
    ] {
        let mut headers = HeaderMap::new();
        for (what, value) in [("limit", limit), ("remaining", remaining), ("reset", reset)] {
            let name = HeaderName::try_from(format!("x-ratelimit-{what}-{unit}")).unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
        let facts = facts(&headers, NOW);
        let pair = if unit == "tokens" { facts.tokens } else { facts.requests };
        let (limit, remaining, reset) = expected;
        let reset = Some(Duration::from_millis(reset));
        assert_eq!(pair, LimitFacts { limit: Some(limit), remaining: Some(remaining), reset }, "{limit}");
    }
}

#[test]
fn azures_minus_one_is_unknown_and_not_zero() {
    let read = facts(
        &map(&[
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-reset-tokens", "0"),
        ]),
        NOW,
    );
    assert_eq!(read.tokens, LimitFacts { limit: None, remaining: None, reset: Some(Duration::ZERO) });
    assert_eq!(read.retry_after, None);
}

#[test]
fn older_answers_with_only_the_remaining_headers_are_read() {
    let read = facts(&map(&[("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-remaining-tokens", "9352")]), NOW);
    assert_eq!(read.requests, LimitFacts { remaining: Some(9), ..LimitFacts::default() });
    assert_eq!(read.tokens, LimitFacts { remaining: Some(9_352), ..LimitFacts::default() });
}

#[test]
fn utilization_is_read_in_permille_and_never_as_less_than_was_said() {
    for (value, expected) in [
        ("12.3%", Some(123)),
        ("12.3", Some(123)),
        (" 12.34 % ", Some(124)),
        ("0%", Some(0)),
        ("0.04%", Some(1)),
        ("7.%", Some(70)),
        ("100.0%", Some(1_000)),
        ("112.5%", Some(1_125)),
        ("", None),
        ("%", None),
        (".5%", None),
        ("-1%", None),
        ("1e3%", None),
        ("12.3%%", None),
        ("12,3%", None),
        ("9999999%", None),
    ] {
        let read = facts(&map(&[("azure-openai-deployment-utilization", value)]), NOW);
        assert_eq!(read.utilization, expected, "{value:?}");
    }
    assert_eq!(facts(&map(&[]), NOW).utilization, None);
}

#[test]
fn unreadable_values_are_unknown() {
    for value in ["", "abc", "0x10", "1e3", "--1", ",", "\u{b2}"] {
        let read = facts(&map(&[("x-ratelimit-limit-tokens", value), ("retry-after", value)]), NOW);
        assert_eq!(read.tokens.limit, None, "{value:?}");
        assert_eq!(read.retry_after, None, "{value:?}");
    }
    let read = facts(&map(&[("x-ratelimit-limit-tokens", "99999999999999999999999")]), NOW);
    assert_eq!(read.tokens.limit, Some(u64::MAX));
}

#[test]
fn every_form_of_a_wait_is_read() {
    for (name, value, millis) in [
        ("retry-after", "5", Some(5_000)),
        ("retry-after", "0", Some(0)),
        ("retry-after", "0.5", Some(500)),
        ("retry-after", "86400", Some(86_400_000)),
        ("retry-after", "6m0s", Some(360_000)),
        ("retry-after", "88ms", Some(88)),
        ("retry-after", "-1", None),
        ("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT", Some(30_000)),
        ("retry-after", "Tue, 14 Nov 2023 22:10:00 GMT", Some(0)),
        ("retry-after-ms", "1250", Some(1_250)),
        ("retry-after-ms", "-1", None),
        ("x-rate-limit-reset-tokens", "17", Some(17_000)),
        ("x-ratelimit-reset-tokens", "17", None),
    ] {
        assert_eq!(wait(&[(name, value)]), millis.map(Duration::from_millis), "{name}: {value}");
    }
}

#[test]
fn of_several_waits_the_longest_counts() {
    assert_eq!(wait(&[("retry-after-ms", "900"), ("retry-after", "1")]), Some(Duration::from_secs(1)));
    assert_eq!(wait(&[("retry-after-ms", "1900"), ("retry-after", "1")]), Some(Duration::from_millis(1_900)));
    assert_eq!(wait(&[("retry-after", "3"), ("retry-after", "8")]), Some(Duration::from_secs(8)));
    assert_eq!(wait(&[("retry-after", "1"), ("x-rate-limit-reset-tokens", "9")]), Some(Duration::from_secs(9)));
}

#[test]
fn project_limits_are_read_where_no_others_are() {
    let read = facts(&map(&[("x-ratelimit-limit-project-tokens", "100")]), NOW);
    assert_eq!(read.tokens.limit, Some(100));
    let both = [("x-ratelimit-limit-project-tokens", "100"), ("x-ratelimit-limit-tokens", "200")];
    assert_eq!(facts(&map(&both), NOW).tokens.limit, Some(200));
}

#[test]
fn no_credential_or_identity_of_the_client_goes_upstream() {
    let mut headers = map(&[
        ("authorization", "Bearer client"),
        ("api-key", "client"),
        ("x-api-key", "client"),
        ("openai-organization", "org-client"),
        ("openai-project", "proj-client"),
        ("cookie", "a=b"),
        ("proxy-authorization", "Basic x"),
        ("proxy-whatever", "x"),
        ("host", "127.0.0.1"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("forwarded", "for=x"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-tidegate-priority", "bulk"),
        ("sec-fetch-site", "none"),
        ("accept-encoding", "br"),
        ("content-type", "application/json"),
        ("x-stainless-retry-count", "1"),
        ("openai-beta", "x=v1"),
    ]);
    strip_request(&mut headers);
    let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["accept-encoding", "content-type", "openai-beta", "x-stainless-retry-count"]);
    assert_eq!(headers["accept-encoding"], "identity");
}

#[test]
fn headers_nominated_by_connection_are_dropped_and_ours_is_sent_all_the_same() {
    let mut headers = map(&[
        ("connection", "close, X-Foo"),
        ("connection", "authorization ,api-key"),
        ("x-foo", "1"),
        ("x-bar", "2"),
        ("keep-alive", "timeout=5"),
    ]);
    strip_request(&mut headers);
    credential(&mut headers, Service::Openai, "sk-ours", None, None).unwrap();
    assert!(!headers.contains_key("x-foo") && !headers.contains_key("connection"));
    assert!(!headers.contains_key("keep-alive"));
    assert_eq!(headers["x-bar"], "2");
    assert_eq!(headers["authorization"], "Bearer sk-ours");
}

#[test]
fn exactly_one_credential_is_sent_and_cannot_be_printed() {
    for (service, name, value) in [
        (Service::Azure, "api-key", "k-ours"),
        (Service::Openai, "authorization", "Bearer k-ours"),
        (Service::Compatible, "authorization", "Bearer k-ours"),
    ] {
        let mut headers =
            map(&[("authorization", "Bearer client"), ("api-key", "client"), ("openai-organization", "theirs")]);
        credential(&mut headers, service, "k-ours", None, None).unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[name], value);
        assert!(headers[name].is_sensitive());
        assert!(!format!("{headers:?}").contains("k-ours"));
    }
    let mut headers = HeaderMap::new();
    credential(&mut headers, Service::Openai, "k", Some("org-1"), Some("proj-1")).unwrap();
    assert_eq!(
        (&headers["openai-organization"], &headers["openai-project"]),
        (&HeaderValue::from_static("org-1"), &HeaderValue::from_static("proj-1"))
    );
    let mut headers = map(&[("authorization", "Bearer client")]);
    credential(&mut headers, Service::Simulated, "", None, None).unwrap();
    assert!(headers.is_empty());
}

#[test]
fn a_malformed_key_is_refused_without_repeating_it() {
    for secret in ["", "k\n", "k\r\nx: y", "k\u{e9}", "k\0"] {
        for service in [Service::Azure, Service::Openai] {
            let mut headers = map(&[("authorization", "Bearer client")]);
            let error = credential(&mut headers, service, secret, Some("org"), None).unwrap_err();
            assert!(headers.is_empty(), "{secret:?}");
            assert!(secret.is_empty() || !error.to_string().contains(secret));
        }
    }
}

#[test]
fn an_answer_keeps_everything_but_the_connections_own_headers() {
    let mut headers = map(&[
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("x-tidegate-endpoint", "forged"),
        ("apim-request-id", "a"),
        ("x-ms-region", "East US"),
        ("x-ratelimit-remaining-tokens", "5"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
    ]);
    strip_response(&mut headers);
    assert_eq!(headers.len(), 5);
    assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
    assert_eq!(headers["apim-request-id"], "a");
}

#[test]
fn pairs_of_the_day_and_of_input_and_output_are_read_where_headers_name_them() {
    let said = map(&[
        ("x-ratelimit-limit-tokens-minute", "60000"),
        ("x-ratelimit-remaining-tokens-minute", "59000"),
        ("x-ratelimit-limit-tokens-day", "1,000,000"),
        ("x-ratelimit-remaining-requests-day", "14399"),
        ("x-ratelimit-limit-input-tokens", "40000"),
        ("x-ratelimit-reset-output-tokens", "3s"),
        ("x-ratelimit-limit-tokens-fortnight", "7"),
    ]);
    let facts = facts(&said, NOW);
    assert_eq!((facts.tokens.limit, facts.tokens.remaining), (Some(60_000), Some(59_000)));
    let more = facts.more.expect("some were named");
    assert_eq!((more.tokens_per_day.limit, more.requests_per_day.remaining), (Some(1_000_000), Some(14_399)));
    assert_eq!((more.input.limit, more.output.reset), (Some(40_000), Some(Duration::from_secs(3))));
}

proptest! {
    #[test]
    fn any_value_is_read_without_panic(value in proptest::collection::vec(any::<u8>(), 0..24)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut headers = HeaderMap::new();
            for name in ["retry-after", "retry-after-ms", "connection", "x-ratelimit-limit-tokens"] {
                headers.insert(name, value.clone());
            }
            let _ = facts(&headers, NOW);
            strip_request(&mut headers);
            prop_assert!(!headers.contains_key("connection"));
        }
    }
}
