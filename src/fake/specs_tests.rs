use super::*;
use crate::model::check::check;
use crate::model::profile::Operation;
use crate::model::units::{MINUTE, Timestamp};
use crate::sim::scripts;
use crate::sim::upstream::{SimAnswer, SimRequest, Upstream};

fn demo() -> Config {
    toml_edit::de::from_str(include_str!("../../assets/demo.toml")).expect("the demo profile parses")
}

#[test]
fn the_demo_profile_gives_no_findings() {
    let findings: Vec<String> = check(&demo()).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn every_endpoint_of_the_demo_is_played_as_written() {
    let config = demo();
    let specs = specs_of(&config);
    assert_eq!(specs.len(), config.endpoints.len());
    let (account, key, ptu) = &specs[0];
    assert_eq!((account.as_str(), key), ("demo-reserved", &None));
    assert_eq!((ptu.dialect, ptu.enforcement), (Dialect::AzureV1, Enforcement::Utilization));
    let (_, _, east) = &specs[1];
    assert_eq!((east.dialect, east.deployment.as_str()), (Dialect::AzureClassic, "chat-east"));
    assert_eq!((east.enforcement, east.request_slice.as_secs()), (Enforcement::SlidingLog, 10));
    assert_eq!(specs[3].2.dialect, Dialect::OpenAi);
}

#[test]
fn request_limits_follow_the_pools_ratio_where_none_is_stated() {
    let mut config = demo();
    config.endpoints[1].requests_per_minute = None;
    assert_eq!(specs_of(&config)[1].2.requests_per_minute, Some(360));
}

#[test]
fn real_accounts_are_not_played() {
    let mut config = demo();
    config.accounts[0].service = Service::Azure;
    assert!(specs_of(&config).iter().all(|(_, _, spec)| spec.id.as_str() != "sim-ptu"));
}

#[test]
fn the_built_in_scripts_name_what_the_demo_has() {
    let config = demo();
    for script in scripts::all() {
        assert!(config.routes.iter().any(|route| route.model.as_str() == script.model), "{}", script.name);
        for (endpoint, _) in script.phases.iter().flat_map(|phase| &phase.dials) {
            assert!(config.endpoint(endpoint).is_some(), "{endpoint}");
        }
    }
}

#[test]
fn the_rush_fills_the_first_choice_within_twenty_seconds_and_its_calm_end_fits_again() {
    let mut ptu = Upstream::new(specs_of(&demo()).remove(0).2, Timestamp::ZERO);
    let (mut begin, mut count, mut open) = (Timestamp::ZERO, 0_u64, Vec::new());
    let mut rejected = Vec::new();
    for phase in scripts::named("rush-hour").expect("built in").phases {
        let end = begin.after(phase.lasts);
        let mut now = begin;
        while now < end {
            // The mix of the load player: three short ones, two long ones.
            let (prompt_chars, cap) = if count % 5 < 3 { (600, 150) } else { (10_000, 500) };
            count += 1;
            open.retain(|(until, ticket, actual)| {
                if *until <= now {
                    ptu.finish(now, *ticket, *actual);
                }
                *until > now
            });
            let request = SimRequest { prompt_chars, output_cap: Some(cap), ..SimRequest::new(Operation::Chat) };
            match ptu.arrive(now, &request) {
                SimAnswer::Admitted(admission) => {
                    let tokens = admission.output_tokens;
                    let span = admission.token_gap * u32::try_from(tokens).expect("few") + admission.first_token;
                    open.push((now.after(span), admission.ticket, admission.prompt_tokens + tokens));
                }
                _ => rejected.push(now),
            }
            now = now.after(MINUTE / phase.requests_per_minute);
        }
        begin = end;
    }
    let (first, last) = (rejected.first().expect("it fills"), rejected.last().expect("it fills"));
    assert!((Timestamp::from_secs(8)..Timestamp::from_secs(20)).contains(first), "first {first:?}");
    assert!(*last < Timestamp::from_secs(45), "last {last:?}");
}
