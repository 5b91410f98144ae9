//! The shipped binary as a service manager meets it: what it says, where, and how it leaves.
#![cfg(unix)]
#![expect(clippy::expect_used, clippy::panic, reason = "a test may end where it is wrong")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running Tidegate; killed when dropped.
struct Launched {
    child: Child,
    /// Without `http://` and `/v1`.
    address: String,
    #[cfg_attr(
        not(feature = "window"),
        expect(dead_code, reason = "it lives as long as the program that writes there")
    )]
    folder: tempfile::TempDir,
}

/// The command, in a world without display, session bus and home.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).arg("--config-dir").arg(folder).stdin(Stdio::null());
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(variable);
    }
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
    command
}

fn launch(arguments: &[&str]) -> Launched {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = fs::File::create(folder.path().join("log")).expect("a log file");
    let mut child =
        command(folder.path(), arguments).stdout(Stdio::piped()).stderr(log).spawn().expect("the binary starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is piped");
    BufReader::new(output).read_line(&mut line).expect("its output can be read");
    let url = line.trim().strip_prefix("listening on http://").and_then(|url| url.strip_suffix("/v1"));
    let address = url.unwrap_or_else(|| panic!("it said {line:?}")).to_owned();
    Launched { child, address, folder }
}

impl Launched {
    #[cfg(feature = "window")]
    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("its log can be read")
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill runs").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    fn ask(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("it accepts connections");
        stream.write_all(request.as_bytes()).expect("the request is sent");
        BufReader::new(stream)
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[cfg(all(feature = "window", not(target_os = "macos")))]
fn without_a_display_it_says_so_and_serves_headless_until_it_is_told_to_stop() {
    let mut launched = launch(&["--port", "0"]);
    assert!(launched.log().contains("there is no display"), "{}", launched.log());
    let mut answer = String::new();
    launched
        .ask("GET /_tidegate/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        .read_to_string(&mut answer)
        .expect("the status page answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    launched.signal("-TERM");
    assert_eq!(launched.exit_code(), Some(0));
}

/// Acceptance 3. That the window comes to the front is seen in the real one (`tests/window`).
#[test]
#[cfg(all(feature = "window", target_os = "linux"))]
fn a_second_launch_asks_the_first_to_the_front_leaves_with_0_and_listens_nowhere() {
    use tidegate::contract::NoticeBody;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = tidegate::backend::Options {
        config_dir: Some(folder.path().to_owned()),
        port: Some(0),
        demo: true,
        ..Default::default()
    };
    let first = tidegate::backend::start(options).expect("the first one starts");
    // A display that nobody opens: the second one must not come that far.
    let second = command(folder.path(), &["--demo", "--port", "0", "--open", "tidegate://quotas"])
        .env("DISPLAY", ":4121")
        .output()
        .expect("the binary starts");
    let said = String::from_utf8_lossy(&second.stdout);
    assert_eq!(second.status.code(), Some(0), "{said} {}", String::from_utf8_lossy(&second.stderr));
    assert!(said.contains("it runs already") && !said.contains("listening"), "{said}");
    let notices = first.ui().notices();
    let link = notices.into_iter().find_map(|notice| match notice.body {
        NoticeBody::Rung { link } => Some(link),
        _ => None,
    });
    assert_eq!(link.expect("the first one was rung").as_deref(), Some("tidegate://quotas"));
    first.stop();
}

#[test]
#[cfg(all(feature = "window", target_os = "linux"))]
fn a_plain_launch_asks_for_the_window_of_whichever_profile_runs_and_one_for_a_profile_does_not() {
    use tidegate::backend::doorbell::Rung;
    use tidegate::backend::{Options, ring_at_any, start};
    let folder = tempfile::tempdir().expect("a temporary folder");
    let of = |demo: bool, profile: Option<&str>| Options {
        config_dir: Some(folder.path().to_owned()),
        port: Some(0),
        demo,
        profile: profile.map(str::to_owned),
        ..Options::default()
    };
    let plain = Options { port: None, ..of(false, None) };
    assert!(plain.is_plain() && ring_at_any(&plain, None) == Rung::Nobody, "nobody is there");
    fs::create_dir_all(folder.path().join("profiles").join("Work")).expect("a folder");
    for running in [of(true, None), of(false, Some("Work"))] {
        let first = start(running).expect("the first one starts");
        let second = command(folder.path(), &[]).env("DISPLAY", ":4121").output().expect("the binary starts");
        let said = String::from_utf8_lossy(&second.stdout);
        assert!(second.status.success() && said.contains("it runs already"), "{said}");
        let rung =
            first.ui().notices().iter().any(|one| matches!(one.body, tidegate::contract::NoticeBody::Rung { .. }));
        assert!(rung, "the first one was asked to the front");
        first.stop();
    }
    assert!(!of(true, None).is_plain() && !of(false, Some("Work")).is_plain(), "these want what they name");
    let last = |name: &str| Options { port: None, ..of(false, None) }.with_profile(Some(name.to_owned())).profile;
    assert_eq!((last("Work").as_deref(), last("Gone")), (Some("Work"), None));
}

#[test]
fn a_signal_lets_a_running_stream_reach_its_end() {
    for signal in ["-TERM", "-INT"] {
        let mut launched = launch(&["--demo", "--headless", "--port", "0"]);
        let body = r#"{"model":"demo-chat","stream":true,"max_tokens":60,"messages":[{"role":"user","content":"hi"}]}"#;
        let mut answer = launched.ask(&format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        let mut text = String::new();
        while !text.contains("data:") {
            assert_ne!(answer.read_line(&mut text).expect("the stream begins"), 0, "{text}");
        }
        assert!(!text.contains("[DONE]"), "the stream is still running");
        launched.signal(signal);
        answer.read_to_string(&mut text).expect("the stream goes on");
        assert!(text.contains("data: [DONE]"), "{signal} cut the stream: {text}");
        assert_eq!(launched.exit_code(), Some(0), "{signal}");
    }
}
