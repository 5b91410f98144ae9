//! What a host's name says of where it leads, without asking anyone.
//!
//! Invariant: a name that means this computer is found to whatever way it is written.
//! Absent on purpose: looking names up. Whether a name that others give away leads here, only a connection shows.

use std::net::{IpAddr, Ipv4Addr};

/// The address that a host is, or that its name means everywhere: `localhost` and what ends in it are loopback.
#[must_use]
pub fn address(host: &str) -> Option<IpAddr> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(IpAddr::from(Ipv4Addr::LOCALHOST));
    }
    written(&host)
}

/// The address that a host is by its own writing.
fn written(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Whether a host is this computer by its name or address.
#[must_use]
pub fn is_this_computer(host: &str) -> bool {
    address(host).is_some_and(|ip| ip.is_loopback())
}

/// The same where a key is to go there in clear: by `localhost` or its address alone. Other names of this computer are looked up
/// like any, and where `ollama.localhost` leads is up to whoever answers.
#[must_use]
pub fn is_surely_this_computer(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || written(host).is_some_and(|ip| ip.is_loopback())
}

/// The same as of [`is_this_computer`] for an address with a scheme, such as an account's.
#[must_use]
pub fn is_on_this_computer(url: &str) -> bool {
    url.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(is_this_computer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_computer_is_known_by_every_name_it_has() {
        for host in
            ["localhost", "LOCALHOST.", "ollama.localhost", "127.0.0.1", "127.8.9.1", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_this_computer(host), "{host}");
            assert!(is_on_this_computer(&format!("http://{host}:11434/v1")), "{host}");
        }
        for host in ["example.com", "localhost.example.com", "mylocalhost", "10.0.0.1", "[::2]", "", "1"] {
            assert!(!is_this_computer(host), "{host}");
        }
        assert!(!is_on_this_computer("no address at all"));
    }

    #[test]
    fn where_a_key_goes_in_clear_no_name_that_is_looked_up_is_believed() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(is_surely_this_computer(host), "{host}");
        }
        for host in ["ollama.localhost", "localhost.", "localhost.example.com", "10.0.0.1", ""] {
            assert!(!is_surely_this_computer(host), "{host}");
        }
    }
}
