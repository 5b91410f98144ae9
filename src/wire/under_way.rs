//! Work that goes on at a service after its answer: responses in the background, runs of assistants and evaluations.
//!
//! Invariant: usage is that of work that is over; what is still under way says none that counts.
//! Absent on purpose: remembering what was seen before (`proxy::unfinished`), and jobs that are billed apart, such as batches.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{fingerprint, object, usage};
use crate::model::usage::Usage;

/// What a document says of such work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The fingerprint of its id.
    pub key: u64,
    /// Whether it goes on.
    pub is_under_way: bool,
    /// What it cost in all.
    pub usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Work<'a> {
    #[serde(borrow)]
    object: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    status: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    per_model_usage: Option<&'a RawValue>,
}

/// Reads a document; `None`: it is about no such work.
#[must_use]
pub fn of_body(document: &[u8]) -> Option<Report> {
    let work = object::fields::<Work<'_>>(document)?;
    if !matches!(&*work.object, "response" | "thread.run" | "eval.run") {
        return None;
    }
    let is_under_way = matches!(&*work.status, "queued" | "in_progress" | "requires_action" | "cancelling");
    let of_all = || usage::top_level(document).or_else(|| by_model(work.per_model_usage?));
    let usage = if is_under_way { None } else { of_all() };
    Some(Report { key: fingerprint::of(work.id.as_bytes()), is_under_way, usage })
}

/// Reads an event of a stream: a run, or one that carries a response made in the background. `None`: what it is about, if anything,
/// ends when nobody listens.
#[must_use]
pub fn of_event(data: &[u8]) -> Option<Report> {
    #[derive(Deserialize)]
    struct Carrier<'a> {
        #[serde(borrow)]
        response: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Response {
        background: Option<bool>,
    }
    let Some(Carrier { response }) = object::fields::<Carrier<'_>>(data) else { return of_body(data) };
    let response = response.get().as_bytes();
    let goes_on = object::fields::<Response>(response)?.background == Some(true);
    if goes_on { of_body(response) } else { None }
}

/// What an evaluation says of each model it worked, together.
fn by_model(each: &RawValue) -> Option<Usage> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Model {
        #[serde(rename = "prompt_tokens")]
        input: u64,
        #[serde(rename = "cached_tokens")]
        cached: u64,
        #[serde(rename = "completion_tokens")]
        output: u64,
    }
    let models: Vec<Model> = serde_json::from_str(each.get()).ok()?;
    models.into_iter().fold(None, |before, one| {
        let Model { input, cached, output } = one;
        Some(Usage { input, cached, output, exact: true, ..Usage::default() }.added_to(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_says_what_it_cost_once_it_is_over() {
        let under_way =
            of_body(br#"{"object":"thread.run","id":"run_1","status":"in_progress","usage":null}"#).unwrap();
        assert!(under_way.is_under_way && under_way.usage.is_none());
        let over = of_body(
            br#"{"object":"thread.run","id":"run_1","status":"completed","usage":{"prompt_tokens":5,"completion_tokens":7}}"#,
        );
        let over = over.unwrap();
        assert_eq!((over.key, over.is_under_way), (under_way.key, false));
        assert_eq!(over.usage.map(|usage| (usage.input, usage.output)), Some((5, 7)));
    }

    #[test]
    fn an_evaluation_cost_what_each_of_its_models_did() {
        let run = br#"{"object":"eval.run","id":"r","status":"completed","per_model_usage":[
            {"model_name":"a","prompt_tokens":5,"completion_tokens":7,"cached_tokens":2},{"prompt_tokens":1,"completion_tokens":1}]}"#;
        let usage = of_body(run).and_then(|report| report.usage).unwrap();
        assert_eq!((usage.input, usage.cached, usage.output), (6, 2, 8));
    }

    #[test]
    fn of_events_those_count_whose_work_goes_on_when_nobody_listens() {
        let run = of_event(br#"{"object":"thread.run","id":"run_1","status":"in_progress"}"#).unwrap();
        let event = |background: &str| {
            format!(
                r#"{{"type":"response.created","response":{{"object":"response","id":"resp_1","status":"queued"{background}}}}}"#
            )
        };
        let response = of_event(event(r#","background":true"#).as_bytes()).unwrap();
        assert_eq!((run.is_under_way, response.is_under_way), (true, true));
        assert_eq!(response.key, fingerprint::of(b"resp_1"));
        for ends_with_it in ["", r#","background":false"#, r#","background":null"#] {
            assert_eq!(of_event(event(ends_with_it).as_bytes()), None, "{ends_with_it}");
        }
        assert_eq!(of_event(br#"{"object":"thread.run.step","id":"s","status":"in_progress"}"#), None);
    }

    #[test]
    fn other_objects_are_about_no_work_of_models() {
        for other in
            [&br#"{"object":"batch","id":"b","status":"completed"}"#[..], b"[]", br#"{"object":"response","id":"r"}"#]
        {
            assert_eq!(of_body(other), None, "{}", String::from_utf8_lossy(other));
        }
    }
}
