//! One request to a simulated endpoint, from head to answer.
//!
//! Invariant: what happens is `sim`'s decision; this file only finds the endpoint and plays the answer.
//! Absent on purpose: keep-alive, framing and shutdown (`fake::server`).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::model::id::AccountId;
use crate::model::profile::Operation;
use crate::sim::upstream::{Admission, Dialect, Rejection, SimAnswer};
use crate::sim::words::{self, Header};

use super::ask::{self, Ask};
use super::objects::{self, Told};
use super::paced::{Paced, Stay};
use super::path::{self, Target, encode};
use super::reply::{Reply, since_1970};
use super::site::{Arrival, Ending, Site};
use super::{chat, completions, embeddings, media, responses, shelf};

/// Larger bodies are refused.
const LARGEST_BODY: usize = 32 << 20;

/// An answer's body: in one piece, or paced.
pub(super) type AnswerBody = Either<Full<Bytes>, Paced>;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulated endpoint closed the connection")]
pub(super) struct Closed;

/// Answers one request.
///
/// # Errors
/// [`Closed`] where the dials ask for it, or when the client stopped sending.
pub(super) async fn answer(site: Arc<Site>, request: Request<Incoming>) -> Result<Response<AnswerBody>, Closed> {
    let mut request = request;
    let client = hyper::upgrade::on(&mut request);
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let found = path::account(head.uri.path()).and_then(|(segment, rest)| Some((site.account(segment)?, rest)));
    let Some(((account, dialect), rest)) = found else { return Ok(reject(&words::unknown_path(Dialect::OpenAi))) };
    let Some(target) = path::target(dialect, rest, query) else { return Ok(reject(&words::unknown_path(dialect))) };

    let (operation, deployment) = match (target, &head.method) {
        (Target::Operation(Operation::Realtime, _), _) => {
            return session(site, &account, &head, client).await.ok_or(Closed);
        }
        (Target::Operation(Operation::Responses, _), &Method::GET) if head.headers.contains_key("upgrade") => {
            let said =
                super::dialogue::Place { site, account, dialect, headers: head.headers, query: query.to_owned() };
            return super::dialogue::open(said, client).ok_or(Closed);
        }
        (Target::Operation(operation, deployment), &Method::POST) => (operation, deployment),
        // Chats that were kept stand below the path that makes them.
        (Target::Operation(Operation::Chat, None), &Method::GET) if site.admits(&account, &head.headers) => {
            return Ok(stored(&site, &account, dialect, &head, Operation::Chat.path(), &Bytes::new()));
        }
        (Target::Stored(path), &Method::GET)
            if path.starts_with("realtime/") && head.headers.contains_key("upgrade") =>
        {
            return session(site, &account, &head, client).await.ok_or(Closed);
        }
        (Target::Models | Target::Model(_) | Target::Stored(_), _) if !site.admits(&account, &head.headers) => {
            return Ok(reject(&words::wrong_key(dialect)));
        }
        (Target::Models, &Method::GET) => return Ok(models(&site, &account)),
        (Target::Model(name), &Method::GET) => return Ok(model(&site, &account, dialect, &name)),
        (Target::Stored(path), _) => {
            let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| Closed)?.to_bytes();
            return Ok(stored(&site, &account, dialect, &head, &path, &body));
        }
        _ => return Ok(reject(&words::unknown_path(dialect))),
    };
    let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|_| Closed)?.to_bytes();
    let kind = head.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let ask = match ask::read(operation, kind.unwrap_or_default(), &body) {
        Ok(ask) => ask,
        Err(message) => return Ok(reject(&words::bad_request(dialect, &message))),
    };
    if site.admits(&account, &head.headers)
        && let Err(rejection) = site.knows(&account, &ask.refers)
    {
        return Ok(reject(&rejection));
    }
    let name = deployment.unwrap_or_else(|| encode(ask.model.as_deref().unwrap_or_default()));
    match site.arrive(&account, &name, (&head.headers, query), &ask.request) {
        Ok(arrival) => play(site, account, arrival, dialect, &ask).await,
        Err(rejection) => Ok(reject(&rejection)),
    }
}

/// A Realtime session, or why there is none; `None` if the connection is to be closed without a word.
async fn session(
    site: Arc<Site>,
    account: &AccountId,
    head: &http::request::Parts,
    client: hyper::upgrade::OnUpgrade,
) -> Option<Response<AnswerBody>> {
    let query = head.uri.query().unwrap_or_default();
    // A call has its model already, and who transcribes says it later.
    let named = crate::wire::path::value_in(Some(query), &["model", "deployment"]);
    let name = named.or_else(|| site.deployments(account).into_iter().next()).unwrap_or_default();
    let request = crate::sim::upstream::SimRequest::new(Operation::Realtime);
    let arrival = match site.arrive(account, &encode(&name), (&head.headers, query), &request) {
        Ok(arrival) => arrival,
        Err(rejection) => return Some(reject(&rejection)),
    };
    let Arrival { endpoint, model, answer, .. } = arrival;
    match answer {
        SimAnswer::Admitted(admission) => {
            tokio::time::sleep(admission.first_token).await;
            let stay = Stay { site, endpoint, ticket: admission.ticket, tokens: 0, ending: Ending::Abandoned };
            super::realtime::open(&head.headers, client, model, stay)
        }
        SimAnswer::Rejected(rejection) => Some(reject(&rejection)),
        SimAnswer::Stalled(_) => std::future::pending().await,
        SimAnswer::Reset => None,
    }
}

async fn play(
    site: Arc<Site>,
    account: AccountId,
    arrival: Arrival,
    dialect: Dialect,
    ask: &Ask,
) -> Result<Response<AnswerBody>, Closed> {
    let Arrival { endpoint, model, answer, at } = arrival;
    let (ticket, ending) = match &answer {
        SimAnswer::Admitted(admission) => (admission.ticket, Ending::Abandoned),
        SimAnswer::Stalled(ticket) => (*ticket, Ending::Failed),
        SimAnswer::Rejected(rejection) => return Ok(reject(rejection)),
        SimAnswer::Reset => return Err(Closed),
    };
    let mut stay = Stay { site, endpoint, ticket, tokens: 0, ending };
    let SimAnswer::Admitted(admission) = answer else {
        // Stalled: the stay ends when the client gives up and this future is dropped.
        return std::future::pending().await;
    };
    stay.tokens = admission.prompt_tokens;
    tokio::time::sleep(admission.first_token).await;
    let seconds = at.0 / 1_000_000;
    let reply = Reply { ask, admission: &admission, dialect, model: &model, seconds };
    stay.site.store(&account, shelf::left_by(&reply));
    keep(&stay.site, &account, &reply);
    if ask.request.streaming {
        let paced = Paced::new(frames(&reply), admission.token_gap, admission.cut_after, stay);
        return Ok(respond(StatusCode::OK, "text/event-stream", headers(&reply), Either::Right(paced)));
    }
    tokio::time::sleep(generation(&admission)).await;
    stay.tokens = stay.tokens.saturating_add(reply.output_tokens());
    stay.ending = Ending::Whole;
    let (kind, bytes) = whole(&reply);
    Ok(respond(StatusCode::OK, kind, headers(&reply), Either::Left(Full::new(bytes))))
}

/// Keeps what the answer leaves to be fetched later.
fn keep(site: &Site, account: &AccountId, reply: &Reply<'_>) {
    let ask = reply.ask;
    if ask.request.operation == Operation::Chat {
        site.keep(account, chat::kept(reply), Vec::new());
    }
    if ask.request.operation == Operation::Responses && ask.refers.stores {
        let resumes = ask.refers.in_background && ask.request.streaming;
        let events = if resumes { frames(reply) } else { Vec::new() };
        let made = vec![(format!("responses/{}", reply.id("resp_")), responses::whole(reply))];
        site.keep(account, made, events.into_iter().map(|frame| frame.bytes).collect());
    }
}

fn generation(admission: &Admission) -> std::time::Duration {
    admission.token_gap.saturating_mul(u32::try_from(admission.output_tokens).unwrap_or(u32::MAX))
}

/// An answer in one piece, and of what kind it is.
fn whole(reply: &Reply<'_>) -> (&'static str, Bytes) {
    let document = match reply.ask.request.operation {
        Operation::Chat => chat::whole(reply),
        Operation::Completions => completions::whole(reply),
        Operation::Responses => responses::told(reply),
        Operation::Embeddings => embeddings::whole(reply),
        Operation::Speech => return ("audio/mpeg", media::sound(reply)),
        _ => media::whole(reply),
    };
    ("application/json", Bytes::from(document.to_string()))
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<super::reply::Frame> {
    match reply.ask.request.operation {
        Operation::Chat => chat::frames(reply),
        Operation::Completions => completions::frames(reply),
        Operation::Responses => responses::frames(reply),
        // Those without a stream are not streamed; `ask` does not let them.
        _ => media::frames(reply),
    }
}

fn headers(reply: &Reply<'_>) -> Vec<Header> {
    let mut headers = reply.admission.headers.clone();
    headers.push(("x-request-id", reply.id("req_")));
    if reply.dialect.is_azure() {
        headers.push(("apim-request-id", reply.id("")));
    }
    headers
}

/// What the account keeps.
fn stored(
    site: &Site,
    account: &AccountId,
    dialect: Dialect,
    head: &http::request::Parts,
    path: &str,
    body: &Bytes,
) -> Response<AnswerBody> {
    let kind = head.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let mark = account
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4, |mark: u64, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let ask = objects::Ask {
        method: &head.method,
        path,
        query: head.uri.query().unwrap_or_default(),
        content_type: kind.unwrap_or_default(),
        body,
        mark,
        now: since_1970(site.seconds()),
    };
    match site.stored(account, &ask) {
        Told::Document(document) => respond(StatusCode::OK, "application/json", Vec::new(), full(&document)),
        Told::Content(kind, bytes) => respond(StatusCode::OK, kind, Vec::new(), Either::Left(Full::new(bytes))),
        Told::Call { id, answer } => {
            let place = vec![("location", format!("/v1/realtime/calls/{id}"))];
            respond(StatusCode::CREATED, "application/sdp", place, Either::Left(Full::new(answer)))
        }
        Told::Missing => reject(&words::unknown_path(dialect)),
    }
}

fn models(site: &Site, account: &AccountId) -> Response<AnswerBody> {
    let list: Vec<Value> = site.deployments(account).iter().map(|name| model_object(name)).collect();
    respond(StatusCode::OK, "application/json", Vec::new(), full(&json!({ "object": "list", "data": list })))
}

fn model(site: &Site, account: &AccountId, dialect: Dialect, encoded: &str) -> Response<AnswerBody> {
    match site.deployments(account).into_iter().find(|name| encode(name) == encoded) {
        Some(name) => respond(StatusCode::OK, "application/json", Vec::new(), full(&model_object(&name))),
        None => reject(&words::unknown_model(dialect, encoded)),
    }
}

fn model_object(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 1_790_000_000, "owned_by": "tidegate-simulated" })
}

fn full(value: &Value) -> AnswerBody {
    Either::Left(Full::new(Bytes::from(value.to_string())))
}

fn reject(rejection: &Rejection) -> Response<AnswerBody> {
    let status = StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Either::Left(Full::new(Bytes::from(rejection.body.clone())));
    respond(status, "application/json", rejection.headers.clone(), body)
}

fn respond(status: StatusCode, kind: &'static str, headers: Vec<Header>, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    for (name, value) in headers {
        if let Ok(value) = http::HeaderValue::try_from(value) {
            fields.insert(name, value);
        }
    }
    response
}
