//! Keys as the background sees them: where they are, whether they can be used, and when they are looked at again.
//!
//! Invariant: a look-up is made off the actor's turn, and its answer comes as an event like any other.
//! Absent on purpose: the keys themselves; the desk has them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Event, Stage};
use crate::backend::keys::Desk;
use crate::engine::clock::Clock;
use crate::model::config::Config;
use crate::model::id::AccountId;
use crate::policy::Input;
use crate::store::keys::Answer;

impl Stage {
    /// Asks where every account's key is; the answer comes as an event.
    pub(in crate::backend) fn ask_for_keys(&self) {
        let question = self.question();
        tokio::spawn(question.report());
    }

    /// A look-up of every account's keys, to be made off the actor's turn.
    pub(in crate::backend) fn question(&self) -> KeyQuestion {
        KeyQuestion {
            profile: self.profiles,
            desk: self.desk.clone(),
            config: Arc::clone(&self.applied.config),
            clock: self.clock,
            events: self.events.clone(),
        }
    }

    /// Accounts of the profile that was left whose keys are in memory alone.
    pub(in crate::backend) fn set_aside(&self) -> Vec<AccountId> {
        self.left_desks.iter().flat_map(|left| left.in_memory.clone()).collect()
    }

    pub(in crate::backend) fn keys_are(&mut self, places: Vec<Answer>) {
        self.places = places;
        self.renew_tokens();
        self.place_accounts();
        let config = Arc::clone(&self.applied.config);
        for (account, ready) in self.credentials.changed(&config.accounts, &self.desk) {
            self.engine.tell(Input::KeyReady { account: account.clone(), ready });
            if ready {
                let place = self.credentials.place(&account).cloned().unwrap_or_default();
                self.keeper.key_is_told(&self.engine, &config, &account, &place);
            }
        }
        self.set_table();
    }

    /// Tells the brain where accounts are and by which credentials they are reached, so that nothing is sought where it is not.
    pub(super) fn place_accounts(&mut self) {
        for (account, place) in self.credentials.moved(&self.applied.config.accounts, &self.desk) {
            self.engine.tell(Input::Placed(account, place));
        }
    }

    /// Tokens end, and so do keys that were kept for a while; they are looked at again in time.
    pub(super) fn renew_tokens(&mut self) {
        let now = self.clock.wall_ms() / 1_000;
        let ends = self.places.iter().filter_map(|answer| Some(answer.spares.previous.as_ref()?.1.div_ceil(1_000)));
        let ends = ends.map(|end| end.saturating_sub(now).max(1));
        let next = self.places.iter().filter_map(|answer| answer.place.renew_in(now)).chain(ends).min();
        if let Some(earlier) = self.renewal.take() {
            earlier.abort();
        }
        let Some(seconds) = next else { return };
        let question = self.question();
        let renewal = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            question.report().await;
        });
        self.renewal = Some(renewal.abort_handle());
    }
}

/// Where is every account's key?
pub(in crate::backend) struct KeyQuestion {
    profile: u64,
    desk: Desk,
    config: Arc<Config>,
    clock: Clock,
    events: mpsc::Sender<Event>,
}

impl KeyQuestion {
    /// Looks where every key is and reports it. A desk too busy to say leaves what was known.
    pub(in crate::backend) async fn report(self) {
        match self.desk.resolve(&self.config, self.clock.wall_ms()).await {
            Ok(places) => drop(self.events.send(Event::Keys(self.profile, places)).await),
            Err(error) => tracing::warn!(%error, "where the keys are is not known anew"),
        }
    }
}
