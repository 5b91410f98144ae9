//! The headroom bar of an endpoint, and the words beside it.
//!
//! Invariant: what the last minute brought is never hidden by a limit that drains: what is free again is drawn fainter and said.
//! Absent on purpose: drawing (`widgets::bar`), and the lines of limits beyond tokens per minute.

use crate::model::config::AdminState;
use crate::model::status::EndpointView;
use crate::model::units::{Short, Timestamp};

use super::format::{count, of_limit};
use super::status;
use super::widgets::Bar;

/// The bar of its tokens per minute, as long as what the service lets in. `name` is its accessible name.
#[must_use]
pub fn bar<'a>(view: &EndpointView, name: &'a str, now: Timestamp) -> Bar<'a> {
    Bar {
        name,
        used: view.tokens.used,
        reserved: view.tokens.reserved,
        drained: view.drained_tokens(),
        limit: view.provider_tokens_per_minute.or(view.tokens.limit),
        soft_cap: view.soft_cap,
        tone: status::of_view(view, now).tone,
    }
}

/// `16.3k / 60k`, and `0 / 600k · 34k last min` where what was used is free again already.
#[must_use]
pub fn words(view: &EndpointView) -> String {
    let tokens = view.tokens;
    let taken = of_limit(tokens.used.saturating_add(tokens.reserved), tokens.limit);
    match view.drained_tokens() {
        0 => taken,
        _ => format!("{taken} · {} last min", Short(view.last_minute.tokens)),
    }
}

/// What is left: `43.7k of 60k free`, with what the last minute brought where that drained; `limit unknown`.
#[must_use]
pub fn free(view: &EndpointView) -> String {
    let (Some(left), Some(limit)) = (view.tokens.headroom(), view.tokens.limit) else {
        return "limit unknown".to_owned();
    };
    let free = format!("{} of {} free", Short(left), Short(limit));
    match view.drained_tokens() {
        0 => free,
        _ => format!("{free} · {} last min", Short(view.last_minute.tokens)),
    }
}

/// What still runs where no more is sent: `3 still run`, or that a drain is over. `None`: it is enabled, or paused and nothing
/// runs.
#[must_use]
pub fn running_out(view: &EndpointView) -> Option<String> {
    match (view.admin_state, view.in_flight) {
        (AdminState::Enabled, _) | (AdminState::Paused, 0) => None,
        (AdminState::Draining, 0) => Some("Drained: nothing runs here".to_owned()),
        (_, left) => Some(count(left.into(), "still runs", "still run")),
    }
}

/// Why `taken` can be little where much was sent: what a hover says beside it. `None`: it is not.
#[must_use]
pub fn why_little(view: &EndpointView) -> Option<String> {
    (view.drained_tokens() > 0).then(|| {
        format!(
            "{} tokens went there in the last minute. This service's limit fills up again all the time, so most of them are \
             free again.",
            Short(view.last_minute.tokens)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::status::Traffic;
    use crate::ui::fixture;

    fn view() -> EndpointView {
        let mut view = fixture::snapshot().view.endpoints.first().cloned().unwrap();
        (view.tokens.used, view.tokens.reserved, view.tokens.limit) = (0, 0, Some(600_000));
        view.last_minute = Traffic { tokens: 34_000, requests: 33 };
        view
    }

    #[test]
    fn what_drained_within_the_minute_is_said_beside_what_is_taken_now() {
        assert_eq!(words(&view()), "0 / 600k · 34k last min");
        assert_eq!(free(&view()), "600k of 600k free · 34k last min");
        assert_eq!(bar(&view(), "Tokens", Timestamp::ZERO).drained, 34_000);
        assert!(why_little(&view()).unwrap().starts_with("34k tokens went there"));
    }

    #[test]
    fn where_nothing_drained_there_is_one_figure_alone() {
        let mut all_counts = view();
        all_counts.tokens.used = 34_000;
        assert_eq!((words(&all_counts).as_str(), why_little(&all_counts)), ("34k / 600k", None));
        all_counts.tokens.reserved = 6_000;
        assert_eq!(free(&all_counts), "560k of 600k free", "what is reserved is not free");
        all_counts.tokens.limit = None;
        assert_eq!(free(&all_counts), "limit unknown");
    }

    #[test]
    fn a_paused_endpoint_says_what_still_runs_there() {
        let mut paused = view();
        paused.in_flight = 3;
        assert_eq!(running_out(&paused), None);
        paused.admin_state = AdminState::Draining;
        assert_eq!(running_out(&paused).as_deref(), Some("3 still run"));
        paused.in_flight = 0;
        assert_eq!(running_out(&paused).as_deref(), Some("Drained: nothing runs here"));
        paused.admin_state = AdminState::Paused;
        assert_eq!(running_out(&paused), None, "a pause has no end of its own");
    }
}
