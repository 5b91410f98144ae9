use super::super::lane::Lane;
use super::super::ledger::{Ledger, Limits};
use super::*;

fn gate(endpoint: usize, tokens: u64, opens: u64) -> Gate {
    let limits = Limits { tokens: Some(tokens), ..Limits::NONE };
    let ledger = Ledger::new(Duration::from_secs(1));
    Gate {
        endpoint,
        slot: endpoint,
        rank: (0, 0),
        opens: Timestamp::from_secs(opens),
        ledger,
        limits,
        firm: limits.tokens,
        pool: None,
        running: Running::default(),
    }
}

fn turns(charges: &[u64]) -> Vec<Turn> {
    let turn = |(order, charge): (usize, &u64)| {
        let (order, charge) = (order as u64, *charge);
        let request = RequestId(order);
        let waiter = super::super::order::Waiter {
            request,
            order,
            class: Priority::Normal,
            rank: Priority::Normal,
            caller: super::super::order::Caller::default(),
            charge,
            lane: super::super::lane::Lane::default(),
        };
        Turn { waiter, class_tag: order, caller_tag: order }
    };
    charges.iter().enumerate().map(turn).collect()
}

/// Plays those of these charges, one after the other in this order, each in a lane and with a purse.
fn run_as(play: Play, charges: &[u64], place: impl Fn(usize) -> (Lane, Option<usize>)) -> Vec<Option<u64>> {
    let mut line = Line::new(10);
    let roles = turns(charges).into_iter().enumerate().map(|(at, turn)| {
        let (lane, purse) = place(at);
        let waiter = Waiter { lane, ..turn.waiter };
        let player = Player { order: waiter.order, charge: waiter.charge, purse };
        line.enter(waiter.clone());
        Role { line: 0, waiter, player, deadline: None, ages: None }
    });
    let roles: Vec<Role> = roles.collect();
    let cost = |request: RequestId, _| {
        Some(Estimate { prompt: 0, output: 0, charge: charges[usize::try_from(request.0).expect("few come")] })
    };
    let rehearsal = Rehearsal::new(play, vec![line], roles, Paces::default(), cost);
    let (starts, _) = rehearsal.run(Timestamp::from_secs(600));
    (0..charges.len()).map(|at| Some(starts.get(&RequestId(at as u64))?.0 / 1_000)).collect()
}

fn run(play: Play, charges: &[u64]) -> Vec<Option<u64>> {
    run_as(play, charges, |_| (Lane::default(), None))
}

fn alone(gates: Vec<Gate>) -> Play {
    Play::new(Timestamp::ZERO, gates, Vec::new(), Vec::new())
}

#[test]
fn each_in_line_takes_what_those_before_it_left() {
    let starts = run(alone(vec![gate(0, 100, 0)]), &[50; 5]);
    assert_eq!(starts, [0, 0, 60_300, 60_300, 120_600].map(Some));
}

#[test]
fn a_resting_endpoint_helps_from_the_end_of_its_rest() {
    assert_eq!(run(alone(vec![gate(0, 100, 0), gate(1, 100, 20)]), &[100; 3]), [0, 20_000, 60_300].map(Some));
}

#[test]
fn a_pool_binds_all_its_members() {
    let limits = Limits { tokens: Some(100), ..Limits::NONE };
    let pool = Share { slot: 0, ledger: Ledger::new(Duration::from_secs(1)), limits, firm: None };
    let gates = vec![Gate { pool: Some(0), ..gate(0, 100, 0) }, Gate { pool: Some(0), ..gate(1, 100, 0) }];
    let play = Play::new(Timestamp::ZERO, gates, vec![pool], Vec::new());
    assert_eq!(run(play, &[100; 2]), [0, 60_300].map(Some));
}

#[test]
fn small_ones_pass_a_large_one_where_they_do_not_delay_it() {
    let starts = run(alone(vec![gate(0, 100, 0)]), &[60, 80, 20, 20, 30]);
    assert_eq!(starts, [0, 60_300, 0, 0, 120_600].map(Some));
}

#[test]
fn what_another_route_claims_is_taken_when_its_time_comes() {
    let estimate = Estimate { prompt: 0, output: 0, charge: 100 };
    let claim = super::super::claim::Claim {
        slot: 0,
        pool: None,
        estimate,
        at: Timestamp::from_secs(10),
        rank: Priority::Normal,
        order: 0,
        turn: (Priority::Normal, 0),
        route: 7,
    };
    let play = Play::new(Timestamp::ZERO, vec![gate(0, 100, 0)], Vec::new(), vec![claim]);
    assert_eq!(run(play, &[50, 60]), [0, 70_300].map(Some));
}

#[test]
fn what_fits_nowhere_has_no_start() {
    let play = alone(vec![gate(0, 100, 0)]);
    let cost = |charge| Some(Estimate { prompt: 0, output: 0, charge });
    assert_eq!(play.next(Timestamp::ZERO, Player { charge: 101, ..Player::default() }, |_| cost(101)), None);
    assert_eq!(play.next(Timestamp::ZERO, Player::default(), |_| None), None);
    assert_eq!(run(play, &[101, 50]), [None, Some(0)]);
}

#[test]
fn a_doubted_forecast_is_made_again_soon_and_any_other_later() {
    let mut forecast = Forecast::new(Timestamp::ZERO, &[], &[], alone(Vec::new()));
    assert!(forecast.holds(Timestamp::from_secs(4)));
    forecast.doubt();
    assert!(forecast.holds(Timestamp::from_millis(200)));
    assert!(!forecast.holds(Timestamp::from_millis(300)));
}

#[test]
fn who_goes_as_foreseen_leaves_the_forecast_as_it_is_and_many_surprises_do_not() {
    let line = turns(&[100; 16]);
    let starts: Vec<_> = (0..16).map(|second| Some(Timestamp::from_secs(second))).collect();
    let mut forecast = Forecast::new(Timestamp::ZERO, &line, &starts, alone(Vec::new()));
    forecast.left(Timestamp::from_millis(900), 1, true);
    assert!(forecast.holds(Timestamp::from_secs(4)), "it went as foreseen");
    forecast.left(Timestamp::from_secs(1), 9, true);
    assert!(forecast.holds(Timestamp::from_secs(4)), "one of fourteen passed");
    forecast.left(Timestamp::from_secs(1), 8, false);
    assert!(!forecast.holds(Timestamp::from_secs(4)), "two of thirteen are more than an eighth");
    assert_eq!(forecast.starts().len(), 13);
}

#[test]
fn where_only_so_many_may_run_the_next_starts_when_one_is_thought_to_end() {
    let running = Running {
        most: Some(2),
        stay: Duration::from_secs(4),
        ends: vec![Timestamp::from_secs(1), Timestamp::from_secs(3)],
    };
    let starts = run(alone(vec![Gate { running, ..gate(0, 1_000, 0) }]), &[1; 4]);
    assert_eq!(starts, [1_000, 3_000, 5_000, 7_000].map(Some));
}

#[test]
fn a_lane_whose_caller_has_used_what_it_may_holds_up_no_other() {
    let limits = Limits { tokens: Some(10), ..Limits::NONE };
    let purse = Purse { caller: 3, ledger: Ledger::own(), limits, running: Running::default() };
    let play = alone(vec![gate(0, 100, 0)]).with(vec![purse]);
    let limited = play.purse_of(Some(3));
    let starts =
        run_as(
            play,
            &[10, 10, 45, 45],
            |at| {
                if at < 2 { (Lane::of_caller(3), limited) } else { (Lane::default(), None) }
            },
        );
    assert_eq!(starts, [0, 60_000, 0, 60_300].map(Some));
}

#[test]
fn a_gate_is_passed_over_only_where_not_even_the_smallest_fits_sooner() {
    let gates = vec![gate(0, 100, 0), gate(1, 1_000, 5), gate(2, 100, 0)];
    let starts = run(alone(gates), &[90, 90, 10, 100, 500]);
    assert_eq!(starts, [0, 0, 0, 5_000, 5_000].map(Some));
}

#[test]
fn one_that_comes_between_takes_the_place_of_those_behind_it() {
    let line = turns(&[100, 100, 100]);
    let starts = [10, 20, 30].map(|second| Some(Timestamp::from_secs(second)));
    let forecast = Forecast::new(Timestamp::ZERO, &line, &starts, alone(Vec::new()));
    let place = forecast.place_of(Priority::Normal, (9, 0));
    assert_eq!((place, forecast.displaces(place, 100)), (1, Some(Timestamp::from_secs(20))));
    assert_eq!(forecast.displaces(place, 150), Some(Timestamp::from_secs(30)));
    assert_eq!(forecast.displaces(place, 250), None);
    assert_eq!(forecast.place_of(Priority::Interactive, (0, 0)), 1);
}
