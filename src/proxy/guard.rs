//! Who may knock: this computer's own programs, under this computer's own names.
//!
//! Invariant: decided on the raw request head, before a byte of the body is read.
//! Absent on purpose: CORS. No page in a browser is a client of ours.

use http::header::{HOST, HeaderMap, HeaderName, ORIGIN, VIA};
use http::request::Parts;

/// Why a request is turned away at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// The Host header names another machine: DNS rebinding.
    #[error("This address answers only to localhost, 127.0.0.1 and [::1].")]
    ForeignHost,
    /// A browser page sent it.
    #[error("Requests from web pages are not accepted.")]
    FromBrowser,
    /// It came from ourselves.
    #[error("This request has already passed through this proxy: one of its endpoints points back at it.")]
    Loop,
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request's head. `marker` is the pseudonym this process puts into `Via`.
///
/// # Errors
/// Why it is turned away.
pub fn check(head: &Parts, marker: &str) -> Result<(), TurnedAway> {
    if !own_host(head) {
        return Err(TurnedAway::ForeignHost);
    }
    if head.headers.contains_key(ORIGIN) || from_other_site(&head.headers) {
        return Err(TurnedAway::FromBrowser);
    }
    let passed = head.headers.get_all(VIA).iter().any(|via| via.to_str().is_ok_and(|via| via.contains(marker)));
    if passed { Err(TurnedAway::Loop) } else { Ok(()) }
}

fn from_other_site(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"))
}

fn own_host(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let target_agrees = head.uri.authority().is_none_or(|target| target.as_str().as_bytes() == host.as_bytes());
    target_agrees && host.to_str().is_ok_and(is_own_name)
}

/// `localhost`, `127.0.0.1` or `[::1]`, with or without a port, in any case.
fn is_own_name(host: &str) -> bool {
    let port_follows = |rest: &str| {
        rest.is_empty()
            || rest.strip_prefix(':').is_some_and(|port| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()))
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|own| {
        host.get(..own.len()).is_some_and(|start| start.eq_ignore_ascii_case(own))
            && host.get(own.len()..).is_some_and(port_follows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        build(http::Request::builder().uri("/v1/models")).body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_this_computers_own_names_are_answered() {
        for host in ["localhost", "LOCALHOST:8787", "127.0.0.1:8787", "[::1]:1", "127.0.0.1"] {
            assert_eq!(check(&head(|r| r.header("host", host)), "t"), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil",
            "localhost:8787/?",
            "localhost#",
            "localhost.",
            "",
            "127.0.0.1:99999999",
            "[::1",
            "10.0.0.1",
        ] {
            assert_eq!(check(&head(|r| r.header("host", host)), "t"), Err(TurnedAway::ForeignHost), "{host}");
        }
        assert_eq!(check(&head(|r| r), "t"), Err(TurnedAway::ForeignHost));
        assert_eq!(
            check(&head(|r| r.header("host", "localhost").header("host", "localhost")), "t"),
            Err(TurnedAway::ForeignHost)
        );
    }

    #[test]
    fn an_absolute_target_must_agree_with_the_host() {
        let request = http::Request::builder().uri("http://evil.example/v1/models").header("host", "localhost");
        assert_eq!(check(&request.body(()).unwrap().into_parts().0, "t"), Err(TurnedAway::ForeignHost));
    }

    #[test]
    fn pages_in_a_browser_are_turned_away() {
        assert_eq!(
            check(&head(|r| r.header("host", "localhost").header("origin", "null")), "t"),
            Err(TurnedAway::FromBrowser)
        );
        assert_eq!(
            check(&head(|r| r.header("host", "localhost").header("sec-fetch-site", "cross-site")), "t"),
            Err(TurnedAway::FromBrowser)
        );
        assert_eq!(check(&head(|r| r.header("host", "localhost").header("sec-fetch-site", "none")), "t"), Ok(()));
    }

    #[test]
    fn our_own_mark_closes_a_loop() {
        assert_eq!(
            check(&head(|r| r.header("host", "localhost").header("via", "1.1 tidegate-77")), "tidegate-77"),
            Err(TurnedAway::Loop)
        );
        assert_eq!(
            check(&head(|r| r.header("host", "localhost").header("via", "1.1 tidegate-78")), "tidegate-77"),
            Ok(())
        );
    }
}
