//! The endpoints' last six hours in buckets of ten seconds and last seven days in buckets of a minute.
//!
//! Invariant: a bucket that is shown or handed out for storing is over, unless we are about to end; a span nobody sampled
//! has no bucket.
//! Absent on purpose: the last 15 minutes second by second (`series`), and files.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::contract::history::{LongSeries, LongTrack};
use crate::model::history::{Bucket, BucketRow, Grain, Sample};
use crate::model::id::EndpointId;

/// Buckets in a sealed chunk.
const CHUNK: usize = 120;

/// All endpoints' buckets.
#[derive(Debug, Default)]
pub struct Pyramid {
    tracks: Vec<Track>,
    generation: u64,
    /// Buckets that are over and were not handed out yet.
    over: Vec<BucketRow>,
}

#[derive(Debug)]
struct Track {
    id: EndpointId,
    steps: [Step; 2],
}

/// The buckets of one grain.
#[derive(Debug)]
struct Step {
    grain: Grain,
    sealed: VecDeque<Arc<[Bucket]>>,
    open: Vec<Bucket>,
    filling: Option<Bucket>,
}

impl Pyramid {
    /// Takes in one second of one endpoint.
    pub fn sample(&mut self, endpoint: &EndpointId, sample: Sample) {
        let Self { tracks, generation, over } = self;
        let place = place_of(tracks, endpoint);
        for step in tracks.get_mut(place).into_iter().flat_map(|track| &mut track.steps) {
            if let Some(bucket) = step.sample(sample) {
                *generation = generation.saturating_add(1);
                over.push(BucketRow { grain: step.grain, endpoint: endpoint.clone(), bucket });
            }
        }
    }

    /// Puts what an earlier run left before what this run has. Rows come by endpoint and grain, oldest first; what is too old
    /// by `now` (seconds since 1970) is passed over.
    pub fn remember(&mut self, rows: &[BucketRow], now: u64) {
        for run in rows.chunk_by(|one, next| (&one.endpoint, one.grain) == (&next.endpoint, next.grain)) {
            let Some(BucketRow { grain, endpoint, .. }) = run.first() else { continue };
            let first = now.saturating_sub(grain.span());
            let place = place_of(&mut self.tracks, endpoint);
            let steps = self.tracks.get_mut(place).into_iter().flat_map(|track| &mut track.steps);
            for step in steps.filter(|step| step.grain == *grain) {
                let limit = step.oldest().unwrap_or(u64::MAX);
                let older = run.iter().map(|row| row.bucket);
                let older = older.filter(|bucket| bucket.start >= first && bucket.start < limit);
                step.prepend(&older.collect::<Vec<_>>());
            }
        }
        self.generation = self.generation.saturating_add(1);
    }

    /// The buckets that came to their end since the last call.
    #[must_use]
    pub fn take_over(&mut self) -> Vec<BucketRow> {
        std::mem::take(&mut self.over)
    }

    /// Everything not handed out yet, those still filling included: we are about to end.
    #[must_use]
    pub fn take_rest(&mut self) -> Vec<BucketRow> {
        let mut rest = self.take_over();
        for track in &mut self.tracks {
            for step in &mut track.steps {
                let endpoint = track.id.clone();
                rest.extend(step.filling.take().map(|bucket| BucketRow { grain: step.grain, endpoint, bucket }));
            }
        }
        rest
    }

    /// Changes exactly when the view would.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// What the screen reads. Sealed chunks are shared, the open ones (at most 120 buckets each) copied.
    #[must_use]
    pub fn view(&self) -> LongSeries {
        let track = |track: &Track| {
            let [tens, minutes] = &track.steps;
            LongTrack { id: track.id.clone(), ten_seconds: tens.chunks(), minutes: minutes.chunks() }
        };
        LongSeries { generation: self.generation, tracks: self.tracks.iter().map(track).collect() }
    }
}

/// Where this endpoint's track stands; it is made if there is none.
fn place_of(tracks: &mut Vec<Track>, endpoint: &EndpointId) -> usize {
    tracks.iter().position(|track| track.id == *endpoint).unwrap_or_else(|| {
        tracks.push(Track { id: endpoint.clone(), steps: Grain::ALL.map(Step::new) });
        tracks.len() - 1
    })
}

impl Step {
    const fn new(grain: Grain) -> Self {
        Self { grain, sealed: VecDeque::new(), open: Vec::new(), filling: None }
    }

    /// Returns the bucket that is over with this sample, if one is.
    fn sample(&mut self, sample: Sample) -> Option<Bucket> {
        let fresh = Bucket::of(sample, self.grain);
        match &mut self.filling {
            Some(filling) if filling.start >= fresh.start => {
                filling.merge(&fresh);
                None
            }
            _ => {
                let done = self.filling.replace(fresh)?;
                self.keep(done);
                self.forget_before(sample.second.saturating_sub(self.grain.span()));
                Some(done)
            }
        }
    }

    fn keep(&mut self, bucket: Bucket) {
        self.open.push(bucket);
        if self.open.len() >= CHUNK {
            self.sealed.push_back(Arc::from(self.open.as_slice()));
            self.open.clear();
        }
    }

    fn prepend(&mut self, older: &[Bucket]) {
        for chunk in older.rchunks(CHUNK) {
            self.sealed.push_front(Arc::from(chunk));
        }
    }

    fn oldest(&self) -> Option<u64> {
        let first = self.sealed.front().and_then(|chunk| chunk.first()).or(self.open.first());
        first.or(self.filling.as_ref()).map(|bucket| bucket.start)
    }

    fn forget_before(&mut self, first: u64) {
        while self.sealed.front().is_some_and(|chunk| chunk.last().is_none_or(|bucket| bucket.start < first)) {
            self.sealed.pop_front();
        }
    }

    fn chunks(&self) -> Vec<Arc<[Bucket]>> {
        let mut chunks: Vec<_> = self.sealed.iter().cloned().collect();
        if !self.open.is_empty() {
            chunks.push(Arc::from(self.open.as_slice()));
        }
        chunks
    }
}

#[cfg(test)]
#[path = "pyramid_tests.rs"]
mod tests;
