//! Where a request goes: the address at the service, in the account's dialect.
//!
//! Invariant: scheme and host are the account's, whatever the deployment is called; nothing of a client's path or query
//! gets in.
//! Absent on purpose: credentials (`headers`), and checking that a base address is safe (`model::check`).

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use super::patch::ModelText;
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
}

impl<'a> From<&'a Account> for TargetAccount<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            service: account.service,
            api: account.api.unwrap_or_default(),
            base_url: &account.base_url,
            api_version: account.api_version.as_deref(),
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
    chat: Uri,
    completions: Uri,
    responses: Uri,
    embeddings: Uri,
    model_in_body: bool,
    deployment: ModelText,
}

impl Target {
    /// The addresses of `deployment` (the model's name, outside Azure) at an account.
    ///
    /// # Errors
    /// [`BadTarget`] if the account or the name allows none.
    pub fn new(account: &TargetAccount<'_>, deployment: &str) -> Result<Self, BadTarget> {
        let at = |operation| uri(account, operation, deployment);
        Ok(Self {
            chat: at(Operation::Chat)?,
            completions: at(Operation::Completions)?,
            responses: at(Operation::Responses)?,
            embeddings: at(Operation::Embeddings)?,
            model_in_body: needs_model_in_body(account.service, account.api),
            deployment: ModelText::from(deployment),
        })
    }

    /// Where an operation goes.
    #[must_use]
    pub const fn uri(&self, operation: Operation) -> &Uri {
        match operation {
            Operation::Chat => &self.chat,
            Operation::Completions => &self.completions,
            Operation::Responses => &self.responses,
            Operation::Embeddings => &self.embeddings,
        }
    }

    /// The name to put into the body's `model`; `None` if the path says it and the body may stay as it is.
    #[must_use]
    pub fn body_model(&self, operation: Operation) -> Option<&ModelText> {
        // Azure's classic Responses path names no deployment either.
        (self.model_in_body || operation == Operation::Responses).then_some(&self.deployment)
    }
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
    if classic && operation != Operation::Responses {
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
        TargetAccount { service, api, base_url, api_version: version }
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
            assert_eq!(target.uri(operation).to_string(), expected);
        }
        assert_eq!(
            models_uri(&classic).unwrap().to_string(),
            "https://res.openai.azure.com/openai/models?api-version=2024-10-21"
        );
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
