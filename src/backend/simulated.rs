//! The simulated endpoints and the script that plays on them, on a thread of their own so that their work does not count
//! as the proxy's.
//!
//! Invariant: they listen on loopback only and end with this value.
//! Absent on purpose: anything real traffic uses.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::contract::snapshot::ScriptView;
use crate::engine::clock::Clock;
use crate::fake::load::{Aim, Load, Progress};
use crate::fake::{Fake, specs_of};
use crate::model::config::Config;
use crate::model::id::AccountId;
use crate::sim::scripts;

/// Running simulated endpoints.
pub struct Simulated {
    fake: Arc<Fake>,
    runtime: Handle,
    script: Option<Script>,
    clock: Clock,
    _ends_thread: oneshot::Sender<()>,
}

struct Script {
    load: Load,
    progress: Arc<Progress>,
    name: String,
    title: String,
    seconds: u64,
}

impl Simulated {
    /// Starts the simulated part of a configuration.
    ///
    /// # Errors
    /// No thread, runtime or port to be had.
    pub fn start(config: &Config, clock: Clock) -> anyhow::Result<Self> {
        let specs = specs_of(config);
        let (end, ended) = oneshot::channel::<()>();
        let (told, ready) = sync_channel(1);
        let work = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(told.send(Err(error))),
            };
            runtime.block_on(async move {
                let started = async {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    Fake::start(listener, specs, Arc::new(move || clock.now()))
                };
                let started = started.await.map(|fake| (fake, Handle::current()));
                if told.send(started).is_ok() {
                    // Ends when the sender is dropped.
                    let _ = ended.await;
                }
            });
        };
        std::thread::Builder::new().name("simulated".to_owned()).spawn(work)?;
        let (fake, runtime) = ready.recv()??;
        Ok(Self { fake: Arc::new(fake), runtime, script: None, clock, _ends_thread: end })
    }

    /// Where all of them listen.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.fake.address()
    }

    /// Where a simulated account listens.
    #[must_use]
    pub fn base_url(&self, account: &AccountId) -> String {
        self.fake.base_url(account)
    }

    /// Takes over changed limits and speeds; what is used stays used.
    pub fn follow(&self, config: &Config) {
        self.fake.replace(specs_of(config));
    }

    /// Plays a script against our own address, which `aim` is. `false` if there is none of that name.
    pub fn play(&mut self, name: &str, aim: Aim, seed: u64) -> bool {
        let Some(scenario) = scripts::named(name) else { return false };
        self.script = None;
        let (title, seconds) = (scenario.title.clone(), scenario.length().as_secs());
        let clock = self.clock;
        let _inside = self.runtime.enter();
        let load = Load::start(scenario, aim, &self.fake, Arc::new(move || clock.now()), seed);
        let progress = load.progress();
        self.script = Some(Script { load, progress, name: name.to_owned(), title, seconds });
        true
    }

    /// Stops the script; running requests finish.
    pub fn stop_script(&mut self) {
        if let Some(script) = self.script.take() {
            script.load.stop();
        }
    }

    /// The script in play.
    #[must_use]
    pub fn script(&self) -> Option<ScriptView> {
        let script = self.script.as_ref().filter(|script| !script.progress.is_over())?;
        Some(ScriptView {
            name: script.name.clone(),
            title: script.title.clone(),
            elapsed_seconds: script.progress.elapsed().as_secs().min(script.seconds),
            total_seconds: script.seconds,
            sent: script.progress.sent(),
            failed: script.progress.failed(),
        })
    }
}
