//! What runs: a configuration that was applied, or another profile.
//!
//! Invariant: brain, door and simulated endpoints follow in one turn of the actor; requests under way end under what they
//! began with.
//! Absent on purpose: checking; what comes here was checked.

use std::sync::Arc;

use super::Stage;
use crate::backend::callers::{self, Porter};
use crate::backend::commands;
use crate::backend::credentials::Credentials;
use crate::backend::drafts::{self, Drafts};
use crate::backend::history::Historian;
use crate::backend::keeper::Keeper;
use crate::backend::keys::{self, LeftDesk};
use crate::backend::live;
use crate::backend::profile::Loaded;
use crate::backend::racks::Racks;
use crate::backend::resolve::{applied, resolve, with_inventory};
use crate::backend::revisions;
use crate::backend::simulated::Simulated;
use crate::backend::trials::Tested;
use crate::contract::snapshot::Applied;
use crate::model::check::Finding;
use crate::model::checked::CheckedConfig;
use crate::model::config::Config;
use crate::model::status::BalancerView;
use crate::policy::{Balancer, Input};
use crate::record::{Ring, Series};
use crate::store::slots;

impl Stage {
    /// Notes how every endpoint stands in this second. A new one gets its colour for good.
    pub(in crate::backend) fn sample_series(&mut self, view: &BalancerView, second: u64) {
        if self.series.sample(view, second, |id| self.history.tells_of(id))
            && let Err(error) = slots::save(&self.profile.paths.state_dir, self.series.slots())
        {
            tracing::debug!(%error, "colours of endpoints are not kept over a restart");
        }
    }

    /// Starts, follows or ends the simulated endpoints, as the configuration has some or none.
    pub(super) fn start_simulated(&mut self) {
        let config = &self.applied.config;
        let wanted = config.endpoints.iter().any(|endpoint| config.is_simulated(endpoint));
        match (&self.simulated, wanted) {
            (Some(running), true) => running.follow(config),
            (Some(_), false) => self.simulated = None,
            (None, false) => {}
            (None, true) => match Simulated::start(config, self.clock) {
                Ok(simulated) => self.simulated = Some(simulated),
                Err(error) => tracing::error!(%error, "the simulated endpoints could not be started"),
            },
        }
    }

    /// Runs a configuration that was checked: the brain, the door and the simulated endpoints follow at once.
    pub(in crate::backend) fn run_config(
        &mut self,
        config: Arc<Config>,
        checked: CheckedConfig,
        findings: Vec<Finding>,
    ) {
        let checked = Arc::new(checked);
        let revision = checked.revision;
        self.newest = self.newest.max(revision);
        let findings = with_inventory(findings, &config, &self.porter);
        let profile = Arc::clone(&self.applied.profile);
        self.applied = Arc::new(Applied { profile, revision, config, findings, file_problem: None });
        self.start_simulated();
        self.ways.set(&self.applied.config.upstream);
        self.door.config.store(Arc::clone(&checked));
        self.admit_callers();
        self.set_table();
        self.place_accounts();
        self.engine.tell(Input::Configured(checked));
        self.ask_for_keys();
    }

    /// Goes to a profile's desk; that of a profile with keys of its own is kept for when it is entered again.
    pub(super) fn take_desk(&mut self, loaded: &Loaded) -> anyhow::Result<()> {
        let known = self.left_desks.iter().position(|left| left.folder == loaded.paths.data_dir);
        let known = known.map(|place| self.left_desks.swap_remove(place));
        let desk = known.map_or_else(|| keys::desk(loaded), |left| Ok(left.desk))?;
        let before = std::mem::replace(&mut self.desk, desk);
        if !self.profile.shown.demo {
            let folder = self.profile.paths.data_dir.clone();
            self.left_desks.push(LeftDesk { folder, desk: before, in_memory: keys::in_memory(&self.places) });
        }
        Ok(())
    }

    /// Swaps the profile: what ran, was recorded and was learned in the old one is dropped.
    pub(in crate::backend) fn enter(&mut self, loaded: Loaded) -> anyhow::Result<()> {
        self.take_desk(&loaded)?;
        drafts::close(self);
        (self.racks, self.credentials) = (Racks::default(), Credentials::default());
        self.simulated = None;
        live::forget(self);
        self.profile = loaded;
        self.profiles = self.profiles.saturating_add(1);
        (self.revisions, self.on_disk) = (Arc::default(), None);
        self.drafts = Drafts::kept(self.back.draft());
        self.newest = revisions::first(&self.profile);
        revisions::adopt(self);
        self.porter = Porter::open(&self.profile.paths);
        let (checked, findings) = resolve(&self.profile, self.newest, &self.porter);
        self.applied = Arc::new(Applied { revision: checked.revision, ..applied(&self.profile, findings) });
        callers::forget_removed(self);
        let seed = self.options.seed.unwrap_or_else(|| self.clock.wall_ms());
        self.keeper.close(&self.engine);
        self.engine.replace(Balancer::new(Arc::clone(&checked), seed, self.clock.now()));
        self.keeper = Keeper::open(&self.profile.paths, &self.engine);
        self.ways.set(&self.applied.config.upstream);
        self.door.config.store(checked);
        self.admit_callers();
        self.door.forget_arrivals();
        self.collect();
        self.history.close(self.clock.wall_ms());
        self.history =
            Historian::open(&self.profile.paths.data_dir, &self.applied.config.history, &self.clock, &self.events);
        (self.ring, self.series) = (Ring::new(), Series::new(slots::load(&self.profile.paths.state_dir)));
        self.requests_view = Arc::new(commands::kept_requests_view(&self.profile.paths.state_dir));
        (self.places, self.tested) = (Vec::new(), Tested::default());
        self.start_simulated();
        self.set_table();
        self.place_accounts();
        self.ask_for_keys();
        self.announce();
        Ok(())
    }
}
