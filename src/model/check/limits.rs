//! Findings about callers, and about the limits that few services have.
//!
//! Invariant: a limit that keeps everything out is said, and breaks nothing.
//! Absent on purpose: tokens and requests per minute of endpoints, and shares of pools; they are checked with those.

use std::collections::BTreeSet;

use super::Findings;
use crate::model::check::Severity;
use crate::model::config::{Caller, Config, Endpoint, LiveTuning, QuotaPool};
use crate::model::units::Grouped;

pub(super) fn callers(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, caller) in config.callers.iter().enumerate() {
        let id = &caller.id;
        if !seen.insert(id) {
            let message = format!("Two callers are called \"{id}\". The second is left out; give it another id.");
            findings.error("caller", place, "id", message);
            continue;
        }
        if let Some(key) = shut(caller) {
            let message = format!(
                "Caller \"{id}\" has a limit of 0, so all its requests are refused. Leave {key} out to lift the limit."
            );
            findings.warn("caller", place, key, message);
        }
    }
}

fn shut(caller: &Caller) -> Option<&'static str> {
    let limits = [
        ("tokens_per_minute", caller.tokens_per_minute),
        ("requests_per_minute", caller.requests_per_minute),
        ("max_in_flight", caller.max_in_flight.map(u64::from)),
    ];
    limits.into_iter().find(|(_, limit)| *limit == Some(0)).map(|(key, _)| key)
}

/// A pool whose limit lets nothing through.
pub(super) fn pool(place: usize, pool: &QuotaPool, findings: &mut Findings) {
    let limits =
        [("tokens_per_minute", Some(pool.tokens_per_minute)), ("requests_per_minute", pool.requests_per_minute)];
    if let Some((key, _)) = limits.into_iter().find(|(_, limit)| *limit == Some(0)) {
        let message = format!("Pool \"{}\" has {key} = 0, so none of its endpoints will ever be used.", pool.id);
        findings.warn("quota_pool", place, key, message);
    }
    if pool.pinned && pool.soft {
        let message = format!("Pool \"{}\" is a total of your own (soft), so pinned has no effect.", pool.id);
        findings.warn("quota_pool", place, "pinned", message);
    }
}

pub(super) fn endpoint(place: usize, endpoint: &Endpoint, findings: &mut Findings) {
    let id = &endpoint.id;
    let limits = [
        ("soft_cap_tokens_per_minute", endpoint.soft_cap_tokens_per_minute),
        ("max_in_flight", endpoint.max_in_flight.map(u64::from)),
        ("tokens_per_day", endpoint.tokens_per_day),
        ("requests_per_day", endpoint.requests_per_day),
        ("input_tokens_per_minute", endpoint.input_tokens_per_minute),
        ("output_tokens_per_minute", endpoint.output_tokens_per_minute),
    ];
    if let Some((key, _)) = limits.into_iter().find(|(_, limit)| *limit == Some(0)) {
        let message = format!("Endpoint \"{id}\" has {key} = 0 and will never be used. Pause it instead.");
        findings.warn("endpoint", place, key, message);
    }
    ratio(place, endpoint, findings);
    let days = [
        ("tokens_per_day", endpoint.tokens_per_day, endpoint.tokens_per_minute),
        ("requests_per_day", endpoint.requests_per_day, endpoint.requests_per_minute),
    ];
    for (key, day, minute) in days {
        if let (Some(day), Some(minute)) = (day, minute)
            && 0 < day
            && day < minute
        {
            let (day, minute) = (Grouped(day), Grouped(minute));
            let message = format!(
                "The day's limit of \"{id}\" ({day}) is below its limit per minute ({minute}): one busy minute uses it up."
            );
            findings.warn("endpoint", place, key, message);
        }
    }
}

/// Requests by a ratio that nothing follows from, or nothing but a shut endpoint.
fn ratio(place: usize, endpoint: &Endpoint, findings: &mut Findings) {
    let (id, key) = (&endpoint.id, "requests_per_1k_tokens");
    let Some(ratio) = endpoint.requests_per_1k_tokens else { return };
    let message = match (endpoint.requests_per_minute, endpoint.tokens_per_minute) {
        (Some(_), _) => format!("Endpoint \"{id}\" states requests_per_minute, so {key} has no effect."),
        (None, None) => {
            format!(
                "Endpoint \"{id}\" has {key} but no tokens_per_minute, so nothing follows from it. State both, or neither."
            )
        }
        (None, Some(tokens)) if tokens > 0 && tokens.saturating_mul(ratio) < 1_000 => {
            format!(
                "By {key} = {ratio} endpoint \"{id}\" has no request a minute and will never be used. Pause it instead."
            )
        }
        _ => return,
    };
    findings.warn("endpoint", place, key, message);
}

/// Too short to confirm, and errors that never come.
pub(super) fn live_tuning(rules: &LiveTuning, findings: &mut Findings) {
    let mut warn = |key: &str, message: String| {
        findings.add(Severity::Warning, "live_tuning", None, key, message);
    };
    if rules.confirm_seconds < LiveTuning::LEAST_SECONDS {
        let least = LiveTuning::LEAST_SECONDS;
        warn(
            "confirm_seconds",
            format!("confirm_seconds is below {least}, which is used instead: nobody could confirm in time."),
        );
    }
    if rules.max_errors_percent >= 100 {
        warn(
            "max_errors_percent",
            "max_errors_percent is 100 or more, so live tuning is never taken back because of errors. Use 10."
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::model::config::Config;

    fn said(text: &str) -> Vec<String> {
        let config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
        check(&config).into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn a_second_caller_of_the_same_name_is_left_out() {
        let said = said("[[caller]]\nid = \"a\"\n[[caller]]\nid = \"a\"");
        assert_eq!(said, ["error: Two callers are called \"a\". The second is left out; give it another id."]);
    }

    #[test]
    fn a_caller_that_may_do_nothing_is_pointed_out() {
        let said = said("[[caller]]\nid = \"a\"\nmax_in_flight = 0");
        let expected = "warning: Caller \"a\" has a limit of 0, so all its requests are refused. Leave max_in_flight out \
                        to lift the limit.";
        assert_eq!(said, [expected]);
    }

    #[test]
    fn limits_that_shut_an_endpoint_or_a_pool_are_pointed_out() {
        let said = said(
            "[[account]]\nid = \"s\"\nservice = \"simulated\"\n[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 9000\n\
             requests_per_minute = 0\n[[endpoint]]\nid = \"e\"\naccount = \"s\"\nmodel = \"m\"\nmax_in_flight = 0\n\
             [[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]",
        );
        assert_eq!(
            said,
            [
                "warning: Pool \"p\" has requests_per_minute = 0, so none of its endpoints will ever be used.",
                "warning: Endpoint \"e\" has max_in_flight = 0 and will never be used. Pause it instead."
            ]
        );
    }

    #[test]
    fn a_pool_whose_pin_changes_nothing_is_pointed_out() {
        let pool = "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 9000\npinned = true\n";
        assert_eq!(said(pool), [""; 0]);
        let expected = "warning: Pool \"p\" is a total of your own (soft), so pinned has no effect.";
        assert_eq!(said(&format!("{pool}soft = true")), [expected]);
    }

    #[test]
    fn a_ratio_of_requests_from_which_nothing_follows_is_pointed_out() {
        let endpoint = |figures: &str| {
            let text = "[[account]]\nid = \"s\"\nservice = \"simulated\"\n[[route]]\nmodel = \"m\"\n\
                        [[route.group]]\nendpoints = [\"e\"]\n[[endpoint]]\nid = \"e\"\naccount = \"s\"\nmodel = \"m\"\n";
            said(&format!("{text}{figures}"))
        };
        assert_eq!(endpoint("tokens_per_minute = 10000\nrequests_per_1k_tokens = 6"), [""; 0]);
        for (figures, expected) in [
            (
                "tokens_per_minute = 10000\nrequests_per_minute = 9\nrequests_per_1k_tokens = 6",
                "warning: Endpoint \"e\" states requests_per_minute, so requests_per_1k_tokens has no effect.",
            ),
            (
                "requests_per_1k_tokens = 6",
                "warning: Endpoint \"e\" has requests_per_1k_tokens but no tokens_per_minute, so nothing follows from it. \
                 State both, or neither.",
            ),
            (
                "tokens_per_minute = 100\nrequests_per_1k_tokens = 6",
                "warning: By requests_per_1k_tokens = 6 endpoint \"e\" has no request a minute and will never be used. Pause \
                 it instead.",
            ),
        ] {
            assert_eq!(endpoint(figures), [expected]);
        }
    }

    #[test]
    fn bounds_of_the_history_that_keep_next_to_nothing_are_pointed_out() {
        let expected = [
            "warning: max_megabytes is below 8, which is used instead: less holds next to nothing.",
            "warning: max_days is 0; one day is kept. To keep nothing, set keep to false.",
        ];
        assert_eq!(said("[history]\nmax_megabytes = 1\nmax_days = 0"), expected);
        assert!(said("[history]\nkeep = false\nmax_megabytes = 1\nmax_days = 0").is_empty());
    }

    #[test]
    fn live_tuning_that_nobody_could_confirm_or_that_errors_never_end_is_pointed_out() {
        let said = said("[live_tuning]\nconfirm_seconds = 5\nmax_errors_percent = 100\n");
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].contains("confirm_seconds is below 10"), "{said:?}");
        assert!(said[1].contains("max_errors_percent is 100"), "{said:?}");
    }

    #[test]
    fn a_day_shorter_than_its_minute_is_pointed_out() {
        let said = said(
            "[[account]]\nid = \"s\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"e\"\naccount = \"s\"\nmodel = \"m\"\n\
             tokens_per_minute = 2000\ntokens_per_day = 1500\noutput_tokens_per_minute = 0\n[[route]]\nmodel = \
             \"m\"\n[[route.group]]\nendpoints = [\"e\"]",
        );
        assert_eq!(
            said,
            [
                "warning: Endpoint \"e\" has output_tokens_per_minute = 0 and will never be used. Pause it instead.",
                "warning: The day's limit of \"e\" (1,500) is below its limit per minute (2,000): one busy minute uses it up."
            ]
        );
    }
}
