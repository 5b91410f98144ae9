//! What a request through Tidegate costs beside the least that a proxy can cost, measured on the shipped binary.
//!
//! `cargo bench --no-default-features --bench proxy [-- SECTION… --quick --write --beside BINARY --only ROW]`. Sections: `cpu`,
//! `counts`, `latency`, `streams`, `memory`, `configured`, `start`; none means all. `--write` puts the tables into the README;
//! `--beside` measures another build too, `--only` leaves out the rows of `cpu` without this text. Load, mock upstream and each proxy are processes of their own; subjects take
//! turns in every round, and every ratio is taken within its round.
//!
//! `counts` needs valgrind and strace, and is left out where they are not installed. It repeats within a percent on a busy machine;
//! `--keep FOLDER` keeps what callgrind counted by function (build with `CARGO_PROFILE_BENCH_DEBUG=1` to see names).

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot measure should say so"
)]
#![expect(clippy::disallowed_methods, reason = "a bench reads clocks")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(unreachable_pub, reason = "the bench's own modules are its whole world")]

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use floor::counts::{Counted, has, system_calls};
use floor::message::{Asks, request};
use floor::peers::Peer;
use floor::process::{Process, make_room, most_files};
use floor::report::{Measure, Table, median};
use floor::subject::{Running, Setup, Subject, USUAL, headless};
use floor::{closed, mock, open, report, streams};

mod floor;

/// What to measure and how long.
struct Plan {
    sections: Vec<String>,
    quick: bool,
    write: bool,
    beside: Option<String>,
    only: Option<String>,
    keep: Option<PathBuf>,
}

/// The bodies that are asked with: name, bytes, messages.
const SHAPES: [(&str, usize, usize); 3] =
    [("1 KB", 1_000, 1), ("100 KB, 1 message", 100_000, 1), ("100 KB, 400 messages", 100_000, 400)];

/// Measures something in front of the mock upstream.
type Section = fn(&Plan, SocketAddr) -> Table;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut plan = Plan { sections: Vec::new(), quick: false, write: false, beside: None, only: None, keep: None };
    while let Some(word) = words.next() {
        match word.as_str() {
            "floor" => {
                let upstream = words.next().and_then(|text| text.parse().ok()).expect("an upstream's address");
                return on_runtime(floor::serve(upstream));
            }
            "mock" => return on_runtime(mock::serve()),
            "--quick" => plan.quick = true,
            "--write" => plan.write = true,
            "--beside" => plan.beside = words.next(),
            "--only" => plan.only = words.next(),
            "--keep" => plan.keep = words.next().map(PathBuf::from),
            _ => plan.sections.push(word),
        }
    }
    plan.run();
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

impl Plan {
    fn run(&self) {
        make_room();
        let mock = Process::role(&["mock".to_owned()]);
        let sections: [(&str, Section); 7] = [
            ("cpu", Self::cpu),
            ("counts", Self::counts),
            ("latency", Self::latency),
            ("streams", Self::streams),
            ("memory", Self::memory),
            ("configured", Self::configured),
            ("start", Self::start),
        ];
        let mut tables = String::new();
        for (name, section) in sections {
            if self.sections.is_empty() || self.sections.iter().any(|wanted| wanted == name) {
                let table = section(self, mock.address).markdown();
                println!("{table}");
                tables.push_str(&table);
            }
        }
        if self.write {
            report::write(&tables);
        }
    }

    fn rounds(&self) -> usize {
        if self.quick { 3 } else { 7 }
    }

    /// The floor, Tidegate and another build of it.
    fn programs(&self) -> Vec<(String, Subject)> {
        let mut all = vec![("floor".to_owned(), Subject::Floor), ("tidegate".to_owned(), Subject::Tidegate(USUAL))];
        all.extend(self.beside.clone().map(|binary| ("other build".to_owned(), Subject::Other(binary))));
        all
    }

    /// The subjects, started: these, and peers.
    fn subjects(&self, upstream: SocketAddr) -> Vec<Running> {
        let peers = Peer::installed().into_iter().map(|peer| (peer.name().to_owned(), Subject::Peer(peer)));
        let all = self.programs().into_iter().chain(peers);
        all.map(|(name, subject)| Running::start(&name, &subject, upstream)).collect()
    }

    /// CPU time per request in a closed loop, with a full history.
    fn cpu(&self, upstream: SocketAddr) -> Table {
        let subjects = self.subjects(upstream);
        // So many lie behind each that a history of 50,000 is full: the state of a day, not of the first minute.
        for subject in &subjects {
            on_runtime(closed::run(subject.address(), 32, 55_000, request(1_000, 1, Asks::Answer)));
        }
        let mut table = Table::new("CPU µs per request", names(&subjects));
        for (what, size, messages) in SHAPES {
            for connections in [1, 32, 256] {
                let what = format!("{what}, {connections} connections");
                if self.only.as_ref().is_some_and(|only| !what.contains(only)) {
                    continue;
                }
                let request = request(size, messages, Asks::Answer);
                let count = if size > 10_000 { 2_000 } else { 6_000 };
                let values = self.cpu_each(&subjects, connections, count, &request);
                table.rows.push(Measure { what, values, digits: 1 });
            }
        }
        table
    }

    fn cpu_each(&self, subjects: &[Running], connections: usize, count: u64, request: &[u8]) -> Vec<Vec<f64>> {
        let count = if self.quick { count / 2 } else { count };
        self.each_round(subjects, |subject| {
            let load = |count| on_runtime(closed::run(subject.address(), connections, count, request.to_vec()));
            load((count / 10).max(connections as u64 * 2));
            let before = subject.cpu_ns();
            load(count);
            (subject.cpu_ns() - before) as f64 / count as f64 / 1_000.0
        })
    }

    /// What a request takes, counted: 32 connections, each with one under way.
    fn counts(&self, upstream: SocketAddr) -> Table {
        let programs = self.programs();
        let names = programs.iter().map(|(name, _)| name.clone()).collect();
        let mut table = Table::new("Counted per request, 32 connections", names);
        let shapes = SHAPES.into_iter().filter(|(what, ..)| self.only.as_ref().is_none_or(|only| what.contains(only)));
        for (what, size, messages) in shapes.filter(|_| has("valgrind") && has("strace")) {
            let body = request(size, messages, Asks::Answer);
            let ask = |count, at| on_runtime(closed::run(at, 32, count, body.clone()));
            let (mut instructions, mut calls) = (Vec::new(), Vec::new());
            for (name, subject) in &programs {
                let mut counted = Counted::start(subject, upstream).expect("a program of ours");
                ask(400, counted.address());
                let keep = self.keep.as_ref().map(|folder| folder.join(format!("{name}, {what}")));
                instructions
                    .push(vec![counted.instructions(keep.as_deref(), |at| ask(1_000, at)) as f64 / 1_000_000.0]);
                drop(counted);
                let running = Running::start(name, subject, upstream);
                ask(400, running.address());
                let pid = running.id().expect("a process");
                calls.push(vec![system_calls(pid, || ask(2_000, running.address())) as f64 / 2_000.0]);
            }
            table.rows.push(Measure {
                what: format!("{what}: thousand instructions"),
                values: instructions,
                digits: 1,
            });
            table.rows.push(Measure { what: format!("{what}: system calls"), values: calls, digits: 1 });
        }
        table
    }

    /// Latency at a fixed rate, from the moment each request was due.
    fn latency(&self, upstream: SocketAddr) -> Table {
        let mut subjects = vec![Running::start("direct", &Subject::Direct, upstream)];
        subjects.extend(self.subjects(upstream));
        let mut table = Table::new("µs from due to answered, 1 KB", names(&subjects));
        let request = request(1_000, 1, Asks::Answer);
        let span = Duration::from_millis(if self.quick { 1_500 } else { 4_000 });
        for rate in [200, 1_000, 2_000] {
            let mut runs: Vec<Vec<Vec<u32>>> = vec![Vec::new(); subjects.len()];
            for _ in 0..self.rounds() {
                for (runs, subject) in runs.iter_mut().zip(&subjects) {
                    runs.push(open::run(subject.address(), rate, span, &request));
                }
            }
            for (name, per_mille) in [("p50", 500), ("p99", 990), ("p99.9", 999)] {
                let of = |runs: &Vec<Vec<u32>>| {
                    runs.iter().map(|run| f64::from(open::quantile(run, per_mille))).collect::<Vec<_>>()
                };
                let values: Vec<Vec<f64>> = runs.iter().map(of).collect();
                let direct = values[0].clone();
                table.rows.push(Measure { what: format!("{name} at {rate}/s"), values: values.clone(), digits: 0 });
                let less = |each: &Vec<f64>| each.iter().zip(&direct).map(|(one, direct)| one - direct).collect();
                let added = values.iter().map(less).collect();
                table.rows.push(Measure {
                    what: format!("{name} at {rate}/s, added to direct"),
                    values: added,
                    digits: 0,
                });
            }
        }
        table
    }

    /// What events cost and how long the first one takes.
    fn streams(&self, upstream: SocketAddr) -> Table {
        let subjects = self.subjects(upstream);
        let mut table = Table::new("Streams", names(&subjects));
        let events: u32 = if self.quick { 100 } else { 200 };
        let request = request(1_000, 1, Asks::Events(events, 20));
        let values = self.each_round(&subjects, |subject| {
            let before = subject.cpu_ns();
            on_runtime(async {
                streams::open(subject.address(), 100, 100_000, request.clone()).await.drained().await;
            });
            (subject.cpu_ns() - before) as f64 / f64::from(events) / 100.0 / 1_000.0
        });
        table.rows.push(Measure { what: "CPU µs per event, 100 streams".to_owned(), values, digits: 2 });
        table
    }

    /// What an open stream holds, and the time to the first event while they are opened, each in a fresh process.
    fn memory(&self, upstream: SocketAddr) -> Table {
        let mut table = Table::new("Open streams", names(&self.subjects(upstream)));
        let request = request(1_000, 1, Asks::Events(600, 500));
        for count in [100, 1_000, 5_000] {
            // Two sockets to a stream in the proxy.
            if count * 2 + 100 > most_files() {
                println!("{count} streams need more open files than the system allows here: raise `ulimit -n`");
                continue;
            }
            let rounds = if self.quick || count > 1_000 { 2 } else { 3 };
            let mut held = vec![Vec::new(); table.subjects.len()];
            let (mut first, mut late) = (held.clone(), held.clone());
            for _ in 0..rounds {
                for (at, subject) in self.subjects(upstream).into_iter().enumerate() {
                    let (kib, took) = on_runtime(opened(&subject, count, &request));
                    held[at].push(kib);
                    first[at].push(f64::from(open::quantile(&took, 500)));
                    late[at].push(f64::from(open::quantile(&took, 990)));
                }
            }
            table.rows.push(Measure { what: format!("KiB per open stream, {count}"), values: held, digits: 1 });
            let rows = [("p50", first), ("p99", late)];
            for (name, values) in rows {
                let what = format!("µs to the first event, {name}, {count} opened at 1,000/s");
                table.rows.push(Measure { what, values, digits: 0 });
            }
        }
        table
    }

    /// Whether the cost grows with what is configured or was recorded.
    fn configured(&self, upstream: SocketAddr) -> Table {
        let setups = [
            ("floor", USUAL),
            ("4 of 100 endpoints", Setup { endpoints: 4, others: 96, routes: 0 }),
            ("beside 200 routes", Setup { endpoints: 4, others: 0, routes: 200 }),
            ("all 100 endpoints", Setup { endpoints: 100, others: 0, routes: 0 }),
        ];
        let start = |(name, setup): &(&str, Setup)| Running::start(name, &Subject::Tidegate(*setup), upstream);
        let subjects: Vec<Running> = setups.iter().map(start).collect();
        let mut names = names(&subjects);
        "4 endpoints".clone_into(&mut names[0]);
        let mut table = Table::new("Tidegate's CPU µs per 1 KB request, 32 connections", names);
        let values = self.cpu_each(&subjects, 32, 6_000, &request(1_000, 1, Asks::Answer));
        table.rows.push(Measure { what: "by what is configured".to_owned(), values, digits: 1 });
        table
    }

    /// From exec to the first answer, and what an idle process holds.
    fn start(&self, upstream: SocketAddr) -> Table {
        let mut table = Table::new("Tidegate, headless", vec!["tidegate".to_owned()]);
        let (mut first, mut idle) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds() {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let mut command = headless(env!("CARGO_BIN_EXE_tidegate"), folder.path(), &USUAL, upstream);
            let begun = Instant::now();
            let process = Process::that_says(&mut command);
            on_runtime(closed::run(process.address, 1, 1, request(1_000, 1, Asks::Answer)));
            first.push(begun.elapsed().as_secs_f64() * 1_000.0);
            std::thread::sleep(Duration::from_millis(500));
            idle.push(process.resident_kib() as f64 / 1_024.0);
        }
        println!("first answer after {:.0} ms, idle {:.1} MiB (medians)", median(first.clone()), median(idle.clone()));
        table.rows.push(Measure {
            what: "ms from exec to the first answer".to_owned(),
            values: vec![first],
            digits: 0,
        });
        table.rows.push(Measure { what: "MiB resident when idle".to_owned(), values: vec![idle], digits: 1 });
        table
    }

    /// Measures every subject in turn, so many rounds; per subject its values.
    fn each_round(&self, subjects: &[Running], measure: impl Fn(&Running) -> f64) -> Vec<Vec<f64>> {
        let mut values = vec![Vec::new(); subjects.len()];
        for _ in 0..self.rounds() {
            for (values, subject) in values.iter_mut().zip(subjects) {
                values.push(measure(subject));
            }
        }
        values
    }
}

/// Opens so many streams: KiB that each holds, and the sorted times to the first event.
async fn opened(subject: &Running, count: usize, request: &[u8]) -> (f64, Vec<u32>) {
    let before = subject.resident_kib();
    let open = streams::open(subject.address(), count, 1_000, request.to_vec()).await;
    open.run_for(Duration::from_millis(700)).await;
    let held = subject.resident_kib().saturating_sub(before);
    let took = open.first_events();
    open.hang_up().await;
    (held as f64 / count as f64, took)
}

fn names(subjects: &[Running]) -> Vec<String> {
    subjects.iter().map(|subject| subject.name.clone()).collect()
}
