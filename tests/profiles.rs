//! Profiles as the window's menu goes from one to another: what runs, what is written, and what is not shared.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the screen's end is shared between test programs")]

mod screen;

use std::fs;
use std::path::Path;

use screen::Screen;
use tidegate::backend::{self, Options, Running};
use tidegate::contract::snapshot::Serving;
use tidegate::contract::{Command, DemoCommand, NoticeBody, ProfileCommand};

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

struct Console {
    running: Option<Running>,
    screen: Screen,
}

impl Console {
    fn open(folder: &Path, profile: Option<&str>) -> Self {
        let config_dir = Some(folder.to_owned());
        let profile = profile.map(str::to_owned);
        let options = Options { config_dir, profile, port: Some(0), seed: Some(1), ..Options::default() };
        let running = backend::start(options).expect("it starts");
        Self { screen: Screen::of(&running), running: Some(running) }
    }

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

impl Drop for Console {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

#[tokio::test]
async fn an_added_profile_begins_empty_serves_at_once_and_the_usual_one_comes_back_whole() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("config.toml");
    fs::write(&file, CONFIG).expect("it is written");
    let console = Console::open(home.path(), None);
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
async fn a_name_that_cannot_be_had_and_a_profile_in_use_leave_what_runs_as_it_is() {
    let home = tempfile::tempdir().expect("a folder");
    let console = Console::open(home.path(), None);
    let before = console.now();
    for name in ["../up", "Demo", ""] {
        let refused = console.order(ProfileCommand::Add(name.to_owned())).await.expect_err("it is refused");
        assert!(refused.contains("What ran goes on running."), "{refused}");
    }
    let gone = console.order(ProfileCommand::Enter("Gone".to_owned())).await.expect_err("it is refused");
    assert!(gone.starts_with("There is no profile Gone any more."), "{gone}");

    let _other = Console::open(home.path(), Some("Work"));
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
    let console = Console::open(home.path(), None);
    let said = console.screen.ask(Command::Demo(DemoCommand::Enter)).await;
    assert!(matches!(said, NoticeBody::Done(_)), "{said:?}");
    let demo = console.screen.latest().profile.data_dir.clone();
    assert!(Path::new(&demo).exists());
    console.order(ProfileCommand::Add("Work".to_owned())).await.expect("it is added");
    assert_eq!(console.now().0, "Work");
    assert!(!Path::new(&demo).exists());
}
