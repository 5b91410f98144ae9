//! Closed loops: so many connections, each asks again as soon as it was answered.
//!
//! Invariant: exactly the number of requests asked for is sent and answered.
//! Absent on purpose: latencies. A closed loop asks less while it waits, so its latencies say nothing.

use std::net::SocketAddr;
use std::rc::Rc;
use std::{cell::Cell, iter};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::message::{Progress, expect_good, progress};

/// Asks `requests` times over `connections` connections.
pub async fn run(address: SocketAddr, connections: usize, requests: u64, request: Vec<u8>) {
    let request: Rc<[u8]> = request.into();
    let left = Rc::new(Cell::new(requests));
    let tasks = LocalSet::new();
    let loops: Vec<_> = iter::repeat_with(|| tasks.spawn_local(one(address, Rc::clone(&left), Rc::clone(&request))))
        .take(connections)
        .collect();
    tasks
        .run_until(async {
            for one in loops {
                one.await.expect("every request is answered");
            }
        })
        .await;
}

async fn one(address: SocketAddr, left: Rc<Cell<u64>>, request: Rc<[u8]>) {
    let mut stream = TcpStream::connect(address).await.expect("it accepts connections");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let mut buffer = vec![0; 16 * 1024];
    while let Some(rest) = left.get().checked_sub(1) {
        left.set(rest);
        stream.write_all(&request).await.expect("the request is sent");
        let mut filled = 0;
        loop {
            let read = stream.read(&mut buffer[filled..]).await.expect("an answer");
            assert_ne!(read, 0, "the answer broke off");
            filled += read;
            if progress(&buffer[..filled]) == Progress::Whole(filled) {
                break;
            }
        }
        expect_good(&buffer[..filled]);
    }
}
