//! The loopback server that hosts all simulated endpoints on one port.
//!
//! Invariant: dropping or killing it ends every connection at once; stopping it lets running answers end.
//! Absent on purpose: TLS, HTTP/2, and any address but the listener's own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use crate::model::id::{AccountId, EndpointId};
use crate::model::scenario::Dials;

use super::handler;
use super::path::encode;
use super::site::{Clock, FakeCounters, Site};
use super::specs::FakeSpec;

/// How long to wait after an accept that failed, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server of simulated endpoints.
pub struct Fake {
    pub(super) site: Arc<Site>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: AbortHandle,
}

impl Fake {
    /// Serves these endpoints on the listener, as a task of the current runtime.
    ///
    /// # Errors
    /// When the listener cannot say its address.
    pub fn start(listener: TcpListener, specs: Vec<FakeSpec>, now: Clock) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let site = Arc::new(Site::new(specs, now));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&site), stopped)).abort_handle();
        Ok(Self { site, address, stop, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client takes as the account's base URL: with `/v1` for OpenAI's dialect, without it for Azure's.
    #[must_use]
    pub fn base_url(&self, account: &AccountId) -> String {
        let segment = encode(account.as_str());
        let azure = self.site.account(&segment).is_some_and(|(_, dialect)| dialect.is_azure());
        format!("http://{}/{segment}{}", self.address, if azure { "" } else { "/v1" })
    }

    /// What goes wrong at this endpoint from now on. Unknown endpoints are ignored.
    pub fn set_dials(&self, endpoint: &EndpointId, dials: Dials) {
        self.site.set_dials(endpoint, dials);
    }

    /// What this endpoint has seen; all zero if it is unknown.
    #[must_use]
    pub fn counters(&self, endpoint: &EndpointId) -> FakeCounters {
        self.site.counters(endpoint)
    }

    /// Takes over other specs, live. Endpoints that stay keep what they have used, their dials and their counters.
    pub fn replace(&self, specs: Vec<FakeSpec>) {
        self.site.replace(specs);
    }

    /// Accepts no more; running answers end by themselves.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Drops the listener and every connection at once, in the middle of whatever they do.
    pub fn kill(&self) {
        self.accepting.abort();
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Connections live in this task's set, so that they die with it.
async fn accept(listener: TcpListener, site: Arc<Site>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = told(&mut stopped) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(serve(socket, Arc::clone(&site), stopped.clone()));
                }
                Err(error) => {
                    tracing::debug!(%error, "simulated endpoints: accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Resolves when the server is to stop, or its owner is gone.
async fn told(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn serve(socket: TcpStream, site: Arc<Site>, mut stopped: watch::Receiver<bool>) {
    // Small events must not wait for each other; without the option they merely are slower.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| handler::answer(Arc::clone(&site), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        // Clients that go away and dials that close are no news.
        _ = connection.as_mut() => return,
        () = told(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
