//! The story of a request, top to bottom: each step is one verb in one other file.
//!
//! Invariant: a request that was understood leaves exactly one record.
//! Absent on purpose: layers, extensions and hidden parameters; what a step needs it is given.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::answer::{Answer, Cut};
use super::attempt::{Fault, Prepared, Told, Until, send};
use super::auth::Who;
use super::classify::{classify, read};
use super::commit::{Committed, commit};
use super::cors;
use super::deadlines::Watch;
use super::dialogue;
use super::door::{Door, Inside, Shut};
use super::echo::hide;
use super::guard::{House, TurnedAway, check};
use super::intake::Unreadable;
use super::journal::Journal;
use super::meter::Relay;
use super::metrics;
use super::room::Arrival;
use super::said;
use super::slots::Slot;
use super::socket;
use super::status::status_page;
use super::upstreams::Upstream;
use super::wishes::IGNORED;
use crate::engine::Assignment;
use crate::engine::lease::Turn;
use crate::model::decision::{Refusal, RefusalReason, Scarce};
use crate::model::id::AccountId;
use crate::model::outcome::{EndedFor, Failure, FailureClass, HeaderSignal};
use crate::model::profile::Operation;
use crate::model::record::RecordEnd;
use crate::wire::path::Inbound;
use crate::wire::{error, headers, mentions, models, path};

/// Bytes of a query that are passed on; `http` knows no address of more than 64 KiB.
const LONGEST_QUERY: usize = 32_768;
const ENDPOINT: HeaderName = HeaderName::from_static("x-tidegate-endpoint");
const GROUP: HeaderName = HeaderName::from_static("x-tidegate-group");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tidegate-attempts");
/// Where Azure says that work goes on.
const OPERATION: HeaderName = HeaderName::from_static("operation-location");
const DECISION: HeaderName = HeaderName::from_static("x-tidegate-decision");

const ENDED: &str = "Ended by hand in Tidegate's window before its answer began. Send it again if that was a mistake.";
const STRANGER: &str = "A caller's token is needed here, and this request has none that is known. Nothing was sent to a service. Put a \
     token where your tool asks for its API key; Tidegate makes one in Settings, Callers, or with `tidegate caller add NAME`.";
/// What to do about a list of which a part is missing.
pub(super) const INCOMPLETE_LIST: &str = "Ask again once it answers, or pause its endpoints to list the others.";
const ADMINISTRATION: &str = "Organizations and projects are not administered through Tidegate, whose keys are for models. Nothing \
     was sent; ask the service directly with an admin key.";

/// Answers one request.
pub async fn exchange(door: Arc<Door>, mut request: Request<Incoming>, arrival: Arc<Arrival>) -> Response<Answer> {
    let socket = socket::asked(&mut request);
    let (head, body) = request.into_parts();
    let page = match greet(&door, &head, arrival.local) {
        Ok(page) => page,
        Err(why) => return turned_away(why),
    };
    let answer = if page.is_some() && cors::asks_leave(&head) {
        cors::leave(&head.headers)
    } else {
        match door.recognise(&head.headers) {
            Who::Stranger => plain(error::unauthorized(STRANGER)),
            who => let_in(door, head, who, socket.map(|socket| (socket, arrival)), body).await,
        }
    };
    match page {
        Some(page) => cors::told(answer, page),
        None => answer,
    }
}

/// The origin of the web page that asks, if one does that may.
fn greet(door: &Door, head: &Parts, local: Option<IpAddr>) -> Result<Option<HeaderValue>, TurnedAway> {
    let config = door.config.load();
    let listen = &config.config.listen;
    check(head, &House { marker: &door.marker, local, listen })?;
    Ok(cors::page(&head.headers, &listen.allowed_origins).cloned())
}

/// The same once the door was passed.
async fn let_in(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    socket: Option<(OnUpgrade, Arc<Arrival>)>,
    body: Incoming,
) -> Response<Answer> {
    // An address of ours and a service's root must still make one.
    if head.uri.query().is_some_and(|query| query.len() > LONGEST_QUERY) {
        return plain(error::bad_request("The query is longer than 32 KiB. Put what it says into the body."));
    }
    let (operation, deployment) = match path::classify(head.uri.path(), head.uri.query()) {
        Inbound::Operation { operation, deployment, lacked_v1, .. } => {
            door.note_arrival(lacked_v1, super::auth::client_label(&head.headers));
            (operation, deployment)
        }
        Inbound::Models { .. } => return listed(&door, &head.method),
        Inbound::Model { .. } if head.method == Method::DELETE => {
            // One that was tuned lies in the account that tuned it.
            let path = format!("models/{}", head.uri.path().rsplit('/').next().unwrap_or_default());
            return Box::pin(keep(door, head, who, path, body, None)).await;
        }
        Inbound::Model { name, .. } => return described(&door, &head.method, &name),
        Inbound::Administration => return plain(error::forbidden(ADMINISTRATION)),
        Inbound::Stored { path, lacked_v1, .. } => {
            door.note_arrival(lacked_v1, super::auth::client_label(&head.headers));
            return match socket {
                Some(client) if socket::opens(&path, head.uri.query()) => match place_for(&door, &head.headers).await {
                    Ok(inside) => Box::pin(socket::open(door, head, who, client, inside, path)).await,
                    Err(refusal) => refusal,
                },
                socket => Box::pin(keep(door, head, who, path, body, socket)).await,
            };
        }
        Inbound::Unknown => return elsewhere(&door, &head),
    };
    if operation == Operation::Chat && deployment.is_none() && head.method == Method::GET && socket.is_none() {
        return Box::pin(keep(door, head, who, operation.path().to_owned(), body, None)).await;
    }
    let opens_session = operation == Operation::Realtime;
    if socket.is_some() && deployment.is_none() && !matches!(operation, Operation::Realtime | Operation::Responses) {
        // Nobody knows what is said there, so it goes on as it is.
        return Box::pin(keep(door, head, who, operation.path().to_owned(), body, socket)).await;
    }
    if opens_session && socket.is_none() {
        return plain(error::upgrade_required());
    }
    if opens_session && !socket::opens(operation.path(), head.uri.query()) {
        // Of a call that goes on, or of a session that is told its model later.
        return Box::pin(keep(door, head, who, operation.path().to_owned(), body, socket)).await;
    }
    let begins_dialogue = operation == Operation::Responses && socket.is_some();
    if !opens_session && !begins_dialogue && head.method != Method::POST {
        return plain(error::method_not_allowed("POST"));
    }
    let inside = match place_for(&door, &head.headers).await {
        Ok(inside) => inside,
        Err(refusal) => return refusal,
    };
    if let Some(client) = socket {
        if begins_dialogue {
            return dialogue::open(door, head, who, client, inside);
        }
        return Box::pin(socket::open(door, head, who, client, inside, operation.path().to_owned())).await;
    }
    let at = inside.since();
    let mut watch = door.deadlines.watch();
    let understood = match read(&door, &head.headers, operation, body, &mut watch).await {
        Ok(taken) => classify(&door, &inside, (head, who), (operation, deployment), taken).await,
        Err(unreadable) => Err(unreadable),
    };
    match understood {
        Ok((profile, prepared)) => {
            let journal = Journal::open(&door, door.engine.lease(profile), at, watch, inside);
            let mut response = forward(&door, journal, &prepared).await;
            if let Some(ignored) = prepared.ignored {
                response.headers_mut().insert(IGNORED, ignored);
            }
            response
        }
        Err(unreadable) => unread(&unreadable, inside),
    }
}

/// A place for a connection's file, unless nothing is let in; who waited for one meets a pause that began meanwhile.
async fn place_for(door: &Arc<Door>, headers: &HeaderMap) -> Result<Inside, Response<Answer>> {
    let paused =
        || door.paused.load(Ordering::Relaxed).then(|| plain(error::unavailable(&Unreadable::Paused.to_string())));
    if let Some(refusal) = paused() {
        return Err(refusal);
    }
    let inside = door.enter(headers).await.map_err(|why| match why {
        Shut::Crowded(waited) => plain(error::crowded(waited)),
        Shut::Stopped => plain(why_not(&Unreadable::Stopped)),
    })?;
    paused().map_or(Ok(inside), Err)
}

/// What is stored, or a path that is not known here.
async fn keep(
    door: Arc<Door>,
    head: Parts,
    who: Who,
    path: String,
    body: Incoming,
    socket: Option<(OnUpgrade, Arc<Arrival>)>,
) -> Response<Answer> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return plain(error::method_not_allowed("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
    }
    let inside = match place_for(&door, &head.headers).await {
        Ok(inside) => inside,
        Err(refusal) => return refusal,
    };
    Box::pin(super::stored::answer(door, head, who, path, (body, socket), inside)).await
}

/// Attempts until one is committed, the brain refuses, or it gives up.
pub(super) async fn forward(door: &Arc<Door>, journal: Journal, prepared: &Prepared) -> Response<Answer> {
    match committed(door, journal, prepared).await {
        Ok((journal, committed)) => relay(door, journal, committed),
        Err(refused) => *refused,
    }
}

/// The same up to the commit; what is told the client otherwise.
pub(super) async fn committed(
    door: &Arc<Door>,
    mut journal: Journal,
    prepared: &Prepared,
) -> Result<(Journal, Committed), Box<Response<Answer>>> {
    let mut turn = journal.lease.first().await;
    let mut last: Option<Response<Told>> = None;
    loop {
        match turn {
            Turn::Send(assignment) => match attempt(door, &mut journal, &assignment, prepared).await {
                None => return Err(Box::new(ended(journal))),
                Some(Ok(committed)) => return Ok((journal, committed)),
                Some(Err(fault)) => {
                    last = fault.answer;
                    turn = journal.lease.failed(fault.failure).await;
                }
            },
            Turn::Refused(refusal, _) => return Err(Box::new(refuse(door, journal, &refusal))),
            Turn::GiveUp(_) => return Err(Box::new(pass_on(journal, last))),
        }
    }
}

/// It was ended while its answer was waited for.
pub(super) fn ended(mut journal: Journal) -> Response<Answer> {
    journal.attempted(None, None, None);
    let why = journal.watch.ended();
    let mut response = match why {
        Some(EndedFor::Stop) => plain(why_not(&Unreadable::Stopped)),
        _ => plain(error::unavailable(ENDED)),
    };
    explain(response.headers_mut(), &journal);
    tracing::info!(request = %journal.lease.request(), ?why, "ended");
    journal.turn_away(RecordEnd::Refused, response.status().as_u16());
    response
}

/// One sending, up to its commit point; `None`: it was ended before, by hand or by the stop.
async fn attempt(
    door: &Arc<Door>,
    journal: &mut Journal,
    assignment: &Assignment,
    prepared: &Prepared,
) -> Option<Result<Committed, Fault>> {
    journal.attempt(assignment);
    let until = {
        let (limits, clock) = (&door.config.load().config.timeouts, door.engine.clock());
        if journal.lease.profile().streaming { Until::stream(limits, clock) } else { Until::whole(limits, clock) }
    };
    let result = match door.upstreams.find(&assignment.endpoint) {
        Some(upstream) => try_keys(door, &upstream, prepared, (&mut journal.watch, until)).await,
        None => Err(Fault::silent(FailureClass::Connect, false)),
    };
    if result.is_err() && journal.watch.ended().is_some() {
        return None;
    }
    match &result {
        Ok(committed) => {
            let facts = headers::facts(&committed.head.headers, door.engine.clock().wall_ms());
            journal.attempted(Some(committed.head.status.as_u16()), None, said::of_facts(facts.clone()));
            journal.committed(committed.head.status.as_u16(), committed.has_output());
            journal.lease.committed(HeaderSignal {
                endpoint: assignment.endpoint.clone(),
                facts,
                has_output: committed.has_begun(),
            });
        }
        Err(fault) => {
            let Failure { class, status, .. } = fault.failure;
            tracing::info!(request = %journal.lease.request(), endpoint = %assignment.endpoint, attempt = assignment.attempt, ?class, ?status, "attempt failed");
            journal.attempted(fault.failure.status, Some(fault.failure.clone()), said::of_fault(fault));
        }
    }
    Some(result)
}

/// One sending; a key that is refused gives way to the account's other one, if it has two, and a wish for usage that is refused is
/// not sent there again.
pub(super) async fn try_keys(
    door: &Door,
    upstream: &Upstream,
    prepared: &Prepared,
    (watch, until): (&mut Watch, Until),
) -> Result<Committed, Fault> {
    let (slot, asks) = (upstream.keys.slot(), prepared.asks_usage(upstream));
    let mut first = send_once(door, upstream, prepared, (&mut *watch, until), (slot, asks)).await;
    if asks && first.as_ref().is_err_and(Fault::is_about_usage) {
        first = send_once(door, upstream, prepared, (&mut *watch, until), (slot, false)).await;
        // A client whose own options are refused is refused without our wish, too.
        if !first.as_ref().is_err_and(Fault::is_about_usage) {
            upstream.refuses_usage.store(true, Ordering::Relaxed);
            tracing::warn!(
                "a service does not know stream_options, so its streams are not asked for their usage any more"
            );
        }
    }
    let is_refused = matches!(&first, Err(fault) if fault.failure.class == FailureClass::KeyRejected);
    let Some(other) = is_refused.then(|| upstream.keys.refused(slot, door.engine.clock().wall_ms())).flatten() else {
        return first;
    };
    tracing::warn!("an account refused its key, so its other one is used from now on; renew the refused one");
    let asks = prepared.asks_usage(upstream);
    send_once(door, upstream, prepared, (watch, until), (other, asks)).await
}

/// Sends it and waits until what comes back proves good or bad. Whatever it is, our key is not in its head, nor in an error's body.
async fn send_once(
    door: &Door,
    upstream: &Upstream,
    prepared: &Prepared,
    (watch, until): (&mut Watch, Until),
    (slot, asks_usage): (Slot, bool),
) -> Result<Committed, Fault> {
    let sent = send(&door.pool, upstream, prepared, &door.via, (&mut *watch, until.head), (slot, asks_usage)).await;
    let mut response = sent?;
    for key in upstream.keys.all() {
        hide(response.headers_mut(), Some(key));
    }
    commit(response, prepared, door.engine.clock(), (watch, until.proof))
        .await
        .map(|committed| Committed { hides_usage: asks_usage, keys: Some(Arc::clone(&upstream.keys)), ..committed })
        .map_err(|fault| upstream.keys.all().fold(fault, |fault, key| fault.without(Some(key))))
}

/// Hands the committed answer to the client.
pub(super) fn relay(door: &Arc<Door>, journal: Journal, mut committed: Committed) -> Response<Answer> {
    if matches!(journal.operation(), Operation::Stored | Operation::Run) {
        // A call is named by its address alone.
        for name in [LOCATION, OPERATION] {
            let address = committed.head.headers.get(name).and_then(|address| address.to_str().ok());
            if let Some(address) = address {
                journal.lease.owned(mentions::of_address(address));
            }
        }
    }
    let mut response = Response::new(());
    *response.status_mut() = committed.head.status;
    std::mem::swap(response.headers_mut(), &mut committed.head.headers);
    headers::strip_response(response.headers_mut());
    if committed.reader.is_some() {
        // Events may be taken out, and one may be added at the end.
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    explain(response.headers_mut(), &journal);
    let limits = &door.config.load().config.timeouts;
    let idle = if committed.reader.is_some() { limits.stream_idle_seconds } else { limits.answer_seconds };
    let stream =
        committed.reader.is_some().then(|| door.streams.open(journal.lease.request(), door.engine.clock().now()));
    let relay = Relay::new(committed, journal, *door.engine.clock(), Duration::from_secs(u64::from(idle)));
    let relay = relay.listed_as(stream);
    response.map(|()| Answer::Relay(Box::new(relay)))
}

/// Answers for ourselves: the refusal in OpenAI's shape, with the true earliest recovery.
pub(super) fn refuse(door: &Arc<Door>, journal: Journal, refusal: &Refusal) -> Response<Answer> {
    let mut response = plain(refusal_reply(door, &journal, refusal));
    explain(response.headers_mut(), &journal);
    tracing::info!(request = %journal.lease.request(), reason = ?refusal.reason, attempts = journal.attempts().len(), "refused");
    journal.turn_away(RecordEnd::Refused, response.status().as_u16());
    response
}

/// The same as status, headers and body.
pub(super) fn refusal_reply(door: &Door, journal: &Journal, refusal: &Refusal) -> error::Reply {
    let config = door.config.load();
    let names = config.routes.iter().map(|route| route.model.as_str());
    let decision = journal.lease.decisions().last();
    let owner = decision.and_then(|decision| decision.bound.as_ref()).map(AccountId::as_str);
    let scarce = decision.map_or(Scarce::Requests, |decision| decision.scarce());
    if refusal.reason == RefusalReason::NoCapacityInTime && decision.is_some_and(|decision| decision.lacks_caller()) {
        return error::caller_short(refusal, door.engine.clock().now(), scarce);
    }
    let model = journal.lease.profile().model.as_str();
    error::refusal(refusal, door.engine.clock().now(), model, names, owner, scarce)
}

/// Gives the client the last endpoint's own answer, or says that none came.
pub(super) fn pass_on(journal: Journal, last: Option<Response<Told>>) -> Response<Answer> {
    let mut response = match last {
        Some(answer) => {
            // Status, headers and body; the connection's own version and the like stay behind.
            let (mut head, Told { bytes, is_whole }) = answer.into_parts();
            let body = if is_whole { Answer::Whole(Some(bytes)) } else { Answer::Cut(Cut::Held(bytes)) };
            let mut answer = Response::new(body);
            *answer.status_mut() = head.status;
            std::mem::swap(answer.headers_mut(), &mut head.headers);
            headers::strip_response(answer.headers_mut());
            if is_whole {
                answer.headers_mut().remove(CONTENT_LENGTH);
            }
            if journal.may_repeat() {
                error::tell_exhausted(answer.status(), answer.headers_mut(), journal.wall_ms());
            }
            answer
        }
        None => plain(error::bad_gateway(
            "No endpoint gave an answer: each one was out of reach, broke off or fell silent.",
        )),
    };
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(error::SOURCE_OF_429, HeaderValue::from_static("provider"));
    }
    explain(response.headers_mut(), &journal);
    tracing::info!(request = %journal.lease.request(), status = response.status().as_u16(), attempts = journal.attempts().len(), "passed on");
    journal.turn_away(RecordEnd::Failed, response.status().as_u16());
    response
}

/// The headers by which a client, or its owner, can ask "why?", and those by which an SDK paces itself.
pub(super) fn explain(headers: &mut HeaderMap, journal: &Journal) {
    journal.pace(headers);
    if let Some(last) = journal.attempts().last() {
        if let Ok(name) = HeaderValue::from_str(last.endpoint.as_str()) {
            headers.insert(ENDPOINT, name);
        }
        // What is stored was in no group.
        if last.group > 0 {
            headers.insert(GROUP, number(last.group.into()));
        }
    }
    headers.insert(ATTEMPTS, number(journal.attempts().len() as u64));
    let decision = journal.lease.decisions().last();
    if let Some(id) = decision.and_then(|decision| HeaderValue::from_str(&decision.id.to_string()).ok()) {
        headers.insert(DECISION, id);
    }
}

/// A number as a header's value; the usual ones without memory of their own.
fn number(number: u64) -> HeaderValue {
    match number {
        1 => HeaderValue::from_static("1"),
        2 => HeaderValue::from_static("2"),
        _ => HeaderValue::from(number),
    }
}

fn turned_away(why: TurnedAway) -> Response<Answer> {
    plain(match why {
        TurnedAway::Loop => error::loop_detected(&why.to_string()),
        TurnedAway::ForeignHost | TurnedAway::FromBrowser => error::forbidden(&why.to_string()),
    })
}

pub(super) fn unread(why: &Unreadable, _inside: Inside) -> Response<Answer> {
    plain(why_not(why))
}

/// What is told of a request that cannot be understood.
pub(super) fn why_not(why: &Unreadable) -> error::Reply {
    match why {
        Unreadable::TooLarge(_) | Unreadable::JsonTooLarge(_) => error::too_large(&why.to_string()),
        Unreadable::Stalled(_) => error::too_slow(&why.to_string()),
        Unreadable::NoRoom(_) | Unreadable::Paused | Unreadable::Stopped => error::unavailable(&why.to_string()),
        Unreadable::BrokeOff | Unreadable::Compressed | Unreadable::Body(_) | Unreadable::NoModel => {
            error::bad_request(&why.to_string())
        }
    }
}

fn listed(door: &Door, method: &Method) -> Response<Answer> {
    if method != Method::GET {
        return plain(error::method_not_allowed("GET"));
    }
    let config = door.config.load();
    let names = config.routes.iter().map(|route| route.model.as_str()).filter(|name| *name != "*");
    Answer::json(StatusCode::OK, models::list(names))
}

fn described(door: &Door, method: &Method, name: &str) -> Response<Answer> {
    if method != Method::GET {
        return plain(error::method_not_allowed("GET"));
    }
    let config = door.config.load();
    if config.route_for(name).is_some() {
        return Answer::json(StatusCode::OK, models::one(name));
    }
    let unknown = Refusal { reason: RefusalReason::UnknownModel, retry_at: None };
    let names = config.routes.iter().map(|route| route.model.as_str());
    plain(error::refusal(&unknown, door.engine.clock().now(), name, names, None, Scarce::Requests))
}

fn elsewhere(door: &Door, head: &Parts) -> Response<Answer> {
    match (head.uri.path(), &head.method) {
        ("/_tidegate/status", &Method::GET) => Answer::json(StatusCode::OK, status_page(door, head)),
        ("/_tidegate/metrics", &Method::GET) => {
            Answer::of(StatusCode::OK, metrics::CONTENT_TYPE, metrics::metrics_page(door))
        }
        (path, _) => {
            let path: String = path.chars().take(80).collect();
            let text = format!(
                "\"{path}\" is no path of OpenAI's or Azure's API, so nothing was sent. Those begin with /v1, /openai/v1 or /openai/deployments."
            );
            plain(error::not_found(&text))
        }
    }
}

/// A whole answer of our own.
pub(super) fn plain((status, extra, body): (StatusCode, HeaderMap, Bytes)) -> Response<Answer> {
    let mut response = Answer::json(status, body);
    response.headers_mut().extend(extra);
    response
}
