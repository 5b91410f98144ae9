//! What is measured: nothing between, the floor, Tidegate in several configurations, and peers that are installed.
//!
//! Invariant: each runs in a process of its own, with every ledger, record and metric that it has by default.
//! Absent on purpose: tuning a subject for a scenario.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::peers::Peer;
use super::process::Process;

/// Something that stands between the load and the mock upstream.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// The load asks the mock itself.
    Direct,
    /// `floor::serve`
    Floor,
    /// The shipped binary.
    Tidegate(Setup),
    /// Another build of it, to compare before and after.
    Other(String),
    /// A proxy that is installed here.
    Peer(Peer),
}

/// What Tidegate is configured with. The endpoints of the route that is asked stand in two groups.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Endpoints of the route that is asked.
    pub endpoints: usize,
    /// Endpoints of other routes.
    pub others: usize,
    /// Other routes.
    pub routes: usize,
}

/// Four endpoints in two groups, nothing else.
pub const USUAL: Setup = Setup { endpoints: 4, others: 0, routes: 0 };

/// A subject at work.
pub struct Running {
    /// As the tables call it.
    pub name: String,
    process: Option<Process>,
    upstream: SocketAddr,
    _folder: Option<tempfile::TempDir>,
}

impl Running {
    /// Starts a subject in front of the mock at `upstream`.
    pub fn start(name: &str, subject: &Subject, upstream: SocketAddr) -> Self {
        let (process, folder) = match subject {
            Subject::Direct => (None, None),
            Subject::Floor => (Some(Process::role(&["floor".to_owned(), upstream.to_string()])), None),
            Subject::Tidegate(setup) => started(env!("CARGO_BIN_EXE_tidegate"), setup, upstream),
            Subject::Other(binary) => started(binary, &USUAL, upstream),
            Subject::Peer(peer) => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                (Some(peer.start(folder.path(), upstream)), Some(folder))
            }
        };
        Self { name: name.to_owned(), process: process.map(Process::placed), upstream, _folder: folder }
    }

    /// Where to ask.
    pub fn address(&self) -> SocketAddr {
        self.process.as_ref().map_or(self.upstream, |process| process.address)
    }

    /// The process's number, if there is one.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Nanoseconds it has run so far.
    pub fn cpu_ns(&self) -> u64 {
        self.process.as_ref().map_or(0, Process::cpu_ns)
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.as_ref().map_or(0, Process::resident_kib)
    }
}

fn started(binary: &str, setup: &Setup, upstream: SocketAddr) -> (Option<Process>, Option<tempfile::TempDir>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    (Some(Process::that_says(&mut headless(binary, folder.path(), setup, upstream))), Some(folder))
}

/// The command that serves this setup without a window, with `folder` as its whole world.
pub fn headless(binary: &str, folder: &Path, setup: &Setup, upstream: SocketAddr) -> Command {
    let mut command = alone(binary, folder, setup, upstream);
    command.args(["--headless", "--port", "0"]);
    command
}

/// The command that runs this setup with `folder` as its whole world: nothing of the person who measures is read or shown.
pub fn alone(binary: &str, folder: &Path, setup: &Setup, upstream: SocketAddr) -> Command {
    fs::write(folder.join("config.toml"), configuration(setup, upstream)).expect("the configuration is written");
    let mut command = Command::new(binary);
    command.arg("--config-dir").arg(folder);
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("TIDEGATE_BENCH_KEY", "sk-bench-0123456789abcdef");
    command
}

fn configuration(setup: &Setup, upstream: SocketAddr) -> String {
    let mut text = format!(
        "[[account]]\nid = \"mock\"\nservice = \"compatible\"\nbase_url = \"http://{upstream}/v1\"\n\
         credential = {{ env = \"TIDEGATE_BENCH_KEY\" }}\n"
    );
    // Limits far above the load, so that every ledger is kept and none is in the way.
    let mut endpoint = |id: &str, model: &str| {
        let _ = write!(
            text,
            "[[endpoint]]\nid = \"{id}\"\naccount = \"mock\"\nmodel = \"{model}\"\ndeployment = \"gpt-4o-{id}\"\n\
             tokens_per_minute = 600_000_000_000\nrequests_per_minute = 600_000_000\n"
        );
    };
    let members: Vec<String> = (0..setup.endpoints).map(|number| format!("e{number}")).collect();
    for id in &members {
        endpoint(id, "m");
    }
    let others: Vec<String> = (0..setup.others.max(setup.routes)).map(|number| format!("o{number}")).collect();
    for id in &others {
        endpoint(id, "other");
    }
    for (number, id) in others.iter().enumerate().take(setup.routes) {
        text.push_str(&route(&format!("other-{number}"), &[std::slice::from_ref(id)]));
    }
    if setup.routes == 0 && setup.others > 0 {
        text.push_str(&route("other", &[&others]));
    }
    let (first, second) = members.split_at(setup.endpoints / 2);
    text.push_str(&route("m", &[first, second]));
    text
}

fn route(model: &str, groups: &[&[String]]) -> String {
    let quoted = |ids: &[String]| ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
    let groups = groups.iter().map(|ids| format!("[[route.group]]\nendpoints = [{}]\n", quoted(ids)));
    format!("[[route]]\nmodel = \"{model}\"\n{}", groups.collect::<String>())
}
