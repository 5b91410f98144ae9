//! Asks one endpoint for a single token: the only way to see whether a deployment really answers, and what limits it tells.
//!
//! Invariant: sent once when the person asks for it and the cost was said before; straight to the service with the account's key,
//! outside routes and ledgers, since so little weighs nothing.
//! Absent on purpose: keeping or showing what was answered.

use serde_json::{Value, json};

use super::key_test::{Asker, Line, limits, there};
use crate::contract::snapshot::KeyTest;
use crate::engine::clock::Clock;
use crate::model::config::{Account, Endpoint, Service, UpstreamWay};
use crate::model::profile::Operation;
use crate::model::secret::Secret;
use crate::model::units::Grouped;
use crate::wire::target::{TargetAccount, needs_model_in_body, uri};

/// What is said of as much at most is passed on: a code, no text that may repeat what was sent.
const CODE: usize = 64;

/// Sends one call. The result's time is filled in by the caller.
pub(super) async fn call(
    (account, endpoint): (&Account, &Endpoint),
    way: &UpstreamWay,
    key: &Secret,
    clock: Clock,
) -> KeyTest {
    match Asker::new(account, key, way) {
        Ok(asker) => ask(&asker, endpoint, clock).await,
        Err(sentence) => KeyTest { lines: vec![(false, sentence)], ..KeyTest::default() },
    }
}

async fn ask(asker: &Asker<'_>, endpoint: &Endpoint, clock: Clock) -> KeyTest {
    let failed = |sentence| KeyTest { lines: vec![(false, sentence)], ..KeyTest::default() };
    let account = asker.account;
    let name = endpoint.deployment.clone().unwrap_or_else(|| endpoint.model.to_string());
    let operation = operation(endpoint);
    let address = match uri(&TargetAccount::from(account), operation, &name) {
        Ok(address) => address.to_string(),
        Err(error) => return failed(format!("No address to ask: {error}.")),
    };
    let mut cap = Cap::of(account.service);
    loop {
        let began = clock.now();
        let body = body(account, operation, &name, cap);
        let sent = asker.client.post(&address).headers(asker.headers.clone()).json(&body).send().await;
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return failed(asker.no_answer(&error)),
        };
        let (status, said) = (answer.status().as_u16(), answer.headers().clone());
        let body: Value = answer.json().await.unwrap_or(Value::Null);
        let took = clock.now().since(began);
        if cap == Cap::Completion && status == 400 && text(&body, "message").contains("max_completion_tokens") {
            // Older versions know the older name alone. Nothing was charged for the refusal.
            cap = Cap::Tokens;
            continue;
        }
        let answered = judge(account, &name, status, &body);
        let lasted =
            format!("It took {} ms, as seen from here.", Grouped(u64::try_from(took.as_millis()).unwrap_or(0)));
        if !answered.0 {
            return KeyTest { lines: vec![answered], ..KeyTest::default() };
        }
        let (limits, offered) = limits(&said, clock.wall_ms());
        return KeyTest { finished_wall_ms: None, lines: vec![answered, (true, lasted), (true, limits)], offered };
    }
}

/// The name of the cap on the answer's length, which changed once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cap {
    Completion,
    Tokens,
}

impl Cap {
    const fn of(service: Service) -> Self {
        match service {
            Service::Openai | Service::Azure | Service::Simulated => Self::Completion,
            Service::Compatible => Self::Tokens,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Completion => "max_completion_tokens",
            Self::Tokens => "max_tokens",
        }
    }
}

/// What the endpoint's model is there for, by its name.
fn operation(endpoint: &Endpoint) -> Operation {
    let embeds = |name: &str| name.contains("embedding") || name.contains("ada-002");
    let deployment = endpoint.deployment.as_deref().unwrap_or_default();
    if embeds(endpoint.model.as_str()) || embeds(deployment) { Operation::Embeddings } else { Operation::Chat }
}

fn body(account: &Account, operation: Operation, name: &str, cap: Cap) -> Value {
    let mut body = match operation {
        Operation::Embeddings => json!({"input": "hi"}),
        _ => json!({"messages": [{"role": "user", "content": "hi"}], cap.name(): 1}),
    };
    let named = needs_model_in_body(account.service, account.api.unwrap_or_default());
    if let Some(fields) = body.as_object_mut().filter(|_| named) {
        fields.insert("model".to_owned(), Value::from(name));
    }
    body
}

fn judge(account: &Account, name: &str, status: u16, body: &Value) -> Line {
    let code = text(body, "code");
    match status {
        200 => {
            let charged = body.get("usage").and_then(|usage| usage.get("total_tokens")).and_then(Value::as_u64);
            let charged =
                charged.map_or_else(String::new, |tokens| format!(" {} tokens were charged.", Grouped(tokens)));
            (true, format!("{name} answers.{charged}"))
        }
        // Models that think first do not come to an answer within one token.
        400 if text(body, "message").contains("output limit") => {
            (true, format!("{name} answers; one token is too few for its first word."))
        }
        400 => (
            false,
            format!("{name} refuses so small a chat request{}. It may be there for something else.", told(&code)),
        ),
        429 if code == "insufficient_quota" => (
            false,
            format!(
                "{name} is out of credit. This will not clear by waiting: add credit at the provider's billing page."
            ),
        ),
        status => there(account, name, status),
    }
}

fn told(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" ({code})") }
}

/// A text of the error's, if it is short enough to be what it should be.
fn text(body: &Value, field: &str) -> String {
    let text = body.get("error").and_then(|error| error.get(field)).and_then(Value::as_str).unwrap_or_default();
    if field == "code" { text.chars().filter(|one| !one.is_control()).take(CODE).collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn account(text: &str) -> Account {
        toml_edit::de::from_str(text).unwrap()
    }

    fn endpoint(model: &str) -> Endpoint {
        let text = format!("id = \"e\"\naccount = \"a\"\nmodel = \"{model}\"");
        toml_edit::de::from_str(&text).unwrap()
    }

    /// A service that gives these answers one after the other; what it was sent is kept.
    async fn service(answers: Vec<(u16, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut bytes = Vec::new();
                while !bytes.ends_with(b"}") {
                    stream.read_buf(&mut bytes).await.unwrap();
                }
                kept.lock().unwrap().push(String::from_utf8(bytes).unwrap());
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nx-ratelimit-limit-tokens: 90000\r\n\
                     connection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            }
        });
        (format!("http://{address}/v1"), seen)
    }

    async fn called(kind: &str, answers: Vec<(u16, &'static str)>) -> (Vec<Line>, Vec<String>) {
        // As `backend::start` does; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, seen) = service(answers).await;
        let account =
            account(&format!("id = \"a\"\nservice = \"{kind}\"\nbase_url = \"{url}\"\nallow_plain_http = true"));
        let key = Secret::new("canary-5b1d".to_owned());
        let test = call((&account, &endpoint("gpt-4o")), &UpstreamWay::default(), &key, Clock::start()).await;
        let seen = seen.lock().unwrap().clone();
        (test.lines, seen)
    }

    #[tokio::test]
    async fn one_token_is_asked_for_and_the_limits_that_came_with_it_are_told() {
        let (lines, seen) = called("openai", vec![(200, r#"{"usage":{"total_tokens":9}}"#)]).await;
        assert_eq!(lines[0], (true, "gpt-4o answers. 9 tokens were charged.".to_owned()));
        assert_eq!(lines[2], (true, "Limits it tells: 90,000 TPM.".to_owned()));
        assert_eq!(seen.len(), 1);
        assert!(seen[0].starts_with("POST /v1/chat/completions") && seen[0].contains("\"max_completion_tokens\":1"));
        assert!(seen[0].contains("\"model\":\"gpt-4o\"") && seen[0].contains("Bearer canary-5b1d"));
        assert!(lines.iter().all(|(_, line)| !line.contains("canary")));
    }

    #[tokio::test]
    async fn a_service_that_knows_the_older_cap_alone_is_asked_with_that() {
        let refusal = r#"{"error":{"message":"Unrecognized argument: max_completion_tokens"}}"#;
        let (lines, seen) = called("openai", vec![(400, refusal), (200, "{}")]).await;
        assert!(lines[0].0 && seen[1].contains("\"max_tokens\":1") && !seen[1].contains("max_completion_tokens"));
    }

    #[test]
    fn what_came_of_it_is_said_with_a_next_step() {
        let account = account("id = \"a\"\nservice = \"openai\"\nbase_url = \"https://api.openai.com/v1\"");
        for (status, body, passed, words) in [
            (429, json!({"error": {"code": "insufficient_quota"}}), false, "billing page"),
            (429, json!({"error": {"code": "rate_limit_exceeded"}}), true, "used up just now"),
            (400, json!({"error": {"message": "model output limit was reached"}}), true, "too few"),
            (400, json!({"error": {"code": "unsupported"}}), false, "(unsupported)"),
            (404, Value::Null, false, "not there"),
            (401, Value::Null, false, "not open"),
        ] {
            let (found, said) = judge(&account, "gpt-4o", status, &body);
            assert_eq!(found, passed, "{status}");
            assert!(said.contains(words), "{status}: {said}");
        }
    }

    #[test]
    fn a_model_that_embeds_is_not_asked_to_chat() {
        assert_eq!(operation(&endpoint("text-embedding-3-small")), Operation::Embeddings);
        assert_eq!(operation(&endpoint("gpt-4o")), Operation::Chat);
        let azure = account("id = \"a\"\nservice = \"azure\"\nbase_url = \"https://x.openai.azure.com\"");
        assert_eq!(body(&azure, Operation::Embeddings, "e", Cap::Completion), json!({"input": "hi"}));
    }
}
