//! Open loops: requests start at a fixed rate whether or not earlier ones were answered, and count from the moment they
//! were due. What a pause delays is counted for every request that it delays.
//!
//! Invariant: a request that could not start in time counts its waiting.
//! Absent on purpose: a runtime. Threads that sleep to the moment are more exact than a timer wheel of milliseconds.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::message::{Progress, expect_good, progress};

/// Senders; each has a connection of its own and every n-th request.
const SENDERS: u32 = 24;

/// Microseconds from due to answered, sorted.
pub fn run(address: SocketAddr, per_second: u32, span: Duration, request: &[u8]) -> Vec<u32> {
    let gap = Duration::from_secs(1) / per_second;
    let each = u32::try_from(span.as_millis()).expect("a short span") * per_second / 1_000 / SENDERS;
    let start = Instant::now() + Duration::from_millis(50);
    let mut all: Vec<u32> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|me| scope.spawn(move || sender(address, start + gap * me, gap * SENDERS, each, request)))
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("every request is answered")).collect()
    });
    all.sort_unstable();
    all
}

fn sender(address: SocketAddr, start: Instant, gap: Duration, count: u32, request: &[u8]) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).expect("it accepts connections");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut buffer = vec![0; 16 * 1024];
    let mut took = Vec::with_capacity(count as usize);
    for number in 0..count {
        let due = start + gap * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(request).expect("the request is sent");
        let mut filled = 0;
        while progress(&buffer[..filled]) == Progress::More {
            let read = stream.read(&mut buffer[filled..]).expect("an answer");
            assert_ne!(read, 0, "the answer broke off");
            filled += read;
        }
        expect_good(&buffer[..filled]);
        // The first tenth warms up.
        if number >= count / 10 {
            took.push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    took
}

/// The value below which this share of a thousand lies.
pub fn quantile(sorted: &[u32], per_mille: usize) -> u32 {
    sorted.get((sorted.len() * per_mille / 1_000).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}
