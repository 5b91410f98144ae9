//! Requests' bodies of every length and kind: kept for another attempt without filling memory, changed in no byte but the
//! model's name, and let go when a client stops sending.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::fs;

use origin::{Origin, json, route};
use serde_json::Value;
use served::{Served, serve, settled};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Tidegate before these upstreams, its temporary files in a folder of the test's.
fn before(origins: &[&Origin], more: &str, temporary: &str) -> Served {
    let names = ["a", "b"];
    let accounts: String = names.iter().zip(origins).map(|(name, origin)| origin.account(name, "m")).collect();
    let endpoints: Vec<String> = names.iter().take(origins.len()).map(|name| format!("e{name}")).collect();
    let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
    serve(&format!("{more}{accounts}{}", route("m", &endpoints)), &[("KEY", "k"), ("TMPDIR", temporary)])
}

fn form(model: &str, file: &[u8], model_first: bool) -> Vec<u8> {
    let model = format!("--cut\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n").into_bytes();
    let mut part = b"--cut\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n".to_vec();
    part.extend_from_slice(file);
    part.extend_from_slice(b"\r\n");
    let mut whole = if model_first { [model, part].concat() } else { [part, model].concat() };
    whole.extend_from_slice(b"--cut--\r\n");
    whole
}

/// Bytes that hold every value, line ends and half boundaries.
fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut bytes: Vec<u8> = (0..length).map(|_| random.u8(..)).collect();
    for place in (0..length.saturating_sub(8)).step_by(4_099) {
        bytes[place..place + 7].copy_from_slice(b"\r\n--cu\r");
    }
    bytes
}

fn highest_memory(served: &Served) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its highest memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn an_upload_of_25_mb_fails_over_with_only_the_models_name_changed_and_leaves_no_file() {
    let busy = Origin::start(|_| json(503, r#"{"error":{"message":"busy"}}"#)).await;
    let good = Origin::start(|_| {
        json(200, r#"{"text":"heard","usage":{"type":"tokens","input_tokens":9,"output_tokens":2,"total_tokens":11}}"#)
    })
    .await;
    let temporary = tempfile::tempdir().expect("a folder");
    let place = temporary.path().to_str().expect("a name");
    let served = before(&[&busy, &good], "[bodies]\nmemory_mib = 1\n", place);
    // A first, smaller one brings the code into memory.
    upload(&served, form("m", &noise(2_000_000), true)).await;
    let before_it = highest_memory(&served);
    let file = noise(25_000_000);
    for model_first in [true, false] {
        upload(&served, form("m", &file, model_first)).await;
    }
    let (first, second) = (busy.got(), good.got());
    let large = |got: &origin::Got| got.body().len() > 25_000_000;
    let (first, second): (Vec<_>, Vec<_>) =
        (first.into_iter().filter(large).collect(), second.into_iter().filter(large).collect());
    assert!(first.len() + second.len() >= 3, "one of them was tried twice at least");
    for (got, name) in first.iter().map(|got| (got, "at a")).chain(second.iter().map(|got| (got, "at b"))) {
        let expected = [form(name, &file, true), form(name, &file, false)];
        assert!(expected.iter().any(|expected| *expected == got.body()[..]), "{name}: {} bytes", got.body().len());
        assert_eq!(got.headers()["content-length"], got.body().len().to_string().as_str());
    }
    let taken = highest_memory(&served) - before_it;
    // Less than one body, whatever the allocator keeps for later and whichever parts of the program are in use meanwhile.
    assert!(taken < file.len() as u64 / 1_024, "{taken} KiB more for two bodies of 25 MB, each sent to two");
    assert_eq!(fs::read_dir(temporary.path()).expect("a folder").count(), 0);
    let status = served.until(settled).await;
    assert_eq!(status["endpoints"][1]["counters"]["tokens_in"], 27);
}

async fn upload(served: &Served, body: Vec<u8>) {
    let request = served.client.post(served.url("audio/transcriptions"));
    let request = request.header("content-type", "multipart/form-data; boundary=cut").body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "{}", answer.text().await.expect("a body"));
}

#[tokio::test]
async fn json_that_is_too_long_for_memory_is_replayed_from_its_file() {
    let busy = Origin::start(|_| json(503, "{}")).await;
    let good = Origin::start(|_| json(200, r#"{"ok":true}"#)).await;
    let temporary = tempfile::tempdir().expect("a folder");
    let served = before(&[&busy, &good], "[bodies]\nmemory_mib = 1\n", temporary.path().to_str().expect("a name"));
    let text = "x".repeat(3_000_000);
    let body = |model: &str| {
        format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}],"model":"{model}","max_tokens":1}}"#)
    };
    let request = served.client.post(served.url("chat/completions")).body(body("m"));
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    assert_eq!(busy.got()[0].body()[..], *body("at a").as_bytes());
    assert_eq!(good.got()[0].body()[..], *body("at b").as_bytes());
    assert_eq!(fs::read_dir(temporary.path()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_form_without_a_model_gets_the_one_of_its_path() {
    let good = Origin::start(|_| json(200, r#"{"text":"heard"}"#)).await;
    let served = before(&[&good], "", "/tmp");
    let root = served.base_url.trim_end_matches("/v1");
    let url = format!("{root}/openai/deployments/m/audio/translations?api-version=2024-10-21");
    let body = "--cut\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nsound\r\n--cut--\r\n";
    let request = served.client.post(url).header("content-type", "multipart/form-data; boundary=cut").body(body);
    assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    let got = good.got();
    assert_eq!(good.paths(), ["POST /v1/audio/translations"]);
    let expected = format!("--cut\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nat a\r\n{body}");
    assert_eq!(String::from_utf8_lossy(got[0].body()), expected);
}

#[tokio::test]
async fn a_client_that_stops_sending_is_let_go_and_nothing_goes_upstream() {
    let good = Origin::start(|_| json(200, "{}")).await;
    let served = before(&[&good], "[bodies]\nstall_seconds = 1\n", "/tmp");
    let address = served.base_url.trim_start_matches("http://").trim_end_matches("/v1");
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let head =
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-length: 5000\r\n\r\n{{\"model\":");
    socket.write_all(head.as_bytes()).await.expect("it is sent");
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.expect("an answer, then the end");
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
    assert!(answer.contains("x-should-retry: false"), "{answer}");
    assert!(good.got().is_empty());
    served.until(settled).await;
}

#[tokio::test]
async fn a_body_that_is_announced_too_long_is_refused_before_it_comes() {
    let good = Origin::start(|_| json(200, "{}")).await;
    let served = before(&[&good], "[bodies]\nlargest_mib = 1\n", "/tmp");
    let body = form("m", &noise(1_100_000), true);
    let request = served.client.post(served.url("audio/transcriptions"));
    let request = request.header("content-type", "multipart/form-data; boundary=cut").body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 413);
    let said: Value = answer.json().await.expect("JSON");
    assert!(said["error"]["message"].as_str().expect("a sentence").contains("larger than 1 MiB"), "{said}");
}

#[tokio::test]
async fn every_operation_reaches_its_own_path_with_the_deployments_name() {
    let good = Origin::start(|_| json(200, r#"{"usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}}"#)).await;
    let served = before(&[&good], "", "/tmp");
    for (path, body) in [
        ("responses/compact", r#"{"model":"m","input":"a"}"#),
        ("responses/input_tokens", r#"{"model":"m","input":"a"}"#),
        ("moderations", r#"{"model":"m","input":["a","b"]}"#),
        ("audio/speech", r#"{"model":"m","input":"a","voice":"alloy"}"#),
        ("images/generations", r#"{"model":"m","prompt":"a tide"}"#),
    ] {
        let answer = served.client.post(served.url(path)).body(body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let got = good.got().pop().expect("a request");
        assert_eq!(got.uri().path(), format!("/v1/{path}"));
        assert_eq!(String::from_utf8_lossy(got.body()), body.replace("\"m\"", "\"at a\""));
    }
    let refused = served.client.post(served.url("organization/admin_api_keys")).body("{}").send().await.expect("it");
    assert_eq!(refused.status().as_u16(), 403);
    assert_eq!(good.got().len(), 5, "keys are not made through us");
}
