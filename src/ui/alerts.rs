//! What the person should hear of: conditions read from snapshots, each told once, kept up to date, and ended.
//!
//! Invariant: one condition is one alert for as long as it lasts; time is the snapshot's.
//! Absent on purpose: showing anything, and the person's switches; the shell has both.

mod conditions;

pub(super) use conditions::billing;

use std::collections::BTreeMap;

use crate::contract::Snapshot;
use crate::model::config::AdminState;
use crate::model::id::EndpointId;
use crate::ui::cx::Target;
use crate::ui::format::span;
use crate::ui::theme::Tone;
use conditions::Seen;

/// What can be told. The order is that of Settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Every endpoint of a route is throttled.
    AllThrottled,
    /// A service rejected a key.
    KeyRejected,
    /// A pool will be full soon.
    Exhaustion,
    /// A route lives on its last resort.
    LastResort,
    /// An account has no credit left.
    OutOfCredit,
    /// Many requests fail.
    ErrorRate,
    /// The waiting line is full.
    LineFull,
    /// An endpoint is back after a rest. History alone.
    EndpointBack,
    /// A service reports another limit than before.
    LimitChanged,
    /// Limits that were tried went back by themselves.
    WentBack,
    /// Nothing runs any more at an endpoint that drains.
    Drained,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::AllThrottled,
        Self::KeyRejected,
        Self::Exhaustion,
        Self::LastResort,
        Self::OutOfCredit,
        Self::ErrorRate,
        Self::LineFull,
        Self::EndpointBack,
        Self::LimitChanged,
        Self::WentBack,
        Self::Drained,
    ];

    /// In the file of preferences.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::AllThrottled => "all_throttled",
            Self::KeyRejected => "key_rejected",
            Self::Exhaustion => "exhaustion",
            Self::LastResort => "last_resort",
            Self::OutOfCredit => "out_of_credit",
            Self::ErrorRate => "error_rate",
            Self::LineFull => "line_full",
            Self::EndpointBack => "endpoint_back",
            Self::LimitChanged => "limit_changed",
            Self::WentBack => "went_back",
            Self::Drained => "drained",
        }
    }

    /// In Settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllThrottled => "Every endpoint of a route is throttled for 5 s",
            Self::KeyRejected => "A key is rejected",
            Self::Exhaustion => "A quota pool will be full within 30 min",
            Self::LastResort => "A route is on its last resort for 2 min",
            Self::OutOfCredit => "An account is out of credit",
            Self::ErrorRate => "More than 5 % of a minute's requests fail",
            Self::LineFull => "The waiting line is full and requests are refused",
            Self::EndpointBack => "An endpoint is back after half a minute's rest or more (in the list only)",
            Self::LimitChanged => "A service reports another limit than before (in the window only)",
            Self::WentBack => "Limits that were tried went back by themselves (in the window only)",
            Self::Drained => "A drain is over: nothing runs there any more (in the window only)",
        }
    }

    /// Its colour and glyph.
    #[must_use]
    pub const fn tone(self) -> Tone {
        match self {
            Self::AllThrottled | Self::LineFull => Tone::Throttled,
            Self::KeyRejected | Self::OutOfCredit | Self::ErrorRate => Tone::Error,
            Self::Exhaustion | Self::LastResort | Self::WentBack => Tone::Near,
            Self::EndpointBack | Self::Drained => Tone::Ok,
            Self::LimitChanged => Tone::Info,
        }
    }

    /// What the button that leads to the place says.
    #[must_use]
    pub const fn button(self) -> &'static str {
        match self {
            Self::AllThrottled | Self::LineFull => "Open queue",
            Self::KeyRejected => "Replace key",
            Self::Exhaustion => "See options",
            Self::LastResort => "Why",
            Self::OutOfCredit => "Open billing",
            Self::ErrorRate | Self::EndpointBack | Self::WentBack | Self::Drained => "Open",
            Self::LimitChanged => "See limits",
        }
    }

    /// Whether its end is news of its own, so that the desktop says it, too.
    #[must_use]
    pub const fn tells_its_end(self) -> bool {
        matches!(self, Self::AllThrottled)
    }

    /// Whether it is a moment, not a condition that lasts: it never goes on, and is never over.
    #[must_use]
    pub const fn is_moment(self) -> bool {
        matches!(self, Self::EndpointBack | Self::LimitChanged | Self::WentBack | Self::Drained)
    }

    /// Seconds a condition lasts before it is told.
    const fn patience(self) -> u64 {
        match self {
            Self::AllThrottled => 5,
            Self::LastResort => 120,
            // Never told while it lasts; its end is the news.
            Self::EndpointBack | Self::LimitChanged | Self::WentBack | Self::Drained => u64::MAX,
            _ => 0,
        }
    }
}

/// One alert, from its beginning to its end and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Unique for as long as the process lives.
    pub id: u64,
    /// What kind of thing.
    pub kind: Kind,
    /// Of what: with the kind, what the condition is known by whenever it comes back.
    pub subject: String,
    /// What it says now.
    pub text: String,
    /// Where to look.
    pub target: Option<Target>,
    /// Where to look instead, in the browser.
    pub web: Option<&'static str>,
    /// When it began, as Unix milliseconds.
    pub since_wall_ms: u64,
    /// Whether it is over.
    pub over: bool,
}

/// What became of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Raised(Alert),
    /// It says something else.
    Updated(Alert),
    /// It is over.
    Ended(Alert),
    /// It happened, and does not last.
    Happened(Alert),
}

struct Standing {
    seen: Seen,
    since_micros: u64,
    alert: Option<Alert>,
}

/// Follows the conditions from snapshot to snapshot.
#[derive(Default)]
pub struct Watch {
    standing: BTreeMap<(Kind, String), Standing>,
    /// What services last said of their limits, tokens a minute, in the profile with this name.
    reported: (String, BTreeMap<EndpointId, u64>),
    /// Whether an endpoint was drained when it was looked at last.
    drained: BTreeMap<EndpointId, bool>,
    generation: Option<u64>,
    next: u64,
}

impl Watch {
    /// Looks at a snapshot; says what changed. A pool is told of from `full_percent` of its total on. The same snapshot changes nothing twice.
    pub fn look(&mut self, snapshot: &Snapshot, full_percent: u8) -> Vec<Change> {
        if self.generation.replace(snapshot.generation) == Some(snapshot.generation) {
            return Vec::new();
        }
        let mut now: BTreeMap<(Kind, String), Seen> = conditions::all(snapshot, full_percent)
            .into_iter()
            .map(|seen| ((seen.kind, seen.subject.clone()), seen))
            .collect();
        let mut changes = Vec::new();
        let gone: Vec<_> = self.standing.keys().filter(|key| !now.contains_key(*key)).cloned().collect();
        for key in gone {
            if let Some(standing) = self.standing.remove(&key) {
                changes.extend(self.end(standing, snapshot));
            }
        }
        while let Some((key, seen)) = now.pop_first() {
            changes.extend(self.keep(key, seen, snapshot));
        }
        self.hear_of_limits(snapshot, &mut changes);
        self.hear_of_drains(snapshot, &mut changes);
        changes
    }

    /// What happened at this moment and does not last, as an alert.
    pub fn happened(&mut self, kind: Kind, subject: &str, text: String, wall_ms: u64) -> Alert {
        self.next += 1;
        Alert {
            id: self.next,
            kind,
            subject: subject.to_owned(),
            text,
            target: None,
            web: None,
            since_wall_ms: wall_ms,
            over: true,
        }
    }

    fn hear_of_limits(&mut self, snapshot: &Snapshot, changes: &mut Vec<Change>) {
        let profile = format!("{} {}", snapshot.profile.name, snapshot.profile.demo);
        if self.reported.0 != profile {
            self.reported = (profile, BTreeMap::new());
            self.drained.clear();
        }
        for endpoint in &snapshot.view.endpoints {
            let Some(now) = endpoint.reported_tokens_per_minute else { continue };
            let before = self.reported.1.insert(endpoint.id.clone(), now).filter(|before| *before != now);
            let Some(before) = before else { continue };
            let text = conditions::limit_changed(endpoint, before, now);
            let alert = self.happened(Kind::LimitChanged, endpoint.id.as_str(), text, snapshot.wall_ms);
            changes.push(Change::Happened(Alert { target: Some(Target::Endpoint(endpoint.id.clone())), ..alert }));
        }
    }

    /// One that was drained already when it was first seen is no news.
    fn hear_of_drains(&mut self, snapshot: &Snapshot, changes: &mut Vec<Change>) {
        for endpoint in &snapshot.view.endpoints {
            let now = endpoint.admin_state == AdminState::Draining && endpoint.in_flight == 0;
            if self.drained.insert(endpoint.id.clone(), now) == Some(false) && now {
                let text = format!("{} is drained: nothing runs there any more.", endpoint.id);
                let alert = self.happened(Kind::Drained, endpoint.id.as_str(), text, snapshot.wall_ms);
                changes.push(Change::Happened(Alert { target: Some(Target::Endpoint(endpoint.id.clone())), ..alert }));
            }
        }
    }

    fn keep(&mut self, key: (Kind, String), seen: Seen, snapshot: &Snapshot) -> Option<Change> {
        let standing = self.standing.entry(key).or_insert_with(|| Standing {
            seen: seen.clone(),
            since_micros: snapshot.at.0,
            alert: None,
        });
        standing.seen = seen;
        let lasted = snapshot.at.0.saturating_sub(standing.since_micros) / 1_000_000;
        match &mut standing.alert {
            Some(alert) if alert.text == standing.seen.text => None,
            Some(alert) => {
                alert.text.clone_from(&standing.seen.text);
                Some(Change::Updated(alert.clone()))
            }
            None if lasted < standing.seen.kind.patience() => None,
            None => {
                self.next += 1;
                let alert = Alert {
                    id: self.next,
                    kind: standing.seen.kind,
                    subject: standing.seen.subject.clone(),
                    text: standing.seen.text.clone(),
                    target: standing.seen.target.clone(),
                    web: standing.seen.web,
                    since_wall_ms: snapshot.wall_ms,
                    over: false,
                };
                standing.alert = Some(alert.clone());
                Some(Change::Raised(alert))
            }
        }
    }

    fn end(&mut self, standing: Standing, snapshot: &Snapshot) -> Option<Change> {
        let lasted = std::time::Duration::from_micros(snapshot.at.0.saturating_sub(standing.since_micros));
        let text = standing.seen.ended(&span(lasted), snapshot);
        match standing.alert {
            Some(alert) => Some(Change::Ended(Alert { text, over: true, ..alert })),
            None if standing.seen.kind == Kind::EndpointBack && lasted.as_secs() >= 30 => {
                let Seen { kind, subject, target, .. } = standing.seen;
                let alert = self.happened(kind, &subject, text, snapshot.wall_ms);
                Some(Change::Ended(Alert { target, ..alert }))
            }
            None => None,
        }
    }
}

#[cfg(test)]
#[path = "alerts_tests.rs"]
mod tests;
