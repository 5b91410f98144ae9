//! Who can reach us, changed while we run: on the real background side, with one port for both addresses, as a person has it.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use screen::Console;
use tidegate::backend::Options;
use tidegate::contract::snapshot::Serving;
use tidegate::contract::{CallerCommand, Command, ConfigCommand, DemoCommand, NoticeBody, ServingCommand};
use tidegate::model::config::Config;
use tidegate::model::secret::Secret;

const CONFIG: &str = r#"# mine
[[account]]
id = "sim"
service = "simulated"
[[endpoint]]
id = "one"
account = "sim"
model = "m"
tokens_per_minute = 400_000
simulated = { first_token_ms = 1, tokens_per_second = 100_000 }
[[route]]
model = "m"
[[route.group]]
endpoints = ["one"]
"#;

/// With this of who may reach it, at a port that was free a moment ago.
fn console(listen: &str) -> Console {
    let home = tempfile::tempdir().expect("a folder");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    fs::write(home.path().join("config.toml"), format!("{CONFIG}{listen}")).expect("it is written");
    let mut console = Console::with(Options { port: Some(port), ..Console::options(home.path()) });
    console.home = Some(home);
    console
}

impl Console {
    fn port(&self) -> u16 {
        self.options.port.expect("a port")
    }

    async fn token(&self, command: CallerCommand) -> Arc<Secret> {
        match self.screen.ask(Command::Caller(command)).await {
            NoticeBody::TokenMade { token, .. } => token.0,
            other => panic!("no token: {other:?}"),
        }
    }

    async fn apply(&self, edit: impl FnOnce(&mut Config)) -> NoticeBody {
        let (base, config) = self.screen.edited(edit);
        self.screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await
    }

    fn served_on(&self) -> String {
        match &self.screen.latest().serving {
            Serving::Listening { base_url, .. } => base_url.to_string(),
            other => panic!("it does not listen: {other:?}"),
        }
    }

    async fn status(&self, token: Option<&Secret>) -> u16 {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let request = client.get(format!("{}/models", self.served_on()));
        let request = match token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        request.send().await.expect("an answer").status().as_u16()
    }
}

#[tokio::test]
async fn the_network_is_reached_once_a_caller_has_a_token_and_one_click_leads_back() {
    let console = console("");
    let here = format!("http://127.0.0.1:{}/v1", console.port());
    let everywhere = |config: &mut Config| config.listen.address = "0.0.0.0".to_owned();
    let rejected = console.apply(everywhere).await;
    assert!(matches!(rejected, NoticeBody::Rejected(_)), "nobody could be let in: {rejected:?}");
    assert_eq!(console.served_on(), here);
    let token = console.token(CallerCommand::Add("ci".into())).await;
    assert!(matches!(console.apply(everywhere).await, NoticeBody::Applied { .. }));
    assert_eq!(console.served_on(), here, "programs on this computer find it where it was, on the same port");
    let door = Arc::clone(&console.screen.latest().door);
    assert!(
        door.asks_token && door.visible_as.as_deref().is_some_and(|at| at.ends_with(&format!(":{}", console.port())))
    );
    assert_eq!((console.status(None).await, console.status(Some(&token)).await), (401, 200));
    console.screen.until(|snapshot| snapshot.door.strangers.requests == 1).await;
    assert!(matches!(
        console.screen.ask(Command::Serving(ServingCommand::ThisComputerOnly)).await,
        NoticeBody::Done(_)
    ));
    assert_eq!(console.served_on(), here);
    let door = Arc::clone(&console.screen.latest().door);
    assert!(!door.asks_token && door.visible_as.is_none());
    assert_eq!(console.status(None).await, 200);
    let file =
        fs::read_to_string(console.home.as_ref().expect("its folder").path().join("config.toml")).expect("it is there");
    assert!(file.starts_with("# mine") && !file.contains("0.0.0.0"), "{file}");
}

#[tokio::test]
async fn an_address_that_waited_for_a_token_is_served_once_there_is_one() {
    let console = console("[listen]\naddress = \"0.0.0.0\"\n");
    assert!(matches!(console.screen.latest().serving, Serving::Failed(_)));
    let token = console.token(CallerCommand::Add("ci".into())).await;
    assert_eq!((console.status(None).await, console.status(Some(&token)).await), (401, 200));
    assert!(console.screen.latest().applied.findings.is_empty(), "{:?}", console.screen.latest().applied.findings);
}

#[tokio::test]
async fn a_callers_token_goes_with_its_name_and_ends_with_the_caller() {
    let console = console("");
    assert!(matches!(console.apply(|config| config.listen.require_token = true).await, NoticeBody::Applied { .. }));
    let first = console.token(CallerCommand::Add("ci".into())).await;
    assert_eq!((console.status(None).await, console.status(Some(&first)).await), (401, 200));
    let again = console.screen.ask(Command::Caller(CallerCommand::Add("ci".into()))).await;
    assert!(matches!(again, NoticeBody::Failed(_)), "{again:?}");
    let rename = CallerCommand::Rename { from: "ci".into(), to: "nightly".into() };
    assert!(matches!(console.screen.ask(Command::Caller(rename)).await, NoticeBody::Done(_)));
    assert_eq!(console.status(Some(&first)).await, 200);
    let second = console.token(CallerCommand::NewToken("nightly".into())).await;
    assert_eq!((console.status(Some(&first)).await, console.status(Some(&second)).await), (200, 200));
    assert!(console.screen.latest().door.tokens[0].former_until_wall_ms.is_some());
    let base = console.screen.latest().applied.revision;
    assert!(matches!(console.apply(|config| config.callers.clear()).await, NoticeBody::Applied { .. }));
    assert_eq!(console.status(Some(&second)).await, 401, "its caller has gone");
    // The caller comes back, as a revision from before would bring it, and its tokens do not.
    let back =
        console.apply(|config| config.callers.push(tidegate::model::config::Caller::named("nightly".into()))).await;
    assert!(matches!(back, NoticeBody::Applied { revision, .. } if revision > base), "{back:?}");
    assert_eq!(console.status(Some(&second)).await, 401);
}

#[tokio::test]
async fn our_own_test_request_and_scripts_come_in_where_tokens_are_asked_for() {
    let console = console("");
    console.apply(|config| config.listen.require_token = true).await;
    let sent = console.screen.ask(Command::SendTest { model: "m".into() }).await;
    assert!(matches!(sent, NoticeBody::TestSent { status: 200, .. }), "{sent:?}");
    let played = console.screen.ask(Command::Demo(DemoCommand::Play("calm".to_owned()))).await;
    assert!(matches!(played, NoticeBody::Done(_)), "{played:?}");
    console.screen.until(|snapshot| snapshot.script.as_ref().is_some_and(|script| script.sent > 2)).await;
    assert_eq!(console.screen.latest().door.strangers.requests, 0);
}
