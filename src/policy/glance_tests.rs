//! A glance is the truth until it is looked at again.

use super::super::Input;
use super::super::world_tests::{Shaken, Site, World, config, site};
use super::*;
use crate::model::config::Enforcement;
use crate::model::id::EndpointId;

fn crowd() -> World {
    let kinds = [Enforcement::SlidingLog, Enforcement::TokenBucket, Enforcement::Utilization, Enforcement::SlidingLog];
    let mut sites: Vec<Site> = ["a", "b", "c", "d"].map(|id| site(id, 20_000)).to_vec();
    for (site, kind) in sites.iter_mut().zip(kinds) {
        (site.enforcement, site.requests) = (kind, Some(240));
    }
    sites[2].pool = Some("shared");
    sites[3].pool = Some("shared");
    World::new(config(&sites, &[("shared", 30_000)], |config| {
        config.endpoints[0].max_in_flight = Some(3);
        config.endpoints[3].requests_per_day = Some(400);
    }))
}

/// How many glances are fresh; each of them is compared with what is found by looking again.
fn check(brain: &Balancer, now: Timestamp) -> usize {
    let fresh = brain.config.endpoints.iter().zip(&brain.slot_of).zip(&brain.keyed);
    let fresh = fresh.filter(|((_, slot), _)| brain.endpoints.is_fresh(**slot, now));
    let mut count = 0;
    for ((spec, slot), has_key) in fresh {
        let mut again = Glance::of(now, spec, brain.endpoints.get(*slot).expect("a slot"), *has_key);
        let seen = brain.endpoints.seen(*slot).expect("a look at it");
        (again.room.until, again.room.at) = (seen.room.until, seen.room.at);
        assert_eq!(*seen, again, "{} at {now:?}", spec.id);
        count += 1;
    }
    for (spec, slot) in brain.config.pools.iter().zip(&brain.pool_slot_of) {
        if brain.pools.is_fresh(*slot, now) {
            let mut again = {
                let pool = brain.pools.get(*slot).expect("a slot");
                pool.ledger.room(now, pool.limits(spec))
            };
            let seen = brain.pools.seen(*slot).expect("a look at it");
            (again.until, again.at) = (seen.until, seen.at);
            assert_eq!(*seen, again, "pool {} at {now:?}", spec.id);
        }
    }
    count
}

#[test]
fn whatever_happens_a_fresh_glance_is_what_another_look_would_find() {
    let (mut rng, mut fresh) = (fastrand::Rng::with_seed(11), 0);
    for _ in 0..20 {
        let mut shaken = Shaken::new(crowd());
        for _ in 0..400 {
            shaken.step(&mut rng, 400_000, 2_500);
            let world = &mut shaken.world;
            let later = world.now.after(Duration::from_micros(rng.u64(0..300_000)));
            fresh += check(&world.brain, world.now) + check(&world.brain, later);
        }
    }
    assert!(fresh > 5_000, "{fresh} glances were fresh");
}

#[test]
fn what_the_person_changes_is_seen_at_once() {
    let mut world = crowd();
    world.arrive(100);
    let slot = world.brain.slot_of[1];
    assert!(world.brain.endpoints.is_fresh(world.brain.slot_of[3], world.now));
    world.give(Input::SetAdminState(EndpointId::from("b"), AdminState::Paused));
    assert!(!world.brain.endpoints.is_fresh(slot, world.now));
    let config = std::sync::Arc::clone(&world.brain.config);
    world.give(Input::Configured(config));
    assert!((0..4).all(|slot| !world.brain.endpoints.is_fresh(slot, world.now)));
    assert!(!world.brain.pools.is_fresh(0, world.now));
}
