//! How connections to services leave: straight, or through a proxy that stands in between.
//!
//! Invariant: this computer's own addresses are reached straight, whatever is said; a way that is not understood sends nothing.
//! Through a proxy goes a tunnel: of an HTTPS service it sees the name and nothing of what is sent there, key and all.
//! Absent on purpose: proxies that are reached by TLS or SOCKS.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tower_service::Service;

use crate::model::config::{UpstreamWay, Way};
use crate::model::host::is_this_computer;

/// The way that new connections take. Those that are open go on as they are.
#[derive(Clone, Default)]
pub struct Ways(Arc<ArcSwap<Chosen>>);

#[derive(Default)]
enum Chosen {
    #[default]
    Straight,
    By(Box<Matcher>),
    /// Nobody knows which way was meant.
    Unknown,
}

/// Why no connection was made on our side of the proxy.
#[derive(Debug)]
enum Blocked {
    Unknown,
    Unspoken,
    /// The proxy at this address said nothing.
    Silent(String),
    /// The proxy at this address opened no tunnel, for this reason.
    Refused(String, String),
}

/// What stood in the way of a connection, if it was the proxy or what is said of it; in words, without a secret.
#[must_use]
pub fn said_of(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(blocked) = error.downcast_ref::<Blocked>() {
            return Some(blocked.to_string());
        }
        next = error.source();
    }
    None
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the upstream proxy of the configuration is no address"),
            Self::Unspoken => f.write_str("the system's proxy is reached by TLS or SOCKS, which is not spoken here"),
            Self::Silent(proxy) => write!(f, "the upstream proxy {proxy} did not open a tunnel in time"),
            Self::Refused(proxy, why) => write!(f, "the upstream proxy {proxy} opened no tunnel: {why}"),
        }
    }
}

impl Error for Blocked {}

impl Ways {
    /// New connections take this way.
    pub fn set(&self, way: &UpstreamWay) {
        let chosen = match way.way() {
            Some(Way::Straight) => Chosen::Straight,
            Some(Way::System) => Chosen::By(Box::new(Matcher::from_env())),
            Some(Way::Through(address)) => Chosen::By(Box::new(Matcher::builder().all(address).build())),
            None => Chosen::Unknown,
        };
        self.0.store(Arc::new(chosen));
    }

    /// The proxy on the way to an address.
    fn toward(&self, to: &Uri) -> Result<Option<Intercept>, Blocked> {
        if is_ours(to) {
            return Ok(None);
        }
        let proxy = match &**self.0.load() {
            Chosen::Straight => return Ok(None),
            Chosen::Unknown => return Err(Blocked::Unknown),
            Chosen::By(matcher) => matcher.intercept(to),
        };
        match proxy {
            Some(proxy) if proxy.uri().scheme() != Some(&Scheme::HTTP) => Err(Blocked::Unspoken),
            proxy => Ok(proxy),
        }
    }
}

/// Whether an address is this computer's own.
fn is_ours(to: &Uri) -> bool {
    to.host().is_some_and(is_this_computer)
}

/// Opens connections by the way that was chosen.
#[derive(Clone)]
pub struct Outward {
    tcp: HttpConnector,
    ways: Ways,
    /// How long a proxy may take to open a tunnel.
    patience: Duration,
}

impl Outward {
    /// By `tcp`, or through what `ways` says; a tunnel stands within `patience` or not at all.
    #[must_use]
    pub const fn new(tcp: HttpConnector, ways: Ways, patience: Duration) -> Self {
        Self { tcp, ways, patience }
    }
}

type Stream = <HttpConnector as Service<Uri>>::Response;
type AnyError = Box<dyn Error + Send + Sync>;

impl Service<Uri> for Outward {
    type Response = Stream;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, AnyError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self.ways.toward(&to) {
            Err(blocked) => Box::pin(async move { Err(blocked.into()) }),
            Ok(None) => {
                let straight = self.tcp.call(to);
                Box::pin(async move { straight.await.map_err(Into::into) })
            }
            Ok(Some(proxy)) => {
                let mut tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
                if let Some(auth) = proxy.basic_auth() {
                    tunnel = tunnel.with_auth(auth.clone());
                }
                let (opened, patience) = (tunnel.call(with_port(to)), self.patience);
                let name = proxy.uri().authority().map(bare).unwrap_or_default();
                Box::pin(async move {
                    let Ok(opened) = tokio::time::timeout(patience, opened).await else {
                        return Err(Blocked::Silent(name).into());
                    };
                    opened.map_err(|error| Blocked::Refused(name, why(&error)).into())
                })
            }
        }
    }
}

/// Host and port; a name and a password before them are nobody's to read.
fn bare(authority: &http::uri::Authority) -> String {
    let host = authority.host();
    authority.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The innermost cause, which says most: `connection refused`, `proxy authorization required`.
fn why(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let said = cause.to_string();
    match said.strip_prefix("tunnel error: ") {
        Some("unsuccessful") => "it refused".to_owned(),
        Some("unexpected end of file") => "it hung up".to_owned(),
        Some("proxy authorization required") => "it asks for a name and a password".to_owned(),
        Some(other) => other.to_owned(),
        None => said,
    }
}

/// A tunnel without a port would go to that of HTTPS.
fn with_port(to: Uri) -> Uri {
    if to.port().is_some() || to.scheme() != Some(&Scheme::HTTP) {
        return to;
    }
    let host = to.host().unwrap_or_default();
    Uri::builder().scheme("http").authority(format!("{host}:80")).path_and_query("/").build().unwrap_or(to)
}

#[cfg(test)]
#[path = "outward_tests.rs"]
mod tests;
