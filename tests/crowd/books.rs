//! What the services and pools have let in, counted by lists and by the simulated services' own counters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidegate::model::decision::Estimate;
use tidegate::model::id::RequestId;
use tidegate::model::outcome::{Failure, FailureClass, HeaderFacts, LimitFacts, ThrottleKind};
use tidegate::model::units::{MINUTE, Timestamp};
use tidegate::model::usage::Usage;
use tidegate::sim::window::Bucket;

use crate::room::WIDE_GUARD;
use crate::shape::{Guest, Shape, Spot};

/// A limit of zero would make a bucket that refills nothing; none is needed where there is no limit.
const NO_LIMIT: u64 = 1;

/// Longer than the brain keeps anything that counts by the minute.
const KEPT: Duration = Duration::from_secs(70);

/// Two exact counters may round to different microseconds.
const ROUNDING: Duration = Duration::from_micros(1);

/// Everything a window of a list holds.
#[derive(Debug, Default)]
pub struct List(Vec<(Timestamp, RequestId, u64)>);

impl List {
    pub fn sum(&self, now: Timestamp, span: Duration) -> u64 {
        self.0.iter().filter(|(at, ..)| now.since(*at) < span).map(|(.., amount)| amount).sum()
    }

    pub fn last(&self) -> Option<Timestamp> {
        self.0.last().map(|(at, ..)| *at)
    }

    fn add(&mut self, now: Timestamp, request: RequestId, amount: u64) {
        self.0.retain(|(at, ..)| now.since(*at) < KEPT);
        self.0.push((now, request, amount));
    }

    /// The newest entry of a request comes to something else in the end.
    fn set(&mut self, request: RequestId, amount: u64) {
        if let Some((.., old)) = self.0.iter_mut().rfind(|(_, known, _)| *known == request) {
            *old = amount;
        }
    }
}

/// What a refilling bucket holds.
#[derive(Clone, Debug)]
pub struct Tank {
    exact: Bucket,
    /// The same, had nothing that failed been given back. Of what failed the brain gives back what has surely not drained.
    shy: Bucket,
}

impl Tank {
    fn new(limit: Option<u64>, now: Timestamp) -> Self {
        let full = Bucket::new(limit.unwrap_or(NO_LIMIT), MINUTE, now);
        Self { exact: full.clone(), shy: full }
    }

    fn take(&mut self, now: Timestamp, amount: u64) {
        self.exact.take(now, amount);
        self.shy.take(now, amount);
    }

    /// Nothing of this came after all.
    fn give_back(&mut self, now: Timestamp, amount: u64) {
        self.exact.give_back(now, amount);
    }

    /// An amount came to something else: to nothing, or to what the service corrects it to.
    fn set(&mut self, now: Timestamp, was: u64, is: u64) {
        if is == 0 { self.give_back(now, was) } else { self.correct(now, was, is) }
    }

    fn correct(&mut self, now: Timestamp, was: u64, is: u64) {
        for bucket in [&mut self.exact, &mut self.shy] {
            if is > was {
                bucket.take(now, is - was);
            } else {
                bucket.give_back(now, was - is);
            }
        }
    }

    /// Another ceiling: what is in use stays in use. Where there was none, that is what came in the last minute.
    fn hold(&mut self, list: &List, held: &mut Option<u64>, now: Timestamp, limit: Option<u64>) {
        match (held.is_some(), limit) {
            (true, Some(limit)) => {
                self.exact.set_limit(now, limit);
                self.shy.set_limit(now, limit);
            }
            (false, Some(_)) => {
                *self = Self::new(limit, now);
                self.exact.take(now, list.sum(now, MINUTE));
                // The brain keeps what came for its guard longer.
                self.shy.take(now, list.sum(now, MINUTE + WIDE_GUARD));
            }
            (_, None) => {}
        }
        *held = limit;
    }

    /// Whether a service that counts so lets it in.
    fn admits(&mut self, now: Timestamp, amount: u64) -> bool {
        self.exact.wait(now, amount).is_some_and(|wait| wait <= ROUNDING)
    }

    /// Whether it surely has room for so much.
    pub fn has_room(&self, now: Timestamp, amount: u64) -> bool {
        self.shy.clone().wait(now, amount) == Some(Duration::ZERO)
    }
}

/// One endpoint's books.
#[derive(Debug)]
pub struct Book {
    pub tokens: List,
    pub requests: List,
    pub input: List,
    pub output: List,
    pub token_tank: Tank,
    pub request_tank: Tank,
    pub input_tank: Tank,
    pub output_tank: Tank,
    token_limit: Option<u64>,
    request_limit: Option<u64>,
    apart: (Option<u64>, Option<u64>),
    /// Since when prompt and output are limited apart as they are.
    pub apart_since: Timestamp,
    /// Its tokens were once held below a ceiling of our own, which is kept over the minute.
    pub capped: bool,
    pub in_flight: u32,
    /// The service asked for rest until then, and no probe has gone since.
    told: Option<Timestamp>,
    /// The probe that went last.
    probe: Option<RequestId>,
    /// What the service says of its token limit.
    pub reported: Option<u64>,
    /// When it last failed a request, or its account was turned away.
    pub failed: Option<Timestamp>,
    /// It refused for want of tokens, for want of requests: the brain may hold it for smaller than it is, and amounts for
    /// longer.
    pub short_of: BTreeSet<ThrottleKind>,
    /// What it says is left was less than these books say, for the sake of others.
    pub shared: bool,
}

/// One caller's books.
#[derive(Debug, Default)]
pub struct Tab {
    pub tokens: List,
    pub requests: List,
    pub in_flight: u32,
}

/// What one attempt is known by.
#[derive(Clone, Copy, Debug)]
struct Sent {
    at: Timestamp,
    pool: Option<usize>,
    caller: Option<usize>,
    input: u64,
    output: u64,
    /// What the service said was left behind it, and its limit then.
    left: Option<(u64, u64)>,
}

/// All books.
#[derive(Debug)]
pub struct Books {
    endpoints: BTreeMap<String, Book>,
    /// By pool, tokens; the bucket counts where all members are buckets.
    pools: Vec<(List, Tank, u64)>,
    callers: Vec<Tab>,
    /// By request: its newest attempt.
    sent: BTreeMap<RequestId, Sent>,
}

impl Books {
    pub fn new(shape: &Shape, now: Timestamp) -> Self {
        let book = |spot: &Spot| Book {
            tokens: List::default(),
            requests: List::default(),
            input: List::default(),
            output: List::default(),
            token_tank: Tank::new(spot.tokens, now),
            request_tank: Tank::new(spot.requests, now),
            input_tank: Tank::new(spot.input, now),
            output_tank: Tank::new(spot.output, now),
            token_limit: spot.tokens,
            request_limit: spot.requests,
            apart: (spot.input, spot.output),
            apart_since: Timestamp::ZERO,
            capped: spot.soft_cap.is_some(),
            in_flight: 0,
            told: None,
            probe: None,
            reported: None,
            failed: None,
            short_of: BTreeSet::new(),
            shared: false,
        };
        Self {
            endpoints: shape.endpoints.iter().map(|spot| (spot.id.clone(), book(spot))).collect(),
            pools: shape.pools.iter().map(|limit| (List::default(), Tank::new(Some(*limit), now), *limit)).collect(),
            callers: shape.callers.iter().map(|_| Tab::default()).collect(),
            sent: BTreeMap::new(),
        }
    }

    pub fn book(&self, id: &str) -> &Book {
        &self.endpoints[id]
    }

    fn book_mut(&mut self, id: &str) -> &mut Book {
        self.endpoints.get_mut(id).expect("every endpoint has a book")
    }

    pub fn tab(&self, caller: usize) -> &Tab {
        &self.callers[caller]
    }

    pub fn pool(&self, pool: usize) -> (&List, &Tank, u64) {
        let (list, tank, limit) = &self.pools[pool];
        (list, tank, *limit)
    }

    /// What services asked for still holds.
    pub fn resting_on(mut self, now: Timestamp, before: &Self) -> Self {
        for (id, book) in &mut self.endpoints {
            let known = &before.endpoints[id];
            book.told = known.told.filter(|told| *told > now);
            book.failed = known.failed;
        }
        self
    }

    /// The brain sends a request: it must fit everywhere by these books.
    #[expect(clippy::too_many_arguments, reason = "one sending with all that is known of it")]
    pub fn admit(
        &mut self,
        shape: &Shape,
        now: Timestamp,
        request: RequestId,
        id: &str,
        estimate: Estimate,
        caller: Option<usize>,
        probe: bool,
    ) {
        let (spot, charge) = (shape.spot(id), estimate.charge);
        let book = self.book_mut(id);
        if let Some(told) = book.told {
            assert!(now >= told, "{id} was to rest until {told:?}");
            assert!(probe, "a rest of {id} ends by a probe");
            book.told = None;
        }
        if probe {
            book.probe = Some(request);
        }
        book.check_tokens(spot, now, charge);
        book.check_requests(spot, now);
        book.check_apart(spot, now, estimate);
        book.in_flight += 1;
        assert!(spot.most_in_flight.is_none_or(|most| book.in_flight <= most), "requests in flight of {id}");
        book.tokens.add(now, request, charge);
        book.requests.add(now, request, 1);
        book.input.add(now, request, estimate.prompt);
        book.output.add(now, request, estimate.output);
        book.token_tank.take(now, charge);
        book.request_tank.take(now, 1);
        book.input_tank.take(now, estimate.prompt);
        book.output_tank.take(now, estimate.output);
        let left = book.left(spot, now);
        if let Some(pool) = spot.pool {
            self.admit_to_pool(shape, now, request, pool, charge);
        }
        if let Some(caller) = caller {
            self.callers[caller].admit(shape.callers[caller], now, request, charge);
        }
        self.sent.insert(
            request,
            Sent { at: now, pool: spot.pool, caller, input: estimate.prompt, output: estimate.output, left },
        );
    }

    fn admit_to_pool(&mut self, shape: &Shape, now: Timestamp, request: RequestId, pool: usize, charge: u64) {
        let (list, bucket, limit) = &mut self.pools[pool];
        if shape.is_bucket(pool) {
            assert!(bucket.admits(now, charge), "tokens of pool {pool}: {charge} of {bucket:?}");
        } else {
            let taken = list.sum(now, MINUTE);
            assert!(taken + charge <= *limit, "tokens of pool {pool}: {taken} + {charge} > {limit}");
        }
        bucket.take(now, charge);
        list.add(now, request, charge);
    }

    /// A good answer began. That of a probe ends a rest whose time has come, whenever it was told.
    pub fn committed(&mut self, now: Timestamp, request: RequestId, id: &str) {
        let book = self.book_mut(id);
        if book.probe == Some(request) {
            book.told = book.told.filter(|told| *told > now);
        }
    }

    /// What the answer's head says: the limit, which may be another from now on, and what was left behind the request.
    /// `others` use so much of it.
    pub fn head(&mut self, now: Timestamp, request: RequestId, spot: &Spot, limit: u64, others: u64) -> HeaderFacts {
        let left = self.sent[&request].left;
        let book = self.book_mut(&spot.id);
        if spot.way == "utilization" {
            book.shared |= others > 0;
            // Provisioned throughput says how full it is and names no limit.
            let full = |(left, limit): (u64, u64)| (limit - left.saturating_sub(others)) * 1_000 / limit;
            let same = left.filter(|(_, then)| book.holds(spot) == Some(*then));
            let utilization = same.map(|left| u32::try_from(full(left)).expect("a permille"));
            return HeaderFacts { utilization, ..HeaderFacts::default() };
        }
        book.reported = Some(limit);
        book.shared |= others > 0;
        book.tokens_hold(spot, now);
        let remaining = left.filter(|(_, then)| *then == limit).map(|(left, _)| left.saturating_sub(others));
        let tokens = LimitFacts { limit: Some(limit), remaining, reset: None };
        HeaderFacts { tokens, ..HeaderFacts::default() }
    }

    /// A request is over; no usage was reported.
    pub fn close(&mut self, request: RequestId, id: &str) {
        self.book_mut(id).in_flight -= 1;
        if let Some(caller) = self.sent[&request].caller {
            self.callers[caller].in_flight -= 1;
        }
    }

    /// A request is over and came to this. Only provisioned throughput gives back what was not used.
    pub fn settle(&mut self, now: Timestamp, request: RequestId, spot: &Spot, charge: u64, usage: Option<Usage>) {
        self.close(request, &spot.id);
        let Some(usage) = usage else { return };
        // A refilling bucket charges the larger of the two, the others their sum.
        let total = if spot.way == "token_bucket" { usage.input.max(usage.output) } else { usage.input + usage.output };
        if total > charge || spot.way == "utilization" {
            self.correct(now, request, &spot.id, charge, total);
        }
        let Sent { at, input, output, .. } = self.sent[&request];
        // What was sent before prompt and output were limited apart was taken for as much as it was charged.
        if at < self.book(&spot.id).apart_since {
            return;
        }
        let is = if spot.way == "utilization" { usage.input } else { usage.input.max(input) };
        // Standard deployments keep the cap; where the output is limited apart, others count what was written.
        let written = if spot.way == "sliding_log" { usage.output.max(output) } else { usage.output };
        self.book_mut(&spot.id).correct_apart(now, request, (input, is), (output, written));
    }

    /// A request failed before its commit point.
    pub fn failed(
        &mut self,
        now: Timestamp,
        request: RequestId,
        shape: &Shape,
        id: &str,
        charge: u64,
        failure: &Failure,
    ) {
        self.close(request, id);
        let throttled = matches!(failure.class, FailureClass::Throttled(_));
        if throttled || !failure.reached {
            self.correct(now, request, id, charge, 0);
            let Sent { input, output, .. } = self.sent[&request];
            self.book_mut(id).correct_apart(now, request, (input, 0), (output, 0));
        }
        let caller = self.sent[&request].caller;
        let book = self.book_mut(id);
        if !failure.reached {
            book.requests.set(request, 0);
            book.request_tank.give_back(now, 1);
            if let Some(caller) = caller {
                self.callers[caller].requests.set(request, 0);
            }
        }
        let book = self.book_mut(id);
        let waits = matches!(failure.class, FailureClass::Throttled(kind) if kind != ThrottleKind::OutOfCredit);
        if let Some(wait) = failure.facts.retry_after.filter(|_| waits) {
            book.told = book.told.max(Some(now.after(wait)));
        }
        match failure.class {
            FailureClass::ClientFault | FailureClass::Transient => {}
            FailureClass::Throttled(kind) if kind != ThrottleKind::OutOfCredit => {
                book.failed = Some(now);
                book.short_of.insert(kind);
            }
            FailureClass::Throttled(_) | FailureClass::KeyRejected | FailureClass::Blocked => {
                let account = shape.spot(id).account;
                for spot in shape.endpoints.iter().filter(|spot| spot.account == account) {
                    self.book_mut(&spot.id).failed = Some(now);
                }
            }
            _ => book.failed = Some(now),
        }
    }

    fn correct(&mut self, now: Timestamp, request: RequestId, id: &str, was: u64, is: u64) {
        let book = self.book_mut(id);
        book.tokens.set(request, is);
        book.token_tank.set(now, was, is);
        let Sent { pool, caller, .. } = self.sent[&request];
        if let Some(pool) = pool {
            let (list, bucket, _) = &mut self.pools[pool];
            list.set(request, is);
            bucket.set(now, was, is);
        }
        if let Some(caller) = caller {
            self.callers[caller].tokens.set(request, is);
        }
    }

    pub fn limits_changed(&mut self, shape: &Shape, now: Timestamp) {
        for spot in &shape.endpoints {
            let book = self.book_mut(&spot.id);
            book.capped |= spot.soft_cap.is_some();
            book.tokens_hold(spot, now);
            book.requests_hold(now, spot.requests);
            book.apart_hold(now, (spot.input, spot.output));
        }
        for ((list, bucket, held), limit) in self.pools.iter_mut().zip(&shape.pools) {
            let mut known = Some(*held);
            bucket.hold(list, &mut known, now, Some(*limit));
            *held = *limit;
        }
    }
}

impl Tab {
    fn admit(&mut self, limits: Guest, now: Timestamp, request: RequestId, charge: u64) {
        let taken = self.tokens.sum(now, MINUTE);
        let within = limits.tokens.is_none_or(|limit| taken + charge <= limit);
        assert!(within, "tokens of a caller: {taken} + {charge} > {:?}", limits.tokens);
        let taken = self.requests.sum(now, MINUTE);
        assert!(limits.requests.is_none_or(|limit| taken < limit), "requests of a caller: {taken}");
        self.in_flight += 1;
        assert!(limits.most_in_flight.is_none_or(|most| self.in_flight <= most), "a caller's requests in flight");
        self.tokens.add(now, request, charge);
        self.requests.add(now, request, 1);
    }
}

impl Book {
    /// The ceiling that nothing may exceed: what is stated, or what the service says of it, and our own lower one.
    pub fn holds(&self, spot: &Spot) -> Option<u64> {
        [self.provider(spot), spot.soft_cap].into_iter().flatten().min()
    }

    /// The same, our own ceiling apart.
    fn provider(&self, spot: &Spot) -> Option<u64> {
        self.reported.filter(|_| !spot.pinned).or(spot.tokens)
    }

    /// What a service that tells says is left, and its limit. Of one that we keep below our own ceiling nothing is said.
    fn left(&mut self, spot: &Spot, now: Timestamp) -> Option<(u64, u64)> {
        let limit = self.holds(spot).filter(|_| spot.tells && spot.soft_cap.is_none())?;
        let left = match spot.way {
            "token_bucket" | "utilization" => self.token_tank.exact.standing(now).remaining,
            _ => limit.saturating_sub(self.tokens.sum(now, MINUTE)),
        };
        Some((left, limit))
    }

    fn apart_hold(&mut self, now: Timestamp, (input, output): (Option<u64>, Option<u64>)) {
        if (input.is_some(), output.is_some()) != (self.apart.0.is_some(), self.apart.1.is_some()) {
            self.apart_since = now;
        }
        self.input_tank.hold(&self.input, &mut self.apart.0, now, input);
        self.output_tank.hold(&self.output, &mut self.apart.1, now, output);
    }

    fn correct_apart(&mut self, now: Timestamp, request: RequestId, input: (u64, u64), output: (u64, u64)) {
        self.input.set(request, input.1);
        self.output.set(request, output.1);
        self.input_tank.set(now, input.0, input.1);
        self.output_tank.set(now, output.0, output.1);
    }

    fn check_apart(&mut self, spot: &Spot, now: Timestamp, estimate: Estimate) {
        let id = &spot.id;
        let both = [
            ("input", spot.input, &self.input, &mut self.input_tank, estimate.prompt),
            ("output", spot.output, &self.output, &mut self.output_tank, estimate.output),
        ];
        for (what, limit, list, bucket, amount) in both {
            let Some(limit) = limit else { continue };
            if spot.way == "token_bucket" {
                assert!(bucket.admits(now, amount), "{what} tokens of {id}: {amount} of {bucket:?}");
            } else {
                let taken = list.sum(now, MINUTE);
                assert!(taken + amount <= limit, "{what} tokens of {id}: {taken} + {amount} > {limit}");
            }
        }
    }

    fn tokens_hold(&mut self, spot: &Spot, now: Timestamp) {
        let limit = self.provider(spot);
        let known = self.token_limit;
        self.token_tank.hold(&self.tokens, &mut self.token_limit, now, limit);
        // By refusals the brain knew of a limit before it was stated, and that drained.
        if known.is_none() && limit.is_some() && !self.short_of.is_empty() {
            self.token_tank.exact = Bucket::new(limit.unwrap_or(NO_LIMIT), MINUTE, now);
        }
    }

    fn requests_hold(&mut self, now: Timestamp, limit: Option<u64>) {
        self.request_tank.hold(&self.requests, &mut self.request_limit, now, limit);
    }

    fn check_tokens(&mut self, spot: &Spot, now: Timestamp, charge: u64) {
        let id = &spot.id;
        // A rise that the service reports is followed slowly: until then the stated figure may be the lower one.
        let least = [self.provider(spot), spot.tokens].into_iter().flatten().min();
        if let Some(cap) = spot.soft_cap.filter(|cap| least.is_none_or(|limit| *cap < limit)) {
            let taken = self.tokens.sum(now, MINUTE);
            assert!(taken + charge <= cap, "tokens of {id} below our own ceiling: {taken} + {charge} > {cap}");
        }
        let Some(limit) = self.provider(spot) else { return };
        match spot.way {
            "sliding_log" => {
                let taken = self.tokens.sum(now, MINUTE);
                assert!(taken + charge <= limit, "tokens of {id}: {taken} + {charge} > {limit}");
            }
            "token_bucket" => {
                assert!(self.token_tank.admits(now, charge), "tokens of {id}: {charge} of {:?}", self.token_tank);
            }
            _ => {
                let wait = self.token_tank.exact.wait_for_any(now);
                assert!(wait <= ROUNDING, "utilization of {id}: {wait:?}");
            }
        }
    }

    fn check_requests(&mut self, spot: &Spot, now: Timestamp) {
        let Some(limit) = spot.requests else { return };
        let id = &spot.id;
        if spot.way == "token_bucket" {
            assert!(self.request_tank.admits(now, 1), "requests of {id}");
            return;
        }
        assert!(self.requests.sum(now, MINUTE) < limit, "requests of {id}");
        let slice = self.requests.sum(now, Duration::from_secs(spot.slice));
        assert!(slice < (limit * spot.slice / 60).max(1), "slices of {id}");
    }
}
