//! What moving borders does to shares, one by one and over a thousand random steps.

use proptest::prelude::*;

use super::*;
use crate::ui::draft::Draft;
use crate::ui::fixture;

fn three() -> Division {
    Division::new(240_000, vec![120_000, 60_000, 30_000], vec![])
}

#[test]
fn a_border_trades_between_its_two_neighbours_alone_in_whole_thousands() {
    let moved = three().moved(0, 131_600, Trade::Neighbour, STEP);
    assert_eq!((moved.shares(), moved.spare()), (&[132_000, 48_000, 30_000][..], 30_000));
    let back = moved.moved(0, 120_000, Trade::Neighbour, STEP);
    assert_eq!(back, three());
}

#[test]
fn a_border_stops_where_a_neighbour_would_be_shut() {
    assert_eq!(three().moved(0, 500_000, Trade::Neighbour, STEP).shares(), [179_000, 1_000, 30_000]);
    assert_eq!(three().moved(0, 0, Trade::Neighbour, STEP).shares(), [1_000, 179_000, 30_000]);
}

#[test]
fn the_last_border_and_shift_trade_with_what_is_spare() {
    let last = three().moved(2, 90_000, Trade::Neighbour, STEP);
    assert_eq!((last.shares(), last.spare()), (&[120_000, 60_000, 60_000][..], 0));
    let shifted = three().moved(0, 110_000, Trade::Spare, STEP);
    assert_eq!((shifted.shares(), shifted.spare()), (&[110_000, 60_000, 30_000][..], 40_000));
}

#[test]
fn alt_takes_from_all_others_that_are_not_locked_by_what_they_have() {
    let moved = three().moved(0, 150_000, Trade::All, STEP);
    assert_eq!((moved.shares(), moved.spare()), (&[150_000, 40_000, 20_000][..], 30_000));
    let locked = Division::new(240_000, vec![120_000, 60_000, 30_000], vec![false, true, false]);
    assert_eq!(locked.moved(0, 150_000, Trade::All, STEP).shares(), [149_000, 60_000, 1_000]);
}

#[test]
fn a_lock_keeps_its_share_from_borders_and_buttons() {
    let locked = Division::new(240_000, vec![120_000, 60_000, 30_000], vec![true]);
    for trade in [Trade::Neighbour, Trade::Spare, Trade::All] {
        assert_eq!(locked.moved(0, 10_000, trade, STEP), locked);
    }
    assert_eq!(locked.even().shares(), [120_000, 60_000, 60_000]);
}

#[test]
fn without_rounding_a_share_is_what_was_asked_for() {
    assert_eq!(three().moved(0, 120_123, Trade::Neighbour, 1).shares(), [120_123, 59_877, 30_000]);
}

#[test]
fn by_use_follows_use_and_leaves_everybody_a_step() {
    let division = three().by_use(&[90_000, 30_000, 0]);
    assert!(division.sum() <= 240_000 && division.spare() < 3 * STEP, "{division:?}");
    let [most, less, least] = division.shares() else { panic!("three shares") };
    assert!(most > less && less > least && *least >= STEP, "{division:?}");
}

#[test]
fn a_pool_that_is_over_its_total_can_only_be_brought_back() {
    let over = Division::new(100_000, vec![80_000, 60_000], vec![]);
    assert_eq!((over.over(), over.spare()), (40_000, 0));
    assert_eq!(over.moved(1, 90_000, Trade::Neighbour, STEP), over);
    assert_eq!(over.moved(1, 20_000, Trade::Neighbour, STEP).shares(), [80_000, 20_000]);
}

#[derive(Clone, Debug)]
enum Act {
    Move { place: usize, wanted: u64, trade: Trade, step: u64 },
    Lock(usize),
    Even,
    ByUse(Vec<u64>),
    Undo,
    Redo,
}

fn act() -> impl Strategy<Value = Act> {
    let trade = prop_oneof![Just(Trade::Neighbour), Just(Trade::Spare), Just(Trade::All)];
    let border = (0..4_usize, 0..400_000_u64, trade, prop_oneof![Just(STEP), Just(1)]);
    prop_oneof![
        8 => border.prop_map(|(place, wanted, trade, step)| Act::Move { place, wanted, trade, step }),
        2 => (0..4_usize).prop_map(Act::Lock),
        1 => Just(Act::Even),
        1 => proptest::collection::vec(0..200_000_u64, 4).prop_map(Act::ByUse),
        2 => Just(Act::Undo),
        1 => Just(Act::Redo),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn segments_and_spare_are_the_total_after_a_thousand_drags_locks_buttons_and_undos(
        acts in proptest::collection::vec(act(), 1_000)
    ) {
        let mut snapshot = fixture::snapshot();
        let applied = std::sync::Arc::make_mut(&mut snapshot.applied);
        let config = std::sync::Arc::make_mut(&mut applied.config);
        let pool = config.quota_pools[0].id.clone();
        for endpoint in &mut config.endpoints {
            endpoint.quota_pool = Some(pool.clone());
            endpoint.tokens_per_minute = Some(70_000);
        }
        let (total, mut draft, mut locked) = (300_000, Draft::new(applied), [false; 4]);
        for act in acts {
            let before = Division::new(total, shares(&draft, &pool), locked.to_vec());
            let after = match &act {
                Act::Move { place, wanted, trade, step } => before.moved(*place, *wanted, *trade, *step),
                Act::Even => before.even(),
                Act::ByUse(used) => before.by_use(used),
                Act::Lock(place) => {
                    locked[*place] = !locked[*place];
                    continue;
                }
                Act::Undo => {
                    draft.undo();
                    continue;
                }
                Act::Redo => {
                    draft.redo();
                    continue;
                }
            };
            draft.edit("Divide", |config| after.write(config, &pool));
            let now = shares(&draft, &pool);
            prop_assert_eq!(&now, after.shares());
            let sum: u64 = now.iter().sum();
            prop_assert!(sum <= total, "{:?} after {:?}", now, act);
            prop_assert_eq!(sum + after.spare(), total);
            for place in 0..4 {
                prop_assert!(!locked[place] || now[place] == before.share(place), "lock {} after {:?}", place, act);
                prop_assert!(now[place] >= STEP, "{:?} is shut by {:?}", now, act);
            }
            if let Act::Move { place, trade: Trade::Neighbour, .. } = act && place < 3 {
                prop_assert_eq!(after.spare(), before.spare());
            }
        }
    }
}

fn shares(draft: &Draft, pool: &PoolId) -> Vec<u64> {
    super::super::allot::members(draft.working(), pool).map(|member| member.tokens_per_minute.unwrap_or(0)).collect()
}
