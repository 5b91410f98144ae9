//! What the services and pools have let in, counted by lists and by the simulated services' own counters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidegate::model::decision::Estimate;
use tidegate::model::id::RequestId;
use tidegate::model::outcome::{Failure, FailureClass, HeaderFacts, LimitFacts, ThrottleKind};
use tidegate::model::units::{DAY, MINUTE, Timestamp};
use tidegate::model::usage::Usage;
use tidegate::sim::window::Bucket;

use crate::shape::{Guest, Shape, Spot};
use crate::sums::{List, NO_LIMIT, ROUNDING, Tank};
use crate::told::{Least, Told};

/// One endpoint's books.
#[derive(Debug)]
pub struct Book {
    pub tokens: List,
    pub requests: List,
    pub input: List,
    pub output: List,
    pub day_tokens: List,
    pub day_requests: List,
    pub token_tank: Tank,
    pub request_tank: Tank,
    pub input_tank: Tank,
    pub output_tank: Tank,
    token_limit: Option<u64>,
    request_limit: Option<u64>,
    apart: (Option<u64>, Option<u64>),
    /// Since when prompt and output are limited apart as they are; `None`: from the first.
    pub apart_since: Option<Timestamp>,
    /// Its tokens were once held below a ceiling of our own, which is kept over the minute.
    pub capped: bool,
    pub in_flight: u32,
    /// The service asked for rest until then, and no probe has gone since.
    told: Option<Timestamp>,
    /// That was for the sake of its pool, and is over once any member probed.
    told_of_pool: bool,
    /// The probe that went last.
    probe: Option<RequestId>,
    /// What the service says of its token limit.
    pub said: Told,
    /// When it last failed a request, or its account was turned away.
    pub failed: Option<Timestamp>,
    /// It refused for want of tokens, for want of requests: the brain may hold it for smaller than it is, and amounts for
    /// longer.
    pub short_of: BTreeSet<ThrottleKind>,
    /// The least that its refusals for want of tokens may have taught, if there were any.
    pub taught: Option<Least>,
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
    /// Prompt and output were limited apart then, so that it was counted among them, whatever was changed since.
    apart: bool,
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
    /// By pool, tokens; the bucket counts where all members are buckets. And the least that its refusals may have taught.
    pools: Vec<(List, Tank, u64, Option<Least>)>,
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
            day_tokens: List::of_a_day(),
            day_requests: List::of_a_day(),
            token_tank: Tank::new(spot.tokens, now),
            request_tank: Tank::new(spot.requests, now),
            input_tank: Tank::new(spot.input, now),
            output_tank: Tank::new(spot.output, now),
            token_limit: spot.tokens,
            request_limit: spot.requests,
            apart: (spot.input, spot.output),
            apart_since: None,
            capped: spot.soft_cap.is_some(),
            in_flight: 0,
            told: None,
            told_of_pool: false,
            probe: None,
            said: Told::default(),
            failed: None,
            short_of: BTreeSet::new(),
            taught: None,
            shared: false,
        };
        Self {
            endpoints: shape.endpoints.iter().map(|spot| (spot.id.clone(), book(spot))).collect(),
            pools: shape
                .pools
                .iter()
                .map(|limit| (List::default(), Tank::new(Some(*limit), now), *limit, None))
                .collect(),
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

    pub fn pool(&self, pool: usize) -> (&List, &Tank, u64, Option<Least>) {
        let (list, tank, limit, taught) = &self.pools[pool];
        (list, tank, *limit, *taught)
    }

    /// What services asked for still holds.
    pub fn resting_on(mut self, now: Timestamp, before: &Self) -> Self {
        for (id, book) in &mut self.endpoints {
            let known = &before.endpoints[id];
            book.told = known.told.filter(|told| *told > now);
            book.failed = known.failed;
            book.told_of_pool = known.told_of_pool;
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
            self.probed(shape, now, spot);
        }
        let book = self.book_mut(id);
        book.check_tokens(spot, now, charge);
        book.check_requests(spot, now);
        book.check_apart(spot, now, estimate);
        book.check_day(spot, now, charge);
        book.in_flight += 1;
        assert!(spot.most_in_flight.is_none_or(|most| book.in_flight <= most), "requests in flight of {id}");
        book.tokens.add(now, request, charge);
        book.requests.add(now, request, 1);
        book.input.add(now, request, estimate.prompt);
        book.output.add(now, request, estimate.output);
        book.day_tokens.add(now, request, charge);
        book.day_requests.add(now, request, 1);
        book.token_tank.take(now, charge);
        book.request_tank.take(now, 1);
        book.input_tank.take(now, estimate.prompt);
        book.output_tank.take(now, estimate.output);
        let left = book.left(spot, now);
        let apart = book.apart != (None, None);
        if let Some(pool) = spot.pool {
            self.admit_to_pool(shape, now, request, pool, charge);
        }
        if let Some(caller) = caller {
            self.callers[caller].admit(shape.callers[caller], now, request, charge);
        }
        self.sent.insert(
            request,
            Sent { at: now, apart, pool: spot.pool, caller, input: estimate.prompt, output: estimate.output, left },
        );
    }

    /// A member of a pool probes: what others of it were told for its sake is decided with it.
    fn probed(&mut self, shape: &Shape, now: Timestamp, spot: &Spot) {
        for member in shape.endpoints.iter().filter(|member| member.pool.is_some() && member.pool == spot.pool) {
            let book = self.book_mut(&member.id);
            if book.told_of_pool {
                book.told = book.told.filter(|told| *told > now);
            }
        }
    }

    fn admit_to_pool(&mut self, shape: &Shape, now: Timestamp, request: RequestId, pool: usize, charge: u64) {
        let (list, bucket, limit, _) = &mut self.pools[pool];
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
        book.said.hear(now, spot.tokens, limit);
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
        let Sent { at, apart, input, output, .. } = self.sent[&request];
        // What was sent before prompt and output were limited apart was taken for as much as it was charged.
        if !apart && self.book(&spot.id).apart_since.is_some_and(|since| at <= since) {
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
            book.day_requests.set(request, 0);
            book.request_tank.give_back(now, 1);
            if let Some(caller) = caller {
                self.callers[caller].requests.set(request, 0);
            }
        }
        let book = self.book_mut(id);
        let waits = matches!(failure.class, FailureClass::Throttled(kind) if !kind.is_of_credit());
        if let Some(wait) = failure.facts.retry_after.filter(|_| waits) {
            let spot = shape.spot(id);
            let of_tokens = failure.class == FailureClass::Throttled(ThrottleKind::Tokens);
            let of_pool = failure.class == FailureClass::Throttled(ThrottleKind::Pool) || of_tokens && spot.tells;
            let was_of_pool = book.told.is_none_or(|told| told <= now) || book.told_of_pool;
            book.told_of_pool = spot.pool.is_some() && of_pool && was_of_pool;
            book.told = book.told.max(Some(now.after(wait)));
        }
        match failure.class {
            FailureClass::ClientFault | FailureClass::Transient => {}
            FailureClass::Throttled(kind) if !kind.is_of_credit() => {
                book.failed = Some(now);
                book.short_of.insert(kind);
                self.taught(now, shape, id, charge, kind);
            }
            FailureClass::Throttled(kind) => {
                for spot in shape.endpoints.iter().filter(|spot| shape.pay_together(shape.spot(id), spot, kind)) {
                    self.book_mut(&spot.id).failed = Some(now);
                }
            }
            FailureClass::KeyRejected | FailureClass::Blocked => {
                let account = shape.spot(id).account;
                for spot in shape.endpoints.iter().filter(|spot| spot.account == account) {
                    self.book_mut(&spot.id).failed = Some(now);
                }
            }
            _ => book.failed = Some(now),
        }
    }

    /// What a refusal for want of tokens teaches at most. Where the endpoint's own word speaks of room, or the refusal of the
    /// pool, that is the pool's, and its members rest with it.
    fn taught(&mut self, now: Timestamp, shape: &Shape, id: &str, charge: u64, kind: ThrottleKind) {
        let spot = shape.spot(id);
        if matches!(kind, ThrottleKind::Tokens | ThrottleKind::Utilization)
            || kind == ThrottleKind::Pool && spot.pool.is_none()
        {
            let book = self.book_mut(id);
            book.taught = Some(Least::after(book.taught, book.provider(spot), charge));
            book.short_of.insert(ThrottleKind::Tokens);
        }
        let Some(pool) = spot.pool.filter(|_| kind == ThrottleKind::Pool || kind == ThrottleKind::Tokens && spot.tells)
        else {
            return;
        };
        let (.., limit, taught) = &mut self.pools[pool];
        *taught = Some(Least::after(*taught, Some(*limit), charge));
        for member in shape.endpoints.iter().filter(|member| member.pool == Some(pool)) {
            self.book_mut(&member.id).failed = Some(now);
        }
    }

    fn correct(&mut self, now: Timestamp, request: RequestId, id: &str, was: u64, is: u64) {
        let book = self.book_mut(id);
        book.tokens.set(request, is);
        book.day_tokens.set(request, is);
        book.token_tank.set(now, was, is);
        let Sent { pool, caller, .. } = self.sent[&request];
        if let Some(pool) = pool {
            let (list, bucket, ..) = &mut self.pools[pool];
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
        for ((list, bucket, held, _), limit) in self.pools.iter_mut().zip(&shape.pools) {
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
        if spot.pinned { spot.tokens } else { self.said.believed(spot.tokens) }
    }

    /// The service's own limit, whether it is believed or not.
    fn service(&self, spot: &Spot) -> Option<u64> {
        self.said.limit().or(spot.tokens)
    }

    /// What its own word about its level is held against: that counts, however slowly its limit is believed.
    fn level_limit(&self, spot: &Spot) -> Option<u64> {
        if spot.pinned || spot.way != "token_bucket" { self.provider(spot) } else { self.service(spot) }
    }

    /// A charge that its service says would fit, though not all of its word is believed yet, goes when nothing else is there.
    fn fits_alone(&self, spot: &Spot, charge: u64) -> bool {
        let most = self.service(spot).filter(|_| !spot.pinned);
        let cap = spot.soft_cap.is_none_or(|cap| charge <= cap);
        cap && self.provider(spot).is_some_and(|limit| charge > limit) && most.is_some_and(|most| charge <= most)
    }

    /// What a service that tells says is left, and its limit. Of one that we keep below our own ceiling nothing is said.
    fn left(&mut self, spot: &Spot, now: Timestamp) -> Option<(u64, u64)> {
        let limit = self.service(spot).filter(|_| spot.tells && spot.soft_cap.is_none())?;
        let left = match spot.way {
            "token_bucket" | "utilization" => self.token_tank.exact.standing(now).remaining,
            _ => limit.saturating_sub(self.tokens.sum(now, MINUTE)),
        };
        Some((left, limit))
    }

    fn apart_hold(&mut self, now: Timestamp, (input, output): (Option<u64>, Option<u64>)) {
        if (input.is_some(), output.is_some()) != (self.apart.0.is_some(), self.apart.1.is_some()) {
            self.apart_since = Some(now);
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
        let limit = self.level_limit(spot);
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
                let alone = taken == 0 && self.fits_alone(spot, charge);
                assert!(alone || taken + charge <= limit, "tokens of {id}: {taken} + {charge} > {limit}");
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

    fn check_day(&self, spot: &Spot, now: Timestamp, charge: u64) {
        let id = &spot.id;
        let (tokens, requests) = (self.day_tokens.sum(now, DAY), self.day_requests.sum(now, DAY));
        assert!(
            spot.day_tokens.is_none_or(|limit| tokens + charge <= limit),
            "tokens of {id} in a day: {tokens} + {charge}"
        );
        assert!(spot.day_requests.is_none_or(|limit| requests < limit), "requests of {id} in a day: {requests}");
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
