//! Whatever the person pastes into the one box: an address, a key, a block of environment lines, in any mix.
//!
//! Invariant: a key found here ends up in `key`, in no other field.
//! Absent on purpose: network. Nothing is looked up; what is missing is asked for.

use crate::model::config::{AzureApi, Service};
use crate::model::secret::Secret;
use crate::ui::key_shape::KeyShape;

/// What was understood.
#[derive(Default)]
pub struct Intake {
    /// The kind of service, if the address or the key tells.
    pub service: Option<Service>,
    /// Absolute, without a path of its own for Azure; empty if none was pasted.
    pub base_url: String,
    /// Azure's path shape.
    pub api: Option<AzureApi>,
    /// Azure classic's `api-version`.
    pub api_version: Option<String>,
    /// Azure's deployment.
    pub deployment: Option<String>,
    /// The model clients ask for.
    pub model: Option<String>,
    /// `OpenAI-Organization`.
    pub organization: Option<String>,
    /// `OpenAI-Project`.
    pub project: Option<String>,
    /// The key.
    pub key: Option<Secret>,
}

impl Intake {
    /// Reads a paste. White space separates, so lines and one long line are the same.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut found = Self::default();
        for word in text.split_whitespace() {
            let word = word.trim_matches(|c| matches!(c, '"' | '\'' | ';' | ','));
            let word = word.strip_prefix("$env:").unwrap_or(word);
            match word.split_once('=') {
                Some((name, value)) if is_name(name) => found.variable(name, value.trim_matches(['"', '\''])),
                _ if word.starts_with("http://") || word.starts_with("https://") => found.address(word),
                _ if KeyShape::of(word).is_some() => found.take_key(word),
                _ => {}
            }
        }
        found
    }

    /// Whether nothing in the paste made sense.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base_url.is_empty()
            && self.key.is_none()
            && self.api_version.is_none()
            && self.deployment.is_none()
            && self.model.is_none()
            && self.organization.is_none()
            && self.project.is_none()
    }

    fn variable(&mut self, name: &str, value: &str) {
        let text = || Some(value.to_owned()).filter(|value| !value.is_empty());
        match name {
            _ if name.ends_with("_KEY") || name.ends_with("_TOKEN") => self.take_key(value),
            _ if name.ends_with("_ENDPOINT") || name.ends_with("_BASE") || name.ends_with("BASE_URL") => {
                self.address(value);
            }
            _ if name.ends_with("API_VERSION") => self.api_version = text(),
            _ if name.contains("DEPLOYMENT") => self.deployment = text(),
            _ if name.ends_with("_MODEL") => self.model = text(),
            _ if name.contains("ORG") => self.organization = text(),
            _ if name.contains("PROJECT") => self.project = text(),
            _ => {}
        }
        if name.starts_with("AZURE") {
            self.service = Some(Service::Azure);
        }
    }

    fn take_key(&mut self, word: &str) {
        self.key = Secret::from_pasted(word);
        let by_key = match KeyShape::of(word) {
            Some(KeyShape::Azure) => Some(Service::Azure),
            Some(KeyShape::Openai) => Some(Service::Openai),
            Some(KeyShape::Caller) | None => None,
        };
        self.service = self.service.or(by_key);
    }

    fn address(&mut self, url: &str) {
        let (path_part, query) = url.split_once('?').unwrap_or((url, ""));
        let Some((scheme, rest)) = path_part.split_once("://") else { return };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if host.is_empty() || host.contains('@') {
            return;
        }
        let root = format!("{scheme}://{host}");
        // A gateway or a private name in front of Azure keeps its paths.
        if is_azure(host) || path.starts_with("openai/deployments/") {
            self.azure(root, path, query);
        } else if host == "api.openai.com" {
            self.service = Some(Service::Openai);
            self.base_url = format!("{root}/v1");
        } else {
            self.service = Some(Service::Compatible);
            self.base_url = compatible_base(&root, path);
        }
    }

    fn azure(&mut self, root: String, path: &str, query: &str) {
        self.service = Some(Service::Azure);
        self.base_url = root;
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        self.api = Some(if parts.starts_with(&["openai", "v1"]) { AzureApi::V1 } else { AzureApi::Classic });
        if let ["openai", "deployments", deployment, ..] = parts.as_slice() {
            self.deployment = Some((*deployment).to_owned());
        }
        let version = query.split('&').find_map(|pair| pair.strip_prefix("api-version="));
        self.api_version = version.map(str::to_owned).or(self.api_version.take());
    }
}

/// The resource's name in an Azure host, for example `acme-east`; for other hosts the second-level name.
#[must_use]
pub fn name_from(base_url: &str) -> String {
    let host = base_url.split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        [first, ..] if is_azure(host) => (*first).to_owned(),
        [.., name, _] if name.chars().any(char::is_alphabetic) => (*name).to_owned(),
        _ => "local".to_owned(),
    }
}

fn is_azure(host: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host);
    [".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".openai.azure.us"]
        .iter()
        .any(|end| host.ends_with(end))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// Everything up to and including `/v1`, else the path as it is without a known operation at its end.
fn compatible_base(root: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let kept = match path.find("v1") {
        Some(start) => path.get(..start + 2).unwrap_or(path),
        None => path.trim_end_matches("chat/completions").trim_end_matches("models"),
    };
    let kept = kept.trim_end_matches('/');
    if kept.is_empty() { root.to_owned() } else { format!("{root}/{kept}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn an_azure_deployment_address_is_split_into_its_parts() {
        let url =
            "https://acme-east.openai.azure.com/openai/deployments/gpt4o-prod/chat/completions?api-version=2024-10-21";
        let found = Intake::read(url);
        assert_eq!(found.service, Some(Service::Azure));
        assert_eq!(found.base_url, "https://acme-east.openai.azure.com");
        assert_eq!(found.deployment.as_deref(), Some("gpt4o-prod"));
        assert_eq!(found.api_version.as_deref(), Some("2024-10-21"));
        assert_eq!(found.api, Some(AzureApi::Classic));
        assert_eq!(name_from(&found.base_url), "acme-east");
    }

    #[test]
    fn azure_behind_a_name_of_ones_own_is_known_by_its_paths() {
        let found = Intake::read(
            "https://models.corp.example/openai/deployments/my-gpt4o/chat/completions?api-version=2024-10-21",
        );
        assert_eq!(found.service, Some(Service::Azure));
        assert_eq!(found.base_url, "https://models.corp.example");
        assert_eq!(found.deployment.as_deref(), Some("my-gpt4o"));
    }

    #[test]
    fn an_environment_block_gives_address_version_and_key() {
        let block = format!(
            "export AZURE_OPENAI_ENDPOINT=\"https://acme.openai.azure.com/\"\nexport AZURE_OPENAI_API_KEY={HEX}\nOPENAI_API_VERSION=2024-10-21"
        );
        let found = Intake::read(&block);
        assert_eq!(found.base_url, "https://acme.openai.azure.com");
        assert_eq!(found.api_version.as_deref(), Some("2024-10-21"));
        assert_eq!(found.key.as_ref().map(Secret::expose), Some(HEX));
    }

    #[test]
    fn a_bare_key_tells_the_service_and_stands_in_no_other_field() {
        let found = Intake::read("sk-proj-abcdefghijklmnopqrstuv");
        assert_eq!(found.service, Some(Service::Openai));
        assert!(found.base_url.is_empty() && found.model.is_none() && found.deployment.is_none());
        assert!(found.key.is_some());
    }

    #[test]
    fn other_addresses_keep_their_path_up_to_v1() {
        assert_eq!(Intake::read("http://localhost:11434/v1/chat/completions").base_url, "http://localhost:11434/v1");
        assert_eq!(Intake::read("https://api.openai.com/v1/responses").base_url, "https://api.openai.com/v1");
        assert_eq!(Intake::read("https://acme.services.ai.azure.com/openai/v1/").api, Some(AzureApi::V1));
    }

    #[test]
    fn prose_is_not_mistaken_for_anything() {
        assert!(Intake::read("please add my account, thanks").is_empty());
    }
}
