//! Where a request goes: the address at the service, in the account's dialect.
//!
//! Invariant: scheme and host are the account's, whatever the deployment or a path is called; a client's own path gets in only
//! where it was found plain, below the account's root.
//! Absent on purpose: credentials (`headers`), and checking that a base address is safe (`model::check`).

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::patch::ModelText;
use super::path::{deployment_in, segment};
use crate::model::config::{Account, AzureApi, Service};
use crate::model::profile::Operation;

/// What of an account decides addresses. For a simulated account, `base_url` is where the simulation listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetAccount<'a> {
    /// The kind of service.
    pub service: Service,
    /// Azure's path shape; ignored elsewhere.
    pub api: AzureApi,
    /// Absolute, with or without a slash at the end.
    pub base_url: &'a str,
    /// Needed by Azure's classic shape, passed on by its v1 shape, ignored elsewhere.
    pub api_version: Option<&'a str>,
    /// Whether chat streams are asked for their usage; `None`: where the service is known to understand that.
    pub include_usage: Option<bool>,
}

impl<'a> From<&'a Account> for TargetAccount<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            service: account.service,
            api: account.api.unwrap_or_default(),
            base_url: &account.base_url,
            api_version: account.api_version.as_deref(),
            include_usage: account.include_usage,
        }
    }
}

/// Why no address can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// Not an absolute URL, or one with a user name or query.
    #[error("the base address is not a plain URL such as https://NAME.openai.azure.com")]
    BaseUrl,
    /// Azure classic without a version.
    #[error("Azure's classic paths need an api-version")]
    ApiVersion,
    /// Empty or a dot segment.
    #[error("the deployment's name is empty or cannot stand in an address")]
    Deployment,
}

/// The addresses of one endpoint, made once per configuration. Cloning an address copies no text.
#[derive(Clone, Debug)]
pub struct Target {
    /// In the order of [`Operation::BALANCED`].
    addresses: Vec<Uri>,
    account: OwnedAccount,
    model_in_body: bool,
    tells_usage: bool,
    deployment: ModelText,
}

/// What of the account is needed for paths that are not known beforehand.
#[derive(Clone, Debug)]
struct OwnedAccount {
    service: Service,
    api: AzureApi,
    base_url: String,
    api_version: Option<String>,
}

impl Target {
    /// The addresses of `deployment` (the model's name, outside Azure) at an account.
    ///
    /// # Errors
    /// [`BadTarget`] if the account or the name allows none.
    pub fn new(account: &TargetAccount<'_>, deployment: &str) -> Result<Self, BadTarget> {
        let addresses = Operation::BALANCED.iter().map(|operation| uri(account, *operation, deployment));
        Ok(Self {
            addresses: addresses.collect::<Result<_, _>>()?,
            account: OwnedAccount {
                service: account.service,
                api: account.api,
                base_url: account.base_url.to_owned(),
                api_version: account.api_version.map(str::to_owned),
            },
            model_in_body: needs_model_in_body(account.service, account.api),
            tells_usage: tells_usage(account),
            deployment: ModelText::from(deployment),
        })
    }

    /// Where an operation goes; `None` for those that have no address of their own.
    #[must_use]
    pub fn uri(&self, operation: Operation) -> Option<&Uri> {
        self.addresses.get(operation as usize)
    }

    /// The same with what of the client's query goes on: all but versions, which are the account's, and keys, as it came.
    ///
    /// # Errors
    /// [`BadTarget`] if it makes no address, or the operation has none.
    pub fn asked(&self, operation: Operation, query: Option<&str>) -> Result<Uri, BadTarget> {
        let plain = self.uri(operation).ok_or(BadTarget::BaseUrl)?;
        if query.is_none() { Ok(plain.clone()) } else { with_query(plain, kept(query)) }
    }

    /// Where a path that is not known beforehand goes, below the dialect's root: `path` as it came, plain
    /// (`wire::path::Inbound::Stored`), with the client's query but for versions and keys, which are the account's. `called` takes
    /// the place of a deployment that the path names, and of the model in a Realtime session's query.
    ///
    /// # Errors
    /// [`BadTarget`] if it makes no address.
    pub fn stored(&self, path: &str, query: Option<&str>, called: Option<&ModelText>) -> Result<Uri, BadTarget> {
        let OwnedAccount { service, api, base_url, api_version } = &self.account;
        let account = TargetAccount {
            service: *service,
            api: *api,
            base_url,
            api_version: api_version.as_deref(),
            include_usage: None,
        };
        let plain = match (deployment_in(path), called) {
            (Some((_, rest)), Some(called)) => {
                address(&account, &format!("deployments/{}/{rest}", Encoded(called.plain())))?
            }
            _ => address(&account, path)?,
        };
        let key = if self.model_in_body { "model" } else { "deployment" };
        let is_session = path.split('/').next() == Some(Operation::Realtime.path());
        let own = called.filter(|_| is_session).map(|called| format!("{key}={}", Encoded(called.plain())));
        let kept = kept(query).map(|pair| match &own {
            Some(own) if matches!(pair.split('=').next(), Some("model" | "deployment")) => own.as_str(),
            _ => pair,
        });
        with_query(&plain, kept)
    }

    /// The name to put into the body's `model`; `None` if the path says it and the body may stay as it is.
    #[must_use]
    pub fn body_model(&self, operation: Operation) -> Option<&ModelText> {
        // What of Azure's classic paths names no deployment is told it in the body.
        (self.model_in_body || !has_deployment_in_path(operation)).then_some(&self.deployment)
    }

    /// The deployment, as the service knows it.
    #[must_use]
    pub const fn deployment(&self) -> &ModelText {
        &self.deployment
    }

    /// The same for a service that is known to understand a wish for usage at the end of a chat stream, or not to.
    #[must_use]
    pub fn telling_usage(self, tells_usage: bool) -> Self {
        Self { tells_usage, ..self }
    }

    /// Whether the service is known to understand a wish for usage at the end of a chat stream.
    #[must_use]
    pub const fn tells_usage(&self) -> bool {
        self.tells_usage
    }
}

/// What of a client's query goes on, pair after pair as it came.
fn kept(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.into_iter().flat_map(|query| query.split('&')).filter(|pair| !is_own(pair))
}

/// Whether a pair is the account's to say, or a credential of the client's.
fn is_own(pair: &str) -> bool {
    const OWN: [&str; 14] = [
        "access_token",
        "access-token",
        "api-key",
        "api-version",
        "api_key",
        "apikey",
        "authorization",
        "code",
        "key",
        "ocp-apim-subscription-key",
        "sig",
        "subscription-key",
        "token",
        "x-api-key",
    ];
    let name = pair.split('=').next().unwrap_or_default();
    let is_one = |name: &str| OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    is_one(name) || (name.contains('%') && segment(name).is_some_and(|name| is_one(&name)))
}

/// An address with these pairs behind its own.
fn with_query<'q>(plain: &Uri, pairs: impl Iterator<Item = &'q str>) -> Result<Uri, BadTarget> {
    let pairs: Vec<&str> = pairs.collect();
    if pairs.iter().all(|pair| pair.is_empty()) {
        return Ok(plain.clone());
    }
    let separator = if plain.query().is_some() { '&' } else { '?' };
    format!("{plain}{separator}{}", pairs.join("&")).parse().map_err(|_| BadTarget::BaseUrl)
}

/// The first classic version that knows `stream_options`.
const USAGE_SINCE: &str = "2024-09-01";

fn tells_usage(account: &TargetAccount<'_>) -> bool {
    account.include_usage.unwrap_or_else(|| match account.service {
        Service::Openai | Service::Simulated => true,
        Service::Azure if account.api == AzureApi::V1 => true,
        // Versions are dates, which sort as text.
        Service::Azure => account.api_version.is_some_and(|version| version >= USAGE_SINCE),
        // Some refuse what they do not know.
        Service::Compatible => false,
    })
}

/// The operations that Azure's classic dialect has below a deployment.
pub(super) const fn has_deployment_in_path(operation: Operation) -> bool {
    use Operation::{Chat, Completions, Embeddings, ImageEdits, Images, Speech, Transcriptions, Translations};
    matches!(operation, Chat | Completions | Embeddings | Speech | Transcriptions | Translations | Images | ImageEdits)
}

/// Whether the service reads the model from the body. Azure's classic paths name the deployment instead, except for
/// Responses ([`Target::body_model`] knows).
#[must_use]
pub fn needs_model_in_body(service: Service, api: AzureApi) -> bool {
    service != Service::Azure || api != AzureApi::Classic
}

/// Where one operation of one deployment goes.
///
/// # Errors
/// [`BadTarget`] if the account or the name allows no address.
pub fn uri(account: &TargetAccount<'_>, operation: Operation, deployment: &str) -> Result<Uri, BadTarget> {
    if matches!(deployment, "" | "." | "..") {
        return Err(BadTarget::Deployment);
    }
    let op = operation.path();
    let classic = account.service == Service::Azure && account.api == AzureApi::Classic;
    if classic && has_deployment_in_path(operation) {
        return address(account, &format!("deployments/{}/{op}", Encoded(deployment)));
    }
    address(account, op)
}

/// Where the account lists its models: the cheapest test of a key.
///
/// # Errors
/// [`BadTarget`] if the account allows no address.
pub fn models_uri(account: &TargetAccount<'_>) -> Result<Uri, BadTarget> {
    address(account, "models")
}

/// `path` below the dialect's root.
fn address(account: &TargetAccount<'_>, path: &str) -> Result<Uri, BadTarget> {
    let base: Uri = account.base_url.trim().parse().map_err(|_| BadTarget::BaseUrl)?;
    let (scheme, authority) = origin(&base)?;
    let given = base.path().trim_end_matches('/');
    let path = match (account.service, account.api) {
        (Service::Azure, api) => azure_path(given, api, account.api_version, path)?,
        // People paste the bare host; OpenAI has nothing there.
        (Service::Openai, _) if given.is_empty() => format!("/v1/{path}"),
        _ => format!("{given}/{path}"),
    };
    let path: PathAndQuery = path.parse().map_err(|_| BadTarget::BaseUrl)?;
    Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().map_err(|_| BadTarget::BaseUrl)
}

fn origin(base: &Uri) -> Result<(Scheme, Authority), BadTarget> {
    let scheme = base.scheme().filter(|s| **s == Scheme::HTTP || **s == Scheme::HTTPS);
    let authority = base.authority().filter(|a| !a.as_str().contains('@') && !a.host().is_empty());
    match (scheme, authority, base.query()) {
        (Some(scheme), Some(authority), None) => Ok((scheme.clone(), authority.clone())),
        _ => Err(BadTarget::BaseUrl),
    }
}

fn azure_path(given: &str, api: AzureApi, version: Option<&str>, path: &str) -> Result<String, BadTarget> {
    // People paste the address with the part that we add; it is not added twice.
    let root = given.strip_suffix("/openai/v1").or_else(|| given.strip_suffix("/openai")).unwrap_or(given);
    let version = version.filter(|version| !version.is_empty());
    match (api, version) {
        (AzureApi::Classic, Some(version)) => Ok(format!("{root}/openai/{path}?api-version={}", Encoded(version))),
        (AzureApi::Classic, None) => Err(BadTarget::ApiVersion),
        (AzureApi::V1, Some(version)) => Ok(format!("{root}/openai/v1/{path}?api-version={}", Encoded(version))),
        (AzureApi::V1, None) => Ok(format!("{root}/openai/v1/{path}")),
    }
}

/// Text as one segment or value: everything but letters, digits and `-._~` percent-encoded.
struct Encoded<'a>(&'a str);

impl std::fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account<'a>(service: Service, api: AzureApi, base_url: &'a str, version: Option<&'a str>) -> TargetAccount<'a> {
        TargetAccount { service, api, base_url, api_version: version, include_usage: None }
    }

    #[test]
    fn each_dialect_has_its_addresses() {
        let azure = "https://res.openai.azure.com/";
        let version = Some("2024-10-21");
        let openai = account(Service::Openai, AzureApi::Classic, "https://api.openai.com/v1", None);
        let bare = account(Service::Openai, AzureApi::Classic, "https://api.openai.com", None);
        let compatible = account(Service::Compatible, AzureApi::Classic, "http://127.0.0.1:11434/x/v1/", None);
        let classic = account(Service::Azure, AzureApi::Classic, azure, version);
        let v1 = account(Service::Azure, AzureApi::V1, azure, None);
        let pasted = account(Service::Azure, AzureApi::V1, "https://res.openai.azure.com/openai/v1/", Some("preview"));
        for (account, operation, expected) in [
            (openai, Operation::Chat, "https://api.openai.com/v1/chat/completions"),
            (bare, Operation::Embeddings, "https://api.openai.com/v1/embeddings"),
            (compatible, Operation::Completions, "http://127.0.0.1:11434/x/v1/completions"),
            (
                classic,
                Operation::Chat,
                "https://res.openai.azure.com/openai/deployments/d1/chat/completions?api-version=2024-10-21",
            ),
            (classic, Operation::Responses, "https://res.openai.azure.com/openai/responses?api-version=2024-10-21"),
            (v1, Operation::Chat, "https://res.openai.azure.com/openai/v1/chat/completions"),
            (pasted, Operation::Responses, "https://res.openai.azure.com/openai/v1/responses?api-version=preview"),
        ] {
            assert_eq!(uri(&account, operation, "d1").unwrap().to_string(), expected);
            let target = Target::new(&account, "d1").unwrap();
            assert_eq!(target.uri(operation).unwrap().to_string(), expected);
        }
        assert_eq!(
            models_uri(&classic).unwrap().to_string(),
            "https://res.openai.azure.com/openai/models?api-version=2024-10-21"
        );
    }

    #[test]
    fn usage_is_asked_for_where_the_service_knows_it_or_the_person_says_so() {
        let azure = |api, version| account(Service::Azure, api, "https://res.openai.azure.com", version);
        let openai = account(Service::Openai, AzureApi::Classic, "https://api.openai.com/v1", None);
        let compatible = account(Service::Compatible, AzureApi::Classic, "http://127.0.0.1:11434/v1", None);
        for (account, expected) in [
            (openai, true),
            (azure(AzureApi::V1, None), true),
            (azure(AzureApi::Classic, Some("2024-09-01-preview")), true),
            (azure(AzureApi::Classic, Some("2024-10-21")), true),
            (azure(AzureApi::Classic, Some("2024-08-01-preview")), false),
            (azure(AzureApi::Classic, Some("2024-06-01")), false),
            (compatible, false),
            (TargetAccount { include_usage: Some(true), ..compatible }, true),
            (TargetAccount { include_usage: Some(false), ..openai }, false),
        ] {
            assert_eq!(Target::new(&account, "d1").unwrap().tells_usage(), expected, "{account:?}");
        }
    }

    #[test]
    fn a_query_goes_on_as_it_came_but_for_versions_and_keys() {
        let base = "https://res.openai.azure.com";
        let classic = account(Service::Azure, AzureApi::Classic, base, Some("2024-10-21"));
        let openai = account(Service::Openai, AzureApi::Classic, "https://api.openai.com/v1", None);
        let query = "a=%20b+c&&API-Key=mine&api%2Dkey=mine&subscription-key=mine&api-version=9&flag&model=m";
        for (account, expected) in [
            (
                classic,
                "https://res.openai.azure.com/openai/deployments/d1/chat/completions?api-version=2024-10-21&a=%20b+c&&flag&model=m",
            ),
            (openai, "https://api.openai.com/v1/chat/completions?a=%20b+c&&flag&model=m"),
        ] {
            let target = Target::new(&account, "d1").unwrap();
            assert_eq!(target.asked(Operation::Chat, Some(query)).unwrap().to_string(), expected);
            let plain = target.uri(Operation::Chat).unwrap();
            for none in [None, Some(""), Some("api-version=9"), Some("api-key=x&")] {
                assert_eq!(target.asked(Operation::Chat, none).as_ref(), Ok(plain), "{none:?}");
            }
        }
    }

    #[test]
    fn a_deployments_other_paths_and_sessions_are_asked_for_by_its_name_there() {
        let base = "https://res.openai.azure.com";
        let classic = Target::new(&account(Service::Azure, AzureApi::Classic, base, Some("1")), "at b").unwrap();
        let v1 = Target::new(&account(Service::Azure, AzureApi::V1, base, None), "at b").unwrap();
        for (target, path, query, expected) in [
            (
                &classic,
                "deployments/m/extensions/x",
                Some("y=1"),
                "/openai/deployments/at%20b/extensions/x?api-version=1&y=1",
            ),
            (&classic, "realtime", Some("model=m&x=1"), "/openai/realtime?api-version=1&deployment=at%20b&x=1"),
            (
                &v1,
                "realtime/translations",
                Some("x=1&deployment=m"),
                "/openai/v1/realtime/translations?x=1&model=at%20b",
            ),
            (&v1, "realtime/client_secrets", None, "/openai/v1/realtime/client_secrets"),
            (&v1, "files", Some("model=m"), "/openai/v1/files?model=m"),
        ] {
            let uri = target.stored(path, query, Some(target.deployment())).unwrap();
            assert_eq!(uri.to_string(), format!("{base}{expected}"));
        }
        let uri = classic.stored("deployments/m/extensions/x", None, None).unwrap();
        assert_eq!(uri.to_string(), format!("{base}/openai/deployments/m/extensions/x?api-version=1"));
    }

    #[test]
    fn a_classic_deployment_stands_in_the_path_of_sound_and_pictures() {
        let base = "https://res.openai.azure.com";
        let classic = Target::new(&account(Service::Azure, AzureApi::Classic, base, Some("1")), "d1").unwrap();
        for operation in [
            Operation::Transcriptions,
            Operation::Translations,
            Operation::Speech,
            Operation::Images,
            Operation::ImageEdits,
        ] {
            let expected = format!("{base}/openai/deployments/d1/{}?api-version=1", operation.path());
            assert_eq!(classic.uri(operation).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn no_deployment_name_leaves_its_segment_or_host() {
        let classic =
            account(Service::Azure, AzureApi::Classic, "https://res.openai.azure.com", Some("2024-10-21&x=@evil"));
        for name in ["../../x", "a/b", "@evil.example", "a?b#c", "%2e%2e", "a b", "ü", ";x", "a\r\nHost: x"] {
            let uri = uri(&classic, Operation::Chat, name).unwrap();
            assert_eq!(uri.host(), Some("res.openai.azure.com"), "{name}");
            assert_eq!(uri.path().split('/').count(), 6, "{name}");
            assert_eq!(uri.query(), Some("api-version=2024-10-21%26x%3D%40evil"), "{name}");
        }
        for name in ["", ".", ".."] {
            assert_eq!(uri(&classic, Operation::Chat, name), Err(BadTarget::Deployment));
        }
    }

    #[test]
    fn unsound_accounts_give_no_address() {
        for base in ["", "res.openai.azure.com", "ftp://x", "https://u:p@x/", "https://x/?a=b", "/v1", "https://"] {
            let account = account(Service::Openai, AzureApi::Classic, base, None);
            assert_eq!(models_uri(&account), Err(BadTarget::BaseUrl), "{base}");
        }
        let unversioned = account(Service::Azure, AzureApi::Classic, "https://x", None);
        assert_eq!(models_uri(&unversioned), Err(BadTarget::ApiVersion));
    }

    #[test]
    fn the_body_names_the_model_unless_the_path_does() {
        let classic = account(Service::Azure, AzureApi::Classic, "https://x", Some("1"));
        let target = Target::new(&classic, "d1").unwrap();
        assert_eq!(target.body_model(Operation::Chat), None);
        assert_eq!(target.body_model(Operation::Responses), Some(&ModelText::from("d1")));
        let v1 = account(Service::Azure, AzureApi::V1, "https://x", None);
        assert_eq!(Target::new(&v1, "d1").unwrap().body_model(Operation::Chat), Some(&ModelText::from("d1")));
    }
}
