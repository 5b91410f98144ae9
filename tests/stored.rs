//! Stored objects over several accounts: made in one, found where they are, listed as one, never changed where they are not.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use http::Method;
use origin::{Got, Origin, Said, events, json, route};
use serde_json::Value;
use served::{Served, serve, serve_in};

/// Two accounts; `a` stands first in the configuration.
fn before(a: &Origin, b: &Origin) -> Served {
    let config = format!("{}{}{}", a.account("a", "m"), b.account("b", "m"), route("m", &["eb", "ea"]));
    serve(&config, &[("KEY", "k")])
}

/// An account that holds these files and no others.
async fn holding(files: &'static [&'static str]) -> Origin {
    Origin::start(move |got| files_of(files, got)).await
}

fn files_of(files: &[&str], got: &Got) -> Said {
    let path = got.uri().path();
    let file = |id: &str| format!(r#"{{"id":"{id}","object":"file"}}"#);
    let id = path.strip_prefix("/v1/files/").map(|rest| rest.trim_end_matches("/content"));
    match (got.method(), id) {
        (&Method::POST, None) => json(200, &file("file-new-1")),
        (_, Some(id)) if files.contains(&id) => json(200, &file(id)),
        (&Method::GET, None) if path == "/v1/files" => {
            let after =
                got.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("after=")));
            let begin = after.and_then(|after| files.iter().position(|id| *id == after)).map_or(0, |at| at + 1);
            let limit =
                got.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("limit=")));
            let limit = limit.map_or(20, |limit| limit.parse().expect("a number"));
            let page: Vec<String> = files[begin..].iter().take(limit).map(|id| file(id)).collect();
            let more = files.len() - begin > limit;
            json(200, &format!(r#"{{"object":"list","data":[{}],"has_more":{more}}}"#, page.join(",")))
        }
        _ => json(404, r#"{"error":{"message":"No such object","code":"not_found"}}"#),
    }
}

async fn get(served: &Served, path: &str) -> (u16, Value) {
    let answer = served.client.get(served.url(path)).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn an_object_nobody_knows_is_looked_for_and_then_known() {
    let (a, b) = (holding(&["file-1"]).await, holding(&["file-2"]).await);
    let served = before(&a, &b);
    assert_eq!(get(&served, "files/file-2").await.1["id"], "file-2");
    assert_eq!(
        (a.paths(), b.paths()),
        (vec!["GET /v1/files/file-2".to_owned()], vec!["GET /v1/files/file-2".to_owned()])
    );
    assert_eq!(get(&served, "files/file-2/content?x=1").await.0, 200);
    assert_eq!(a.got().len(), 1, "now it is known where it lies");
    assert_eq!(b.paths().last().expect("a request"), "GET /v1/files/file-2/content?x=1");
    let (status, body) = get(&served, "files/file-3").await;
    assert_eq!((status, &body["error"]["code"]), (404, &"not_found".into()), "in the service's own words");
}

#[tokio::test]
async fn nothing_is_deleted_before_its_owner_is_found() {
    let (a, b) = (holding(&["file-1"]).await, holding(&["file-2"]).await);
    let served = before(&a, &b);
    let answer = served.client.delete(served.url("files/file-2")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(a.paths(), ["GET /v1/files/file-2"]);
    assert_eq!(b.paths(), ["GET /v1/files/file-2", "DELETE /v1/files/file-2"]);
    let answer = served.client.delete(served.url("files/file-9")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 404);
    assert!(!a.paths().iter().chain(&b.paths()).any(|path| path == "DELETE /v1/files/file-9"));
}

#[tokio::test]
async fn a_new_object_is_known_by_the_account_that_made_it_even_after_a_restart() {
    let (a, b) = (holding(&[]).await, holding(&["file-new-1"]).await);
    let mut served = before(&a, &b);
    let post = served.client.post(served.url("files")).body("contents").send().await.expect("an answer");
    assert_eq!(post.status().as_u16(), 200);
    assert_eq!((a.got().len(), b.got().len()), (1, 0), "the first account of the configuration");
    assert_eq!(a.got()[0].body()[..], b"contents"[..]);
    get(&served, "files/file-new-1").await;
    assert_eq!((a.got().len(), b.got().len()), (2, 0), "asked where it was made, not where it would be found");
    assert_eq!(served.terminate(), Some(0));
    let kept = served.everything_written();
    assert!(!kept.contains("file-new-1"), "fingerprints are written, not ids");
    let empty = tempfile::tempdir().expect("a temporary folder");
    let folder = std::mem::replace(&mut served.folder, empty);
    let served = serve_in(folder, &[("KEY", "k")]);
    assert_eq!(get(&served, "files/file-new-1").await.0, 404, "its own account has lost it");
    assert_eq!((a.got().len(), b.got().len()), (3, 0), "and still nobody else was asked");
}

#[tokio::test]
async fn lists_of_several_accounts_are_one_list_page_by_page() {
    let (a, b) = (holding(&["file-1", "file-2", "file-3"]).await, holding(&["file-4", "file-5"]).await);
    let served = before(&a, &b);
    let ids = |page: &Value| -> Vec<String> {
        let data = page["data"].as_array().expect("a list");
        data.iter().map(|file| file["id"].as_str().expect("an id").to_owned()).collect()
    };
    let (_, whole) = get(&served, "files").await;
    assert_eq!(ids(&whole), ["file-1", "file-2", "file-3", "file-4", "file-5"]);
    assert_eq!(whole["has_more"], false);
    for limit in 1..=6 {
        let (mut all, mut query) = (Vec::new(), format!("files?limit={limit}"));
        loop {
            let (_, page) = get(&served, &query).await;
            assert!(ids(&page).len() <= limit, "{page}");
            all.extend(ids(&page));
            if page["has_more"] != true {
                break;
            }
            query = format!("files?limit={limit}&after={}", all.last().expect("a page that goes on is not empty"));
        }
        assert_eq!(all, ids(&whole), "pages of {limit}");
    }
}

#[tokio::test]
async fn a_page_whose_beginning_nobody_knows_begins_in_the_account_that_has_it() {
    let (a, b) = (holding(&["file-1", "file-2"]).await, holding(&["file-4", "file-5"]).await);
    let served = before(&a, &b);
    let (status, page) = get(&served, "files?after=file-4").await;
    assert_eq!(
        (status, page["data"].as_array().map(Vec::len), &page["data"][0]["id"]),
        (200, Some(1), &"file-5".into())
    );
    assert_eq!(get(&served, "files?after=file-9").await.0, 404, "and of one that nobody has there is none");
}

#[tokio::test]
async fn a_list_of_which_a_part_is_missing_is_not_given() {
    let (a, b) = (holding(&["file-1"]).await, Origin::start(|_| json(500, "{}")).await);
    let served = before(&a, &b);
    let (status, body) = get(&served, "files").await;
    let message = body["error"]["message"].as_str().expect("a sentence");
    assert!(status == 502 && message.contains("Account \"b\""), "{message}");
}

#[tokio::test]
async fn what_is_made_of_a_model_goes_to_its_route_and_by_its_name_there() {
    let (a, b) = (
        holding(&[]).await,
        Origin::start(|_| json(200, r#"{"id":"asst_1","object":"assistant","model":"at b"}"#)).await,
    );
    let accounts = format!("{}{}", a.account("a", "other"), b.account("b", "m"));
    let served = serve(&format!("{accounts}{}{}", route("other", &["ea"]), route("m", &["eb"])), &[("KEY", "k")]);
    let body = r#"{"name":"x","model":"m"}"#;
    served.client.post(served.url("assistants")).body(body).send().await.expect("an answer");
    assert_eq!(b.got()[0].body()[..], *br#"{"name":"x","model":"at b"}"#);
    // The next one names it only in its body.
    let body = r#"{"assistant_id":"asst_1","thread":{}}"#;
    served.client.post(served.url("threads/runs")).body(body).send().await.expect("an answer");
    assert_eq!((a.got().len(), b.got().len()), (0, 2));
}

#[tokio::test]
async fn paths_of_next_year_reach_one_endpoint_unchanged() {
    let stream = "event: thing.begun\ndata: {\"id\":\"thing_1\"}\n\nevent: thing.done\ndata: {}\n\n";
    let (a, b) = (Origin::start(move |_| events(stream)).await, holding(&[]).await);
    let served = before(&a, &b);
    let url = served.url("things/of-next-year?a=%20b&api-key=mine&c");
    let request = served.client.put(url).header("x-mine", "1").header("content-type", "text/odd").body("\u{0}odd");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.text().await.expect("a body"), stream);
    let got = &a.got()[0];
    assert_eq!((got.method(), got.uri().to_string().as_str()), (&Method::PUT, "/v1/things/of-next-year?a=%20b&c"));
    assert_eq!(
        (&got.headers()["x-mine"], &got.headers()["content-type"]),
        (&"1".parse().expect("a value"), &"text/odd".parse().expect("a value"))
    );
    assert_eq!(
        (&got.body()[..], &got.headers()["authorization"]),
        (&b"\0odd"[..], &"Bearer k".parse().expect("a value"))
    );
    assert!(b.got().is_empty());
}

#[tokio::test]
async fn what_lies_in_two_accounts_cannot_be_put_together() {
    let (a, b) = (holding(&["file-1"]).await, holding(&["file-2"]).await);
    let served = before(&a, &b);
    get(&served, "files/file-1").await;
    get(&served, "files/file-2").await;
    let body = r#"{"file_ids":["file-1","file-2"]}"#;
    let answer = served.client.post(served.url("vector_stores")).body(body).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let said: Value = answer.json().await.expect("JSON");
    assert_eq!((status, &said["error"]["code"]), (400, &"state_in_several_accounts".into()));
}

/// An account that keeps an assistant of its deployment and starts runs of it, each with an id of its own.
async fn assisting() -> Origin {
    Origin::start(|got| match (got.method(), got.uri().path()) {
        (&Method::GET, "/v1/assistants/asst_1") => json(200, r#"{"object":"assistant","id":"asst_1","model":"at b"}"#),
        (&Method::POST, "/v1/threads/runs") => json(
            200,
            r#"{"object":"thread.run","id":"run_1","thread_id":"thread_1","assistant_id":"asst_1","model":"at b"}"#,
        ),
        _ => json(404, r#"{"error":{"message":"No such object","code":"not_found"}}"#),
    })
    .await
}

async fn start_run(served: &Served) -> (u16, Value) {
    let body = r#"{"assistant_id":"asst_1","max_completion_tokens":600,"thread":{"messages":[{"role":"user","content":"Hello"}]}}"#;
    let answer = served.client.post(served.url("threads/runs")).body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_run_takes_its_assistants_tokens_from_the_ledger_and_waits_for_them() {
    let (a, b) = (holding(&[]).await, assisting().await);
    // One run's cap fits into a minute and two do not.
    let accounts = format!(
        "[queue]\nmax_wait_seconds = 1\n{}{}tokens_per_minute = 1000\n",
        a.account("a", "m"),
        b.account("b", "m")
    );
    let served = serve(&format!("{accounts}{}", route("m", &["ea", "eb"])), &[("KEY", "k")]);
    assert_eq!(get(&served, "assistants/asst_1").await.0, 200);
    let begun = a.got().len();
    assert_eq!(start_run(&served).await.0, 200);
    let status = served.until(|status| status["endpoints"][1]["tokens"]["used"].as_u64() > Some(0)).await;
    assert_eq!(status["endpoints"][0]["tokens"]["used"], 0, "{status:#}");
    let (refused, said) = start_run(&served).await;
    let message = said["error"]["message"].as_str().expect("a sentence");
    assert!(refused == 429 && message.contains("account \"b\""), "{refused}: {message}");
    assert_eq!(a.got().len(), begun, "never where its assistant is not");
    let runs = b.paths().iter().filter(|path| *path == "POST /v1/threads/runs").count();
    assert_eq!(runs, 1, "the second was held back, not sent");
}

#[tokio::test]
async fn an_account_that_refused_its_key_is_left_alone_and_named() {
    let (a, b) = (holding(&["file-1"]).await, holding(&["file-2"]).await);
    let locked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let lock = std::sync::Arc::clone(&locked);
    let c = Origin::start(move |got| {
        if lock.load(std::sync::atomic::Ordering::SeqCst) {
            return json(401, r#"{"error":{"message":"No entry","code":"not_authorized"}}"#);
        }
        files_of(&["file-3"], got)
    })
    .await;
    let accounts = format!("{}{}{}", a.account("a", "m"), b.account("b", "m"), c.account("c", "m"));
    let config = format!("[queue]\nmax_wait_seconds = 5\n{accounts}{}", route("m", &["ea", "eb", "ec"]));
    let served = serve(&config, &[("KEY", "k")]);
    assert_eq!(get(&served, "files/file-3").await.0, 200);
    locked.store(true, std::sync::atomic::Ordering::SeqCst);
    let (status, said) = get(&served, "files/file-3").await;
    assert_eq!(
        (status, &said["error"]["code"]),
        (401, &"not_authorized".into()),
        "the first in the service's own words"
    );
    let asked = c.got().len();
    let (status, said) = get(&served, "files/file-3").await;
    let message = said["error"]["message"].as_str().expect("a sentence");
    assert_eq!((status, &said["error"]["code"]), (503, &"account_resting".into()));
    assert!(message.contains("Account \"c\"") && message.contains("Try again in"), "{message}");
    // What is not found elsewhere may lie there, so that is not "not found" either.
    assert_eq!(get(&served, "files/file-9").await.1["error"]["code"], "account_resting");
    assert_eq!(c.got().len(), asked, "it was not asked again");
    assert_eq!(get(&served, "files/file-1").await.0, 200, "others go on");
    let status = served.status().await;
    assert_eq!(status["endpoints"][2]["health"]["state"], "resting", "and no other request goes there: {status:#}");
}

#[tokio::test]
async fn a_look_waits_for_an_owner_that_asks_for_a_moment() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (a, count) = (holding(&["file-1"]).await, std::sync::Arc::clone(&asked));
    let b = Origin::start(move |got| {
        if count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) != 1 {
            return files_of(&["file-2"], got);
        }
        let mut told = json(429, r#"{"error":{"message":"Slow down","code":"rate_limit_exceeded"}}"#);
        told.headers_mut().insert("retry-after-ms", "300".parse().expect("a value"));
        told
    })
    .await;
    let served = before(&a, &b);
    assert_eq!(get(&served, "files/file-2").await.0, 200);
    let answer = served.client.get(served.url("files/file-2")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "it waited as told and asked the same account again");
    assert_eq!(&answer.headers()["x-tidegate-attempts"], "2");
    assert!(answer.headers().contains_key("x-tidegate-decision"), "and it is known why");
    assert_eq!(b.got().len(), 3);
}

#[tokio::test]
async fn a_call_is_hung_up_where_it_was_taken_by_the_name_in_its_answers_head() {
    let takes = |got: &Got| match got.uri().path() {
        "/v1/realtime/calls" => {
            let mut taken = json(201, "v=0\r\n");
            let place = http::HeaderValue::from_static("/v1/realtime/calls/rtc_u0_9d1e?x=1");
            taken.headers_mut().insert("location", place);
            taken
        }
        "/v1/realtime/calls/rtc_u0_9d1e/hangup" => json(200, ""),
        // Nothing else is known of a call: it cannot be looked up.
        _ => json(404, r#"{"error":{"message":"No such object","code":"not_found"}}"#),
    };
    let (a, b) = (Origin::start(takes).await, Origin::start(takes).await);
    let served = before(&a, &b);
    let post = async |path: &str| {
        let request = served.client.post(served.url(path)).header("content-type", "application/sdp");
        request.body("v=0\r\n").send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(post("realtime/calls").await, 201);
    assert_eq!(post("realtime/calls/rtc_u0_9d1e/hangup").await, 200);
    assert_eq!(a.paths(), ["POST /v1/realtime/calls", "POST /v1/realtime/calls/rtc_u0_9d1e/hangup"]);
    assert!(b.got().is_empty());
    assert_eq!(post("realtime/calls/v1/hangup").await, 404);
    assert_eq!(b.paths(), ["GET /v1/realtime/calls/v1"], "no word of the way to it is taken for its name");
}
