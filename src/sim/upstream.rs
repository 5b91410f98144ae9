//! How one upstream endpoint behaves: what it admits, how long it takes, what it says, what goes wrong.
//!
//! Invariant: the same spec, seed and sequence of arrivals gives the same answers; the dials shift no other draw.
//! Absent on purpose: bodies of answers and their transport (`fake`), and shared quota pools: services enforce per
//! deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::config::Enforcement;
use crate::model::id::EndpointId;
use crate::model::profile::Operation;
use crate::model::scenario::Dials;
use crate::model::units::{MINUTE, Timestamp};

use super::charge::charge;
use super::extra::{Ask, MoreLimits};
use super::limiter::{Limiter, Limits, Verdict};
use super::pace::{spread, spread_duration};
use super::window::Standing;
use super::words::{self, Header};

/// The median length of an answer, in tokens.
const MEDIAN_OUTPUT: u64 = 220;
/// Random numbers are consumed in this order for every arrival, whatever the dials say.
const CHANCES: usize = 4;
/// What others take of a limit comes in pieces of so many tokens.
const OTHERS_AT_ONCE: u32 = 500;

/// The API and the manners of the service that is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's paths, headers and errors.
    OpenAi,
    /// Azure with the deployment in the path.
    AzureClassic,
    /// Azure's `/openai/v1`.
    AzureV1,
}

impl Dialect {
    /// Whether headers and errors are Azure's.
    #[must_use]
    pub const fn is_azure(self) -> bool {
        matches!(self, Self::AzureClassic | Self::AzureV1)
    }
}

/// What an upstream endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// The endpoint it plays.
    pub id: EndpointId,
    /// Whose manners it has.
    pub dialect: Dialect,
    /// The model it answers as.
    pub model: String,
    /// What requests call it: the deployment, or the model's name at the service.
    pub deployment: String,
    /// `None`: unlimited.
    pub tokens_per_minute: Option<u64>,
    /// `None`: unlimited.
    pub requests_per_minute: Option<u64>,
    /// The slice in which requests are checked: 1 s or 10 s.
    pub request_slice: Duration,
    /// How it counts.
    pub enforcement: Enforcement,
    /// Median time to the first token.
    pub first_token: Duration,
    /// Speed of one answer.
    pub tokens_per_second: u64,
    /// Where its chance begins.
    pub seed: u64,
    /// Limits that few services have.
    pub more_limits: MoreLimits,
}

impl UpstreamSpec {
    fn limits(&self) -> Limits {
        Limits {
            enforcement: self.enforcement,
            tokens_per_minute: self.tokens_per_minute,
            requests_per_minute: self.requests_per_minute,
            request_slice: self.request_slice,
        }
    }
}

/// A request as far as an upstream's behaviour depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimRequest {
    /// Which operation.
    pub operation: Operation,
    /// Characters of prompt text.
    pub prompt_chars: u64,
    /// The cap on output tokens, if one was sent.
    pub output_cap: Option<u64>,
    /// `n` or `best_of`, at least 1.
    pub choices: u64,
    /// Texts to embed; 1 elsewhere.
    pub inputs: u64,
    /// Whether a stream was asked for.
    pub streaming: bool,
}

impl SimRequest {
    /// An empty prompt without a cap, not streamed.
    #[must_use]
    pub const fn new(operation: Operation) -> Self {
        Self { operation, prompt_chars: 0, output_cap: None, choices: 1, inputs: 1, streaming: false }
    }
}

/// Names one admitted request until it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// To settle it with.
    pub ticket: Ticket,
    /// Tokens charged.
    pub charge: u64,
    /// Prompt tokens, as usage reports them.
    pub prompt_tokens: u64,
    /// Output tokens of each choice; 0 for embeddings.
    pub output_tokens: u64,
    /// Whether the cap ended the answer.
    pub capped: bool,
    /// Until the first token.
    pub first_token: Duration,
    /// Between tokens.
    pub token_gap: Duration,
    /// The stream breaks after this many tokens.
    pub cut_after: Option<u32>,
    /// Rate-limit headers.
    pub headers: Vec<Header>,
    /// For whatever else of the answer is left to chance.
    pub seed: u64,
}

/// What kind of refusal an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// 429.
    Throttled,
    /// 500.
    Failed,
    /// 401.
    WrongKey,
    /// 400 or 404: the request itself.
    Unanswerable,
}

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub kind: RejectionKind,
    /// The HTTP status.
    pub status: u16,
    /// Rate-limit headers and waits.
    pub headers: Vec<Header>,
    /// JSON in the service's own words.
    pub body: String,
}

/// What an upstream does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimAnswer {
    /// It answers.
    Admitted(Admission),
    /// It answers with an error.
    Rejected(Rejection),
    /// It takes the request and never answers. The ticket is to be settled when the client has gone.
    Stalled(Ticket),
    /// It closes the connection.
    Reset,
}

/// One upstream endpoint.
#[derive(Clone, Debug)]
pub struct Upstream {
    spec: UpstreamSpec,
    limiter: Limiter,
    dials: Dials,
    /// When others take their next piece.
    others_next: Option<Timestamp>,
    rng: fastrand::Rng,
    open: BTreeMap<Ticket, Ask>,
    next_ticket: u64,
}

impl Upstream {
    /// Unused, with every dial at rest.
    #[must_use]
    pub fn new(spec: UpstreamSpec, now: Timestamp) -> Self {
        let mut limiter = Limiter::new(spec.limits(), now);
        limiter.limit_more(now, spec.more_limits);
        let rng = fastrand::Rng::with_seed(spec.seed);
        let (dials, open) = (Dials::default(), BTreeMap::new());
        Self { spec, limiter, dials, others_next: None, rng, open, next_ticket: 0 }
    }

    /// What it is.
    #[must_use]
    pub const fn spec(&self) -> &UpstreamSpec {
        &self.spec
    }

    /// Changes limits, names and speeds; what is used stays used.
    pub fn set_spec(&mut self, now: Timestamp, spec: UpstreamSpec) {
        self.limiter.set_limits(now, spec.limits());
        self.limiter.limit_more(now, spec.more_limits);
        self.spec = spec;
    }

    /// What goes wrong from now on.
    pub const fn set_dials(&mut self, dials: Dials) {
        self.dials = dials;
        self.others_next = None;
    }

    /// A request arrives.
    pub fn arrive(&mut self, now: Timestamp, request: &SimRequest) -> SimAnswer {
        let chances: [u8; CHANCES] = std::array::from_fn(|_| self.rng.u8(0..100));
        let [reset, throttle, stall, fail] = chances;
        let draft = self.draw(request);
        self.let_others_in(now);
        if self.dials.reject_key {
            return SimAnswer::Rejected(words::wrong_key(self.spec.dialect));
        }
        if reset < self.dials.reset_percent {
            return SimAnswer::Reset;
        }
        if throttle < self.dials.throttle_percent {
            let wait = Duration::from_secs(u64::from(self.dials.throttle_retry_after));
            return SimAnswer::Rejected(words::throttled_by_dial(&self.spec, wait));
        }
        let charge = self.charge(request);
        let output = request.output_cap.unwrap_or(0).saturating_mul(request.choices.max(1));
        let ask = Ask { charge, input: draft.prompt_tokens, output };
        match self.limiter.take(now, ask) {
            Verdict::Admitted => {}
            Verdict::Full { bound, wait } => {
                let requests = words::requests_said(&self.spec, &mut self.limiter, now);
                return SimAnswer::Rejected(words::full(&self.spec, bound, wait, charge, requests));
            }
            Verdict::TooLarge { limit } => return SimAnswer::Rejected(words::too_large(&self.spec, limit, charge)),
        }
        if fail < self.dials.error_percent {
            return SimAnswer::Rejected(words::broken(self.spec.dialect));
        }
        let ticket = self.open_ticket(ask);
        if stall < self.dials.stall_percent {
            return SimAnswer::Stalled(ticket);
        }
        let headers = words::standing(&self.spec, &mut self.limiter, now);
        SimAnswer::Admitted(Admission { ticket, charge, headers, ..draft })
    }

    /// The request has ended after this many tokens of prompt and output. A second end of one ticket does nothing.
    pub fn finish(&mut self, now: Timestamp, ticket: Ticket, actual: u64) {
        self.let_others_in(now);
        if let Some(asked) = self.open.remove(&ticket) {
            self.limiter.settle(now, asked.charge, actual);
            self.limiter.settle_output(now, asked.output, actual.saturating_sub(asked.input));
        }
    }

    /// Its tokens as they stand; `None`: no limit.
    pub fn tokens(&mut self, now: Timestamp) -> Option<Standing> {
        self.let_others_in(now);
        self.limiter.tokens(now)
    }

    /// What it would charge for a request.
    #[must_use]
    pub fn charge(&self, request: &SimRequest) -> u64 {
        charge(self.spec.enforcement, &self.spec.model, request)
    }

    /// Requests that were admitted and have not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.open.len()
    }

    /// Takes what others took up to now, piece by piece at its time. What no longer fits they go without.
    fn let_others_in(&mut self, now: Timestamp) {
        let piece = MINUTE.saturating_mul(OTHERS_AT_ONCE);
        let Some(gap) = piece.checked_div(self.dials.others_tokens_per_minute) else { return };
        let mut next = self.others_next.unwrap_or(now);
        while next <= now {
            let charge = u64::from(OTHERS_AT_ONCE);
            let _ = self.limiter.take(next, Ask { charge, input: charge / 2, output: charge / 2 });
            next = next.after(gap.max(Duration::from_millis(1)));
        }
        self.others_next = Some(next);
    }

    fn open_ticket(&mut self, ask: Ask) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        self.open.insert(ticket, ask);
        ticket
    }

    /// Everything of an answer that chance decides.
    fn draw(&mut self, request: &SimRequest) -> Admission {
        let wanted = spread(MEDIAN_OUTPUT, &mut self.rng).max(1);
        let first_token = spread_duration(self.spec.first_token, &mut self.rng);
        let seed = self.rng.u64(..);
        let embeds = !request.operation.writes();
        let cap = request.output_cap.unwrap_or(u64::MAX);
        Admission {
            ticket: Ticket(0),
            charge: 0,
            prompt_tokens: request.prompt_chars.div_ceil(4).max(1),
            output_tokens: if embeds { 0 } else { wanted.min(cap) },
            capped: !embeds && wanted > cap,
            first_token: if embeds { first_token / 4 } else { first_token },
            token_gap: Duration::from_micros(1_000_000 / self.spec.tokens_per_second.max(1)),
            cut_after: self.dials.cut_after_tokens.filter(|_| request.streaming),
            headers: Vec::new(),
            seed,
        }
    }
}

#[cfg(test)]
#[path = "upstream_tests.rs"]
mod tests;
