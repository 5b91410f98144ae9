//! The Azure CLI commands that make a split true at the service. The person runs them; we never write there.
//!
//! Invariant: every word that comes from the configuration is quoted for a POSIX shell, and what is cut comes before what
//! is raised, so that the quota suffices at every step.
//! Absent on purpose: what we do not know. It stays a named placeholder, and the first lines say so.

use std::fmt::Write as _;

use super::split::STEP;
use crate::model::config::{Account, Config, Endpoint, Enforcement, Service};
use crate::model::proposal::Share;

const HEAD: &str = "\
# Replace '<group>' (resource group) and '<version>' (the model's version); Tidegate does not know them.
# Check the model's name, and the SKU if a deployment is not Standard (GlobalStandard, DataZoneStandard).
# What is cut comes first, so that the quota suffices at every step. Capacity is in thousands of TPM.
";

/// The commands for these shares; `None` if none of them is a deployment whose tokens per minute can be set.
#[must_use]
pub fn commands(config: &Config, shares: &[Share]) -> Option<String> {
    let mut lines: Vec<(bool, String)> = Vec::new();
    for share in shares {
        let Some(endpoint) = config.endpoint(&share.endpoint) else { continue };
        let Some(account) = config.account(&endpoint.account) else { continue };
        if account.service == Service::Azure && endpoint.enforcement != Enforcement::Utilization {
            let raised = endpoint.tokens_per_minute.is_none_or(|stated| stated < share.tokens_per_minute);
            lines.push((raised, command(account, endpoint, share.tokens_per_minute)));
        }
    }
    if lines.is_empty() {
        return None;
    }
    lines.sort_by_key(|(raised, _)| *raised);
    Some(lines.into_iter().fold(HEAD.to_owned(), |all, (_, line)| all + &line))
}

fn command(account: &Account, endpoint: &Endpoint, tokens_per_minute: u64) -> String {
    let deployment = endpoint.deployment.as_deref().unwrap_or(endpoint.model.as_str());
    let capacity = tokens_per_minute / STEP;
    if capacity == 0 {
        return format!(
            "# {}: less than 1,000 TPM cannot be granted. Delete the deployment instead.\n",
            comment(deployment)
        );
    }
    let resource = resource(&account.base_url).unwrap_or("<resource>");
    let mut line = String::from("az cognitiveservices account deployment create");
    let words = [
        ("subscription", account.subscription.as_deref().filter(|text| is_subscription_id(text)).unwrap_or_default()),
        ("name", resource),
        ("resource-group", "<group>"),
        ("deployment-name", deployment),
        ("model-name", endpoint.model.as_str()),
        ("model-version", "<version>"),
        ("model-format", "OpenAI"),
        ("sku-name", "Standard"),
    ];
    for (name, value) in words.into_iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = write!(line, " --{name} {}", quoted(value));
    }
    let _ = writeln!(line, " --sku-capacity {capacity}");
    line
}

/// The resource's name: the first label of its host, where that is Azure's.
fn resource(base_url: &str) -> Option<&str> {
    let host = host(base_url)?;
    let (name, domain) = host.split_once('.')?;
    let azure = ["openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com", "openai.azure.us"];
    (!name.is_empty() && azure.contains(&domain)).then_some(name)
}

/// The host of an absolute URL, without port.
pub(super) fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    Some(host.split(':').next().unwrap_or(host))
}

/// What people write into `subscription` may be a label of their own; only a real id is passed on.
fn is_subscription_id(text: &str) -> bool {
    let parts = text.split('-').map(str::len);
    parts.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Plain words as they are, anything else in single quotes.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !word.is_empty() && word.bytes().all(plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A name inside a comment must not end it.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"
[[account]]
id = "east"
service = "azure"
base_url = "https://acme-east.openai.azure.com"
subscription = "11111111-2222-3333-4444-555555555555"
[[account]]
id = "proxy"
service = "azure"
base_url = "https://models.example.com/azure"
subscription = "sub-a"
[[account]]
id = "direct"
service = "openai"
base_url = "https://api.openai.com/v1"
[[endpoint]]
id = "e1"
account = "east"
model = "gpt-4o"
deployment = "gpt4o-prod"
tokens_per_minute = 120000
[[endpoint]]
id = "e2"
account = "proxy"
model = "gpt-4o"
deployment = "it's; rm -rf ~"
tokens_per_minute = 120000
[[endpoint]]
id = "e3"
account = "direct"
model = "gpt-4o"
[[endpoint]]
id = "ptu"
account = "east"
model = "gpt-4o"
enforcement = "utilization"
"#;

    fn commands_for(shares: &[(&str, u64)]) -> Option<String> {
        let config: Config = toml_edit::de::from_str(CONFIG).expect("the test's text is sound");
        let share = |(id, tokens): &(&str, u64)| Share {
            endpoint: (*id).into(),
            tokens_per_minute: *tokens,
            requests_per_minute: None,
        };
        commands(&config, &shares.iter().map(share).collect::<Vec<_>>())
    }
    fn lines(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn a_share_becomes_a_command_in_thousands_of_tokens() {
        let text = commands_for(&[("e1", 150_000)]).expect("it is at Azure");
        assert_eq!(
            lines(&text),
            ["az cognitiveservices account deployment create --subscription 11111111-2222-3333-4444-555555555555 \
              --name acme-east --resource-group '<group>' --deployment-name gpt4o-prod --model-name gpt-4o \
              --model-version '<version>' --model-format OpenAI --sku-name Standard --sku-capacity 150"]
        );
        assert!(text.starts_with("# Replace '<group>'"), "{text}");
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes_and_unknown_ones_stay_placeholders() {
        let text = commands_for(&[("e2", 90_999)]).expect("it is at Azure");
        assert!(text.contains(r"--deployment-name 'it'\''s; rm -rf ~' "), "{text}");
        assert!(text.contains("--name '<resource>' "), "{text}");
        assert!(!text.contains("sub-a"), "a label is no subscription: {text}");
        assert!(text.ends_with("--sku-capacity 90\n"), "{text}");
    }

    #[test]
    fn what_is_cut_comes_before_what_is_raised() {
        let text = commands_for(&[("e1", 150_000), ("e2", 90_000)]).expect("both are at Azure");
        let capacities: Vec<_> = lines(&text).iter().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(capacities, ["90", "150"]);
    }

    #[test]
    fn other_services_and_provisioned_throughput_have_no_commands() {
        assert_eq!(commands_for(&[("e3", 10_000), ("ptu", 10_000), ("gone", 10_000)]), None);
        let text = commands_for(&[("e1", 999)]).expect("it is at Azure");
        assert_eq!(lines(&text), [""; 0]);
        assert!(text.contains("Delete the deployment"), "{text}");
    }
}
