//! Realtime sessions of simulated endpoints: events in, events out, over a WebSocket.
//!
//! Invariant: each `response.create` is answered by one `response.done` that tells its usage; the session ends with its client.
//! Absent on purpose: sound. What is said is text.

use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::handler::AnswerBody;
use super::paced::Stay;
use super::site::Ending;

/// Says 101 and plays a session; `None` if the request is no handshake.
pub(super) fn open(headers: &HeaderMap, client: OnUpgrade, model: String, stay: Stay) -> Option<Response<AnswerBody>> {
    let response = agree(headers)?;
    tokio::spawn(play(client, model, stay));
    Some(response)
}

/// A 101; `None` if the request is no handshake.
pub(super) fn agree(headers: &HeaderMap) -> Option<Response<AnswerBody>> {
    let key = headers.get("sec-websocket-key")?;
    let accept = HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()?;
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("upgrade"));
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert("sec-websocket-accept", accept);
    Some(response)
}

async fn play(client: OnUpgrade, model: String, mut stay: Stay) {
    let Ok(client) = client.await else { return };
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(client), Role::Server, None).await;
    let begun = json!({"type": "session.created", "session": {"type": "realtime", "model": model}});
    let mut said = vec![begun];
    loop {
        for event in said.drain(..) {
            if socket.send(Message::text(event.to_string())).await.is_err() {
                return;
            }
        }
        let Some(Ok(message)) = socket.next().await else { break };
        let Ok(text) = message.to_text() else { continue };
        if message.is_close() {
            break;
        }
        said = answer(text);
        if said.len() > 1 {
            stay.tokens = stay.tokens.saturating_add(12);
        }
    }
    stay.ending = Ending::Whole;
}

fn answer(text: &str) -> Vec<Value> {
    let asked: Value = serde_json::from_str(text).unwrap_or_default();
    match asked.get("type").and_then(Value::as_str) {
        Some("session.update") => {
            vec![json!({"type": "session.updated", "session": asked.get("session").cloned().unwrap_or_default()})]
        }
        Some("response.create") => {
            let usage = json!({"input_tokens": 5, "output_tokens": 7, "total_tokens": 12,
                "input_token_details": {"cached_tokens": 2}, "output_token_details": {"text_tokens": 7}});
            vec![
                json!({"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}),
                json!({"type": "response.output_text.delta", "delta": "The tide turns at six."}),
                json!({"type": "response.done", "response": {"id": "resp_1", "status": "completed", "usage": usage}}),
            ]
        }
        _ => Vec::new(),
    }
}
