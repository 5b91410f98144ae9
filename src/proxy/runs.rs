//! Models set to work on stored objects: runs of assistants and evaluations, videos. They take tokens or requests of a limit, so
//! they are admitted like any other request, bound to the account that keeps what they work on.
//!
//! Invariant: a run goes to the owner of its objects or nowhere, waits in its model's line, and is not begun twice.
//! Absent on purpose: guesses. Where neither the request nor its assistant says which of our models works, no ledger of ours can
//! be the right one, and it goes as a visit does: its requests and its usage count, but it is held back by no tokens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Response, StatusCode};

use super::answer::Answer;
use super::exchange::forward;
use super::stored::{Errand, whole};
use super::visit::{Manner, Missed};
use crate::model::checked::CheckedConfig;
use crate::model::id::{AccountId, ModelName};
use crate::model::profile::{Operation, RequestProfile, RequestSize};
use crate::wire::mentions;
use crate::wire::runs::{Work, model_of};

/// As many objects' models are remembered; of more, all are asked for anew.
const AT_MOST: usize = 4_096;
/// The longest answer about an assistant or a run that is read.
const LONGEST: usize = 1024 * 1024;

/// Which object works which model, as its service calls it.
#[derive(Debug, Default)]
pub(super) struct Workers(Mutex<BTreeMap<u64, ModelName>>);

impl Workers {
    /// Notes what a document says of itself.
    pub(super) fn learn(&self, document: &[u8]) {
        let Some((key, model)) = model_of(document) else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= AT_MOST {
            known.clear();
        }
        known.insert(key, ModelName::from(model));
    }

    /// The first of these objects whose model is known.
    fn model(&self, keys: &[u64]) -> Option<ModelName> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find_map(|key| known.get(key).cloned())
    }
}

/// Finds the owner and the model, then goes the way of every request.
pub(super) async fn start(mut errand: Errand, work: Work) -> Response<Answer> {
    if errand.places.owner.is_none() && errand.object().is_some() && errand.places.accounts.len() > 1 {
        let lookup = errand.prepared.lookup(errand.object().unwrap_or_default().to_owned());
        match errand.find(Some(&lookup)).await {
            Ok((owner, _)) => errand.places.owner = Some(owner),
            Err(missed) => return errand.missed(missed),
        }
    }
    let model = match errand.model().await {
        Ok(model) => model,
        Err(missed) => return errand.missed(missed),
    };
    let Some(model) = model else {
        // No ledger of ours is its own, but what it says of its usage counts.
        errand.work(None, errand.size);
        return errand.go_on().await;
    };
    let size = match work {
        Work::Writes => errand.size,
        Work::Makes => RequestSize { output_cap: Some(0), ..errand.size },
    };
    errand.work(Some(model), size);
    let Errand { door, journal, prepared, .. } = errand;
    forward(&door, journal, &prepared).await
}

impl Errand {
    /// It is a run from here on, of this route's model.
    fn work(&mut self, model: Option<ModelName>, size: RequestSize) {
        let before = self.journal.lease.profile();
        let model = model.unwrap_or_else(|| before.model.clone());
        let profile = RequestProfile { model, operation: Operation::Run, size, ..RequestProfile::clone(before) };
        self.journal.lease.know(Arc::new(profile));
        self.prepared.operation = Operation::Run;
    }

    /// The route whose model works: as the request names it, else as its assistant or run does, which its owner is asked for
    /// once. `None`: no route of ours.
    ///
    /// # Errors
    /// The owner cannot be asked now, so the run could not begin either.
    async fn model(&mut self) -> Result<Option<ModelName>, Missed> {
        let named = self.journal.lease.profile().model.clone();
        let config = self.door.config.load_full();
        if let Some(route) = config.route_for(named.as_str()).filter(|_| !named.as_str().starts_with('/')) {
            return Ok(config.routes.get(route).map(|_| named));
        }
        let Some(worker) = self.worker.clone() else { return Ok(None) };
        let Some(owner) = self.owner() else { return Ok(None) };
        let keys = mentions::of_path(&worker, None);
        if self.door.workers.model(&keys).is_none() {
            let lookup = self.prepared.lookup(worker);
            match self.ask(&owner, Manner { is_bound: true, waits: true }, Some(&lookup)).await {
                Ok(committed) if committed.head.status == StatusCode::OK => {
                    let document = whole(committed, LONGEST).await.unwrap_or_default();
                    self.door.workers.learn(&document);
                    self.journal.lease.owned(mentions::of_json(&document));
                }
                Ok(_) | Err(Missed::Failed { .. }) => {}
                Err(missed) => return Err(missed),
            }
        }
        Ok(self.door.workers.model(&keys).and_then(|model| route_of(&config, &owner, model.as_str())))
    }

    /// The one account that it can be about.
    fn owner(&self) -> Option<AccountId> {
        let only = || match self.places.accounts.as_slice() {
            [(only, _)] => Some(only.clone()),
            _ => None,
        };
        self.places.owner.clone().or_else(only)
    }
}

/// The first route over an account's endpoint that its service calls by this name.
fn route_of(config: &CheckedConfig, account: &AccountId, deployment: &str) -> Option<ModelName> {
    let is_meant = |place: usize| {
        let spec = config.endpoints.get(place);
        spec.is_some_and(|spec| spec.account == *account && &*spec.deployment == deployment)
    };
    let mut routes = config.routes.iter();
    let over =
        routes.find(|route| route.groups.iter().flat_map(|group| &group.members).any(|one| is_meant(one.endpoint)));
    over.map(|route| route.model.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objects_model_is_known_once_it_was_seen_and_never_grows_without_bound() {
        let workers = Workers::default();
        let key = |id: &str| mentions::of_path(&format!("assistants/{id}"), None);
        workers.learn(br#"{"object":"assistant","id":"asst_1","model":"at b"}"#);
        assert_eq!(workers.model(&key("asst_1")), Some(ModelName::from("at b")));
        assert_eq!(workers.model(&key("asst_2")), None);
        for number in 0..=AT_MOST {
            workers.learn(format!(r#"{{"object":"assistant","id":"asst_x{number}","model":"m"}}"#).as_bytes());
        }
        assert!(workers.0.lock().unwrap().len() <= AT_MOST);
    }
}
