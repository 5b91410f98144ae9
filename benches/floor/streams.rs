//! Many streams at once: what their events cost, what they hold in memory, how long the first event takes.
//!
//! Invariant: every stream has a connection of its own; nothing is measured before all of them run.
//! Absent on purpose: parsing. Bytes are counted, and an event has a known number of them.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet};
use tokio::time::{MissedTickBehavior, interval};

use super::message::expect_good;

/// Streams that are open.
pub struct Open {
    tasks: LocalSet,
    streams: Vec<JoinHandle<()>>,
    first: Rc<RefCell<Vec<u32>>>,
    stop: watch::Sender<bool>,
}

/// Opens streams one after the other, about `per_second` of them, and returns once each has had its first event.
pub async fn open(address: SocketAddr, count: usize, per_second: usize, request: Vec<u8>) -> Open {
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = TcpStream::connect(address).await.expect("it accepts connections");
        stream.set_nodelay(true).expect("TCP_NODELAY");
        connections.push(stream);
    }
    let request: Rc<[u8]> = request.into();
    let first = Rc::new(RefCell::new(Vec::with_capacity(count)));
    let (stop, stopped) = watch::channel(false);
    let (tasks, mut streams) = (LocalSet::new(), Vec::with_capacity(count));
    tasks
        .run_until(async {
            let mut beat = interval(Duration::from_millis(1));
            beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut connections = connections.into_iter();
            let mut due = 0;
            while streams.len() < count {
                beat.tick().await;
                due += per_second;
                for stream in connections.by_ref().take(due / 1_000) {
                    let one = one(stream, Rc::clone(&request), Rc::clone(&first), stopped.clone());
                    streams.push(tokio::task::spawn_local(one));
                }
                due %= 1_000;
            }
            while first.borrow().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    Open { tasks, streams, first, stop }
}

impl Open {
    /// Lets them run for so long.
    pub async fn run_for(&self, span: Duration) {
        self.tasks.run_until(tokio::time::sleep(span)).await;
    }

    /// Microseconds from sending to the first event, sorted.
    pub fn first_events(&self) -> Vec<u32> {
        let mut all = self.first.borrow().clone();
        all.sort_unstable();
        all
    }

    /// Reads on until all have ended by themselves.
    pub async fn drained(self) {
        let Self { tasks, streams, .. } = self;
        tasks
            .run_until(async {
                for stream in streams {
                    stream.await.expect("every stream comes to its end");
                }
            })
            .await;
    }

    /// Hangs up.
    pub async fn hang_up(self) {
        self.stop.send_replace(true);
        self.drained().await;
    }
}

async fn one(mut stream: TcpStream, request: Rc<[u8]>, first: Rc<RefCell<Vec<u32>>>, mut stop: watch::Receiver<bool>) {
    let mut buffer = vec![0; 2 * 1024];
    let sent = Instant::now();
    stream.write_all(&request).await.expect("the request is sent");
    let mut seen = false;
    let mut start = Vec::new();
    loop {
        let read = tokio::select! {
            read = stream.read(&mut buffer) => read.expect("an answer"),
            _ = stop.wait_for(|stop| *stop) => return,
        };
        assert_ne!(read, 0, "the stream broke off");
        let bytes = &buffer[..read];
        if !seen {
            start.extend_from_slice(bytes);
            seen = memchr::memmem::find(&start, b"data: ").is_some();
            if seen {
                expect_good(&start);
                first.borrow_mut().push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
                start = Vec::new();
            }
        }
        if bytes.ends_with(b"0\r\n\r\n") {
            return;
        }
    }
}
