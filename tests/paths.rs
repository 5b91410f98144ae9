//! Where requests go by their paths, queries and bodies: what is not known here too, each to one endpoint as it came.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use http::Method;
use origin::{Got, Origin, Said, json, route};
use serde_json::Value;
use served::{Served, serve, settled};

const MISSING: &str = r#"{"error":{"message":"No such object","code":"not_found"}}"#;

/// Two accounts; `a` stands first in the configuration.
fn before(a: &Origin, b: &Origin) -> Served {
    let config = format!("{}{}{}", a.account("a", "m"), b.account("b", "m"), route("m", &["eb", "ea"]));
    serve(&config, &[("KEY", "k")])
}

/// Answers these, each by its method and path, and nothing else.
async fn knowing(all: &'static [(&'static str, &'static str)]) -> Origin {
    Origin::start(move |got| told(all, got)).await
}

fn told(all: &[(&str, &str)], got: &Got) -> Said {
    let asked = format!("{} {}", got.method(), got.uri().path());
    all.iter().find(|(known, _)| *known == asked).map_or_else(|| json(404, MISSING), |(_, body)| json(200, body))
}

async fn ask(served: &Served, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = served.client.request(method, served.url(path)).header("content-type", "application/json");
    let answer = request.body(body.to_owned()).send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn an_id_without_a_digit_is_looked_for_and_deleted_where_it_is() {
    const FILE: &str = r#"{"id":"file-abcdefGHIJKLMNopqrstuv","object":"file"}"#;
    const ID: &str = "files/file-abcdefGHIJKLMNopqrstuv";
    let (a, b) = (
        knowing(&[]).await,
        knowing(&[
            ("GET /v1/files/file-abcdefGHIJKLMNopqrstuv", FILE),
            ("DELETE /v1/files/file-abcdefGHIJKLMNopqrstuv", r#"{"deleted":true}"#),
        ])
        .await,
    );
    let served = before(&a, &b);
    assert_eq!(ask(&served, Method::GET, ID, "").await, (200, FILE.to_owned()));
    assert_eq!(ask(&served, Method::DELETE, ID, "").await.0, 200);
    assert_eq!(a.paths(), [format!("GET /v1/{ID}")], "nothing is deleted where it is not");
    let (status, said) = ask(&served, Method::DELETE, "files/file-zzzzzzGHIJKLMNopqrstuv", "").await;
    assert_eq!((status, said.as_str()), (404, MISSING));
    assert!(!a.paths().iter().any(|path| path.starts_with("DELETE")), "{:?}", a.paths());
}

#[tokio::test]
async fn a_query_goes_on_with_what_is_balanced_but_for_keys() {
    let a = Origin::start(|_| json(200, r#"{"choices":[]}"#)).await;
    let served = serve(&format!("{}{}", a.account("a", "m"), route("m", &["ea"])), &[("KEY", "k")]);
    let path = "chat/completions?user=a%20b+c&api-key=mine&subscription-key=mine&api-version=1&flag";
    assert_eq!(ask(&served, Method::POST, path, r#"{"model":"m","messages":[]}"#).await.0, 200);
    assert_eq!(a.paths(), ["POST /v1/chat/completions?user=a%20b+c&flag"]);
}

#[tokio::test]
async fn what_is_not_known_here_reaches_one_account_by_its_own_method() {
    let (a, b) = (
        knowing(&[
            ("GET /v1/next_years/weather", r#"{ "tide" : "high" }"#),
            ("POST /v1/next_years/model-2/run", r#"{"ok":1}"#),
            ("HEAD /v1/next_years/weather", ""),
            ("OPTIONS /v1/files", r#"{"ok":2}"#),
            ("POST /v1/batches/reimport", r#"{"ok":3}"#),
        ])
        .await,
        Origin::start(|got| match got.uri().path() {
            "/v1/next_years/tides" => json(200, r#"{"by":"b"}"#),
            "/v1/files" => json(400, "{}"),
            _ => json(404, MISSING),
        })
        .await,
    );
    let served = before(&a, &b);
    let weather = ask(&served, Method::GET, "next_years/weather?x=1", "").await;
    assert_eq!(weather, (200, r#"{ "tide" : "high" }"#.to_owned()), "it is no list, and passes as it came");
    assert!(b.got().is_empty());
    assert_eq!(
        ask(&served, Method::GET, "next_years/tides", "").await,
        (200, r#"{"by":"b"}"#.to_owned()),
        "b alone knows"
    );
    assert_eq!(
        ask(&served, Method::GET, "files?limit=x", "").await.0,
        400,
        "a fault of the request is the service's to name"
    );
    assert_eq!(ask(&served, Method::DELETE, "next_years/idea_7", "").await.0, 404);
    assert_eq!(ask(&served, Method::HEAD, "next_years/weather", "").await, (200, String::new()));
    assert_eq!(ask(&served, Method::OPTIONS, "files", "").await, (200, r#"{"ok":2}"#.to_owned()));
    // Whoever cannot be looked at may be there all the same.
    assert_eq!(ask(&served, Method::POST, "next_years/model-2/run", "{}").await, (200, r#"{"ok":1}"#.to_owned()));
    assert_eq!(ask(&served, Method::POST, "batches/reimport", "{}").await, (200, r#"{"ok":3}"#.to_owned()));
    assert!(!b.paths().iter().any(|path| !path.starts_with("GET")), "{:?}", b.paths());
    assert!(!a.paths().iter().any(|path| path.starts_with("DELETE")), "{:?}", a.paths());
    served.until(settled).await;
}

#[tokio::test]
async fn what_azure_alone_has_goes_to_a_deployment_of_its() {
    let (open, azure) = (
        Origin::start(|_| json(200, r#"{"choices":[]}"#)).await,
        Origin::start(|_| json(200, r#"{"choices":[]}"#)).await,
    );
    let classic = format!(
        "[[account]]\nid = \"z\"\nservice = \"azure\"\napi = \"classic\"\napi_version = \"2024-10-21\"\n\
         base_url = \"http://127.0.0.1:{}\"\ncredential = {{ command = [\"echo\", \"eyJ.a.token\"] }}\n[[endpoint]]\nid = \"ez\"\n\
         account = \"z\"\nmodel = \"gpt-4\"\ndeployment = \"prod\"\n",
        azure.port
    );
    let config = format!("{}{classic}{}", open.account("a", "gpt-4"), route("gpt-4", &["ea", "ez"]));
    let served = serve(&config, &[("KEY", "k")]);
    let root = served.base_url.trim_end_matches("/v1");
    let url = format!("{root}/openai/deployments/gpt-4/extensions/chat/completions?api-version=2023-08-01-preview&x=1");
    let answer = served.client.post(url).body(r#"{"messages":[]}"#).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    let path = "/openai/deployments/prod/extensions/chat/completions?api-version=2024-10-21&x=1";
    assert_eq!((azure.paths(), open.got().len()), (vec![format!("POST {path}")], 0));
    let head = azure.got()[0].headers().clone();
    assert_eq!(head["authorization"], "Bearer eyJ.a.token", "a token of a command is none of Azure's keys");
    assert!(!head.contains_key("api-key"), "{head:?}");
    let url = format!("{root}/models/chat/completions?api-version=2024-05-01-preview");
    let answer = served.client.post(url).body(r#"{"model":"gpt-4","messages":[]}"#).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(open.paths(), ["POST /v1/chat/completions"]);
}

#[tokio::test]
async fn sound_and_pictures_go_to_a_classic_deployments_own_path_with_a_token() {
    let azure = Origin::start(|_| json(200, r#"{"text":"heard"}"#)).await;
    let config = format!(
        "[[account]]\nid = \"z\"\nservice = \"azure\"\napi = \"classic\"\napi_version = \"2024-10-21\"\n\
         base_url = \"http://127.0.0.1:{}\"\ncredential = {{ command = [\"echo\", \"eyJ.a.token\"] }}\n[[endpoint]]\nid = \"ez\"\n\
         account = \"z\"\nmodel = \"m\"\ndeployment = \"prod\"\n{}",
        azure.port,
        route("m", &["ez"])
    );
    let served = serve(&config, &[]);
    for path in ["audio/speech", "images/generations", "images/edits"] {
        let body = r#"{"model":"m","input":"x","prompt":"x"}"#;
        assert_eq!(ask(&served, Method::POST, path, body).await.0, 200, "{path}");
        let expected = format!("POST /openai/deployments/prod/{path}?api-version=2024-10-21");
        assert_eq!(azure.paths().last(), Some(&expected));
    }
    for path in ["audio/transcriptions", "audio/translations"] {
        let form = "--cut\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--cut--\r\n";
        let request = served.client.post(served.url(path)).header("content-type", "multipart/form-data; boundary=cut");
        assert_eq!(request.body(form).send().await.expect("an answer").status().as_u16(), 200, "{path}");
        let expected = format!("POST /openai/deployments/prod/{path}?api-version=2024-10-21");
        assert_eq!(azure.paths().last(), Some(&expected));
    }
    assert!(azure.got().iter().all(|got| got.headers()["authorization"] == "Bearer eyJ.a.token"));
    assert!(azure.got().iter().all(|got| !got.headers().contains_key("api-key")), "one credential");
}

#[tokio::test]
async fn a_tuned_model_is_deleted_where_it_is_and_nowhere_else() {
    const TUNED: &str = r#"{"id":"ft:m:us::x","object":"model"}"#;
    let (a, b) = (
        knowing(&[]).await,
        knowing(&[("GET /v1/models/ft:m:us::x", TUNED), ("DELETE /v1/models/ft:m:us::x", r#"{"deleted":true}"#)]).await,
    );
    let served = before(&a, &b);
    assert_eq!(ask(&served, Method::DELETE, "models/ft:m:us::x", "").await, (200, r#"{"deleted":true}"#.to_owned()));
    assert_eq!(a.paths(), ["GET /v1/models/ft:m:us::x"]);
    assert_eq!(ask(&served, Method::DELETE, "models/ft:m:us::y", "").await, (404, MISSING.to_owned()));
    assert!(!a.paths().iter().any(|path| path.starts_with("DELETE")));
}

#[tokio::test]
async fn a_model_is_called_by_its_own_deployment_where_an_account_has_several() {
    let a = Origin::start(|_| json(200, r#"{"id":"asst_1","object":"assistant"}"#)).await;
    let more = "[[endpoint]]\nid = \"e2\"\naccount = \"a\"\nmodel = \"n\"\ndeployment = \"n at a\"\n";
    let config = format!("{}{more}{}{}", a.account("a", "m"), route("m", &["ea"]), route("n", &["e2"]));
    let served = serve(&config, &[("KEY", "k")]);
    assert_eq!(ask(&served, Method::POST, "assistants", r#"{"model":"n"}"#).await.0, 200);
    assert_eq!(a.got()[0].body()[..], *br#"{"model":"n at a"}"#);
}

#[tokio::test]
async fn what_is_made_for_a_realtime_session_goes_to_its_models_route_by_its_name_there() {
    let (a, b) = (
        knowing(&[]).await,
        Origin::start(|got| {
            if got.method() == Method::GET {
                return json(404, MISSING);
            }
            if got.uri().path() != "/v1/realtime/calls" {
                return json(200, r#"{"value":"ek_1","session":{"id":"sess_1"}}"#);
            }
            let mut said = json(201, "v=0");
            said.headers_mut().insert("content-type", "application/sdp".parse().expect("a value"));
            said.headers_mut().insert("location", "/v1/realtime/calls/rtc_abc".parse().expect("a value"));
            said
        })
        .await,
    );
    let accounts = format!("{}{}", a.account("a", "other"), b.account("b", "m"));
    let served = serve(&format!("{accounts}{}{}", route("other", &["ea"]), route("m", &["eb"])), &[("KEY", "k")]);
    let secret = r#"{"session":{"type":"realtime", "model" : "m"}}"#;
    assert_eq!(ask(&served, Method::POST, "realtime/client_secrets", secret).await.0, 200);
    assert_eq!(b.got()[0].body()[..], *br#"{"session":{"type":"realtime", "model" : "at b"}}"#);
    let form = |model: &str| {
        format!(
            "--cut\r\nContent-Disposition: form-data; name=\"sdp\"\r\n\r\nv=0\r\n--cut\r\nContent-Disposition: form-data; \
             name=\"session\"\r\nContent-Type: application/json\r\n\r\n{{\"model\":\"{model}\"}}\r\n--cut--\r\n"
        )
    };
    let request = served.client.post(served.url("realtime/calls"));
    let request = request.header("content-type", "multipart/form-data; boundary=cut").body(form("m"));
    let answer = request.send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (201, &"/v1/realtime/calls/rtc_abc".parse().expect("a value"))
    );
    assert_eq!(answer.text().await.expect("a body"), "v=0");
    assert_eq!(String::from_utf8_lossy(b.got()[1].body()), form("at b"));
    // The call is known by its address alone.
    assert_eq!(ask(&served, Method::POST, "realtime/calls/rtc_abc/hangup", "").await.0, 200);
    let request = served.client.post(served.url("realtime/calls?model=m")).header("content-type", "application/sdp");
    assert_eq!(request.body("v=0").send().await.expect("an answer").status().as_u16(), 201);
    assert_eq!(b.paths()[2..], ["POST /v1/realtime/calls/rtc_abc/hangup", "POST /v1/realtime/calls?model=at%20b"]);
    assert!(a.got().is_empty(), "{:?}", a.paths());
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][1]["counters"]["answered"], 4, "what makes a session is an endpoint's: {status:#}");
    // Of one that nobody knows there is nothing to be looked at.
    assert_eq!(ask(&served, Method::POST, "realtime/calls/rtc_xyz/hangup", "").await.0, 404);
    assert_eq!(a.paths().last().map(String::as_str), Some("POST /v1/realtime/calls/rtc_xyz/hangup"));
}

#[tokio::test]
async fn a_voice_and_a_sound_are_asked_for_where_they_were_made() {
    const SOUND: &str =
        r#"{"choices":[{"message":{"content":null,"audio":{"id":"audio_a","data":"","transcript":""}}}]}"#;
    const CHAT: &str = "POST /v1/chat/completions";
    let (a, b) = (
        knowing(&[
            ("POST /v1/audio/voices", r#"{"id":"voice_a","object":"audio.voice"}"#),
            ("POST /v1/audio/speech", "{}"),
            (CHAT, SOUND),
        ])
        .await,
        knowing(&[(CHAT, SOUND)]).await,
    );
    let served = before(&a, &b);
    assert_eq!(ask(&served, Method::POST, "audio/voices", r#"{"name":"x"}"#).await.0, 200);
    let speech = r#"{"model":"m","input":"x","voice":{"id":"voice_a"}}"#;
    assert_eq!(ask(&served, Method::POST, "audio/speech", speech).await.0, 200);
    assert_eq!(a.got().len(), 2, "though the route's first endpoint is another");
    // The route's first endpoint answers, and the sound of its answer is known there.
    assert_eq!(ask(&served, Method::POST, "chat/completions", r#"{"model":"m","messages":[]}"#).await.0, 200);
    served.until(settled).await;
    let torn = r#"{"model":"m","audio":{"voice":{"id":"voice_a"}},"messages":[{"role":"assistant","audio":{"id":"audio_a"}}]}"#;
    let (status, said) = ask(&served, Method::POST, "chat/completions", torn).await;
    assert!(status == 400 && said.contains("state_in_several_accounts"), "{status}: {said}");
}

#[tokio::test]
async fn an_id_in_a_field_of_a_form_leads_to_its_account() {
    let (a, b) = (
        knowing(&[]).await,
        knowing(&[("GET /v1/files/file-1", r#"{"id":"file-1"}"#), ("POST /v1/containers", r#"{"id":"cntr_1"}"#)]).await,
    );
    let served = before(&a, &b);
    assert_eq!(ask(&served, Method::GET, "files/file-1", "").await.0, 200);
    let form = "--cut\r\nContent-Disposition: form-data; name=\"file_ids[]\"\r\n\r\nfile-1\r\n--cut--\r\n";
    let request =
        served.client.post(served.url("containers")).header("content-type", "multipart/form-data; boundary=cut");
    assert_eq!(request.body(form).send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(b.paths().last().map(String::as_str), Some("POST /v1/containers"));
}

/// An account with these vector stores, the youngest first, in pages by `before`, `limit` and `order`.
async fn listing(stores: &'static [&'static str]) -> Origin {
    Origin::start(move |got| {
        let query = got.uri().query().unwrap_or_default();
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        if let Some(id) = got.uri().path().strip_prefix("/v1/vector_stores/") {
            return if stores.contains(&id) { json(200, &format!(r#"{{"id":"{id}"}}"#)) } else { json(404, MISSING) };
        }
        let mut all = stores.to_vec();
        if value("order") == Some("asc") {
            all.reverse();
        }
        let limit = value("limit").map_or(20, |limit| limit.parse().expect("a number"));
        let page: Vec<&str> = match value("before").map(|id| all.iter().position(|one| *one == id)) {
            Some(None) => return json(400, r#"{"error":{"message":"No such cursor"}}"#),
            Some(Some(end)) => all[end.saturating_sub(limit)..end].to_vec(),
            None => all.iter().take(limit).copied().collect(),
        };
        let page: Vec<String> = page.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
        json(200, &format!(r#"{{"object":"list","data":[{}],"has_more":false}}"#, page.join(",")))
    })
    .await
}

#[tokio::test]
async fn a_list_that_is_paged_backward_goes_on_in_the_account_before() {
    let (a, b) = (listing(&["vs_1", "vs_2", "vs_3"]).await, listing(&["vs_4", "vs_5"]).await);
    let served = before(&a, &b);
    let (_, whole) = ask(&served, Method::GET, "vector_stores", "").await;
    assert!(whole.contains("vs_1") && whole.contains("vs_5"), "{whole}");
    let (status, page) = ask(&served, Method::GET, "vector_stores?before=vs_5&limit=3", "").await;
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let ids: Vec<&str> = page["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!((status, ids), (200, vec!["vs_2", "vs_3", "vs_4"]));
    assert_eq!(a.paths().last().map(String::as_str), Some("GET /v1/vector_stores?order=asc&limit=2"));
}

#[tokio::test]
async fn a_path_that_is_none_of_the_apis_is_told_how_those_begin() {
    let a = knowing(&[]).await;
    let served = serve(&format!("{}{}", a.account("a", "m"), route("m", &["ea"])), &[("KEY", "k")]);
    let root = served.base_url.trim_end_matches("/v1");
    let answer = served.client.get(format!("{root}/favicon.ico")).send().await.expect("an answer");
    let (status, said) = (answer.status().as_u16(), answer.text().await.expect("a body"));
    assert!(status == 404 && said.contains("/openai/deployments") && said.contains("nothing was sent"), "{said}");
    assert!(a.got().is_empty());
}
