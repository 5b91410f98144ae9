//! Which limit of an endpoint holds, where what is typed is more than the service allows.
//!
//! Invariant: every page says the same of it: the smallest holds, and a pinned limit is the typed one.
//! Absent on purpose: learning what the service allows; the brain does.

use crate::contract::Snapshot;
use crate::model::config::Endpoint;
use crate::model::units::Short;

/// What the service allows, in tokens per minute, where that is less than the limit that is typed of an endpoint, or than its
/// soft cap where none is. `None`: what is typed holds.
#[must_use]
pub fn service(snapshot: &Snapshot, typed: &Endpoint) -> Option<u64> {
    let limit = typed.tokens_per_minute.or(typed.soft_cap_tokens_per_minute)?;
    allowed(snapshot, typed).filter(|allowed| *allowed < limit)
}

/// The limit that holds once this is applied, in tokens per minute: what the service allows, what is typed, or the soft cap.
#[must_use]
pub fn effective(snapshot: &Snapshot, typed: &Endpoint) -> Option<u64> {
    let runs = snapshot.applied.config.endpoint(&typed.id).is_some_and(|applied| applied == typed);
    let view = snapshot.view.endpoint(&typed.id).filter(|_| runs);
    let figures = [allowed(snapshot, typed), typed.tokens_per_minute, typed.soft_cap_tokens_per_minute];
    view.map_or_else(|| figures.into_iter().flatten().min(), |view| view.tokens.limit)
}

/// `the service reports 60k; that holds`. `None`: what is typed holds.
#[must_use]
pub fn words(snapshot: &Snapshot, typed: &Endpoint) -> Option<String> {
    let service = service(snapshot, typed)?;
    let reported = snapshot.view.endpoint(&typed.id)?.reported_tokens_per_minute == Some(service);
    let says = if reported { "the service reports" } else { "the service refused more than" };
    Some(match typed.soft_cap_tokens_per_minute.filter(|cap| *cap < service) {
        Some(cap) => format!("{says} {}; your soft cap of {} holds", Short(service), Short(cap)),
        None => format!("{says} {}; that holds", Short(service)),
    })
}

/// What the service's headers name, or its refusals taught. These mean nothing beside another figure than the applied one, and
/// what holds taught nothing where it is what is typed.
fn allowed(snapshot: &Snapshot, typed: &Endpoint) -> Option<u64> {
    let view = snapshot.view.endpoint(&typed.id).filter(|_| !typed.pinned)?;
    let applied = snapshot.applied.config.endpoint(&typed.id)?;
    let same = applied.tokens_per_minute == typed.tokens_per_minute && !applied.pinned;
    let is_below = |holds: &u64| typed.tokens_per_minute.is_none_or(|limit| *holds < limit);
    let taught = view.provider_tokens_per_minute.filter(|holds| same && is_below(holds));
    [view.reported_tokens_per_minute, taught].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::status::LimitSource;
    use crate::ui::fixture;

    fn snapshot(reported: Option<u64>, holds: u64) -> Snapshot {
        let mut snapshot = fixture::snapshot();
        let view = &mut Arc::make_mut(&mut snapshot.view).endpoints[0];
        (view.reported_tokens_per_minute, view.provider_tokens_per_minute) = (reported, Some(holds));
        (view.tokens.limit, view.tokens.source) = (Some(holds), LimitSource::Header);
        snapshot
    }

    fn typed(limit: Option<u64>, soft_cap: Option<u64>) -> Endpoint {
        let ptu = fixture::config().endpoint(&"sim-ptu".into()).cloned().unwrap();
        Endpoint { tokens_per_minute: limit, soft_cap_tokens_per_minute: soft_cap, ..ptu }
    }

    #[test]
    fn the_service_holds_where_it_reports_less_than_a_limit_or_a_soft_cap_that_is_typed() {
        let snapshot = snapshot(Some(50_000), 50_000);
        let said = |typed: &Endpoint| words(&snapshot, typed);
        assert_eq!(said(&typed(Some(90_000), None)).as_deref(), Some("the service reports 50k; that holds"));
        assert_eq!(said(&typed(None, Some(80_000))).as_deref(), Some("the service reports 50k; that holds"));
        let below = typed(Some(90_000), Some(40_000));
        assert_eq!(said(&below).as_deref(), Some("the service reports 50k; your soft cap of 40k holds"));
        assert_eq!(effective(&snapshot, &below), Some(40_000));
        assert_eq!(effective(&snapshot, &typed(Some(90_000), None)), Some(50_000));
        assert_eq!(said(&typed(Some(45_000), Some(40_000))), None, "less is typed");
        let pinned = Endpoint { pinned: true, ..typed(Some(90_000), None) };
        assert_eq!((said(&pinned), effective(&snapshot, &pinned)), (None, Some(90_000)));
    }

    #[test]
    fn a_limit_that_is_typed_and_holds_is_no_word_of_the_service_below_a_higher_soft_cap() {
        let runs = typed(Some(60_000), Some(120_000));
        assert_eq!(words(&snapshot(None, 60_000), &runs), None, "the service said nothing");
        assert_eq!(words(&snapshot(Some(70_000), 60_000), &runs), None, "the service allows more");
        let drafted = typed(Some(40_000), Some(80_000));
        let reported = snapshot(Some(50_000), 50_000);
        assert_eq!((words(&reported, &drafted), effective(&reported, &drafted)), (None, Some(40_000)));
    }

    #[test]
    fn what_refusals_taught_counts_beside_the_figure_that_runs_alone() {
        let snapshot = snapshot(None, 42_000);
        let runs = typed(Some(60_000), None);
        assert_eq!(words(&snapshot, &runs).as_deref(), Some("the service refused more than 42k; that holds"));
        let other = typed(Some(70_000), None);
        assert_eq!((words(&snapshot, &other), effective(&snapshot, &other)), (None, Some(70_000)));
    }
}
