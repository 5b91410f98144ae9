//! How much of the quotas reaches clients, and at what price, in virtual time.
//!
//! `cargo bench --no-default-features --bench effectiveness` prints the whole table; `-- --write` puts it into
//! `docs/EFFECTIVENESS.md` and its short form into the README; `-- --missed` prints only what misses a goal;
//! `-- --day` plays a day of 20 requests a second, `-- --busy-day` one with lines and refusals; any other word keeps the cases whose row holds it.

#![expect(clippy::disallowed_methods, reason = "says how long it took; nothing virtual depends on it")]
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a program for people, who may see it fail")]
#![expect(clippy::format_push_string, reason = "tables are short")]

mod day;
mod write;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tidegate::sim::world::case::{Case, Load, Outcome};
use tidegate::sim::world::goals::missed;
use tidegate::sim::world::rivals::Manner;
use tidegate::sim::world::site::Counting;
use tidegate::sim::world::table;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let asked = |flag: &str| words.iter().any(|word| word == flag);
    if asked("--day") {
        return day::play(Case::day().expect("the day's configuration is sound"));
    }
    if asked("--busy-day") {
        return day::play(Case::busy_day().expect("the day's configuration is sound"));
    }
    let begun = Instant::now();
    let filter: Vec<&String> = words.iter().filter(|word| !word.starts_with("--")).collect();
    let cases: Vec<Case> =
        Case::matrix().into_iter().filter(|case| filter.iter().all(|f| title(case).contains(f.as_str()))).collect();
    let outcomes = all(&cases, |case| case.run().expect("the cases' configurations are sound"));
    let rows: Vec<String> = cases.iter().zip(&outcomes).map(|(case, outcome)| table::row(case, outcome)).collect();
    let failing = cases.iter().zip(&outcomes).map(|(case, outcome)| !missed(case, outcome).is_empty());
    let failing: Vec<bool> = failing.collect();
    print!("{}", table::HEAD);
    for (row, fails) in rows.iter().zip(&failing) {
        if *fails || !asked("--missed") {
            print!("{row}");
        }
    }
    let count = failing.iter().filter(|fails| **fails).count();
    let rivals = if filter.is_empty() || asked("--rivals") { rivals() } else { String::new() };
    let mixed = if filter.is_empty() || asked("--mixed") { mixed() } else { String::new() };
    println!("\n{rivals}\n{mixed}\n{count} of {} cases miss a goal; {:.0?}", cases.len(), begun.elapsed());
    if asked("--write") {
        write::write(&cases, &outcomes, &rows, &rivals, &mixed);
    }
    if count > 0 {
        std::process::exit(1);
    }
}

fn title(case: &Case) -> String {
    let sizes = if case.heavy { "heavy" } else { "uniform" };
    let (counting, knowledge) = (table::counting(case.counting), table::knowledge(case.knowledge));
    format!("{counting}, {knowledge}, {}, {sizes}, {}.", table::load(case.load), case.endpoints)
}

/// Runs every case, on as many threads as there are cores; the slow ones first.
fn all(cases: &[Case], run: impl Fn(&Case) -> Outcome + Sync) -> Vec<Outcome> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse((cases[*at].endpoints, cases[*at].load)));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let outcome = run(&cases[*at]);
                    if begun.elapsed().as_secs() >= 5 {
                        eprintln!("{} took {:.1?}", title(&cases[*at]), begun.elapsed());
                    }
                    done.lock().expect("no run panics").push((*at, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no run panics");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The same world, spread by others.
fn rivals() -> String {
    let mut text = "\
| spread by | counting | load | endpoints | delivered | 429s per answer | client errors (least) | longest wait |
|--|--|--|--:|--:|--:|--:|--:|
"
    .to_owned();
    for counting in Counting::ALL {
        for (load, endpoints) in
            [4, 30].into_iter().flat_map(|count| [(Load::Steady(150), count), (Load::Burst, count)])
        {
            let case = Case { endpoints, ..Case::of(counting, load) };
            let ours = case.run().expect("sound");
            text.push_str(&rival_row("Tidegate", &case, &ours));
            for manner in Manner::ALL {
                let name = match manner {
                    Manner::RoundRobin => "round robin with cooldown",
                    Manner::WeightedRandom => "weighted random with retry",
                    Manner::LowestUsage => "lowest calendar-minute usage",
                };
                text.push_str(&rival_row(name, &case, &case.run_rival(manner)));
            }
        }
    }
    text
}

fn rival_row(name: &str, case: &Case, outcome: &Outcome) -> String {
    let report = &outcome.report;
    let fate = report.fate(tidegate::model::config::Priority::Normal);
    let hundredths = report.throttled() * 100 / report.answered().max(1);
    format!(
        "| {name} | {} | {} | {} | {} | {}.{:02} | {} ({}) | {:.1} s |\n",
        table::counting(case.counting),
        table::load(case.load),
        case.endpoints,
        tidegate::sim::world::goals::Percent(outcome.delivered()),
        hundredths / 100,
        hundredths % 100,
        tidegate::sim::world::goals::Percent(report.errors_in_10k()),
        tidegate::sim::world::goals::Percent(outcome.least_errors),
        fate.waits.longest().as_secs_f64(),
    )
}

/// Waits by priority, with a fifth interactive, half normal and the rest bulk.
fn mixed() -> String {
    use tidegate::model::config::Priority;
    let mut text = "\
| counting | load | sizes | interactive: wait, errors | normal: wait, errors | bulk: wait, errors | bulk's share | goals |
|--|--|--|--:|--:|--:|--:|--|
".to_owned();
    let cases: Vec<Case> = Counting::ALL
        .into_iter()
        .flat_map(|counting| [150, 300].map(|load| Case::of(counting, Load::Steady(load))))
        .flat_map(|case| [false, true].map(|heavy| Case { heavy, mixed: true, ..case }))
        .collect();
    let outcomes = all(&cases, |case| case.run().expect("sound"));
    for (case, outcome) in cases.iter().zip(&outcomes) {
        let report = &outcome.report;
        let cell = |priority| {
            let fate = report.fate(priority);
            let errors = (fate.refused + fate.passed_on) * 10_000 / fate.offered.max(1);
            format!("{}, {}", table::waits(fate), tidegate::sim::world::goals::Percent(errors))
        };
        let of: u64 = report.fates.iter().map(|fate| fate.answered_tokens).sum();
        let bulk = report.fate(Priority::Bulk).answered_tokens * 10_000 / of.max(1);
        let goals: Vec<String> = missed(case, outcome).iter().map(ToString::to_string).collect();
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            table::counting(case.counting),
            table::load(case.load),
            if case.heavy { "heavy-tailed" } else { "uniform" },
            cell(Priority::Interactive),
            cell(Priority::Normal),
            cell(Priority::Bulk),
            tidegate::sim::world::goals::Percent(bulk),
            if goals.is_empty() { "met".to_owned() } else { goals.join("; ") },
        ));
    }
    text
}
