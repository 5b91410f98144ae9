use super::*;

fn sample(second: u64, tokens: u64) -> Sample {
    Sample { second, tokens, requests: tokens / 100, throttled: u32::from(tokens > 500), token_limit: Some(1_000) }
}

fn bucket(start: u64, samples: &[u64]) -> Bucket {
    let mut all = samples.iter().map(|tokens| Bucket::of(sample(start, *tokens), Grain::TenSeconds));
    let first = all.next().unwrap();
    all.fold(first, |mut whole, part| {
        whole.merge(&part);
        whole
    })
}

#[test]
fn a_bucket_written_in_parts_says_the_same_as_one_written_whole() {
    let whole = bucket(120, &[10, 900, 0, 40]);
    let (mut one, two) = (bucket(120, &[10, 900]), bucket(120, &[0, 40]));
    one.merge(&two);
    assert_eq!(one, whole);
    assert_eq!((whole.count, whole.tokens.min, whole.tokens.max, whole.mean(whole.tokens)), (4, 0, 900, 237));
    assert_eq!((whole.throttled, whole.token_limit), (1, Some(1_000)));
}

#[test]
fn a_sample_falls_into_the_bucket_of_its_grain() {
    assert_eq!(Bucket::of(sample(129, 1), Grain::TenSeconds).start, 120);
    assert_eq!(Bucket::of(sample(179, 1), Grain::Minute).start, 120);
    let huge = Bucket::of(Sample { tokens: u64::MAX, ..sample(0, 0) }, Grain::Minute);
    assert_eq!((huge.tokens.sum, huge.tokens.max), (u64::MAX, u32::MAX));
}

#[test]
fn thinning_keeps_every_spike_and_every_gap() {
    let buckets: Vec<Bucket> = (0..600_u64)
        .filter(|place| !(200..300).contains(place))
        .map(|place| bucket(place * 10, &[if place == 77 { 5_000 } else { 100 }]))
        .collect();
    let thinned = thin(buckets.iter(), (0, 6_000), 60);
    assert_eq!(thinned.len(), 50, "sixty columns, ten of them in the gap");
    assert_eq!(thinned.iter().map(|bucket| bucket.tokens.max).max(), Some(5_000));
    assert_eq!(thinned.iter().map(|bucket| u64::from(bucket.count)).sum::<u64>(), 500);
    assert!(!thinned.iter().any(|bucket| (2_000..3_000).contains(&bucket.start)));
    assert!(thin(buckets.iter(), (0, 6_000), 100_000).len() == 500, "nothing is merged where there is room");
}
