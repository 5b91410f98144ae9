//! Whether a candidate that was not taken really had no room, by the test's own sums, or was kept out by a rule that is named.

use std::time::Duration;

use tidegate::model::config::AdminState;
use tidegate::model::decision::{Candidate, Exclusion};
use tidegate::model::outcome::ThrottleKind;
use tidegate::model::units::{DAY, MINUTE, Timestamp};

use crate::books::{Book, Books};
use crate::shape::{Shape, Spot};
use crate::sums::{List, Tank};
use crate::told::Least;

/// What the brain may keep an amount for longer than its minute: a guard, and what shares a bin with it.
const GUARD: Duration = Duration::from_millis(400);
/// The same once a service was fuller than was thought.
pub const WIDE_GUARD: Duration = Duration::from_millis(6_500);
/// The longest guard of a bucket in that case.
const WIDE_LEVEL: Duration = Duration::from_millis(3_100);
/// No rest and no ramp is felt for longer.
const LONGEST_TROUBLE: Duration = Duration::from_mins(21);

/// What a request asks for there.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub now: Timestamp,
    pub caller: Option<usize>,
    pub prompt: u64,
    /// What is written at most, if that is limited apart.
    pub output: u64,
    pub charge: u64,
}

/// Whether a limit's own word is what kept it out: these are held against sums.
pub fn is_short(why: Exclusion) -> bool {
    matches!(
        why,
        Exclusion::TokensShort
            | Exclusion::SoftCap
            | Exclusion::RequestsShort
            | Exclusion::PoolShort
            | Exclusion::InputShort
            | Exclusion::OutputShort
            | Exclusion::ForeignTraffic
            | Exclusion::CallerShort
            | Exclusion::InFlightFull
            | Exclusion::TooLarge
    )
}

/// Whether what stands in the way there is borne out by these books.
pub fn is_borne_out(books: &Books, shape: &Shape, one: &Candidate, why: Exclusion, ask: Ask) -> bool {
    let spot = shape.spot(one.endpoint.as_str());
    let book = books.book(&spot.id);
    match why {
        Exclusion::Paused => spot.admin == AdminState::Paused,
        Exclusion::Draining => spot.admin == AdminState::Draining,
        Exclusion::NoKey
        | Exclusion::NotOffered
        | Exclusion::Throttled
        | Exclusion::Ejected
        | Exclusion::Ramping
        | Exclusion::ProbeRunning => book.failed.is_some_and(|at| ask.now.since(at) < LONGEST_TROUBLE),
        Exclusion::InFlightFull => spot.most_in_flight.is_some_and(|most| book.in_flight >= most),
        Exclusion::CallerShort => caller_is_short(books, shape, ask),
        Exclusion::PoolShort => spot.pool.is_some_and(|pool| pool_is_short(books, shape, pool, ask)),
        Exclusion::InputShort => apart_is_short(book, spot, spot.input, ask.prompt, true, ask.now),
        Exclusion::OutputShort => apart_is_short(book, spot, spot.output, ask.output, false, ask.now),
        Exclusion::ForeignTraffic => book.shared || tokens_are_short(book, spot, ask),
        Exclusion::TokensShort | Exclusion::SoftCap => tokens_are_short(book, spot, ask),
        Exclusion::RequestsShort => requests_are_short(book, spot, ask),
        Exclusion::TooLarge => {
            let pool = spot.pool.map(|pool| shape.pools[pool]);
            let most = [book.holds(spot), pool].into_iter().flatten().min();
            let apart = [(spot.input, ask.prompt), (spot.output, ask.output)];
            most.is_some_and(|most| ask.charge > most)
                || apart.iter().any(|(limit, amount)| limit.is_some_and(|limit| *amount > limit))
                || book.said.limit().is_some()
        }
        // What is allowed since, these books do not know.
        Exclusion::GrowthGuard => book.short_of.contains(&ThrottleKind::Growth),
        Exclusion::DayShort => {
            let (tokens, requests) =
                (book.day_tokens.sum(ask.now, DAY + GUARD), book.day_requests.sum(ask.now, DAY + GUARD));
            spot.day_tokens.is_some_and(|limit| tokens + ask.charge > limit)
                || spot.day_requests.is_some_and(|limit| requests >= limit)
        }
        // The one is said of visits and of those below the one taken, the other of those who were sent before.
        Exclusion::NotNeeded | Exclusion::NotAsked => false,
        // Those need to know more than the books: whoever asks looks at it.
        Exclusion::TriedAlready
        | Exclusion::BoundElsewhere
        | Exclusion::Withheld
        | Exclusion::KeptForImportant
        | Exclusion::RegionExcluded
        | Exclusion::LineAhead => true,
    }
}

/// The least that the brain may hold it for, by what is stated and said and what refusals may have taught. Where others' use shows,
/// an endpoint is left a sixteenth.
fn limit(book: &Book, spot: &Spot) -> Option<u64> {
    let held = Least::of(book.taught.filter(|_| !spot.pinned), book.holds(spot));
    let others = book.shared || spot.tells && book.short_of.contains(&ThrottleKind::Tokens);
    held.map(|held| if others && !spot.pinned { held / 16 } else { held })
}

fn tokens_are_short(book: &Book, spot: &Spot, ask: Ask) -> bool {
    let Some(limit) = limit(book, spot) else { return false };
    let ours = spot.soft_cap.is_some_and(|cap| cap <= limit);
    // What others put into a level these books do not know.
    let surprised = book.short_of.contains(&ThrottleKind::Tokens) || book.said.limit().is_some() || book.shared;
    match spot.way {
        "sliding_log" => list_is_short(&book.tokens, limit, ask.charge, surprised, ask.now),
        // Two levels that drained at different rates cannot be compared any more.
        _ if surprised || book.short_of.contains(&ThrottleKind::Growth) => true,
        _ if ours && list_is_short(&book.tokens, limit, ask.charge, true, ask.now) => true,
        _ if book.capped && list_is_short(&book.tokens, limit, ask.charge, true, ask.now) => true,
        "token_bucket" => level_is_short(&book.token_tank, limit, ask.charge, surprised, ask.now),
        _ => {
            overdraws_too_soon(book, limit, ask, surprised)
                || level_is_short(&book.token_tank, limit, 1, surprised, ask.now)
        }
    }
}

/// What goes over the ceiling of provisioned throughput waits until what came last cannot be overtaken any more.
fn overdraws_too_soon(book: &Book, limit: u64, ask: Ask, surprised: bool) -> bool {
    let lead = if surprised { WIDE_LEVEL } else { GUARD } * 2 / 15;
    let soon = book.tokens.last().is_some_and(|last| ask.now.since(last) <= lead);
    soon && level_is_short(&book.token_tank, limit, ask.charge, surprised, ask.now)
}

fn list_is_short(list: &List, limit: u64, amount: u64, surprised: bool, now: Timestamp) -> bool {
    let guard = if surprised { WIDE_GUARD } else { GUARD };
    list.sum(now, MINUTE + guard) + amount > limit
}

fn level_is_short(tank: &Tank, limit: u64, amount: u64, surprised: bool, now: Timestamp) -> bool {
    let guard = if surprised { WIDE_LEVEL } else { GUARD };
    let behind = u128::from(limit) * guard.as_millis() / MINUTE.as_millis();
    let margin = u64::try_from(behind).expect("less than the limit") + 2;
    !tank.has_room(now, amount + margin)
}

fn requests_are_short(book: &Book, spot: &Spot, ask: Ask) -> bool {
    let surprised = book.short_of.contains(&ThrottleKind::Requests);
    let Some(limit) = spot.requests else { return surprised };
    if surprised || spot.way == "token_bucket" {
        // After a refusal for requests neither limit nor slices are known to these books.
        return surprised || level_is_short(&book.request_tank, limit, 1, false, ask.now);
    }
    let slice = (limit * spot.slice / 60).max(1);
    let span = Duration::from_secs(spot.slice) + Duration::from_millis(110);
    book.requests.sum(ask.now, MINUTE + GUARD) >= limit || book.requests.sum(ask.now, span) >= slice
}

fn apart_is_short(book: &Book, spot: &Spot, limit: Option<u64>, amount: u64, input: bool, now: Timestamp) -> bool {
    let Some(limit) = limit else { return false };
    // A limit that was not there before begins with all the tokens that came, and a level has no minute to forget them.
    if book.apart_since.is_some_and(|since| spot.way == "token_bucket" || now.since(since) < MINUTE + WIDE_GUARD) {
        return true;
    }
    let (list, bucket) = if input { (&book.input, &book.input_tank) } else { (&book.output, &book.output_tank) };
    match spot.way {
        "token_bucket" => level_is_short(bucket, limit, amount, false, now),
        _ => list_is_short(list, limit, amount, false, now),
    }
}

fn pool_is_short(books: &Books, shape: &Shape, pool: usize, ask: Ask) -> bool {
    let is_bucket = shape.is_bucket(pool);
    let (list, bucket, limit, taught) = books.pool(pool);
    let limit = Least::of(taught, Some(limit)).expect("a pool has a limit");
    if taught.is_some() && is_bucket {
        // Its level drained by what was learned of it, and was full when it refused.
        return true;
    }
    if is_bucket {
        // What way of counting its members leave it may have changed; then its level began with all that the minute held.
        level_is_short(bucket, limit, ask.charge, false, ask.now)
            || list_is_short(list, limit, ask.charge, true, ask.now)
    } else {
        list_is_short(list, limit, ask.charge, taught.is_some(), ask.now)
    }
}

fn caller_is_short(books: &Books, shape: &Shape, ask: Ask) -> bool {
    let Some(caller) = ask.caller else { return false };
    let (limits, tab) = (shape.callers[caller], books.tab(caller));
    // A limit of our own has no guard; amounts that share a bin leave together.
    let span = MINUTE + Duration::from_millis(100);
    limits.tokens.is_some_and(|limit| tab.tokens.sum(ask.now, span) + ask.charge > limit)
        || limits.requests.is_some_and(|limit| tab.requests.sum(ask.now, span) >= limit)
        || limits.most_in_flight.is_some_and(|most| tab.in_flight >= most)
}
