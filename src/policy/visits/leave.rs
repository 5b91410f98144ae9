//! Whether a visit may go, and by which endpoint: by what the person set, by keys, and by what health says.
//!
//! Invariant: nothing is decided of rests here. An endpoint's health says which of its rests are its whole account's, and the
//! account's own health what visits were told.
//! Absent on purpose: its caller's limits (`callers`).

use super::Visitor;
use crate::model::candidates::Footing;
use crate::model::decision::{Exclusion, RefusalReason, Verdict};
use crate::model::id::AccountId;
use crate::model::units::Timestamp;
use crate::policy::balancer::Balancer;
use crate::policy::health::{Pace, Standing};
use crate::policy::judge::{bar, resting};

/// How an account grows back after a rest: by the rate that is taken where none is known.
const PACE: Pace = Pace { tokens_per_minute: None, requests_per_minute: None };

/// One endpoint by which the account could be reached: its index in the configuration, how it stood, when it would have been open.
pub(super) type Door = (usize, Footing, Option<Timestamp>);

/// Whether a visit may go.
pub(super) enum Leave {
    /// To the endpoint at this index of the configuration.
    Now(usize),
    /// From then on; `None`: once something happens whose time nobody knows.
    Later(Option<Timestamp>),
    /// The account could be asked, but its caller has to wait until then; `None`: until something of its ends.
    CallerLacks(Option<Timestamp>),
    /// Waiting does not help.
    Never,
}

impl Balancer {
    /// Whether it may go, and what is said of each of the account's endpoints.
    pub(super) fn may_visit(&self, now: Timestamp, visitor: &Visitor) -> (Leave, Vec<Door>) {
        self.as_its_caller_may(now, visitor, self.lets_visit(now, visitor))
    }

    /// The same by the account alone.
    fn lets_visit(&self, now: Timestamp, visitor: &Visitor) -> (Leave, Vec<Door>) {
        let account = &visitor.visit.account;
        let own = self.visits.accounts.get(account).map_or(Standing::Open, |health| health.standing(now, 0, PACE));
        let (mut leave, mut judged) = (Leave::Never, Vec::new());
        for endpoint in (0..self.config.endpoints.len()).filter(|at| self.is_of(*at, account)) {
            let Some(seat) = self.seat(endpoint) else { continue };
            let barred = bar(true, seat.admin, seat.has_key, false);
            let (out, free_at) = match (barred, seat.state.health.rest_of_account(now)) {
                (Some(why), _) => (Some(why), None),
                (None, Some((until, cause))) => (Some(resting(cause)), Some(until)),
                (None, None) => stands(own),
            };
            leave = match (leave, out) {
                (Leave::Now(first), _) => Leave::Now(first),
                (_, None) => Leave::Now(endpoint),
                (leave, Some(_)) if barred.is_some() => leave,
                (Leave::Later(Some(known)), _) => Leave::Later(Some(free_at.map_or(known, |at| at.min(known)))),
                (_, Some(_)) => Leave::Later(free_at),
            };
            let verdict = Verdict::Excluded(out.unwrap_or(Exclusion::NotNeeded));
            let (admin_state, health) = (seat.admin, seat.health(now));
            judged.push((endpoint, Footing { group: 1, admin_state, health, needs: 1, limit: None, verdict }, free_at));
        }
        (leave, judged)
    }

    fn is_of(&self, endpoint: usize, account: &AccountId) -> bool {
        self.config.endpoints.get(endpoint).is_some_and(|spec| spec.account == *account)
    }
}

/// What an account's standing with visits means: why not, and when.
const fn stands(standing: Standing) -> (Option<Exclusion>, Option<Timestamp>) {
    match standing {
        Standing::Open | Standing::Probe => (None, None),
        Standing::Resting(until, cause) => (Some(resting(cause)), Some(until)),
        Standing::Probing(verdict) => (Some(Exclusion::ProbeRunning), verdict),
        Standing::Ramping(next) => (Some(Exclusion::Ramping), Some(next)),
    }
}

/// What is said to one who is refused.
pub(super) const fn reason(leave: &Leave, visitor: &Visitor) -> RefusalReason {
    match leave {
        Leave::Never if visitor.visit.is_bound => RefusalReason::StateOutOfReach,
        Leave::Never => RefusalReason::NothingUsable,
        Leave::CallerLacks(_) => RefusalReason::NoCapacityInTime,
        Leave::Now(_) | Leave::Later(_) => RefusalReason::AccountRests,
    }
}
