use super::*;
use crate::model::outcome::Ending;
use crate::model::record::RecordEnd;
use crate::model::usage::Usage;
use crate::record::sample::record;

/// 2026-03-01T00:00Z.
const DAY: u64 = 1_772_323_200_000;

fn answered(wall_ms: u64, client: &str, output: u64) -> RequestRecord {
    let mut record = RequestRecord { wall_ms, end: RecordEnd::Answered(Ending::Completed), ..record(1) };
    record.usage = Some(Usage { input: 100, cached: 60, output, reasoning: 5, exact: true, ..Usage::default() });
    Arc::make_mut(&mut record.profile).client = Arc::from(client);
    record
}

fn rows(book: &UsageBook) -> Vec<UsageRow> {
    let view = book.view();
    view.past.iter().cloned().chain(view.today.iter().cloned()).collect()
}

fn total(rows: &[UsageRow]) -> UsageSum {
    rows.iter().fold(UsageSum::default(), |mut total, (_, sum)| {
        total.add(sum);
        total
    })
}

#[test]
fn every_request_is_in_exactly_one_sum() {
    let mut book = UsageBook::new(TimeZone::UTC);
    let all: Vec<RequestRecord> = (0..500)
        .map(|n| answered(DAY + n * 400_000, if n % 2 == 0 { "aider" } else { "codex" }, n))
        .chain([record(7)])
        .collect();
    let mut expected = UsageSum::default();
    for record in &all {
        book.add(record);
        expected.add(&UsageSum::of(record));
    }
    assert_eq!(total(&rows(&book)), expected);
    assert_eq!(total(&book.take_fresh()), expected);
    assert!(book.take_fresh().is_empty());
    assert_eq!((expected.requests, expected.failed, expected.cached), (501, 1, 30_000));
}

#[test]
fn a_day_begins_at_the_local_midnight_also_when_clocks_are_put_forward() {
    // Berlin is an hour ahead until 2026-03-29, two hours after.
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let sunday = DAY + 28 * 86_400_000;
    let (day, span) = span_of_day(&zone, sunday);
    assert_eq!(span, sunday - 3_600_000..sunday + 22 * 3_600_000, "a day of 23 hours");
    assert_eq!(span_of_day(&zone, span.end).0, day + 1);
    assert_eq!(span_of_day(&zone, span.start - 1).0, day - 1);
}

#[test]
fn what_an_earlier_run_left_is_added_to_its_own_day() {
    let mut before = UsageBook::new(TimeZone::UTC);
    for wall_ms in [DAY - 1, DAY + 1] {
        before.add(&answered(wall_ms, "aider", 10));
    }
    let left = before.take_fresh();
    let mut book = UsageBook::new(TimeZone::UTC);
    book.add(&answered(DAY + 2, "aider", 10));
    book.remember(left, DAY + 3);
    let sums: Vec<(i32, u64)> = rows(&book).iter().map(|(key, sum)| (key.day, sum.requests)).collect();
    assert_eq!(sums, [(20_512, 1), (20_513, 2)]);
    assert_eq!(book.view().today_is, 20_513);
    assert_eq!(total(&book.take_fresh()).requests, 1, "what was stored is not stored again");
}

#[test]
fn an_endpoint_of_an_earlier_run_is_known_to_have_served() {
    let mut before = UsageBook::new(TimeZone::UTC);
    before.add(&answered(DAY - 1, "aider", 10));
    let mut rows = before.take_fresh();
    for (key, _) in &mut rows {
        key.endpoint = Some("east".into());
    }
    let mut book = UsageBook::new(TimeZone::UTC);
    assert!(book.view().served.is_empty());
    book.remember(rows, DAY);
    assert!(book.view().served.contains(&EndpointId::from("east")));
}

#[test]
fn clients_that_call_themselves_ever_new_names_do_not_fill_the_book() {
    let mut book = UsageBook::new(TimeZone::UTC);
    (0..1_000).for_each(|n| book.add(&answered(DAY, &format!("client {n}"), 1)));
    assert_eq!(rows(&book).len(), CLIENTS + 1);
    assert_eq!(total(&rows(&book)).requests, 1_000);
}
