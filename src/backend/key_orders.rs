//! What the person asks of keys: store, test, rotate, forget.
//!
//! Invariant: the keyring is asked off the actor's turn, and the screen hears where every key is before it hears that it is done.
//! Absent on purpose: keys in any answer.

use std::sync::Arc;

use super::stage::{Event, Stage};
use super::{key_test, one_token, trials};
use crate::contract::snapshot::{KeyTest, Problem};
use crate::contract::{KeyCommand, NoticeBody};
use crate::model::id::{AccountId, CommandId, EndpointId};
use crate::model::secret::Secret;
use crate::store::keys::{Answer, KeyError, KeyPlace, KeySlot, Spares};

/// Does it off the actor's turn, looks where every key is now, and tells what came of it.
pub(super) fn obey(stage: &mut Stage, id: CommandId, command: KeyCommand) {
    let (desk, now) = (stage.desk.clone(), stage.clock.wall_ms());
    match command {
        KeyCommand::Set(account, key) => change(stage, id, &account.clone(), async move {
            desk.store(account.clone(), key).await.map(|place| format!("The key of {account} is {}", kept(&place)))
        }),
        KeyCommand::Hold(account, key) => hold(stage, id, &account, key),
        KeyCommand::SetNext(account, key) => change(stage, id, &account.clone(), async move {
            let stored = desk.store_next(account.clone(), key).await;
            stored.map(|place| format!("The next key of {account} is {}; the current one is still used", kept(&place)))
        }),
        KeyCommand::RemoveNext(account) => change(stage, id, &account.clone(), async move {
            desk.remove_next(account.clone()).await.map(|()| format!("The next key of {account} is forgotten"))
        }),
        KeyCommand::Switch(account) => change(stage, id, &account.clone(), async move {
            let done = desk.switch(account.clone(), now).await;
            done.map(|()| format!("{account} uses its new key; the one before is kept for 10 minutes"))
        }),
        KeyCommand::SwitchBack(account) => change(stage, id, &account.clone(), async move {
            desk.switch_back(account.clone()).await.map(|()| format!("{account} uses the key from before again"))
        }),
        KeyCommand::Remove(account) => change(stage, id, &account.clone(), async move {
            desk.remove(account.clone()).await.map(|()| format!("The key of {account} is forgotten"))
        }),
        KeyCommand::Test(account) => test(stage, id, account, KeySlot::Current),
        KeyCommand::Try(config, account) => trials::account(stage, id, config, &account),
        KeyCommand::TryCall(config, endpoint) => trials::endpoint(stage, id, config, &endpoint),
        KeyCommand::TestNext(account) => test(stage, id, account, KeySlot::Next),
        KeyCommand::Call(endpoint) => call(stage, id, endpoint),
        KeyCommand::Ask => {
            change(stage, id, &AccountId::from(""), async move { desk.knock().await.map(|()| String::new()) });
        }
    }
    stage.publish();
}

/// What became of a key that was to be stored.
const fn kept(place: &KeyPlace) -> &'static str {
    match place {
        KeyPlace::InMemory { .. } => "in memory until Tidegate quits",
        _ => "stored",
    }
}

fn change(
    stage: &mut Stage,
    id: CommandId,
    account: &AccountId,
    change: impl Future<Output = Result<String, KeyError>> + Send + 'static,
) {
    stage.tested.forget(account);
    let of_it = |endpoint: &EndpointId| {
        stage.applied.config.endpoint(endpoint).is_some_and(|endpoint| endpoint.account == *account)
    };
    stage.tested.calls.retain(|endpoint, _| !of_it(endpoint));
    let (question, events) = (stage.question(), stage.events.clone());
    tokio::spawn(async move {
        let told = change.await.map_err(|error| problem(&error.to_string()));
        question.report().await;
        let _ = events.send(Event::Done(id, told)).await;
    });
}

fn problem(what: &str) -> Problem {
    Problem {
        what: what.to_owned(),
        still_works: "Other accounts and simulated endpoints are not affected.".to_owned(),
        next_step: "Try again, or name an environment variable for the key in the configuration.".to_owned(),
    }
}

/// Why nothing can be tested.
pub(super) fn test_problem(what: &str) -> Problem {
    Problem {
        what: format!("{what} cannot be tested: it has no key, or is not applied yet."),
        still_works: "Everything else is as it was.".to_owned(),
        next_step: "Add a key on the Accounts page, then test again.".to_owned(),
    }
}

fn test(stage: &mut Stage, id: CommandId, account: AccountId, slot: KeySlot) {
    let config = Arc::clone(&stage.applied.config);
    let (Some(found), Some(key)) = (config.account(&account).cloned(), stage.desk.in_slot(&account, slot)) else {
        stage.tell(Some(id), NoticeBody::Failed(test_problem(account.as_str())));
        return;
    };
    stage.tested.keys.insert((account.clone(), slot), KeyTest::default());
    let (profile, events, clock) = (stage.profiles, stage.events.clone(), stage.clock);
    tokio::spawn(async move {
        let result = key_test::test(&found, &config, &key, clock).await;
        let _ = events.send(Event::Tested(profile, account, slot, result)).await;
        let _ = events.send(Event::Done(id, Ok(String::new()))).await;
    });
}

/// A call that costs a token; the person was told.
fn call(stage: &mut Stage, id: CommandId, endpoint: EndpointId) {
    let config = Arc::clone(&stage.applied.config);
    let found =
        config.endpoint(&endpoint).and_then(|found| Some((found.clone(), config.account(&found.account)?.clone())));
    let key = found.as_ref().and_then(|(_, account)| stage.desk.key(&account.id));
    let (Some((found, account)), Some(key)) = (found, key) else {
        let problem = Problem {
            what: format!("{endpoint} cannot be asked: its account has no key, or it is not applied yet."),
            still_works: "Nothing was sent; everything else is as it was.".to_owned(),
            next_step: "Apply your draft and paste a key, then ask again.".to_owned(),
        };
        return stage.tell(Some(id), NoticeBody::Failed(problem));
    };
    stage.tested.calls.insert(endpoint.clone(), KeyTest::default());
    let (profile, events, clock) = (stage.profiles, stage.events.clone(), stage.clock);
    tokio::spawn(async move {
        let result = one_token::call((&account, &found), &config.upstream, &key, clock).await;
        let _ = events.send(Event::Called(profile, endpoint, result)).await;
        let _ = events.send(Event::Done(id, Ok(String::new()))).await;
    });
}

/// Does not ask the keyring, which may wait for the person: what is known of other accounts stays as it was.
fn hold(stage: &mut Stage, id: CommandId, account: &AccountId, key: Secret) {
    let told = match stage.desk.hold(account, key) {
        Ok(place) => {
            stage.tested.forget(account);
            let mut places = std::mem::take(&mut stage.places);
            match places.iter_mut().find(|known| known.account == *account) {
                Some(known) => known.place = place,
                None => places.push(Answer { account: account.clone(), place, spares: Spares::default() }),
            }
            stage.keys_are(places);
            NoticeBody::Done(format!("The key of {account} is in memory until Tidegate quits"))
        }
        Err(error) => NoticeBody::Failed(problem(&error.to_string())),
    };
    stage.tell(Some(id), told);
}
