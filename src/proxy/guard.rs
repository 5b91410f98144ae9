//! Who may knock: this computer's own programs, under this computer's own names.
//!
//! Invariant: decided on the raw request head, before a byte of the body is read.
//! Absent on purpose: what an allowed page is told (`cors`), and tokens (`auth`).

use std::net::IpAddr;

use http::header::{HOST, HeaderMap, HeaderName, VIA};
use http::request::Parts;

use super::cors;
use crate::model::config::Listen;

/// Why a request is turned away at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnedAway {
    /// The Host header names another machine: DNS rebinding.
    #[error(
        "This address answers only under its own names: localhost, 127.0.0.1, [::1], and those of listen.allowed_hosts."
    )]
    ForeignHost,
    /// A browser page sent it.
    #[error("Requests from web pages are not accepted, except from those of listen.allowed_origins.")]
    FromBrowser,
    /// It came from ourselves.
    #[error("This request has already passed through this proxy: one of its endpoints points back at it.")]
    Loop,
}

/// Whose door it is.
#[derive(Clone, Copy)]
pub struct House<'a> {
    /// The pseudonym that this process puts into `Via`.
    pub marker: &'a str,
    /// The address by which the client reached us. A page that has another name lead here cannot write it into `Host`.
    pub local: Option<IpAddr>,
    /// What the person allows.
    pub listen: &'a Listen,
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Checks a request's head.
///
/// # Errors
/// Why it is turned away.
pub fn check(head: &Parts, house: &House) -> Result<(), TurnedAway> {
    if !own_host(head, house) {
        return Err(TurnedAway::ForeignHost);
    }
    let from_page = cors::names_page(&head.headers) || from_other_site(&head.headers);
    if from_page && cors::page(&head.headers, &house.listen.allowed_origins).is_none() {
        return Err(TurnedAway::FromBrowser);
    }
    let passed = |via: &http::HeaderValue| via.to_str().is_ok_and(|via| via.contains(house.marker));
    if head.headers.get_all(VIA).iter().any(passed) { Err(TurnedAway::Loop) } else { Ok(()) }
}

fn from_other_site(headers: &HeaderMap) -> bool {
    headers.get(FETCH_SITE).is_some_and(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"))
}

fn own_host(head: &Parts, house: &House) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let target_agrees = head.uri.authority().is_none_or(|target| target.as_str().as_bytes() == host.as_bytes());
    target_agrees && host.to_str().ok().and_then(without_port).is_some_and(|name| is_own(name, house))
}

/// The name or address of a `Host`, with or without a port behind it. `None`: it is neither.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, rest) = host.split_at_checked(end)?;
    let digits = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(digits)).then_some(name)
}

fn is_own(name: &str, house: &House) -> bool {
    let always = ["localhost", "127.0.0.1", "[::1]"];
    let allowed = house.listen.allowed_hosts.iter().map(String::as_str);
    // An address in brackets is IPv6; without, it must not be.
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = bare.unwrap_or(name).parse::<IpAddr>().ok().filter(|ip| ip.is_ipv6() == bare.is_some());
    always.into_iter().chain(allowed).any(|own| own.eq_ignore_ascii_case(name))
        || address.is_some() && address.map(|ip| ip.to_canonical()) == house.local
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(build: impl FnOnce(http::request::Builder) -> http::request::Builder) -> Parts {
        build(http::Request::builder().uri("/v1/models")).body(()).unwrap().into_parts().0
    }

    fn house(listen: &Listen) -> House<'_> {
        House { marker: "tidegate-77", local: Some(IpAddr::from([127, 0, 0, 1])), listen }
    }

    fn check(head: &Parts, _marker: &str) -> Result<(), TurnedAway> {
        super::check(head, &house(&Listen::default()))
    }

    #[test]
    fn the_address_that_was_reached_and_allowed_names_are_ours_too() {
        let listen = Listen { allowed_hosts: vec!["tidegate.lan".to_owned()], ..Listen::default() };
        let here = House { local: Some(IpAddr::from([192, 168, 1, 5])), ..house(&listen) };
        for host in ["192.168.1.5:8787", "192.168.1.5", "Tidegate.LAN:8787", "localhost"] {
            assert_eq!(super::check(&head(|r| r.header("host", host)), &here), Ok(()), "{host}");
        }
        for host in ["192.168.1.6", "[192.168.1.5]", "tidegate.lan.evil", "a.tidegate.lan", "tidegate.lan:x"] {
            let refused = super::check(&head(|r| r.header("host", host)), &here);
            assert_eq!(refused, Err(TurnedAway::ForeignHost), "{host}");
        }
        let six = House { local: Some("fe80::1".parse().unwrap()), ..here };
        assert_eq!(super::check(&head(|r| r.header("host", "[fe80::1]:80")), &six), Ok(()));
        assert!(super::check(&head(|r| r.header("host", "fe80::1")), &six).is_err());
    }

    #[test]
    fn a_page_that_is_allowed_comes_in_and_no_other() {
        let listen = Listen { allowed_origins: vec!["https://app.example".to_owned()], ..Listen::default() };
        let from = |origin: &str| {
            let head =
                head(|r| r.header("host", "localhost").header("origin", origin).header("sec-fetch-site", "cross-site"));
            super::check(&head, &house(&listen))
        };
        assert_eq!(from("https://app.example"), Ok(()));
        for origin in ["https://app.example.evil", "http://app.example", "null", "https://app.example:444"] {
            assert_eq!(from(origin), Err(TurnedAway::FromBrowser), "{origin}");
        }
        let nameless = head(|r| r.header("host", "localhost").header("sec-fetch-site", "cross-site"));
        assert_eq!(super::check(&nameless, &house(&listen)), Err(TurnedAway::FromBrowser));
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
