use super::*;
use crate::model::outcome::{FailureClass, HeaderFacts, ThrottleKind};
use crate::sim::window::Standing;
use crate::sim::world::traffic::{Charging, Sizes, Traffic};

/// Sends every request to the first service and gives up at the first failure.
struct Plain;

impl Gateway for Plain {
    fn take(&mut self, _: Timestamp, input: Input, acts: &mut Vec<Act>) {
        match input {
            Input::Arrived { request, .. } => {
                acts.push(Act::Send { request: request.0, server: 0, group: 2, withheld: false });
            }
            Input::AttemptFailed { request, .. } => acts.push(Act::PassOn { request: request.0 }),
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Timestamp> {
        None
    }
}

/// Lets every second request in.
#[derive(Default)]
struct EverySecond {
    arrived: u64,
    finished: u64,
}

impl Server for EverySecond {
    fn charge(&self, _: &RequestProfile) -> u64 {
        10
    }

    fn arrive(&mut self, _: Timestamp, _: &RequestProfile) -> Reply {
        self.arrived += 1;
        if self.arrived.is_multiple_of(2) {
            let class = FailureClass::Throttled(ThrottleKind::Tokens);
            return Reply::Failed(Failure { class, status: Some(429), reached: true, facts: HeaderFacts::default() });
        }
        Reply::Admitted(Admitted {
            ticket: crate::sim::upstream::Ticket(0),
            charge: 10,
            usage: crate::model::usage::Usage::default(),
            facts: HeaderFacts::default(),
            first_token: Duration::from_millis(300),
            takes: Duration::from_secs(1),
        })
    }

    fn finish(&mut self, _: Timestamp, _: &Admitted) {
        self.finished += 1;
    }

    fn standing(&mut self, _: Timestamp) -> Standing {
        Standing { limit: 100, remaining: 40, reset: Duration::ZERO }
    }
}

fn play(from: u64, to: u64) -> World<Plain, EverySecond> {
    let servers = vec![
        (EndpointId::from("here"), 2, EverySecond::default()),
        (EndpointId::from("before"), 1, EverySecond::default()),
    ];
    let report = Report::over(Timestamp::from_secs(from), Timestamp::from_secs(to), 2);
    let mut world = World::new(Plain, servers, report, 1);
    let traffic = Traffic::steady("m", Duration::from_secs(60), 6_000, Sizes::Uniform(10), Charging::Sum);
    let mut arrivals = traffic.arrivals(1).peekable();
    // In two pieces: a run may be interrupted at any time.
    world.run(&mut arrivals, Timestamp::from_secs(23));
    world.run(&mut arrivals, Timestamp::MAX);
    world
}

#[test]
fn every_request_gets_one_end_and_every_admitted_one_is_finished() {
    // The last are still on their way when the traffic ends.
    let world = play(0, 61);
    let report = world.report();
    assert!(report.offered() > 500);
    assert_eq!(report.answered() + report.errors(), report.offered());
    let [here, _] = world.servers().collect::<Vec<_>>()[..] else { panic!("two services") };
    assert_eq!(here.finished, report.answered());
    assert_eq!((report.servers[0].arrived, report.servers[0].throttled), (here.arrived, report.errors()));
    assert_eq!(report.tokens(), report.answered() * 10);
    assert_eq!(world.open(), 0);
}

#[test]
fn what_happened_outside_the_measured_span_does_not_count() {
    let (all, part) = (play(0, 60), play(20, 40));
    let (all, part) = (all.report(), part.report());
    assert!((25..42).contains(&(part.offered() * 100 / all.offered())), "{} {}", part.offered(), all.offered());
    assert!((25..42).contains(&(part.tokens() * 100 / all.tokens())));
}

#[test]
fn a_spill_despite_room_is_seen_and_so_is_the_use_before_the_first() {
    let world = play(0, 60);
    let spills = world.report().spills;
    assert_eq!((spills.all, spills.despite_room), (world.report().offered(), world.report().offered()));
    assert_eq!(spills.use_before_first, Some(600));
}

#[test]
fn a_request_waits_for_nothing_but_its_sending() {
    let world = play(0, 60);
    assert_eq!(world.report().fates[1].waits.longest(), Duration::ZERO);
    assert_eq!(world.report().fates[1].waits.total(), world.report().answered());
}
