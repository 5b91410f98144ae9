//! Stored state is met where it lives: conversations and sealed reasoning stay with the account that holds them, wait for
//! it, and fail clearly without it. The simulated services know their own responses and nobody else's, as the real ones do.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use serde_json::{Value, json};
use served::{Served, serve, spawn};

/// Two accounts with an endpoint each in one group; the first one's limit is `limits`.
fn config(limits: &str, more: &str) -> String {
    let place = |id: &str, limits: &str| {
        format!(
            "[[account]]\nid = \"account-{id}\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"{id}\"\n\
             account = \"account-{id}\"\nmodel = \"m\"\n{limits}\n\
             simulated = {{ first_token_ms = 1, tokens_per_second = 100000 }}\n"
        )
    };
    let (east, west) = (place("east", limits), place("west", limits));
    format!("{east}{more}{west}[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"east\", \"west\"]\n")
}

/// One answer of Responses.
struct Turn {
    status: u16,
    endpoint: String,
    /// The response, or the error.
    body: Value,
}

async fn turn(served: &Served, body: Value) -> Turn {
    let streams = body["stream"] == true;
    let mut whole = json!({ "model": "m", "max_output_tokens": 20, "input": "And then?" });
    whole.as_object_mut().expect("an object").extend(body.as_object().expect("an object").clone());
    let answer = served.client.post(served.url("responses")).json(&whole).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let header = answer.headers().get("x-tidegate-endpoint");
    let endpoint = header.and_then(|name| name.to_str().ok()).unwrap_or_default().to_owned();
    let text = answer.text().await.expect("a body");
    let body = if streams && status == 200 {
        let mut events = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let last = events.next_back().expect("a last event");
        serde_json::from_str::<Value>(last).expect("JSON")["response"].clone()
    } else {
        serde_json::from_str(&text).expect("JSON")
    };
    Turn { status, endpoint, body }
}

fn id(turn: &Turn) -> String {
    turn.body["id"].as_str().unwrap_or_else(|| panic!("no id in {}", turn.body)).to_owned()
}

/// Starts it in its folder after its end, with another configuration.
fn start_again(served: &mut Served, config: &str) {
    let folder = served.folder.path();
    std::fs::write(folder.join("config.toml"), config).expect("the configuration is written");
    (served.child, served.base_url) = spawn(folder, &["--headless", "--port", "0", "--log", "trace"], &[]);
}

fn kept(status: &Value, account: &str) -> u64 {
    let kept = status["kept"].as_array().expect("a list");
    kept.iter().find(|kept| kept["account"] == account).map_or(0, |kept| kept["known"].as_u64().expect("a number"))
}

#[tokio::test]
async fn ten_turns_of_one_conversation_never_leave_the_account_that_stores_it() {
    let served = serve(&config("tokens_per_minute = 60000", ""), &[]);
    let mut last = turn(&served, json!({})).await;
    let home = last.endpoint.clone();
    for place in 0..10 {
        last = turn(&served, json!({ "previous_response_id": id(&last), "stream": place % 2 == 0 })).await;
        assert_eq!((last.status, last.endpoint.as_str()), (200, home.as_str()), "turn {place}: {}", last.body);
    }
    // The other account has more room all the while, and gets what is bound to nothing.
    let free = turn(&served, json!({})).await;
    assert_ne!(free.endpoint, home);
    let status = served.status().await;
    assert!(kept(&status, &format!("account-{home}")) >= 11, "{status:#}");
    assert!(kept(&status, &format!("account-{}", free.endpoint)) >= 1);
}

#[tokio::test]
async fn sealed_reasoning_goes_back_to_the_account_that_sealed_it() {
    let served = serve(&config("tokens_per_minute = 60000", ""), &[]);
    let sealing = json!({ "store": false, "include": ["reasoning.encrypted_content"] });
    let first = turn(&served, sealing.clone()).await;
    let home = first.endpoint.clone();
    let mut items = first.body["output"].as_array().expect("items").clone();
    for place in 0..6 {
        items.push(json!({ "role": "user", "content": "And then?" }));
        let mut next = sealing.clone();
        next["input"] = json!(items);
        next["stream"] = json!(place % 2 == 1);
        let answer = turn(&served, next).await;
        assert_eq!((answer.status, answer.endpoint.as_str()), (200, home.as_str()), "{}", answer.body);
        items.extend(answer.body["output"].as_array().expect("items").clone());
    }
    let status = served.status().await;
    assert_eq!(kept(&status, &format!("account-{home}")), 7, "what is not stored leaves nothing but its seal");
}

#[tokio::test]
async fn a_turn_waits_for_its_account_although_the_other_one_is_free() {
    // One request a second.
    let served = serve(&config("requests_per_minute = 60", ""), &[]);
    let first = turn(&served, json!({})).await;
    let second = turn(&served, json!({ "previous_response_id": id(&first) })).await;
    let third = turn(&served, json!({ "previous_response_id": id(&second) })).await;
    assert_eq!((second.status, third.status), (200, 200));
    assert_eq!((&second.endpoint, &third.endpoint), (&first.endpoint, &first.endpoint));
    let status = served.status().await;
    assert!(status["queue"]["admitted"].as_u64() >= Some(1), "{status:#}");
}

#[tokio::test]
async fn an_unknown_response_is_the_services_to_refuse_and_is_not_tried_elsewhere() {
    let served = serve(&config("tokens_per_minute = 60000", ""), &[]);
    let answer = turn(&served, json!({ "previous_response_id": "resp_of_long_ago" })).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!("previous_response_not_found")));
    let status = served.status().await;
    let attempts = |place: usize| status["endpoints"][place]["counters"]["attempts"].as_u64().expect("a number");
    assert_eq!(attempts(0) + attempts(1), 1, "another account would be a guess");
    assert_eq!(kept(&status, "account-east") + kept(&status, "account-west"), 0, "and nothing was learned from it");
}

#[tokio::test]
async fn what_two_accounts_hold_parts_of_is_refused_with_the_reason() {
    let served = serve(&config("tokens_per_minute = 60000", ""), &[]);
    let sealing = json!({ "store": false, "include": ["reasoning.encrypted_content"] });
    let (first, second) = (turn(&served, sealing.clone()).await, turn(&served, sealing).await);
    assert_ne!(first.endpoint, second.endpoint, "headroom alternates between equals");
    let both = json!([first.body["output"][0], second.body["output"][0], { "role": "user", "content": "And?" }]);
    let answer = turn(&served, json!({ "input": both })).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (400, &json!("state_in_several_accounts")));
}

#[tokio::test]
async fn after_a_restart_a_paused_account_is_named_and_nobody_else_is_asked() {
    let limits = "tokens_per_minute = 60000";
    let mut served = serve(&config(limits, ""), &[]);
    let first = turn(&served, json!({})).await;
    assert_eq!(served.terminate(), Some(0));
    let sound = config(limits, "");
    let endpoint = format!("id = \"{}\"\naccount", first.endpoint);
    start_again(&mut served, &sound.replace(&endpoint, &format!("admin_state = \"paused\"\n{endpoint}")));
    let answer = turn(&served, json!({ "previous_response_id": id(&first) })).await;
    let message = answer.body["error"]["message"].as_str().expect("words");
    assert_eq!((answer.status, &answer.body["error"]["code"]), (503, &json!("state_out_of_reach")));
    assert!(message.contains(&format!("lives in account \"account-{}\"", first.endpoint)), "{message}");
    let status = served.status().await;
    assert!((0..2).all(|place| status["endpoints"][place]["counters"]["attempts"] == 0), "{status:#}");
    assert_eq!(turn(&served, json!({})).await.status, 200, "what is bound to nothing goes to the other account");
}

#[tokio::test]
async fn what_was_learned_survives_a_kill() {
    let mut served = serve(&config("tokens_per_minute = 60000", ""), &[]);
    let first = turn(&served, json!({})).await;
    let file = served.folder.path().join("data").join("owners");
    let wanted = format!(" account-{}\n", first.endpoint);
    served.until(|_| std::fs::read_to_string(&file).is_ok_and(|text| text.contains(&wanted))).await;
    let text = std::fs::read_to_string(&file).expect("it was just read");
    assert!(!text.contains(&id(&first)), "fingerprints, not ids");
    served.child.kill().expect("it is killed where it stands");
    served.child.wait().expect("it ends");
    start_again(&mut served, &config("tokens_per_minute = 60000", ""));
    assert!(kept(&served.status().await, &format!("account-{}", first.endpoint)) >= 1);
    for _ in 0..6 {
        // The simulated service has forgotten it; what counts is who is asked.
        let answer = turn(&served, json!({ "previous_response_id": id(&first) })).await;
        assert_eq!(answer.endpoint, first.endpoint);
    }
}
