use super::*;

fn spec(dialect: Dialect, enforcement: Enforcement) -> UpstreamSpec {
    UpstreamSpec {
        id: EndpointId::from("east-1"),
        dialect,
        model: "gpt-4o".to_owned(),
        deployment: "gpt4o-prod".to_owned(),
        tokens_per_minute: Some(10_000),
        requests_per_minute: Some(60),
        request_slice: Duration::from_secs(10),
        enforcement,
        first_token: Duration::from_millis(350),
        tokens_per_second: 100,
        seed: 11,
        more_limits: MoreLimits::default(),
    }
}

fn azure() -> Upstream {
    Upstream::new(spec(Dialect::AzureClassic, Enforcement::SlidingLog), Timestamp::ZERO)
}

fn openai() -> Upstream {
    Upstream::new(spec(Dialect::OpenAi, Enforcement::TokenBucket), Timestamp::ZERO)
}

fn chat(prompt_chars: u64, output_cap: Option<u64>) -> SimRequest {
    SimRequest { prompt_chars, output_cap, streaming: true, ..SimRequest::new(Operation::Chat) }
}

fn admitted(answer: SimAnswer) -> Admission {
    match answer {
        SimAnswer::Admitted(admission) => admission,
        other => panic!("not admitted: {other:?}"),
    }
}

fn rejected(answer: SimAnswer) -> Rejection {
    match answer {
        SimAnswer::Rejected(rejection) => rejection,
        other => panic!("not rejected: {other:?}"),
    }
}

fn header<'h>(headers: &'h [Header], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn openai_speaks_of_the_day_where_the_day_binds() {
    let more_limits = MoreLimits { requests_per_day: Some(200), ..MoreLimits::default() };
    let limits =
        UpstreamSpec { requests_per_minute: Some(500), more_limits, ..spec(Dialect::OpenAi, Enforcement::TokenBucket) };
    let mut upstream = Upstream::new(limits, Timestamp::ZERO);
    let first = admitted(upstream.arrive(Timestamp::ZERO, &chat(40, Some(5))));
    assert_eq!(header(&first.headers, "x-ratelimit-limit-requests"), Some("200"));
    assert_eq!(header(&first.headers, "x-ratelimit-reset-requests"), Some("7m12s"));
    for _ in 1..200 {
        admitted(upstream.arrive(Timestamp::ZERO, &chat(40, Some(5))));
    }
    let over = rejected(upstream.arrive(Timestamp::ZERO, &chat(40, Some(5))));
    assert!(over.body.contains("requests per day (RPD): Limit 200"), "{}", over.body);
}

#[test]
fn azure_reports_bare_numbers_and_its_ten_second_slice() {
    let answer = admitted(azure().arrive(Timestamp::ZERO, &chat(28, None)));
    let said: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(
        said,
        [
            "x-ratelimit-limit-requests: 10",
            "x-ratelimit-remaining-requests: 9",
            "x-ratelimit-reset-requests: 10",
            "x-ratelimit-limit-tokens: 10000",
            "x-ratelimit-remaining-tokens: 9352",
            "x-ratelimit-reset-tokens: 60",
        ]
    );
}

#[test]
fn openai_reports_durations_until_all_is_back() {
    let answer = admitted(openai().arrive(Timestamp::ZERO, &chat(880, Some(500))));
    assert_eq!(header(&answer.headers, "x-ratelimit-remaining-tokens"), Some("9500"));
    assert_eq!(header(&answer.headers, "x-ratelimit-reset-tokens"), Some("3s"));
    assert_eq!(header(&answer.headers, "x-ratelimit-reset-requests"), Some("1s"));
}

#[test]
fn a_full_azure_deployment_says_when_and_hides_its_tokens() {
    let mut azure = azure();
    admitted(azure.arrive(Timestamp::ZERO, &chat(0, Some(9_000))));
    let answer = rejected(azure.arrive(Timestamp::from_millis(500), &chat(0, Some(2_000))));
    assert_eq!(answer.status, 429);
    assert_eq!(header(&answer.headers, "retry-after-ms"), Some("59500"));
    assert_eq!(header(&answer.headers, "retry-after"), Some("60"));
    assert_eq!(header(&answer.headers, "x-ratelimit-remaining-tokens"), None);
    assert!(answer.body.contains("token rate limit") && answer.body.contains("retry after 60 seconds"));
}

#[test]
fn what_can_never_fit_is_told_to_come_back_tomorrow_by_azure_and_the_numbers_by_openai() {
    let azure = rejected(azure().arrive(Timestamp::ZERO, &chat(0, Some(20_000))));
    assert_eq!(header(&azure.headers, "retry-after"), Some("86400"));
    let openai = rejected(openai().arrive(Timestamp::ZERO, &chat(0, Some(20_000))));
    assert!(openai.body.contains("Request too large") && openai.body.contains("Limit 10000, Requested 20000"));
}

#[test]
fn every_dial_does_what_it_says() {
    let answer = |dials| {
        let mut upstream = openai();
        upstream.set_dials(dials);
        upstream.arrive(Timestamp::ZERO, &chat(28, None))
    };
    let base = Dials::default();
    let throttled = rejected(answer(Dials { throttle_percent: 100, throttle_retry_after: 7, ..base }));
    assert_eq!((throttled.status, header(&throttled.headers, "retry-after")), (429, Some("7")));
    let shared = rejected(answer(Dials { throttle_percent: 100, ..base }));
    assert_eq!((shared.status, header(&shared.headers, "retry-after")), (429, None));
    assert_eq!(rejected(answer(Dials { error_percent: 100, ..base })).kind, RejectionKind::Failed);
    assert_eq!(rejected(answer(Dials { reject_key: true, ..base })).kind, RejectionKind::WrongKey);
    assert!(matches!(answer(Dials { stall_percent: 100, ..base }), SimAnswer::Stalled(_)));
    assert_eq!(answer(Dials { reset_percent: 100, ..base }), SimAnswer::Reset);
    assert_eq!(admitted(answer(Dials { cut_after_tokens: Some(3), ..base })).cut_after, Some(3));
}

#[test]
fn dials_shift_no_other_draw() {
    let mut calm = openai();
    let mut troubled = openai();
    troubled.set_dials(Dials { throttle_percent: 100, ..Dials::default() });
    calm.arrive(Timestamp::ZERO, &chat(28, None));
    troubled.arrive(Timestamp::ZERO, &chat(28, None));
    troubled.set_dials(Dials::default());
    let later = Timestamp::from_secs(120);
    let (calm, troubled) = (calm.arrive(later, &chat(28, None)), troubled.arrive(later, &chat(28, None)));
    let (calm, troubled) = (admitted(calm), admitted(troubled));
    assert_eq!((calm.first_token, calm.output_tokens), (troubled.first_token, troubled.output_tokens));
}

#[test]
fn an_answer_keeps_to_its_cap_and_says_so() {
    let mut upstream = openai();
    for _ in 0..20 {
        let answer = admitted(upstream.arrive(Timestamp::ZERO, &chat(28, Some(40))));
        assert!(answer.output_tokens <= 40 && answer.capped == (answer.output_tokens == 40));
    }
}

#[test]
fn provisioned_throughput_gets_its_surplus_back_when_the_request_ends() {
    let mut provisioned = Upstream::new(spec(Dialect::AzureV1, Enforcement::Utilization), Timestamp::ZERO);
    let first = admitted(provisioned.arrive(Timestamp::ZERO, &chat(0, Some(4_999))));
    assert_eq!(first.headers, [("azure-openai-deployment-utilization", "50.0%".to_owned())]);
    provisioned.finish(Timestamp::ZERO, first.ticket, 1_000);
    provisioned.finish(Timestamp::ZERO, first.ticket, 0);
    let second = admitted(provisioned.arrive(Timestamp::ZERO, &chat(0, Some(999))));
    assert_eq!(second.headers, [("azure-openai-deployment-utilization", "20.0%".to_owned())]);
}

#[test]
fn a_seed_repeats_its_run() {
    let run = |seed| {
        let spec = UpstreamSpec { seed, ..spec(Dialect::OpenAi, Enforcement::TokenBucket) };
        let mut upstream = Upstream::new(spec, Timestamp::ZERO);
        (0..30).map(|second| upstream.arrive(Timestamp::from_secs(second), &chat(100, None))).collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
