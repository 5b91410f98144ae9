//! Accounts that become others under the same name: what they kept is not sought where it is not, and a refused key stays refused
//! over a restart until it is another one.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary and the upstream are shared between test programs")]

mod origin;
mod served;

use origin::{Origin, json, route};
use serde_json::Value;
use served::{Served, serve, serve_in};

/// Answers every request to Responses with this id and an item that is sealed for the key's last letter.
async fn answering(id: &'static str) -> Origin {
    Origin::start(move |got| {
        let key = got.headers()["authorization"].to_str().expect("a text").chars().last().expect("a letter");
        let sealed = format!(r#"{{"type":"reasoning","id":"rs_1","encrypted_content":"sealed-{key}"}}"#);
        json(200, &format!(r#"{{"id":"{id}","object":"response","output":[{sealed}]}}"#))
    })
    .await
}

/// The same profile, stopped and started again with this configuration and key.
fn again(mut served: Served, config: &str, key: &str) -> Served {
    assert_eq!(served.terminate(), Some(0));
    let empty = tempfile::tempdir().expect("a temporary folder");
    let folder = std::mem::replace(&mut served.folder, empty);
    std::fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    serve_in(folder, &[("KEY", key)])
}

async fn respond(served: &Served, more: &str) -> (u16, Value) {
    let body = format!(r#"{{"model":"m","max_output_tokens":10{more}}}"#);
    let answer = served.client.post(served.url("responses")).body(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

const GO_ON: &str = r#","input":"Go on","previous_response_id":"resp_1""#;
const SEALED: &str = r#","input":[{"type":"reasoning","id":"rs_1","encrypted_content":"sealed-8"}]"#;

#[tokio::test]
async fn what_was_kept_at_another_address_is_refused_by_name_and_found_where_it_is() {
    let (here, there) = (answering("resp_1").await, answering("resp_2").await);
    let config = |origin: &Origin| format!("{}{}", origin.account("a", "m"), route("m", &["ea"]));
    let served = serve(&config(&here), &[("KEY", "k9")]);
    assert_eq!(respond(&served, r#","input":"Hello""#).await.0, 200);
    let served = again(served, &config(&there), "k9");
    let (status, said) = respond(&served, GO_ON).await;
    let message = said["error"]["message"].as_str().expect("a sentence");
    assert_eq!((status, &said["error"]["code"]), (400, &"state_left_behind".into()));
    assert!(message.contains("account \"a\"") && message.contains("former address"), "{message}");
    let look = served.client.get(served.url("responses/resp_1")).send().await.expect("an answer");
    assert_eq!(look.status().as_u16(), 400, "nor is it looked for there");
    assert!(there.got().is_empty(), "nothing of it was sent to the new address");
    // The place has another name now.
    let both = format!("{}{}{}", there.account("a", "m"), here.account("b", "m"), route("m", &["ea", "eb"]));
    let served = again(served, &both, "k9");
    assert_eq!(respond(&served, GO_ON).await.0, 200);
    assert_eq!((here.got().len(), there.got().len()), (2, 0));
}

#[tokio::test]
async fn what_is_sealed_for_one_key_is_not_sent_with_another() {
    let origin = answering("resp_1").await;
    let config = format!("{}{}", origin.account("a", "m"), route("m", &["ea"]));
    let served = serve(&config, &[("KEY", "k8")]);
    assert_eq!(respond(&served, r#","input":"Hello""#).await.0, 200);
    assert_eq!(respond(&served, SEALED).await.0, 200);
    let served = again(served, &config, "k7");
    let (status, said) = respond(&served, SEALED).await;
    assert_eq!((status, &said["error"]["code"]), (400, &"state_left_behind".into()));
    assert_eq!(respond(&served, GO_ON).await.0, 200, "an id belongs to the address");
    let served = again(served, &config, "k8");
    assert_eq!(respond(&served, SEALED).await.0, 200, "with the former key it opens again");
    let written = served.everything_written();
    assert!(!written.contains("sealed-8") && !written.contains("resp_1"), "fingerprints alone are written");
}

#[tokio::test]
async fn a_refused_key_is_not_tried_again_after_a_restart_but_another_one_is() {
    let refusing = Origin::start(|got| match got.headers()["authorization"].to_str() {
        Ok("Bearer good") => json(200, r#"{"choices":[{"message":{"content":"x"}}]}"#),
        _ => json(401, r#"{"error":{"message":"No","code":"not_authorized"}}"#),
    })
    .await;
    let config = format!("{}{}", refusing.account("a", "m"), route("m", &["ea"]));
    let chat = async |served: &Served| served.chat("m", false).send().await.expect("an answer").status().as_u16();
    let served = serve(&config, &[("KEY", "bad")]);
    assert_eq!(chat(&served).await, 401);
    assert_eq!(refusing.got().len(), 1);
    let short = format!("[queue]\nmax_wait_seconds = 1\n{config}");
    let served = again(served, &short, "bad");
    assert_ne!(chat(&served).await, 401, "nobody asked the service again");
    assert_eq!(refusing.got().len(), 1);
    let served = again(served, &short, "good");
    assert_eq!(chat(&served).await, 200, "another key starts afresh");
}
