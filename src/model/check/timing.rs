//! Findings about time-outs, rests and the retry budget: what would make every request fail, or an outage worse.
//!
//! Invariant: warnings only; what is set holds, and the words say what comes of it.
//! Absent on purpose: the queue's and the routes' own times.

use super::{Findings, Severity};
use crate::model::config::{Config, HealthRule, Retry, Timeouts};

pub(super) fn timing(config: &Config, findings: &mut Findings) {
    let usual = Timeouts::default();
    let set = &config.timeouts;
    let times = [
        ("connect_seconds", set.connect_seconds, usual.connect_seconds, "no connection is ever made"),
        ("answer_seconds", set.answer_seconds, usual.answer_seconds, "no answer comes in time"),
        ("stream_head_seconds", set.stream_head_seconds, usual.stream_head_seconds, "no stream begins in time"),
        ("stream_idle_seconds", set.stream_idle_seconds, usual.stream_idle_seconds, "every stream is cut off"),
        ("socket_idle_seconds", set.socket_idle_seconds, usual.socket_idle_seconds, "every socket is closed at once"),
    ];
    for (key, _, usual, comes) in times.into_iter().filter(|(_, seconds, ..)| *seconds == 0) {
        let message = format!("{key} is 0, so {comes} and requests fail. Leave it out for {usual}.");
        findings.add(Severity::Warning, "timeouts", None, key, message);
    }
    health(&config.health, findings);
    let budget = config.retry.budget_percent;
    if budget > 100 {
        let message = format!(
            "budget_percent is {budget}, so more retries than requests may be sent while services fail, which makes it \
             worse. {} is usual.",
            Retry::default().budget_percent
        );
        findings.add(Severity::Warning, "retry", None, "budget_percent", message);
    }
}

fn health(rule: &HealthRule, findings: &mut Findings) {
    let mut say = |key: &str, message: String| findings.add(Severity::Warning, "health", None, key, message);
    if rule.failures == 0 {
        say("failures", "failures is 0; an endpoint is left alone after one failure, as with 1.".to_owned());
    }
    if rule.rest_seconds == 0 {
        say("rest_seconds", "rest_seconds is 0; an endpoint that fails rests a second, as with 1.".to_owned());
    }
    if rule.longest_rest_seconds < rule.rest_seconds {
        let (first, longest) = (rule.rest_seconds, rule.longest_rest_seconds);
        say(
            "longest_rest_seconds",
            format!(
                "longest_rest_seconds is {longest}, less than rest_seconds, {first}; every rest is {first} s long."
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::model::config::Config;

    fn said(text: &str) -> Vec<String> {
        let config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
        check(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_timeout_of_nothing_is_said_with_what_comes_of_it() {
        assert_eq!(
            said("[timeouts]\nconnect_seconds = 0"),
            ["warning: connect_seconds is 0, so no connection is ever made and requests fail. Leave it out for 10."]
        );
        assert_eq!(
            said("[timeouts]\nstream_head_seconds = 0"),
            ["warning: stream_head_seconds is 0, so no stream begins in time and requests fail. Leave it out for 300."]
        );
        assert_eq!(said("[timeouts]\nanswer_seconds = 0\nstream_idle_seconds = 0").len(), 2);
        assert_eq!(
            said("[timeouts]\nsocket_idle_seconds = 0"),
            [
                "warning: socket_idle_seconds is 0, so every socket is closed at once and requests fail. Leave it out for 3600."
            ]
        );
        assert_eq!(said("[timeouts]\nconnect_seconds = 1\nanswer_seconds = 1\nstream_idle_seconds = 1"), [""; 0]);
    }

    #[test]
    fn a_retry_budget_above_everything_is_said() {
        assert_eq!(
            said("[retry]\nbudget_percent = 500"),
            [
                "warning: budget_percent is 500, so more retries than requests may be sent while services fail, which makes \
              it worse. 20 is usual."
            ]
        );
        assert_eq!(said("[retry]\nbudget_percent = 100"), [""; 0]);
    }

    #[test]
    fn a_rest_that_cannot_be_as_it_is_written_says_how_it_is() {
        assert_eq!(
            said("[health]\nrest_seconds = 90"),
            ["warning: longest_rest_seconds is 60, less than rest_seconds, 90; every rest is 90 s long."]
        );
        assert_eq!(said("[health]\nfailures = 0\nrest_seconds = 0").len(), 2);
        assert_eq!(said("[health]\nfailures = 1\nrest_seconds = 1\nlongest_rest_seconds = 1"), [""; 0]);
    }
}
