//! Whether the proxy feels its window: requests through Tidegate without one, and with one that is out of sight, that is
//! looked at under traffic, and in which a limit is dragged at 60 Hz.
//!
//! `cargo bench --bench window [-- --quick --write --rate N]`; `--write` puts the table into `docs/WINDOW.md`, `--quick` only
//! shows that it runs. Under Xvfb, drawn in software, everything on the same cores: the window's worst case. Each measure
//! with a window stands beside one without it, taken just before or just after; nine such pairs, by turns, and medians.
//!
//! Needs `xvfb xdotool libgl1 libgl1-mesa-dri libx11-6 libxcursor1 libxi6 libxkbcommon-x11-0`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot measure should say so"
)]
#![expect(clippy::disallowed_methods, reason = "a bench reads clocks")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]
#![expect(unreachable_pub, reason = "the bench's own modules are its whole world")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use floor::message::{Asks, request};
use floor::process::Process;
use floor::subject::{USUAL, headless};
use floor::{closed, mock, open};
use report::{Pair, Sample, State};
use screen::Screen;

#[path = "../floor/mod.rs"]
#[expect(dead_code, reason = "shared with the proxy's bench, which measures more")]
mod floor;
mod report;
mod screen;

/// As long as the window takes for attended what has just been shown, and a little more.
const ALONE: Duration = Duration::from_secs(11);

/// How much is measured.
struct Plan {
    /// Pairs of each state.
    pairs: usize,
    /// Requests a second while latencies are taken.
    rate: u32,
    /// How long they are taken.
    span: Duration,
    /// Requests of a closed loop, which gives the peak.
    closed: u64,
    /// Requests beforehand, so that the history is as full as after a day.
    before: u64,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.iter().any(|word| word == "mock") {
        return on_runtime(mock::serve());
    }
    let has = |word: &str| words.iter().any(|one| one == word);
    let mut plan = Plan { pairs: 9, rate: 1_000, span: Duration::from_secs(4), closed: 20_000, before: 55_000 };
    if has("--quick") {
        plan = Plan { pairs: 2, span: Duration::from_secs(2), closed: 2_000, before: 2_000, ..plan };
    }
    let rate = words.iter().position(|word| word == "--rate").and_then(|at| words.get(at + 1)?.parse().ok());
    plan.rate = rate.unwrap_or(plan.rate);
    let table = report::markdown(&plan.run());
    println!("{table}");
    if has("--write") {
        report::write(&table);
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Everything that runs, each a process of its own.
struct House {
    without: Process,
    with: Screen,
    /// Its window does all but the pixels.
    unrasterised: Screen,
    _folder: tempfile::TempDir,
}

impl House {
    fn open(upstream: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = headless(env!("CARGO_BIN_EXE_tidegate"), folder.path(), &USUAL, upstream);
        let without = Process::that_says(&mut command);
        Self {
            without,
            with: Screen::open(upstream, true),
            unrasterised: Screen::open(upstream, false),
            _folder: folder,
        }
    }

    fn screen(&self, state: State) -> &Screen {
        if state == State::Unrasterised { &self.unrasterised } else { &self.with }
    }
}

impl Plan {
    fn run(&self) -> Vec<Pair> {
        let mock = Process::role(&["mock".to_owned()]);
        let house = House::open(mock.address);
        for address in [house.without.address, house.with.address(), house.unrasterised.address()] {
            on_runtime(closed::run(address, 32, self.before, request(1_000, 1, Asks::Answer)));
        }
        drop(house.with.drag());
        house.with.expect_dragged();
        let mut pairs = Vec::new();
        for round in 0..self.pairs {
            for state in State::ALL {
                pairs.push(self.pair(&house, state, round % 2 == 0));
                println!("{}", pairs[pairs.len() - 1]);
            }
        }
        pairs
    }

    /// One measure with the window in this state, and one without a window before or after it.
    fn pair(&self, house: &House, state: State, first: bool) -> Pair {
        let headless = || self.sample(house.without.address, || 0);
        let before = first.then(headless);
        let screen = house.screen(state);
        let hand = match state {
            State::Hidden => {
                screen.hide();
                None
            }
            State::Watched | State::Unrasterised => {
                screen.show("tidegate://overview");
                std::thread::sleep(ALONE);
                None
            }
            State::Touched => Some(screen.touch("tidegate://overview")),
            State::Dragged => Some(screen.drag()),
        };
        let with = self.sample(screen.address(), || screen.drawing_ns());
        drop(hand);
        let without = before.unwrap_or_else(headless);
        Pair { state, without, with }
    }

    fn sample(&self, address: SocketAddr, drawing_ns: impl Fn() -> u64) -> Sample {
        let body = request(1_000, 1, Asks::Answer);
        let (begun, drawn) = (Instant::now(), drawing_ns());
        let took = open::run(address, self.rate, self.span, &body);
        let drawing = (drawing_ns() - drawn) as f64 / begun.elapsed().as_nanos() as f64;
        let begun = Instant::now();
        on_runtime(closed::run(address, 32, self.closed, body));
        Sample {
            p50: f64::from(open::quantile(&took, 500)),
            p99: f64::from(open::quantile(&took, 990)),
            peak: self.closed as f64 / begun.elapsed().as_secs_f64(),
            drawing: drawing * 100.0,
        }
    }
}
