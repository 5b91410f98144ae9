//! What a glance says is what a close look says, in every field.

use std::sync::Arc;
use std::time::Duration;

use super::super::world_tests::{Shaken, Site, World, chat, config, site};
use super::*;
use crate::model::config::Enforcement;
use crate::model::id::AccountId;

fn crowd() -> World {
    let kinds = [Enforcement::SlidingLog, Enforcement::TokenBucket, Enforcement::Utilization, Enforcement::SlidingLog];
    let mut sites: Vec<Site> = ["a", "b", "c", "d"].map(|id| site(id, 9_000)).to_vec();
    for (site, kind) in sites.iter_mut().zip(kinds) {
        (site.enforcement, site.requests) = (kind, Some(120));
    }
    sites[1].group = 1;
    sites[2].pool = Some("shared");
    sites[3].pool = Some("shared");
    World::new(config(&sites, &[("shared", 14_000)], |config| {
        config.endpoints[0].max_in_flight = Some(3);
        config.endpoints[1].input_tokens_per_minute = Some(4_000);
        config.endpoints[3].tokens_per_day = Some(90_000);
    }))
}

/// Judges every endpoint both ways; by how many a glance was enough, and at how many of these tokens alone lacked.
fn compare(brain: &mut Balancer, now: Timestamp, job: &Job) -> (usize, usize) {
    brain.look(now, 0);
    let config = Arc::clone(&brain.config);
    let mut asker = Asker::new(now, job, None);
    let (mut enough, mut lacked) = (0, 0);
    for (group, members) in config.routes[0].groups.iter().enumerate() {
        for (place, member) in members.members.iter().enumerate() {
            let seen = brain.judge_one(&mut asker, *member, group, place).expect("a verdict");
            let seat = brain.seat_for(job, *member).expect("a seat");
            let closely = judge_closely(now, job, &seat, *member, group, place);
            assert_eq!(format!("{seen:?}"), format!("{closely:?}"), "at {now:?}");
            assert_eq!(brain.share_seen(seen.slot), seat.share(now));
            let glance = brain.endpoints.seen(seen.slot).expect("a look at it");
            let lacks = seen.needs > 0
                && matches!(seen.ruling, Ruling::Out(_, Hope::At(_)))
                && !job.tried.contains(&seen.slot)
                && brain.lacks_tokens(&asker, glance, &seen.estimate).is_some();
            lacked += usize::from(lacks);
            enough += usize::from(lacks || matches!(seen.ruling, Ruling::Fits { .. } | Ruling::Out(_, Hope::Never)));
        }
    }
    (enough, lacked)
}

#[test]
fn a_glance_and_a_close_look_agree_whatever_happened() {
    let (mut rng, mut enough, mut lacked, mut judged) = (fastrand::Rng::with_seed(3), 0, 0, 0);
    for _ in 0..12 {
        let mut shaken = Shaken::new(crowd());
        for _ in 0..300 {
            shaken.step(&mut rng, 500_000, 1_500);
            let world = &mut shaken.world;
            let mut job = Job::new(chat(rng.u64(2..12_000)), 0, u64::MAX);
            match rng.u8(..8) {
                0 => job.tried.push(rng.usize(..4)),
                1 => job.barred.push(rng.usize(..4)),
                2 => job.binding = Binding::To(AccountId::from("elsewhere")),
                _ => {}
            }
            // Time never goes back, and a glance counts on that.
            world.now = world.now.after(Duration::from_micros(rng.u64(0..100_000)));
            let (more, short) = compare(&mut world.brain, world.now, &job);
            (enough, lacked) = (enough + more, lacked + short);
            judged += 4;
        }
    }
    assert!(enough > judged / 4 && enough < judged, "{enough} of {judged} were judged at a glance");
    assert!(lacked > 200, "{lacked} of {judged} were found to lack tokens alone");
}
