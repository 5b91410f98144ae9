//! The conditions that hold at one moment, in words.
//!
//! Invariant: computed from one snapshot alone.
//! Absent on purpose: how long each has lasted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Kind;
use crate::contract::Snapshot;
use crate::model::config::{AdminState, Service};
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::id::EndpointId;
use crate::model::outcome::ThrottleKind;
use crate::model::record::RequestRecord;
use crate::model::status::{EndpointView, Health, RestCause, RouteView};
use crate::model::units::{Grouped, Timestamp};
use crate::ui::cx::{Page, Target};
use crate::ui::format::{count, countdown, full_in};
use crate::ui::words;

/// Failures of fewer requests a minute say little.
const FEWEST: u64 = 20;
/// Percent of failures that are worth a word.
const MANY_PERCENT: u64 = 5;
/// Records that are looked through for one that shows why.
const LOOKED_AT: usize = 1_000;
/// How far ahead a full pool is worth a word.
const SOON_MICROS: u64 = 30 * 60 * 1_000_000;

/// A condition that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) kind: Kind,
    /// Of what.
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) target: Option<Target>,
    /// A page of the service that says more.
    pub(super) web: Option<&'static str>,
}

impl Seen {
    fn new(kind: Kind, subject: &str, text: String, target: Target) -> Self {
        Self { kind, subject: subject.to_owned(), text, target: Some(target), web: None }
    }

    /// What is said once it is over, by the snapshot in which it is.
    pub(super) fn ended(&self, lasted: &str, snapshot: &Snapshot) -> String {
        let subject = &self.subject;
        match self.kind {
            Kind::AllThrottled => {
                let serves = |route: &RouteView| route.model.as_str() == subject && route.serving > 0;
                if snapshot.view.routes.iter().any(serves) {
                    format!("{subject} is answering again (out for {lasted}).")
                } else {
                    format!("{subject}: none of its endpoints is throttled any more, and none can answer.")
                }
            }
            Kind::KeyRejected => format!("{subject}: its key works again."),
            Kind::Exhaustion => format!("Pool {subject}: not full within sight any more."),
            Kind::LastResort => format!("{subject} is off its last resort (after {lasted})."),
            Kind::OutOfCredit => format!("{subject} has credit again."),
            Kind::ErrorRate => "Fewer requests fail again.".to_owned(),
            Kind::LineFull => "The waiting line has room again.".to_owned(),
            Kind::EndpointBack => format!("{subject} is back after {lasted}."),
            Kind::LimitChanged | Kind::WentBack | Kind::Drained => String::new(),
        }
    }
}

/// Every condition that holds.
pub(super) fn all(snapshot: &Snapshot, full_percent: u8) -> Vec<Seen> {
    let mut seen = Vec::new();
    for route in &snapshot.view.routes {
        seen.extend(all_throttled(snapshot, route));
        seen.extend(last_resort(snapshot, route));
    }
    for endpoint in &snapshot.view.endpoints {
        seen.extend(of_endpoint(snapshot, endpoint));
    }
    seen.extend(pools(snapshot, full_percent));
    seen.extend(of_records(snapshot));
    seen
}

/// A route that nothing answers, with at least one endpoint that a throttle alone keeps from it. Whatever is paused, or rests
/// for another reason, would not answer either.
fn all_throttled(snapshot: &Snapshot, route: &RouteView) -> Option<Seen> {
    let mut first: Option<(Timestamp, &EndpointId)> = None;
    let (mut throttled, mut others) = (0, 0);
    for id in route.groups.iter().flat_map(|group| &group.endpoints) {
        let endpoint = snapshot.view.endpoint(id)?;
        if endpoint.serving() {
            return None;
        }
        match endpoint.health {
            Health::Resting { until, cause: RestCause::Throttled(kind) }
                if endpoint.admin_state == AdminState::Enabled && !kind.is_of_credit() =>
            {
                throttled += 1;
                if first.is_none_or(|(earliest, _)| until < earliest) {
                    first = Some((until, id));
                }
            }
            _ => others += 1,
        }
    }
    let (back, id) = first?;
    let name = route.model.as_str();
    let endpoints = match (throttled, others) {
        (1, 0) => "its endpoint is throttled".to_owned(),
        (number, 0) => format!("all {number} endpoints are throttled"),
        (number, others) => {
            let rest = count(others, "is", "are");
            format!("no endpoint can answer: {number} throttled, {rest} out for another reason")
        }
    };
    let back = countdown(back, snapshot.at);
    let text = format!("{name}: {endpoints}. First back: {id} in {back}. {} waiting.", route.waiting);
    Some(Seen::new(Kind::AllThrottled, name, text, Target::Top(Page::Queue)))
}

fn last_resort(snapshot: &Snapshot, route: &RouteView) -> Option<Seen> {
    let last = route.groups.last().filter(|_| route.groups.len() >= 3)?;
    last.sent_last_minute.iter().any(|sent| *sent > 0).then(|| {
        let name = route.model.as_str();
        let text = format!("{name} has been on its last resort for more than 2 min.");
        let there = |record: &&Arc<RequestRecord>| {
            let sent = record.attempts.last().and_then(|attempt| usize::try_from(attempt.group).ok());
            record.profile.model == route.model && sent == Some(route.groups.len())
        };
        let newest = snapshot.records.iter().rev().take(LOOKED_AT).find(there);
        let why = newest.map_or_else(|| Target::Route(route.model.clone()), |record| Target::Request(record.id));
        Seen::new(Kind::LastResort, name, text, why)
    })
}

fn of_endpoint(snapshot: &Snapshot, endpoint: &EndpointView) -> Vec<Seen> {
    let Health::Resting { cause, .. } = endpoint.health else { return Vec::new() };
    let id = endpoint.id.as_str();
    let account = Target::Account(endpoint.account.clone());
    let name = endpoint.account.as_str();
    let rests = Seen::new(Kind::EndpointBack, id, String::new(), Target::Endpoint(endpoint.id.clone()));
    let told = match cause {
        RestCause::KeyRejected => {
            let goes_on = if stands_in(snapshot, endpoint) {
                "Its traffic goes elsewhere"
            } else {
                "No other endpoint can answer in its place"
            };
            let text = format!("{name} rejected its key. {goes_on}; replace the key on Accounts.");
            Some(Seen::new(Kind::KeyRejected, name, text, account))
        }
        RestCause::Throttled(kind) if kind.is_of_credit() => {
            let what = if kind == ThrottleKind::ProjectLimit {
                "its project's spend limit is reached"
            } else {
                "no credit left"
            };
            let text = format!("{name}: {what}. Waiting does not help; the service's billing page does.");
            Some(Seen { web: billing(snapshot, endpoint), ..Seen::new(Kind::OutOfCredit, name, text, account) })
        }
        _ => None,
    };
    std::iter::once(rests).chain(told).collect()
}

/// Whether another endpoint answers for one that does not, on each route that it is in.
fn stands_in(snapshot: &Snapshot, endpoint: &EndpointView) -> bool {
    let with_it = |route: &&RouteView| route.groups.iter().any(|group| group.endpoints.contains(&endpoint.id));
    snapshot.view.routes.iter().filter(with_it).all(|route| route.serving > 0)
}

/// Where credit is bought.
pub(in crate::ui) fn billing(snapshot: &Snapshot, endpoint: &EndpointView) -> Option<&'static str> {
    match snapshot.applied.config.account(&endpoint.account)?.service {
        Service::Openai => Some("https://platform.openai.com/settings/organization/billing/overview"),
        Service::Azure => Some("https://portal.azure.com/#view/Microsoft_Azure_CostManagement/Menu/~/overview"),
        Service::Compatible | Service::Simulated => None,
    }
}

/// A service changed what it allows.
pub(super) fn limit_changed(endpoint: &EndpointView, before: u64, now: u64) -> String {
    let cap = endpoint.soft_cap.map_or_else(String::new, |cap| format!(" Its soft cap stays at {}.", Grouped(cap)));
    format!("{} now reports {} TPM (was {}).{cap}", endpoint.id, Grouped(now), Grouped(before))
}

fn pools(snapshot: &Snapshot, full_percent: u8) -> impl Iterator<Item = Seen> {
    snapshot.view.pools.iter().filter_map(move |pool| {
        let when = pool.exhausts_at?;
        let words = full_in(when, snapshot.at)?;
        let soon = when.at.0.saturating_sub(snapshot.at.0) <= SOON_MICROS;
        let text = format!("Pool {}: {words} ({} %).", pool.id, pool.tokens.taken_percent());
        let full = pool.tokens.taken_percent() >= full_percent;
        (soon && full).then(|| Seen::new(Kind::Exhaustion, pool.id.as_str(), text, Target::Pool(pool.id.clone())))
    })
}

/// What the last minute's requests say.
fn of_records(snapshot: &Snapshot) -> Vec<Seen> {
    let from = snapshot.wall_ms.saturating_sub(60_000);
    let recent = || snapshot.records.iter().rev().take_while(|record| record.ended_wall_ms() >= from);
    let mut tally = (0_u64, 0_u64, 0_u64);
    for record in recent() {
        tally.0 += 1;
        tally.1 += u64::from(record.end.is_failure());
        tally.2 += u64::from(line_full(record));
    }
    let (all, failures, full) = tally;
    let mut seen = Vec::new();
    if all >= FEWEST && failures * 100 > all * MANY_PERCENT {
        let mostly = mostly(recent().filter(|record| record.end.is_failure()), failures);
        let text = format!("{} % of the last minute's requests failed{mostly}.", failures * 100 / all);
        seen.push(Seen::new(Kind::ErrorRate, "", text, Target::RequestsWhere("is:failed".into())));
    }
    if full > 0 {
        let refused = count(full, "request was", "requests were");
        let text = format!("The waiting line is full: {refused} refused by us in the last minute.");
        seen.push(Seen::new(Kind::LineFull, "", text, Target::Top(Page::Queue)));
    }
    seen
}

/// What more than half of the failures came to and where, as the end of a sentence; nothing, if they are of many kinds.
fn mostly<'a>(failed: impl Iterator<Item = &'a Arc<RequestRecord>>, failures: u64) -> String {
    let mut kinds: BTreeMap<(&str, &EndpointId), u64> = BTreeMap::new();
    for last in failed.filter_map(|record| record.attempts.last()) {
        let what = last.failure.as_ref().map_or("cut off", |failure| words::failure(failure.class));
        *kinds.entry((what, &last.endpoint)).or_default() += 1;
    }
    match kinds.into_iter().max_by_key(|(_, times)| *times) {
        Some(((what, endpoint), times)) if times * 2 > failures => format!(", mostly at {endpoint} ({what})"),
        _ => String::new(),
    }
}

fn line_full(record: &RequestRecord) -> bool {
    let refused = |reason: RefusalReason| reason == RefusalReason::LineFull;
    record.decisions.last().is_some_and(|last| matches!(last.conclusion, Conclusion::Refused(why) if refused(why)))
}
