use proptest::prelude::*;

use super::*;

const OPEN: Stated = Stated { limit: None, pinned: false, above: false };

fn stated(limit: u64) -> Stated {
    Stated { limit: Some(limit), ..OPEN }
}
fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}
fn refused(admitted: u64) -> Refused {
    Refused { admitted, charge: 400, straggler: false, by_minute: true }
}
/// Lets the ceiling be used to the full, four times a second.
fn use_fully(ceiling: &mut Ceiling, stated: Stated, from: u64, seconds: u64) -> u64 {
    for quarter in 0..seconds * 4 {
        let level = ceiling.held(stated).limit.unwrap_or(0);
        ceiling.admitted(Timestamp::from_millis(from * 1_000 + quarter * 250), stated, level);
    }
    ceiling.held(stated).limit.unwrap_or(0)
}

#[test]
fn a_reduction_holds_at_once_and_is_probed_back_since_one_counter_that_gives_it_back_is_not_all() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.report(at(1), stated(240_000), 100_000);
    assert_eq!(ceiling.held(stated(240_000)), Held { limit: Some(100_000), source: LimitSource::Header });
    assert_eq!(ceiling.since(), Some(at(1)));
    ceiling.report(at(500), stated(240_000), 240_000);
    assert_eq!(ceiling.held(stated(240_000)).limit, Some(100_000), "one answer, however late");
    ceiling.report(at(510), stated(240_000), 240_000);
    assert_eq!(ceiling.held(stated(240_000)), Held { limit: Some(114_000), source: LimitSource::Header });
    ceiling.report(at(511), stated(240_000), 100_000);
    assert_eq!(ceiling.held(stated(240_000)).limit, Some(100_000), "down at once again");
}

#[test]
fn a_reduction_that_is_over_is_forgotten_in_the_end() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.report(at(1), stated(600), 100);
    for second in 2..900 {
        ceiling.report(at(second), stated(600), 600);
    }
    assert_eq!(ceiling.held(stated(600)), Held { limit: Some(600), source: LimitSource::Configured });
}

#[test]
fn a_first_refusal_while_others_used_everything_is_no_limit_for_good() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(1), OPEN, refused(0));
    assert_eq!(ceiling.held(OPEN).limit, None, "nothing is stated, and nothing was let in, so nothing is known");
    ceiling.refused(at(1), OPEN, refused(1));
    assert_eq!(ceiling.held(OPEN).limit, Some(400), "something was let in");
    let risen = use_fully(&mut ceiling, OPEN, 2, 3_600);
    assert!(risen > 240_000, "{risen}");
}

#[test]
fn a_rise_where_nothing_is_stated_is_adopted_as_slowly() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.report(at(1), OPEN, 100_000);
    assert_eq!(ceiling.held(OPEN).limit, Some(100_000), "the first word is all there is");
    ceiling.report(at(2), OPEN, 200_000);
    ceiling.report(at(12), OPEN, 200_000);
    assert_eq!(ceiling.held(OPEN).limit, Some(110_000));
}

#[test]
fn what_the_person_states_anew_holds_at_once_up_to_what_is_reported() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.report(at(1), stated(70_000), 120_000);
    assert_eq!(ceiling.held(stated(100_000)).limit, Some(100_000));
    assert_eq!(ceiling.held(stated(200_000)).limit, Some(120_000));
    assert_eq!(ceiling.held(stated(50_000)).limit, Some(50_000));
}

#[test]
fn a_limit_stated_a_third_too_low_is_all_but_mended_in_five_minutes() {
    let mut ceiling = Ceiling::of_tokens();
    let low = stated(70_000);
    ceiling.report(at(0), low, 100_000);
    assert_eq!(ceiling.held(low), Held { limit: Some(70_000), source: LimitSource::Configured });
    for second in 1..=10 {
        ceiling.report(at(second), low, 100_000);
    }
    let after_ten = ceiling.held(low).limit.expect("a limit");
    assert!((72_500..73_000).contains(&after_ten), "{after_ten}");
    for second in 11..=300 {
        ceiling.report(at(second), low, 100_000);
    }
    assert!(ceiling.held(low).limit >= Some(98_000), "{:?}", ceiling.held(low));
    assert_eq!(ceiling.held(low).source, LimitSource::Header);
}

#[test]
fn what_is_proved_is_climbed_to_slowly_and_a_refusal_still_teaches() {
    let mut ceiling = Ceiling::of_tokens();
    let low = stated(70_000);
    for second in 0..=10 {
        ceiling.prove(at(second), low, 100_000);
    }
    let after_ten = ceiling.held(low).limit.expect("a limit");
    assert!((72_500..73_000).contains(&after_ten), "{after_ten}");
    for second in 11..=300 {
        ceiling.prove(at(second), low, 100_000);
    }
    let Held { limit, source } = ceiling.held(low);
    assert!((98_000..=100_000).contains(&limit.unwrap_or(0)), "{limit:?}");
    assert_eq!(source, LimitSource::Learned, "no service named it");
    ceiling.refused(at(301), low, refused(80_000));
    assert!(ceiling.held(low).limit <= Some(80_000), "{:?}", ceiling.held(low));
    let pinned = Stated { pinned: true, ..low };
    assert_eq!(ceiling.held(pinned), Held { limit: Some(70_000), source: LimitSource::Configured });
}

#[test]
fn what_was_climbed_to_ends_with_the_figure_it_was_climbed_from() {
    let mut ceiling = Ceiling::of_tokens();
    for second in 0..=300 {
        ceiling.prove(at(second), stated(70_000), 100_000);
    }
    assert!(ceiling.held(stated(70_000)).limit > Some(98_000));
    let lowered = stated(50_000);
    assert_eq!(ceiling.held(lowered), Held { limit: Some(50_000), source: LimitSource::Configured });
    ceiling.prove(at(301), lowered, 100_000);
    ceiling.prove(at(311), lowered, 100_000);
    assert_eq!(ceiling.held(lowered).limit, Some(55_000), "it is climbed from there anew");
}

#[test]
fn a_pinned_limit_learns_nothing() {
    let pinned = Stated { pinned: true, above: true, ..stated(1_000) };
    let mut ceiling = Ceiling::of_tokens();
    ceiling.report(at(0), pinned, 500);
    ceiling.refused(at(1), pinned, refused(300));
    use_fully(&mut ceiling, pinned, 2, 600);
    assert_eq!(ceiling.held(pinned), Held { limit: Some(1_000), source: LimitSource::Configured });
}

#[test]
fn a_refusal_teaches_what_was_let_in_and_stragglers_sharpen_it() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(1), OPEN, refused(64_000));
    ceiling.refused(at(1), OPEN, Refused { straggler: true, ..refused(60_000) });
    ceiling.refused(at(1), OPEN, Refused { straggler: true, ..refused(61_000) });
    let held = ceiling.held(OPEN);
    assert_eq!(held.source, LimitSource::Learned);
    assert_eq!(held.limit, Some(60_000 - 1_170), "two percent below, in steps");
}

#[test]
fn the_size_of_what_was_refused_does_not_lower_the_limit() {
    let mut ceiling = Ceiling::of_requests();
    ceiling.admitted(at(0), OPEN, 59_900);
    ceiling.refused(at(1), OPEN, Refused { admitted: 50_000, charge: 20_000, straggler: false, by_minute: true });
    assert_eq!(ceiling.held(OPEN).limit, Some(59_900));
}

#[test]
fn one_refusal_halves_a_limit_at_most_and_the_refused_size_still_fits() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(1), stated(60_000), refused(0));
    assert_eq!(ceiling.held(stated(60_000)).limit, Some(30_000));
    let mut unknown = Ceiling::of_tokens();
    unknown.refused(at(1), OPEN, Refused { admitted: 1, charge: 5_000, straggler: false, by_minute: true });
    assert_eq!(unknown.held(OPEN).limit, Some(5_000));
}

#[test]
fn it_rises_to_the_last_ceiling_rests_there_and_then_probes_beyond() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(0), OPEN, refused(100_000));
    let shown: Vec<u64> =
        [0, 15, 30, 45, 60, 90, 120].windows(2).map(|w| use_fully(&mut ceiling, OPEN, w[0], w[1] - w[0])).collect();
    assert!(shown.is_sorted(), "{shown:?}");
    assert!((99_500..=100_000).contains(&shown[1]), "{shown:?}");
    assert!((101_000..102_500).contains(&shown[3]), "{shown:?}");
    assert!(shown[5] > 120_000, "{shown:?}");
}

#[test]
fn a_ceiling_that_a_burst_reaches_once_a_minute_is_found_again_within_minutes() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(0), OPEN, refused(100_000));
    let shown: Vec<u64> = (1..=6)
        .map(|minute| {
            let limit = ceiling.held(OPEN).limit.unwrap_or(0);
            for n in 1..=100 {
                let now = Timestamp::from_millis(minute * 60_000 + n * 20);
                ceiling.admitted(now, OPEN, limit * n / 100);
            }
            ceiling.held(OPEN).limit.unwrap_or(0)
        })
        .collect();
    assert!(shown.is_sorted(), "{shown:?}");
    assert!(shown[0] < 100_000 && (99_900..=100_000).contains(&shown[2]), "{shown:?}");
    assert!((100_001..105_000).contains(&shown[5]), "{shown:?}");
}

#[test]
fn each_failed_probe_makes_the_next_come_later() {
    let mut ceiling = Ceiling::of_tokens();
    let mut probes = Vec::new();
    let mut last = 0;
    for quarter in 0..4 * 3_600_u64 {
        let now = Timestamp::from_millis(quarter * 250);
        let level = ceiling.held(OPEN).limit.unwrap_or(101_000);
        if level > 100_000 {
            probes.push(quarter / 4 - last);
            last = quarter / 4;
            ceiling.refused(now, OPEN, refused(100_000));
        } else {
            ceiling.admitted(now, OPEN, level);
        }
    }
    assert!(probes.windows(2).all(|pair| pair[1] + 1 >= pair[0]), "{probes:?}");
    assert!(probes.len() <= 9 && probes.last() >= Some(&700), "{probes:?}");
}

#[test]
fn what_is_not_used_does_not_grow() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(0), OPEN, refused(100_000));
    let before = ceiling.held(OPEN);
    for second in 1..3_600 {
        ceiling.admitted(at(second), OPEN, 50_000);
    }
    assert_eq!(ceiling.held(OPEN), before);
}

#[test]
fn a_ceiling_that_reaches_the_services_figure_again_is_forgotten() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.refused(at(0), stated(100_000), refused(80_000));
    assert_eq!(ceiling.held(stated(100_000)).source, LimitSource::Learned);
    let shown = use_fully(&mut ceiling, stated(100_000), 1, 1_800);
    assert_eq!((shown, ceiling.held(stated(100_000)).source), (100_000, LimitSource::Configured));
}

#[test]
fn a_probe_above_nominal_grows_gently_and_falls_back_to_the_last_good() {
    let above = Stated { above: true, ..stated(100_000) };
    let mut ceiling = Ceiling::of_tokens();
    assert_eq!(ceiling.held(above).limit, Some(100_000));
    let after_two = use_fully(&mut ceiling, above, 0, 120);
    assert!((101_000..=103_000).contains(&after_two), "{after_two}");
    let later = use_fully(&mut ceiling, above, 120, 3_600);
    assert_eq!(later, 200_000, "twice the figure is the end");
    ceiling.refused(at(4_000), above, refused(130_000));
    assert!((127_000..=130_000).contains(&ceiling.held(above).limit.expect("a limit")), "{:?}", ceiling.held(above));
}

#[derive(Clone, Debug)]
enum Step {
    Report(u64),
    Admit(u64),
    Refuse(u64, bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..400_000_u64).prop_map(Step::Report),
        (50..101_u64).prop_map(Step::Admit),
        (0..200_000_u64, any::<bool>()).prop_map(|(level, straggler)| Step::Refuse(level, straggler)),
        (0..30_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn limits_stay_in_bounds_fall_at_once_and_rise_as_slowly_as_stated(
        limit in proptest::option::of(1_000..200_000_u64),
        pinned in any::<bool>(),
        above in any::<bool>(),
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let stated = Stated { limit, pinned, above };
        let mut ceiling = Ceiling::of_tokens();
        let (mut now, mut reported) = (Timestamp::ZERO, None);
        let mut moved_at = Timestamp::ZERO;
        for step in steps {
            let (before, firm) = (ceiling.held(stated).limit, ceiling.firm(stated));
            match step {
                Step::Report(value) => {
                    ceiling.report(now, stated, value);
                    let held = ceiling.held(stated).limit;
                    let most = if above { value.saturating_mul(2) } else { value };
                    prop_assert!(pinned || held <= Some(most.max(1)), "down at once");
                    if let (false, Some(last), Some(before), Some(firm)) = (pinned, reported, firm, ceiling.firm(stated)) {
                        let gap = value.saturating_sub(before);
                        let passed = now.since(moved_at).min(LONGEST_CLIMB);
                        let step = if last > before { (share(gap, passed, CLIMB) / 10).max(1) } else { 0 };
                        prop_assert!(firm <= before.saturating_add(step), "never up faster");
                        prop_assert!(firm <= value, "never above its word");
                    }
                    if ceiling.firm(stated) != firm || reported <= firm {
                        moved_at = now;
                    }
                    reported = Some(value);
                }
                Step::Admit(percent) => {
                    let level = before.unwrap_or(50_000) * percent / 100;
                    ceiling.admitted(now, stated, level);
                }
                Step::Refuse(admitted, straggler) => {
                    ceiling.refused(now, stated, Refused { admitted, charge: 100, straggler, by_minute: true });
                }
                Step::Pass(millis) => now = now.after(Duration::from_millis(millis)),
            }
            let held = ceiling.held(stated).limit;
            if pinned {
                prop_assert_eq!(held, limit);
            } else if let Some(firm) = ceiling.firm(stated) {
                let most = if above { firm * 2 } else { firm };
                prop_assert!(held <= Some(most));
            }
        }
    }
}

#[test]
fn where_a_level_refills_the_ceiling_is_what_came_back_and_not_the_minutes_use() {
    let mut ceiling = Ceiling::of_tokens();
    ceiling.admitted(at(1), OPEN, 110_000);
    ceiling.refused(at(2), OPEN, Refused { by_minute: false, ..refused(60_000) });
    assert_eq!(ceiling.held(OPEN).limit, Some(58_830), "two percent below, in its steps, though 110,000 were let in");
    ceiling.refused(at(2), OPEN, Refused { straggler: true, by_minute: false, ..refused(20_000) });
    assert_eq!(ceiling.held(OPEN).limit, Some(58_830), "one sent before tells nothing new");
}
