//! What an endpoint's answers and refusals teach about its limits: who says what, what others use, what we are charged.
//!
//! Invariant: what holds is worked out when something was learned or stated, never while deciding.
//! Absent on purpose: the laws themselves (`ceiling`, `foreign`, `calibrate`, `growth`).

use std::time::Duration;

use super::calibrate::{Calibration, Reading};
use super::ceiling::{Ceiling, Held, Refused, Stated, share};
use super::foreign::{DRIFT, Foreign, Logged, Shown};
use super::growth::Growth;
use super::learn_requests::Others;
use super::pairs::{More, Pairs};
use super::refill::Refill;
use super::traffic::{Mark, Traffic};
use crate::model::checked::CheckedEndpoint;
use crate::model::config::{Enforcement, Service};
use crate::model::outcome::{HeaderFacts, ThrottleKind};
use crate::model::status::LimitSource;
use crate::model::units::{DAY, MINUTE, Timestamp, Unit};

/// A service that said what is left this recently goes on saying so.
pub(super) const TELLS: Duration = Duration::from_mins(2);
/// What the service said is left holds this long, with what we sent since taken off.
const FRESH: Duration = Duration::from_secs(10);
/// The part of what is left free for others that they may take before the next answer tells of it, and more at once.
const OTHERS_MEANWHILE: u64 = 4;
/// What was let in proves a higher limit if it is more by one in so many parts: what is under way is not settled yet.
const PROOF: u64 = 32;
/// Refusals within a minute despite what the service says is left, from which on its word is not enough.
const DOUBTED: u32 = 3;

/// A limit that the service has not said again for so long may be another one by now.
pub(super) const WORD: Duration = Duration::from_mins(10);
/// The same of the limits that few services have: a day's is said for its day.
const MORE_WORDS: More<Duration> = [WORD, WORD, DAY, DAY];

/// What keeps tokens per minute where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// The service's own limit, or no limit at all.
    Service,
    /// Our soft cap.
    SoftCap,
    /// Our share of its pool for now.
    Allotted,
    /// Others' use of the same quota.
    Foreign,
    /// The pace at which load may grow.
    Growth,
}

/// What holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holding {
    /// The service's own ceiling of tokens per minute.
    pub(super) provider: Option<u64>,
    pub(super) provider_source: LimitSource,
    /// Tokens per minute we allow ourselves, our soft cap apart, and why no more.
    pub(super) tokens: Option<u64>,
    pub(super) bound: Bound,
    /// Requests per minute we allow ourselves.
    pub(super) requests: Option<u64>,
    /// The service's own ceiling of them, which is higher where others' use is left room for.
    pub(super) provider_requests: Option<u64>,
    pub(super) request_source: LimitSource,
    /// The limits that few services have.
    pub(super) more: More<Held>,
}

/// Everything learned of one endpoint's limits.
#[derive(Clone, Debug)]
pub(super) struct Learning {
    pub(super) traffic: Traffic,
    pub(super) tokens: Ceiling,
    pub(super) requests: Ceiling,
    more: More<Ceiling>,
    pub(super) foreign: Foreign,
    /// What others use of the requests.
    pub(super) others: Others,
    pub(super) growth: Growth,
    /// Of requests with an output cap, and of those without.
    calibrations: [Calibration; 2],
    reading: Option<(Reading, Timestamp)>,
    /// From where a bucket's drift is measured.
    anchor: Option<Reading>,
    /// Where the service counts by a level, what came back between refusals.
    refill: Refill,
    /// Refusals that what the service said does not explain, and when the first of them came.
    doubts: (u32, Timestamp),
    holding: Holding,
}

impl Learning {
    /// Nothing but what the configuration states.
    pub(super) fn new(spec: &CheckedEndpoint) -> Self {
        let unknown = LimitSource::Unknown;
        let mut fresh = Self {
            traffic: Traffic::new(spec.request_slice),
            tokens: Ceiling::of_tokens(),
            requests: Ceiling::of_requests(),
            more: std::array::from_fn(|_| Ceiling::of_requests()),
            foreign: Foreign::default(),
            others: Others::default(),
            growth: Growth::default(),
            calibrations: [Calibration::new(), Calibration::new()],
            reading: None,
            anchor: None,
            refill: Refill::default(),
            doubts: (0, Timestamp::ZERO),
            holding: Holding {
                provider: None,
                provider_source: unknown,
                tokens: None,
                bound: Bound::Service,
                requests: None,
                provider_requests: None,
                request_source: unknown,
                more: [Held { limit: None, source: unknown }; 4],
            },
        };
        fresh.restate(spec);
        fresh
    }

    /// Works out what holds from what is stated and learned.
    pub(super) fn restate(&mut self, spec: &CheckedEndpoint) {
        let (tokens, requests) = (self.tokens.held(tokens_stated(spec)), self.requests.held(requests_stated(spec)));
        let others = self.foreign.room();
        let own = tokens.limit.map(|limit| limit.saturating_sub(others).max(limit / 16)).filter(|_| others > 0);
        let bounds = [
            (tokens.limit, Bound::Service),
            (own.filter(|_| !spec.pinned), Bound::Foreign),
            (self.growth.allowed(), Bound::Growth),
        ];
        let known = bounds.into_iter().filter_map(|(limit, bound)| Some((limit?, bound)));
        let (limit, bound) =
            known.min_by_key(|(limit, _)| *limit).map_or((None, Bound::Service), |(limit, bound)| (Some(limit), bound));
        self.holding = Holding {
            provider: tokens.limit,
            provider_source: tokens.source,
            tokens: limit,
            bound,
            requests: requests.limit.map(|limit| self.others.leave(limit, spec)),
            provider_requests: requests.limit,
            request_source: requests.source,
            more: self.held_more(spec),
        };
    }

    fn held_more(&self, spec: &CheckedEndpoint) -> More<Held> {
        let mut all = more_stated(spec).into_iter().zip(&self.more).map(|(stated, ceiling)| ceiling.held(stated));
        std::array::from_fn(|_| all.next().unwrap_or(Held { limit: None, source: LimitSource::Unknown }))
    }

    /// When each of the limits that few services have came; `None`: with the configuration.
    pub(super) fn more_since(&self) -> More<Option<Timestamp>> {
        self.more.each_ref().map(Ceiling::since)
    }

    /// The limits of a day that were reported: of tokens, of requests.
    pub(super) fn days(&self) -> [Option<u64>; 2] {
        let [_, _, tokens, requests] = &self.more;
        [tokens.reported(), requests.reported()]
    }

    /// What holds now.
    pub(super) const fn holding(&self) -> &Holding {
        &self.holding
    }

    /// The factor on the formula's charge, for requests with an output cap or without.
    pub(super) const fn calibration(&self, capped: bool) -> &Calibration {
        let [with, without] = &self.calibrations;
        if capped { with } else { without }
    }

    /// A request is sent.
    pub(super) fn sent(&mut self, now: Timestamp, charge: u64, capped: bool) -> Mark {
        let formula = self.calibration(capped).formula(charge);
        self.refill.note(now, self.traffic.let_in(), self.holding.provider);
        self.traffic.send(now, charge, formula)
    }

    /// An answer was good.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        pairs: &Pairs,
        (capped, prompt): (bool, u64),
    ) {
        self.compare(now, spec, mark, pairs, capped);
        self.compare_requests(now, spec, mark, &pairs.requests);
        self.tokens.admitted(now, tokens_stated(spec), mark.tokens);
        self.requests.admitted(now, requests_stated(spec), mark.minute);
        let input = u128::from(mark.tokens) * u128::from(prompt.min(mark.charge)) / u128::from(mark.charge.max(1));
        let minds = spec.service == Service::Openai && !spec.pinned;
        self.growth.see(now, mark.tokens, u64::try_from(input).unwrap_or(u64::MAX), minds);
        self.restate(spec);
    }

    /// A request was refused. Its charge is taken out of the traffic already. Whether the tokens are used up.
    pub(super) fn refused(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        (kind, facts): (ThrottleKind, &HeaderFacts),
        straggler: bool,
    ) -> bool {
        let mut full = false;
        match kind {
            ThrottleKind::Tokens => full = self.short_of_tokens(now, spec, (mark, facts), straggler),
            // What a provisioned deployment carries is learned like a quota; elsewhere these words concern no quota.
            ThrottleKind::Utilization if spec.enforcement == Enforcement::Utilization => {
                full = self.short_of_tokens(now, spec, (mark, facts), straggler);
            }
            ThrottleKind::Requests => self.short_of_requests(now, spec, mark, facts.retry_after, straggler),
            // The one that was refused was sent as well: half of it is the least that is left.
            ThrottleKind::Growth if !straggler => self.growth.told(now, self.traffic.tokens(now).max(mark.charge)),
            _ => {}
        }
        self.restate(spec);
        full
    }

    /// Whether it was for want of quota.
    fn short_of_tokens(
        &mut self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        (mark, facts): (&Mark, &HeaderFacts),
        straggler: bool,
    ) -> bool {
        let admitted = self.traffic.tokens(now);
        let tells = self.reading.is_some_and(|(_, at)| now.since(at) <= TELLS);
        if let (Some(limit), true) = (self.tokens.reported().filter(|_| !spec.pinned), tells) {
            if self.has_plenty(now, spec, mark, facts) {
                return false;
            }
            self.foreign.refused(now, limit, admitted.saturating_add(mark.charge));
            if straggler || !self.doubts_the_headers(now) {
                return true;
            }
        }
        let charge = mark.charge;
        let refused = match spec.enforcement {
            Enforcement::TokenBucket | Enforcement::Utilization if !straggler => {
                let limit = self.refill.used_up(now, self.traffic.let_in());
                Refused { admitted: limit.unwrap_or(admitted), charge, straggler: limit.is_none(), by_minute: false }
            }
            Enforcement::TokenBucket | Enforcement::Utilization => {
                Refused { admitted, charge, straggler, by_minute: false }
            }
            Enforcement::Auto | Enforcement::SlidingLog => Refused { admitted, charge, straggler, by_minute: true },
        };
        self.tokens.refused(now, tokens_stated(spec), refused);
        true
    }

    /// Plenty was left by its own word, said a while ago at most and not taken back by the refusal itself: it lacks something
    /// else, and calls it tokens.
    pub(super) fn has_plenty(
        &self,
        now: Timestamp,
        spec: &CheckedEndpoint,
        mark: &Mark,
        refusal: &HeaderFacts,
    ) -> bool {
        let tells = self.reading.is_some_and(|(_, at)| now.since(at) <= TELLS);
        let limit = self.tokens.reported().filter(|_| tells && !spec.pinned);
        let is_plenty = |limit: u64, left: u64| left > (limit / 4).saturating_add(mark.charge);
        limit.is_some_and(|limit| {
            let said = refusal.tokens;
            let takes_back = said.remaining.is_some_and(|left| !is_plenty(said.limit.unwrap_or(limit), left));
            !takes_back && is_plenty(limit, self.expected_left(now, limit))
        })
    }

    /// The limit of a unit that the service last reported.
    pub(super) const fn reported(&self, unit: Unit) -> Option<u64> {
        let [input, output, day_tokens, day_requests] = &self.more;
        match unit {
            Unit::Tokens => self.tokens.reported(),
            Unit::Requests => self.requests.reported(),
            Unit::Input => input.reported(),
            Unit::Output => output.reported(),
            Unit::DayTokens => day_tokens.reported(),
            Unit::DayRequests => day_requests.reported(),
        }
    }

    /// What is at least and at most left of a bucket by an answer's word. What others may have taken since is not at least
    /// there, and what came back since may be.
    pub(super) fn left(&self, now: Timestamp, mark: &Mark, unit: Unit, remaining: u64) -> (u64, u64) {
        let counted = matches!(unit, Unit::Requests | Unit::DayRequests);
        let (held, period) = match unit {
            Unit::Requests => (self.holding.provider_requests, MINUTE),
            Unit::DayTokens | Unit::DayRequests => (None, DAY),
            Unit::Tokens | Unit::Input | Unit::Output => (self.holding.provider, MINUTE),
        };
        let limit = self.reported(unit).or(held);
        let (least, most) =
            if counted { self.traffic.requests_left(mark, remaining) } else { self.traffic.left(mark, remaining) };
        let others = if unit == Unit::Tokens { self.foreign.room() / OTHERS_MEANWHILE } else { 0 };
        // Part of a request that came back meanwhile may make the part that was not told of a whole one.
        let part = u64::from(counted && now > mark.at);
        let back = share(limit.unwrap_or(0), now.since(mark.at), period).saturating_add(part);
        let returned = if counted { 0 } else { self.traffic.returned_since(mark) };
        (least.saturating_sub(others), most.saturating_add(back).saturating_add(returned))
    }

    /// What should be left by what the service last said, or by our books if that was long ago.
    fn expected_left(&self, now: Timestamp, limit: u64) -> u64 {
        match &self.reading {
            Some((reading, at)) if now.since(*at) <= FRESH => {
                reading.remaining.saturating_sub(self.traffic.sent_since(&reading.mark))
            }
            _ => limit.saturating_sub(self.traffic.tokens(now)).saturating_sub(self.foreign.rate()),
        }
    }

    /// Provisioned throughput is so full after an answer, in permille. What it let in while it did not fill up came back in
    /// that time.
    pub(super) fn fills(&mut self, now: Timestamp, spec: &CheckedEndpoint, mark: &Mark, permille: u32) {
        let let_in = self.traffic.let_in().saturating_sub(self.traffic.sent_since(mark));
        let held = self.holding.provider.unwrap_or(u64::MAX);
        let more = |least: &u64| *least > held.saturating_add(held / PROOF);
        let settled = let_in.saturating_sub(self.traffic.under_way());
        if let Some(least) = self.refill.fills(mark.at, (settled, let_in), permille).filter(more) {
            self.tokens.prove(now, tokens_stated(spec), least);
            self.restate(spec);
        }
    }

    /// Whether refusals are so many that what the service says is left does not explain them.
    fn doubts_the_headers(&mut self, now: Timestamp) -> bool {
        let (count, first) = self.doubts;
        self.doubts = if now.since(first) > MINUTE { (1, now) } else { (count.saturating_add(1), first) };
        self.doubts.0 >= DOUBTED
    }

    /// Takes in the limits that an answer states; nothing, zero and −1 state none.
    pub(super) fn hear(&mut self, now: Timestamp, spec: &CheckedEndpoint, pairs: &Pairs) {
        if let Some(limit) = pairs.tokens.limit.filter(|limit| *limit > 0) {
            self.tokens.report(now, tokens_stated(spec), limit);
        }
        self.hear_requests(now, spec, &pairs.requests);
        for ((ceiling, stated), pair) in self.more.iter_mut().zip(more_stated(spec)).zip(pairs.more) {
            if let Some(limit) = pair.limit.filter(|limit| *limit > 0) {
                ceiling.report(now, stated, limit);
            }
        }
        self.restate(spec);
    }

    /// When the first of the limits that the service reported will be too old to be believed, unless it is said again.
    pub(super) fn words_end(&self, spec: &CheckedEndpoint) -> Option<Timestamp> {
        let more = self.more.iter().zip(more_stated(spec)).zip(MORE_WORDS);
        let more = more.filter_map(|((ceiling, stated), memory)| ceiling.word_ends(stated, memory));
        self.tokens.word_ends(tokens_stated(spec), WORD).into_iter().chain(more).min()
    }

    /// Past words that are too old by now larger requests are tried. One request does not exceed a limit of requests, so no word
    /// of those need grow old; and prompts and outputs that are limited apart have no way past a limit that is held.
    pub(super) fn forget_words(&mut self, now: Timestamp, spec: &CheckedEndpoint) {
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
        if is_over(self.tokens.word_ends(tokens_stated(spec), WORD)) {
            self.tokens.loosen_word();
        }
        for ((ceiling, stated), memory) in self.more.iter_mut().zip(more_stated(spec)).zip(MORE_WORDS) {
            if is_over(ceiling.word_ends(stated, memory)) {
                ceiling.forget_word();
            }
        }
        self.restate(spec);
    }

    /// Holds what the service says is left against our own books.
    fn compare(&mut self, now: Timestamp, spec: &CheckedEndpoint, mark: &Mark, pairs: &Pairs, capped: bool) {
        let limit = pairs.tokens.limit.filter(|limit| *limit > 0).or(self.holding.provider);
        let (Some(limit), Some(remaining)) = (limit, pairs.tokens.remaining) else { return };
        if spec.enforcement == Enforcement::Utilization {
            return;
        }
        let reading = Reading { mark: *mark, limit, remaining };
        let overtaking = self.traffic.overtaking(mark);
        if let Some((before, _)) = &self.reading
            && overtaking == Some(0)
            && let Some(charged) = reading.charged_since(before, spec.enforcement == Enforcement::TokenBucket)
        {
            let [with, without] = &mut self.calibrations;
            let calibration = if capped { with } else { without };
            calibration.observe(charged, mark.formula);
        }
        self.reading = Some((reading, now));
        if spec.enforcement == Enforcement::TokenBucket {
            // A minute's rate is many times what is seen of it: only readings beyond doubt will do.
            if mark.apart && overtaking == Some(0) {
                self.compare_drift(now, reading);
            }
        } else {
            let since = self.traffic.sent_since(mark);
            let overtaking = overtaking.unwrap_or(since);
            self.foreign.see(now, Shown::by_log(&Logged::tokens(&reading, since, overtaking)));
        }
    }

    fn compare_drift(&mut self, now: Timestamp, reading: Reading) {
        let Some(anchor) = self.anchor.filter(|anchor| anchor.mark.order < reading.mark.order) else {
            self.anchor = Some(reading);
            return;
        };
        if let Some(shown) = Shown::by_bucket(&anchor, &reading, self.traffic.sent_between(&anchor.mark, &reading.mark))
        {
            self.foreign.see(now, shown);
            self.anchor = Some(reading);
        } else if reading.mark.at.since(anchor.mark.at) > *DRIFT.end() {
            self.anchor = Some(reading);
        }
    }
}

/// What the configuration says of tokens per minute.
pub(super) const fn tokens_stated(spec: &CheckedEndpoint) -> Stated {
    Stated { limit: spec.tokens_per_minute, pinned: spec.pinned, above: spec.probe_above }
}

/// What the configuration says of requests per minute.
pub(super) const fn requests_stated(spec: &CheckedEndpoint) -> Stated {
    Stated { limit: spec.requests_per_minute, pinned: spec.pinned, above: spec.probe_above }
}

/// What the configuration says of the limits that few services have.
pub(super) const fn more_stated(spec: &CheckedEndpoint) -> More<Stated> {
    let (pinned, above) = (spec.pinned, false);
    [
        Stated { limit: spec.input_tokens_per_minute, pinned, above },
        Stated { limit: spec.output_tokens_per_minute, pinned, above },
        Stated { limit: spec.tokens_per_day, pinned, above },
        Stated { limit: spec.requests_per_day, pinned, above },
    ]
}
