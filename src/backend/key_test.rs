//! Asks a service whether it accepts a key, in words a person can act on.
//!
//! Invariant: one cheap read (`/models`), no redirect, no proxy variable; the key goes to the account's own address only.
//! Absent on purpose: calls that cost tokens.

use std::time::Duration;

use http::HeaderMap;

use crate::contract::snapshot::KeyTest;
use crate::model::config::{Account, Service};
use crate::model::secret::Secret;
use crate::wire::headers::credential;
use crate::wire::target::{TargetAccount, models_uri};

const PATIENCE: Duration = Duration::from_secs(20);

/// Tests an account's key. The result's time is filled in by the caller, who has a clock.
pub async fn test(account: &Account, key: &Secret) -> KeyTest {
    let lines = match ask(account, key).await {
        Ok(answer) => judge(account, answer),
        Err(sentence) => vec![(false, sentence)],
    };
    KeyTest { finished_wall_ms: None, lines }
}

#[derive(Clone, Copy)]
struct Asked {
    status: u16,
    models: Option<usize>,
}

async fn ask(account: &Account, key: &Secret) -> Result<Asked, String> {
    let uri = models_uri(&TargetAccount::from(account)).map_err(|error| format!("No address to ask: {error}."))?;
    let mut headers = HeaderMap::new();
    let (organization, project) = (account.organization.as_deref(), account.project.as_deref());
    credential(&mut headers, account.shows_key_as(), key.expose(), organization, project)
        .map_err(|error| format!("{error}."))?;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|_| "No secure connection can be made on this system. Install ca-certificates.".to_owned())?;
    let answer =
        client.get(uri.to_string()).headers(headers).send().await.map_err(|error| unreachable(account, &error))?;
    let status = answer.status().as_u16();
    let body: Option<serde_json::Value> = if status == 200 { answer.json().await.ok() } else { None };
    let models = body.and_then(|body| body.get("data")?.as_array().map(Vec::len));
    Ok(Asked { status, models })
}

fn unreachable(account: &Account, error: &reqwest::Error) -> String {
    let host = account.base_url.split('/').nth(2).unwrap_or_default();
    if error.is_timeout() {
        return format!("{host} did not answer within {} s. Check the address, or try again.", PATIENCE.as_secs());
    }
    format!("{host} cannot be reached. Check the address and this computer's connection.")
}

fn judge(account: &Account, asked: Asked) -> Vec<(bool, String)> {
    let id = &account.id;
    match asked.status {
        200 => {
            let seen = asked.models.map_or_else(
                || (false, "The answer is no list of models. Is the address right?".to_owned()),
                |count| (true, format!("{count} models are visible.")),
            );
            vec![(true, "The key is accepted.".to_owned()), seen]
        }
        401 => {
            vec![(false, format!("{id} rejects this key. Copy it again from the provider's page, or issue a new one."))]
        }
        403 => vec![(
            false,
            format!(
                "{id} refuses this connection: a firewall, a private network, or key sign-in switched off. The key itself may be fine."
            ),
        )],
        404 if account.service == Service::Azure => {
            vec![(
                false,
                "Nothing answers at this address. Check base_url, api and api_version of the account.".to_owned(),
            )]
        }
        404 => vec![(false, "Nothing answers at this address. Does base_url lack /v1?".to_owned())],
        429 => {
            vec![(true, "The service answers 429: the key is known, and its limits are used up just now.".to_owned())]
        }
        status @ 300..=399 => {
            vec![(
                false,
                format!(
                    "The address answers {status}, a redirect, which is not followed with a key. Use the final address."
                ),
            )]
        }
        status => vec![(false, format!("The service answers {status}. Try again later."))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        toml_edit::de::from_str("id = \"acme\"\nservice = \"openai\"\nbase_url = \"https://api.openai.com/v1\"")
            .unwrap()
    }

    #[test]
    fn every_answer_is_said_in_words_with_a_next_step() {
        for (status, passed, word) in [
            (200, true, "accepted"),
            (401, false, "rejects"),
            (403, false, "firewall"),
            (404, false, "/v1"),
            (429, true, "limits"),
            (302, false, "redirect"),
            (500, false, "later"),
        ] {
            let lines = judge(&account(), Asked { status, models: Some(3) });
            assert_eq!(lines[0].0, passed, "{status}");
            assert!(lines[0].1.contains(word), "{status}: {}", lines[0].1);
        }
        assert!(!judge(&account(), Asked { status: 200, models: None })[1].0);
    }
}
