//! What the window costs with a full house: CPU time of a frame of each page, of a publication, and the heap.
//!
//! `cargo bench --bench console`; what follows `--` keeps the pages whose names hold it. Times are those this thread was on a
//! core, so they bend little with what else the machine does.

#![expect(clippy::expect_used, reason = "a bench whose setup fails should say so")]

mod scene;

use std::alloc::System;
use std::fs;
use std::time::Duration;

use cpu_time::ThreadTime;
use egui::{Context, RawInput, Rect, pos2, vec2};
use scene::{ENDPOINTS, Scene};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tidegate::contract::{BackEnd, line};
use tidegate::ui::Console;
use tidegate::ui::cx::Page;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// CPU time of a frame, of a publication, and the heap.
const FRAME: Duration = Duration::from_millis(8);
const PUBLICATION: Duration = Duration::from_millis(1);
const HEAP: usize = 150 << 20;
/// Requests in the ring.
const REQUESTS: u64 = 50_000;
/// Frames measured; the first ones lay out fonts and fill caches.
const FRAMES: usize = 40;
const WARM: usize = 8;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let before = in_use();
    let mut scene = Scene::new();
    scene.remember();
    scene.live(REQUESTS);
    scene.sample(900);
    let house = in_use().saturating_sub(before);
    println!(
        "{ENDPOINTS} endpoints, {REQUESTS} requests, 15 minutes of seconds, 7 days of buckets, 40 days of usage\n"
    );
    let mut missed = publication(&mut scene);
    missed |= pages(&mut scene, &wanted);
    let with_window = in_use().saturating_sub(before);
    println!(
        "\nheap: {} MB of what is kept, {} MB with the window's own; budget {} MB",
        house >> 20,
        with_window >> 20,
        HEAP >> 20
    );
    println!("resident: {} MB, all threads of this bench", resident_kib() >> 10);
    missed |= with_window > HEAP;
    if missed {
        println!("\na budget is missed");
        std::process::exit(1);
    }
}

/// Every part of a snapshot made anew, after one more request.
fn publication(scene: &mut Scene) -> bool {
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
    println!("publication {:>30}  {:>9}  most {:>9}  budget {}", "", ms(middle), ms(most), ms(PUBLICATION));
    middle > PUBLICATION
}

/// Each page's frames: with a request and a snapshot before each, and with nothing new.
fn pages(scene: &mut Scene, wanted: &[String]) -> bool {
    println!(
        "\n{:<12} {:>14} {:>10} {:>14} {:>10}  repaints when idle",
        "page", "under traffic", "most", "nothing new", "most"
    );
    let mut missed = false;
    for page in Page::ALL {
        if !wanted.is_empty() && !wanted.iter().any(|word| page.name().to_lowercase().contains(&word.to_lowercase())) {
            continue;
        }
        let mut screen = Screen::open(scene, page);
        let busy = screen.frames(|back| {
            scene.live(1);
            scene.sample(1);
            back.publish(scene.snapshot());
        });
        let idle = screen.frames(|_| {});
        let (busy, idle) = (ends(&busy), ends(&idle));
        let repaints = if screen.asks_for_more() { "yes" } else { "no" };
        println!(
            "{:<12} {:>14} {:>10} {:>14} {:>10}  {repaints}",
            page.name(),
            ms(busy.0),
            ms(busy.1),
            ms(idle.0),
            ms(idle.1)
        );
        missed |= busy.0 > FRAME || repaints == "yes";
    }
    if wanted.is_empty() {
        for reach in ["6 hours", "7 days"] {
            missed |= far_back(scene, reach);
        }
    }
    println!("budget of a frame: {}, in the middle", ms(FRAME));
    missed
}

/// The Overview in a window high enough for all of it, its plots reaching back this far.
fn far_back(scene: &mut Scene, reach: &str) -> bool {
    let mut screen = Screen::open(scene, Page::Overview);
    screen.height = 3_000.0;
    screen.click(reach);
    let busy = ends(&screen.frames(|back| {
        scene.live(1);
        scene.sample(1);
        back.publish(scene.snapshot());
    }));
    println!("{reach:<12} {:>14} {:>10}  of Overview, all of it", ms(busy.0), ms(busy.1));
    busy.0 > FRAME
}

/// The console without a window.
struct Screen {
    ctx: Context,
    console: Console,
    back: BackEnd,
    time: f64,
    height: f32,
    delay: Duration,
    /// Names and nodes of what was drawn last.
    nodes: Vec<(String, egui::accesskit::NodeId)>,
}

impl Screen {
    fn open(scene: &Scene, page: Page) -> Self {
        let (line, back, _) = line(scene.snapshot());
        let ctx = Context::default();
        let console = Console::new(line, &ctx);
        let mut screen =
            Self { ctx, console, back, time: 0.0, height: 800.0, delay: Duration::ZERO, nodes: Vec::new() };
        screen.frame(Vec::new());
        screen.go(page);
        screen
    }

    /// By the keys of its action, as the person would.
    fn go(&mut self, page: Page) {
        let entry = tidegate::ui::actions::entry(tidegate::ui::actions::Action::Go(page)).expect("every page has keys");
        let keys = entry.keys.first().expect("every page has keys");
        self.frame(vec![egui::Event::Key {
            key: keys.logical_key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: keys.modifiers,
        }]);
        assert_eq!(self.console.page(), page, "the keys lead there");
    }

    /// What has this name, as a screen reader would.
    fn click(&mut self, name: &str) {
        self.ctx.enable_accesskit();
        self.frame(Vec::new());
        let target =
            self.nodes.iter().find(|(label, _)| label == name).map(|(_, node)| *node).expect("it is on screen");
        self.ctx.disable_accesskit();
        let request = egui::accesskit::ActionRequest {
            action: egui::accesskit::Action::Click,
            target_tree: egui::accesskit::TreeId::ROOT,
            target_node: target,
            data: None,
        };
        self.frame(vec![egui::Event::AccessKitActionRequest(request)]);
    }

    fn frame(&mut self, events: Vec<egui::Event>) {
        self.time += 0.25;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1_280.0, self.height))),
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
        if let Some(tree) = output.platform_output.accesskit_update.take() {
            let named = |(id, node): &(_, egui::accesskit::Node)| Some((node.label()?.to_owned(), *id));
            self.nodes = tree.nodes.iter().filter_map(named).collect();
        }
        self.delay =
            output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap_or(Duration::MAX);
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

fn ms(time: Duration) -> String {
    format!("{}.{:03} ms", time.as_millis(), time.subsec_micros() % 1_000)
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
