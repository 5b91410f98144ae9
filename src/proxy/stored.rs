//! Requests for what accounts keep: files, batches, stored responses and all other objects, and paths that are not known here.
//!
//! Invariant: what lies in an account whose name is known is asked for there alone; of what nobody knows each account is asked
//! with a GET at most, and nothing is changed anywhere before its owner is found; only what cannot be looked at, such as a call or
//! an action of a path that is not known here, goes to the first account, and nothing is deleted so.
//! Absent on purpose: quotas of tokens. Looks, lists and changes cost none; what works a model does, and goes the way of all
//! such requests (`runs`).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderValue};
use http::request::Parts;
use http::response;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::answer::Answer;
use super::attempt::Prepared;
use super::auth::{Who, client_label};
use super::classify::{content_type, importance, read};
use super::commit::Committed;
use super::door::{Door, Inside};
use super::exchange::{INCOMPLETE_LIST, explain, plain, relay, unread};
use super::intake::{Taken, Unreadable};
use super::journal::Journal;
use super::lists;
use super::room::Arrival;
use super::runs::start;
use super::socket::{handshake, join};
use super::visit::{Manner, Missed};
use super::wishes::Wishes;
use crate::engine::Whereabouts;
use crate::model::config::{AzureApi, Service};
use crate::model::decision::{Refusal, RefusalReason, Scarce};
use crate::model::id::{AccountId, ModelName};
use crate::model::outcome::Ending;
use crate::model::profile::{Affinity, Operation, RequestProfile, RequestSize};
use crate::model::record::RecordEnd;
use crate::wire::patch::Seams;
use crate::wire::peek::{Peek, peek};
use crate::wire::runs::Work;
use crate::wire::{error, headers, mentions, path, runs, session};

/// The largest JSON body that is searched for ids. What is longer holds data.
const READ_AT_MOST: u64 = 4 * 1024 * 1024;

/// A request for something stored.
pub(super) struct Errand {
    pub(super) door: Arc<Door>,
    pub(super) journal: Journal,
    pub(super) prepared: Prepared,
    pub(super) places: Whereabouts,
    /// The object whose model works, below the dialect's root, if it is such a request.
    pub(super) worker: Option<String>,
    /// How large it is.
    pub(super) size: RequestSize,
}

/// A client's side of a WebSocket, once we have said 101, and the connection that it keeps open.
pub(super) type Client = (OnUpgrade, Arc<Arrival>);

/// Models that a session may be for which says no more than that it transcribes; the first that is a route's leads to accounts.
const TRANSCRIBING: [&str; 4] = ["gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-realtime-whisper", "whisper-1"];

/// Answers one request. `path` lies below the dialect's root.
pub(super) async fn answer(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    path: String,
    (body, client): (Incoming, Option<Client>),
    inside: Inside,
) -> Response<Answer> {
    let at = inside.since();
    let mut watch = door.deadlines.watch();
    let taken = match read(&door, &head.headers, Operation::Stored, body, &mut watch).await {
        Ok(taken) => taken,
        Err(why) => return unread(&why, inside),
    };
    let query = head.uri.query().map(str::to_owned);
    let work = runs::work(&head.method, &path);
    let mut seen = match seen(&taken, &head, &path, work).await {
        Ok(seen) => seen,
        Err(why) => return unread(&why, inside),
    };
    seen.model = seen.model.or_else(|| named_beside(&path, query.as_deref()));
    let mut keys = mentions::of_path(&path, query.as_deref());
    keys.extend_from_slice(&seen.named);
    let listens = || TRANSCRIBING.into_iter().find(|model| door.config.load().route_for(model).is_some());
    let hint = if transcribes(query.as_deref()) { listens() } else { None };
    let mut places = door.engine.whereabouts(&keys, seen.model.as_deref().or(hint));
    if path::deployment_in(&path).is_some() {
        // Azure's classic dialect alone has such paths.
        let config = door.config.load_full();
        let is_classic = |account: &AccountId| {
            let one = config.config.accounts.iter().find(|one| one.id == *account);
            one.is_some_and(|one| match one.service {
                Service::Azure => one.api.unwrap_or_default() == AzureApi::Classic,
                _ => one.api == Some(AzureApi::Classic),
            })
        };
        places.accounts.retain(|(account, _)| is_classic(account));
    }
    let mut profile = profile(&door, &head, who, &path, &seen, keys);
    profile.patience = inside.left_of(profile.patience);
    let is_known = seen.model.as_deref().is_some_and(|model| door.config.load().route_for(model).is_some());
    let handshake = client.is_some().then(|| handshake(&head.headers));
    let mut prepared = Prepared::new(Operation::Stored, head, taken.body, seen.seams.clone());
    prepared.headers.extend(handshake.into_iter().flatten());
    // Jobs are made of a service's own models, not of deployments.
    prepared.renames = is_known && !path.starts_with("fine_tuning");
    prepared.stored = Some((path, query));
    let mut journal = Journal::open(&door, door.engine.lease(Arc::new(profile)), at, watch, inside);
    if prepared.only_looks() && client.is_none() {
        journal.only_looks();
    }
    let Seen { worker, size, .. } = seen;
    run(Errand { door, journal, prepared, places, worker, size }, work, client).await
}

/// The model that a path or a query names: a deployment of Azure's, or that of a Realtime call whose body is no JSON.
fn named_beside(path: &str, query: Option<&str>) -> Option<String> {
    let called = || path::value_in(query, &["model", "deployment"]).filter(|_| path.starts_with("realtime/"));
    path::deployment_in(path).map(|(deployment, _)| deployment).or_else(called)
}

fn transcribes(query: Option<&str>) -> bool {
    path::value_in(query, &["intent"]).is_some_and(|intent| intent == "transcription")
}

/// What a body says.
struct Seen {
    model: Option<String>,
    streaming: bool,
    size: RequestSize,
    /// The object whose model works, below the dialect's root.
    worker: Option<String>,
    named: Vec<u64>,
    seams: Seams,
}

async fn seen(taken: &Taken, head: &Parts, path: &str, work: Option<Work>) -> Result<Seen, Unreadable> {
    if let Some(form) = &taken.form {
        let seams = Seams::of_form(form, content_type(&head.headers));
        let size = RequestSize { prompt_chars: form.prompt_chars, output_cap: None, choices: 1 };
        let within = form.session_model.as_ref().map(|(model, _)| model.clone());
        let (model, streaming, named) = (form.model.clone().or(within), form.streaming, form.named.clone());
        return Ok(Seen { model, streaming, size, worker: None, named, seams });
    }
    let size = RequestSize { choices: 1, ..RequestSize::default() };
    let mut nothing = Seen { model: None, streaming: false, size, worker: None, named: Vec::new(), seams: Seams::None };
    if taken.body.is_empty() || taken.body.len() > READ_AT_MOST {
        return Ok(nothing);
    }
    let whole = taken.body.whole().await.map_err(Unreadable::NoRoom)?;
    // What is no JSON object is the service's to understand.
    let operation = if work.is_some() { Operation::Run } else { Operation::Stored };
    let Ok(peek) = peek(&whole, operation) else { return Ok(nothing) };
    (nothing.named, nothing.worker) = (mentions::of_json(&whole), runs::worker(path, &whole));
    let seams = Seams::of_json(&peek);
    if let Some(exam) = runs::exam(path, &whole).filter(|_| work.is_some() && peek.model.is_none()) {
        let size = exam.each(peek.size);
        return Ok(Seen { seams: seams.at(exam.span), model: Some(exam.model), size, ..nothing });
    }
    let is_session = path.starts_with("realtime/") && peek.model.is_none();
    if let Some(session) = session::model(&whole).filter(|_| is_session) {
        return Ok(Seen { seams: seams.at(session.span), model: Some(session.model), size: peek.size, ..nothing });
    }
    let Peek { model, streaming, size, .. } = peek;
    // A name is put in place of another, never added.
    let seams = if model.is_some() { seams } else { Seams::None };
    Ok(Seen { model, streaming, size, seams, ..nothing })
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
        patience: wishes.patience,
        affinity: Affinity { state: keys, ..Affinity::default() },
    }
}

/// Goes where the object is, asks who has it, or makes it.
async fn run(errand: Errand, work: Option<Work>, client: Option<Client>) -> Response<Answer> {
    if errand.places.has_left {
        let owner = errand.places.owner.clone();
        return errand.refuse(RefusalReason::StateLeft, owner.as_ref());
    }
    if errand.places.is_torn {
        return errand.refuse(RefusalReason::StateTorn, None);
    }
    match (work, client) {
        (_, Some(client)) => errand.connect(client).await,
        (Some(work), None) => start(errand, work).await,
        (None, None) => errand.go_on().await,
    }
}

impl Errand {
    /// Goes where the object is, asks who has it, or makes it.
    pub(super) async fn go_on(self) -> Response<Answer> {
        if let Some(owner) = self.places.owner.clone() {
            if self.is_list() && self.places.accounts.len() > 1 && self.places.endpoint_of(&owner).is_some() {
                // Only `after` named it: the page goes on from there.
                return lists::page(self, Some(owner)).await;
            }
            return self.go(&owner, true).await;
        }
        match self.places.accounts.as_slice() {
            [] => self.refuse(RefusalReason::NothingUsable, None),
            [(only, _)] => {
                let only = only.clone();
                self.go(&only, false).await
            }
            _ if self.is_list() => match self.cursor() {
                Some(object) => self.page_from(&object).await,
                None => lists::page(self, None).await,
            },
            _ if self.object().is_some() => self.search().await,
            _ => self.make().await,
        }
    }

    /// The object that a page of a list goes on from, if it can be asked for.
    fn cursor(&self) -> Option<String> {
        let (path, query) = self.prepared.stored.as_ref()?;
        let object = format!("{path}/{}", path::value_in(query.as_deref(), &["after", "before"])?);
        (path::is_plain(&object) && mentions::is_looked_up(&object)).then_some(object)
    }

    /// A page whose beginning nobody knows: looked for first, or each account would be asked for what follows in another.
    async fn page_from(mut self, object: &str) -> Response<Answer> {
        let lookup = self.prepared.lookup(object.to_owned());
        match self.find(Some(&lookup)).await {
            Ok((account, _)) => {
                self.journal.lease.owned(mentions::of_path(object, None));
                lists::page(self, Some(account)).await
            }
            Err(missed) => self.missed(missed),
        }
    }

    pub(super) fn path(&self) -> &str {
        self.prepared.stored.as_ref().map_or("", |(path, _)| path)
    }

    pub(super) fn object(&self) -> Option<&str> {
        mentions::object(self.path())
    }

    fn is_list(&self) -> bool {
        self.prepared.method == Method::GET && self.object().is_none()
    }

    /// Sends it there and passes on whatever comes.
    async fn go(mut self, account: &AccountId, is_bound: bool) -> Response<Answer> {
        match self.ask(account, Manner { is_bound, waits: true }, None).await {
            Ok(committed) => relay(&self.door, self.journal, committed),
            Err(missed) => self.missed(missed),
        }
    }

    /// Asks each account for the object, then sends the request where it is.
    async fn search(mut self) -> Response<Answer> {
        let (looks, takes_away) = (self.prepared.only_looks(), self.prepared.method == Method::DELETE);
        let object = self.object().unwrap_or_default().to_owned();
        let is_looked_up = mentions::is_looked_up(&object);
        let lookup = (!looks).then(|| self.prepared.lookup(object));
        match self.find(lookup.as_ref()).await {
            Ok((_, committed)) if looks => relay(&self.door, self.journal, committed),
            Ok((account, _)) => self.go(&account, true).await,
            // That nobody can look at it does not mean that nobody has it.
            Err(Missed::Failed { status: Some(404 | 405), .. }) if !looks && !takes_away && !is_looked_up => {
                self.make().await
            }
            Err(missed) => self.missed(missed),
        }
    }

    /// Opens a WebSocket where what it names lies, else in the first account that agrees to one.
    async fn connect(mut self, client: Client) -> Response<Answer> {
        let (owner, keys) = (self.places.owner.clone(), self.journal.lease.profile().affinity.state.clone());
        let is_bound = owner.is_some();
        let accounts = match owner {
            Some(owner) => vec![owner],
            None => self.places.accounts.iter().map(|(account, _)| account.clone()).collect(),
        };
        if accounts.is_empty() {
            return self.refuse(RefusalReason::NothingUsable, None);
        }
        let mut told = Missed::Failed { status: None, reached: false, answer: None };
        // Where any account will do, one that is free comes before the line of one that is not.
        let rounds: &[bool] = if is_bound { &[true] } else { &[false, true] };
        for waits in rounds {
            for account in &accounts {
                match self.ask(account, Manner { is_bound, waits: *waits }, None).await {
                    Ok(agreed) => {
                        self.journal.lease.owned(keys);
                        return join(&self.door, self.journal, agreed.head, client);
                    }
                    Err(Missed::Ended) => return self.missed(Missed::Ended),
                    Err(missed) => told = worse(told, missed),
                }
            }
            if matches!(told, Missed::Failed { .. }) {
                break;
            }
        }
        self.missed(told)
    }

    /// The account that answers well for the object, which holds it from then on.
    ///
    /// # Errors
    /// What the client is to be told. An account that could not be asked may be the one, so it outranks "not found".
    pub(super) async fn find(&mut self, lookup: Option<&Prepared>) -> Result<(AccountId, Committed), Missed> {
        let mut told = Missed::Failed { status: None, reached: false, answer: None };
        for (account, _) in self.places.accounts.clone() {
            match self.ask(&account, Manner { is_bound: false, waits: true }, lookup).await {
                Ok(committed) => {
                    self.journal.lease.owned(mentions::of_path(self.path(), None));
                    return Ok((account, committed));
                }
                Err(Missed::Ended) => return Err(Missed::Ended),
                Err(missed) => told = worse(told, missed),
            }
        }
        Err(told)
    }

    /// Makes something new: in the first account that can be reached, and in one that rests only if all do.
    async fn make(mut self) -> Response<Answer> {
        let mut told = Missed::Failed { status: None, reached: false, answer: None };
        for waits in [false, true] {
            for (account, _) in self.places.accounts.clone() {
                match self.ask(&account, Manner { is_bound: false, waits }, None).await {
                    Ok(committed) => return relay(&self.door, self.journal, committed),
                    Err(missed @ (Missed::Ended | Missed::Failed { reached: true, .. })) => return self.missed(missed),
                    Err(missed) => told = worse(told, missed),
                }
            }
            if matches!(told, Missed::Failed { .. }) {
                break;
            }
        }
        self.missed(told)
    }

    fn refuse(self, reason: RefusalReason, owner: Option<&AccountId>) -> Response<Answer> {
        let refusal = Refusal { reason, retry_at: None };
        let model = self.journal.lease.profile().model.as_str();
        let now = self.door.engine.clock().now();
        let response = plain(error::refusal(&refusal, now, model, [], owner.map(AccountId::as_str), Scarce::Requests));
        self.journal.turn_away(RecordEnd::Refused, response.status().as_u16());
        response
    }

    /// An answer that was read and is not for us.
    pub(super) fn pass(self, head: response::Parts, document: Bytes) -> Response<Answer> {
        let mut response = Response::new(Answer::Whole(Some(document)));
        (*response.status_mut(), *response.headers_mut()) = (head.status, head.headers);
        headers::strip_response(response.headers_mut());
        response.headers_mut().remove(CONTENT_LENGTH);
        explain(response.headers_mut(), &self.journal);
        self.journal.close(Ending::Completed, None);
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
        self.journal.close(Ending::Completed, None);
        response
    }
}

/// Of two reasons why an object was not found, the one that says more: an account that could not be asked, then a service's own
/// words that are not "not found", then those.
fn worse(before: Missed, now: Missed) -> Missed {
    let rank = |missed: &Missed| match missed {
        Missed::Ended => 4,
        Missed::Refused(_) => 3,
        Missed::Failed { status, .. } if status.is_some_and(|status| status != 404) => 2,
        Missed::Failed { answer, .. } => u8::from(answer.is_some()),
    };
    if rank(&now) >= rank(&before) { now } else { before }
}

/// The whole body of an answer, up to a bound.
pub(super) async fn whole(committed: Committed, at_most: usize) -> Option<Bytes> {
    let rest = http_body_util::Limited::new(committed.body, at_most).collect().await.ok()?.to_bytes();
    Some(if committed.prefix.is_empty() {
        rest
    } else {
        Bytes::from([committed.prefix.concat(), rest.to_vec()].concat())
    })
}

impl Prepared {
    /// Whether it changes nothing, so that it may be asked anywhere.
    pub(super) fn only_looks(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD | Method::OPTIONS)
    }

    /// A GET of another path with the same headers.
    pub(super) fn lookup(&self, path: String) -> Self {
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
            choices: 1,
            wants_usage: false,
            query: None,
            stored: Some((path, None)),
            renames: false,
            called: None,
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
