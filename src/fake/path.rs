//! Paths of the simulated accounts: which account, which operation, which deployment.
//!
//! Invariant: ids are compared in their percent-encoded form, so that no decoding can make two of them one.
//! Absent on purpose: methods and bodies.

use std::fmt::Write;

use crate::model::profile::Operation;
use crate::sim::upstream::Dialect;

/// What a path below an account asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// An operation; the deployment, still encoded, if the path names it.
    Operation(Operation, Option<String>),
    /// The list of models.
    Models,
    /// One model, still encoded.
    Model(String),
    /// What the account keeps, by the path below the root.
    Stored(String),
}

/// Splits `/{account}/rest` into the encoded account and `rest`.
pub(super) fn account(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}

/// Reads what stands below the account in this dialect; `None`: no such path.
pub(super) fn target(dialect: Dialect, rest: &str, query: &str) -> Option<Target> {
    if !dialect.is_azure() {
        return rest.strip_prefix("v1/").map(common);
    }
    let rest = rest.strip_prefix("openai/")?;
    if let Some(rest) = rest.strip_prefix("v1/") {
        return Some(common(rest));
    }
    if !query.split('&').any(|pair| pair.starts_with("api-version=")) {
        return None;
    }
    match rest.strip_prefix("deployments/") {
        Some(rest) => {
            let (deployment, path) = rest.split_once('/')?;
            Some(Target::Operation(operation(path)?, Some(deployment.to_owned())))
        }
        None => Some(common(rest)),
    }
}

fn common(path: &str) -> Target {
    if path == "models" {
        return Target::Models;
    }
    match (path.strip_prefix("models/"), operation(path)) {
        (Some(model), _) => Target::Model(model.to_owned()),
        (None, Some(operation)) => Target::Operation(operation, None),
        (None, None) => Target::Stored(path.to_owned()),
    }
}

fn operation(path: &str) -> Option<Operation> {
    Operation::BALANCED.into_iter().find(|operation| operation.path() == path)
}

/// A path segment with everything but unreserved characters encoded.
pub(super) fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dialect_has_its_own_paths() {
        let chat = |deployment: Option<&str>| Some(Target::Operation(Operation::Chat, deployment.map(str::to_owned)));
        let classic = "openai/deployments/prod/chat/completions";
        assert_eq!(target(Dialect::OpenAi, "v1/chat/completions", ""), chat(None));
        assert_eq!(target(Dialect::OpenAi, classic, "api-version=1"), None);
        assert_eq!(target(Dialect::AzureClassic, classic, "api-version=2024-10-21"), chat(Some("prod")));
        assert_eq!(target(Dialect::AzureClassic, classic, ""), None);
        assert_eq!(target(Dialect::AzureV1, "openai/v1/chat/completions", ""), chat(None));
        assert_eq!(target(Dialect::AzureV1, "openai/v1/models/m", ""), Some(Target::Model("m".to_owned())));
        assert_eq!(target(Dialect::OpenAi, "v1/files/f-1", ""), Some(Target::Stored("files/f-1".to_owned())));
    }

    #[test]
    fn segments_are_encoded() {
        assert_eq!(encode("demo/east us"), "demo%2Feast%20us");
        assert_eq!(account("/demo%2Feast/v1/models"), Some(("demo%2Feast", "v1/models")));
    }
}
