//! The conditions that hold at one moment, in words.
//!
//! Invariant: computed from one snapshot alone.
//! Absent on purpose: how long each has lasted.

use super::Kind;
use crate::contract::Snapshot;
use crate::model::config::Service;
use crate::model::decision::{Conclusion, RefusalReason};
use crate::model::outcome::{Ending, ThrottleKind};
use crate::model::record::{RecordEnd, RequestRecord};
use crate::model::status::{EndpointView, Health, RestCause, RouteView};
use crate::ui::cx::{Page, Target};
use crate::ui::format::{count, countdown, full_in};

/// Failures of fewer requests a minute say little.
const FEWEST: u64 = 20;
/// Percent of failures that are worth a word.
const MANY_PERCENT: u64 = 5;
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

    /// What is said once it is over.
    pub(super) fn ended(&self, lasted: &str) -> String {
        let subject = &self.subject;
        match self.kind {
            Kind::AllThrottled => format!("{subject} is answering again (out for {lasted})."),
            Kind::KeyRejected => format!("{subject}: its key works again."),
            Kind::Exhaustion => format!("Pool {subject}: not full within sight any more."),
            Kind::LastResort => format!("{subject} is off its last resort (after {lasted})."),
            Kind::OutOfCredit => format!("{subject} has credit again."),
            Kind::ErrorRate => "Fewer requests fail again.".to_owned(),
            Kind::LineFull => "The waiting line has room again.".to_owned(),
            Kind::EndpointBack => format!("{subject} is back after {lasted}."),
        }
    }
}

/// Every condition that holds.
pub(super) fn all(snapshot: &Snapshot, full_percent: u8) -> Vec<Seen> {
    let mut seen = Vec::new();
    for route in &snapshot.view.routes {
        seen.extend(all_throttled(snapshot, route));
        seen.extend(last_resort(route));
    }
    for endpoint in &snapshot.view.endpoints {
        seen.extend(of_endpoint(snapshot, endpoint));
    }
    seen.extend(pools(snapshot, full_percent));
    seen.extend(of_records(snapshot));
    seen
}

fn all_throttled(snapshot: &Snapshot, route: &RouteView) -> Option<Seen> {
    let ids = || route.groups.iter().flat_map(|group| &group.endpoints);
    let mut first = None;
    let mut number = 0;
    for id in ids() {
        let Health::Resting { until, cause: RestCause::Throttled(kind) } = snapshot.view.endpoint(id)?.health else {
            return None;
        };
        if kind.is_of_credit() {
            return None;
        }
        number += 1;
        first = Some(first.map_or(until, |first: crate::model::units::Timestamp| first.min(until)));
    }
    let name = route.model.as_str();
    let back = countdown(first?, snapshot.at);
    let waiting = snapshot.view.queue.waiting;
    let endpoints = if number == 1 { "its endpoint is".to_owned() } else { format!("all {number} endpoints are") };
    let text = format!("{name}: {endpoints} throttled. First back in {back}. {waiting} waiting.");
    Some(Seen::new(Kind::AllThrottled, name, text, Target::Top(Page::Queue)))
}

fn last_resort(route: &RouteView) -> Option<Seen> {
    let last = route.groups.last().filter(|_| route.groups.len() >= 3)?;
    let sent: u64 = last.sent_last_minute.iter().sum();
    let name = route.model.as_str();
    let text = format!("{name} has been on its last resort for 2 min.");
    (sent > 0).then(|| Seen::new(Kind::LastResort, name, text, Target::Route(route.model.clone())))
}

fn of_endpoint(snapshot: &Snapshot, endpoint: &EndpointView) -> Vec<Seen> {
    let Health::Resting { cause, .. } = endpoint.health else { return Vec::new() };
    let id = endpoint.id.as_str();
    let account = Target::Account(endpoint.account.clone());
    let name = endpoint.account.as_str();
    let rests = Seen::new(Kind::EndpointBack, id, String::new(), Target::Endpoint(endpoint.id.clone()));
    let told = match cause {
        RestCause::KeyRejected => {
            let text = format!("{name} rejected its key. Its traffic goes elsewhere; replace the key on Accounts.");
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

/// Where credit is bought.
pub(in crate::ui) fn billing(snapshot: &Snapshot, endpoint: &EndpointView) -> Option<&'static str> {
    match snapshot.applied.config.account(&endpoint.account)?.service {
        Service::Openai => Some("https://platform.openai.com/settings/organization/billing/overview"),
        Service::Azure => Some("https://portal.azure.com/#view/Microsoft_Azure_CostManagement/Menu/~/overview"),
        Service::Compatible | Service::Simulated => None,
    }
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
    let mut tally = (0_u64, 0_u64, 0_u64);
    for record in snapshot.records.iter().rev().take_while(|record| record.ended_wall_ms() >= from) {
        tally.0 += 1;
        tally.1 += u64::from(failed(record));
        tally.2 += u64::from(line_full(record));
    }
    let (all, failures, full) = tally;
    let mut seen = Vec::new();
    if all >= FEWEST && failures * 100 > all * MANY_PERCENT {
        let text = format!("{} % of the last minute's requests failed.", failures * 100 / all);
        seen.push(Seen::new(Kind::ErrorRate, "", text, Target::RequestsWhere("status>=400".into())));
    }
    if full > 0 {
        let refused = count(full, "request was", "requests were");
        let text = format!("The waiting line is full: {refused} refused by us in the last minute.");
        seen.push(Seen::new(Kind::LineFull, "", text, Target::Top(Page::Queue)));
    }
    seen
}

/// Not what clients gave up, nor what we refused; both are told apart from failures.
fn failed(record: &RequestRecord) -> bool {
    matches!(record.end, RecordEnd::Failed | RecordEnd::Answered(Ending::CutOff))
}

fn line_full(record: &RequestRecord) -> bool {
    let refused = |reason: RefusalReason| reason == RefusalReason::LineFull;
    record.decisions.last().is_some_and(|last| matches!(last.conclusion, Conclusion::Refused(why) if refused(why)))
}
