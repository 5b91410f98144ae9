//! The shipped binary, started headless in a folder of its own, and a client for it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

const BINARY: &str = env!("CARGO_BIN_EXE_tidegate");
const USUAL: [&str; 5] = ["--headless", "--port", "0", "--log", "trace"];
/// What did not come about in so long does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running Tidegate; killed when dropped.
pub struct Served {
    pub child: Child,
    /// Ends in `/v1`.
    pub base_url: String,
    /// Its folder: configuration, data, state, and `log`.
    pub folder: tempfile::TempDir,
    pub client: reqwest::Client,
}

/// Starts it with this configuration and these environment variables.
pub fn serve(config: &str, variables: &[(&str, &str)]) -> Served {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    serve_in(folder, variables)
}

/// Starts it in a folder that has its configuration.
pub fn serve_in(folder: tempfile::TempDir, variables: &[(&str, &str)]) -> Served {
    let (child, base_url) = spawn(folder.path(), &USUAL, variables);
    Served { child, base_url, folder, client: client() }
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

/// Starts it with so many open files and no more.
pub fn serve_with_files(files: u32, config: &str, variables: &[(&str, &str)]) -> Served {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("config.toml"), config).expect("the configuration is written");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), BINARY]);
    let (child, base_url) = launch(shell, folder.path(), &USUAL, variables);
    Served { child, base_url, folder, client: client() }
}

/// Starts the binary in a folder that has its configuration; the process and its base URL.
pub fn spawn(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Child, String) {
    launch(Command::new(BINARY), folder, arguments, variables)
}

fn launch(mut program: Command, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (Child, String) {
    let log = fs::File::create(folder.join("log")).expect("a log file");
    let mut child = program
        .args(arguments)
        .arg("--config-dir")
        .arg(folder)
        .envs(variables.iter().copied())
        // No session bus: keys stay in memory, and no test touches a person's keyring.
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("XDG_RUNTIME_DIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output is piped");
    BufReader::new(output).read_line(&mut line).expect("its output can be read");
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    let base_url =
        line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("it said {line:?}; its log: {log}"));
    let base_url = base_url.to_owned();
    (child, base_url)
}

impl Served {
    /// A URL below `/v1`.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.base_url)
    }

    /// `GET /_tidegate/status`.
    pub async fn status(&self) -> Value {
        let root = self.base_url.trim_end_matches("/v1");
        let answer = self.client.get(format!("{root}/_tidegate/status")).send().await.expect("the status page answers");
        answer.json().await.expect("the status page is JSON")
    }

    /// Asks for the status until it is as wished, each time as soon as the last one was answered.
    pub async fn until(&self, wish: impl Fn(&Value) -> bool) -> Value {
        let mut status = Value::Null;
        let asking = async {
            loop {
                status = self.status().await;
                if wish(&status) {
                    return;
                }
            }
        };
        let came = timeout(PATIENCE, asking).await;
        assert!(came.is_ok(), "it never came about; the last status: {status:#}");
        status
    }

    /// A chat request.
    pub fn chat(&self, model: &str, stream: bool) -> reqwest::RequestBuilder {
        let body = json!({
            "model": model, "stream": stream, "max_tokens": 40,
            "messages": [{"role": "user", "content": "When does the tide turn?"}],
        });
        self.client.post(self.url("chat/completions")).json(&body)
    }

    /// Everything it wrote anywhere, as one text.
    pub fn everything_written(&self) -> String {
        written_in(self.folder.path())
    }

    /// Sends SIGTERM.
    pub fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
    }

    /// Sends SIGTERM and waits for the end; the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.ask_to_stop();
        self.child.wait().expect("it ends").code()
    }
}

/// Everything in a folder, as one text.
pub fn written_in(folder: &Path) -> String {
    let mut all = String::new();
    gather(folder, &mut all);
    all
}

fn gather(folder: &Path, all: &mut String) {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    for path in entries {
        if path.is_dir() {
            gather(&path, all);
        } else if let Ok(bytes) = fs::read(&path) {
            all.push_str(&path.display().to_string());
            all.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether nothing is reserved or running anywhere.
pub fn settled(status: &Value) -> bool {
    let endpoints = status["endpoints"].as_array().expect("a list of endpoints");
    status["in_flight"] == 0
        && endpoints.iter().all(|endpoint| endpoint["in_flight"] == 0 && endpoint["tokens"]["reserved"] == 0)
}
