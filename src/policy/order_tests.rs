use proptest::prelude::*;

use super::*;

fn waiter(order: u64, class: Priority, caller: &str, charge: u64) -> Waiter {
    let caller = Caller((!caller.is_empty()).then(|| CallerId::from(caller)));
    Waiter { request: RequestId(order), order, class, rank: class, caller, charge, lane: Lane::default() }
}

fn class_of(number: u64) -> Priority {
    match number % 3 {
        0 => Priority::Interactive,
        1 => Priority::Normal,
        _ => Priority::Bulk,
    }
}

fn line(waiters: &[Waiter]) -> Line {
    let mut line = Line::new(10);
    for one in waiters {
        line.enter(one.clone());
    }
    line
}

/// Lets one after the other go.
fn drain(line: &mut Line, most: usize) -> Vec<Waiter> {
    let mut gone = Vec::new();
    while gone.len() < most
        && let Some(next) = line.next_but(&[]).cloned()
    {
        line.went(&next);
        assert!(line.leave(&next), "whoever is next stands in line");
        gone.push(next);
    }
    gone
}

fn orders(gone: &[Waiter]) -> Vec<u64> {
    gone.iter().map(|waiter| waiter.order).collect()
}

fn tokens(gone: &[Waiter], wanted: impl Fn(&Waiter) -> bool) -> u64 {
    gone.iter().filter(|one| wanted(one)).map(|one| one.charge).sum()
}

#[test]
fn one_caller_of_one_class_goes_in_order_of_arrival() {
    let mut line = line(&[3, 1, 2].map(|order| waiter(order, Priority::Normal, "", 100 / order)));
    assert_eq!(orders(&drain(&mut line, 9)), [1, 2, 3]);
}

#[test]
fn classes_that_all_want_get_tokens_by_their_weights_and_bulk_its_share() {
    let all = (0..3_000).map(|order| waiter(order, class_of(order), "", 100));
    let gone = drain(&mut line(&all.collect::<Vec<_>>()), 900);
    let share = |class| tokens(&gone, |one| one.class == class) / 900;
    assert_eq!(CLASSES.map(share), [65, 24, 10], "percent of 90,000 tokens");
}

#[test]
fn callers_of_a_class_get_tokens_alike_however_many_requests_they_bring() {
    let mut all: Vec<Waiter> = (0..400).map(|order| waiter(order, Priority::Normal, "greedy", 100)).collect();
    all.extend((400..420).map(|order| waiter(order, Priority::Normal, "modest", 200)));
    let gone = drain(&mut line(&all), 60);
    let of = |name: &str| tokens(&gone, |one| one.caller == Caller(Some(CallerId::from(name))));
    assert_eq!((of("greedy"), of("modest")), (4_000, 4_000));
}

#[test]
fn one_that_comes_to_a_busy_line_goes_before_less_important_ones_but_not_for_ever() {
    let mut line = line(&(0..50).map(|order| waiter(order, Priority::Bulk, "", 100)).collect::<Vec<_>>());
    drain(&mut line, 10);
    for order in 100..130 {
        line.enter(waiter(order, Priority::Interactive, "", 100));
    }
    let gone = drain(&mut line, 20);
    assert_eq!(gone[0].class, Priority::Interactive);
    assert!(gone.iter().any(|one| one.class == Priority::Bulk), "a twelfth of the tokens is more than its share");
}

#[test]
fn what_is_told_beforehand_is_the_order_in_which_they_go() {
    let all: Vec<Waiter> = (0..60)
        .map(|order| {
            let caller = match order % 3 {
                0 => "",
                1 => "a",
                _ => "b",
            };
            waiter(order, class_of(order / 7), caller, 50 + order * 37 % 400)
        })
        .collect();
    let mut line = line(&all);
    drain(&mut line, 5);
    let told: Vec<u64> = line.upcoming(usize::MAX).iter().map(|turn| turn.waiter.order).collect();
    assert_eq!(told, orders(&drain(&mut line, 99)));
}

#[test]
fn the_one_put_first_goes_first_and_the_rest_as_before() {
    let mut line = line(&(0..4).map(|order| waiter(order, Priority::Bulk, "", 10)).collect::<Vec<_>>());
    let third = waiter(3, Priority::Bulk, "", 10);
    line.promote(&third);
    assert_eq!(line.len(), 4);
    assert_eq!(orders(&drain(&mut line, 9)), [3, 0, 1, 2]);
}

#[test]
fn one_that_has_waited_long_weighs_as_the_class_above() {
    let mut line = line(&[waiter(1, Priority::Bulk, "", 100), waiter(2, Priority::Normal, "", 60)]);
    assert_eq!(line.next_but(&[]).map(|one| one.order), Some(2));
    line.age(&Waiter { rank: Priority::Normal, ..waiter(1, Priority::Bulk, "", 100) });
    line.leave(&waiter(2, Priority::Normal, "", 60));
    line.enter(waiter(3, Priority::Normal, "", 120));
    assert_eq!(line.next_but(&[]).map(|one| one.order), Some(1));
}

#[test]
fn whose_turn_it_is_keeps_it_when_others_of_its_class_come() {
    let mut line = line(&[waiter(1, Priority::Normal, "slow", 900)]);
    assert_eq!(line.next_but(&[]).map(|one| one.order), Some(1));
    line.enter(waiter(2, Priority::Normal, "quick", 1));
    assert_eq!(line.next_but(&[]).map(|one| one.order), Some(1));
    assert!(!line.outranks(Priority::Normal, 1) && line.outranks(Priority::Interactive, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_lost_or_doubled_and_counts_agree(
        steps in proptest::collection::vec((0..3_usize, 0..3_usize, 1..500_u64, 0..4_u8), 1..150),
    ) {
        let mut line = Line::new(10);
        let mut inside: Vec<Waiter> = Vec::new();
        for (order, (class, caller, charge, deed)) in steps.into_iter().enumerate() {
            match deed {
                0 | 1 => {
                    let one = waiter(order as u64, CLASSES[class], ["", "a", "b"][caller], charge);
                    line.enter(one.clone());
                    inside.push(one);
                }
                2 if !inside.is_empty() => {
                    let one = inside.swap_remove(order % inside.len());
                    prop_assert!(line.leave(&one) && !line.leave(&one));
                }
                _ => {
                    for one in drain(&mut line, 1) {
                        inside.retain(|known| *known != one);
                    }
                }
            }
            prop_assert_eq!(line.len(), inside.len());
            prop_assert_eq!(line.smallest(), inside.iter().map(|one| one.charge).min());
            let mut told = orders(&line.upcoming(usize::MAX).into_iter().map(|turn| turn.waiter).collect::<Vec<_>>());
            let mut known = orders(&inside);
            told.sort_unstable();
            known.sort_unstable();
            prop_assert_eq!(told, known);
        }
    }
}
