//! Work that goes on at a service: what it cost is counted once, when it is seen to be over; a run of an evaluation takes its
//! model's tokens like any request.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use origin::{Got, Origin, Said, events, json, route};
use serde_json::{Value, json as value};
use served::{Served, serve, settled};

const USAGE: &str = r#"{"prompt_tokens":5,"completion_tokens":7,"input_tokens":5,"output_tokens":7,"total_tokens":12}"#;

/// A service where everything that is begun is over at the second look.
async fn service() -> Origin {
    let looks = std::sync::atomic::AtomicUsize::new(0);
    Origin::start(move |got: &Got| -> Said {
        let (kind, id) = match got.uri().path() {
            path if path.starts_with("/v1/responses") => ("response", "resp_1"),
            path if path.starts_with("/v1/evals") => ("eval.run", "evalrun_1"),
            _ => ("thread.run", "run_1"),
        };
        let polls = got.method() == http::Method::GET && got.uri().path() != "/v1/assistants/asst_1";
        if polls && looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0 {
            return json(200, &format!(r#"{{"object":"{kind}","id":"{id}","status":"completed","usage":{USAGE}}}"#));
        }
        json(200, &format!(r#"{{"object":"{kind}","id":"{id}","status":"queued","usage":null}}"#))
    })
    .await
}

fn before(service: &Origin) -> Served {
    serve(&format!("{}{}", service.account("a", "m"), route("m", &["ea"])), &[("KEY", "k")])
}

async fn post(served: &Served, path: &str, body: Value) {
    let answer = served.client.post(served.url(path)).json(&body).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    answer.bytes().await.expect("a body");
}

async fn look(served: &Served, path: &str) {
    let answer = served.client.get(served.url(path)).send().await.expect("an answer");
    answer.bytes().await.expect("a body");
}

/// Tokens in and out, once nothing is under way.
async fn counted(served: &Served) -> (u64, u64) {
    let status = served.until(settled).await;
    let counters = &status["endpoints"][0]["counters"];
    (counters["tokens_in"].as_u64().expect("a number"), counters["tokens_out"].as_u64().expect("a number"))
}

async fn is_counted_once(begin: &str, body: Value, path: &str) {
    let served = before(&service().await);
    post(&served, begin, body).await;
    look(&served, path).await;
    assert_eq!(counted(&served).await, (0, 0), "it is not over");
    look(&served, path).await;
    assert_eq!(counted(&served).await, (5, 7), "{path}");
    look(&served, path).await;
    assert_eq!(counted(&served).await, (5, 7), "{path}: a second look costs nothing");
}

#[tokio::test]
async fn a_response_in_the_background_is_counted_when_it_is_first_seen_to_be_over() {
    let body = value!({"model": "m", "input": "hi", "background": true, "max_output_tokens": 40});
    is_counted_once("responses", body, "responses/resp_1").await;
}

#[tokio::test]
async fn a_run_is_counted_likewise_though_nobody_knows_which_route_its_model_is() {
    let body = value!({"assistant_id": "asst_1"});
    is_counted_once("threads/thread_1/runs", body, "threads/thread_1/runs/run_1").await;
}

#[tokio::test]
async fn a_streamed_run_of_an_unknown_model_is_counted_by_its_last_event() {
    let stream = format!(
        "event: thread.run.created\ndata: {{\"object\":\"thread.run\",\"id\":\"run_1\",\"status\":\"queued\"}}\n\n\
         event: thread.run.completed\ndata: {{\"object\":\"thread.run\",\"id\":\"run_1\",\"status\":\"completed\",\"usage\":{USAGE}}}\n\n\
         event: done\ndata: [DONE]\n\n"
    );
    let service = Origin::start(move |_| events(&stream)).await;
    let served = before(&service);
    post(&served, "threads/thread_1/runs", value!({"assistant_id": "asst_1", "model": "other", "stream": true})).await;
    assert_eq!(counted(&served).await, (5, 7));
}

#[tokio::test]
async fn a_run_of_an_evaluation_takes_its_models_tokens_and_names_its_deployment() {
    let service = service().await;
    let served = before(&service);
    let body = value!({"data_source": {
        "type": "completions", "model": "m", "sampling_params": {"max_completion_tokens": 60},
        "source": {"type": "file_content", "content": [{"item": {"q": "a"}}, {"item": {"q": "b"}}]},
    }});
    post(&served, "evals/eval_1/runs", body.clone()).await;
    let sent: Value = serde_json::from_slice(service.got()[0].body()).expect("JSON");
    let mut expected = body;
    expected["data_source"]["model"] = "at a".into();
    assert_eq!(sent, expected, "as it came but for the model's name");
    let status = served.until(settled).await;
    assert!(status["endpoints"][0]["counters"]["charged"].as_u64() >= Some(60), "{status:#}");
}

#[tokio::test]
async fn a_run_that_is_ended_by_a_stream_is_not_counted_again_by_a_look() {
    let service = Origin::start(|got: &Got| match (got.method(), got.uri().path()) {
        (&http::Method::GET, _) => json(200, &run("completed")),
        (_, path) if path.ends_with("submit_tool_outputs") => {
            events(&format!("event: thread.run.completed\ndata: {}\n\nevent: done\ndata: [DONE]\n\n", run("completed")))
        }
        _ => json(200, &run("requires_action")),
    })
    .await;
    let served = before(&service);
    post(&served, "threads/thread_1/runs", value!({"assistant_id": "asst_1", "model": "other"})).await;
    let outputs = value!({"tool_outputs": [{"tool_call_id": "call_1", "output": "7"}], "stream": true});
    post(&served, "threads/thread_1/runs/run_1/submit_tool_outputs", outputs).await;
    assert_eq!(counted(&served).await, (5, 7));
    look(&served, "threads/thread_1/runs/run_1").await;
    assert_eq!(counted(&served).await, (5, 7), "its stream said it all");
}

fn run(status: &str) -> String {
    let usage = if status == "completed" { USAGE } else { "null" };
    format!(r#"{{"object":"thread.run","id":"run_1","status":"{status}","usage":{usage}}}"#)
}

/// A stream of a response that breaks after its first word, and the whole response for whoever looks.
async fn is_counted_after_a_break(background: bool, expected: (u64, u64)) {
    let service = Origin::start(move |got: &Got| {
        if got.method() == http::Method::GET {
            return json(
                200,
                &format!(r#"{{"object":"response","id":"resp_1","status":"completed","usage":{USAGE}}}"#),
            );
        }
        let response = format!(r#"{{"object":"response","id":"resp_1","status":"queued","background":{background}}}"#);
        events(&format!(
            "data: {{\"type\":\"response.created\",\"response\":{response}}}\n\n\
             data: {{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}}\n\n"
        ))
    })
    .await;
    let served = before(&service);
    post(&served, "responses", value!({"model": "m", "input": "hi", "background": background, "stream": true})).await;
    for _ in 0..2 {
        look(&served, "responses/resp_1").await;
    }
    assert_eq!(counted(&served).await, expected, "in the background: {background}");
}

#[tokio::test]
async fn a_response_in_the_background_whose_stream_is_left_is_counted_once_when_it_is_seen_to_be_over() {
    is_counted_after_a_break(true, (5, 7)).await;
    // Of one that ends with its stream: what was seen, and an estimate of what was asked.
    is_counted_after_a_break(false, (1, 1)).await;
}
