//! Why an endpoint rests: each kind of failure has a rest of its own, so that none hides, shortens or ends another's.
//!
//! Invariant: a rest only ever moves later, until a probe, a new key or whoever shares it ends it; while any is on, the
//! endpoint rests.
//! Absent on purpose: the probe itself (`health`), how long a failure rests (`rest`), and who shares a rest (`shared`).

use crate::model::outcome::ThrottleKind;
use crate::model::status::RestCause;
use crate::model::units::Timestamp;

/// What may be at fault, each told, judged and ended apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A limit of its own, or a lack of machines.
    Throttle,
    /// The quota pool that it draws on.
    Pool,
    /// The purse that pays for it.
    Credit,
    /// Its key, or a rule against whoever comes from here.
    Key,
    /// The deployment is not there.
    Missing,
    /// Errors, or no connection.
    Errors,
}

const FAULTS: usize = 6;

impl Fault {
    /// What a rest for this is about.
    pub(super) const fn of(cause: RestCause) -> Self {
        match cause {
            RestCause::Throttled(ThrottleKind::Pool) => Self::Pool,
            RestCause::Throttled(kind) if kind.is_of_credit() => Self::Credit,
            RestCause::Throttled(_) => Self::Throttle,
            RestCause::KeyRejected | RestCause::Blocked => Self::Key,
            RestCause::NotFound => Self::Missing,
            RestCause::Errors | RestCause::Unreachable => Self::Errors,
        }
    }

    /// Whether a service that has it says so at once, so that silence acquits it.
    const fn is_told_at_once(self) -> bool {
        matches!(self, Self::Throttle | Self::Pool | Self::Credit)
    }

    /// Whether another key ends it.
    pub(super) const fn is_of_the_key(self) -> bool {
        matches!(self, Self::Credit | Self::Key)
    }
}

/// Whether a rest of one endpoint is its whole account's: for its key, a rule of its network, or want of a connection.
pub(super) const fn is_of_the_account(cause: RestCause) -> bool {
    matches!(cause, RestCause::KeyRejected | RestCause::Blocked | RestCause::Unreachable)
}

/// One kind's rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Own {
    until: Timestamp,
    cause: RestCause,
    /// It was told to another request after the probe was sent, whose success does not end it.
    told_since: bool,
}

/// All rests of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rests([Option<Own>; FAULTS]);

impl Rests {
    const fn place(fault: Fault) -> usize {
        fault as usize
    }

    fn of(&mut self, fault: Fault) -> Option<&mut Option<Own>> {
        self.0.get_mut(Self::place(fault))
    }

    fn all(&self) -> impl Iterator<Item = &Own> {
        self.0.iter().flatten()
    }

    /// The one that lasts the longest: until when, and why.
    pub(super) fn longest(&self) -> Option<(Timestamp, RestCause)> {
        self.all().map(|own| (own.until, own.cause)).max_by_key(|(until, _)| *until)
    }

    /// Every one that is on at `now`.
    pub(super) fn on(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, RestCause)> {
        self.all().filter(move |own| own.until > now).map(|own| (own.until, own.cause))
    }

    /// The one for this, on or over.
    pub(super) fn of_kind(&self, fault: Fault) -> Option<(Timestamp, RestCause)> {
        self.0.get(Self::place(fault)).copied().flatten().map(|own| (own.until, own.cause))
    }

    /// Whether nothing but this is left to wait for at `now`.
    pub(super) fn waits_for_nothing_but(&self, fault: Fault, now: Timestamp) -> bool {
        self.of_kind(fault).is_some() && self.all().all(|own| Fault::of(own.cause) == fault || own.until <= now)
    }

    /// One more failure; never earlier than the rest that is on for the same kind. `told_since`: while another's probe runs.
    pub(super) fn note(&mut self, until: Timestamp, cause: RestCause, told_since: bool) {
        let Some(own) = self.of(Fault::of(cause)) else { return };
        if own.is_none_or(|own| own.until < until) {
            let told_since = told_since || own.is_some_and(|own| own.told_since);
            *own = Some(Own { until, cause, told_since });
        }
    }

    /// A probe goes: from here on, what others are told comes after it.
    pub(super) fn probed(&mut self) {
        for own in self.0.iter_mut().flatten() {
            own.told_since = false;
        }
    }

    /// The probe was let in: over is all but what another was told meanwhile. Whether nothing is left.
    pub(super) fn proved(&mut self, now: Timestamp) -> bool {
        for own in &mut self.0 {
            *own = own.filter(|own| own.told_since && own.until > now);
        }
        self.0.iter().all(Option::is_none)
    }

    /// Whoever shares this one was let in.
    pub(super) fn end(&mut self, fault: Fault) {
        if let Some(own) = self.of(fault) {
            *own = None;
        }
    }

    /// All others than this.
    pub(super) fn without(mut self, fault: Fault) -> Self {
        self.end(fault);
        self
    }

    /// All are over.
    pub(super) const fn clear(&mut self) {
        self.0 = [None; FAULTS];
    }

    /// Another key came: what the one before was refused for is over at `now`. Whether there was any.
    pub(super) fn forgive_key(&mut self, now: Timestamp) -> bool {
        let of_the_key = self.0.iter_mut().flatten().filter(|own| Fault::of(own.cause).is_of_the_key());
        of_the_key.map(|own| own.until = own.until.min(now)).count() > 0
    }

    /// Whether a probe's silence is an answer. Only a throttle comes at once; what else went wrong may take its time again. And
    /// silence says nothing of a rest that another request was told after the probe was sent. Another's probe acquits of what is
    /// shared with it alone, whatever else is left.
    pub(super) fn are_acquitted_by_silence(&self, sent: Timestamp, shared: Option<Fault>) -> bool {
        let mut asked = self.all().filter(|own| shared.is_none_or(|shared| shared == Fault::of(own.cause)));
        asked.all(|own| Fault::of(own.cause).is_told_at_once() && own.until <= sent)
    }
}
