//! `[upstream]`: how connections to services leave this computer.
//!
//! Invariant: without a word they go straight; what cannot be understood sends nothing, rather than by a way nobody chose.
//! Absent on purpose: user names and passwords, which would be secrets in the file; the system's own variables may hold them.

use serde::{Deserialize, Serialize};

/// `[upstream]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamWay {
    /// `none`, `system` (its proxy variables), or a proxy's address such as `http://proxy.example:3128`.
    pub proxy: String,
}

impl Default for UpstreamWay {
    fn default() -> Self {
        Self { proxy: UpstreamWay::NONE.to_owned() }
    }
}

/// What a configuration says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    /// Straight to the service.
    Straight,
    /// As HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY of our environment say.
    System,
    /// Through this proxy, by CONNECT.
    Through(&'a str),
}

impl UpstreamWay {
    /// Straight.
    pub const NONE: &'static str = "none";
    /// As the system says.
    pub const SYSTEM: &'static str = "system";

    /// What it means; `None`: it is no address of a proxy.
    #[must_use]
    pub fn way(&self) -> Option<Way<'_>> {
        match self.proxy.as_str() {
            Self::NONE => Some(Way::Straight),
            Self::SYSTEM => Some(Way::System),
            address => is_proxy(address).then_some(Way::Through(address)),
        }
    }
}

/// Whether this is `http://`, a host, and perhaps a port; nothing else, and no password in particular.
#[must_use]
pub fn is_proxy(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://") else { return false };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let named = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '-' | '.' | '_'))
        }
    };
    named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_proxy_is_a_host_and_a_port_and_never_holds_a_password() {
        for good in
            ["http://proxy:3128", "http://10.0.0.1:8080", "http://proxy.example", "http://[::1]:3128", "http://p:1/"]
        {
            assert!(is_proxy(good), "{good}");
        }
        for bad in [
            "",
            "proxy:3128",
            "https://proxy:3128",
            "socks5://proxy:1080",
            "http://me:secret@proxy:3128",
            "http://proxy:3128/path",
            "http://proxy:0",
            "http://proxy:99999",
            "http://[::1",
            "http://",
        ] {
            assert!(!is_proxy(bad), "{bad}");
        }
    }

    #[test]
    fn without_a_word_connections_go_straight() {
        assert_eq!(UpstreamWay::default().way(), Some(Way::Straight));
        let said = |proxy: &str| UpstreamWay { proxy: proxy.to_owned() };
        assert_eq!(said("system").way(), Some(Way::System));
        assert_eq!(said("http://p:1").way(), Some(Way::Through("http://p:1")));
        assert_eq!(said("System").way(), None, "a word nobody knows sends nothing");
    }
}
