//! A scripted upstream: it keeps every request it got, whole, and answers as a closure says.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A request as it came.
pub type Got = http::Request<Bytes>;
/// What is answered.
pub type Said = http::Response<Full<Bytes>>;

/// An upstream on a port of its own.
#[derive(Clone)]
pub struct Origin {
    pub port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Origin {
    /// Answers each request by `script`.
    pub async fn start(script: impl Fn(&Got) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (Arc::new(script), Arc::clone(&got));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
                        let request = http::Request::from_parts(head, body);
                        let said = script(&request);
                        seen.lock().expect("unbroken").push(request);
                        Ok::<_, Infallible>(said)
                    }
                });
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(socket), service));
            }
        });
        Self { port, got }
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Got> {
        self.got.lock().expect("unbroken").clone()
    }

    /// The paths that came so far, each after its method.
    pub fn paths(&self) -> Vec<String> {
        self.got().iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
    }

    /// Account, endpoint `e{name}` and nothing else, as configuration.
    pub fn account(&self, name: &str, model: &str) -> String {
        format!(
            "[[account]]\nid = \"{name}\"\nservice = \"compatible\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n\
             credential = {{ env = \"KEY\" }}\n[[endpoint]]\nid = \"e{name}\"\naccount = \"{name}\"\nmodel = \"{model}\"\n\
             deployment = \"at {name}\"\n",
            self.port
        )
    }
}

/// A JSON answer.
pub fn json(status: u16, body: &str) -> Said {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let answer = http::Response::builder().status(status).header("content-type", "application/json");
    answer.body(body).expect("a sound answer")
}

/// An event stream in one piece.
pub fn events(body: &str) -> Said {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
    let answer = http::Response::builder().header("content-type", "text/event-stream");
    answer.body(body).expect("a sound answer")
}

/// A route over endpoints, each in a priority group of its own.
pub fn route(model: &str, endpoints: &[&str]) -> String {
    let group = |endpoint: &&str| format!("[[route.group]]\nendpoints = [\"{endpoint}\"]\n");
    format!("[[route]]\nmodel = \"{model}\"\n{}", endpoints.iter().map(group).collect::<String>())
}
