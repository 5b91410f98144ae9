use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::ui::fixture;

fn ids(rows: &Rows) -> Vec<u64> {
    rows.iter().map(|record| record.id.0).collect()
}

/// The records from `start` to `end` of all that ever were, in chunks as the ring hands them out.
fn view(all: &[Arc<RequestRecord>], start: usize, end: usize) -> RecordsView {
    let chunks = all[start..end].chunks(7).map(Arc::from).collect();
    RecordsView { total: end as u64, dropped: 0, chunks }
}

fn all() -> Vec<Arc<RequestRecord>> {
    fixture::snapshot().records.iter().cloned().collect()
}

/// As many records as a full ring, made of the few of the fixture.
fn many(count: u64) -> RecordsView {
    let few = all();
    let record = |number: u64| {
        let mut record = RequestRecord::clone(&few[usize::try_from(number).unwrap() % few.len()]);
        record.id = RequestId(number);
        Arc::new(record)
    };
    let list: Vec<Arc<RequestRecord>> = (0..count).map(record).collect();
    RecordsView { total: count, dropped: 0, chunks: list.chunks(256).map(Arc::from).collect() }
}

fn update(rows: &mut Rows, records: &RecordsView, text: &str) {
    rows.update(records, text, 0, &BTreeSet::new());
}

#[test]
fn new_records_are_added_and_dropped_ones_leave_without_doubling_any() {
    let all = all();
    let mut rows = Rows::default();
    for (start, end) in [(0, 10), (0, 10), (4, 16), (15, 30), (38, 40)] {
        let records = view(&all, start, end);
        update(&mut rows, &records, "");
        let kept: Vec<u64> = all[start..end].iter().map(|record| record.id.0).collect();
        assert_eq!(ids(&rows), kept, "{start}..{end}");
        assert_eq!(rows.progress(&records), None);
    }
}

#[test]
fn a_filter_applies_to_what_comes_later_too() {
    let all = all();
    let mut rows = Rows::default();
    update(&mut rows, &view(&all, 0, 20), "endpoint:westus");
    update(&mut rows, &view(&all, 0, 40), "endpoint:westus");
    let kept = all.iter().filter(|record| record.attempts.iter().any(|a| a.endpoint.as_str() == "sim-westus"));
    assert_eq!(ids(&rows), kept.map(|record| record.id.0).collect::<Vec<_>>());
    assert!(!rows.is_empty());
}

#[test]
fn another_profiles_records_replace_everything() {
    let (one, other) = (fixture::snapshot_at(600), fixture::snapshot_at(300));
    let mut rows = Rows::default();
    update(&mut rows, &one.records, "");
    update(&mut rows, &other.records, "");
    assert_eq!(rows.len(), other.records.len());
    assert_eq!(rows.at(0).map(|record| record.id), other.records.iter().next().map(|record| record.id));
}

#[test]
fn a_full_ring_is_searched_in_slices_with_progress_and_the_complete_count_at_the_end() {
    let records = many(50_000);
    let (mut rows, mut frames, mut last) = (Rows::default(), 0_u32, 0);
    loop {
        let before = rows.looked();
        update(&mut rows, &records, "why:throttled -client:nobody");
        frames += 1;
        let cost = rows.filter().cost() as u64;
        assert!((rows.looked() - before) * cost <= SLICE as u64, "a frame does a slice of work");
        match rows.progress(&records) {
            Some(percent) => assert!(percent >= last && percent < 100, "{percent}"),
            None => break,
        }
        last = rows.progress(&records).unwrap_or_default();
    }
    assert!(frames > 10, "{frames}");
    let scope = Scope { wall_ms: 0, marked: &BTreeSet::new() };
    let passes = |one: &&Arc<RequestRecord>| rows.filter().judge(one, scope) == Judgement::Passes;
    let expected = records.iter().filter(passes).count();
    assert!(expected > 1_000, "{expected}");
    assert_eq!((rows.len(), rows.looked()), (expected, 50_000));
    update(&mut rows, &records, "why:throttled -client:nobody");
    assert_eq!(rows.looked(), 50_000, "without news nothing is looked at again");
}

#[test]
fn the_newest_are_found_first_while_older_ones_are_still_searched() {
    let records = many(50_000);
    let mut rows = Rows::default();
    update(&mut rows, &records, "why:throttled");
    assert!(rows.progress(&records).is_some());
    let newest = rows.iter().next_back().map(|record| record.id.0);
    assert!(newest.is_some_and(|id| id > 49_900), "{newest:?}");
}

#[test]
fn where_nothing_passes_the_clause_in_the_way_is_named_with_what_it_keeps_out() {
    let all = all();
    let mut rows = Rows::default();
    update(&mut rows, &view(&all, 0, 40), "client:aider ttft>9s");
    assert!(rows.is_empty());
    assert_eq!(rows.nearest(), Some(("ttft>9s", 40)));
}

#[test]
fn a_filter_by_age_lets_rows_go_as_they_grow_old() {
    let all = all();
    let records = view(&all, 0, 40);
    let newest = all[39].ended_wall_ms();
    let (mut rows, marked) = (Rows::default(), BTreeSet::new());
    rows.update(&records, "since:30s", newest, &marked);
    let before = rows.len();
    rows.update(&records, "since:30s", newest + 20_000, &marked);
    assert!(rows.len() < before && !rows.is_empty(), "{before} then {}", rows.len());
}

#[test]
fn marked_rows_can_be_asked_for() {
    let all = all();
    let (mut rows, mut marked) = (Rows::default(), BTreeSet::new());
    rows.update(&view(&all, 0, 40), "is:marked", 0, &marked);
    assert!(rows.is_empty());
    marked.insert(all[3].id);
    rows.update(&view(&all, 0, 40), "is:marked", 0, &marked);
    assert_eq!(ids(&rows), [all[3].id.0]);
}
