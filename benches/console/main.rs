//! What the window costs with a full house: CPU time of a frame of each page and of what opens in them, of a publication, of
//! a hidden window, and the heap.
//!
//! `cargo bench --bench console`; what follows `--` keeps the rows whose names hold it, `--write` puts the table into
//! `docs/CONSOLE.md`. Times are those this thread was on a core, so they bend little with what else the machine does.

#![expect(clippy::expect_used, reason = "a bench whose setup fails should say so")]

mod report;
mod scene;

use std::alloc::System;
use std::fs;
use std::time::Duration;

use cpu_time::ThreadTime;
use egui::{Context, RawInput, Rect, pos2, vec2};
use report::{Report, ms};
use scene::{ENDPOINTS, Scene};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tidegate::contract::{BackEnd, Notice, NoticeBody, line};
use tidegate::model::preferences::Reach;
use tidegate::ui::Console;
use tidegate::ui::actions::Action;
use tidegate::ui::cx::Page;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// CPU time of a frame, of one of the list of requests, of a publication, and the heap.
const FRAME: Duration = Duration::from_millis(8);
const LIST: Duration = Duration::from_millis(4);
const PUBLICATION: Duration = Duration::from_millis(1);
const HEAP: usize = 150 << 20;
/// Requests in the ring.
const REQUESTS: u64 = 50_000;
/// Frames measured; the first ones lay out fonts and fill caches.
const FRAMES: usize = 40;
const WARM: usize = 8;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let wanted: Vec<String> =
        words.iter().filter(|word| !word.starts_with('-')).map(|word| word.to_lowercase()).collect();
    let before = in_use();
    let mut scene = Scene::new();
    scene.remember();
    scene.live(REQUESTS);
    scene.sample(900);
    let house = in_use().saturating_sub(before);
    let mut report = Report::default();
    report.line(&format!(
        "{ENDPOINTS} endpoints, {REQUESTS} requests, 15 minutes of seconds, 7 days of buckets, 40 days of usage\n"
    ));
    report.line("| | under traffic | most | nothing new | draws again | budget |");
    report.line("|--|--:|--:|--:|--|--|");
    publication(&mut report, &mut scene);
    rows(&mut report, &mut scene, &wanted);
    let with_window = in_use().saturating_sub(before);
    report.line(&format!(
        "\nHeap: {} MB of what is kept, {} MB with the window's own. Resident: {} MB, all threads of this bench.",
        house >> 20,
        with_window >> 20,
        resident_kib() >> 10
    ));
    if words.iter().any(|word| word == "--write") {
        report.write();
    }
    if report.missed > 0 || with_window > HEAP {
        println!("\na budget is missed");
        std::process::exit(1);
    }
}

/// Every part of a snapshot made anew, after one more request.
fn publication(report: &mut Report, scene: &mut Scene) {
    let mut each: Vec<Duration> = (0..200)
        .map(|_| {
            scene.live(1);
            let before = ThreadTime::now();
            let snapshot = scene.snapshot();
            let took = before.elapsed();
            drop(snapshot);
            took
        })
        .collect();
    each.sort_unstable();
    let (middle, most) = ends(&each);
    report.row("publishing a snapshot", [&ms(middle), &ms(most), "", ""], middle > PUBLICATION);
}

/// What is measured besides the pages as they open.
const PLACES: [(&str, Page, Then); 7] = [
    ("Overview, 6 hours", Page::Overview, Then::Do(Action::Reach(Reach::SixHours))),
    ("Overview, 7 days", Page::Overview, Then::Do(Action::Reach(Reach::SevenDays))),
    ("Endpoint, opened", Page::Endpoints, Then::OpenEndpoint),
    ("Request, opened", Page::Requests, Then::OpenRequest),
    ("Search, open", Page::Overview, Then::Do(Action::Palette)),
    ("Help, open", Page::Overview, Then::Do(Action::Help)),
    ("View, held", Page::Overview, Then::Do(Action::HoldView)),
];

/// What the person does on a page before it is measured.
#[derive(Clone, Copy)]
enum Then {
    Nothing,
    Do(Action),
    OpenEndpoint,
    OpenRequest,
}

fn rows(report: &mut Report, scene: &mut Scene, wanted: &[String]) {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.to_lowercase().contains(word));
    let pages = Page::ALL.into_iter().map(|page| (page.name(), page, Then::Nothing));
    for (name, page, then) in pages.chain(PLACES).filter(|(name, ..)| is_wanted(name)) {
        let mut screen = Screen::open(scene, page);
        screen.then(scene, then);
        let (busy, idle) = (screen.busy(scene), screen.frames(|_| {}));
        let (busy, idle) = (ends(&busy), ends(&idle));
        let again = screen.asks_for_more();
        let budget = if page == Page::Requests { LIST } else { FRAME };
        let cells: [&str; 4] = [&ms(busy.0), &ms(busy.1), &ms(idle.0), if again { "yes" } else { "no" }];
        report.row(name, cells, busy.0 > budget || again);
    }
    if is_wanted("out of sight") {
        out_of_sight(report, scene);
    }
}

/// Snapshots come and the window is hidden: it is looked whether it is to be closed, and that is all.
fn out_of_sight(report: &mut Report, scene: &mut Scene) {
    let mut screen = Screen::open(scene, Page::Overview);
    screen.frames(|_| {});
    let mut again = false;
    let mut each: Vec<Duration> = (0..FRAMES)
        .map(|_| {
            scene.live(1);
            scene.sample(1);
            screen.back.publish(scene.snapshot());
            let start = ThreadTime::now();
            again |= screen.hidden();
            start.elapsed()
        })
        .collect();
    each.sort_unstable();
    let (middle, most) = ends(&each);
    let cells: [&str; 4] = [&ms(middle), &ms(most), "", if again { "yes" } else { "no" }];
    report.row("out of sight", cells, again || middle > PUBLICATION);
}

/// The console without a window.
struct Screen {
    ctx: Context,
    console: Console,
    back: BackEnd,
    time: f64,
    delay: Duration,
}

impl Screen {
    fn open(scene: &Scene, page: Page) -> Self {
        let (line, back, _) = line(scene.snapshot());
        let ctx = Context::default();
        let console = Console::new(line, &ctx);
        let mut screen = Self { ctx, console, back, time: 0.0, delay: Duration::ZERO };
        screen.frame(Vec::new());
        screen.press(Action::Go(page));
        assert_eq!(screen.console.page(), page, "the keys lead there");
        screen
    }

    /// By the keys of its action where it has some, else from the search, as the person would.
    fn press(&mut self, action: Action) {
        let entry = tidegate::ui::actions::entry(action).expect("it is in the table");
        if let Some(keys) = entry.keys.first() {
            return self.key(keys.logical_key, keys.modifiers);
        }
        self.press(Action::Palette);
        self.frame(Vec::new());
        self.frame(vec![egui::Event::Text(format!(">{}", entry.label))]);
        self.key(egui::Key::Enter, egui::Modifiers::NONE);
        self.frame(Vec::new());
    }

    fn key(&mut self, key: egui::Key, modifiers: egui::Modifiers) {
        let pressed = egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
        self.frame(vec![pressed]);
    }

    fn then(&mut self, scene: &Scene, then: Then) {
        let snapshot = scene.snapshot();
        let link = match then {
            Then::Nothing => return,
            Then::Do(action) => return self.press(action),
            Then::OpenEndpoint => snapshot.view.endpoints.first().map(|one| format!("tidegate://endpoints/{}", one.id)),
            Then::OpenRequest => {
                snapshot.records.iter().next_back().map(|one| format!("tidegate://requests/{}", one.id))
            }
        };
        assert!(link.is_some(), "there is something to open");
        self.back.tell(Notice { id: None, body: NoticeBody::Rung { link } });
        self.frame(Vec::new());
        self.frame(Vec::new());
        assert!(self.console.selected().is_some(), "it is open");
    }

    fn frame(&mut self, events: Vec<egui::Event>) {
        self.time += 0.25;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1_280.0, 800.0))),
            time: Some(self.time),
            events,
            ..RawInput::default()
        };
        let console = &mut self.console;
        let mut output = self.ctx.run_ui(input, |ui| console.ui(ui));
        // Nothing uploads them here.
        output.textures_delta.clear();
        let meshes = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        assert!(!meshes.is_empty(), "something is drawn");
        self.delay =
            output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap_or(Duration::MAX);
    }

    /// A pass in which the window is hidden; returns whether anything was drawn, or asked for.
    fn hidden(&mut self) -> bool {
        self.time += 0.25;
        let input = RawInput { time: Some(self.time), ..RawInput::default() };
        let console = &mut self.console;
        let output = self.ctx.run_ui(input, |ui| console.logic(&ui.ctx().clone()));
        let delays = output.viewport_output.values().map(|viewport| viewport.repaint_delay);
        !output.shapes.is_empty() || delays.min().is_some_and(|delay| delay < Duration::from_secs(3_600))
    }

    /// Frames with something new before each.
    fn busy(&mut self, scene: &mut Scene) -> Vec<Duration> {
        self.frames(|back| {
            scene.live(1);
            scene.sample(1);
            back.publish(scene.snapshot());
        })
    }

    fn frames(&mut self, mut before: impl FnMut(&BackEnd)) -> Vec<Duration> {
        let mut each = Vec::with_capacity(FRAMES);
        for number in 0..WARM + FRAMES {
            before(&self.back);
            let start = ThreadTime::now();
            self.frame(Vec::new());
            if number >= WARM {
                each.push(start.elapsed());
            }
        }
        each.sort_unstable();
        each
    }

    /// Whether the last frame, with nothing new, wants another one.
    fn asks_for_more(&self) -> bool {
        self.delay < Duration::from_secs(3_600)
    }
}

/// The one in the middle and the largest.
fn ends(sorted: &[Duration]) -> (Duration, Duration) {
    let middle = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    (middle, sorted.last().copied().unwrap_or_default())
}

/// Bytes on the heap.
fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
