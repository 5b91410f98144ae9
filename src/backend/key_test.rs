//! Asks a service what a key opens, in words a person can act on.
//!
//! Invariant: only what costs nothing is asked; no redirect, and the way that requests take; the key goes to the account's own address only.
//! Absent on purpose: calls that cost tokens (`one_token`). A deployment is asked for an answer to an empty request, which it refuses.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::no_answer;
use crate::contract::snapshot::{KeyTest, Offered};
use crate::engine::clock::Clock;
use crate::model::config::{Account, AzureApi, Config, Service, UpstreamWay, Way};
use crate::model::host::is_on_this_computer;
use crate::model::outcome::LimitFacts;
use crate::model::profile::Operation;
use crate::model::secret::Secret;
use crate::model::units::Grouped;
use crate::wire::headers::{credential, facts};
use crate::wire::target::{TargetAccount, models_uri, uri};

const PATIENCE: Duration = Duration::from_secs(20);
/// What of a name is written otherwise in a path.
const NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// As many deployments are asked; who has more sees how the first do.
const MOST: usize = 20;
/// As many models are offered.
const MODELS: usize = 500;
/// Clocks that differ by less are called the same, in milliseconds. `Date` has whole seconds, and answers take a while.
const SKEW_MS: u64 = 5_000;

/// Tests an account's key. The result's time is filled in by the caller.
pub async fn test(account: &Account, config: &Config, key: &Secret, clock: Clock) -> KeyTest {
    match Asker::new(account, key, &config.upstream) {
        Ok(asker) => asker.everything(config, clock).await,
        Err(sentence) => KeyTest { lines: vec![(false, sentence)], ..KeyTest::default() },
    }
}

/// Passed or not, and a sentence.
pub(super) type Line = (bool, String);

/// Who asks a service, with an account's key.
pub(super) struct Asker<'a> {
    pub(super) account: &'a Account,
    pub(super) client: reqwest::Client,
    pub(super) headers: HeaderMap,
    /// Whether an upstream proxy may stand between.
    relayed: bool,
}

/// The same way that requests take: this computer's own addresses straight, others as the configuration says.
fn by_way(account: &Account, way: &UpstreamWay) -> Result<reqwest::ClientBuilder, String> {
    let builder = reqwest::Client::builder();
    let own = is_on_this_computer(&account.base_url);
    match way.way().filter(|_| !own) {
        Some(Way::System) => Ok(builder),
        Some(Way::Through(address)) => {
            let proxy = reqwest::Proxy::all(address).map_err(|_| NO_WAY.to_owned())?;
            Ok(builder.no_proxy().proxy(proxy))
        }
        Some(Way::Straight) => Ok(builder.no_proxy()),
        None if own => Ok(builder.no_proxy()),
        None => Err(NO_WAY.to_owned()),
    }
}

const NO_WAY: &str = "The upstream proxy is no address, so nothing is sent. Mend it under Settings, Network.";

#[derive(Clone, Copy)]
struct Asked {
    status: u16,
    models: Option<usize>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(account: &'a Account, key: &Secret, way: &UpstreamWay) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        let (organization, project) = (account.organization.as_deref(), account.project.as_deref());
        credential(&mut headers, account.shows_key_as(), key.expose(), organization, project)
            .map_err(|error| format!("{error}."))?;
        let client = by_way(account, way)?
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|_| "No secure connection can be made on this system. Install ca-certificates.".to_owned())?;
        let relayed = matches!(way.way(), Some(Way::Through(_))) && !is_on_this_computer(&account.base_url);
        Ok(Self { account, client, headers, relayed })
    }

    /// Why nothing came.
    pub(super) fn no_answer(&self, error: &reqwest::Error) -> String {
        let host = self.account.base_url.split('/').nth(2).unwrap_or_default();
        no_answer::words(host, self.relayed, PATIENCE, error)
    }

    async fn everything(&self, config: &Config, clock: Clock) -> KeyTest {
        let answer = match self.models().await {
            Ok(answer) => answer,
            Err(sentence) => return KeyTest { lines: vec![(false, sentence)], ..KeyTest::default() },
        };
        let (status, said) = (answer.status().as_u16(), answer.headers().clone());
        let body: Option<serde_json::Value> = if status == 200 { answer.json().await.ok() } else { None };
        let models = body.as_ref().and_then(|body| body.get("data")?.as_array());
        let mut lines = judge(self.account, Asked { status, models: models.map(Vec::len) });
        let mut offered = Offered::default();
        if lines.first().is_some_and(|(accepted, _)| *accepted) {
            lines.extend(whose(self.account, &said));
            let deployments = names(config, self.account);
            for deployment in deployments.iter().take(MOST) {
                lines.push(self.deployment(deployment).await);
            }
            let (limits, named) = limits(&said, clock.wall_ms());
            lines.push((true, limits));
            offered = Offered { models: callable(self.account, models), ..named };
        }
        lines.extend(skew(&said, clock.wall_ms()));
        KeyTest { finished_wall_ms: None, lines, offered }
    }

    async fn models(&self) -> Result<reqwest::Response, String> {
        let uri =
            models_uri(&TargetAccount::from(self.account)).map_err(|error| format!("No address to ask: {error}."))?;
        let request = self.client.get(uri.to_string()).headers(self.headers.clone());
        request.send().await.map_err(|error| self.no_answer(&error))
    }

    /// Whether a deployment, or a model by its name at the service, is there.
    async fn deployment(&self, name: &str) -> Line {
        let account = TargetAccount::from(self.account);
        let is_classic = account.service == Service::Azure && account.api == AzureApi::Classic;
        let asked = if is_classic {
            let address = uri(&account, Operation::Chat, name).map(|uri| uri.to_string());
            address.map(|address| self.client.post(address).json(&serde_json::json!({})))
        } else {
            models_uri(&account).map(|uri| self.client.get(below(&uri.to_string(), name)))
        };
        let Ok(asked) = asked else { return (false, format!("{name} has no address. Check its name.")) };
        match asked.headers(self.headers.clone()).send().await {
            Ok(answer) => there(self.account, name, answer.status().as_u16()),
            Err(error) => (false, self.no_answer(&error)),
        }
    }
}

/// What the account's endpoints are called at the service, each once.
fn names(config: &Config, account: &Account) -> Vec<String> {
    let mut names = Vec::new();
    for endpoint in config.endpoints.iter().filter(|endpoint| endpoint.account == account.id) {
        let name = endpoint.deployment.clone().unwrap_or_else(|| endpoint.model.to_string());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The address of one model in the list of them, whose address may have a query.
fn below(list: &str, name: &str) -> String {
    let name = utf8_percent_encode(name, NAMES);
    match list.split_once('?') {
        Some((path, query)) => format!("{path}/{name}?{query}"),
        None => format!("{list}/{name}"),
    }
}

pub(super) fn there(account: &Account, name: &str, status: u16) -> Line {
    match status {
        404 if account.service == Service::Azure => (
            false,
            format!("{name} is not there: {} knows no such deployment. Check its name, or deploy it.", account.id),
        ),
        404 => (
            false,
            format!("{name} is not there: this key sees no such model. Check its name and the project's models."),
        ),
        401 | 403 => (false, format!("{name} is not open to this key. Allow it in the project or the resource.")),
        429 => (true, format!("{name} answers; its limits are used up just now.")),
        500.. => (false, format!("{name} answers {status}. Try again later.")),
        _ => (true, format!("{name} answers.")),
    }
}

/// Whose key it is, as far as the service says.
fn whose(account: &Account, said: &HeaderMap) -> Option<Line> {
    let of = |name: &str| said.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let text = match (account.service, of("openai-organization"), of("openai-project")) {
        (Service::Azure, ..) => format!("The resource is {}.", account.base_url.split('/').nth(2)?),
        (_, Some(organization), Some(project)) => format!("It belongs to project {project} of {organization}."),
        (_, Some(organization), None) => format!("It belongs to organization {organization}."),
        (_, None, Some(project)) => format!("It belongs to project {project}."),
        (_, None, None) => return None,
    };
    Some((true, text))
}

/// The models of a list that can be asked for by these names, in order. Azure lists what could be deployed.
fn callable(account: &Account, list: Option<&Vec<serde_json::Value>>) -> Arc<[String]> {
    let named = list.into_iter().flatten().filter_map(|model| model.get("id")?.as_str());
    let mut names: Vec<String> =
        named.filter(|_| account.service != Service::Azure).take(MODELS).map(str::to_owned).collect();
    names.sort_unstable();
    names.into()
}

/// In words, and as figures.
pub(super) fn limits(said: &HeaderMap, wall_ms: u64) -> (String, Offered) {
    let facts = facts(said, wall_ms);
    let offered = Offered {
        tokens_per_minute: facts.tokens.limit,
        requests_per_minute: facts.requests.limit,
        ..Offered::default()
    };
    let of = |limit: LimitFacts, unit: &str| limit.limit.map(|limit| format!("{} {unit}", Grouped(limit)));
    let known: Vec<String> = of(facts.tokens, "TPM").into_iter().chain(of(facts.requests, "RPM")).collect();
    if known.is_empty() {
        return ("No limits are told here; they are learned from the first answers.".to_owned(), offered);
    }
    (format!("Limits it tells: {}.", known.join(", ")), offered)
}

/// How far this computer's clock is from the service's.
fn skew(said: &HeaderMap, wall_ms: u64) -> Option<Line> {
    let date = said.get(http::header::DATE)?.to_str().ok()?;
    let theirs = httpdate::parse_http_date(date).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let theirs = u64::try_from(theirs.as_millis()).ok()?;
    let apart = theirs.abs_diff(wall_ms);
    if apart < SKEW_MS {
        return Some((true, "This computer's clock agrees with the service's.".to_owned()));
    }
    let way = if theirs > wall_ms { "behind" } else { "ahead of" };
    Some((
        false,
        format!("This computer's clock is {} s {way} the service's. Countdown times may be off.", apart / 1_000),
    ))
}

fn judge(account: &Account, asked: Asked) -> Vec<(bool, String)> {
    let id = &account.id;
    match asked.status {
        200 => {
            let seen = asked.models.map_or_else(
                || (false, "The answer is no list of models. Is the address right?".to_owned()),
                |count| {
                    (
                        true,
                        if count == 1 {
                            "1 model is visible.".to_owned()
                        } else {
                            format!("{count} models are visible.")
                        },
                    )
                },
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

    #[test]
    fn a_deployment_is_there_if_it_refuses_an_empty_request() {
        for (status, passed, word) in [
            (400, true, "answers"),
            (200, true, "answers"),
            (429, true, "used up"),
            (404, false, "not there"),
            (401, false, "not open"),
            (503, false, "later"),
        ] {
            let (found, said) = there(&account(), "gpt-4o", status);
            assert_eq!(found, passed, "{status}");
            assert!(said.starts_with("gpt-4o ") && said.contains(word), "{said}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_said_by_how_much() {
        let said = HeaderMap::from_iter([(http::header::DATE, "Thu, 01 Jan 1970 00:02:00 GMT".parse().unwrap())]);
        assert!(skew(&said, 118_000).unwrap().0);
        let (agrees, text) = skew(&said, 26_000).unwrap();
        assert!(!agrees && text.contains("94 s behind"), "{text}");
        assert!(skew(&said, 200_000).unwrap().1.contains("80 s ahead"));
        assert!(skew(&HeaderMap::new(), 1).is_none());
    }

    #[test]
    fn a_models_own_address_keeps_the_query_of_the_list() {
        assert_eq!(below("https://x/models?api-version=1", "a b/c"), "https://x/models/a%20b%2Fc?api-version=1");
        assert_eq!(below("https://x/v1/models", "m"), "https://x/v1/models/m");
    }
}
