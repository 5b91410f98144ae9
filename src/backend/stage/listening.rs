//! Where clients are served: the port, who holds it, and every socket that is open; and how we go on from here.
//!
//! Invariant: an older listener finishes what it runs; a failure to listen anew leaves it as it is.
//! Absent on purpose: the search for a free port (`port`), and answering (`proxy::listen`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::{Listening, Stage};
use crate::backend::port::{Bound, bind};
use crate::contract::NoticeBody;
use crate::contract::snapshot::{PortHeld, Problem, Serving, Socket};
use crate::model::check::Severity;
use crate::model::config::Config;
use crate::proxy::listen::serve;
use crate::proxy::outward::Ways;
use crate::proxy::pool::Pool;

impl Stage {
    /// Listens where the configuration or the command line says; an older listener finishes what it runs.
    pub(in crate::backend) async fn listen(&mut self) {
        let listen = &self.applied.config.listen;
        let port = self.options.port.unwrap_or(listen.port);
        if self.serves_at(&listen.address, port) {
            // Asked to try again for what it has: there is nothing to win, and the port would seem taken by us.
            return;
        }
        // Who stands in for this port already goes there or stays.
        let stands_in = matches!(&self.serving, Serving::Listening { instead_of: Some(held), .. } if held.port == port);
        let or_next = !stands_in && !self.options.headless;
        let unsafe_address =
            self.applied.findings.iter().find(|f| f.severity == Severity::Error && f.at.table == "listen");
        let bound = if let Some(finding) = unsafe_address {
            Err(Problem {
                what: finding.message.clone(),
                still_works: "Nothing is served; your configuration and keys are untouched.".to_owned(),
                next_step: "Change listen.address in the configuration.".to_owned(),
            })
        } else {
            let address = listen.address.clone();
            self.bind_beside(&address, port, or_next).await
        };
        self.serving = match bound {
            Ok(bound) => self.start_listening(bound).await,
            Err(problem) if self.listening.is_some() => {
                self.tell(None, NoticeBody::Failed(self.still_listening(problem)));
                return;
            }
            Err(problem) => Serving::Failed(problem),
        };
    }

    /// Goes to where the profile that was entered asks for; the listener may be at the address of the one before, or where the
    /// demo was moved to. Who stands in for that port stays: whether it has become free is tried when the person asks.
    pub(in crate::backend) async fn follow_profile(&mut self) {
        let listen = &self.applied.config.listen;
        let port = self.options.port.unwrap_or(listen.port);
        let is_here = self.address.is_some_and(|at| listen.address.parse() == Ok(at.ip()));
        let stands_in = matches!(&self.serving, Serving::Listening { instead_of: Some(held), .. } if held.port == port);
        if !(is_here && stands_in) {
            self.listen().await;
        }
    }

    /// Binds; a listener of ours that has the same port at all addresses, or at one of them, makes way first and comes back if
    /// that was in vain.
    async fn bind_beside(&mut self, address: &str, port: u16, or_next: bool) -> Result<Bound, Problem> {
        let stands_in_the_way = self.address.filter(|old| {
            let everywhere = address.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
            self.listening.is_some() && old.port() == port && (everywhere || old.ip().is_unspecified())
        });
        let Some(old) = stands_in_the_way else { return bind(address, port, or_next).await };
        self.give_up().await;
        match bind(address, port, false).await {
            Ok(bound) => Ok(bound),
            Err(problem) => match bind(&old.ip().to_string(), old.port(), false).await {
                Ok(bound) => {
                    self.serving = self.start_listening(bound).await;
                    Err(problem)
                }
                Err(_) => Err(problem),
            },
        }
    }

    /// Listens no more; what runs goes on. Returns once the port is free.
    async fn give_up(&mut self) {
        let Some(Listening { stop, task, closed }) = self.listening.take() else { return };
        stop.send_replace(true);
        // A listener that is gone already has closed as well.
        let _ = closed.await;
        self.retired.retain(|task| !task.is_finished());
        self.retired.push(task);
    }

    fn still_listening(&self, problem: Problem) -> Problem {
        let Some(address) = self.address else { return problem };
        Problem { still_works: format!("Requests are still served at http://{address}/v1."), ..problem }
    }

    fn serves_at(&self, address: &str, port: u16) -> bool {
        // 0 asks for any, and any will do.
        let here = |at: SocketAddr| (port == 0 || at.port() == port) && address.parse() == Ok(at.ip());
        self.listening.is_some() && self.address.is_some_and(here)
    }

    /// The older listener's port is free by then: the next command may ask for it again.
    async fn start_listening(&mut self, Bound { listener, address, instead_of }: Bound) -> Serving {
        self.give_up().await;
        let (stop, stopped) = watch::channel(false);
        let (close, closed) = oneshot::channel();
        let task = tokio::spawn(serve(listener, Arc::clone(&self.door), stopped, close));
        self.listening = Some(Listening { stop, task, closed });
        self.address = Some(address);
        self.admit_callers();
        self.set_table();
        self.announce();
        self.serving(address, instead_of)
    }

    /// Where programs on this computer reach us.
    pub(in crate::backend) fn reached_at(&self) -> Option<SocketAddr> {
        self.address.map(from_here)
    }

    fn serving(&self, address: SocketAddr, instead_of: Option<PortHeld>) -> Serving {
        let paused = self.door.paused.load(Ordering::Relaxed);
        Serving::Listening { base_url: Arc::from(format!("http://{}/v1", from_here(address))), paused, instead_of }
    }

    /// Everything that listens, and why.
    pub(in crate::backend) fn sockets(&self) -> Vec<Socket> {
        let clients = self.address.filter(|_| self.listening.is_some()).map(|address| address.to_string());
        let bell = self.bell.as_deref().and_then(|plate| plate.split(' ').next()).map(str::to_owned);
        let simulated = self.simulated.as_ref().map(|simulated| simulated.address().to_string());
        [
            (clients, "Requests of your tools; answered with your endpoints"),
            (simulated, "The simulated endpoints; reached by Tidegate alone"),
            (
                bell,
                "A second launch of Tidegate, to bring this window to the front; needs a word that only you can read",
            ),
        ]
        .into_iter()
        .filter_map(|(address, why)| Some(Socket { address: address?, why }))
        .collect()
    }

    /// Leaves word for a second launch.
    pub(super) fn announce(&self) {
        let base_url = self.reached_at().map(|address| format!("http://{address}/v1"));
        if let Some(lock) = &self.profile.lock
            && let Err(error) = lock.announce(base_url.as_deref(), self.bell.as_deref())
        {
            tracing::debug!(%error, "a second launch will not know where we listen");
        }
    }
}

/// The connections toward all services, and the way it takes.
pub(super) fn outward(config: &Config) -> anyhow::Result<(Pool, Ways)> {
    let ways = Ways::default();
    ways.set(&config.upstream);
    let connect = Duration::from_secs(u64::from(config.timeouts.connect_seconds));
    Ok((Pool::new(connect, ways.clone())?, ways))
}

/// An address that stands for all of this computer's is no place to send a request to; its own loopback address is.
fn from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
