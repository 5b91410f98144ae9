//! What all connections to the simulated endpoints share: accounts, upstreams, counters.
//!
//! Invariant: one short lock around everything, never held across an await; the clock is read inside it, so that an
//! upstream never sees time run backwards.
//! Absent on purpose: HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::HeaderMap;

use crate::model::id::{AccountId, EndpointId};
use crate::model::scenario::Dials;
use crate::model::secret::Secret;
use crate::model::units::Timestamp;
use crate::sim::upstream::{Dialect, Rejection, RejectionKind, SimAnswer, SimRequest, Ticket, Upstream};
use crate::sim::words;

use super::credentials;
use super::objects::{self, Objects, Told};
use super::path::encode;
use super::shelf::{Refers, Shelf};
use super::specs::FakeSpec;

/// The process's clock, as the caller injects it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What one simulated endpoint has seen since it was first named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeCounters {
    /// Requests that reached it.
    pub arrived: u64,
    /// Answered to the last byte.
    pub answered: u64,
    /// 429s.
    pub throttled: u64,
    /// 500s, stalls, resets and cut streams.
    pub failed: u64,
    /// 401s, by the key or by the dial.
    pub wrong_key: u64,
    /// The client went away before the end.
    pub abandoned: u64,
    /// Tokens charged at admission.
    pub tokens_charged: u64,
    /// Requests that carried the expected key, where one is expected.
    pub key_matched: u64,
    /// Names of the credential headers that arrived, never their values.
    pub credential_names: BTreeSet<String>,
}

struct AccountState {
    key: Option<Secret>,
    dialect: Dialect,
    shelf: Shelf,
    objects: Objects,
}

struct EndpointState {
    account: AccountId,
    upstream: Upstream,
    counters: FakeCounters,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<AccountId, AccountState>,
    endpoints: BTreeMap<EndpointId, EndpointState>,
}

/// Everything behind the port.
pub(super) struct Site {
    state: Mutex<State>,
    now: Clock,
}

/// A request that found its endpoint.
pub(super) struct Arrival {
    /// Which.
    pub endpoint: EndpointId,
    /// What it answers as.
    pub model: String,
    /// What becomes of the request.
    pub answer: SimAnswer,
    /// When.
    pub at: Timestamp,
}

/// How an admitted request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// To the last byte.
    Whole,
    /// Cut or stalled by a dial.
    Failed,
    /// The client went away.
    Abandoned,
}

impl Site {
    pub(super) fn new(specs: Vec<FakeSpec>, now: Clock) -> Self {
        let site = Self { state: Mutex::new(State::default()), now };
        site.replace(specs);
        site
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over specs. Endpoints that stay keep what they have used, their dials and their counters.
    pub(super) fn replace(&self, specs: Vec<FakeSpec>) {
        let mut state = self.lock();
        let now = (self.now)();
        let mut before = std::mem::take(&mut *state);
        for (account, key, spec) in specs {
            let dialect = spec.dialect;
            let known = state.accounts.remove(&account).or_else(|| before.accounts.remove(&account));
            let (shelf, objects) = known.map(|known| (known.shelf, known.objects)).unwrap_or_default();
            let kept = AccountState { key: key.map(Secret::new), dialect, shelf, objects };
            state.accounts.insert(account.clone(), kept);
            let id = spec.id.clone();
            let kept = before.endpoints.remove(&id).map(|mut kept| {
                kept.upstream.set_spec(now, spec.clone());
                kept.account = account.clone();
                kept
            });
            let endpoint = kept.unwrap_or_else(|| EndpointState {
                account,
                upstream: Upstream::new(spec, now),
                counters: FakeCounters::default(),
            });
            state.endpoints.insert(id, endpoint);
        }
    }

    pub(super) fn set_dials(&self, endpoint: &EndpointId, dials: Dials) {
        if let Some(endpoint) = self.lock().endpoints.get_mut(endpoint) {
            endpoint.upstream.set_dials(dials);
        }
    }

    pub(super) fn counters(&self, endpoint: &EndpointId) -> FakeCounters {
        self.lock().endpoints.get(endpoint).map(|endpoint| endpoint.counters.clone()).unwrap_or_default()
    }

    /// The account of an encoded path segment, and its dialect.
    pub(super) fn account(&self, segment: &str) -> Option<(AccountId, Dialect)> {
        let state = self.lock();
        let (id, account) = state.accounts.iter().find(|(id, _)| encode(id.as_str()) == segment)?;
        Some((id.clone(), account.dialect))
    }

    /// Whether the account's key is shown, or none is expected.
    pub(super) fn admits(&self, account: &AccountId, headers: &HeaderMap) -> bool {
        let state = self.lock();
        let Some(account) = state.accounts.get(account) else { return false };
        account.key.as_ref().is_none_or(|key| credentials::matches(headers, account.dialect, key))
    }

    /// Puts what an answer leaves behind on the account's shelf.
    pub(super) fn store(&self, account: &AccountId, names: Vec<String>) {
        if let Some(account) = self.lock().accounts.get_mut(account) {
            for name in names {
                account.shelf.put(name);
            }
        }
    }

    /// Keeps what an answer says, to be fetched by its path, with the events of the first if it can be had as a stream again.
    pub(super) fn keep(&self, account: &AccountId, made: Vec<(String, serde_json::Value)>, events: Vec<Bytes>) {
        if let Some(account) = self.lock().accounts.get_mut(account) {
            account.objects.keep(made, events);
        }
    }

    /// Answers for what the account keeps. `ask` is given the time.
    pub(super) fn stored(&self, account: &AccountId, ask: &objects::Ask<'_>) -> Told {
        let mut state = self.lock();
        let Some(account) = state.accounts.get_mut(account) else { return Told::Missing };
        account.objects.answer(ask)
    }

    /// Now, in seconds since 1970 or since the start.
    pub(super) fn seconds(&self) -> u64 {
        (self.now)().0 / 1_000_000
    }

    /// Whether the account knows everything that a request refers to.
    ///
    /// # Errors
    /// In the service's own words if not.
    pub(super) fn knows(&self, account: &AccountId, refers: &Refers) -> Result<(), Rejection> {
        let state = self.lock();
        let Some(account) = state.accounts.get(account) else { return Ok(()) };
        let unknown = |name: &&String| !account.shelf.has(name);
        if let Some(previous) = refers.previous.as_ref().filter(unknown) {
            return Err(words::unknown_response(previous));
        }
        if refers.sealed.iter().any(|sealed| unknown(&sealed)) {
            return Err(words::foreign_seal());
        }
        Ok(())
    }

    /// What an account's requests may name, in order.
    pub(super) fn deployments(&self, account: &AccountId) -> Vec<String> {
        let state = self.lock();
        let own = state.endpoints.values().filter(|endpoint| endpoint.account == *account);
        own.map(|endpoint| endpoint.upstream.spec().deployment.clone()).collect()
    }

    /// A request arrives for the deployment or model of this encoded name.
    ///
    /// # Errors
    /// When the account has no such deployment.
    pub(super) fn arrive(
        &self,
        account: &AccountId,
        encoded: &str,
        (headers, query): (&HeaderMap, &str),
        request: &SimRequest,
    ) -> Result<Arrival, Rejection> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let at = (self.now)();
        let dialect = state.accounts.get(account).map_or(Dialect::OpenAi, |account| account.dialect);
        let named = |endpoint: &EndpointState| {
            endpoint.account == *account && encode(&endpoint.upstream.spec().deployment) == encoded
        };
        let found = state.endpoints.iter_mut().find(|(_, endpoint)| named(endpoint));
        let Some((id, endpoint)) = found else { return Err(words::unknown_model(dialect, encoded)) };

        let counters = &mut endpoint.counters;
        counters.arrived += 1;
        counters.credential_names.extend(credentials::names(headers, query));
        let key = state.accounts.get(account).and_then(|account| account.key.as_ref());
        let matched = key.is_none_or(|key| credentials::matches(headers, dialect, key));
        counters.key_matched += u64::from(key.is_some() && matched);
        let answer = if matched {
            endpoint.upstream.arrive(at, request)
        } else {
            SimAnswer::Rejected(words::wrong_key(dialect))
        };
        count(counters, &answer);
        let model = endpoint.upstream.spec().model.clone();
        Ok(Arrival { endpoint: id.clone(), model, answer, at })
    }

    /// An admitted request has ended after so many tokens.
    pub(super) fn leave(&self, endpoint: &EndpointId, ticket: Ticket, tokens: u64, ending: Ending) {
        let mut state = self.lock();
        let now = (self.now)();
        let Some(endpoint) = state.endpoints.get_mut(endpoint) else { return };
        endpoint.upstream.finish(now, ticket, tokens);
        match ending {
            Ending::Whole => endpoint.counters.answered += 1,
            Ending::Failed => endpoint.counters.failed += 1,
            Ending::Abandoned => endpoint.counters.abandoned += 1,
        }
    }
}

/// Admitted and stalled requests are counted when they end.
fn count(counters: &mut FakeCounters, answer: &SimAnswer) {
    match answer {
        SimAnswer::Admitted(admission) => {
            counters.tokens_charged = counters.tokens_charged.saturating_add(admission.charge);
        }
        SimAnswer::Stalled(_) => {}
        SimAnswer::Reset => counters.failed += 1,
        SimAnswer::Rejected(rejection) => match rejection.kind {
            RejectionKind::Throttled => counters.throttled += 1,
            RejectionKind::Failed => counters.failed += 1,
            RejectionKind::WrongKey => counters.wrong_key += 1,
            RejectionKind::Unanswerable => {}
        },
    }
}
