//! Accepts connections and gives each request to an exchange.
//!
//! Invariant: a panic in one exchange ends that connection alone; stopping lets what runs finish; no client holds a connection by
//! saying nothing or by taking nothing, and there are never more than there are files for.
//! Absent on purpose: binding. The caller owns the port and the stop signal, so tests use port 0.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;

use super::answer::Answer;
use super::deadlines::HeadTimer;
use super::door::Door;
use super::exchange::exchange;
use super::room::{Arrival, ClientPlace, Room};

/// How long a client may take over a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer that is there for it. Long enough for a person at a breakpoint.
const TAKE_TIMEOUT: Duration = Duration::from_mins(5);
/// Pause after a failed accept (out of file descriptors), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` turns true, says by `closed` that the port is free, and lets running exchanges finish.
pub async fn serve(
    listener: TcpListener,
    door: Arc<Door>,
    mut stop: watch::Receiver<bool>,
    closed: oneshot::Sender<()>,
) {
    let mut connections = JoinSet::new();
    let mut was_told = false;
    // It keeps its turn for a place while others end.
    let mut arriving = Box::pin(next(&listener, &door.room));
    loop {
        tokio::select! {
            accepted = &mut arriving => {
                match accepted {
                    Ok((stream, place)) => {
                        was_told = false;
                        connections.spawn(connection(stream, place, Arc::clone(&door), stop.clone()));
                    }
                    Err(error) => {
                        // It is tried twenty times a second, and said once.
                        if std::mem::replace(&mut was_told, true) {
                            tracing::trace!(%error, "a connection could not be accepted, again");
                        } else {
                            tracing::warn!(%error, "a connection could not be accepted");
                        }
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
                arriving = Box::pin(next(&listener, &door.room));
            }
            Some(_) = connections.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(arriving);
    drop(listener);
    // Nobody may wait for it.
    let _ = closed.send(());
    while connections.join_next().await.is_some() {}
}

/// The next connection, once there is room for it. Until then it waits where the system keeps those it has taken for us.
async fn next(listener: &TcpListener, room: &Room) -> io::Result<(TcpStream, ClientPlace)> {
    let place = room.client().await;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

async fn connection(stream: TcpStream, place: ClientPlace, door: Arc<Door>, mut stop: watch::Receiver<bool>) {
    // Without this, small answers wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    // The address by which the client reached us; an IPv6 socket shows IPv4 ones in its own way.
    let local = stream.local_addr().ok().map(|address| address.ip().to_canonical());
    let arrival = Arc::new(Arrival::new(local, place));
    let stream = Taken::new(stream, &arrival);
    let mut server = http1::Builder::new();
    server.timer(HeadTimer(door.deadlines.clone())).header_read_timeout(HEAD_TIMEOUT);
    let service = service_fn(move |request| {
        // In a box of its own: hyper keeps room for it as long as the connection lasts, and moves it about.
        let answer = Box::pin(exchange(Arc::clone(&door), request, Arc::clone(&arrival)));
        let arrival = Arc::clone(&arrival);
        async move {
            let mut answer = answer.await;
            if let Answer::Relay(relay) = answer.body_mut() {
                relay.leaves_by(&arrival);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let serving = server.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stopped(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended early");
    }
}

/// A client's connection, which notes when it is let go as nothing of what is there for it is taken.
struct Taken {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    arrival: Arc<Arrival>,
}

impl Taken {
    fn new(stream: TcpStream, arrival: &Arc<Arrival>) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(TAKE_TIMEOUT));
        Self { stream: Box::pin(stream), arrival: Arc::clone(arrival) }
    }

    fn noted<T>(&self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(&written, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::TimedOut) {
            self.arrival.note_stuck();
        }
        written
    }
}

impl AsyncRead for Taken {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Taken {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write(cx, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write_vectored(cx, parts);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = self.stream.as_mut().poll_flush(cx);
        self.noted(written)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}

/// Waits for the stop signal; a sender that is gone counts as one.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
