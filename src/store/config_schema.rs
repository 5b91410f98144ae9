//! The keys a configuration file may have, and what each must look like.
//!
//! Invariant: a file that fits this table deserialises into `model::config::Config`, and every key of `Config` stands here
//! (a test compares the two).
//! Absent on purpose: meaning; whether a value makes sense is `model::check`'s.

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text in quotes.
    Text,
    /// A whole number from 0 to this.
    Number(u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A table.
    Section(&'static [Field]),
    /// A table with exactly one of its keys.
    Choice(&'static [Field]),
    /// An array of tables.
    List(&'static [Field]),
    /// A list of ids or of `{ id, weight }`.
    Members(&'static [Field]),
    /// A list of text in quotes.
    Texts,
}

const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false }
}

const fn must(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true }
}

/// TOML's integers are signed.
const ANY: Kind = Kind::Number(i64::MAX.unsigned_abs());
const SMALL: Kind = Kind::Number(u32::MAX as u64);

/// The whole file.
pub(super) const ROOT: &[Field] = &[
    may("listen", Kind::Section(LISTEN)),
    may("account", Kind::List(ACCOUNT)),
    may("quota_pool", Kind::List(QUOTA_POOL)),
    may("endpoint", Kind::List(ENDPOINT)),
    may("route", Kind::List(ROUTE)),
    may("caller", Kind::List(CALLER)),
    may("queue", Kind::Section(QUEUE)),
    may("retry", Kind::Section(RETRY)),
    may("health", Kind::Section(HEALTH)),
    may("timeouts", Kind::Section(TIMEOUTS)),
    may("upstream", Kind::Section(UPSTREAM)),
    may("history", Kind::Section(HISTORY)),
    may("bodies", Kind::Section(BODIES)),
    may("live_tuning", Kind::Section(LIVE_TUNING)),
];

const UPSTREAM: &[Field] = &[may("proxy", Kind::Text)];

const LISTEN: &[Field] = &[
    may("address", Kind::Text),
    may("port", Kind::Number(u16::MAX as u64)),
    may("require_token", Kind::Flag),
    may("allowed_hosts", Kind::Texts),
    may("allowed_origins", Kind::Texts),
];

const ACCOUNT: &[Field] = &[
    must("id", Kind::Text),
    must("service", Kind::OneOf(&["openai", "azure", "compatible", "simulated"])),
    may("base_url", Kind::Text),
    may("api", Kind::OneOf(&["classic", "v1"])),
    may("api_version", Kind::Text),
    may("subscription", Kind::Text),
    may("region", Kind::Text),
    may("organization", Kind::Text),
    may("project", Kind::Text),
    may("credential", Kind::Choice(CREDENTIAL)),
    may("second_key", Kind::Section(&[must("env", Kind::Text)])),
    may("allow_plain_http", Kind::Flag),
    may("include_usage", Kind::Flag),
];

const CREDENTIAL: &[Field] = &[may("keyring", Kind::Flag), may("env", Kind::Text), may("command", Kind::Texts)];

const QUOTA_POOL: &[Field] = &[
    must("id", Kind::Text),
    must("tokens_per_minute", ANY),
    may("requests_per_minute", ANY),
    may("requests_per_1k_tokens", ANY),
    may("adjust_within_percent", SMALL),
    may("soft", Kind::Flag),
    may("pinned", Kind::Flag),
];

const ENDPOINT: &[Field] = &[
    must("id", Kind::Text),
    must("account", Kind::Text),
    must("model", Kind::Text),
    may("deployment", Kind::Text),
    may("quota_pool", Kind::Text),
    may("tokens_per_minute", ANY),
    may("requests_per_minute", ANY),
    may("requests_per_1k_tokens", ANY),
    may("soft_cap_tokens_per_minute", ANY),
    may("max_in_flight", SMALL),
    may("request_slice_seconds", SMALL),
    may("pinned", Kind::Flag),
    may("probe_above", Kind::Flag),
    may("admin_state", Kind::OneOf(&["enabled", "draining", "paused"])),
    may("enforcement", Kind::OneOf(&["auto", "sliding_log", "token_bucket", "utilization"])),
    may("tokens_per_day", ANY),
    may("requests_per_day", ANY),
    may("input_tokens_per_minute", ANY),
    may("output_tokens_per_minute", ANY),
    may("simulated", Kind::Section(&[may("first_token_ms", ANY), may("tokens_per_second", ANY)])),
];

const ROUTE: &[Field] = &[
    must("model", Kind::Text),
    may("priority", Kind::OneOf(&["interactive", "normal", "bulk"])),
    may("group", Kind::List(GROUP)),
    may("regions", Kind::Section(REGIONS)),
    may("then", Kind::Text),
];

const REGIONS: &[Field] = &[may("allow", Kind::Texts), may("prefer", Kind::Texts), may("never", Kind::Texts)];

const GROUP: &[Field] = &[
    may("id", Kind::Text),
    may("spread", Kind::OneOf(&["headroom", "weights", "round_robin", "latency", "conversation", "caller"])),
    may("endpoints", Kind::Members(&[must("id", Kind::Text), may("weight", SMALL)])),
    may("spill_percent", SMALL),
    may("return_percent", SMALL),
    may("min_stay_seconds", SMALL),
    may("cache_affinity", Kind::Flag),
];

const CALLER: &[Field] = &[
    must("id", Kind::Text),
    may("priority", Kind::OneOf(&["interactive", "normal", "bulk"])),
    may("token", Kind::Section(&[must("env", Kind::Text)])),
    may("tokens_per_minute", ANY),
    may("requests_per_minute", ANY),
    may("max_in_flight", SMALL),
];

const QUEUE: &[Field] = &[may("max_waiting", SMALL), may("max_wait_seconds", SMALL), may("bulk_share_percent", SMALL)];

const RETRY: &[Field] =
    &[may("max_attempts", SMALL), may("budget_percent", SMALL), may("base_delay_ms", ANY), may("max_delay_ms", ANY)];

const HEALTH: &[Field] = &[
    may("failures", SMALL),
    may("within_seconds", SMALL),
    may("rest_seconds", SMALL),
    may("longest_rest_seconds", SMALL),
];

const TIMEOUTS: &[Field] = &[
    may("connect_seconds", SMALL),
    may("answer_seconds", SMALL),
    may("stream_head_seconds", SMALL),
    may("stream_idle_seconds", SMALL),
    may("socket_idle_seconds", SMALL),
];

const HISTORY: &[Field] =
    &[may("keep", Kind::Flag), may("max_megabytes", SMALL), may("max_days", SMALL), may("requests_per_second", SMALL)];

const BODIES: &[Field] = &[may("memory_mib", SMALL), may("largest_mib", SMALL), may("stall_seconds", SMALL)];
const LIVE_TUNING: &[Field] = &[may("confirm_seconds", SMALL), may("max_errors_percent", SMALL)];

/// The known key that `name` is probably a slip of: at most two letters off, and not half the word.
pub(super) fn nearest(name: &str, fields: &[Field]) -> Option<&'static str> {
    let (distance, best) = fields.iter().map(|field| (distance(name, field.name), field.name)).min()?;
    (distance <= 2 && distance * 2 < name.chars().count()).then_some(best)
}

/// Letters to insert, remove or replace, or neighbours to swap, to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX - 1);
            let mut best = (at(&last, column) + usize::from(letter != other))
                .min(at(&last, column + 1) + 1)
                .min(at(&next, column) + 1);
            let swapped =
                row > 0 && column > 0 && from.get(row - 1) == Some(other) && to.get(column - 1) == Some(letter);
            if swapped {
                best = best.min(at(&before, column - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        assert_eq!(nearest("tokens_per_minut", ENDPOINT), Some("tokens_per_minute"));
        assert_eq!(nearest("pined", ENDPOINT), Some("pinned"));
        assert_eq!(nearest("modle", ROUTE), Some("model"));
        assert_eq!(nearest("tokens_per_days", ENDPOINT), Some("tokens_per_day"));
        assert_eq!(nearest("tokens_per_hour", ENDPOINT), None);
        assert_eq!(nearest("x", ROUTE), None);
    }
}
