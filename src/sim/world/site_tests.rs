use super::*;
use crate::model::config::Priority;
use crate::model::id::ModelName;
use crate::model::profile::{Affinity, Operation};

fn spec(counting: Counting) -> SiteSpec {
    SiteSpec {
        counting,
        tokens_per_minute: 10_000,
        requests_per_minute: Some(600),
        request_slice: Duration::from_secs(10),
        headers: true,
        foreign_percent: 0,
        foreign_sizes: Sizes::Uniform(100),
        seed: 3,
    }
}

fn chat(charge: u64, charging: Charging) -> RequestProfile {
    RequestProfile {
        model: ModelName::from("m"),
        operation: Operation::Chat,
        streaming: true,
        size: size_of(charge, charging),
        priority: Priority::Normal,
        caller: None,
        client: "".into(),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity::default(),
    }
}

fn ask(site: &mut Site, now: Timestamp, charge: u64) -> Reply {
    let profile = chat(charge, site.spec().counting.charging());
    site.arrive(now, &profile)
}

fn admitted(reply: Reply) -> Admitted {
    match reply {
        Reply::Admitted(admitted) => admitted,
        Reply::Failed(failure) => panic!("not admitted: {failure:?}"),
    }
}

fn failed(reply: Reply) -> Failure {
    match reply {
        Reply::Failed(failure) => failure,
        Reply::Admitted(_) => panic!("admitted"),
    }
}

#[test]
fn a_size_is_charged_as_meant_by_every_way_of_counting() {
    for counting in Counting::ALL {
        let mut site = Site::new(spec(counting));
        assert_eq!(admitted(ask(&mut site, Timestamp::ZERO, 400)).charge, 400, "{counting:?}");
    }
}

#[test]
fn a_calendar_minute_starts_anew_on_the_full_minute_and_says_so() {
    let mut site = Site::new(spec(Counting::CalendarMinute));
    admitted(ask(&mut site, Timestamp::from_secs(50), 10_000));
    let full = failed(ask(&mut site, Timestamp::from_secs(55), 400));
    assert_eq!(full.class, FailureClass::Throttled(ThrottleKind::Tokens));
    assert_eq!(full.facts.retry_after, Some(Duration::from_secs(5)));
    let again = admitted(ask(&mut site, Timestamp::from_secs(60), 10_000));
    assert_eq!(again.facts.tokens.remaining, Some(0));
}

#[test]
fn a_log_counts_a_minute_back_from_now() {
    let mut site = Site::new(spec(Counting::SlidingLog));
    admitted(ask(&mut site, Timestamp::from_secs(50), 10_000));
    assert_eq!(failed(ask(&mut site, Timestamp::from_secs(60), 400)).facts.retry_after, Some(Duration::from_secs(50)));
}

#[test]
fn room_lasts_once_a_careful_gateway_can_know_of_it() {
    let mut site = Site::new(spec(Counting::SlidingLog));
    admitted(ask(&mut site, Timestamp::ZERO, 10_000));
    assert_eq!(site.standing(Timestamp::from_secs(60)).remaining, 10_000);
    assert_eq!(site.lasting_room(Timestamp::from_secs(60)), Room { tokens: 0, requests: 100 });
    assert_eq!(site.lasting_room(Timestamp::from_millis(60_700)), Room { tokens: 10_000, requests: 100 });
    admitted(ask(&mut site, Timestamp::from_secs(70), 400));
    assert_eq!(site.lasting_room(Timestamp::from_millis(80_600)).requests, 99);
}

#[test]
fn requests_that_came_back_within_the_trust_are_not_lasting_either() {
    let mut bucket = Site::new(spec(Counting::TokenBucket));
    for _ in 0..600 {
        admitted(ask(&mut bucket, Timestamp::ZERO, 2));
    }
    // Ten a second come back, and seven of them only just.
    assert_eq!(bucket.lasting_room(Timestamp::from_millis(700)).requests, 0);
    assert_eq!(bucket.lasting_room(Timestamp::from_secs(1)).requests, 3);
    let mut provisioned = Site::new(spec(Counting::Utilization));
    for _ in 0..100 {
        admitted(ask(&mut provisioned, Timestamp::ZERO, 2));
    }
    assert_eq!(provisioned.requests(Timestamp::from_secs(10)).map(|requests| requests.remaining), Some(100));
    assert_eq!(provisioned.lasting_room(Timestamp::from_secs(10)).requests, 0);
    assert_eq!(provisioned.lasting_room(Timestamp::from_millis(10_700)).requests, 100);
}

#[test]
fn others_use_about_their_share_and_no_more() {
    for counting in Counting::ALL {
        let mut site = Site::new(SiteSpec { foreign_percent: 30, ..spec(counting) });
        site.standing(Timestamp::from_secs(600));
        let expected = if counting == Counting::Utilization { 15_000 } else { 30_000 };
        let used = site.foreign_tokens();
        assert!((expected * 8 / 10..=expected * 12 / 10).contains(&used), "{counting:?}: {used}");
    }
}

#[test]
fn a_service_without_headers_still_says_how_long_to_wait() {
    let mut site = Site::new(SiteSpec { headers: false, ..spec(Counting::TokenBucket) });
    let answer = admitted(ask(&mut site, Timestamp::ZERO, 10_000));
    assert_eq!(answer.facts, HeaderFacts::default());
    let full = failed(ask(&mut site, Timestamp::ZERO, 1_000));
    assert_eq!(full.facts, HeaderFacts { retry_after: Some(Duration::from_secs(6)), ..HeaderFacts::default() });
}

#[test]
fn provisioned_throughput_delivers_what_is_used_and_the_others_what_they_charge() {
    let mut provisioned = Site::new(spec(Counting::Utilization));
    let answer = admitted(ask(&mut provisioned, Timestamp::ZERO, 4_000));
    assert!(provisioned.delivered(&answer) < 4_000);
    provisioned.finish(Timestamp::ZERO, &answer);
    assert_eq!(provisioned.standing(Timestamp::ZERO).remaining, 10_000 - answer.usage.total());
    let mut log = Site::new(spec(Counting::SlidingLog));
    let answer = admitted(ask(&mut log, Timestamp::ZERO, 4_000));
    assert_eq!(log.delivered(&answer), 4_000);
}
