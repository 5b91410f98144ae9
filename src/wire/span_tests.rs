use proptest::prelude::*;

use super::*;

#[test]
fn recorded_durations_are_read_exactly() {
    for (text, micros) in [
        ("20ms", 20_000),
        ("120ms", 120_000),
        ("1s", 1_000_000),
        ("2.572s", 2_572_000),
        ("8.64s", 8_640_000),
        ("6m0s", 360_000_000),
        ("1h2m3s", 3_723_000_000),
        ("88ms", 88_000),
        ("1m12.5s", 72_500_000),
        ("250µs", 250),
        ("0", 0),
        ("14", 14_000_000),
        ("0.5", 500_000),
        (" 3 ", 3_000_000),
        ("86400", 86_400_000_000),
    ] {
        assert_eq!(seconds(text), Some(Duration::from_micros(micros)), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_unknown() {
    for text in ["", "-1", "-5s", "s", "ms", ".", ".s", "1x", "1 s", "1s2", "NaN", "inf", "1e3", "1..2s", "+5", "٣"] {
        assert_eq!(seconds(text), None, "{text}");
    }
}

#[test]
fn absurd_durations_saturate() {
    assert_eq!(seconds(&"9".repeat(60)).unwrap().as_secs(), u64::MAX);
    assert_eq!(seconds(&format!("{}h{0}h", "9".repeat(60))), Some(Duration::MAX));
}

#[test]
fn a_date_counts_from_the_wall_clock_and_the_past_is_zero() {
    let at = 1_700_000_000_000; // Tue, 14 Nov 2023 22:13:20 GMT
    let read = |text| retry_after(text, at);
    assert_eq!(read("Tue, 14 Nov 2023 22:13:50 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(read("Tue, 14 Nov 2023 22:13:00 GMT"), Some(Duration::ZERO));
    assert_eq!(read("Tuesday"), None);
}

proptest! {
    #[test]
    fn written_durations_are_read_back(hours in 0_u64..100, minutes in 0_u64..60, millis in 0_u64..60_000) {
        let text = format!("{hours}h{minutes}m{}.{:03}s", millis / 1_000, millis % 1_000);
        prop_assert_eq!(go(&text), Some(Duration::from_millis((hours * 60 + minutes) * 60_000 + millis)));
    }

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let _ = (seconds(&text), millis(&text), retry_after(&text, 0));
    }
}
