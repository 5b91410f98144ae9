//! Callers and their tokens against the shipped binary: made once, kept as hashes, asked for where others can reach us, and
//! ended for good. Whoever has none gets a 401 in the API's own shape, and nothing is sent anywhere.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use origin::{Origin, json, route};
use serde_json::Value;
use served::{Served, serve_in, settled, spawn};
use tokio::time::timeout;

const KEY: &str = "canary-callers-57";
/// What was not looked at in so long never is.
const PATIENCE: Duration = Duration::from_secs(30);

async fn origin() -> Origin {
    Origin::start(|_| json(200, r#"{"ok":true}"#)).await
}

fn config(origin: &Origin, more: &str) -> String {
    format!("{more}{}{}", origin.account("a", "m"), route("m", &["ea"]))
}

fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    folder
}

/// `tidegate caller …` in a folder.
fn caller(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.arg("caller").args(arguments).arg("--config-dir").arg(folder).output().expect("the binary runs")
}

/// What it printed, alone on its line.
fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn asked(served: &Served, token: Option<&str>) -> (u16, Value) {
    let request = served.chat("m", false);
    let request = token.map_or(request.try_clone().expect("a request"), |token| request.bearer_auth(token));
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_required_token_lets_its_caller_in_and_nobody_else() {
    let origin = origin().await;
    let folder = folder(&config(&origin, "[listen]\nrequire_token = true\n"));
    let token = printed(&caller(folder.path(), &["add", "ci"]));
    assert!(token.starts_with("tdg_") && token.len() == 68, "a token and nothing else: {} characters", token.len());
    let served = serve_in(folder, &[("KEY", KEY)]);
    for wrong in [None, Some("sk-anything"), Some(""), Some(&token[..67])] {
        let (status, body) = asked(&served, wrong).await;
        assert_eq!((status, &body["error"]["code"]), (401, &Value::from("invalid_api_key")), "{body}");
    }
    let models = served.client.get(served.url("models")).send().await.expect("an answer");
    assert_eq!(models.status().as_u16(), 401, "names of routes are not for strangers");
    assert!(origin.got().is_empty(), "nothing was sent");
    assert_eq!(asked(&served, Some(&token)).await.0, 200);
    let classic = served.chat("m", false).header("api-key", &token).send().await.expect("an answer");
    assert_eq!(classic.status().as_u16(), 200);
    for got in origin.got() {
        assert_eq!(got.headers()["authorization"], format!("Bearer {KEY}").as_str());
        assert!(!got.headers().contains_key("api-key"), "the token goes no further");
    }
    let written = served.everything_written();
    assert!(!written.contains(&token) && !written.contains(&token[4..]), "a token is written nowhere");
}

#[tokio::test]
async fn a_caller_with_a_token_has_its_limits() {
    let origin = origin().await;
    let folder = folder(&config(&origin, "[queue]\nmax_wait_seconds = 0\n"));
    let token = printed(&caller(folder.path(), &["add", "ci"]));
    let path = folder.path().join("config.toml");
    let text =
        fs::read_to_string(&path).expect("it is there").replace("id = \"ci\"", "id = \"ci\"\nrequests_per_minute = 1");
    fs::write(&path, text).expect("it is written");
    let served = serve_in(folder, &[("KEY", KEY)]);
    assert_eq!(asked(&served, Some(&token)).await.0, 200);
    assert_eq!(asked(&served, Some(&token)).await.0, 429, "its own limit is used up");
    assert_eq!(asked(&served, None).await.0, 200, "on loopback others need no token");
    served.until(settled).await;
}

#[tokio::test]
async fn a_new_token_and_the_one_before_work_until_it_is_revoked_while_it_runs() {
    let origin = origin().await;
    let folder = folder(&config(&origin, ""));
    let first = printed(&caller(folder.path(), &["add", "ci"]));
    let served = serve_in(folder, &[("KEY", KEY)]);
    let second = printed(&caller(served.folder.path(), &["rotate", "ci"]));
    assert_ne!(first, second);
    until(&served, &second, 200).await;
    assert_eq!(asked(&served, Some(&first)).await.0, 200, "both work for ten minutes");
    printed(&caller(served.folder.path(), &["revoke", "ci"]));
    until(&served, &second, 401).await;
    assert_eq!(asked(&served, Some(&first)).await.0, 401, "revoked, though none is required here");
    assert_eq!(asked(&served, Some("any text")).await.0, 200);
}

#[test]
fn commands_at_the_same_time_lose_no_token_of_each_other() {
    let callers: Vec<String> = (0..8).map(|number| format!("[[caller]]\nid = \"c{number}\"\n")).collect();
    let folder = folder(&callers.concat());
    let rotate = |name: String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["caller", "rotate", &name, "--config-dir"]).arg(folder.path()).stdout(Stdio::piped());
        command.stderr(Stdio::null()).spawn().expect("the binary starts")
    };
    let running: Vec<_> = (0..8).map(|number| rotate(format!("c{number}"))).collect();
    for command in running {
        printed(&command.wait_with_output().expect("it ends"));
    }
    let listed = printed(&caller(folder.path(), &["list"]));
    assert_eq!(listed.matches("token of 20").count(), 8, "{listed}");
}

#[tokio::test]
async fn a_caller_that_left_the_configuration_while_nobody_ran_has_no_token_when_it_comes_back() {
    let origin = origin().await;
    let folder = folder(&config(&origin, ""));
    let left = printed(&caller(folder.path(), &["add", "left"]));
    let stays = printed(&caller(folder.path(), &["add", "stays"]));
    let path = folder.path().join("config.toml");
    let with_both = fs::read_to_string(&path).expect("it is there");
    let without = with_both.replace("id = \"left\"", "id = \"other\"");
    fs::write(&path, without).expect("it is written");
    let mut served = serve_in(folder, &[("KEY", KEY)]);
    assert_eq!(served.terminate(), Some(0));
    fs::write(&path, with_both).expect("it is written");
    let arguments = ["--headless", "--port", "0", "--log", "trace"];
    (served.child, served.base_url) = spawn(served.folder.path(), &arguments, &[("KEY", KEY)]);
    assert_eq!(asked(&served, Some(&stays)).await.0, 200);
    assert_eq!(asked(&served, Some(&left)).await.0, 401, "it was taken out");
}

/// Asks until the answer has this status: the file of tokens is looked at every now and then.
async fn until(served: &Served, token: &str, status: u16) {
    let asking = async { while asked(served, Some(token)).await.0 != status {} };
    timeout(PATIENCE, asking).await.expect("it was looked at");
}

#[test]
fn callers_are_listed_without_their_tokens_and_names_are_not_repeated() {
    let folder = folder("");
    let token = printed(&caller(folder.path(), &["add", "ci"]));
    let listed = printed(&caller(folder.path(), &["list"]));
    assert!(listed.starts_with("ci\ttoken of 20") && !listed.contains(&token[4..]), "{listed}");
    let again = caller(folder.path(), &["add", "ci"]);
    assert!(!again.status.success() && again.stdout.is_empty());
    let wrong = caller(folder.path(), &["rotate", "canary-typed-here"]);
    assert!(!wrong.status.success() && !String::from_utf8_lossy(&wrong.stderr).contains("canary"));
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(said.contains("Name one of: ci."), "{said}");
}
