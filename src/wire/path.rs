//! What a request's path asks for, in each of the shapes that clients use.
//!
//! Invariant: a path that two readers could understand differently (`//`, dot segments, encoded slashes, `;`) is
//! [`Inbound::Unknown`]; nothing is normalised.
//! Absent on purpose: methods, and building outbound paths (`target`), which never reuse an inbound one.

use super::target::has_deployment_in_path;
use crate::model::profile::Operation;

/// Which dialect a path is written in; the answer's errors and model lists follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/v1/…`, or the same without `/v1`.
    OpenAi,
    /// `/openai/deployments/{name}/…` and `/openai/…?api-version=`.
    AzureClassic,
    /// `/openai/v1/…`
    AzureV1,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// An operation that is balanced.
    Operation {
        /// Which.
        operation: Operation,
        /// The deployment named in the path, decoded; it takes the place of the body's `model`.
        deployment: Option<String>,
        /// The client's base address lacks `/v1`; understood anyway.
        lacked_v1: bool,
        /// The dialect.
        shape: Shape,
    },
    /// The list of models.
    Models {
        /// The dialect.
        shape: Shape,
        /// The client's base address lacks `/v1`; understood anyway.
        lacked_v1: bool,
    },
    /// One model.
    Model {
        /// Its name, decoded.
        name: String,
        /// The dialect.
        shape: Shape,
        /// The client's base address lacks `/v1`; understood anyway.
        lacked_v1: bool,
    },
    /// Stored objects and jobs, and whatever else lies below a dialect's root: sent on as it is.
    Stored {
        /// The path below the root, as it came.
        path: String,
        /// The dialect.
        shape: Shape,
        /// The client's base address lacks `/v1`; understood anyway.
        lacked_v1: bool,
    },
    /// Keys, members, projects and bills of an organization.
    Administration,
    /// None of these, or a path with tricks in it.
    Unknown,
}

/// Reads a path (as received, still encoded, without the query) and its query (without `?`).
///
/// Azure's classic paths without a deployment are told from a base address that lacks `/v1` by `api-version` alone.
#[must_use]
pub fn classify(path: &str, query: Option<&str>) -> Inbound {
    let Some(rest) = path.strip_prefix('/').filter(|rest| plain(rest)) else { return Inbound::Unknown };
    let Some(azure) = rest.strip_prefix("openai/") else {
        return match rest.strip_prefix("v1/") {
            Some(rest) => named(rest, Shape::OpenAi, false),
            // Without the prefix only what is known is meant for a service.
            None => match named(rest, Shape::OpenAi, true) {
                Inbound::Stored { path, .. } if !STORED.contains(&first(&path)) => Inbound::Unknown,
                inbound => inbound,
            },
        };
    };
    if let Some(rest) = azure.strip_prefix("v1/") {
        return named(rest, Shape::AzureV1, false);
    }
    if let Some(rest) = azure.strip_prefix("deployments/") {
        return deployed(rest);
    }
    if !asks_version(query) {
        return named(azure, Shape::AzureV1, true);
    }
    match named(azure, Shape::AzureClassic, false) {
        // Those stand below `/deployments/` in the classic dialect.
        Inbound::Operation { operation, .. } if has_deployment_in_path(operation) => Inbound::Unknown,
        inbound => inbound,
    }
}

fn named(rest: &str, shape: Shape, lacked_v1: bool) -> Inbound {
    if let Some(operation) = operation(rest) {
        return Inbound::Operation { operation, deployment: None, lacked_v1, shape };
    }
    if rest == "models" {
        return Inbound::Models { shape, lacked_v1 };
    }
    // As the inference API of Azure's services.ai host says it.
    if rest == "models/chat/completions" {
        return Inbound::Operation { operation: Operation::Chat, deployment: None, lacked_v1: false, shape };
    }
    if let Some(name) = rest.strip_prefix("models/").and_then(segment) {
        return Inbound::Model { name, shape, lacked_v1 };
    }
    // What every reader decodes to the same segments.
    let is_sound = rest.split('/').all(|encoded| segment(encoded).is_some()) && !first(rest).contains('%');
    match first(rest) {
        _ if !is_sound => Inbound::Unknown,
        "models" | "deployments" | "_tidegate" => Inbound::Unknown,
        "organization" | "projects" => Inbound::Administration,
        _ => Inbound::Stored { path: rest.to_owned(), shape, lacked_v1 },
    }
}

/// The first words of paths below which services keep objects and jobs.
const STORED: [&str; 20] = [
    "assistants",
    "audio",
    "batches",
    "chat",
    "chatkit",
    "containers",
    "content_provenance_checks",
    "conversations",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "realtime",
    "responses",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "video",
    "videos",
];

/// A path's first word.
fn first(path: &str) -> &str {
    path.split('/').next().unwrap_or_default()
}

fn deployed(rest: &str) -> Inbound {
    let shape = Shape::AzureClassic;
    let Some((name, path)) = rest.split_once('/') else { return Inbound::Unknown };
    let Some(deployment) = segment(name) else { return Inbound::Unknown };
    match operation(path) {
        Some(operation) => Inbound::Operation { operation, deployment: Some(deployment), lacked_v1: false, shape },
        None if path.split('/').all(|encoded| segment(encoded).is_some()) => {
            Inbound::Stored { path: format!("deployments/{rest}"), shape, lacked_v1: false }
        }
        None => Inbound::Unknown,
    }
}

/// The deployment, decoded, that a path below the dialect's root names (`deployments/NAME/…`), and what stands behind it.
#[must_use]
pub fn deployment_in(path: &str) -> Option<(String, &str)> {
    let (name, rest) = path.strip_prefix("deployments/")?.split_once('/')?;
    Some((segment(name)?, rest))
}

fn operation(path: &str) -> Option<Operation> {
    Operation::BALANCED.into_iter().find(|operation| operation.path() == path)
}

fn asks_version(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("api-version=")))
}

/// The first of these parameters that a query has, decoded.
#[must_use]
pub fn value_in(query: Option<&str>, names: &[&str]) -> Option<String> {
    let pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| names.contains(name)).filter_map(|(_, value)| segment(value));
    found.next()
}

/// Whether a path below the root, some of which came by another way, is one that every reader understands alike.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    plain(path) && path.split('/').all(|encoded| segment(encoded).is_some())
}

/// Whether every reader of this path (its leading slash taken off) sees the same segments.
fn plain(rest: &str) -> bool {
    let safe = |b: u8| b.is_ascii_graphic() && !matches!(b, b';' | b'\\' | b'?' | b'#');
    rest.bytes().all(safe) && rest.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

/// One path segment, strictly percent-decoded; `None` if it is malformed or would not stay one segment.
pub(super) fn segment(encoded: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'/' => return None,
            other => other,
        });
    }
    let name = String::from_utf8(decoded).ok()?;
    let whole = !name.is_empty() && name != "." && name != "..";
    let inert = !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ';'));
    (whole && inert).then_some(name)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
#[path = "path_tests.rs"]
mod tests;
