//! The floor: about the least that a reverse proxy on hyper can do.
//!
//! Invariant: nothing is read of a request but its head; bodies pass frame by frame; it knows nothing of accounts.
//! Absent on purpose: everything that makes a load balancer. What Tidegate costs beyond this is the price of its work.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use process::{listener, say};

pub mod closed;
pub mod counts;
pub mod message;
pub mod mock;
pub mod open;
pub mod peers;
pub mod process;
pub mod report;
pub mod streams;
pub mod subject;

/// Passes every request on to one upstream, for ever.
pub async fn serve(upstream: SocketAddr) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let authority: Authority = upstream.to_string().parse().expect("an address is an authority");
    let listener = listener();
    say(&listener);
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, client.clone(), authority.clone()));
    }
}

async fn connection(stream: TcpStream, client: Client<HttpConnector, Incoming>, authority: Authority) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| pass(client.clone(), authority.clone(), request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn pass(
    client: Client<HttpConnector, Incoming>,
    authority: Authority,
    mut request: Request<Incoming>,
) -> Result<Response<Either<Incoming, Empty<Bytes>>>, Infallible> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(authority));
    *request.uri_mut() = Uri::from_parts(uri).expect("the parts are whole");
    request.headers_mut().remove(CONNECTION);
    request.headers_mut().remove(HOST);
    let answer = client.request(request).await.map(|answer| answer.map(Either::Left));
    Ok(answer.unwrap_or_else(|_| {
        let mut answer = Response::new(Either::Right(Empty::new()));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        answer
    }))
}
