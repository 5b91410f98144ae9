use std::sync::Arc;

use super::*;
use crate::contract::HistoryView;
use crate::contract::history::LongSeries;
use crate::model::history::Sample;
use crate::ui::fixture;

/// On a minute and a ten-second step.
const NOW: u64 = 1_700_000_400;

fn track(id: &str, tokens: u64, served: impl Fn(u64) -> bool) -> LongTrack {
    let buckets = |grain: Grain| {
        let starts = (NOW - grain.span()..NOW).step_by(usize::try_from(grain.seconds()).unwrap());
        let buckets = starts.filter(|start| served(*start)).map(|second| {
            let tokens = if second == NOW - 7_200 { tokens * 50 } else { tokens };
            Bucket::of(Sample { second, tokens, requests: 1, throttled: 1, token_limit: None }, grain)
        });
        vec![Arc::from(buckets.collect::<Vec<_>>())]
    };
    LongTrack { id: id.into(), ten_seconds: buckets(Grain::TenSeconds), minutes: buckets(Grain::Minute) }
}

fn snapshot(tracks: Vec<LongTrack>) -> Snapshot {
    let long = Arc::new(LongSeries { generation: 3, tracks });
    Snapshot { wall_ms: NOW * 1_000, history: HistoryView { long, ..HistoryView::default() }, ..fixture::snapshot() }
}

fn drawn(snapshot: &Snapshot, reach: Reach, pixels: u64) -> LongPlot {
    let mut plot = LongPlot::default();
    let wanted = Wanted { id: "test", metric: Metric::Tokens, reach, endpoint: None };
    plot.follow(snapshot, &wanted, grain(reach).unwrap(), pixels);
    plot
}

#[test]
fn a_line_has_at_most_one_place_per_pixel_and_hides_no_spike() {
    let snapshot = snapshot(vec![track("sim-ptu", 1_000, |_| true)]);
    for (reach, pixels) in [(Reach::SixHours, 400), (Reach::SevenDays, 400), (Reach::SevenDays, 1_200)] {
        let plot = drawn(&snapshot, reach, pixels);
        let line = &plot.drawn.lines[0];
        let places: usize = line.mean.iter().map(Vec::len).sum();
        assert!((100..=usize::try_from(pixels).unwrap()).contains(&places), "{reach:?}: {places}");
        assert_eq!(line.figures.1, 50_000, "the spike of {reach:?}");
        let highest = line.high.iter().flatten().copied().fold(0.0, f64::max);
        assert!((highest - 50_000.0).abs() < 1.0);
        assert_eq!(line.mean.len(), 1, "no gap is made up");
    }
}

#[test]
fn a_time_without_samples_is_a_gap_and_is_said_to_be_without_serving() {
    let pause = NOW - 10_800..NOW - 7_200;
    let served = |at: u64| !pause.contains(&at);
    let snapshot = snapshot(vec![track("sim-ptu", 10, served), track("sim-eastus", 10, served)]);
    let plot = drawn(&snapshot, Reach::SixHours, 700);
    assert_eq!(plot.drawn.lines.iter().map(|line| line.mean.len()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(plot.drawn.bands.len(), 1);
    let (from, to) = plot.drawn.bands[0];
    assert!((-10_860.0..=-10_740.0).contains(&from) && (-7_260.0..=-7_140.0).contains(&to), "{from} {to}");
}

#[test]
fn an_endpoint_that_was_not_there_for_a_while_is_no_time_without_serving() {
    let late = |at: u64| at > NOW - 3_600;
    let snapshot = snapshot(vec![track("sim-ptu", 10, |_| true), track("sim-eastus", 10, late)]);
    assert!(drawn(&snapshot, Reach::SixHours, 700).drawn.bands.is_empty());
}

#[test]
fn of_many_endpoints_the_busiest_have_lines_and_the_others_are_one() {
    let all = (0..10_u64).map(|place| track(&format!("e{place}"), 100 + place, |_| true)).collect();
    let plot = drawn(&snapshot(all), Reach::SevenDays, 500);
    let names: Vec<&str> = plot.drawn.lines.iter().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["e4", "e5", "e6", "e7", "e8", "e9", "others"]);
    let others = plot.drawn.lines.last().unwrap();
    let usual = others.mean[0][10].y;
    assert!((usual - 406.0).abs() < 1.0, "100 + 101 + 102 + 103: {usual}");
}

#[test]
fn lines_are_worked_out_once_until_something_changes() {
    let mut snapshot = snapshot(vec![track("sim-ptu", 10, |_| true)]);
    let mut plot = drawn(&snapshot, Reach::SixHours, 700);
    let before = plot.drawn.lines[0].mean[0].as_ptr();
    let mut again = |snapshot: &Snapshot, reach: Reach| {
        let wanted = Wanted { id: "test", metric: Metric::Tokens, reach, endpoint: None };
        plot.follow(snapshot, &wanted, grain(reach).unwrap(), 700);
        plot.drawn.lines[0].mean[0].as_ptr()
    };
    snapshot.wall_ms -= 5_000;
    assert_eq!(again(&snapshot, Reach::SixHours), before, "the same column of ten seconds");
    assert_ne!(again(&snapshot, Reach::SevenDays), before);
}
