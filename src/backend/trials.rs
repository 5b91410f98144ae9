//! Tests of what a draft holds, before it is applied.
//!
//! Invariant: nothing of it runs: no route, no ledger and no key that is in use hears of it, and what the configuration's check
//! would leave out is not asked at all.
//! Absent on purpose: the questions themselves; those of what runs are the same (`key_test`, `one_token`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key_orders::test_problem;
use super::stage::{Event, Stage};
use super::{key_test, one_token};
use crate::contract::NoticeBody;
use crate::contract::snapshot::{KeyTest, Trial};
use crate::model::check::{Finding, check};
use crate::model::config::{Config, Endpoint};
use crate::model::id::{AccountId, CommandId, EndpointId};
use crate::store::keys::KeySlot;

/// Trials that are remembered.
const MOST: usize = 64;

/// What tests came to since the profile was entered.
#[derive(Default)]
pub(super) struct Tested {
    /// Of keys that run.
    pub(super) keys: BTreeMap<(AccountId, KeySlot), KeyTest>,
    /// Single calls of endpoints that run.
    pub(super) calls: BTreeMap<EndpointId, KeyTest>,
    /// Of what is not applied.
    pub(super) trials: Vec<Trial>,
}

impl Tested {
    /// An account has another key: what was found with the one before says nothing of it.
    pub(super) fn forget(&mut self, account: &AccountId) {
        self.keys.retain(|(tested, _), _| tested != account);
        self.trials.retain(|trial| trial.account.id != *account);
    }

    /// Keeps what a trial came to. One that was forgotten while it ran was made with a key that is replaced.
    pub(super) fn came_to(&mut self, trial: Trial) {
        if self.trials.iter().any(|known| of(known) == of(&trial)) {
            keep(&mut self.trials, trial);
        }
    }
}

/// Tests the key of an account of this configuration.
pub(super) fn account(stage: &mut Stage, id: CommandId, config: Arc<Config>, account: &AccountId) {
    begin(stage, id, config, account, None);
}

/// Asks an endpoint of this configuration for one token.
pub(super) fn endpoint(stage: &mut Stage, id: CommandId, config: Arc<Config>, endpoint: &EndpointId) {
    let found = config.endpoint(endpoint).cloned();
    let account = found.as_ref().map_or_else(|| AccountId::from(endpoint.as_str()), |found| found.account.clone());
    begin(stage, id, config, &account, found);
}

fn begin(stage: &mut Stage, id: CommandId, config: Arc<Config>, account: &AccountId, endpoint: Option<Endpoint>) {
    let Some(place) = config.accounts.iter().position(|known| known.id == *account) else {
        return stage.tell(Some(id), NoticeBody::Failed(test_problem(account.as_str())));
    };
    let asked = endpoint.as_ref().and_then(|asked| config.endpoints.iter().position(|known| known.id == asked.id));
    let is_of_it = |finding: &Finding| {
        finding.breaks("account", place) || asked.is_some_and(|place| finding.breaks("endpoint", place))
    };
    let broken = check(&config).into_iter().find(is_of_it);
    let Some(account) = config.accounts.get(place).cloned() else { return };
    let mut trial = Trial { account, endpoint, test: KeyTest::default() };
    keep(&mut stage.tested.trials, trial.clone());
    if let Some(finding) = broken {
        trial.test = KeyTest { lines: vec![(false, finding.message)], ..KeyTest::default() };
        stage.tried(trial);
        // The screen sees what came of it before it hears that it is done.
        stage.publish();
        return stage.tell(Some(id), NoticeBody::Done(String::new()));
    }
    let (profile, events, clock, desk) = (stage.profiles, stage.events.clone(), stage.clock, stage.desk.clone());
    tokio::spawn(async move {
        trial.test = match (desk.lend(&trial.account).await, &trial.endpoint) {
            (Err(why), _) => KeyTest { lines: vec![(false, why)], ..KeyTest::default() },
            (Ok(key), None) => key_test::test(&trial.account, &config, &key, clock).await,
            (Ok(key), Some(endpoint)) => {
                one_token::call((&trial.account, endpoint), &config.upstream, &key, clock).await
            }
        };
        let _ = events.send(Event::Tried(profile, Box::new(trial))).await;
        let _ = events.send(Event::Done(id, Ok(String::new()))).await;
    });
}

/// What is tried.
fn of(trial: &Trial) -> (&AccountId, Option<&EndpointId>) {
    (&trial.account.id, trial.endpoint.as_ref().map(|endpoint| &endpoint.id))
}

/// One of an account and one of an endpoint; the oldest goes.
fn keep(trials: &mut Vec<Trial>, trial: Trial) {
    trials.retain(|known| of(known) != of(&trial));
    if trials.len() == MOST {
        trials.remove(0);
    }
    trials.push(trial);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_with_a_key_that_was_replaced_meanwhile_is_not_kept() {
        let account = "id = \"a\"\nservice = \"openai\"\nbase_url = \"https://api.openai.com/v1\"";
        let account = toml_edit::de::from_str(account).unwrap();
        let runs = Trial { account, endpoint: None, test: KeyTest::default() };
        let ended = Trial { test: KeyTest { finished_wall_ms: Some(1), ..KeyTest::default() }, ..runs.clone() };
        let mut tested = Tested { trials: vec![runs], ..Tested::default() };
        tested.came_to(ended.clone());
        assert_eq!(tested.trials, std::slice::from_ref(&ended));
        tested.forget(&"a".into());
        tested.came_to(ended);
        assert!(tested.trials.is_empty());
    }
}
