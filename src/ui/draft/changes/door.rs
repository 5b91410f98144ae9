//! What a draft changes about the door: where we listen, who may come in, how long we wait.
//!
//! Invariant: every field that differs is in some sentence.
//! Absent on purpose: tokens; they act at once and are in no draft.

use super::{amount, or_plain};
use crate::model::config::{Caller, Listen, Priority, UpstreamWay, Way};

pub(super) fn listen(old: &Listen, new: &Listen, said: &mut Vec<String>) {
    if (&old.address, old.port) != (&new.address, new.port) {
        said.push(format!("Listen on {}:{}.", new.address, new.port));
    }
    if old.require_token != new.require_token {
        said.push(if new.require_token {
            "Every request needs a caller's token.".to_owned()
        } else {
            "Requests from this computer need no token.".to_owned()
        });
    }
    for (what, before, after) in [
        ("The name", &old.allowed_hosts, &new.allowed_hosts),
        ("The web page", &old.allowed_origins, &new.allowed_origins),
    ] {
        let only_in = |one: &[String], other: &[String]| {
            one.iter().filter(|text| !other.contains(text)).cloned().collect::<Vec<_>>()
        };
        said.extend(only_in(after, before).into_iter().map(|text| format!("{what} {text} is allowed.")));
        said.extend(only_in(before, after).into_iter().map(|text| format!("{what} {text} is no longer allowed.")));
    }
}

pub(super) fn upstream(new: &UpstreamWay) -> String {
    match new.way() {
        Some(Way::Straight) => "Requests go straight to the services.".to_owned(),
        Some(Way::System) => "Requests go through the proxy that the system names, if it names one.".to_owned(),
        Some(Way::Through(address)) => format!("Requests go through the proxy {address}."),
        None => "Requests go through a proxy whose address is not understood.".to_owned(),
    }
}

pub(super) fn caller(old: &Caller, new: &Caller) -> Vec<String> {
    let id = &new.id;
    let mut said = Vec::new();
    if old.priority != new.priority {
        said.push(match new.priority {
            None => format!("Requests of caller {id} are as important as their route says."),
            Some(Priority::Interactive) => format!("Requests of caller {id} are interactive."),
            Some(Priority::Normal) => format!("Requests of caller {id} are normal."),
            Some(Priority::Bulk) => format!("Requests of caller {id} are bulk."),
        });
    }
    for (before, after, unit) in [
        (old.tokens_per_minute, new.tokens_per_minute, "TPM"),
        (old.requests_per_minute, new.requests_per_minute, "RPM"),
        (old.max_in_flight.map(u64::from), new.max_in_flight.map(u64::from), "requests at once"),
    ] {
        if before != after {
            said.push(format!("Caller {id}: {} → {}.", amount(before, unit), amount(after, unit)));
        }
    }
    or_plain(said, || format!("The token of caller {id} comes from elsewhere."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_differs_about_the_door_is_said() {
        let old = Listen { allowed_hosts: vec!["a".to_owned()], ..Listen::default() };
        let origins = vec!["https://p".to_owned()];
        let new = Listen { require_token: true, allowed_origins: origins, ..Listen::default() };
        let mut said = Vec::new();
        listen(&old, &new, &mut said);
        let expected = [
            "Every request needs a caller's token.",
            "The name a is no longer allowed.",
            "The web page https://p is allowed.",
        ];
        assert_eq!(said, expected);
        let plain = Caller::named("ci".into());
        let limited = Caller { max_in_flight: Some(4), priority: Some(Priority::Bulk), ..plain.clone() };
        assert_eq!(
            caller(&plain, &limited),
            ["Requests of caller ci are bulk.", "Caller ci: none → 4 requests at once."]
        );
    }
}
