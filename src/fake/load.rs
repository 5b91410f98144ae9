//! The load player: a client that sends a scenario's requests to a base URL.
//!
//! Invariant: arrivals do not wait for answers, and the same seed offers the same requests at the same times.
//! Absent on purpose: retries and judgement of answers beyond "complete" or "failed".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};

use crate::model::id::EndpointId;
use crate::model::profile::Operation;
use crate::model::scenario::{Dials, Phase, Scenario};
use crate::model::secret::Secret;
use crate::model::units::{MINUTE, Timestamp};

use super::server::Fake;
use super::site::{Clock, Site};
use super::text;

/// Beyond this many at once, an arrival fails at our own end.
const MOST_IN_FLIGHT: usize = 512;

/// How far a script is. Read it at any time.
#[derive(Debug, Default)]
pub struct Progress {
    sent: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    elapsed_ms: AtomicU64,
    over: AtomicBool,
}

impl Progress {
    /// Requests sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Answers with a 2xx status, read to their end.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Everything else that has ended.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// How long the script has played, as of its last arrival.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }

    /// Whether it has ended and every answer is in.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }
}

/// A script at play. Dropping it stops it and puts the dials it turned back to rest.
pub struct Load {
    progress: Arc<Progress>,
    task: JoinHandle<()>,
}

/// Where a script sends its requests.
pub struct Aim {
    /// Ends in `/v1`.
    pub base_url: String,
    /// What lets it in, should a token be asked for.
    pub token: Option<Arc<Secret>>,
}

impl Load {
    /// Plays `scenario` against `aim` and turns the dials of `fake` meanwhile.
    #[must_use]
    pub fn start(scenario: Scenario, aim: Aim, fake: &Fake, now: Clock, seed: u64) -> Self {
        let progress = Arc::new(Progress::default());
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let sender = Sender {
            client: Client::builder(TokioExecutor::new()).build(connector),
            url: format!("{}/{}", aim.base_url.trim_end_matches('/'), Operation::Chat.path()),
            token: aim.token,
            agent: format!("tidegate-script/{}", scenario.name),
            model: scenario.model.clone(),
            progress: Arc::clone(&progress),
        };
        let player = Player {
            faults: Faults { site: Arc::clone(&fake.site), turned: Vec::new() },
            sender,
            running: JoinSet::new(),
            rng: fastrand::Rng::with_seed(seed),
            started: now(),
            now,
        };
        Self { progress, task: tokio::spawn(player.play(scenario.phases)) }
    }

    /// How far it is; outlives the load.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Ends it at once; answers under way are dropped.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Resolves when the script has ended or was stopped.
    pub async fn ended(&mut self) {
        // An aborted task is an ended one.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The dials a script has turned; back at rest when dropped.
struct Faults {
    site: Arc<Site>,
    turned: Vec<EndpointId>,
}

impl Faults {
    fn turn(&mut self, dials: &[(EndpointId, Dials)]) {
        self.rest();
        for (endpoint, dials) in dials {
            self.site.set_dials(endpoint, *dials);
            self.turned.push(endpoint.clone());
        }
    }

    fn rest(&mut self) {
        for endpoint in self.turned.drain(..) {
            self.site.set_dials(&endpoint, Dials::default());
        }
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.rest();
    }
}

struct Player {
    faults: Faults,
    sender: Sender,
    running: JoinSet<()>,
    rng: fastrand::Rng,
    started: Timestamp,
    now: Clock,
}

impl Player {
    async fn play(mut self, phases: Vec<Phase>) {
        let mut begin = self.started;
        for phase in phases {
            self.faults.turn(&phase.dials);
            let end = begin.after(phase.lasts);
            self.offer(begin, end, phase.requests_per_minute).await;
            begin = end;
        }
        self.faults.rest();
        while self.running.join_next().await.is_some() {}
        self.sender.progress.over.store(true, Ordering::Release);
    }

    /// Arrivals of one phase, at random intervals around the mean.
    async fn offer(&mut self, begin: Timestamp, end: Timestamp, requests_per_minute: u32) {
        let mut next = begin;
        if let Some(mean) = MINUTE.checked_div(requests_per_minute) {
            loop {
                next = next.after(mean.mul_f64(-(1.0 - self.rng.f64()).ln()));
                if next >= end {
                    break;
                }
                self.wait_until(next).await;
                self.send();
            }
        }
        self.wait_until(end).await;
    }

    async fn wait_until(&self, at: Timestamp) {
        tokio::time::sleep(at.since((self.now)())).await;
        let elapsed = (self.now)().since(self.started).as_millis();
        self.sender.progress.elapsed_ms.store(u64::try_from(elapsed).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn send(&mut self) {
        while self.running.try_join_next().is_some() {}
        let body = self.body();
        self.sender.progress.sent.fetch_add(1, Ordering::Relaxed);
        if self.running.len() >= MOST_IN_FLIGHT {
            self.sender.progress.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.running.spawn(self.sender.clone().send(body));
    }

    /// Three in five are short questions, the others bring a long text along; seven in ten are streamed.
    fn body(&mut self) -> Bytes {
        let (words, cap) = match self.rng.u8(0..5) {
            0..3 => (self.rng.u64(40..160), 150),
            _ => (self.rng.u64(1_200..2_400), 500),
        };
        let stream = self.rng.u8(0..10) < 7;
        let prompt: String = text::words(self.rng.u64(..), words).collect();
        let body = json!({
            "model": self.sender.model,
            "messages": [{ "role": "user", "content": prompt }],
            "max_tokens": cap,
            "stream": stream,
        });
        Bytes::from(body.to_string())
    }
}

#[derive(Clone)]
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
    token: Option<Arc<Secret>>,
    agent: String,
    model: String,
    progress: Arc<Progress>,
}

impl Sender {
    async fn send(self, body: Bytes) {
        let complete = self.exchange(body).await.unwrap_or(false);
        let counter = if complete { &self.progress.answered } else { &self.progress.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the answer was a success and came to its end; `None` if there was none.
    async fn exchange(&self, body: Bytes) -> Option<bool> {
        let request = Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, &self.agent);
        let request = match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose())),
            None => request,
        };
        let request = request.body(Full::new(body)).ok()?;
        let answer = self.client.request(request).await.ok()?;
        let success = answer.status().is_success();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            frame.ok()?;
        }
        Some(success)
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
