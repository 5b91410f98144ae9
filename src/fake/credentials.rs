//! Which credentials a request carries, as names, and whether the expected key is among them.
//!
//! Invariant: no value of a header or query leaves this file.
//! Absent on purpose: constant-time comparison; these keys guard nothing.

use std::collections::BTreeSet;

use http::HeaderMap;

use crate::model::secret::Secret;
use crate::sim::upstream::Dialect;

/// Headers that carry a credential or say whose account it is.
const NAMES: [&str; 7] = [
    "authorization",
    "api-key",
    "x-api-key",
    "openai-organization",
    "openai-project",
    "cookie",
    "ocp-apim-subscription-key",
];

/// The names of what was shown; a key in the query is named `?api-key`.
pub(super) fn names(headers: &HeaderMap, query: &str) -> BTreeSet<String> {
    let shown = NAMES.into_iter().filter(|name| headers.contains_key(*name)).map(str::to_owned);
    let in_query = query.split('&').any(|pair| pair.starts_with("api-key=")).then(|| "?api-key".to_owned());
    shown.chain(in_query).collect()
}

/// Whether the key is shown where this dialect looks for it.
pub(super) fn matches(headers: &HeaderMap, dialect: Dialect, key: &Secret) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = value("authorization").and_then(|text| text.strip_prefix("Bearer ")) == Some(key.expose());
    let header = value("api-key") == Some(key.expose());
    match dialect {
        Dialect::OpenAi => bearer,
        Dialect::AzureClassic => header,
        Dialect::AzureV1 => header || bearer,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn each_dialect_looks_in_its_own_place() {
        let key = Secret::new("k-1".to_owned());
        let shown = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        let (bearer, header) = (shown("authorization", "Bearer k-1"), shown("api-key", "k-1"));
        let seen = |dialect| (matches(&bearer, dialect, &key), matches(&header, dialect, &key));
        assert_eq!(seen(Dialect::OpenAi), (true, false));
        assert_eq!(seen(Dialect::AzureClassic), (false, true));
        assert_eq!(seen(Dialect::AzureV1), (true, true));
        assert!(!matches(&shown("authorization", "Bearer k-2"), Dialect::OpenAi, &key));
        assert_eq!(names(&header, "api-key=x").into_iter().collect::<Vec<_>>(), ["?api-key", "api-key"]);
    }
}
