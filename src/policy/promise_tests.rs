//! What a refused request is promised, against when it would really have gone.

use std::time::Duration;

use proptest::prelude::*;

use super::world_tests::*;
use super::{Input, Output};
use crate::model::config::{Caller, Config, Enforcement, Priority, Route};
use crate::model::id::{CallerId, ModelName, RequestId};
use crate::model::profile::RequestProfile;
use crate::model::units::Timestamp;

/// Ledgers tell amounts apart that come this far from each other.
const TICK: Duration = Duration::from_millis(60);

/// One who comes: after so many milliseconds, with this charge, class, caller and route.
#[derive(Clone, Copy, Debug)]
struct Guest {
    after: u64,
    charge: u64,
    class: Priority,
    caller: usize,
    route: usize,
}

fn class() -> impl Strategy<Value = Priority> {
    prop_oneof![Just(Priority::Interactive), Just(Priority::Normal), Just(Priority::Bulk)]
}

fn guest() -> impl Strategy<Value = Guest> {
    (0..900_u64, 20..400_u64, class(), 0..3_usize, 0..2_usize).prop_map(|(after, charge, class, caller, route)| Guest {
        after,
        charge,
        class,
        caller,
        route,
    })
}

fn kind() -> impl Strategy<Value = Enforcement> {
    prop_oneof![3 => Just(Enforcement::SlidingLog), 1 => Just(Enforcement::TokenBucket)]
}

/// Two routes over the same endpoints, and two callers with limits of their own.
fn shared(config: &mut Config) {
    let groups = config.routes[0].groups.clone();
    config.routes.push(Route::new(ModelName::from("n"), groups));
    config.queue.max_wait_seconds = 900;
    let caller = |id: &str, tokens, requests| Caller {
        id: CallerId::from(id),
        priority: None,
        token: None,
        tokens_per_minute: tokens,
        requests_per_minute: requests,
        max_in_flight: None,
    };
    config.callers = vec![caller("c1", Some(600), None), caller("c2", None, Some(3))];
}

fn profile(guest: &Guest, profile: &mut RequestProfile) {
    profile.model = ModelName::from(["m", "n"][guest.route]);
    profile.priority = guest.class;
    profile.caller = (guest.caller > 0).then(|| CallerId::from(format!("c{}", guest.caller)));
}

/// The world after all of them but the last have come, and the answer to the last.
fn after(sites: &[Site], guests: &[Guest], patience: Option<Duration>) -> (World, RequestId, Output) {
    let mut world = World::new(config(sites, &[], shared));
    let mut last = None;
    for (at, guest) in guests.iter().enumerate() {
        world.until(world.now.after(Duration::from_millis(guest.after)));
        let patience = patience.filter(|_| at + 1 == guests.len());
        last = Some(world.arrive_as(guest.charge, |one| {
            profile(guest, one);
            one.patience = patience;
        }));
    }
    let (request, answer) = last.expect("somebody came");
    (world, request, answer)
}

fn promised(answer: &Output) -> Option<Timestamp> {
    match answer {
        Output::Refused { refusal, .. } => refusal.retry_at,
        _ => None,
    }
}

/// When it goes if nobody else comes.
fn goes(world: &mut World, request: RequestId) -> Option<Timestamp> {
    let all = world.until(Timestamp::from_secs(900));
    let went = |output: &Output| output.request() == request && matches!(output, Output::Assigned { .. });
    all.iter().find(|(_, output)| went(output)).map(|(at, _)| *at)
}

/// Two endpoints that count in these manners.
fn pair([one, other]: [Enforcement; 2]) -> [Site; 2] {
    [Site { enforcement: one, ..site("a", 1_000) }, Site { enforcement: other, requests: Some(60), ..site("b", 1_500) }]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lanes_of_routes_that_share_endpoints_never_wait_for_each_other(
        kinds in [kind(), kind()],
        guests in proptest::collection::vec(guest(), 5..60),
    ) {
        let (mut world, ..) = after(&pair(kinds), &guests, None);
        // Those who would be in each other's way would be looked at every millisecond.
        for _ in 0..100 * guests.len() {
            let Some(wake) = world.brain.next_wake().filter(|wake| *wake <= Timestamp::from_secs(800)) else { break };
            world.now = world.now.max(wake);
            world.give(Input::Tick);
        }
        prop_assert!(world.brain.next_wake().is_none_or(|wake| wake > Timestamp::from_secs(800)));
        prop_assert_eq!(world.brain.view(world.now).queue.waiting, 0, "everybody has gone");
    }

    #[test]
    fn where_all_are_alike_a_promised_recovery_behind_a_line_is_the_real_one(
        kinds in [kind(), kind()],
        charge in 20..400_u64,
        gaps in proptest::collection::vec(0..900_u64, 5..60),
    ) {
        let alike = |after| Guest { after, charge, class: Priority::Normal, caller: 0, route: 0 };
        let guests: Vec<Guest> = gaps.into_iter().map(alike).collect();
        let (_, _, refused) = after(&pair(kinds), &guests, Some(Duration::ZERO));
        let Some(told) = promised(&refused) else { return Ok(()) };
        let (mut world, request, _) = after(&pair(kinds), &guests, None);
        let real = goes(&mut world, request).expect("whoever waits goes");
        prop_assert!(told >= real, "told {told:?}, but it goes at {real:?}");
        prop_assert!(told <= real.after(TICK), "told {told:?}, but it goes at {real:?}");
    }
}
