//! What refusals taught of limits and headers named, over a restart: handed out to be kept, and taken in again.
//!
//! Invariant: a lesson is believed beside the figure it was learned beside, where nothing was learned since, and for a day
//! after it last held. From there it is probed and rises like any learned ceiling; what was named goes with the first word
//! of this run.
//! Absent on purpose: files (`store`).

use std::time::Duration;

use super::balancer::Balancer;
use crate::model::checked::CheckedEndpoint;
use crate::model::lesson::{Lesson, Taught};
use crate::model::units::{DAY, Timestamp, Unit};

/// How long after it last held a lesson is believed. Reductions end within hours.
const BELIEVED: Duration = DAY;

impl Balancer {
    /// Everything that refusals taught and that holds at `now`, of pools and of endpoints, and what headers named of endpoints.
    #[must_use]
    pub fn lessons(&self, now: Timestamp) -> Vec<Lesson> {
        let lesson = |of, stated, (ceiling, since)| Lesson { of, ceiling, stated, since, held: now };
        let pools = self.config.pools.iter().zip(&self.pool_slot_of).filter_map(|(spec, slot)| {
            let taught = self.pools.get(*slot)?.lesson(spec)?;
            Some(lesson(Taught::PoolTokens(spec.id.clone()), Some(spec.tokens_per_minute), taught))
        });
        let endpoints = self.config.endpoints.iter().zip(&self.slot_of).flat_map(|(spec, slot)| {
            let state = self.endpoints.get(*slot);
            let of = move |unit| state.and_then(|state| state.lesson(spec, unit));
            let tokens = of(Unit::Tokens).map(|it| lesson(Taught::Tokens(spec.id.clone()), spec.tokens_per_minute, it));
            let requests =
                of(Unit::Requests).map(|it| lesson(Taught::Requests(spec.id.clone()), spec.requests_per_minute, it));
            let named = move |unit| state.and_then(|state| state.named(unit));
            let said = |of, stated, (ceiling, at)| Lesson { of, ceiling, stated, since: at, held: at };
            let named_tokens =
                named(Unit::Tokens).map(|it| said(Taught::NamedTokens(spec.id.clone()), spec.tokens_per_minute, it));
            let named_requests = named(Unit::Requests)
                .map(|it| said(Taught::NamedRequests(spec.id.clone()), spec.requests_per_minute, it));
            [tokens, requests, named_tokens, named_requests].into_iter().flatten()
        });
        pools.chain(endpoints).collect()
    }

    /// What an earlier run was taught.
    pub(super) fn recall(&mut self, now: Timestamp, lessons: &[Lesson]) {
        // A clock that was ahead says nothing of how old it is.
        for lesson in lessons.iter().filter(|lesson| lesson.held <= now && now.since(lesson.held) <= BELIEVED) {
            match &lesson.of {
                Taught::PoolTokens(id) => {
                    let place = self.config.pools.iter().position(|spec| spec.id == *id);
                    self.recall_pool(now, place, lesson);
                }
                Taught::Tokens(id) | Taught::NamedTokens(id) => {
                    let is_its = |spec: &CheckedEndpoint| spec.id == *id && spec.tokens_per_minute == lesson.stated;
                    self.recall_endpoint(now, is_its, Unit::Tokens, lesson);
                }
                Taught::Requests(id) | Taught::NamedRequests(id) => {
                    let is_its = |spec: &CheckedEndpoint| spec.id == *id && spec.requests_per_minute == lesson.stated;
                    self.recall_endpoint(now, is_its, Unit::Requests, lesson);
                }
            }
        }
        self.doubt_forecasts();
    }

    fn recall_pool(&mut self, now: Timestamp, place: Option<usize>, lesson: &Lesson) {
        let Some(place) = place else { return };
        let (Some(spec), Some(slot)) = (self.config.pools.get(place), self.pool_slot_of.get(place)) else { return };
        if lesson.stated == Some(spec.tokens_per_minute)
            && let Some(pool) = self.pools.get_mut(*slot)
        {
            pool.recall(now, spec, (lesson.ceiling, lesson.since));
        }
    }

    fn recall_endpoint(
        &mut self,
        now: Timestamp,
        is_its: impl Fn(&CheckedEndpoint) -> bool,
        unit: Unit,
        lesson: &Lesson,
    ) {
        let known = self.config.endpoints.iter().zip(&self.slot_of).find(|(spec, _)| is_its(spec));
        if let Some((spec, slot)) = known
            && let Some(endpoint) = self.endpoints.get_mut(*slot)
        {
            match lesson.of {
                Taught::NamedTokens(_) | Taught::NamedRequests(_) => {
                    endpoint.recall_named(now, spec, unit, (lesson.ceiling, lesson.held));
                }
                _ => endpoint.recall(now, spec, unit, (lesson.ceiling, lesson.since)),
            }
        }
    }
}

#[cfg(test)]
#[path = "lessons_tests.rs"]
mod tests;
