//! Takes the port that was asked for, or says who holds it.
//!
//! Invariant: another port is never taken silently; whoever asked is told which one and why.
//! Absent on purpose: remembering it. The configuration keeps what the person wrote.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use tokio::net::TcpListener;

use crate::contract::snapshot::{PortHeld, Problem};

/// How many ports after the one asked for are tried.
const NEXT_PORTS: u16 = 20;

/// A bound listener.
pub struct Bound {
    /// Ready to accept.
    pub listener: TcpListener,
    /// Where.
    pub address: SocketAddr,
    /// Set if the port asked for was taken.
    pub instead_of: Option<PortHeld>,
}

/// Binds `address:port`; if it is taken and `or_next`, the next free one of twenty.
///
/// # Errors
/// What happened, what still works, one next step.
pub async fn bind(address: &str, port: u16, or_next: bool) -> Result<Bound, Problem> {
    let ip: IpAddr = address.parse().map_err(|_| cannot(address, port, "that is not an IP address"))?;
    let first = match listen(ip, port).await {
        Ok(bound) => return Ok(bound),
        Err(error) => error,
    };
    if first.kind() != ErrorKind::AddrInUse {
        let is_elsewhere = first.kind() == ErrorKind::AddrNotAvailable;
        let why = if is_elsewhere { "that address is not on this computer now".to_owned() } else { first.to_string() };
        return Err(cannot(address, port, &why));
    }
    let held = PortHeld { port, holder: holder(port) };
    if or_next {
        for next in port.saturating_add(1)..=port.saturating_add(NEXT_PORTS) {
            if let Ok(bound) = listen(ip, next).await {
                return Ok(Bound { instead_of: Some(held), ..bound });
            }
        }
    }
    Err(Problem {
        what: format!("Port {port} is used by {}.", held.holder.as_deref().unwrap_or("another program")),
        still_works: "Nothing is served; your configuration and keys are untouched.".to_owned(),
        next_step: "Stop that program, or choose another port with --port N (0 takes any free one).".to_owned(),
    })
}

async fn listen(ip: IpAddr, port: u16) -> std::io::Result<Bound> {
    let listener = TcpListener::bind(SocketAddr::new(ip, port)).await?;
    let address = listener.local_addr()?;
    Ok(Bound { listener, address, instead_of: None })
}

fn cannot(address: &str, port: u16, why: &str) -> Problem {
    Problem {
        what: format!("Can't listen on {address}:{port}: {why}."),
        still_works: "Nothing is served; your configuration and keys are untouched.".to_owned(),
        next_step: "Set listen.address to \"127.0.0.1\" in the configuration.".to_owned(),
    }
}

/// Who listens there, as `name (pid N)`; `None` if the system does not say.
#[must_use]
pub fn holder(port: u16) -> Option<String> {
    let process = listeners::get_process_by_port(port, listeners::Protocol::TCP).ok()?;
    Some(format!("{} (pid {})", process.name, process.pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
    }

    #[test]
    fn a_taken_port_names_its_holder_and_the_next_one_serves() {
        on_a_runtime(async {
            let taken = listen("127.0.0.1".parse().unwrap(), 0).await.unwrap();
            let port = taken.address.port();
            let problem = bind("127.0.0.1", port, false).await.err().unwrap();
            assert!(problem.what.contains(&format!("Port {port} is used by")), "{}", problem.what);
            assert!(problem.what.contains(&format!("(pid {})", std::process::id())), "{}", problem.what);
            let bound = bind("127.0.0.1", port, true).await.unwrap();
            assert_eq!(bound.instead_of.map(|held| held.port), Some(port));
            assert_ne!(bound.address.port(), port);
        });
    }

    #[test]
    fn an_address_that_is_not_ours_is_a_clear_problem() {
        on_a_runtime(async {
            let problem = bind("192.0.2.1", 0, true).await.err().unwrap();
            assert_eq!(problem.what, "Can't listen on 192.0.2.1:0: that address is not on this computer now.");
        });
    }
}
