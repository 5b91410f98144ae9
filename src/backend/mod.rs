//! Builds and stops the background side; applies commands.
//!
//! Invariant: the proxy runs on a thread and a runtime of its own; whatever becomes of the window, it goes on until it is
//! told to stop.
//! Absent on purpose: drawing, and rules of choosing.

pub mod caller_tasks;
mod callers;
pub mod commands;
mod credentials;
#[cfg(feature = "window")]
pub mod desktop;
pub mod doorbell;
mod drafts;
mod export;
mod history;
mod keeper;
mod key_orders;
pub mod key_test;
pub mod keys;
mod leaving;
mod lesson_watch;
mod lines;
mod live;
mod no_answer;
mod one_token;
mod paces;
pub mod port;
pub mod profile;
mod profiles;
pub mod publish;
mod racks;
mod resolve;
mod rest_watch;
mod reveal;
mod revisions;
pub mod simulated;
pub mod stage;
pub mod table;
pub mod tasks;
mod trials;
mod turns;

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::contract::UiEnd;
use crate::store::lock::{LockError, bell_of};
use doorbell::Rung;
use stage::Stage;

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// `--config-dir DIR`
    pub config_dir: Option<PathBuf>,
    /// `--profile NAME`
    pub profile: Option<String>,
    /// `--demo`
    pub demo: bool,
    /// `--headless`: a taken port or a broken file is an error, not something to show.
    pub headless: bool,
    /// `--port N`
    pub port: Option<u16>,
    /// `--script NAME`
    pub script: Option<String>,
    /// `--seed N`
    pub seed: Option<u64>,
}

impl Options {
    /// Whether nothing was asked for but a window: any profile's will do, and which is served is ours to choose.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let particular = self.demo || self.headless || self.script.is_some() || self.seed.is_some();
        !particular && self.config.is_none() && self.profile.is_none() && self.port.is_none()
    }

    /// The same with a profile, if there is one of that name beside the usual one.
    #[must_use]
    pub fn with_profile(self, name: Option<String>) -> Self {
        let is_there = |name: &String| {
            let home = profile::places(&self, false);
            home.is_ok_and(|home| crate::store::profiles::names(&home).iter().skip(1).any(|known| known == name))
        };
        let profile = name.filter(is_there);
        Self { profile, ..self }
    }
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Go on.
    Never,
    /// Take no more requests, and let running ones finish.
    Drained,
    /// End running requests, too.
    Now,
}

/// The running background side.
pub struct Running {
    ui: UiEnd,
    base_url: String,
    stop: watch::Sender<Stop>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the proxy on a thread of its own and returns once it serves (or, with a window, once it can say why not).
///
/// # Errors
/// Headless: whatever keeps it from serving. With a window: only what leaves nothing to show.
pub fn start(options: Options) -> anyhow::Result<Running> {
    // reqwest, for key tests, asks for a process-wide provider. Setting it twice is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (stop, stopped) = watch::channel(Stop::Never);
    let (told, ready) = sync_channel(1);
    let signal = stop.clone();
    let work = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(told.send(Err(anyhow::Error::from(error)))),
        };
        runtime.block_on(async move {
            match Stage::set_up(options).await {
                Ok((stage, inbox, ui, base_url)) => {
                    if told.send(Ok((ui, base_url))).is_ok() {
                        tokio::spawn(stop_on_signals(signal));
                        Box::pin(stage.run(inbox, stopped)).await;
                    }
                }
                Err(error) => drop(told.send(Err(error))),
            }
        });
    };
    let thread = std::thread::Builder::new().name("proxy".to_owned()).spawn(work)?;
    let (ui, base_url) = ready.recv().context("the proxy's thread ended before it served")??;
    Ok(Running { ui, base_url, stop, thread: Some(thread) })
}

impl Running {
    /// The screen's end of the line.
    #[must_use]
    pub fn ui(&self) -> UiEnd {
        self.ui.clone()
    }

    /// For clients; ends in `/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Returns after SIGINT or SIGTERM, once what was running has finished.
    pub fn until_signal(mut self) {
        self.join();
    }

    /// Stops taking requests, lets running ones finish, and returns.
    pub fn stop(mut self) {
        self.stop.send_replace(Stop::Drained);
        self.join();
    }

    /// Stops at once; running requests are cut off.
    pub fn stop_now(mut self) {
        self.stop.send_replace(Stop::Now);
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the proxy's thread ended by a panic");
        }
    }
}

/// The first signal drains; a second one ends the process as it is.
async fn stop_on_signals(stop: watch::Sender<Stop>) {
    signal().await;
    stop.send_replace(Stop::Drained);
    signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

#[cfg(not(unix))]
async fn signal() {
    drop(tokio::signal::ctrl_c().await);
}

/// Whether another instance runs with the profile that was to be served.
#[must_use]
pub fn is_held(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<LockError>(), Some(LockError::Held(_)))
}

/// Rings at the instance that keeps us from starting, if that is why we could not.
#[must_use]
pub fn ring_at_holder(error: &anyhow::Error, link: Option<&str>) -> Rung {
    match error.downcast_ref::<LockError>() {
        Some(LockError::Held(Some(holder))) => {
            holder.bell.as_deref().map_or(Rung::Nobody, |bell| doorbell::ring(bell, link))
        }
        _ => Rung::Nobody,
    }
}

/// Rings at whichever instance answers: that of the profile of these options before those of the demo and of others.
#[must_use]
pub fn ring_at_any(options: &Options, link: Option<&str>) -> Rung {
    let mut answers = homes(options).filter_map(|home| bell_of(&home)).map(|bell| doorbell::ring(&bell, link));
    answers.find(|answer| *answer != Rung::Nobody).unwrap_or(Rung::Nobody)
}

/// Where instances may keep their state: that of the profile of these options, the usual one's, the demo's and those of others.
fn homes(options: &Options) -> impl Iterator<Item = PathBuf> + use<> {
    let usual = Options { profile: None, ..options.clone() };
    let home = profile::places(&usual, false);
    let named = home.as_ref().map(crate::store::profiles::names).unwrap_or_default().into_iter().skip(1);
    let named: Vec<_> =
        named.map(|name| profile::places(&Options { profile: Some(name), ..usual.clone() }, false)).collect();
    let first = [profile::places(options, false), home, profile::places(&usual, true)];
    first.into_iter().chain(named).flatten().map(|paths| paths.state_dir)
}

/// Where the person's preferences of the window are; shared by all profiles and the demo.
#[must_use]
pub fn preferences_file(options: &Options) -> Option<PathBuf> {
    let usual = Options { profile: None, ..options.clone() };
    profile::places(&usual, false).ok().map(|places| places.state_dir.join(crate::store::preferences::NAME))
}

/// Whether a window could be shown at all.
#[must_use]
pub fn has_display() -> bool {
    let named = |variable: &str| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    cfg!(not(all(unix, not(target_os = "macos"))))
        || named("DISPLAY")
        || named("WAYLAND_DISPLAY")
        || named("WAYLAND_SOCKET")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;
    use crate::store::lock::InstanceLock;

    #[test]
    fn what_a_killed_instance_left_behind_is_not_rung_at_whoever_listens_there() {
        let home = tempfile::tempdir().unwrap();
        let options = Options { config_dir: Some(home.path().to_owned()), ..Options::default() };
        let state_dir = profile::places(&options, false).unwrap().state_dir;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plate = format!("{} word", listener.local_addr().unwrap());
        let says_it_comes = std::thread::Builder::new().name("another".to_owned()).spawn(move || {
            let (mut caller, _) = listener.accept().unwrap();
            BufReader::new(&caller).read_line(&mut String::new()).unwrap();
            caller.write_all(b"coming").unwrap();
        });
        let lock = InstanceLock::acquire(&state_dir).unwrap();
        lock.announce(None, Some(&plate)).unwrap();
        let left_behind = std::fs::read(state_dir.join("instance")).unwrap();
        drop(lock);
        std::fs::write(state_dir.join("instance"), left_behind).unwrap();
        assert_eq!(ring_at_any(&options, None), Rung::Nobody);
        // Of one that runs, the same plate is believed.
        let lock = InstanceLock::acquire(&state_dir).unwrap();
        lock.announce(None, Some(&plate)).unwrap();
        assert_eq!(ring_at_any(&options, None), Rung::Coming);
        says_it_comes.unwrap().join().unwrap();
    }
}
