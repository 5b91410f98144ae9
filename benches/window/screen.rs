//! A window on a display of its own, drawn in software: shown, moved out of sight, dragged in.
//!
//! Invariant: display, program and pointer end with their handles; nothing reads the screen while it is measured.
//! Absent on purpose: a window manager, and any display that a person uses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::floor::process::{Process, free_port};
use super::floor::subject::{USUAL, alone};

const BINARY: &str = env!("CARGO_BIN_EXE_tidegate");
/// How the threads that draw are called: the window's loop, and the rasterisers that it starts.
const DRAWING: [&str; 2] = ["tidegat", "llvmpipe"];
/// The end of the line that stands for an endpoint without a soft cap, and how far down it is pulled.
const LINE: (u32, u32) = (420, 245);
const PULL: u32 = 120;
const PATIENCE: Duration = Duration::from_secs(60);

/// An X server without a screen.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn open() -> Self {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x800x24",
                "+extension",
                "GLX",
                "-nolisten",
                "tcp",
                "-noreset",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts: install xvfb, xdotool, libgl1-mesa-dri and what the window loads");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("its output is piped"))
            .read_line(&mut number)
            .expect("it says its number");
        Self { server, name: format!(":{}", number.trim()) }
    }

    fn xdotool(&self) -> Command {
        let mut command = Command::new("xdotool");
        command.env("DISPLAY", &self.name).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Tidegate with its window open.
pub(crate) struct Screen {
    process: Process,
    folder: tempfile::TempDir,
    display: Display,
    window: String,
}

impl Screen {
    /// Opens it in front of the mock at `upstream`. Where it does not `rasterise`, everything is done but the pixels.
    pub(crate) fn open(upstream: SocketAddr, rasterise: bool) -> Self {
        let (display, folder) = (Display::open(), tempfile::tempdir().expect("a temporary folder"));
        let port = free_port();
        let mut command = alone(BINARY, folder.path(), &USUAL, upstream);
        command.args(["--port", &port.to_string()]).env("DISPLAY", &display.name).env("LIBGL_ALWAYS_SOFTWARE", "1");
        if !rasterise {
            command.env("GALLIUM_NOOP", "1");
        }
        let process = Process::silent(&mut command, SocketAddr::from(([127, 0, 0, 1], port)));
        let window = until("a window", || {
            let mut search = display.xdotool();
            search.args(["search", "--onlyvisible", "--name", "^Tidegate"]).stdout(Stdio::piped());
            let said = search.output().expect("xdotool runs: install xdotool").stdout;
            String::from_utf8_lossy(&said).split_whitespace().last().map(str::to_owned)
        });
        Self { process, folder, display, window }
    }

    /// Where to ask.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Nanoseconds that drawing has run so far.
    pub(crate) fn drawing_ns(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).into_iter().flatten().flatten();
        tasks.filter_map(|task| drew_ns(&task.path())).sum()
    }

    /// Moves it beyond the edge of the screen, where nobody sees it.
    pub(crate) fn hide(&self) {
        self.place(4_000);
    }

    /// Shows the page at a link.
    pub(crate) fn show(&self, link: &str) {
        self.place(0);
        let mut second = Command::new(BINARY);
        second.arg("--config-dir").arg(self.folder.path()).args(["--open", link]).env("DISPLAY", &self.display.name);
        let code = second.stdout(Stdio::null()).status().expect("a second launch");
        assert!(code.success(), "a second launch hands over its link");
    }

    fn place(&self, at: u32) {
        let at = at.to_string();
        let moved = self.display.xdotool().args(["windowmove", "--sync", &self.window, &at, &at]).status();
        assert!(moved.is_ok_and(|code| code.success()), "the window moves");
    }

    /// Begins to pull the line of a soft cap up and down at 60 Hz; goes on until dropped.
    pub(crate) fn drag(&self) -> Drag<'_> {
        self.show("tidegate://endpoints/e0");
        let (x, y) = (LINE.0.to_string(), LINE.1);
        let mut hand = self.display.xdotool();
        hand.args(["mousemove", &x, &y.to_string(), "sleep", "0.3", "mousedown", "1"]);
        for step in 0..60 * 60 {
            let phase = step * 4 % (2 * PULL);
            let pulled = if phase < PULL { phase } else { 2 * PULL - phase };
            hand.args(["mousemove", &x, &(y + pulled).to_string(), "sleep", "0.0167"]);
        }
        let hand = hand.spawn().expect("xdotool runs");
        std::thread::sleep(Duration::from_millis(800));
        Drag { screen: self, hand }
    }

    /// Shows the page at a link, and moves the pointer over it once a second until dropped.
    pub(crate) fn touch(&self, link: &str) -> Drag<'_> {
        self.show(link);
        let mut hand = self.display.xdotool();
        for step in 0..60_u32 {
            hand.args(["mousemove", &(LINE.0 + step % 2).to_string(), &LINE.1.to_string(), "sleep", "1"]);
        }
        Drag { screen: self, hand: hand.spawn().expect("xdotool runs") }
    }

    /// Whether a drag has reached the draft: else it went past the line, and measured something else.
    pub(crate) fn expect_dragged(&self) {
        until("a soft cap in the draft after a drag", || is_in_draft(self.folder.path()).then_some(()));
    }
}

/// A hand that moves until it is dropped; then what it pulled is back where it was.
pub(crate) struct Drag<'a> {
    screen: &'a Screen,
    hand: Child,
}

impl Drop for Drag<'_> {
    fn drop(&mut self) {
        let _ = self.hand.kill();
        let _ = self.hand.wait();
        let (x, y) = (LINE.0.to_string(), (LINE.1 + 2).to_string());
        let _ = self.screen.display.xdotool().args(["mousemove", &x, &y, "sleep", "0.3", "mouseup", "1"]).status();
    }
}

/// Nanoseconds that a thread has run, if it is one that draws.
fn drew_ns(task: &Path) -> Option<u64> {
    let name = fs::read_to_string(task.join("comm")).ok()?;
    let ran = fs::read_to_string(task.join("schedstat")).ok()?;
    let draws = DRAWING.iter().any(|start| name.starts_with(start));
    ran.split(' ').next()?.parse().ok().filter(|_| draws)
}

/// The background writes a draft once it has been quiet for a second.
fn is_in_draft(folder: &Path) -> bool {
    let below = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut below = below.filter(|path| !path.is_symlink());
    below.any(|path| {
        if path.is_dir() {
            is_in_draft(&path)
        } else {
            path.file_name().is_some_and(|name| name == "draft.json")
                && fs::read_to_string(&path).is_ok_and(|text| text.contains("soft_cap_tokens_per_minute"))
        }
    })
}

fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "there was never {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
