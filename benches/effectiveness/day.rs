//! A day of 20 requests a second, quiet or busy, and whether memory stays flat: fails where it does not, or takes too long.

use std::time::{Duration, Instant};

use tidegate::model::units::Timestamp;
use tidegate::sim::world::case::Day;

/// A day takes no longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// After the first hours, in which rings and pools fill, memory grows by no more than this share, in percent.
const GROWTH: u64 = 10;
/// So many hours.
const FILLING: u64 = 4;

/// Plays the day, hour by hour.
pub(crate) fn play(mut day: Day) {
    let begun = Instant::now();
    let mut filled = 0;
    println!("| hour | requests | open | waiting | resident |\n|--:|--:|--:|--:|--:|");
    for hour in 1..=24 {
        let until = Timestamp::ZERO.after(Duration::from_hours(hour));
        day.run(until);
        let queue = day.world().gateway().balancer().view(until).queue;
        let (offered, open) = (day.world().report().offered(), day.world().open());
        println!("| {hour} | {offered} | {open} | {} | {} kB |", queue.waiting, resident());
        if hour == FILLING {
            filled = resident();
        }
    }
    let report = day.world().report();
    println!(
        "\n{} requests, {} answered, {} errors, {} 429s; at most {} open; {:.1?}",
        report.offered(),
        report.answered(),
        report.errors(),
        report.throttled(),
        report.most_open,
        begun.elapsed()
    );
    let (took, grown) = (begun.elapsed(), resident() > filled + filled * GROWTH / 100);
    if took > LONGEST || grown {
        println!("Missed: at most {LONGEST:?}, and at most {GROWTH} % more memory than after {FILLING} hours.");
        std::process::exit(1);
    }
}

/// Kilobytes in memory, where the system tells.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
