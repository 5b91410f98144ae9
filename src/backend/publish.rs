//! Makes snapshots, and only when something changed.
//!
//! Invariant: parts that did not change keep their `Arc`; a proxy that has been idle for as long as plots reach back publishes
//! nothing.
//! Absent on purpose: repainting; the line asks for it.

use std::sync::Arc;

use super::paces::paces;
use super::profile::Loaded;
use super::stage::Stage;
use super::{Options, keys};
use crate::contract::snapshot::{Applied, Arrivals, KeysView, LineView, RecordsView, ScriptView, SeriesView, Serving};
use crate::contract::{DoorView, HistoryView, Snapshot};
use crate::engine::clock::Clock;
use crate::model::config::Config;
use crate::model::proposal::{PoolPlan, Share};
use crate::model::status::{BalancerView, Health};
use crate::model::units::Timestamp;
use crate::plan::propose;

/// How often what happened moves on through the plots, in seconds, while nothing else happens.
const SLIDE: u64 = 5;
/// As long ago is in plots and sums of the last minutes, in seconds.
const IN_SIGHT: u64 = 15 * 60;

/// What was published last.
#[derive(Default)]
pub struct Publisher {
    generation: u64,
    second: u64,
    /// The second in which something happened last.
    happened: u64,
    view: Arc<BalancerView>,
    plans: Arc<Vec<PoolPlan>>,
    /// What the plans were made of.
    planned: Option<(Arc<Config>, Vec<Vec<Share>>)>,
    series: Arc<SeriesView>,
    records: Arc<RecordsView>,
    history: HistoryView,
    keys: Arc<KeysView>,
    door: Arc<DoorView>,
    script: Option<ScriptView>,
    arrivals: Arrivals,
    line: LineView,
    fresh: Option<BalancerView>,
}

impl Publisher {
    /// The snapshot before anything runs.
    pub(super) fn first(profile: &Loaded, applied: &Arc<Applied>, options: &Options, clock: &Clock) -> Snapshot {
        Snapshot {
            generation: 0,
            at: clock.now(),
            wall_ms: clock.wall_ms(),
            serving: Serving::Starting,
            launch_port: options.port,
            sockets: Vec::new(),
            profile: profile.shown.clone(),
            applied: Arc::clone(applied),
            left_draft: profile.draft.clone(),
            revisions: Arc::default(),
            on_disk: None,
            live: None,
            view: Arc::default(),
            plans: Arc::default(),
            series: Arc::default(),
            records: Arc::default(),
            history: HistoryView::default(),
            keys: Arc::default(),
            door: Arc::default(),
            script: None,
            arrivals: Arrivals::default(),
            line: LineView::default(),
            requests_view: Arc::default(),
        }
    }

    /// Looks whether there is something new to show. Once a second it also samples the series.
    pub(super) fn is_due(&mut self, stage: &mut Stage) -> bool {
        let view = stage.engine.view();
        let second = view.at.0 / 1_000_000;
        let new_second = second != self.second;
        if new_second {
            self.second = second;
            stage.sample_series(&view, second);
            stage.depth.sample(&view.queue, second);
            stage.history.sample(&stage.series, second);
        }
        let moved = !same(&view, &self.view);
        // A countdown moves by the second although nothing else does.
        let counting = new_second && (stage.live.is_some() || is_counting(&view));
        let script = stage.simulated.as_ref().and_then(super::simulated::Simulated::script);
        let told =
            stage.ring.total() != self.records.total || script != self.script || stage.door.arrivals() != self.arrivals;
        let told = told || stage.door.strangers() != self.door.strangers || stage.door.waiting() != self.door.waiting;
        let told = told || *stage.door.streams.view() != *self.line.streams;
        if moved || told {
            self.happened = second;
        }
        let sliding = new_second && slides(second, self.happened);
        let due = moved || counting || told || sliding;
        if due {
            self.fresh = Some(view);
        }
        due
    }

    /// The snapshot of this moment.
    pub(super) fn snapshot(&mut self, stage: &mut Stage) -> Snapshot {
        let view = self.fresh.take().unwrap_or_else(|| stage.engine.view());
        let at = view.at;
        if !same(&view, &self.view) {
            stage.door.paces.store(Arc::new(paces(&view)));
            self.view = Arc::new(view);
        }
        self.plan(&stage.applied.config);
        let series = stage.series.view();
        if series.generation != self.series.generation {
            self.series = Arc::new(series);
        }
        if stage.ring.total() != self.records.total || self.records.is_empty() {
            self.records = Arc::new(stage.ring.view(stage.door.recorder.dropped()));
        }
        self.history = stage.history.view();
        let keys = keys::view(&stage.places, stage.desk.keyring(), &stage.tested.keys, &stage.racks);
        let calls = stage.tested.calls.iter().map(|(endpoint, test)| (endpoint.clone(), test.clone())).collect();
        let keys = KeysView { calls, trials: stage.tested.trials.clone(), set_aside: stage.set_aside(), ..keys };
        if keys != *self.keys {
            self.keys = Arc::new(keys);
        }
        let door = stage.door_view();
        if door != *self.door {
            self.door = Arc::new(door);
        }
        self.script = stage.simulated.as_ref().and_then(super::simulated::Simulated::script);
        self.arrivals = stage.door.arrivals();
        self.line = LineView {
            depth: stage.depth.view(),
            streams: stage.door.streams.view().into(),
            leaving: stage.leaving.view().into(),
        };
        self.generation += 1;
        self.assemble(stage, at)
    }

    /// Works out how pools could be split, if they or what is asked of them changed.
    fn plan(&mut self, config: &Arc<Config>) {
        let asked = |pool: &crate::model::id::PoolId| {
            let seen = self.view.pools.iter().find(|seen| seen.id == *pool);
            seen.map_or(&[] as &[Share], |seen| &seen.proposed)
        };
        let by_demand: Vec<Vec<Share>> = config.quota_pools.iter().map(|pool| asked(&pool.id).to_vec()).collect();
        let known = |(of, shares): &(Arc<Config>, Vec<Vec<Share>>)| Arc::ptr_eq(of, config) && *shares == by_demand;
        if !self.planned.as_ref().is_some_and(known) {
            self.plans = Arc::new(propose::plans(config, |pool| asked(&pool.id)));
            self.planned = Some((Arc::clone(config), by_demand));
        }
    }

    fn assemble(&self, stage: &Stage, at: Timestamp) -> Snapshot {
        Snapshot {
            generation: self.generation,
            at,
            wall_ms: stage.clock.wall_ms(),
            serving: stage.serving.clone(),
            launch_port: stage.options.port,
            sockets: stage.sockets(),
            profile: stage.profile.shown.clone(),
            applied: Arc::clone(&stage.applied),
            left_draft: stage.profile.draft.clone(),
            revisions: Arc::clone(&stage.revisions),
            on_disk: stage.on_disk.clone(),
            live: stage.live.as_ref().map(|live| live.view(&stage.ring)),
            view: Arc::clone(&self.view),
            plans: Arc::clone(&self.plans),
            series: Arc::clone(&self.series),
            records: Arc::clone(&self.records),
            history: self.history.clone(),
            keys: Arc::clone(&self.keys),
            door: Arc::clone(&self.door),
            script: self.script.clone(),
            arrivals: self.arrivals.clone(),
            line: self.line.clone(),
            requests_view: Arc::clone(&stage.requests_view),
        }
    }
}

/// Whether two views differ in nothing but their moment.
fn same(a: &BalancerView, b: &BalancerView) -> bool {
    a.revision == b.revision
        && a.endpoints == b.endpoints
        && a.pools == b.pools
        && a.callers == b.callers
        && a.routes == b.routes
        && a.queue == b.queue
        && a.kept == b.kept
}

fn is_counting(view: &BalancerView) -> bool {
    view.queue.waiting > 0
        || !view.queue.running.is_empty()
        || view.endpoints.iter().any(|endpoint| matches!(endpoint.health, Health::Resting { .. }))
}

/// Whether what happened is to be seen a bit further back, although nothing happened since.
const fn slides(second: u64, happened: u64) -> bool {
    second.is_multiple_of(SLIDE) && second.saturating_sub(happened) <= IN_SIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_moves_through_the_plots_until_it_is_out_of_sight() {
        let published = |from: u64, to: u64| (from..to).filter(|second| slides(*second, 1_000)).count();
        assert_eq!(published(1_000, 1_900), 180, "every five seconds");
        assert_eq!(published(1_901, 9_000), 0, "and an idle proxy publishes nothing");
    }
}
