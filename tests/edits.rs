//! What the window asks of the background: edits that are wrong, late, or cannot be saved, while traffic flows. Nothing
//! is lost, and every answer says what happened, what still works and what to do.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::path::{Path, PathBuf};

use screen::Console;
use serde_json::json;
use tidegate::backend::{self, Options};
use tidegate::contract::snapshot::{KeyState, Problem, Serving};
use tidegate::contract::{
    Command, ConfigCommand, DemoCommand, EndpointCommand, KeyCommand, NoticeBody, ServingCommand, Snapshot,
};
use tidegate::model::config::{AdminState, Config, Credential, Service};
use tidegate::model::id::{AccountId, EndpointId};
use tidegate::model::secret::Secret;
use tidegate::store::one_writer::Meeting;

/// Two simulated endpoints in one pool, with comments and a key that nobody knows.
const CONFIG: &str = r#"# mine
[[account]]
id = "sim" # the only one
service = "simulated"
colour = "teal"

[[quota_pool]]
id = "pool"
tokens_per_minute = 900_000

[[endpoint]]
id = "one"
account = "sim"
model = "m"
quota_pool = "pool"
tokens_per_minute = 400_000 # half
simulated = { first_token_ms = 20, tokens_per_second = 60 }

[[endpoint]]
id = "two"
account = "sim"
model = "m"
quota_pool = "pool"
simulated = { first_token_ms = 20, tokens_per_second = 60 }

[[route]]
model = "m"
[[route.group]]
endpoints = ["one", "two"]
"#;

impl Console {
    /// Stops it and starts it again.
    fn reopen(self) -> Self {
        Self::with(self.stop())
    }

    async fn failed(&self, command: Command) -> Problem {
        match self.screen.ask(command).await {
            NoticeBody::Failed(problem) => {
                for sentence in [&problem.what, &problem.still_works, &problem.next_step] {
                    assert!(sentence.ends_with(['.', ')']), "no sentence: {sentence:?}");
                }
                problem
            }
            other => panic!("it did not fail: {other:?}"),
        }
    }

    async fn applied(&self, command: Command) -> u64 {
        match self.screen.ask(command).await {
            NoticeBody::Applied { revision, .. } => revision,
            other => panic!("it was not applied: {other:?}"),
        }
    }

    /// What runs, edited.
    fn draft(&self, edit: impl FnOnce(&mut Config)) -> Command {
        let (base, config) = self.screen.edited(edit);
        Command::Config(ConfigCommand::Apply { base, config })
    }

    fn base_url(&self) -> String {
        match &self.screen.latest().serving {
            Serving::Listening { base_url, .. } => base_url.to_string(),
            other => panic!("it does not listen: {other:?}"),
        }
    }

    /// The status and text of a chat answer.
    async fn chat(&self, model: &str) -> (u16, String) {
        let body = json!({"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]});
        let url = format!("{}/chat/completions", self.base_url());
        let answer = client().post(url).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

fn profile(text: &str) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let file = home.path().join("config.toml");
    fs::write(&file, text).expect("the configuration is written");
    (home, file)
}

fn text_of(file: &Path) -> String {
    fs::read_to_string(file).expect("the file can be read")
}

fn give_first(config: &mut Config, tokens: u64) {
    config.endpoints[0].tokens_per_minute = Some(tokens);
}

fn pause(endpoint: &str, state: AdminState) -> Command {
    Command::Endpoint(EndpointCommand::SetAdminState(EndpointId::from(endpoint), state))
}

const RELOAD: Command = Command::Config(ConfigCommand::Reload);

#[tokio::test]
async fn a_draft_with_an_error_changes_nothing() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let before = console.screen.latest().applied.clone();
    let draft = console.draft(|config| config.endpoints[1].account = AccountId::from("nobody"));
    let NoticeBody::Rejected(findings) = console.screen.ask(draft).await else { panic!("it was not rejected") };
    assert!(findings.iter().any(|finding| finding.message.contains("\"nobody\"")), "{findings:?}");
    let after = console.screen.latest().applied.clone();
    assert_eq!((after.revision, &after.config), (before.revision, &before.config));
    assert_eq!(text_of(&file), CONFIG);
    assert_eq!(console.chat("m").await.0, 200);
}

#[tokio::test]
async fn an_error_that_was_there_before_does_not_hold_up_other_edits() {
    let lost = "[[endpoint]]\nid = \"lost\"\naccount = \"nobody\"\nmodel = \"m\"\n";
    let (home, file) = profile(&format!("{CONFIG}{lost}"));
    let console = Console::open(home.path());
    // The faulty one moves up a place.
    console.applied(console.draft(|config| drop(config.endpoints.remove(0)))).await;
    let findings = console.screen.latest().applied.findings.clone();
    let line = |words: &str| findings.iter().find(|finding| finding.message.contains(words))?.line;
    let text = text_of(&file);
    let stands = |words: &str| Some(text.lines().position(|line| line.contains(words)).expect("it is kept") + 1);
    assert_eq!(line("unknown key `colour`"), stands("colour = "));
    assert_eq!(line("\"nobody\""), stands("account = \"nobody\""));
    assert_eq!(console.chat("m").await.0, 200);
}

#[tokio::test]
async fn a_draft_of_an_older_revision_is_kept_and_not_applied() {
    let (home, _file) = profile(CONFIG);
    let console = Console::open(home.path());
    let late = console.draft(|config| give_first(config, 1));
    let revision = console.applied(console.draft(|config| give_first(config, 300_000))).await;
    let problem = console.failed(late).await;
    assert!(problem.what.contains(&format!("revision {revision}")), "{problem}");
    assert_eq!(console.screen.latest().applied.config.endpoints[0].tokens_per_minute, Some(300_000));
}

#[tokio::test]
async fn unknown_keys_and_comments_survive_an_apply() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    console.applied(console.draft(|config| give_first(config, 300_000))).await;
    assert_eq!(text_of(&file), CONFIG.replace("400_000", "300_000"));
}

#[tokio::test]
async fn what_another_program_wrote_is_neither_overwritten_nor_lost() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let theirs = CONFIG.replace("900_000", "800_000") + "# theirs\n";
    fs::write(&file, &theirs).expect("the file is written");
    let problem = console.failed(console.draft(|config| give_first(config, 300_000))).await;
    assert!(problem.what.contains("changed by another program"), "{problem}");
    assert_eq!(text_of(&file), theirs);
    assert_eq!(console.screen.latest().applied.config.endpoints[0].tokens_per_minute, Some(400_000));

    console.applied(RELOAD).await;
    assert_eq!(console.screen.latest().applied.config.quota_pools[0].tokens_per_minute, 800_000);
    console.applied(console.draft(|config| give_first(config, 300_000))).await;
    assert_eq!(text_of(&file), theirs.replace("400_000", "300_000"));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_leaves_the_old_revision_running_until_it_can() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    // A folder where the new text is to be written first stops root, too.
    let obstacle = home.path().join(".config.toml.new");
    fs::create_dir(&obstacle).expect("a folder is made");
    let before = console.screen.latest().applied.revision;
    let problem = console.failed(console.draft(|config| give_first(config, 300_000))).await;
    assert!(problem.what.contains("cannot be written"), "{problem}");
    assert!(problem.still_works.contains("goes on running"), "{problem}");
    assert_eq!(console.screen.latest().applied.revision, before);
    assert_eq!(text_of(&file), CONFIG);
    assert_eq!(console.chat("m").await.0, 200);

    fs::remove_dir(&obstacle).expect("it is removed");
    console.applied(console.draft(|config| give_first(config, 300_000))).await;
    assert_eq!(text_of(&file), CONFIG.replace("400_000", "300_000"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_nobody_can_write_still_serves_and_says_that_nothing_is_saved() {
    let console = Console::open(Path::new("/proc/tidegate-cannot-write-here"));
    assert!(console.screen.latest().profile.first_run);
    let problem = console.failed(console.draft(|config| config.queue.max_waiting = 7)).await;
    assert!(problem.what.contains("cannot be written"), "{problem}");
    assert_eq!(console.chat("m").await.0, 503);
}

#[tokio::test]
async fn a_pause_outlives_an_older_draft_and_a_save_that_failed() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let draft = console.draft(|config| give_first(config, 300_000));
    let obstacle = home.path().join(".config.toml.new");
    fs::create_dir(&obstacle).expect("a folder is made");
    let problem = console.failed(pause("two", AdminState::Paused)).await;
    assert!(problem.what.contains("two is paused, but that could not be saved"), "{problem}");
    fs::remove_dir(&obstacle).expect("it is removed");

    console.applied(draft).await;
    assert!(text_of(&file).contains("admin_state = \"paused\""), "{}", text_of(&file));
    let paused = |snapshot: &Snapshot| {
        let state = |id| snapshot.view.endpoints.iter().find(|endpoint| endpoint.id.as_str() == id);
        state("two").is_some_and(|endpoint| endpoint.admin_state == AdminState::Paused)
    };
    console.screen.until(paused).await;
    console.reopen().screen.until(paused).await;
}

#[tokio::test]
async fn an_endpoint_that_does_not_run_cannot_be_paused_and_that_is_said() {
    let (home, _file) = profile(CONFIG);
    let console = Console::open(home.path());
    let problem = console.failed(pause("three", AdminState::Paused)).await;
    assert!(problem.what.contains("no endpoint \"three\""), "{problem}");
}

#[tokio::test]
async fn a_file_broken_while_we_were_away_leaves_the_last_good_configuration_running() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let broken = CONFIG.replace("id = \"two\"", "id = = \"two\"");
    fs::write(&file, &broken).expect("the file is written");
    let console = console.reopen();

    let problem = console.screen.latest().applied.file_problem.clone().expect("it is said");
    assert!(problem.what.starts_with("Line 20 of config.toml: "), "{problem}");
    assert!(problem.still_works.contains("last good configuration runs"), "{problem}");
    assert_eq!(console.chat("m").await.0, 200);
    let unsaved = console.failed(console.draft(|config| give_first(config, 300_000))).await;
    assert!(unsaved.what.contains("not written over"), "{unsaved}");
    let still_broken = console.failed(RELOAD).await;
    assert!(still_broken.what.starts_with("Line 20 of config.toml: "), "{still_broken}");
    assert_eq!(text_of(&file), broken);

    fs::write(&file, CONFIG.replace("900_000", "800_000")).expect("the file is mended");
    console.applied(RELOAD).await;
    let snapshot = console.screen.latest();
    assert_eq!(snapshot.applied.file_problem, None);
    assert_eq!(snapshot.applied.config.quota_pools[0].tokens_per_minute, 800_000);
    console.applied(console.draft(|config| give_first(config, 300_000))).await;
}

#[tokio::test]
async fn the_last_good_file_can_be_put_back_and_the_broken_one_stays_beside_it() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let broken = CONFIG.replace("id = \"two\"", "id = = \"two\"");
    fs::write(&file, &broken).expect("the file is written");
    let console = console.reopen();

    console.applied(Command::Config(ConfigCommand::PutBack)).await;
    assert_eq!(console.screen.latest().applied.file_problem, None);
    assert_eq!((text_of(&file), text_of(&file.with_extension("broken.toml"))), (CONFIG.to_owned(), broken));
    console.applied(console.draft(|config| give_first(config, 300_000))).await;
}

#[tokio::test]
async fn a_file_that_was_mended_meanwhile_is_read_and_not_replaced() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    fs::write(&file, "[listen\n").expect("the file is written");
    let console = console.reopen();
    let mended = CONFIG.replace("900_000", "800_000");
    fs::write(&file, &mended).expect("the file is mended");

    console.applied(Command::Config(ConfigCommand::PutBack)).await;
    assert_eq!(text_of(&file), mended);
    assert_eq!(console.screen.latest().applied.config.quota_pools[0].tokens_per_minute, 800_000);
    assert!(!file.with_extension("broken.toml").exists(), "nothing was put aside");
}

#[tokio::test]
async fn nothing_is_put_back_where_nothing_was_ever_good() {
    let (home, file) = profile("[listen\n");
    let console = Console::open(home.path());
    let problem = console.failed(Command::Config(ConfigCommand::PutBack)).await;
    assert!(problem.what.contains("no configuration that could be read was ever kept"), "{problem}");
    assert_eq!(text_of(&file), "[listen\n");
}

#[tokio::test]
async fn a_file_that_was_never_good_routes_nothing_and_is_left_alone() {
    let (home, file) = profile("[listen\n");
    let console = Console::open(home.path());
    let problem = console.screen.latest().applied.file_problem.clone().expect("it is said");
    assert!(problem.still_works.contains("Nothing is routed"), "{problem}");
    assert_eq!(console.chat("m").await.0, 503);
    assert_eq!(text_of(&file), "[listen\n");
}

#[tokio::test]
async fn limits_and_pools_change_under_running_streams_and_none_breaks() {
    let (home, _file) = profile(CONFIG);
    let console = Console::open(home.path());
    let body = json!({"model": "m", "stream": true, "max_tokens": 40, "messages": [{"role": "user", "content": "Hi"}]});
    let url = format!("{}/chat/completions", console.base_url());
    let client = client();
    let mut streams = Vec::new();
    for _ in 0..24 {
        let mut answer = client.post(&url).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let first = answer.chunk().await.expect("a stream").expect("its first bytes");
        streams.push((answer, first.to_vec()));
    }
    let edits: [fn(&mut Config); 4] = [
        |config| config.quota_pools[0].tokens_per_minute = 500,
        |config| give_first(config, 1),
        |config| {
            config.quota_pools.clear();
            config.endpoints.iter_mut().for_each(|endpoint| endpoint.quota_pool = None);
        },
        |config| {
            config.endpoints.remove(0);
            config.routes[0].groups[0].endpoints.remove(0);
        },
    ];
    for edit in edits {
        console.applied(console.draft(edit)).await;
    }
    for (mut answer, mut text) in streams {
        while let Some(bytes) = answer.chunk().await.expect("an unbroken stream") {
            text.extend_from_slice(&bytes);
        }
        let text = String::from_utf8_lossy(&text);
        assert!(text.trim_end().ends_with("data: [DONE]") && !text.contains("\"error\""), "{text}");
    }
    let settled = |snapshot: &Snapshot| {
        let idle =
            |endpoint: &tidegate::model::status::EndpointView| endpoint.in_flight == 0 && endpoint.tokens.reserved == 0;
        snapshot.records.total == 24 && snapshot.view.endpoints.iter().all(idle)
    };
    let snapshot = console.screen.until(settled).await;
    assert_eq!(snapshot.view.endpoints.len(), 1);
}

#[tokio::test]
async fn a_key_given_before_its_account_is_applied_is_there_afterwards() {
    const KEY: &str = "canary-77aa-of-a-draft";
    let home = tempfile::tempdir().expect("a temporary folder");
    // The demo keeps keys in memory: no test touches a person's keyring.
    let folder = Some(home.path().to_owned());
    let console =
        Console::with(Options { config_dir: folder, demo: true, port: Some(0), seed: Some(1), ..Options::default() });
    let account = AccountId::from("new");
    let draft = console.draft(|config| {
        let mut added = config.accounts[0].clone();
        added.id = account.clone();
        added.service = Service::Compatible;
        added.base_url = "http://127.0.0.1:9/v1".to_owned();
        added.credential = Credential::Keyring(true);
        config.accounts.push(added);
    });
    let stored = console.screen.ask(Command::Key(KeyCommand::Set(account.clone(), Secret::new(KEY.to_owned())))).await;
    assert!(matches!(&stored, NoticeBody::Done(said) if said.contains("new is stored")), "{stored:?}");
    let problem = console.failed(Command::Key(KeyCommand::Test(account.clone()))).await;
    assert!(problem.what.contains("not applied yet"), "{problem}");

    console.applied(draft).await;
    let known = |snapshot: &Snapshot| {
        let key = snapshot.keys.accounts.iter().find(|key| key.account == account);
        key.is_some_and(|key| matches!(key.state, KeyState::InKeyring { .. } | KeyState::InMemory { .. }))
    };
    let snapshot = console.screen.until(known).await;
    assert!(!format!("{snapshot:?}").contains(KEY));
}

#[tokio::test]
async fn the_demo_comes_and_goes_without_a_trace_in_the_real_profile() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let own = home.path().join("demo");
    fs::create_dir(&own).expect("a folder is made");
    fs::write(own.join("config.toml"), "mine, and no configuration").expect("it is written");
    let console = Console::open(home.path());
    let base_url = console.base_url();
    assert!(console.screen.latest().profile.first_run);

    let entered = console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    assert!(matches!(entered, NoticeBody::Done(_)), "{entered:?}");
    let snapshot = console.screen.latest();
    assert!(snapshot.profile.demo && snapshot.applied.file_problem.is_none(), "{:?}", snapshot.applied.file_problem);
    assert_eq!(console.chat("demo-chat").await.0, 200);
    console.screen.until(|snapshot| snapshot.records.total == 1).await;
    console.applied(console.draft(|config| config.queue.max_waiting = 7)).await;
    let demo = PathBuf::from(&snapshot.profile.config_path);
    assert!(text_of(&demo).contains("max_waiting = 7"));

    let left = console.screen.ask(Command::Demo(DemoCommand::Leave)).await;
    assert!(matches!(left, NoticeBody::Done(_)), "{left:?}");
    let snapshot = console.screen.latest();
    assert!(!snapshot.profile.demo && snapshot.profile.first_run);
    assert_eq!((snapshot.records.total, snapshot.applied.config.endpoints.len()), (0, 0));
    assert!(snapshot.series.endpoints.is_empty() && snapshot.keys.accounts.is_empty(), "{:?}", snapshot.keys);
    assert_eq!(console.base_url(), base_url);
    assert!(!demo.exists() && !home.path().join("config.toml").exists());
    assert_eq!(text_of(&own.join("config.toml")), "mine, and no configuration");
}

#[tokio::test]
async fn a_profile_in_use_is_refused_and_its_user_is_named() {
    let (home, _file) = profile(CONFIG);
    let console = Console::open(home.path());
    let refused = backend::start(console.options.clone()).err().expect("it is refused").to_string();
    assert!(refused.contains(&format!("pid {}, at {}", std::process::id(), console.base_url())), "{refused}");
    assert!(refused.contains("--config-dir"), "{refused}");

    let _demo = Console::with(Options { demo: true, ..console.options.clone() });
    let problem = console.failed(Command::Demo(DemoCommand::Enter)).await;
    assert!(problem.what.contains("already runs"), "{problem}");
    assert!(!console.screen.latest().profile.demo);
    assert_eq!(console.chat("m").await.0, 200);
}

#[tokio::test]
async fn an_address_open_to_others_serves_nothing_until_it_is_mended() {
    let (home, file) = profile(&format!("[listen]\naddress = \"0.0.0.0\"\n{CONFIG}"));
    let console = Console::open(home.path());
    let Serving::Failed(problem) = console.screen.latest().serving.clone() else { panic!("it listens") };
    assert!(problem.what.starts_with("0.0.0.0 can be reached from your network"), "{problem}");
    fs::write(&file, CONFIG).expect("the file is mended");
    console.applied(RELOAD).await;
    assert_eq!(console.chat("m").await.0, 200);
}

#[tokio::test]
async fn a_port_applied_while_taken_names_its_holder_and_serving_goes_on() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    for headless in [false, true] {
        let (home, _file) = profile(&format!("[listen]\nport = 0\n{CONFIG}"));
        let folder = Some(home.path().to_owned());
        let console = Console::with(Options { config_dir: folder, headless, ..Options::default() });
        let old = console.base_url();
        console.applied(console.draft(|config| config.listen.port = port)).await;
        let Serving::Listening { base_url, instead_of, .. } = console.screen.latest().serving.clone() else {
            panic!("it does not listen")
        };
        if headless {
            assert_eq!(*base_url, old);
            let told = console.screen.unasked();
            let [NoticeBody::Failed(problem)] = &told[..] else { panic!("{told:?}") };
            assert!(problem.what.contains(&format!("Port {port} is used by ")), "{problem}");
            assert_eq!(problem.still_works, format!("Requests are still served at {old}."));
        } else {
            let held = instead_of.expect("it is said");
            assert_eq!(held.port, port);
            assert!(held.holder.expect("a name").contains(&format!("pid {}", std::process::id())));
            assert_ne!(*base_url, old);
        }
        assert_eq!(console.chat("m").await.0, 200);
    }
}

#[tokio::test]
async fn trying_again_for_a_taken_port_stays_put_until_it_is_free() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let (home, _file) = profile(&format!("[listen]\nport = {port}\n{CONFIG}"));
    let console = Console::with(Options { config_dir: Some(home.path().to_owned()), ..Options::default() });
    let stand_in = console.base_url();
    let again = || Command::Serving(ServingCommand::RetryPort);
    console.screen.ask(again()).await;
    assert_eq!(console.base_url(), stand_in, "it does not wander from port to port");
    drop(taken);
    console.screen.ask(again()).await;
    assert_eq!(console.base_url(), format!("http://127.0.0.1:{port}/v1"));
    console.screen.ask(again()).await;
    assert_eq!(console.base_url(), format!("http://127.0.0.1:{port}/v1"), "it has what it wants");
    assert!(console.screen.unasked().len() <= 1, "{:?}", console.screen.unasked());
    assert_eq!(console.chat("m").await.0, 200);
}

#[tokio::test]
async fn a_stream_begun_at_an_old_port_finishes_although_we_stop() {
    let (home, _file) = profile(&format!("[listen]\nport = 0\n{CONFIG}"));
    let mut console = Console::with(Options { config_dir: Some(home.path().to_owned()), ..Options::default() });
    let old = console.base_url();
    let body = json!({"model": "m", "stream": true, "max_tokens": 60, "messages": [{"role": "user", "content": "Hi"}]});
    let mut answer =
        client().post(format!("{old}/chat/completions")).json(&body).send().await.expect("the stream begins");
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    console.applied(console.draft(|config| config.listen.port = free)).await;
    assert_ne!(console.base_url(), old);
    let running = console.running.take().expect("it runs");
    let stopped = tokio::task::spawn_blocking(move || running.stop());
    let mut got = Vec::new();
    while let Some(bytes) = answer.chunk().await.expect("the stream goes on") {
        got.extend_from_slice(&bytes);
    }
    assert!(String::from_utf8_lossy(&got).trim_end().ends_with("data: [DONE]"));
    stopped.await.expect("it stops");
}

#[tokio::test]
async fn another_program_that_is_writing_the_file_holds_up_no_request_and_the_change_waits_for_it() {
    let (home, file) = profile(CONFIG);
    let console = Console::open(home.path());
    let elsewhere = tempfile::tempdir().expect("a folder of its own");
    let theirs = Meeting::beside(file.clone(), elsewhere.path().join("lock"));
    let turn = theirs.turn().expect("nobody writes yet");
    let draft = console.draft(|config| config.queue.max_waiting = 77);
    let answered = async {
        assert_eq!(console.chat("m").await.0, 200, "requests go on meanwhile");
        assert!(!text_of(&file).contains("77"), "nothing was written beside the other");
        drop(turn);
    };
    let (revision, ()) = tokio::join!(console.applied(draft), answered);
    assert!(revision > 0 && text_of(&file).contains("77"), "then it was its turn");
}
