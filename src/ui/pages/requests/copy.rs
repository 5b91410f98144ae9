//! What the copy menu puts on the clipboard.
//!
//! Invariant: no key and no body of the caller: a copy asks the same model for the same operation with a short prompt, the
//! word `local` or the name of an environment variable standing in for the key.
//! Absent on purpose: `Content-Length` and headers of one connection; the tool that runs the copy makes its own.

use std::fmt::Write as _;

use serde_json::Value;

use crate::model::config::{Account, AzureApi, Config, Credential, Service};
use crate::model::decision::Decision;
use crate::model::profile::Operation;
use crate::model::record::RequestRecord;
use crate::ui::format::{group_rank, plain_time_millis, span};
use crate::ui::words::{self, attempt, explain};

/// Where clients are pointed while nothing listens.
pub const USUAL_URL: &str = "http://127.0.0.1:8787/v1";
const PROMPT: &str = "Say hi";

/// A body that asks the same of a model.
fn body(record: &RequestRecord, model: Option<&str>) -> Value {
    let mut body = match record.profile.operation {
        Operation::Chat => serde_json::json!({"messages": [{"role": "user", "content": PROMPT}]}),
        Operation::Completions | Operation::Images | Operation::ImageEdits | Operation::ImageVariations => {
            serde_json::json!({"prompt": PROMPT})
        }
        Operation::Speech => serde_json::json!({"input": PROMPT, "voice": "alloy"}),
        _ => serde_json::json!({"input": PROMPT}),
    };
    if let Some(fields) = body.as_object_mut() {
        fields.extend(model.map(|model| ("model".to_owned(), model.into())));
        if record.profile.streaming {
            fields.insert("stream".to_owned(), true.into());
        }
        let name = match record.profile.operation {
            Operation::Chat | Operation::Completions => Some("max_tokens"),
            Operation::Responses => Some("max_output_tokens"),
            _ => None,
        };
        let cap = name.zip(record.profile.size.output_cap);
        fields.extend(cap.map(|(name, cap)| (name.to_owned(), cap.into())));
    }
    body
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A cURL line for this operation and model, through `base_url` (which ends in `/v1`).
#[must_use]
pub fn curl(record: &RequestRecord, base_url: &str) -> String {
    format!(
        "curl {base_url}/{} -H 'Content-Type: application/json' -H 'Authorization: Bearer local' -d {} -i",
        record.profile.operation.path(),
        quoted(&body(record, Some(record.profile.model.as_str())).to_string())
    )
}

/// A cURL line to the service itself, the key from an environment variable. `None`: it went nowhere, to a simulated
/// endpoint, or to one that is not configured any more; or what it asked has no address of its own.
#[must_use]
pub fn direct(record: &RequestRecord, config: &Config) -> Option<String> {
    let operation = record.profile.operation;
    if matches!(operation, Operation::Stored | Operation::Run | Operation::Realtime) {
        return None;
    }
    let endpoint = config.endpoint(record.endpoint()?)?;
    let account = config.account(&endpoint.account).filter(|account| account.service != Service::Simulated)?;
    let deployment = endpoint.deployment.as_deref().unwrap_or(endpoint.model.as_str());
    let classic = account.service == Service::Azure && account.api.unwrap_or_default() == AzureApi::Classic;
    let responses = [Operation::Responses, Operation::Compact, Operation::InputTokens];
    let in_path = classic && !responses.contains(&operation);
    let address = address(account, operation, in_path.then_some(deployment));
    let header = match account.service {
        Service::Azure => format!("\"api-key: ${}\"", variable(account)),
        _ => format!("\"Authorization: Bearer ${}\"", variable(account)),
    };
    let asked = body(record, (!in_path).then_some(deployment));
    Some(format!(
        "curl {} -H 'Content-Type: application/json' -H {header} -d {} -i",
        quoted(&address),
        quoted(&asked.to_string())
    ))
}

fn variable(account: &Account) -> String {
    match (&account.credential, account.service) {
        (Credential::Env(name), _) => name.clone(),
        (_, Service::Azure) => "AZURE_OPENAI_API_KEY".to_owned(),
        _ => "OPENAI_API_KEY".to_owned(),
    }
}

fn address(account: &Account, operation: Operation, deployment: Option<&str>) -> String {
    let base = account.base_url.trim().trim_end_matches('/');
    let path = operation.path();
    let version = account.api_version.as_deref().filter(|version| !version.is_empty());
    let query = version.map_or_else(String::new, |version| format!("?api-version={version}"));
    let root = base.strip_suffix("/openai/v1").or_else(|| base.strip_suffix("/openai")).unwrap_or(base);
    match (account.service, account.api.unwrap_or_default(), deployment) {
        (Service::Azure, AzureApi::Classic, Some(name)) => format!("{root}/openai/deployments/{name}/{path}{query}"),
        (Service::Azure, AzureApi::Classic, None) => format!("{root}/openai/{path}{query}"),
        (Service::Azure, AzureApi::V1, _) => format!("{root}/openai/v1/{path}{query}"),
        (Service::Openai, ..) if !base.ends_with("/v1") => format!("{base}/v1/{path}"),
        _ => format!("{base}/{path}"),
    }
}

/// The same with OpenAI's library for Python; `None`: it has no call for it that takes a short text.
#[must_use]
pub fn python(record: &RequestRecord, base_url: &str) -> Option<String> {
    let (call, asked) = call(record)?;
    let stream = if record.profile.streaming { "for event in answer:\n    print(event)" } else { "print(answer)" };
    Some(format!(
        "from openai import OpenAI\nclient = OpenAI(base_url={}, api_key=\"local\", max_retries=0)\n\
         answer = client.{call}(\n{})\n{stream}",
        Value::from(base_url),
        arguments(&asked, "    ", "=", |value| match value {
            Value::Bool(true) => "True".to_owned(),
            other => other.to_string(),
        })
    ))
}

/// The same with OpenAI's library for Node; `None`: it has no call for it that takes a short text.
#[must_use]
pub fn node(record: &RequestRecord, base_url: &str) -> Option<String> {
    let (call, asked) = call(record)?;
    let stream = if record.profile.streaming {
        "for await (const event of answer) console.log(event);"
    } else {
        "console.log(answer);"
    };
    Some(format!(
        "import OpenAI from \"openai\";\nconst client = new OpenAI({{ baseURL: {}, apiKey: \"local\", maxRetries: 0 }});\n\
         const answer = await client.{call}({{\n{}}});\n{stream}",
        Value::from(base_url),
        arguments(&asked, "  ", ": ", ToString::to_string)
    ))
}

/// What the libraries call the operation, and what it is given; `None`: they have no call that takes a short text.
fn call(record: &RequestRecord) -> Option<(&'static str, Value)> {
    let call = match record.profile.operation {
        Operation::Chat => "chat.completions.create",
        Operation::Completions => "completions.create",
        Operation::Responses => "responses.create",
        Operation::Embeddings => "embeddings.create",
        Operation::Moderations => "moderations.create",
        Operation::Speech => "audio.speech.create",
        Operation::Images => "images.generate",
        // The libraries have no short call for the others; both post to any path.
        _ => return None,
    };
    Some((call, body(record, Some(record.profile.model.as_str()))))
}

fn arguments(asked: &Value, indent: &str, sign: &str, say: impl Fn(&Value) -> String) -> String {
    let mut text = String::new();
    for (name, value) in asked.as_object().into_iter().flatten() {
        let _ = writeln!(text, "{indent}{name}{sign}{},", say(value));
    }
    text
}

/// The request with what came of it, as Markdown.
#[must_use]
pub fn markdown(record: &RequestRecord) -> String {
    let mut text = format!("### {} · {} · {}\n\n", record.id, words::status(record), record.profile.model);
    let _ = writeln!(text, "{}\n", explain::paragraph(record));
    let _ = writeln!(text, "- arrived {}, took {}", plain_time_millis(record.wall_ms), span(record.total));
    let _ = writeln!(text, "- from {}", cell(&record.profile.client));
    if let Some(decision) = record.decisions.last() {
        if let Some(change) = explain::counterfactual(decision) {
            let _ = writeln!(text, "- {change}");
        }
        let _ = writeln!(text, "- decision {}, config rev {}", decision.id, decision.revision);
        text.push_str("\n| group | endpoint | you set | needs / has | verdict |\n|--|--|--|--|--|\n");
        for candidate in &decision.candidates {
            let rank = group_rank((candidate.group as usize).saturating_sub(1), explain::groups(decision));
            let (set, room) = (words::admin_state(candidate.admin_state), explain::needs_and_has(&candidate));
            let verdict = explain::verdict(&candidate);
            let code = explain::verdict_code(candidate.verdict);
            let _ = writeln!(
                text,
                "| {rank} | {} | {set} | {room} | {verdict} {code} |",
                cell(candidate.endpoint.as_str())
            );
        }
    }
    for (number, one) in (1_usize..).zip(&record.attempts) {
        let _ = write!(text, "\n{number}. {}: {}", cell(one.endpoint.as_str()), attempt::result(one, record));
    }
    text
}

/// Text that cannot break out of a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "\\`").replace(['\n', '\r'], " ")
}

/// A decision as indented JSON.
#[must_use]
pub fn decision_json(decision: &Decision) -> String {
    serde_json::to_string_pretty(decision).unwrap_or_default()
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
