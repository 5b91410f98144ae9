//! Limits that are stated wrongly, not at all, or shared with others: what is delivered all the same, and how rarely a
//! service has to say no, whether its answers tell of limits or are silent.
//!
//! The services know the true limits; the balancer knows what a configuration states and what it learns.

#![expect(clippy::expect_used, reason = "a test's world may end where it is wrong")]

use tidegate::sim::world::case::{Case, Knowledge, Load, Outcome};
use tidegate::sim::world::site::Counting;

/// How services count, and whether they tell of limits.
const ALL: [(Counting, bool); 4] = [
    (Counting::SlidingLog, true),
    (Counting::TokenBucket, true),
    (Counting::SlidingLog, false),
    (Counting::TokenBucket, false),
];

fn run(case: Case) -> Outcome {
    case.run().expect("the case is sound")
}

/// Plays all four at both loads and holds what is delivered of what can be, and 429s per request, against what is wanted,
/// both in hundredths of a percent.
fn expect(knowledge: Knowledge, least: u64, most: u64) {
    for (counting, headers) in ALL {
        for load in [150, 300] {
            let case = Case { knowledge, headers, ..Case::of(counting, Load::Steady(load)) };
            let outcome = run(case);
            let (delivered, refused) = (outcome.delivered(), outcome.report.throttled_in_10k());
            assert!(delivered >= least, "{case:?}: {delivered} in 10,000 delivered");
            assert!(refused <= most, "{case:?}: {refused} in 10,000 were 429");
            let passed_on: u64 = outcome.report.fates.iter().map(|fate| fate.passed_on).sum();
            assert_eq!(passed_on, 0, "{case:?}");
        }
    }
}

#[test]
fn known_limits_are_used_to_the_full_without_a_429() {
    expect(Knowledge::Known, 9_900, 0);
}

#[test]
fn unknown_limits_are_found_within_two_minutes() {
    expect(Knowledge::Unknown, 9_500, 99);
}

#[test]
fn limits_stated_a_half_too_high_are_corrected() {
    expect(Knowledge::TooHigh, 9_500, 99);
}

/// Where the service is silent, nobody who must not be refused can tell a figure that is right from one too low: what
/// can be delivered there is what is stated.
#[test]
fn limits_stated_a_third_too_low_are_raised_where_the_service_says_so() {
    expect(Knowledge::TooLow, 9_500, 99);
}

#[test]
fn others_traffic_is_left_room_for_and_the_rest_is_used() {
    expect(Knowledge::Foreign, 8_600, 199);
}

#[test]
fn a_service_that_carries_more_than_it_states_is_found_out_only_where_that_is_wanted() {
    let silent =
        Case { knowledge: Knowledge::TooLow, headers: false, ..Case::of(Counting::SlidingLog, Load::Steady(300)) };
    let careful = run(silent);
    let bold = run(Case { probe_above: true, ..silent });
    assert!(careful.delivered() <= 10_050 && careful.report.throttled() == 0);
    let more = bold.report.tokens() * 100 / careful.report.tokens();
    assert!(more >= 110, "{more} % of what is delivered without");
    assert!(bold.report.throttled_in_10k() <= 100, "{} in 10,000 were 429", bold.report.throttled_in_10k());
}
