//! What a client wishes for its request's wait, in headers of our own.
//!
//! Invariant: a wish that cannot be read is as none, and the answer names the header, so that nobody wonders.
//! Absent on purpose: refusing a request for its wishes.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::config::Priority;

const PRIORITY: HeaderName = HeaderName::from_static("x-tidegate-priority");
const DEADLINE: HeaderName = HeaderName::from_static("x-tidegate-deadline-ms");

/// Names, in an answer, the headers of ours that could not be read.
pub(super) const IGNORED: HeaderName = HeaderName::from_static("x-tidegate-ignored");

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// How important the request is.
    pub(super) priority: Option<Priority>,
    /// How long it may wait in line.
    pub(super) patience: Option<Duration>,
    /// The headers that could not be read.
    pub(super) ignored: Option<HeaderValue>,
}

impl Wishes {
    /// Reads them from a request's head.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let (priority, patience) = (headers.get(PRIORITY), headers.get(DEADLINE));
        if priority.is_none() && patience.is_none() {
            return Self::default();
        }
        let wanted = Self { priority: priority.and_then(rank), patience: patience.and_then(millis), ignored: None };
        let bad = [
            (PRIORITY, priority.is_some() && wanted.priority.is_none()),
            (DEADLINE, patience.is_some() && wanted.patience.is_none()),
        ];
        let names: Vec<&str> = bad.iter().filter(|(_, bad)| *bad).map(|(name, _)| name.as_str()).collect();
        let ignored = if names.is_empty() { None } else { HeaderValue::from_str(&names.join(", ")).ok() };
        Self { ignored, ..wanted }
    }
}

fn rank(value: &HeaderValue) -> Option<Priority> {
    let text = value.to_str().ok()?.trim();
    let known = [Priority::Interactive, Priority::Normal, Priority::Bulk];
    known
        .into_iter()
        .zip(["interactive", "normal", "bulk"])
        .find(|(_, name)| text.eq_ignore_ascii_case(name))
        .map(|(rank, _)| rank)
}

fn millis(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(HeaderName, &str)]) -> Wishes {
        let all = pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
        Wishes::read(&all.collect())
    }

    #[test]
    fn a_priority_and_a_deadline_are_read_whatever_their_case_and_blanks() {
        let wishes = read(&[(PRIORITY, " Bulk "), (DEADLINE, " 1500 ")]);
        assert_eq!((wishes.priority, wishes.patience), (Some(Priority::Bulk), Some(Duration::from_millis(1_500))));
        assert_eq!(wishes.ignored, None);
        assert_eq!(read(&[]), Wishes::default());
    }

    #[test]
    fn what_cannot_be_read_is_as_none_and_named() {
        let wishes = read(&[(PRIORITY, "urgent"), (DEADLINE, "-1")]);
        assert_eq!((wishes.priority, wishes.patience), (None, None));
        assert_eq!(wishes.ignored.unwrap(), "x-tidegate-priority, x-tidegate-deadline-ms");
        let wishes = read(&[(PRIORITY, "normal"), (DEADLINE, "2s")]);
        assert_eq!(
            (wishes.priority, wishes.ignored.unwrap().to_str().unwrap()),
            (Some(Priority::Normal), "x-tidegate-deadline-ms")
        );
    }
}
