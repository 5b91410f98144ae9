//! A few fields of a JSON object, the rest skipped.
//!
//! Invariant: only an object is read as one; derived readers alone would take an array as the fields in order.
//! Absent on purpose: error texts; what cannot be read is absent.

use serde::Deserialize;

/// The fields of `json`, or `None` if it is not an object that has them in the right types.
pub(super) fn fields<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_array_is_not_read_as_an_object() {
        #[derive(serde::Deserialize)]
        struct One {
            a: u8,
        }
        assert_eq!(super::fields::<One>(br#" {"b":[],"a":1}"#).map(|one| one.a), Some(1));
        assert!(super::fields::<One>(b"[1]").is_none());
    }
}
