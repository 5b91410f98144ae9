//! Which requests for stored objects set a model to work, and which model an object is of.
//!
//! Invariant: what is not known to work a model is taken to be a look, a list or a change, which costs no tokens.
//! Absent on purpose: what such work costs. Threads and files lie at the service; an estimate sees what is sent along alone.

use http::Method;
use serde::Deserialize;

use super::{fingerprint, object};

/// What a request that works a model is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It writes: a run of an assistant, or of an evaluation.
    Writes,
    /// It makes something that is not counted in tokens of text: a video.
    Makes,
}

/// The work that a request asks for, if it does. `path` lies below the dialect's root.
#[must_use]
pub fn work(method: &Method, path: &str) -> Option<Work> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        _ if method != Method::POST => None,
        ["threads", "runs"] | ["threads" | "evals", _, "runs"] | ["threads", _, "runs", _, "submit_tool_outputs"] => {
            Some(Work::Writes)
        }
        ["videos"]
        | ["videos", "edits" | "extensions"]
        | ["videos", _, "remix" | "edits" | "extensions"]
        | ["video", "generations", "jobs"] => Some(Work::Makes),
        _ => None,
    }
}

/// The object whose model works where the request names none: what to ask for, below the dialect's root.
#[must_use]
pub fn worker(path: &str, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Run<'a> {
        #[serde(borrow)]
        assistant_id: Option<std::borrow::Cow<'a, str>>,
    }
    if let Some(run) = path.strip_suffix("/submit_tool_outputs") {
        return Some(run.to_owned());
    }
    let assistant = object::fields::<Run<'_>>(body)?.assistant_id?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_sound = !assistant.is_empty() && assistant.len() <= 256 && assistant.bytes().all(is_plain);
    is_sound.then(|| format!("assistants/{assistant}"))
}

/// An object that works a model: its fingerprint, and what its service calls the model.
#[must_use]
pub fn model_of(document: &[u8]) -> Option<(u64, String)> {
    #[derive(Deserialize)]
    struct Worker<'a> {
        object: &'a str,
        id: &'a str,
        #[serde(borrow)]
        model: std::borrow::Cow<'a, str>,
    }
    let Worker { object, id, model } = object::fields::<Worker<'_>>(document)?;
    let works = matches!(object, "assistant" | "thread.run");
    (works && !model.is_empty()).then(|| (fingerprint::of(id.as_bytes()), model.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_a_model_is_told_from_what_looks_and_changes() {
        for (path, expected) in [
            ("threads/runs", Some(Work::Writes)),
            ("threads/thread_1/runs", Some(Work::Writes)),
            ("threads/thread_1/runs/run_1/submit_tool_outputs", Some(Work::Writes)),
            ("threads/thread_1/runs/run_1/cancel", None),
            ("threads/thread_1/messages", None),
            ("evals/eval_1/runs", Some(Work::Writes)),
            ("videos", Some(Work::Makes)),
            ("videos/video_1/remix", Some(Work::Makes)),
            ("video/generations/jobs", Some(Work::Makes)),
            ("assistants", None),
            ("batches", None),
        ] {
            assert_eq!(work(&Method::POST, path), expected, "{path}");
            assert_eq!(work(&Method::GET, path), None, "{path}");
        }
    }

    #[test]
    fn the_worker_is_the_assistant_or_the_run_itself() {
        let body = br#"{"assistant_id":"asst_1","stream":true}"#;
        assert_eq!(worker("threads/t1/runs", body).as_deref(), Some("assistants/asst_1"));
        assert_eq!(worker("threads/t1/runs/r1/submit_tool_outputs", b"{}").as_deref(), Some("threads/t1/runs/r1"));
        assert_eq!(worker("threads/runs", br#"{"assistant_id":"../files"}"#), None, "no way out of the path");
    }

    #[test]
    fn an_assistant_and_a_run_say_of_which_model_they_are() {
        let run = br#"{"object":"thread.run","id":"run_1","model":"m"}"#;
        assert_eq!(model_of(run), Some((fingerprint::of(b"run_1"), "m".to_owned())));
        assert_eq!(model_of(br#"{"object":"batch","id":"batch_1","model":"m"}"#), None);
    }
}
