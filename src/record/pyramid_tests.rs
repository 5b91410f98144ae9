use super::*;

fn sample(second: u64, tokens: u64) -> Sample {
    Sample { second, tokens, requests: 1, throttled: 0, token_limit: None }
}

fn run(pyramid: &mut Pyramid, seconds: std::ops::Range<u64>) {
    seconds.for_each(|second| pyramid.sample(&"a".into(), sample(second, second)));
}

fn starts(chunks: &[Arc<[Bucket]>]) -> Vec<u64> {
    chunks.iter().flat_map(|chunk| chunk.iter()).map(|bucket| bucket.start).collect()
}

#[test]
fn only_buckets_that_are_over_are_shown_and_each_is_handed_out_once() {
    let mut pyramid = Pyramid::default();
    run(&mut pyramid, 1_000..1_131);
    let view = pyramid.view();
    assert_eq!(starts(&view.tracks[0].ten_seconds), (1_000..1_130).step_by(10).collect::<Vec<_>>());
    assert_eq!(starts(&view.tracks[0].minutes), [960, 1_020]);
    assert_eq!(pyramid.take_over().len(), 15);
    assert!(pyramid.take_over().is_empty());
    let rest: Vec<(Grain, u64, u32)> =
        pyramid.take_rest().iter().map(|row| (row.grain, row.bucket.start, row.bucket.count)).collect();
    assert_eq!(rest, [(Grain::TenSeconds, 1_130, 1), (Grain::Minute, 1_080, 51)]);
}

#[test]
fn a_span_nobody_sampled_has_no_bucket() {
    let mut pyramid = Pyramid::default();
    run(&mut pyramid, 0..20);
    run(&mut pyramid, 55..75);
    assert_eq!(starts(&pyramid.view().tracks[0].ten_seconds), [0, 10, 50, 60]);
}

#[test]
fn what_an_earlier_run_left_stands_before_what_this_run_has() {
    let now = 10_000_000;
    let row =
        |grain: Grain, second| BucketRow { grain, endpoint: "a".into(), bucket: Bucket::of(sample(second, 7), grain) };
    let mut pyramid = Pyramid::default();
    run(&mut pyramid, now..now + 25);
    let tens = [now - 30_000, now - 40, now - 30, now, now + 10].map(|second| row(Grain::TenSeconds, second));
    let minutes = [now - 30_000, now - 6_000].map(|second| row(Grain::Minute, second));
    pyramid.remember(&[tens.to_vec(), minutes.to_vec()].concat(), now);
    let view = pyramid.view();
    assert_eq!(
        starts(&view.tracks[0].ten_seconds),
        [now - 40, now - 30, now, now + 10],
        "older than six hours, or known"
    );
    assert_eq!(
        view.tracks[0].minutes.iter().flat_map(|chunk| chunk.iter()).count(),
        3,
        "one came to its end meanwhile"
    );
    assert_eq!(view.tracks.len(), 1);
}

#[test]
fn six_hours_and_seven_days_are_kept_and_little_more() {
    let mut pyramid = Pyramid::default();
    for second in (0..8 * 86_400).step_by(5) {
        pyramid.sample(&"a".into(), sample(second, 1));
    }
    let view = pyramid.view();
    let track = &view.tracks[0];
    let (tens, minutes) = (starts(&track.ten_seconds).len(), starts(&track.minutes).len());
    assert!((2_160..2_160 + 2 * CHUNK).contains(&tens), "{tens}");
    assert!((10_080..10_080 + 2 * CHUNK).contains(&minutes), "{minutes}");
}

#[test]
fn a_sealed_chunk_is_shared_by_all_views() {
    let mut pyramid = Pyramid::default();
    run(&mut pyramid, 0..1_300);
    let before = pyramid.view();
    run(&mut pyramid, 1_300..1_320);
    assert!(Arc::ptr_eq(&before.tracks[0].ten_seconds[0], &pyramid.view().tracks[0].ten_seconds[0]));
    assert!(pyramid.generation() > before.generation);
}
