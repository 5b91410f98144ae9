//! Every endpoint's last 15 minutes, one point a second.
//!
//! Invariant: a slot belongs to its endpoint for good, even after the endpoint is gone; a second that was not sampled has
//! no point.
//! Absent on purpose: sums and rates over other windows; the screen derives them from points.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::contract::snapshot::{EndpointSeries, SeriesPoint, SeriesView};
use crate::model::id::EndpointId;
use crate::model::status::{BalancerView, EndpointView};

/// Seconds kept.
pub const SECONDS: u64 = 900;
/// Points in a sealed chunk.
pub const CHUNK: usize = 60;

/// All endpoints' points.
#[derive(Debug, Default)]
pub struct Series {
    tracks: Vec<Track>,
    generation: u64,
}

#[derive(Debug)]
struct Track {
    id: EndpointId,
    sealed: VecDeque<Arc<[SeriesPoint]>>,
    open: Vec<SeriesPoint>,
    last_second: Option<u64>,
    throttled_so_far: u64,
}

impl Series {
    /// No endpoint yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one point per endpoint of the view for this second (whole seconds on the brain's clock). A second that is not
    /// later than an endpoint's last one is ignored for it.
    pub fn sample(&mut self, view: &BalancerView, second: u64) {
        for endpoint in &view.endpoints {
            let slot = self.tracks.iter().position(|track| track.id == endpoint.id).unwrap_or_else(|| {
                self.tracks.push(Track::new(endpoint.id.clone()));
                self.tracks.len() - 1
            });
            if let Some(track) = self.tracks.get_mut(slot) {
                track.sample(endpoint, second);
            }
        }
        self.tracks.iter_mut().for_each(|track| track.forget_before(second.saturating_sub(SECONDS)));
        self.generation = self.generation.saturating_add(1);
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
        let endpoints = self.tracks.iter().enumerate().map(|(slot, track)| track.view(slot)).collect();
        SeriesView { generation: self.generation, endpoints }
    }
}

impl Track {
    fn new(id: EndpointId) -> Self {
        Self { id, sealed: VecDeque::new(), open: Vec::with_capacity(CHUNK), last_second: None, throttled_so_far: 0 }
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
        EndpointSeries { id: self.id.clone(), slot, chunks }
    }
}

#[cfg(test)]
#[path = "series_tests.rs"]
mod tests;
