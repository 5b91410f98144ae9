//! Requests for what accounts keep: files, batches, stored responses and all other objects, and paths that are not known here.
//!
//! Invariant: what lies in an account whose name is known is asked for there alone; of what nobody knows each account is asked
//! with a GET at most, and nothing is changed anywhere before its owner is found.
//! Absent on purpose: quotas. These requests cost no live tokens, and the brain only says who holds what.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::answer::Answer;
use super::attempt::{Fault, Prepared};
use super::auth::{Who, client_label};
use super::classify::{content_type, importance, read};
use super::door::{Door, Inside};
use super::exchange::{INCOMPLETE_LIST, pass_on, plain, relay, try_keys, unread};
use super::intake::{Taken, Unreadable};
use super::journal::Journal;
use super::lists;
use super::said;
use super::wishes::Wishes;
use crate::engine::Whereabouts;
use crate::model::decision::{Refusal, RefusalReason, Scarce};
use crate::model::id::{AccountId, EndpointId, ModelName};
use crate::model::outcome::FailureClass;
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::record::RecordEnd;
use crate::wire::patch::Seams;
use crate::wire::peek::{Peek, peek};
use crate::wire::{error, mentions};

/// The largest JSON body that is searched for ids. What is longer holds data.
const READ_AT_MOST: u64 = 4 * 1024 * 1024;

/// A request for something stored.
pub(super) struct Errand {
    pub(super) door: Arc<Door>,
    pub(super) journal: Journal,
    pub(super) prepared: Prepared,
    pub(super) places: Whereabouts,
}

/// Answers one request. `path` lies below the dialect's root.
pub(super) async fn answer(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    path: String,
    body: Incoming,
    inside: Inside,
) -> Response<Answer> {
    let at = door.engine.clock().now();
    let mut watch = door.deadlines.watch();
    let taken = match read(&door, &head.headers, Operation::Stored, body, &mut watch).await {
        Ok(taken) => taken,
        Err(why) => return unread(&why, inside),
    };
    let query = head.uri.query().map(str::to_owned);
    let seen = match seen(&taken, &head).await {
        Ok(seen) => seen,
        Err(why) => return unread(&why, inside),
    };
    let mut keys = mentions::of_path(&path, query.as_deref());
    keys.extend_from_slice(&seen.named);
    let places = door.engine.whereabouts(&keys, seen.model.as_deref());
    let profile = profile(&door, &head, who, &path, &seen, keys);
    let is_known = seen.model.as_deref().is_some_and(|model| door.config.load().route_for(model).is_some());
    let mut prepared = Prepared::new(Operation::Stored, head, taken.body, seen.seams);
    // Jobs are made of a service's own models, not of deployments.
    prepared.renames = is_known && !path.starts_with("fine_tuning");
    prepared.stored = Some((path, query));
    let journal = Journal::open(&door, door.engine.lease(Arc::new(profile)), at, watch, inside);
    run(Errand { door, journal, prepared, places }).await
}

/// What a body says.
struct Seen {
    model: Option<String>,
    streaming: bool,
    named: Vec<u64>,
    seams: Seams,
}

async fn seen(taken: &Taken, head: &Parts) -> Result<Seen, Unreadable> {
    if let Some(form) = &taken.form {
        let seams = Seams::of_form(form, content_type(&head.headers));
        return Ok(Seen { model: form.model.clone(), streaming: form.streaming, named: Vec::new(), seams });
    }
    let mut nothing = Seen { model: None, streaming: false, named: Vec::new(), seams: Seams::None };
    if taken.body.is_empty() || taken.body.len() > READ_AT_MOST {
        return Ok(nothing);
    }
    let whole = taken.body.whole().await.map_err(Unreadable::NoRoom)?;
    // What is no JSON object is the service's to understand.
    let Ok(peek) = peek(&whole, Operation::Stored) else { return Ok(nothing) };
    nothing.named = mentions::of_json(&whole);
    let seams = Seams::of_json(&peek);
    let Peek { model, streaming, .. } = peek;
    // A name is put in place of another, never added.
    let seams = if model.is_some() { seams } else { Seams::None };
    Ok(Seen { model, streaming, seams, ..nothing })
}

fn profile(door: &Door, head: &Parts, who: Who, path: &str, seen: &Seen, keys: Vec<u64>) -> RequestProfile {
    let family = path.split('/').next().unwrap_or_default();
    let model = seen.model.clone().unwrap_or_else(|| format!("/{family}"));
    let wishes = Wishes::read(&head.headers);
    let (caller, priority) = importance(door, who, &wishes, &model);
    RequestProfile {
        model: ModelName::from(model),
        operation: Operation::Stored,
        streaming: seen.streaming,
        size: RequestSize { choices: 1, ..RequestSize::default() },
        priority,
        caller,
        client: client_label(&head.headers).into(),
        sdk_retry: 0,
        patience: None,
        affinity: Affinity { state: keys, ..Affinity::default() },
    }
}

/// Goes where the object is, asks who has it, or makes it.
async fn run(errand: Errand) -> Response<Answer> {
    if errand.places.is_torn {
        return errand.refuse(RefusalReason::StateTorn, None);
    }
    if let Some(owner) = errand.places.owner.clone() {
        let Some(endpoint) = errand.places.endpoint_of(&owner).cloned() else {
            return errand.refuse(RefusalReason::StateOutOfReach, Some(&owner));
        };
        if errand.is_list() && errand.places.accounts.len() > 1 {
            // Only `after` named it: the page goes on from there.
            return lists::page(errand, Some(owner)).await;
        }
        return errand.go((owner, endpoint)).await;
    }
    match errand.places.accounts.as_slice() {
        [] => errand.refuse(RefusalReason::NothingUsable, None),
        [only] => {
            let only = only.clone();
            errand.go(only).await
        }
        _ if errand.is_list() => lists::page(errand, None).await,
        _ if errand.object().is_some() => errand.search().await,
        _ => errand.make().await,
    }
}

impl Errand {
    fn path(&self) -> &str {
        self.prepared.stored.as_ref().map_or("", |(path, _)| path)
    }

    fn object(&self) -> Option<&str> {
        mentions::object(self.path())
    }

    fn is_list(&self) -> bool {
        self.prepared.method == Method::GET && self.object().is_none()
    }

    /// Sends it there and passes on whatever comes.
    async fn go(mut self, place: (AccountId, EndpointId)) -> Response<Answer> {
        match self.ask(&place, None).await {
            Ok(committed) => relay(&self.door, self.journal, committed),
            Err(fault) => pass_on(self.journal, fault.answer),
        }
    }

    /// One sending to an account; `lookup` in place of the request itself.
    pub(super) async fn ask(
        &mut self,
        (account, endpoint): &(AccountId, EndpointId),
        lookup: Option<&Prepared>,
    ) -> Result<super::commit::Committed, Fault> {
        let prepared = lookup.unwrap_or(&self.prepared);
        self.journal.sent_to(endpoint.clone(), 0);
        self.journal.lease.answered_by(account.clone());
        let seconds = self.door.config.load().config.timeouts.answer_seconds;
        let deadline = self.door.engine.clock().deadline(Duration::from_secs(seconds.into()));
        let result = match self.door.upstreams.find(endpoint) {
            Some(upstream) => try_keys(&self.door, &upstream, prepared, (&mut self.journal.watch, deadline)).await,
            None => Err(Fault::silent(FailureClass::Connect, false)),
        };
        match &result {
            Ok(committed) => {
                self.journal.attempted(Some(committed.head.status.as_u16()), None, None);
                self.journal.committed(committed.head.status.as_u16());
            }
            Err(fault) => {
                self.journal.attempted(fault.failure.status, Some(fault.failure.clone()), said::of_fault(fault));
            }
        }
        result
    }

    /// Asks each account for the object, then sends the request where it is.
    async fn search(mut self) -> Response<Answer> {
        let is_get = self.prepared.method == Method::GET;
        let lookup = (!is_get).then(|| self.prepared.lookup(self.object().unwrap_or_default().to_owned()));
        let mut last = None;
        for place in self.places.accounts.clone() {
            match self.ask(&place, lookup.as_ref()).await {
                Ok(committed) if is_get => {
                    self.journal.lease.owned(mentions::of_path(self.path(), None));
                    return relay(&self.door, self.journal, committed);
                }
                Ok(_) => {
                    self.journal.lease.owned(mentions::of_path(self.path(), None));
                    return self.go(place).await;
                }
                // Another account may have it; whatever else is said of it is worth more than "not found".
                Err(fault) => {
                    let is_missing = fault.failure.status.is_none_or(|status| status == 404);
                    last = if is_missing { last.or(fault.answer) } else { fault.answer.or(last) };
                }
            }
        }
        pass_on(self.journal, last)
    }

    /// Makes something new: in the first account that can be reached.
    async fn make(mut self) -> Response<Answer> {
        let mut last = None;
        for place in self.places.accounts.clone() {
            match self.ask(&place, None).await {
                Ok(committed) => return relay(&self.door, self.journal, committed),
                Err(fault) if !fault.failure.reached => last = fault.answer.or(last),
                Err(fault) => return pass_on(self.journal, fault.answer),
            }
        }
        pass_on(self.journal, last)
    }

    pub(super) fn refuse(self, reason: RefusalReason, owner: Option<&AccountId>) -> Response<Answer> {
        let refusal = Refusal { reason, retry_at: None };
        let model = self.journal.lease.profile().model.as_str();
        let now = self.door.engine.clock().now();
        let response = plain(error::refusal(&refusal, now, model, [], owner.map(AccountId::as_str), Scarce::Requests));
        self.journal.turn_away(RecordEnd::Refused, response.status().as_u16());
        response
    }

    /// A list that is not complete is none.
    pub(super) fn incomplete(self, account: &AccountId) -> Response<Answer> {
        let text = format!(
            "Account \"{account}\" did not give its part of this list, so it would not be complete. {INCOMPLETE_LIST}"
        );
        let response = plain(error::bad_gateway(&text));
        self.journal.turn_away(RecordEnd::Failed, response.status().as_u16());
        response
    }

    /// A document of our own making.
    pub(super) fn tell(self, document: Bytes) -> Response<Answer> {
        let mut response = Answer::json(StatusCode::OK, document);
        let attempts = HeaderValue::from(self.journal.attempts().len() as u64);
        response.headers_mut().insert("x-tidegate-attempts", attempts);
        self.journal.close(crate::model::outcome::Ending::Completed, None);
        response
    }
}

/// The whole body of an answer, up to a bound.
pub(super) async fn whole(committed: super::commit::Committed, at_most: usize) -> Option<Bytes> {
    let rest = http_body_util::Limited::new(committed.body, at_most).collect().await.ok()?.to_bytes();
    Some(if committed.prefix.is_empty() {
        rest
    } else {
        Bytes::from([committed.prefix.concat(), rest.to_vec()].concat())
    })
}

impl Prepared {
    /// A GET of another path with the same headers.
    fn lookup(&self, path: String) -> Self {
        Self {
            operation: Operation::Stored,
            method: Method::GET,
            headers: {
                let mut headers = self.headers.clone();
                headers.remove(http::header::CONTENT_TYPE);
                headers
            },
            via: self.via.clone(),
            body: super::spool::Kept::default(),
            seams: Seams::None,
            wants_usage: false,
            stored: Some((path, None)),
            renames: false,
            ignored: None,
        }
    }

    /// The same request for another page.
    pub(super) fn page(&self, query: Option<String>) -> Self {
        let path = self.stored.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
        let mut page = self.lookup(String::new());
        page.stored = Some((path, query));
        page
    }
}
