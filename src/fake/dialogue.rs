//! Responses over a WebSocket, as simulated endpoints answer it: each `response.create` by the events of a stream.
//!
//! Invariant: each question is admitted like a request of its own and answered by one final event or one error.
//! Absent on purpose: what services keep on the connection alone. What is built on must be stored here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::ask;
use super::handler::{AnswerBody, frames};
use super::paced::Stay;
use super::path::encode;
use super::realtime::agree;
use super::reply::{Frame, Reply};
use super::site::{Arrival, Ending, Site};
use super::{responses, shelf};
use crate::model::id::AccountId;
use crate::model::profile::Operation;
use crate::sim::upstream::{Dialect, Rejection, SimAnswer};
use crate::sim::words;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Where a socket was opened, and as whom.
pub(super) struct Place {
    pub site: Arc<Site>,
    pub account: AccountId,
    pub dialect: Dialect,
    pub headers: HeaderMap,
    pub query: String,
}

/// Says 101 and answers what comes; `None` if the request is no handshake.
pub(super) fn open(place: Place, client: OnUpgrade) -> Option<Response<AnswerBody>> {
    let response = agree(&place.headers)?;
    tokio::spawn(talk(place, client));
    Some(response)
}

async fn talk(place: Place, client: OnUpgrade) {
    let Ok(client) = client.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            break;
        }
        let Ok(text) = message.to_text() else { continue };
        let asked: Value = serde_json::from_str(text).unwrap_or_default();
        if asked.get("type").and_then(Value::as_str) != Some("response.create") {
            continue;
        }
        if answer(&place, &mut socket, text).await.is_none() {
            break;
        }
    }
}

/// `None`: the connection is over.
async fn answer(place: &Place, socket: &mut Socket, text: &str) -> Option<()> {
    let Place { site, account, dialect, headers, query } = place;
    let mut ask = match ask::read(Operation::Responses, "application/json", text.as_bytes()) {
        Ok(ask) => ask,
        Err(message) => return reject(socket, &words::bad_request(*dialect, &message)).await,
    };
    ask.request.streaming = true;
    if let Err(rejection) = site.knows(account, &ask.refers) {
        return reject(socket, &rejection).await;
    }
    let name = encode(ask.model.as_deref().unwrap_or_default());
    let Arrival { endpoint, model, answer, at } = match site.arrive(account, &name, (headers, query), &ask.request) {
        Ok(arrival) => arrival,
        Err(rejection) => return reject(socket, &rejection).await,
    };
    let admission = match answer {
        SimAnswer::Admitted(admission) => admission,
        SimAnswer::Rejected(rejection) => return reject(socket, &rejection).await,
        SimAnswer::Stalled(_) => return std::future::pending().await,
        SimAnswer::Reset => return None,
    };
    let tokens = admission.prompt_tokens;
    let mut stay =
        Stay { site: Arc::clone(site), endpoint, ticket: admission.ticket, tokens, ending: Ending::Abandoned };
    tokio::time::sleep(admission.first_token).await;
    let reply = Reply { ask: &ask, admission: &admission, dialect: *dialect, model: &model, seconds: at.0 / 1_000_000 };
    site.store(account, shelf::left_by(&reply));
    if ask.refers.stores {
        site.keep(account, vec![(format!("responses/{}", reply.id("resp_")), responses::whole(&reply))], Vec::new());
    }
    let cut = admission.cut_after.map(u64::from);
    let mut passed = 0_u64;
    for Frame { after, bytes } in frames(&reply) {
        if cut.is_some_and(|cut| after >= cut) {
            stay.ending = Ending::Failed;
            return None;
        }
        tokio::time::sleep(gap(admission.token_gap, after.saturating_sub(passed))).await;
        (passed, stay.tokens) = (after, tokens.saturating_add(after));
        socket.send(Message::text(message(&bytes))).await.ok()?;
    }
    stay.ending = Ending::Whole;
    Some(())
}

fn gap(each: Duration, tokens: u64) -> Duration {
    each.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX))
}

/// The data of an event, without its frame.
fn message(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default().to_owned()
}

async fn reject(socket: &mut Socket, rejection: &Rejection) -> Option<()> {
    let body: Value = serde_json::from_str(&rejection.body).unwrap_or_default();
    let error = body.get("error").cloned().unwrap_or(body);
    let event = json!({"type": "error", "status": rejection.status, "error": error});
    socket.send(Message::text(event.to_string())).await.ok()
}
