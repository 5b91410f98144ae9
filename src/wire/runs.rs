//! Which requests for stored objects set a model to work, and which model an object is of.
//!
//! Invariant: what is not known to work a model is taken to be a look, a list or a change, which costs no tokens.
//! Absent on purpose: what such work costs. Threads and files lie at the service; an estimate sees what is sent along alone, and of
//! an evaluation one row, since how many run at once is the service's to choose.

use std::ops::Range;

use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{fingerprint, object};
use crate::model::profile::RequestSize;

/// What a request that works a model is like. A Realtime session is made like anything else: its tokens count on its socket.
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
        | ["video", "generations", "jobs"]
        | ["realtime", "client_secrets" | "sessions" | "transcription_sessions" | "calls"]
        | ["realtime", "translations", "client_secrets" | "sessions" | "calls"] => Some(Work::Makes),
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

/// What an evaluation's run is asked to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exam {
    /// The model, as the request names it.
    pub model: String,
    /// Where its name stands in the body, quotes included.
    pub span: Range<usize>,
    /// Rows that were sent along; 0: they lie at the service.
    rows: u64,
    output_cap: Option<u64>,
}

impl Exam {
    /// The size of one row, where `all` is that of everything that was sent along.
    #[must_use]
    pub fn each(&self, all: RequestSize) -> RequestSize {
        let prompt_chars = all.prompt_chars / self.rows.max(1);
        RequestSize { prompt_chars, output_cap: self.output_cap, choices: 1 }
    }
}

/// The same of a request for a run of an evaluation; `None`: it is none, or names no model.
#[must_use]
pub fn exam(path: &str, body: &[u8]) -> Option<Exam> {
    #[derive(Deserialize)]
    struct Run<'a> {
        #[serde(borrow)]
        data_source: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Asked<'a> {
        #[serde(borrow)]
        model: &'a RawValue,
        #[serde(default)]
        sampling_params: Option<Sampling>,
        #[serde(borrow, default)]
        source: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Sampling {
        #[serde(default, alias = "max_completions_tokens")]
        max_completion_tokens: Option<u64>,
    }
    #[derive(Deserialize)]
    struct Rows {
        content: Vec<serde::de::IgnoredAny>,
    }
    let parts: Vec<&str> = path.split('/').collect();
    if !matches!(parts.as_slice(), ["evals", _, "runs"]) {
        return None;
    }
    let run = object::fields::<Run<'_>>(body)?;
    let asked = object::fields::<Asked<'_>>(run.data_source.get().as_bytes())?;
    let named = asked.model.get();
    let start = (named.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let rows = asked.source.and_then(|rows| object::fields::<Rows>(rows.get().as_bytes()));
    Some(Exam {
        model: serde_json::from_str(named).ok()?,
        span: start..start.checked_add(named.len())?,
        rows: rows.map_or(0, |rows| rows.content.len() as u64),
        output_cap: asked.sampling_params.and_then(|params| params.max_completion_tokens),
    })
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
            ("realtime/client_secrets", Some(Work::Makes)),
            ("realtime/calls", Some(Work::Makes)),
            ("realtime/calls/rtc_1/hangup", None),
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
    fn a_run_of_an_evaluation_names_its_model_within_and_is_as_large_as_one_row() {
        let body = br#"{"name":"x","data_source":{"type":"completions","model":"my-route",
            "source":{"type":"file_content","content":[{"item":{"q":"a"}},{"item":{"q":"b"}}]},
            "sampling_params":{"max_completion_tokens":50}}}"#;
        let exam = exam("evals/eval_1/runs", body).unwrap();
        assert_eq!((exam.model.as_str(), &body[exam.span.clone()]), ("my-route", &b"\"my-route\""[..]));
        let all = RequestSize { prompt_chars: 900, output_cap: None, choices: 1 };
        assert_eq!(exam.each(all), RequestSize { prompt_chars: 450, output_cap: Some(50), choices: 1 });
    }

    #[test]
    fn what_is_no_run_of_an_evaluation_or_names_no_model_is_no_exam() {
        assert_eq!(exam("evals/eval_1/runs", br#"{"data_source":{"type":"jsonl"}}"#), None);
        assert_eq!(exam("evals/eval_1/runs", br#"{"data_source":{"model":7}}"#), None);
        assert_eq!(exam("evals", br#"{"data_source":{"model":"m"}}"#), None);
    }

    #[test]
    fn an_assistant_and_a_run_say_of_which_model_they_are() {
        let run = br#"{"object":"thread.run","id":"run_1","model":"m"}"#;
        assert_eq!(model_of(run), Some((fingerprint::of(b"run_1"), "m".to_owned())));
        assert_eq!(model_of(br#"{"object":"batch","id":"batch_1","model":"m"}"#), None);
    }
}
