//! Every endpoint's last 15 minutes, one point a second.
//!
//! Invariant: a slot belongs to its endpoint, over restarts and after the endpoint is gone, for as long as anything kept tells of
//! it; only one of those with a colour goes to a configured endpoint that would have none. A second that was not sampled has no
//! point. What an earlier run left of those minutes stands before it, as the means of ten seconds.
//! Absent on purpose: sums and rates over other windows; the screen derives them from points.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::contract::snapshot::{EndpointSeries, SeriesPoint, SeriesView};
use crate::model::config::AdminState;
use crate::model::history::{Bucket, BucketRow, Grain};
use crate::model::id::EndpointId;
use crate::model::status::{BalancerView, EndpointView, Health};

/// Seconds kept.
pub const SECONDS: u64 = 900;
/// Points in a sealed chunk.
pub const CHUNK: usize = 60;

/// All endpoints' points.
#[derive(Debug, Default)]
pub struct Series {
    tracks: Vec<Track>,
    /// What an earlier run left of endpoints that were not seen yet in this one.
    left: BTreeMap<EndpointId, Arc<[SeriesPoint]>>,
    /// Whose slot each is; those of earlier runs stay.
    slots: Vec<EndpointId>,
    generation: u64,
}

#[derive(Debug)]
struct Track {
    id: EndpointId,
    earlier: Arc<[SeriesPoint]>,
    sealed: VecDeque<Arc<[SeriesPoint]>>,
    open: Vec<SeriesPoint>,
    last_second: Option<u64>,
    throttled_so_far: u64,
}

impl Series {
    /// No point yet, with the slots as they were given before.
    #[must_use]
    pub fn new(slots: Vec<EndpointId>) -> Self {
        Self { slots, ..Self::default() }
    }

    /// Whose slot each is.
    #[must_use]
    pub fn slots(&self) -> &[EndpointId] {
        &self.slots
    }

    /// Adds one point per endpoint of the view for this second (whole seconds on the brain's clock). A second that is not
    /// later than an endpoint's last one is ignored for it. `is_told` says whether anything kept tells of an endpoint that is
    /// gone; a new one may have the slot of another. Returns whether slots were given.
    pub fn sample(&mut self, view: &BalancerView, second: u64, is_told: impl Fn(&EndpointId) -> bool) -> bool {
        let mut gave = false;
        for endpoint in &view.endpoints {
            let place = self.tracks.iter().position(|track| track.id == endpoint.id).unwrap_or_else(|| {
                gave |= self.give_slot(&endpoint.id, view, &is_told);
                let earlier = self.left.remove(&endpoint.id).unwrap_or_default();
                self.tracks.push(Track::new(endpoint.id.clone(), earlier));
                self.tracks.len() - 1
            });
            if let Some(track) = self.tracks.get_mut(place) {
                track.sample(endpoint, second);
            }
        }
        self.tracks.iter_mut().for_each(|track| track.forget_before(second.saturating_sub(SECONDS)));
        self.generation = self.generation.saturating_add(1);
        gave
    }

    /// Puts what an earlier run left of the last minutes before what this one has. Rows come by endpoint, oldest first; `now` is
    /// in whole seconds.
    pub fn remember(&mut self, rows: &[BucketRow], now: u64) {
        let recent = |row: &&BucketRow| row.grain == Grain::TenSeconds && row.bucket.start + SECONDS >= now;
        let rows: Vec<&BucketRow> = rows.iter().filter(recent).collect();
        for run in rows.chunk_by(|one, next| one.endpoint == next.endpoint) {
            let Some(BucketRow { endpoint, .. }) = run.first() else { continue };
            let track = self.tracks.iter_mut().find(|track| track.id == *endpoint);
            let first = track.as_ref().and_then(|track| track.first_second()).unwrap_or(now);
            let after = |bucket: &Bucket, other: &Bucket| bucket.start == other.start + Grain::TenSeconds.seconds();
            let points = run.iter().enumerate().flat_map(|(place, row)| {
                let is_next = |before: usize| run.get(before).is_some_and(|before| after(&row.bucket, &before.bucket));
                let begins = !place.checked_sub(1).is_some_and(is_next);
                let goes_on = run.get(place + 1).is_some_and(|next| after(&next.bucket, &row.bucket));
                remembered(&row.bucket, begins && goes_on)
            });
            let points: Arc<[SeriesPoint]> = points.filter(|point| point.second < first).collect();
            match track {
                Some(track) => track.earlier = points,
                None => drop(self.left.insert(endpoint.clone(), points)),
            }
        }
        self.generation = self.generation.saturating_add(1);
    }

    /// Returns whether any slot has another holder now.
    fn give_slot(&mut self, id: &EndpointId, view: &BalancerView, is_told: impl Fn(&EndpointId) -> bool) -> bool {
        let held = self.slots.iter().position(|holder| holder == id);
        if held.is_some_and(|slot| slot < EndpointSeries::COLOURED) {
            return false;
        }
        let is_shown = |holder: &EndpointId| self.tracks.iter().any(|track| track.id == *holder);
        let is_free = |holder: &EndpointId| view.endpoint(holder).is_none() && !is_shown(holder) && !is_told(holder);
        let free =
            self.slots.iter().position(is_free).filter(|slot| held.is_none() || *slot < EndpointSeries::COLOURED);
        if let (None, Some(slot)) = (held, free.and_then(|slot| self.slots.get_mut(slot))) {
            slot.clone_from(id);
            return true;
        }
        // Who held a colour without being configured keeps the place that the other had.
        let own = held.unwrap_or_else(|| {
            self.slots.push(id.clone());
            self.slots.len() - 1
        });
        let better = (own >= EndpointSeries::COLOURED).then(|| free.or_else(|| self.left_coloured(view))).flatten();
        if let Some(slot) = better {
            self.slots.swap(slot, own);
        }
        held.is_none() || better.is_some()
    }

    /// The slot with a colour whose endpoint is not configured; of several that which was seen least recently.
    fn left_coloured(&self, view: &BalancerView) -> Option<usize> {
        let last_seen = |id: &EndpointId| self.tracks.iter().find(|track| track.id == *id)?.last_second;
        let held = self.slots.iter().take(EndpointSeries::COLOURED).enumerate();
        held.filter(|(_, id)| view.endpoint(id).is_none()).min_by_key(|(_, id)| last_seen(id)).map(|(slot, _)| slot)
    }

    /// The points of this second, for whoever keeps them longer.
    pub fn points_at(&self, second: u64) -> impl Iterator<Item = (&EndpointId, &SeriesPoint)> {
        self.tracks.iter().filter_map(move |track| {
            let newest = track.open.last().or_else(|| track.sealed.back()?.last());
            newest.filter(|point| point.second == second).map(|point| (&track.id, point))
        })
    }

    /// What the screen reads. Sealed chunks are shared, the open ones (under a minute each) copied.
    #[must_use]
    pub fn view(&self) -> SeriesView {
        let slot = |track: &Track| self.slots.iter().position(|holder| *holder == track.id).unwrap_or(usize::MAX);
        let mut endpoints: Vec<_> = self.tracks.iter().map(|track| track.view(slot(track))).collect();
        endpoints.sort_by_key(|one| one.slot);
        SeriesView { generation: self.generation, endpoints }
    }
}

impl Track {
    fn new(id: EndpointId, earlier: Arc<[SeriesPoint]>) -> Self {
        Self {
            id,
            earlier,
            sealed: VecDeque::new(),
            open: Vec::with_capacity(CHUNK),
            last_second: None,
            throttled_so_far: 0,
        }
    }

    fn sample(&mut self, endpoint: &EndpointView, second: u64) {
        if self.last_second.is_some_and(|last| second <= last) {
            return;
        }
        self.last_second = Some(second);
        let point = SeriesPoint {
            second,
            tokens_used: endpoint.last_minute.tokens,
            tokens_reserved: endpoint.tokens.reserved,
            requests_used: endpoint.last_minute.requests,
            throttled: self.newly_throttled(endpoint.counters.throttled),
            health: endpoint.health,
            admin_state: endpoint.admin_state,
            token_limit: endpoint.tokens.limit,
        };
        self.open.push(point);
        if self.open.len() >= CHUNK {
            self.sealed.push_back(Arc::from(self.open.as_slice()));
            self.open.clear();
        }
    }

    /// The 429s since the point before. A counter that fell belongs to an endpoint made anew and counts from zero.
    fn newly_throttled(&mut self, so_far: u64) -> u32 {
        let before = if so_far < self.throttled_so_far { 0 } else { self.throttled_so_far };
        self.throttled_so_far = so_far;
        u32::try_from(so_far - before).unwrap_or(u32::MAX)
    }

    /// Lets whole chunks go whose newest point is older than `first`.
    fn forget_before(&mut self, first: u64) {
        if self.earlier.first().is_some_and(|point| point.second < first) {
            self.earlier = self.earlier.iter().filter(|point| point.second >= first).copied().collect();
        }
        while self.sealed.front().is_some_and(|chunk| chunk.last().is_none_or(|point| point.second < first)) {
            self.sealed.pop_front();
        }
        if self.open.last().is_some_and(|point| point.second < first) {
            self.open.clear();
        }
    }

    fn view(&self, slot: usize) -> EndpointSeries {
        let mut chunks: Vec<_> = self.sealed.iter().cloned().collect();
        if !self.open.is_empty() {
            chunks.push(Arc::from(self.open.as_slice()));
        }
        EndpointSeries { id: self.id.clone(), slot, earlier: Arc::clone(&self.earlier), chunks }
    }

    fn first_second(&self) -> Option<u64> {
        let newest = self.sealed.front().map_or(self.open.first(), |chunk| chunk.first());
        newest.map(|point| point.second)
    }
}

/// The seconds of a bucket, each with its mean. Of one that is not whole those at its end were sampled if a run began in it,
/// else those at its beginning.
fn remembered(bucket: &Bucket, begins: bool) -> impl Iterator<Item = SeriesPoint> {
    let (bucket, whole) = (*bucket, Grain::TenSeconds.seconds());
    let sampled = u64::from(bucket.count).min(whole);
    let first = bucket.start + if begins { whole - sampled } else { 0 };
    (0..sampled).map(move |place| SeriesPoint {
        second: first + place,
        tokens_used: bucket.mean(bucket.tokens),
        tokens_reserved: 0,
        requests_used: bucket.mean(bucket.requests),
        throttled: if place == 0 { bucket.throttled } else { 0 },
        health: Health::Unknown,
        // Nobody kept whether it was paused; what was sent there says more.
        admin_state: AdminState::Enabled,
        token_limit: bucket.token_limit.map(u64::from),
    })
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
