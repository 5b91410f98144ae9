//! An account and an endpoint of a draft are tested on the real background side before anything of them is applied.

#![expect(clippy::expect_used, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the upstream and the screen's end are shared between test programs")]

mod origin;
mod screen;

use std::sync::Arc;

use http::HeaderValue;
use origin::{Origin, Said, json};
use screen::Console;
use tidegate::backend::Options;
use tidegate::contract::snapshot::Trial;
use tidegate::contract::{Command, KeyCommand, NoticeBody};
use tidegate::model::config::Config;
use tidegate::model::secret::Secret;

const KEY: &str = "canary-trial-52";

/// A service with two models that names its limits where it answers.
async fn service() -> Origin {
    Origin::start(|got| {
        if got.headers()["authorization"] != format!("Bearer {KEY}").as_str() {
            return json(401, r#"{"error":{"code":"invalid_api_key"}}"#);
        }
        let mut answer: Said = match got.uri().path() {
            "/v1/models" => json(200, r#"{"data":[{"id":"n"},{"id":"m"}]}"#),
            _ => json(200, r#"{"choices":[],"usage":{"total_tokens":9}}"#),
        };
        let limits = [("x-ratelimit-limit-tokens", "90000"), ("x-ratelimit-limit-requests", "540")];
        answer
            .headers_mut()
            .extend(limits.map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))));
        answer
    })
    .await
}

/// In the demo keys are kept in memory, so that no test touches a person's keyring.
fn console() -> Console {
    let home = tempfile::tempdir().expect("a folder");
    let mut console = Console::with(Options { demo: true, port: Some(0), ..Console::options(home.path()) });
    console.home = Some(home);
    console
}

/// What runs, and account `b` with endpoint `eb` at this address.
fn draft(console: &Console, base_url: &str) -> Arc<Config> {
    let text = format!(
        "[[account]]\nid = \"b\"\nservice = \"compatible\"\nbase_url = \"{base_url}\"\n\
         [[endpoint]]\nid = \"eb\"\naccount = \"b\"\nmodel = \"m\"\n"
    );
    let new: Config = toml_edit::de::from_str(&text).expect("a configuration");
    let (_, config) = console.screen.edited(|config| {
        config.accounts.extend(new.accounts);
        config.endpoints.extend(new.endpoints);
    });
    config
}

async fn ask(console: &Console, command: KeyCommand) -> Trial {
    console.screen.ask(Command::Key(command)).await;
    console.screen.latest().keys.trials.last().expect("something was tested").clone()
}

#[tokio::test]
async fn what_a_draft_holds_is_tested_with_its_key_and_nothing_of_it_runs() {
    let (origin, console) = (service().await, console());
    let applied = Arc::clone(&console.screen.latest().applied.config);
    let config = draft(&console, &format!("http://127.0.0.1:{}/v1", origin.port));

    let without = ask(&console, KeyCommand::Try(Arc::clone(&config), "b".into())).await;
    assert!(!without.test.lines[0].0 && without.test.lines[0].1.contains("No key is stored"), "{without:?}");
    assert!(origin.got().is_empty(), "nobody is asked without a key");

    let stored = Command::Key(KeyCommand::Set("b".into(), Secret::new(KEY.to_owned())));
    assert!(matches!(console.screen.ask(stored).await, NoticeBody::Done(_)));

    let tried = ask(&console, KeyCommand::Try(Arc::clone(&config), "b".into())).await;
    assert!(tried.test.finished_wall_ms.is_some() && tried.test.lines.iter().all(|(passed, _)| *passed), "{tried:?}");
    assert_eq!(*tried.test.offered.models, ["m", "n"]);
    assert_eq!(tried.test.offered.tokens_per_minute, Some(90_000));

    let replaced = Command::Key(KeyCommand::Set("b".into(), Secret::new(KEY.to_owned())));
    assert!(matches!(console.screen.ask(replaced).await, NoticeBody::Done(_)));
    assert!(console.screen.latest().keys.trials.is_empty(), "of another key it says nothing");
    ask(&console, KeyCommand::Try(Arc::clone(&config), "b".into())).await;

    let called = ask(&console, KeyCommand::TryCall(config, "eb".into())).await;
    assert_eq!(called.endpoint.map(|endpoint| endpoint.id), Some("eb".into()));
    assert_eq!(called.test.offered.requests_per_minute, Some(540));

    let snapshot = console.screen.latest();
    assert_eq!(snapshot.keys.trials.len(), 2, "one of the account, the newest, and one of the endpoint");
    assert_eq!(applied, snapshot.applied.config);
    assert!(snapshot.view.endpoints.iter().all(|endpoint| endpoint.id.as_str() != "eb"));
    assert_eq!(snapshot.records.total, 0, "no record is kept of a test");
}

#[tokio::test]
async fn a_key_is_not_sent_where_the_configuration_would_not_send_it() {
    let console = console();
    let stored = Command::Key(KeyCommand::Set("b".into(), Secret::new(KEY.to_owned())));
    assert!(matches!(console.screen.ask(stored).await, NoticeBody::Done(_)));
    let config = draft(&console, "http://services.invalid/v1");
    let tried = ask(&console, KeyCommand::Try(config, "b".into())).await;
    assert!(!tried.test.lines[0].0 && tried.test.lines[0].1.contains("unencrypted"), "{tried:?}");
}
