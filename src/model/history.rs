//! What is kept over a restart, as plain values: buckets of the series, sums of usage, and how the store stands.
//!
//! Invariant: adding and merging commute, so that a bucket or a sum that was written in parts says the same as one written
//! whole.
//! Absent on purpose: finished requests, which are kept as they are (`model::record`), and files (`store::history`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::id::{CallerId, EndpointId, ModelName};
use super::record::RequestRecord;

/// How finely a series is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grain {
    /// Ten seconds, for six hours.
    TenSeconds,
    /// A minute, for seven days.
    Minute,
}

impl Grain {
    /// Both, the finer first.
    pub const ALL: [Self; 2] = [Self::TenSeconds, Self::Minute];

    /// Seconds of a bucket.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::TenSeconds => 10,
            Self::Minute => 60,
        }
    }

    /// Seconds for which buckets are kept.
    #[must_use]
    pub const fn span(self) -> u64 {
        match self {
            Self::TenSeconds => 6 * 3_600,
            Self::Minute => 7 * 86_400,
        }
    }
}

/// What was sampled of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Of all samples.
    pub sum: u64,
    /// The smallest sample.
    pub min: u32,
    /// The largest sample.
    pub max: u32,
}

impl Extent {
    fn of(sample: u64) -> Self {
        let short = u32::try_from(sample).unwrap_or(u32::MAX);
        Self { sum: sample, min: short, max: short }
    }

    fn merge(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// Some seconds of one endpoint. Zooming out merges buckets, so no spike is ever hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Its first second, since 1970.
    pub start: u64,
    /// Seconds that were sampled; fewer than its width if we did not run all the time.
    pub count: u32,
    /// Tokens charged in the 60 s before each sample.
    pub tokens: Extent,
    /// Requests in the 60 s before each sample.
    pub requests: Extent,
    /// The service's 429s.
    pub throttled: u32,
    /// The lowest effective token limit.
    pub token_limit: Option<u32>,
}

/// One second of one endpoint, as a bucket takes it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The second, since 1970.
    pub second: u64,
    /// Tokens charged in the 60 s before.
    pub tokens: u64,
    /// Requests in the 60 s before.
    pub requests: u64,
    /// The service's 429s within it.
    pub throttled: u32,
    /// The effective token limit.
    pub token_limit: Option<u64>,
}

impl Bucket {
    /// The bucket of this grain that a sample falls into, with that sample alone.
    #[must_use]
    pub fn of(sample: Sample, grain: Grain) -> Self {
        Self {
            start: sample.second - sample.second % grain.seconds(),
            count: 1,
            tokens: Extent::of(sample.tokens),
            requests: Extent::of(sample.requests),
            throttled: sample.throttled,
            token_limit: sample.token_limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
        }
    }

    /// Takes in another bucket's samples; the earlier start stays.
    pub fn merge(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.count = self.count.saturating_add(other.count);
        self.tokens.merge(other.tokens);
        self.requests.merge(other.requests);
        self.throttled = self.throttled.saturating_add(other.throttled);
        self.token_limit = match (self.token_limit, other.token_limit) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
    }

    /// The mean of a number over the seconds that were sampled.
    #[must_use]
    pub fn mean(&self, number: Extent) -> u64 {
        number.sum / u64::from(self.count.max(1))
    }
}

/// Merges buckets (oldest first) into at most `columns` of equal width over `from..to`, in seconds since 1970, for a plot that
/// is so many pixels wide. A column nothing falls into is not there: a gap stays a gap.
#[must_use]
pub fn thin<'b>(buckets: impl Iterator<Item = &'b Bucket>, (from, to): (u64, u64), columns: u64) -> Vec<Bucket> {
    let width = to.saturating_sub(from).div_ceil(columns.max(1)).max(1);
    let mut merged: Vec<Bucket> = Vec::new();
    let mut last = None;
    for bucket in buckets.filter(|bucket| (from..to).contains(&bucket.start)) {
        let column = (bucket.start - from) / width;
        match merged.last_mut() {
            Some(open) if last == Some(column) => open.merge(bucket),
            _ => merged.push(*bucket),
        }
        last = Some(column);
    }
    merged
}

/// Whose usage is added up: one line of the usage table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UsageKey {
    /// The local day, counted from 1970-01-01.
    pub day: i32,
    /// The caller, if one authenticated.
    pub caller: Option<CallerId>,
    /// The client's own label.
    pub client: Arc<str>,
    /// What was asked for.
    pub model: ModelName,
    /// Where the answer came from; `None`: nowhere.
    pub endpoint: Option<EndpointId>,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSum {
    /// Requests that ended.
    pub requests: u64,
    /// Of these, not answered whole and without an error.
    pub failed: u64,
    /// Of these, answered without a count of their own, so that the tokens are a lower bound.
    pub uncounted: u64,
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Prompt tokens the service had cached.
    pub cached: u64,
    /// Tokens of answers, reasoning included.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
}

impl UsageSum {
    /// What one finished request used.
    #[must_use]
    pub fn of(record: &RequestRecord) -> Self {
        let usage = record.usage.unwrap_or_default();
        let answered = record.is_answered_whole();
        Self {
            requests: 1,
            failed: u64::from(!answered),
            uncounted: u64::from(answered && !usage.exact),
            input: usage.input,
            cached: usage.cached,
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.requests, other.requests),
            (&mut self.failed, other.failed),
            (&mut self.uncounted, other.uncounted),
            (&mut self.input, other.input),
            (&mut self.cached, other.cached),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
        ] {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// Input and output together.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// One line of the usage table.
pub type UsageRow = (UsageKey, UsageSum);

/// One stored bucket and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketRow {
    /// How finely.
    pub grain: Grain,
    /// Of which endpoint.
    pub endpoint: EndpointId,
    /// The numbers.
    pub bucket: Bucket,
}

/// What is written in one go.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// When it was handed over, in Unix milliseconds.
    pub wall_ms: u64,
    /// Finished requests, in the order in which they ended.
    pub records: Vec<Arc<RequestRecord>>,
    /// Buckets that are full, or the last of this run.
    pub buckets: Vec<BucketRow>,
    /// What was used since the batch before.
    pub usage: Vec<UsageRow>,
}

impl Batch {
    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.buckets.is_empty() && self.usage.is_empty()
    }
}

/// What an earlier run left.
#[derive(Clone, Debug, Default)]
pub struct Remembered {
    /// The newest requests, oldest first.
    pub records: Vec<Arc<RequestRecord>>,
    /// By endpoint and grain, oldest first.
    pub buckets: Vec<BucketRow>,
    /// In order of their keys.
    pub usage: Vec<UsageRow>,
    /// Somebody stopped the reading: of requests and buckets more is stored.
    pub cut_short: bool,
}

/// Whether the store works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoreState {
    /// Not looked at yet.
    #[default]
    Opening,
    /// The configuration says to keep nothing.
    Off,
    /// Keeps what comes.
    Ready,
    /// Does not keep what comes: what happened, and one next step.
    Failing {
        /// What happened, as a sentence.
        what: String,
        /// One next step.
        next_step: String,
    },
}

/// How the store stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreFacts {
    /// Whether it works.
    pub state: StoreState,
    /// Its file, as on screen.
    pub path: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Of what an earlier run left, the percent that is read.
    pub read: u8,
    /// Requests in it.
    pub requests: u64,
    /// When the oldest of them ended, in Unix milliseconds.
    pub oldest_wall_ms: Option<u64>,
    /// Requests of this run that are not in it: more came than the budget allows, or the disk did not follow.
    pub left_out: u64,
    /// A file that could not be read and was set aside under this name.
    pub set_aside: Option<String>,
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
