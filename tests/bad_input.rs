//! Bad input to the shipped binary: files, flags, keys, requests, folders and ports. Each is answered by a sentence that
//! says what happened, what still works and what to do; nothing is lost, and nothing panics.

#![expect(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may end where it is wrong")]
#![expect(unreachable_pub, dead_code, reason = "the served binary is shared between test programs")]

mod served;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use served::{serve, settled};

/// Looks like a key, and must never be repeated.
const KEY: &str = "sk-proj-Canary0123456789AbCdEf0123456789";

/// What a command that ran to its end said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the binary in `folder`, as on a system without a keyring or a display.
fn run(folder: &Path, arguments: &[&str], input: &str) -> Said {
    let mut child = command(folder).args(arguments).stdin(Stdio::piped()).spawn().expect("the binary starts");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("its input is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("it writes text");
    let said = Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in ["DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        command.env_remove(variable);
    }
    command.env("XDG_RUNTIME_DIR", folder).arg("--config-dir").arg(folder);
    command
}

fn profile(text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let file = home.path().join("config.toml");
    fs::write(&file, text).expect("the configuration is written");
    (home, file)
}

const TWO: &str = r#"[[account]]
id = "sim"
service = "simulated"
[[endpoint]]
id = "one"
account = "sim"
model = "m"
tokens_per_minute = 60_000
[[endpoint]]
id = "two"
account = "sim"
model = "m"
tokens_per_minute = 60_000
deployment = "m2"
[[route]]
model = "m"
[[route.group]]
endpoints = ["one", "two"]
"#;

#[test]
fn check_says_file_line_and_sentence_and_fails_on_errors_only() {
    let two = |from: &str, to: &str| {
        assert!(TWO.contains(from), "{from}");
        TWO.replacen(from, to, 1)
    };
    let cases: [(String, usize, &str, i32); 10] = [
        (two("id = \"two\"", "id = = \"two\""), 10, "error: this is not TOML", 1),
        (two("id = \"two\"", "id = 2"), 10, "error: `id` must be text in quotes", 1),
        (two("id = \"two\"\n", ""), 9, "error: `id` is missing here", 1),
        (two("service = ", "servise = \"x\"\nservice = "), 3, "warning: unknown key `servise` is kept", 0),
        (
            two("id = \"two\"\naccount = \"sim\"", "id = \"two\"\naccount = \"x\""),
            11,
            "error: Endpoint \"two\" names account \"x\", which does not exist",
            1,
        ),
        (format!("{TWO}[[route]]\nmodel = \"m\"\n"), 20, "error: Two routes answer for model \"m\"", 1),
        (
            format!(
                "{}[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 100_000\n",
                TWO.replace("model = \"m\"\ntokens", "model = \"m\"\nquota_pool = \"p\"\ntokens")
            ),
            23,
            "warning: The endpoints of pool \"p\" are given 120,000 TPM, 20,000 more",
            0,
        ),
        (
            two("\"simulated\"", "\"compatible\"\nbase_url = \"http://10.0.0.9/v1\""),
            4,
            "error: Account \"sim\" would send its key unencrypted to 10.0.0.9",
            1,
        ),
        (format!("[listen]\naddress = \"0.0.0.0\"\n{TWO}"), 2, "error: 0.0.0.0 can be reached from your network", 1),
        (format!("[listen]\nport = 70_000\n{TWO}"), 2, "error: `port` must be at most 65,535", 1),
    ];
    for (text, line, sentence, code) in cases {
        let (home, file) = profile(&text);
        let said = run(home.path(), &["check"], "");
        let wanted = format!("{}:{line}: {sentence}", file.display());
        assert!(said.out.lines().any(|line| line.starts_with(&wanted)), "wanted {wanted:?} in:\n{}", said.out);
        assert_eq!(said.code, Some(code), "{}", said.out);
        assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
    }
}

#[test]
fn check_names_a_file_that_is_missing_or_no_text_and_is_content_with_a_sound_one() {
    let (home, file) = profile(b"\xff\xfe[\0l\0");
    let said = run(home.path(), &["check"], "");
    assert_eq!(said.out, format!("{}: error: it cannot be read: it is not UTF-8 text.\n", file.display()));
    assert_eq!(said.code, Some(1));
    let missing = home.path().join("nowhere.toml").display().to_string();
    let said = run(home.path(), &["check", "--config", &missing], "");
    assert_eq!((said.code, said.out), (Some(1), format!("{missing}: error: there is no such file\n")));
    fs::write(&file, TWO).expect("it is written");
    let said = run(home.path(), &["check"], "");
    assert_eq!((said.code, said.out), (Some(0), format!("{}: nothing to complain about\n", file.display())));
}

#[test]
fn a_key_in_the_wrong_place_of_the_file_is_not_repeated() {
    for text in [KEY.to_owned(), format!("[listen]\nport = \"{KEY}\"\n"), format!("[listen]\n{KEY} = 1\n")] {
        let (home, _file) = profile(&text);
        for arguments in [&["check"][..], &["--headless", "--log", "trace", "--port", "70000"]] {
            let said = run(home.path(), arguments, "");
            assert!(!said.out.contains(KEY) && !said.err.contains(KEY), "{}{}", said.out, said.err);
        }
    }
}

#[test]
fn headless_does_not_start_with_a_broken_file_and_names_the_line() {
    let text = TWO.replace("id = \"two\"", "id = = \"two\"");
    let (home, file) = profile(&text);
    let said = run(home.path(), &["--headless", "--port", "0"], "");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.starts_with("tidegate: Line 10 of config.toml: "), "{}", said.err);
    assert!(said.err.contains("nothing was overwritten. Mend "), "{}", said.err);
    assert_eq!(fs::read_to_string(&file).expect("it is there"), text);
}

#[tokio::test]
async fn faulty_parts_are_left_out_and_the_rest_serves() {
    let text = format!(
        "[[account]]\nid = \"bare\"\nservice = \"compatible\"\nbase_url = \"http://10.0.0.9/v1\"\nsurprise = 1 # kept\n\
         [[endpoint]]\nid = \"lost\"\naccount = \"nobody\"\nmodel = \"m\"\n\
         [[endpoint]]\nid = \"open\"\naccount = \"bare\"\nmodel = \"m\"\n{TWO}[[route]]\nmodel = \"m\"\n"
    );
    let mut served = serve(&text, &[]);
    let status = served.until(settled).await;
    let names: Vec<&str> =
        status["endpoints"].as_array().expect("a list").iter().filter_map(|endpoint| endpoint["id"].as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 200);
    assert_eq!(served.terminate(), Some(0));
    let log = served.everything_written();
    for said in ["names account \"nobody\"", "unencrypted to 10.0.0.9", "Two routes answer", "unknown key `surprise`"] {
        assert!(log.contains(said), "{said}");
    }
    assert_eq!(fs::read_to_string(served.folder.path().join("config.toml")).expect("it is there"), text);
}

#[tokio::test]
async fn a_bad_request_gets_a_clear_error_in_the_shape_of_the_api_and_the_next_one_is_served() {
    let served = serve(TWO, &[]);
    let good = json!({"messages": [{"role": "user", "content": "Hi"}]});
    let cases: [(&str, String, u16, &str); 8] = [
        (
            "chat/completions",
            "{\"model\": \"m".to_owned(),
            400,
            "in the middle of its JSON, at line 1, column 12. Nothing was sent",
        ),
        ("chat/completions", String::new(), 400, "has no body"),
        ("chat/completions", "[1, 2]".to_owned(), 400, "not an object"),
        ("chat/completions", format!("{}1", "[".repeat(100_000)), 400, ""),
        ("chat/completions", good.to_string(), 400, "names no model"),
        ("chat/completions", json!({"model": 7, "messages": []}).to_string(), 400, ""),
        (
            "chat/completions",
            json!({"model": "other", "messages": []}).to_string(),
            404,
            "No route answers for model \"other\". Routes: m. Ask for one of these, or add a route for it on Tidegate's Routing \
             page.",
        ),
        ("no/such/path", "{}".to_owned(), 404, ""),
    ];
    for (path, body, status, part) in cases {
        let answer = served.client.post(served.url(path)).body(body.clone()).send().await.expect("an answer");
        let shown: String = body.chars().take(60).collect();
        assert_eq!(answer.status(), status, "{path} {shown}");
        let error: Value = answer.json().await.expect("an error in JSON");
        let message = error["error"]["message"].as_str().expect("a sentence");
        assert!(message.contains(part) && message.ends_with('.'), "{message}");
        assert!(error["error"]["type"].is_string(), "{error}");
    }
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 200);
    served.until(settled).await;
}

/// A process that is killed when it goes out of scope.
struct Alive(Child);

impl Drop for Alive {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is piped");
    BufReader::new(output).read_line(&mut line).expect("its output can be read");
    line
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_nobody_can_write_is_said_and_serving_works() {
    let mut alive = Alive(
        command(Path::new("/proc/tidegate-cannot-write-here"))
            .args(["--headless", "--port", "0"])
            .spawn()
            .expect("the binary starts"),
    );
    let line = first_line(&mut alive.0);
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    alive.0.kill().expect("it can be ended");
    let mut said = String::new();
    let errors = alive.0.stderr.take().expect("its errors are piped");
    std::io::Read::read_to_string(&mut BufReader::new(errors), &mut said).expect("its errors can be read");
    assert!(said.contains("Settings cannot be saved; serving works. Make that folder writable"), "{said}");
    assert!(said.contains("does not exist yet, so requests have no route"), "{said}");
}

#[test]
fn a_folder_that_is_a_file_ends_the_start_with_its_name() {
    let (_home, file) = profile("");
    let said = run(&file, &["--headless", "--port", "0"], "");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(
        said.err.contains("cannot be read: ") && said.err.contains("name another file with --config"),
        "{}",
        said.err
    );
}

#[test]
fn a_taken_port_names_its_holder() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let (home, _file) = profile(TWO);
    let said = run(home.path(), &["--headless", "--port", &port.to_string()], "");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.starts_with(&format!("tidegate: Port {port} is used by ")), "{}", said.err);
    assert!(said.err.contains(&format!("(pid {})", std::process::id())), "{}", said.err);
    assert!(said.err.contains("Nothing is served; your configuration and keys are untouched."), "{}", said.err);
}

#[tokio::test]
async fn a_second_instance_names_the_first_which_goes_on() {
    let served = serve(TWO, &[]);
    let said = run(served.folder.path(), &["--headless", "--port", "0"], "");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("Tidegate already runs with this profile (pid "), "{}", said.err);
    assert!(said.err.contains(&format!("at {}", served.base_url)), "{}", said.err);
    assert_eq!(served.chat("m", false).send().await.expect("an answer").status(), 200);
}

const ACCOUNTS: &str = r#"[[account]]
id = "work"
service = "openai"
base_url = "https://api.openai.com/v1"
[[account]]
id = "by-env"
service = "openai"
base_url = "https://api.openai.com/v1"
credential = { env = "TIDEGATE_TEST_NEVER_SET" }
[[account]]
id = "sim"
service = "simulated"
"#;

#[test]
fn key_commands_say_why_they_cannot_and_what_to_do() {
    let (home, file) = profile(ACCOUNTS);
    let cases: [(&[&str], &str, &str); 11] = [
        (&["key", "set", "work"], KEY, "no keyring runs on this system, so the key was not stored"),
        (&["key", "set", "work"], "", "what was read is no key: it is empty"),
        (&["key", "set", "work"], "two words", "what was read is no key"),
        (&["key", "set", "by-env"], KEY, "from the environment variable TIDEGATE_TEST_NEVER_SET; set that instead"),
        (&["key", "set", "sim"], KEY, "account sim is simulated and needs no key"),
        (
            &["key", "set", "wrok"],
            KEY,
            "no account of that name, so no key was touched. Name one of: work, by-env, sim",
        ),
        (&["key", "remove", "work"], "", "no keyring runs on this system, so no key is stored"),
        (&["key", "test", "work"], "", "no keyring runs on this system, so no key is stored"),
        (&["key", "test", "by-env"], "", "TIDEGATE_TEST_NEVER_SET, which is not set or holds no key"),
        (&["key", "test", "sim"], "", "account sim is simulated and needs no key"),
        (&["key", "test", "wrok"], "", "no account of that name"),
    ];
    for (arguments, input, sentence) in cases {
        let said = run(home.path(), arguments, input);
        assert!(said.err.starts_with("tidegate: ") && said.err.contains(sentence), "{arguments:?}: {}", said.err);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(!said.err.contains(KEY), "{arguments:?}");
    }
    assert_eq!(fs::read_to_string(&file).expect("it is there"), ACCOUNTS);
    fs::write(&file, "").expect("it is written");
    let said = run(home.path(), &["key", "set", "work"], KEY);
    assert!(said.err.contains("no accounts yet") && said.err.contains("Add an [[account]] to "), "{}", said.err);
}

#[test]
fn a_key_on_the_command_line_is_refused_and_never_repeated() {
    let (home, _file) = profile(ACCOUNTS);
    let (option, assigned) = (format!("--{KEY}"), format!("--key={KEY}"));
    let cases: [(&[&str], &str); 10] = [
        (&["key", "set", "work", KEY], "a key is not taken from the command line"),
        (&["key", "set", "work", "--", KEY], "a key is not taken from the command line"),
        (&["key", "set", "work", &option], "a key is not taken from the command line"),
        (&["key", "set", "work", &assigned], "a key is not taken from the command line"),
        (&["key", "set", KEY], "no account of that name"),
        (&["key", "remove", KEY], "no keyring runs"),
        (&["key", KEY], "unrecognized subcommand"),
        (&[KEY], "unrecognized subcommand"),
        (&[&option], "unexpected argument"),
        (&["--port", KEY], "invalid value"),
    ];
    for (arguments, sentence) in cases {
        let said = run(home.path(), arguments, "");
        assert!(said.err.contains(sentence), "{sentence}: {}", said.err);
        assert!(matches!(said.code, Some(1 | 2)), "{:?}", said.code);
        assert!(!said.err.contains("Canary") && !said.out.contains("Canary"), "{}{}", said.out, said.err);
    }
}

#[test]
fn a_wrong_flag_says_what_would_be_right() {
    let (home, _file) = profile(TWO);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["--port", "many"], 2, "invalid value 'many' for '--port <N>'"),
        (&["--port", "70000"], 2, "70000 is not in 0..=65535"),
        (&["--log", "loud"], 2, "[possible values: off, error, warn, info, debug, trace]"),
        (&["--script", "rush-hour"], 2, "--demo"),
        (
            &["--demo", "--headless", "--port", "0", "--script", "rush"],
            1,
            "There is no script \"rush\". Nothing was started. Choose one of: calm, rush-hour, region-outage, key-revoked, noisy-neighbour.",
        ),
        (&["--headles"], 2, "a similar argument exists: '--headless'"),
        (&["--seed", "x"], 2, "invalid value 'x' for '--seed <N>'"),
    ];
    for (arguments, code, sentence) in cases {
        let said = run(home.path(), arguments, "");
        assert!(said.err.contains(sentence), "{arguments:?}: {}", said.err);
        assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{arguments:?}");
    }
    assert!(!home.path().join("data").exists(), "nothing was started");
}

#[test]
fn the_paths_are_printed_whatever_the_file_says() {
    let (home, file) = profile("[listen\n");
    let said = run(home.path(), &["--print-paths"], "");
    assert_eq!(said.code, Some(0));
    assert_eq!(said.out.lines().next(), Some(format!("config file: {}", file.display()).as_str()));
}
