//! What a route as a whole still takes, told with every answer in the service's own words, so that SDKs pace themselves.
//!
//! Invariant: limit, remaining and reset of a unit come from the same limit: the route's, or its caller's where that has less left.
//! Absent on purpose: judging by it. It is as old as the last snapshot, a quarter of a second under load.

use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::model::id::{CallerId, ModelName};

/// A limit per minute and what is left of it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The whole limit.
    pub limit: u64,
    /// What is free of it, at most the limit.
    pub free: u64,
}

/// Tokens and requests; `None`: nothing is known that would bound them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Tokens per minute.
    pub tokens: Option<Level>,
    /// Requests per minute.
    pub requests: Option<Level>,
}

/// The paces of all routes, and of callers with limits of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paces {
    /// By the route's name.
    pub routes: BTreeMap<ModelName, Pace>,
    /// By caller.
    pub callers: BTreeMap<CallerId, Pace>,
}

/// The three headers of a unit: limit, remaining, reset.
type Names = [HeaderName; 3];

const TOKENS: Names = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const REQUESTS: Names = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];

impl Paces {
    /// Puts the route's figures in the place of the one endpoint's that answered. What is not known stays as the endpoint said it.
    pub(super) fn tell(&self, headers: &mut HeaderMap, model: &str, caller: Option<&CallerId>) {
        let route = self.routes.get(model).or_else(|| self.routes.get("*")).copied().unwrap_or_default();
        let caller = caller.and_then(|caller| self.callers.get(caller)).copied().unwrap_or_default();
        for (names, levels) in [(TOKENS, [route.tokens, caller.tokens]), (REQUESTS, [route.requests, caller.requests])]
        {
            if let Some(level) = levels.into_iter().flatten().min_by_key(|level| level.free) {
                write(headers, names, level);
            }
        }
    }
}

fn write(headers: &mut HeaderMap, [limit, remaining, reset]: Names, level: Level) {
    headers.insert(limit, HeaderValue::from(level.limit));
    headers.insert(remaining, HeaderValue::from(level.free));
    if let Ok(time) = HeaderValue::from_str(&level.full_again()) {
        headers.insert(reset, time);
    }
}

impl Level {
    /// The time until all of it is free again if nothing more comes, as services write it: `250ms`, `12.5s`.
    fn full_again(self) -> String {
        let taken = self.limit.saturating_sub(self.free);
        match taken.saturating_mul(60_000).div_ceil(self.limit.max(1)).min(60_000) {
            ms @ 0..1_000 => format!("{ms}ms"),
            ms if ms.is_multiple_of(1_000) => format!("{}s", ms / 1_000),
            ms => format!("{}.{:03}s", ms / 1_000, ms % 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn level(limit: u64, free: u64) -> Level {
        Level { limit, free }
    }

    fn told(paces: &Paces, route: &str, caller: Option<&CallerId>) -> BTreeMap<String, String> {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-remaining-tokens", HeaderValue::from_static("7"));
        paces.tell(&mut headers, route, caller);
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        headers.iter().map(|(name, value)| (name.as_str().replace("x-ratelimit-", ""), text(value))).collect()
    }

    fn paces() -> Paces {
        let route = Pace { tokens: Some(level(90_000, 30_000)), requests: None };
        let caller = Pace { tokens: Some(level(1_000, 1_000)), requests: Some(level(10, 9)) };
        Paces { routes: BTreeMap::from([("m".into(), route)]), callers: BTreeMap::from([("ci".into(), caller)]) }
    }

    fn words(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_routes_figures_stand_where_an_endpoints_were() {
        let expected = [("limit-tokens", "90000"), ("remaining-tokens", "30000"), ("reset-tokens", "40s")];
        assert_eq!(told(&paces(), "m", None), words(&expected));
        assert_eq!(told(&paces(), "other", None), words(&[("remaining-tokens", "7")]), "as it said");
    }

    #[test]
    fn a_caller_with_less_left_is_told_its_own() {
        let expected = [
            ("limit-tokens", "1000"),
            ("remaining-tokens", "1000"),
            ("reset-tokens", "0ms"),
            ("limit-requests", "10"),
            ("remaining-requests", "9"),
            ("reset-requests", "6s"),
        ];
        assert_eq!(told(&paces(), "m", Some(&"ci".into())), words(&expected));
    }

    #[test]
    fn times_are_written_as_services_write_them() {
        let written = |limit, free| level(limit, free).full_again();
        assert_eq!(written(100_000, 99_880), "72ms");
        assert_eq!(written(100_000, 79_000), "12.600s");
        assert_eq!((written(0, 0), written(5, 0)), ("0ms".to_owned(), "60s".to_owned()));
    }
}
