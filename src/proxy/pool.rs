//! The pooled client toward all services, and how many of its connections may wait for a request.
//!
//! Invariant: connections that wait are files too: whatever the number of hosts, all of them together are bounded, and each of them
//! waits a while at most.
//! Absent on purpose: connections in use. Each has a place in `room`.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::outward::{Outward, Ways};
use super::room;
use super::spool::PartsBody;

/// A client that keeps connections for the next request.
pub(super) type Client = hyper_util::client::legacy::Client<Patient, PartsBody>;

/// How long a connection waits for a request. Services hang up after a minute or more.
const IDLE: Duration = Duration::from_secs(50);

/// How long a connection may be silent before the system asks whether anybody is there, how often it asks, and how many times. It
/// begins while a connection still waits for a request, so that one which its service has forgotten is not used again.
const PROBED_AFTER: Duration = Duration::from_secs(30);
const PROBED_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 6;
/// How long what was sent may stay without a word that it came. Nobody is asked meanwhile: without this bound the system would send
/// it again for a quarter of an hour. Linux alone has it.
#[cfg(target_os = "linux")]
const UNHEARD: Duration = Duration::from_secs(120);

/// The client, made anew when what each host may keep changes.
pub struct Pool {
    connector: Patient,
    /// How many connections may wait in all.
    idle: usize,
    /// How many may for each host, of those that are used now.
    each: AtomicUsize,
    client: ArcSwap<Client>,
}

impl Pool {
    /// It trusts the system's certificates and goes the way that `ways` says. Without any, HTTPS upstreams fail as unreachable and
    /// the rest works.
    ///
    /// # Errors
    /// If no cryptography provider could be set up.
    pub fn new(connect_timeout: Duration, ways: Ways) -> Result<Self, rustls::Error> {
        let tcp = tcp(connect_timeout);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = hyper_rustls::HttpsConnectorBuilder::new();
        let builder = match builder.with_provider_and_native_roots(Arc::clone(&provider)) {
            Ok(builder) => builder,
            Err(error) => {
                tracing::warn!(%error, "no system certificates were found, so HTTPS endpoints cannot be reached; install ca-certificates");
                let tls =
                    rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
                let empty = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
                hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(empty)
            }
        };
        let connector = builder.https_or_http().enable_http1().wrap_connector(Outward::new(tcp, ways, connect_timeout));
        let connector = Patient { connector, patience: connect_timeout };
        let idle = room::idle_at_once();
        let client = ArcSwap::from_pointee(client(connector.clone(), idle));
        Ok(Self { connector, idle, each: AtomicUsize::new(idle), client })
    }

    /// The client as it is now. It is cheap to clone and goes on with what it began.
    pub(super) fn client(&self) -> Arc<Client> {
        self.client.load_full()
    }

    /// So many hosts share what may wait. If each may keep more or fewer from now on, those that wait are closed; requests under
    /// way go on.
    pub(super) fn share_among(&self, hosts: usize) {
        let each = share(self.idle, hosts);
        if self.each.swap(each, Ordering::Relaxed) != each {
            self.client.store(Arc::new(client(self.connector.clone(), each)));
        }
    }
}

/// Makes connections, each within a time that holds for all of it: a name server or a service that takes the connection and then
/// says nothing of TLS would otherwise be waited for as long as for an answer.
#[derive(Clone)]
pub(super) struct Patient {
    connector: HttpsConnector<Outward>,
    patience: Duration,
}

impl Service<Uri> for Patient {
    type Response = <HttpsConnector<Outward> as Service<Uri>>::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let made = tokio::time::timeout(self.patience, self.connector.call(to));
        Box::pin(async move { made.await? })
    }
}

/// How connections are made and watched.
fn tcp(connect_timeout: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    // A model may think for half an hour, so silence says nothing; that nobody is there any more, the system finds out.
    tcp.set_keepalive(Some(PROBED_AFTER));
    tcp.set_keepalive_interval(Some(PROBED_EVERY));
    tcp.set_keepalive_retries(Some(PROBES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNHEARD));
    tcp
}

fn client(connector: Patient, idle: usize) -> Client {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(idle)
        .build(connector)
}

/// What each of so many hosts may keep.
const fn share(idle: usize, hosts: usize) -> usize {
    match idle.checked_div(hosts) {
        Some(each) => each,
        None => idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_hosts_there_are_no_more_connections_wait_than_may() {
        for idle in [0, 1, 32, 1_000] {
            for hosts in 1..2_000 {
                assert!(share(idle, hosts) * hosts <= idle, "{idle} among {hosts}");
            }
        }
        assert_eq!((share(32, 0), share(32, 1), share(32, 5)), (32, 32, 6));
    }

    #[test]
    fn nobody_at_the_other_end_is_noticed_within_two_minutes_and_first_asked_about_while_a_connection_waits() {
        assert!(PROBED_AFTER < IDLE);
        assert!(PROBED_AFTER + PROBED_EVERY * PROBES <= Duration::from_secs(120));
        #[cfg(target_os = "linux")]
        assert!(UNHEARD <= Duration::from_secs(120));
    }

    #[tokio::test]
    async fn connections_that_wait_are_kept_as_long_as_each_host_may_keep_as_many() {
        let pool = Pool::new(Duration::from_secs(1), Ways::default()).unwrap();
        pool.share_among(3);
        let first = pool.client();
        pool.share_among(3);
        assert!(Arc::ptr_eq(&first, &pool.client()));
        pool.share_among(7);
        assert!(!Arc::ptr_eq(&first, &pool.client()));
    }
}
