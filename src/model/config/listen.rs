//! `[listen]`: where we listen, and whom the door lets in.
//!
//! Invariant: what is not stated is the safest: this computer alone, its own names, no web page.
//! Absent on purpose: tokens. Callers have them, and their hashes lie in a file of their own (`store::caller_tokens`).

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// `[listen]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listen {
    /// An IP address; anything but loopback needs a caller token.
    pub address: String,
    /// 0 asks the system for any free port.
    pub port: u16,
    /// Whether a caller's token is asked for on this computer, too. From anywhere else it always is.
    #[serde(skip_serializing_if = "super::is_false")]
    pub require_token: bool,
    /// Names besides this computer's own under which clients may reach us, without a port.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_hosts: Vec<String>,
    /// Origins of web pages that may send requests, such as `https://app.example`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: "127.0.0.1".to_owned(),
            port: 8787,
            require_token: false,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

impl Listen {
    /// Whether only this computer can reach the address. What is no address is nobody's.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether a request needs a caller's token.
    #[must_use]
    pub fn asks_token(&self) -> bool {
        self.require_token || !self.is_loopback()
    }
}

/// Whether a text can stand in `allowed_hosts`: a name alone, without scheme, port or path.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain)
}

/// Whether a text can stand in `allowed_origins`: scheme and host, perhaps a port, nothing behind.
#[must_use]
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#@*\\".contains(&byte);
    matches!(scheme, "http" | "https") && !authority.is_empty() && authority.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_asked_for_from_anywhere_but_this_computer() {
        let at = |address: &str| Listen { address: address.to_owned(), ..Listen::default() };
        assert!(!Listen::default().asks_token() && !at("::1").asks_token());
        for address in ["0.0.0.0", "192.168.1.5", "::", "nowhere"] {
            assert!(at(address).asks_token(), "{address}");
        }
        assert!(Listen { require_token: true, ..Listen::default() }.asks_token());
    }

    #[test]
    fn hosts_and_origins_are_told_from_what_looks_like_them() {
        assert!(is_host("tidegate.lan") && is_host("box-3"));
        for host in ["", "http://a", "a:80", "a/b", "*", "a b"] {
            assert!(!is_host(host), "{host}");
        }
        assert!(is_origin("https://app.example") && is_origin("http://localhost:3000"));
        for origin in ["*", "null", "app.example", "https://a/", "https://*.a", "ftp://a", "https://"] {
            assert!(!is_origin(origin), "{origin}");
        }
    }
}
