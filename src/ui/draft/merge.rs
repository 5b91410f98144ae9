//! Puts edits on top of a configuration that changed meanwhile.
//!
//! Invariant: where only one side changed a thing, that change stands; where both did, the draft's does.
//! Absent on purpose: questions to the person; the review sheet shows the outcome before it is applied.

use crate::model::config::{Account, Caller, Config, Endpoint, QuotaPool, Route};

/// `ours` departs from `base`; the result departs from `theirs` by the same edits.
pub(super) fn onto(base: &Config, ours: &Config, theirs: &Config) -> Config {
    Config {
        listen: pick(&base.listen, &ours.listen, &theirs.listen),
        accounts: list(&base.accounts, &ours.accounts, &theirs.accounts, |a: &Account| a.id.as_str(), pick),
        quota_pools: list(
            &base.quota_pools,
            &ours.quota_pools,
            &theirs.quota_pools,
            |p: &QuotaPool| p.id.as_str(),
            pick,
        ),
        endpoints: list(&base.endpoints, &ours.endpoints, &theirs.endpoints, |e: &Endpoint| e.id.as_str(), endpoint),
        routes: list(&base.routes, &ours.routes, &theirs.routes, |r: &Route| r.model.as_str(), pick),
        callers: list(&base.callers, &ours.callers, &theirs.callers, |c: &Caller| c.id.as_str(), pick),
        queue: pick(&base.queue, &ours.queue, &theirs.queue),
        retry: pick(&base.retry, &ours.retry, &theirs.retry),
        health: pick(&base.health, &ours.health, &theirs.health),
        timeouts: pick(&base.timeouts, &ours.timeouts, &theirs.timeouts),
        upstream: pick(&base.upstream, &ours.upstream, &theirs.upstream),
        history: pick(&base.history, &ours.history, &theirs.history),
        bodies: pick(&base.bodies, &ours.bodies, &theirs.bodies),
        live_tuning: pick(&base.live_tuning, &ours.live_tuning, &theirs.live_tuning),
    }
}

fn pick<T: Clone + PartialEq>(base: &T, ours: &T, theirs: &T) -> T {
    if ours == base { theirs.clone() } else { ours.clone() }
}

/// Pausing takes effect at once and so reaches `theirs` while other fields are being edited.
fn endpoint(base: &Endpoint, ours: &Endpoint, theirs: &Endpoint) -> Endpoint {
    let mut merged = pick(base, ours, theirs);
    merged.admin_state = pick(&base.admin_state, &ours.admin_state, &theirs.admin_state);
    merged
}

fn list<T: Clone + PartialEq>(
    base: &[T],
    ours: &[T],
    theirs: &[T],
    key: impl Fn(&T) -> &str,
    both: impl Fn(&T, &T, &T) -> T,
) -> Vec<T> {
    let find = |items: &'_ [T], name: &str| items.iter().find(|item| key(item) == name).cloned();
    let mut merged = Vec::with_capacity(ours.len());
    for mine in ours {
        match (find(base, key(mine)), find(theirs, key(mine))) {
            (Some(old), Some(new)) => merged.push(both(&old, mine, &new)),
            (Some(old), None) if old == *mine => {}
            _ => merged.push(mine.clone()),
        }
    }
    let added = theirs.iter().filter(|new| find(base, key(new)).is_none() && find(ours, key(new)).is_none());
    merged.extend(added.cloned());
    if ours == base { theirs.to_vec() } else { merged }
}
