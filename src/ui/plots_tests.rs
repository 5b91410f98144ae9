//! What the live plots show of gaps, bands, sums and ends, and how much they draw.

use super::*;
use crate::model::config::AdminState;
use crate::model::status::Health;
use egui_kittest::Harness;

fn point(second: u64, tokens: u64, health: Health) -> SeriesPoint {
    SeriesPoint {
        second,
        tokens_used: tokens,
        tokens_reserved: 0,
        requests_used: 0,
        throttled: 0,
        health,
        admin_state: AdminState::Enabled,
        token_limit: Some(100),
    }
}

fn series(slot: usize, points: &[SeriesPoint]) -> EndpointSeries {
    EndpointSeries { id: "e".into(), slot, earlier: std::sync::Arc::default(), chunks: vec![points.into()] }
}

#[test]
fn a_missing_second_parts_a_line() {
    let one = series(0, &[1, 2, 5, 6].map(|second| point(second, 7, Health::Healthy)));
    let streams = lines(&Theme::default(), &[&one], Metric::Tokens, 10);
    assert_eq!(streams[0].runs.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_gap_of_every_stream_is_time_not_served_and_a_minute_is_summed_up_in_a_row() {
    let seconds = [point(1, 5, Health::Healthy), point(2, 7, Health::Healthy), point(8, 9, Health::Healthy)];
    let late = [point(9, 1, Health::Healthy)];
    let both = [series(0, &seconds), series(1, &late)];
    let streams = lines(&Theme::default(), &both.iter().collect::<Vec<_>>(), Metric::Tokens, 10);
    assert_eq!(unserved(&streams), [(-8.0, -2.0, "not serving")]);
    assert_eq!(streams[0].minute(0), Some((5.0, 7.0, 9.0)));
    assert_eq!(streams[0].minute(1), None);
}

#[test]
fn a_band_lies_on_the_one_below() {
    let both = [series(0, &[point(1, 7, Health::Healthy)]), series(1, &[point(1, 5, Health::Healthy)])];
    let bands = stacked(&Theme::default(), &both, Metric::Tokens, 1);
    assert_eq!(bands[1].runs[0][0], Mark { x: -0.0, low: 7.0, high: 12.0 });
}

#[test]
fn without_a_known_limit_there_is_no_line_of_what_is_usable() {
    let mut one = crate::ui::fixture::snapshot().series.endpoints[0].clone();
    let unknown = |point: &SeriesPoint| SeriesPoint { token_limit: None, ..*point };
    one.chunks = vec![one.points().map(unknown).collect()];
    let stream = usable(&Theme::default(), [&one].into_iter(), crate::ui::fixture::SECOND);
    assert!(stream.runs.is_empty() && stream.name.is_empty(), "{}", stream.name);
}

#[test]
fn a_resting_endpoint_counts_as_nothing_in_what_is_usable() {
    let cause = crate::model::status::RestCause::Errors;
    let resting = Health::Resting { until: crate::model::units::Timestamp::MAX, cause };
    let both = [series(0, &[point(1, 0, Health::Healthy)]), series(1, &[point(1, 0, resting)])];
    assert_eq!(usable(&Theme::default(), both.iter(), 1).last().map(|mark| mark.high), Some(100.0));
    let paused = SeriesPoint { admin_state: AdminState::Paused, ..point(1, 0, Health::Healthy) };
    let both = [series(0, &[point(1, 0, Health::Healthy)]), series(1, &[paused])];
    assert_eq!(usable(&Theme::default(), both.iter(), 1).last().map(|mark| mark.high), Some(100.0), "paused");
}

#[test]
fn a_limit_far_above_what_is_used_is_not_drawn_dash_by_dash_all_the_way() {
    let cause = crate::model::status::RestCause::Errors;
    let resting = Health::Resting { until: crate::model::units::Timestamp::MAX, cause };
    let shapes = |limit: u64| {
        // It rests every other second, so that the line of what is usable falls and climbs all the time.
        let point = |second: u64| SeriesPoint {
            token_limit: Some(limit),
            ..point(second, 50, if second.is_multiple_of(2) { resting } else { Health::Healthy })
        };
        let one = series(0, &(1..100).map(point).collect::<Vec<_>>());
        let harness = Harness::builder().with_context_setup(crate::ui::theme::install).build_ui(move |ui| {
            let theme = Theme::of(ui.ctx());
            let mut streams = stacked(theme, std::slice::from_ref(&one), Metric::Tokens, 100);
            let line = usable(theme, std::iter::once(&one), 100);
            let top = Some(readable_top(&streams, &line));
            streams.push(line);
            let now = pin::Now::of(&crate::ui::fixture::snapshot());
            let (summary, levels) = (String::new(), Vec::new());
            let chart = Chart {
                id: "t",
                summary,
                height: 160.0,
                window: 120,
                now,
                metric: Metric::Tokens,
                streams,
                levels,
                top,
            };
            chart.show(ui, theme);
        });
        harness.output().shapes.len()
    };
    let (near, far) = (shapes(500), shapes(500_000));
    assert!(near > 50, "{near} shapes: nothing is drawn");
    assert!(far < near * 2, "{far} shapes where a near limit takes {near}");
}

#[test]
fn after_what_an_earlier_run_left_nothing_is_kept_rather_than_not_served() {
    let mut one = series(0, &[point(20, 5, Health::Healthy), point(21, 5, Health::Healthy)]);
    one.earlier = [point(1, 5, Health::Unknown), point(2, 5, Health::Unknown)].into();
    let streams = lines(&Theme::default(), &[&one], Metric::Tokens, 21);
    assert_eq!(unserved(&streams), [(-19.0, -1.0, "nothing kept")], "its last seconds may not have been written");
}

#[test]
fn a_name_too_long_for_its_room_is_whole_to_those_who_hear_it() {
    use egui_kittest::kittest::Queryable as _;
    let whole = "local-my-gpt4-deployment-east";
    let one = EndpointSeries { id: whole.into(), ..series(0, &[point(1, 7, Health::Healthy)]) };
    let harness = Harness::builder().with_context_setup(crate::ui::theme::install).build_ui(move |ui| {
        let theme = Theme::of(ui.ctx());
        let streams = lines(theme, &[&one], Metric::Tokens, 2);
        let (id, summary, now) = ("t", String::new(), pin::Now::of(&crate::ui::fixture::snapshot()));
        let chart = Chart {
            id,
            summary,
            height: 160.0,
            window: 120,
            now,
            metric: Metric::Tokens,
            streams,
            levels: Vec::new(),
            top: None,
        };
        chart.show(ui, theme);
    });
    let name = harness.get_by_label(whole).rect();
    assert!(name.right() <= harness.ctx.content_rect().right(), "{name}");
}

#[test]
fn marks_reach_to_the_left_end_and_a_plot_of_less_than_was_chosen_says_so() {
    for window in WINDOWS {
        let last = marks(window).last().map(|mark| mark.value);
        assert_eq!(last, Some(-as_float(window)), "{window}");
        assert_eq!(short_of(window).is_none(), window == WINDOW);
    }
    assert_eq!(short_of(120).as_deref(), Some("last 2 min: none earlier"));
}
