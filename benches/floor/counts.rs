//! What a request takes, counted and not timed: instructions under callgrind, system calls under strace. Neither bends with
//! what else the machine does, so that a change of a few percent can be seen on a busy one.
//!
//! Invariant: what is counted lies between two moments of a warm process; its start and its end are left out.
//! Absent on purpose: what the kernel does within a call. Time alone tells that.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::process::Process;
use super::subject::{Subject, USUAL, headless};

/// Whether a tool is installed.
pub fn has(tool: &str) -> bool {
    let asked = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// A subject under callgrind, warm or not.
pub struct Counted {
    process: Process,
    folder: tempfile::TempDir,
    dumps: u32,
}

impl Counted {
    /// Starts a subject in front of the mock at `upstream`; `None` for one that is no program of ours.
    pub fn start(subject: &Subject, upstream: SocketAddr) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let bare = match subject {
            Subject::Floor => {
                let mut floor = Command::new(std::env::current_exe().expect("this program has a path"));
                floor.args(["floor".to_owned(), upstream.to_string()]);
                floor
            }
            Subject::Tidegate(setup) => headless(env!("CARGO_BIN_EXE_tidegate"), folder.path(), setup, upstream),
            Subject::Other(binary) => headless(binary, folder.path(), &USUAL, upstream),
            Subject::Direct | Subject::Peer(_) => return None,
        };
        let process = Process::that_says(&mut within(&bare, folder.path()));
        Some(Self { process, folder, dumps: 0 })
    }

    /// Where to ask.
    pub fn address(&self) -> SocketAddr {
        self.process.address
    }

    /// Instructions while `work` is done, in the thread that takes most: the one that serves. Under callgrind a second brings a
    /// fraction of its requests, so what is done by the second elsewhere would seem many times dearer than it is. What was counted by
    /// function is kept as `keep`, for `callgrind_annotate`.
    pub fn instructions(&mut self, keep: Option<&Path>, work: impl FnOnce(SocketAddr)) -> u64 {
        self.control("--zero");
        work(self.address());
        self.control("--dump");
        self.dumps += 1;
        let name = format!("callgrind.{}-", self.dumps);
        let files = fs::read_dir(self.folder.path()).expect("callgrind's folder").flatten();
        let dumps = files.filter(|file| file.file_name().to_string_lossy().starts_with(&name));
        let dumps = dumps.filter_map(|dump| Some((total(&dump.path())?, dump.path())));
        let (sum, dump) = dumps.max().expect("callgrind wrote down what it counted");
        if let Some(keep) = keep {
            fs::copy(&dump, keep).expect("the counts are kept");
        }
        sum
    }

    fn control(&self, what: &str) {
        let pid = self.process.id().to_string();
        let done = Command::new("callgrind_control").args([what, &pid]).stdout(Stdio::null()).status();
        assert!(done.is_ok_and(|status| status.success()), "callgrind_control {what}");
    }
}

/// All instructions in one of callgrind's files.
fn total(dump: &Path) -> Option<u64> {
    let text = fs::read_to_string(dump).ok()?;
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// The same command run by callgrind.
fn within(bare: &Command, folder: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["-q", "--tool=callgrind", "--dump-line=no", "--separate-threads=yes"]);
    command.arg(format!("--callgrind-out-file={}", folder.join("callgrind").display()));
    command.arg(bare.get_program()).args(bare.get_args());
    for (name, value) in bare.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// System calls of a process while `work` is done.
pub fn system_calls(pid: u32, work: impl FnOnce()) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let table: PathBuf = folder.path().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-p", &pid.to_string(), "-o"]).arg(&table).stderr(Stdio::null());
    let mut strace = strace.spawn().expect("strace starts");
    wait_until_traced(pid);
    work();
    interrupt(&mut strace);
    let text = fs::read_to_string(&table).expect("strace wrote down what it counted");
    let sum = text.lines().find(|line| line.trim_end().ends_with("total"));
    sum.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).expect("a sum of calls")
}

fn wait_until_traced(pid: u32) {
    let is_traced = || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    };
    while !is_traced() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Its other threads follow at once.
    std::thread::sleep(Duration::from_millis(100));
}

fn interrupt(child: &mut Child) {
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let _ = child.wait();
}
