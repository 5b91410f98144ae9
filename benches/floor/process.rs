//! Processes under measurement: how they are started, and what the system says of them.
//!
//! Invariant: a process that was started here ends with its handle.
//! Absent on purpose: anything but Linux; `/proc` is where the numbers come from.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener as Listener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted: a storm of new streams fits.
const BACKLOG: u32 = 8_192;
/// What a process says once it serves.
const SAYS: &str = "listening on http://";

/// A process that serves at an address; it is killed when dropped.
pub struct Process {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

/// Keeps this process, and what it starts, off the core that subjects run on. Where there is one core or no `taskset`,
/// they share.
pub fn make_room() {
    let me = std::process::id().to_string();
    let _ = Command::new("taskset").args(["-a", "-c", "-p", "1-1023", &me]).stdout(Stdio::null()).status();
}

/// Puts a process on the core kept for subjects.
fn place(pid: u32) {
    let _ = Command::new("taskset").args(["-a", "-c", "-p", "0", &pid.to_string()]).stdout(Stdio::null()).status();
}

impl Process {
    /// Starts this program again in another role.
    pub fn role(arguments: &[String]) -> Self {
        let this = std::env::current_exe().expect("this program has a path");
        Self::that_says(Command::new(this).args(arguments))
    }

    /// The same on the core kept for subjects.
    #[must_use]
    pub fn placed(self) -> Self {
        place(self.child.id());
        self
    }

    /// Starts a program that says where it listens.
    pub fn that_says(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the process starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("its output can be read");
        let said = line.trim().strip_prefix(SAYS).map(|url| url.trim_end_matches("/v1"));
        let address = said.and_then(|url| url.parse().ok()).unwrap_or_else(|| panic!("it said {line:?}"));
        Self { child, address }
    }

    /// Starts a program that says nothing and listens at `address`.
    pub fn silent(command: &mut Command, address: SocketAddr) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn().expect("the process starts");
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { child, address }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Nanoseconds that all its threads, and those of the processes it started, have run so far.
    pub fn cpu_ns(&self) -> u64 {
        family(self.child.id()).iter().map(|pid| cpu_ns(*pid)).sum()
    }

    /// Resident memory in KiB, its children's included.
    pub fn resident_kib(&self) -> u64 {
        family(self.child.id()).iter().map(|pid| resident_kib(*pid)).sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A master whose workers must go too ends by a signal it can hear; the others by one they cannot.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        std::thread::sleep(Duration::from_millis(20));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process and its direct children.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    std::iter::once(pid).chain(children.split_whitespace().filter_map(|child| child.parse().ok())).collect()
}

fn cpu_ns(pid: u32) -> u64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    let ran = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    ran.filter_map(|text| text.split(' ').next()?.parse::<u64>().ok()).sum()
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// How many files this process, and so each that it starts, may have open.
pub fn most_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok()).unwrap_or(1_024)
}

/// A listener on a free port of this computer.
pub fn listener() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    socket.listen(BACKLOG).expect("it listens")
}

/// Says where it listens, for whoever started this process.
pub fn say(listener: &TcpListener) {
    println!("{SAYS}{}", listener.local_addr().expect("it has an address"));
}

/// A port that is free now, for a program that must be told one.
pub fn free_port() -> u16 {
    let probe = Listener::bind(("127.0.0.1", 0)).expect("a free port");
    probe.local_addr().expect("it has an address").port()
}
