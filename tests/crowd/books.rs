//! What the services and pools have let in, counted by lists and by the simulated services' own counters.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate::model::id::RequestId;
use tidegate::model::outcome::{Failure, FailureClass, ThrottleKind};
use tidegate::model::units::{MINUTE, Timestamp};
use tidegate::model::usage::Usage;
use tidegate::sim::window::Bucket;

use crate::shape::{Shape, Spot};

/// A limit of zero would make a bucket that refills nothing; none is needed where there is no limit.
const NO_LIMIT: u64 = 1;

/// Two exact counters may round to different microseconds.
const ROUNDING: Duration = Duration::from_micros(1);

/// Everything a window of a list holds.
#[derive(Debug, Default)]
struct List(Vec<(Timestamp, RequestId, u64)>);

impl List {
    fn sum(&self, now: Timestamp, span: Duration) -> u64 {
        self.0.iter().filter(|(at, ..)| now.since(*at) < span).map(|(.., amount)| amount).sum()
    }

    fn add(&mut self, now: Timestamp, request: RequestId, amount: u64) {
        self.0.retain(|(at, ..)| now.since(*at) < MINUTE);
        self.0.push((now, request, amount));
    }

    /// The newest entry of a request comes to something else in the end.
    fn set(&mut self, request: RequestId, amount: u64) {
        if let Some((.., old)) = self.0.iter_mut().rfind(|(_, known, _)| *known == request) {
            *old = amount;
        }
    }
}

/// One endpoint's books.
#[derive(Debug)]
struct Book {
    tokens: List,
    requests: List,
    token_bucket: Bucket,
    request_bucket: Bucket,
    token_limit: Option<u64>,
    request_limit: Option<u64>,
    in_flight: u32,
    /// The service asked for rest until then, and no probe has gone since.
    told: Option<Timestamp>,
    /// The probe that went last.
    probe: Option<RequestId>,
}

/// All books.
#[derive(Debug)]
pub struct Books {
    endpoints: BTreeMap<String, Book>,
    /// By pool, tokens; the bucket counts where all members are buckets.
    pools: Vec<(List, Bucket, u64)>,
    /// By request: where its newest attempt's pool entry is.
    pooled: BTreeMap<RequestId, usize>,
}

impl Books {
    pub fn new(shape: &Shape, now: Timestamp) -> Self {
        let book = |spot: &Spot| Book {
            tokens: List::default(),
            requests: List::default(),
            token_bucket: Bucket::new(spot.ceiling().unwrap_or(NO_LIMIT), MINUTE, now),
            request_bucket: Bucket::new(spot.requests.unwrap_or(NO_LIMIT), MINUTE, now),
            token_limit: spot.ceiling(),
            request_limit: spot.requests,
            in_flight: 0,
            told: None,
            probe: None,
        };
        Self {
            endpoints: shape.endpoints.iter().map(|spot| (spot.id.clone(), book(spot))).collect(),
            pools: shape
                .pools
                .iter()
                .map(|limit| (List::default(), Bucket::new(*limit, MINUTE, now), *limit))
                .collect(),
            pooled: BTreeMap::new(),
        }
    }

    /// What services asked for still holds.
    pub fn resting_on(mut self, now: Timestamp, before: &Self) -> Self {
        for (id, book) in &mut self.endpoints {
            book.told = before.endpoints.get(id).and_then(|book| book.told).filter(|told| *told > now);
        }
        self
    }

    /// The brain sends a request: it must fit everywhere by these books.
    pub fn admit(&mut self, shape: &Shape, now: Timestamp, request: RequestId, id: &str, charge: u64, probe: bool) {
        let spot = shape.spot(id);
        let book = self.endpoints.get_mut(id).expect("every endpoint has a book");
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
        book.in_flight += 1;
        assert!(spot.most_in_flight.is_none_or(|most| book.in_flight <= most), "requests in flight of {id}");
        book.tokens.add(now, request, charge);
        book.requests.add(now, request, 1);
        book.token_bucket.take(now, charge);
        book.request_bucket.take(now, 1);
        self.pooled.remove(&request);
        if let Some(pool) = spot.pool {
            self.admit_to_pool(shape, now, request, pool, charge);
            self.pooled.insert(request, pool);
        }
    }

    fn admit_to_pool(&mut self, shape: &Shape, now: Timestamp, request: RequestId, pool: usize, charge: u64) {
        let (list, bucket, limit) = &mut self.pools[pool];
        if shape.is_bucket(pool) {
            let wait = bucket.wait(now, charge);
            assert!(wait.is_some_and(|wait| wait <= ROUNDING), "tokens of pool {pool}: {wait:?}");
        } else {
            let taken = list.sum(now, MINUTE);
            assert!(taken + charge <= *limit, "tokens of pool {pool}: {taken} + {charge} > {limit}");
        }
        bucket.take(now, charge);
        list.add(now, request, charge);
    }

    /// A good answer began. That of a probe ends a rest whose time has come, whenever it was told.
    pub fn committed(&mut self, now: Timestamp, request: RequestId, id: &str) {
        let book = self.endpoints.get_mut(id).expect("every endpoint has a book");
        if book.probe == Some(request) {
            book.told = book.told.filter(|told| *told > now);
        }
    }

    /// A request is over; no usage was reported.
    pub fn close(&mut self, id: &str) {
        self.endpoints.get_mut(id).expect("every endpoint has a book").in_flight -= 1;
    }

    /// A request is over and came to this. Only provisioned throughput gives back what was not used.
    pub fn settle(&mut self, now: Timestamp, request: RequestId, spot: &Spot, charge: u64, usage: Option<Usage>) {
        self.close(&spot.id);
        let Some(usage) = usage else { return };
        // A refilling bucket charges the larger of the two, the others their sum.
        let total = if spot.way == "token_bucket" { usage.input.max(usage.output) } else { usage.input + usage.output };
        if total > charge || spot.way == "utilization" {
            self.correct(now, request, &spot.id, charge, total);
        }
    }

    /// A request failed before its commit point.
    pub fn failed(&mut self, now: Timestamp, request: RequestId, id: &str, charge: u64, failure: &Failure) {
        self.close(id);
        let throttled = matches!(failure.class, FailureClass::Throttled(_));
        if throttled || !failure.reached {
            self.correct(now, request, id, charge, 0);
        }
        let book = self.endpoints.get_mut(id).expect("every endpoint has a book");
        if !failure.reached {
            book.requests.set(request, 0);
            book.request_bucket.give_back(now, 1);
        }
        let waits = matches!(failure.class, FailureClass::Throttled(kind) if kind != ThrottleKind::OutOfCredit);
        if let Some(wait) = failure.facts.retry_after.filter(|_| waits) {
            book.told = book.told.max(Some(now.after(wait)));
        }
    }

    fn correct(&mut self, now: Timestamp, request: RequestId, id: &str, was: u64, is: u64) {
        let book = self.endpoints.get_mut(id).expect("every endpoint has a book");
        book.tokens.set(request, is);
        if is > was {
            book.token_bucket.take(now, is - was);
        } else {
            book.token_bucket.give_back(now, was - is);
        }
        if let Some(pool) = self.pooled.get(&request) {
            let (list, bucket, _) = &mut self.pools[*pool];
            list.set(request, is);
            if is > was {
                bucket.take(now, is - was);
            } else {
                bucket.give_back(now, was - is);
            }
        }
    }

    pub fn limits_changed(&mut self, shape: &Shape, now: Timestamp) {
        for spot in &shape.endpoints {
            let book = self.endpoints.get_mut(&spot.id).expect("every endpoint has a book");
            book.tokens_hold(now, spot.ceiling());
            book.requests_hold(now, spot.requests);
        }
        // What way of counting its members leave it may have changed, too.
        for ((_, bucket, held), limit) in self.pools.iter_mut().zip(&shape.pools) {
            *held = *limit;
            *bucket = Bucket::new(*limit, MINUTE, now);
        }
    }
}

/// Another ceiling. How a service carries over what is in use is not known: its bucket starts full.
fn changed(bucket: &mut Bucket, held: &mut Option<u64>, now: Timestamp, limit: Option<u64>) {
    if *held != limit {
        *held = limit;
        *bucket = Bucket::new(limit.unwrap_or(NO_LIMIT), MINUTE, now);
    }
}

impl Book {
    fn tokens_hold(&mut self, now: Timestamp, limit: Option<u64>) {
        changed(&mut self.token_bucket, &mut self.token_limit, now, limit);
    }

    fn requests_hold(&mut self, now: Timestamp, limit: Option<u64>) {
        changed(&mut self.request_bucket, &mut self.request_limit, now, limit);
    }

    fn check_tokens(&mut self, spot: &Spot, now: Timestamp, charge: u64) {
        let Some(limit) = spot.ceiling() else { return };
        let id = &spot.id;
        match spot.way {
            "sliding_log" => {
                let taken = self.tokens.sum(now, MINUTE);
                assert!(taken + charge <= limit, "tokens of {id}: {taken} + {charge} > {limit}");
            }
            "token_bucket" => {
                let wait = self.token_bucket.wait(now, charge);
                assert!(wait.is_some_and(|wait| wait <= ROUNDING), "tokens of {id}: {wait:?}");
            }
            _ => {
                let wait = self.token_bucket.wait_for_any(now);
                assert!(wait <= ROUNDING, "utilization of {id}: {wait:?}");
            }
        }
    }

    fn check_requests(&mut self, spot: &Spot, now: Timestamp) {
        let Some(limit) = spot.requests else { return };
        let id = &spot.id;
        if spot.way == "token_bucket" {
            let wait = self.request_bucket.wait(now, 1);
            assert!(wait.is_some_and(|wait| wait <= ROUNDING), "requests of {id}: {wait:?}");
            return;
        }
        assert!(self.requests.sum(now, MINUTE) < limit, "requests of {id}");
        let slice = self.requests.sum(now, Duration::from_secs(spot.slice));
        assert!(slice < (limit * spot.slice / 60).max(1), "slices of {id}");
    }
}
