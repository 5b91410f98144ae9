//! Profiles as the window's menu goes from one to another: what runs, what is written, and what is not shared.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};

use screen::Console;
use tidegate::backend::Options;
use tidegate::contract::snapshot::{RequestsView, Serving};
use tidegate::contract::{
    Command, ConfigCommand, DemoCommand, KeyCommand, Notice, NoticeBody, ProfileCommand, Snapshot,
};
use tidegate::model::secret::Secret;

const CONFIG: &str = r#"
[[account]]
id = "sim"
service = "simulated"

[[endpoint]]
id = "one"
account = "sim"
model = "m"
simulated = { first_token_ms = 20, tokens_per_second = 60 }

[[route]]
model = "m"
[[route.group]]
endpoints = ["one"]
"#;

/// A port that nobody has, and that the system gives to nobody who asks for any: the simulated endpoints do.
fn free_port() -> u16 {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).expect("it fits");
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let next = || 20_000 + (start + TRIED.fetch_add(1, Ordering::Relaxed)) % 10_000;
    std::iter::repeat_with(next).take(1_000).find(is_free).expect("a port")
}

/// Writes a profile that serves at this port.
fn write_profile(folder: &Path, port: u16) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("config.toml"), format!("[listen]\nport = {port}\n{CONFIG}")).expect("it is written");
}

impl Console {
    async fn order(&self, command: ProfileCommand) -> Result<String, String> {
        match self.screen.ask(Command::Profile(command)).await {
            NoticeBody::Done(said) => Ok(said),
            NoticeBody::Failed(problem) => Err(problem.to_string()),
            other => panic!("neither done nor failed: {other:?}"),
        }
    }

    /// The profile's name, its routes, and where it serves.
    fn now(&self) -> (String, usize, String) {
        let snapshot = self.screen.latest();
        let Serving::Listening { base_url, .. } = &snapshot.serving else { panic!("it does not listen") };
        (snapshot.profile.name.clone(), snapshot.applied.config.routes.len(), base_url.to_string())
    }
}

#[tokio::test]
async fn an_added_profile_begins_empty_serves_at_once_and_the_usual_one_comes_back_whole() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("config.toml");
    fs::write(&file, CONFIG).expect("it is written");
    let console = Console::open(home.path());
    let (usual, routes, base_url) = console.now();
    assert_eq!(routes, 1);

    console.order(ProfileCommand::Add("Work".to_owned())).await.expect("it is added");
    assert_eq!(console.now(), ("Work".to_owned(), 0, base_url.clone()));
    let snapshot = console.screen.latest();
    assert!(snapshot.profile.first_run && snapshot.profile.can_add);
    assert_eq!(snapshot.profile.names.as_ref(), [usual.clone(), "Work".to_owned()]);
    assert_ne!(snapshot.profile.data_dir, home.path().join("data").display().to_string());

    console.order(ProfileCommand::Enter(usual.clone())).await.expect("it is entered");
    assert_eq!(console.now(), (usual, 1, base_url));
    assert_eq!(fs::read_to_string(&file).expect("it is there"), CONFIG, "nothing of it was written anew");
}

#[tokio::test]
async fn a_view_of_the_requests_page_is_of_its_profile_alone() {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("config.toml"), CONFIG).expect("it is written");
    let console = Console::open(home.path());
    let (usual, usual_dir) = (console.now().0, console.screen.latest().profile.state_dir.clone());
    let keep = |filter: &str| Command::KeepRequestsView {
        state_dir: usual_dir.clone(),
        view: RequestsView { filters: vec![filter.to_owned()], ..RequestsView::default() },
    };
    console.screen.ask(keep("status>=400")).await;
    console.order(ProfileCommand::Add("Work".to_owned())).await.expect("it is added");
    assert!(console.screen.latest().requests_view.filters.is_empty(), "the other profile has saved none");
    console.screen.ask(keep("on its way")).await;
    assert!(console.screen.latest().requests_view.filters.is_empty(), "one on its way is not kept there");
    console.order(ProfileCommand::Enter(usual)).await.expect("it is entered");
    assert_eq!(console.screen.latest().requests_view.filters, ["status>=400"]);
}

#[tokio::test]
async fn a_name_that_cannot_be_had_and_a_profile_in_use_leave_what_runs_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let console = Console::open(home.path());
    let before = console.now();
    for name in ["../up", "Demo", ""] {
        let refused = console.order(ProfileCommand::Add(name.to_owned())).await.expect_err("it is refused");
        assert!(refused.contains("What ran goes on running."), "{refused}");
    }
    let gone = console.order(ProfileCommand::Enter("Gone".to_owned())).await.expect_err("it is refused");
    assert!(gone.starts_with("There is no profile Gone any more."), "{gone}");

    let _other =
        Console::with(Options { profile: Some("Work".to_owned()), port: Some(0), ..Console::options(home.path()) });
    let refused = console.order(ProfileCommand::Add("Work".to_owned())).await;
    let refused = match refused {
        // Its folder is there only once something was kept in it.
        Err(refused) => refused,
        Ok(said) => panic!("two run with one profile: {said}"),
    };
    assert!(refused.contains("already"), "{refused}");
    assert_eq!(console.now(), before);
}

#[tokio::test]
async fn from_the_demo_one_goes_to_any_profile_and_the_demo_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let console = Console::open(home.path());
    let said = console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    assert!(matches!(said, NoticeBody::Done(_)), "{said:?}");
    let demo = console.screen.latest().profile.data_dir.clone();
    assert!(Path::new(&demo).exists());
    console.order(ProfileCommand::Add("Work".to_owned())).await.expect("it is added");
    assert_eq!(console.now().0, "Work");
    assert!(!Path::new(&demo).exists());
}

#[tokio::test]
async fn from_the_demo_one_is_served_where_the_profile_says_and_not_where_the_one_before_was() {
    let home = tempfile::tempdir().expect("a folder");
    let (usual, work) = (free_port(), free_port());
    write_profile(home.path(), usual);
    write_profile(&home.path().join("profiles/Work"), work);
    // The demo says the same, but is served where the usual profile was.
    write_profile(&home.path().join("data/demo"), work);
    let console = Console::with(Console::options(home.path()));
    let at = |port: u16| format!("http://127.0.0.1:{port}/v1");
    let usual_name = console.now().0;
    assert_eq!(console.now().2, at(usual));

    console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    assert_eq!((console.now().0.as_str(), console.now().2), ("Demo", at(usual)), "clients find it where it was");
    console.order(ProfileCommand::Enter("Work".to_owned())).await.expect("it is entered");
    assert_eq!((console.now().0.as_str(), console.now().2), ("Work", at(work)));
    assert!(TcpListener::bind(("127.0.0.1", usual)).is_ok(), "nothing listens there any more");

    console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    console.order(ProfileCommand::Enter(usual_name.clone())).await.expect("it is entered");
    assert_eq!(console.now(), (usual_name, 1, at(usual)));
}

#[tokio::test]
async fn a_demo_that_was_moved_to_another_port_takes_nobody_there_with_it_who_leaves_it() {
    let home = tempfile::tempdir().expect("a folder");
    let (usual, moved) = (free_port(), free_port());
    write_profile(home.path(), usual);
    let console = Console::with(Console::options(home.path()));
    let before = console.now();
    console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    let (base, config) = console.screen.edited(|config| config.listen.port = moved);
    let said = console.screen.ask(Command::Config(ConfigCommand::Apply { base, config })).await;
    assert!(matches!(said, NoticeBody::Applied { .. }), "{said:?}");
    assert!(console.now().2.contains(&moved.to_string()));
    let said = console.screen.ask(Command::Demo(DemoCommand::Leave)).await;
    assert!(matches!(said, NoticeBody::Done(_)), "{said:?}");
    assert_eq!(console.now(), before);
}

#[tokio::test]
async fn who_stands_in_for_a_taken_port_stays_there_through_the_demo_and_hears_nothing_of_it() {
    let home = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    write_profile(home.path(), taken.local_addr().expect("an address").port());
    let console = Console::with(Console::options(home.path()));
    let before = console.now();
    console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    console.screen.ask(Command::Demo(DemoCommand::Leave)).await;
    assert_eq!(console.now(), before);
    let told = console.screen.unasked();
    assert!(!told.iter().any(|body| matches!(body, NoticeBody::Failed(_))), "{told:?}");
}

#[tokio::test]
async fn a_key_test_that_ends_in_another_profile_is_not_shown_as_that_of_its_account() {
    let home = tempfile::tempdir().expect("a folder");
    let service = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = service.local_addr().expect("an address");
    for folder in [home.path().to_owned(), home.path().join("profiles/Work")] {
        fs::create_dir_all(&folder).expect("a folder");
        let account = format!("[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"http://{at}/v1\"\n");
        let endpoint = "[[endpoint]]\nid = \"ea\"\naccount = \"a\"\nmodel = \"m\"\n";
        fs::write(folder.join("config.toml"), format!("{account}{endpoint}")).expect("it is written");
    }
    let console = Console::open(home.path());
    let screen = &console.screen;
    let hold = || Command::Key(KeyCommand::Hold("a".into(), Secret::new("a-key-of-a-test".to_owned())));
    let of_a = |snapshot: &Snapshot| snapshot.keys.accounts.iter().find(|key| key.account.as_str() == "a").cloned();
    screen.ask(hold()).await;
    // The service says nothing until it hangs up.
    for asked in [KeyCommand::Test("a".into()), KeyCommand::Call("ea".into())] {
        screen.end.send(Command::Key(asked)).expect("there is room for a command");
    }
    screen.until(|snapshot| of_a(snapshot).is_some_and(|key| key.test.is_some())).await;
    console.order(ProfileCommand::Enter("Work".to_owned())).await.expect("it is entered");
    screen.ask(hold()).await;
    drop(service);
    let mut over = 0;
    screen
        .until(|_| {
            let done = |notice: &&Notice| matches!(&notice.body, NoticeBody::Done(said) if said.is_empty());
            over += screen.end.notices().iter().filter(done).count();
            over == 2
        })
        .await;
    let now = screen.latest();
    let key = of_a(&now).expect("the account of the other profile");
    assert_eq!((now.profile.name.as_str(), key.test, now.keys.calls.as_slice()), ("Work", None, [].as_slice()));
}
