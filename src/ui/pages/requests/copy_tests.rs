use std::process::{Command, Stdio};

use super::*;
use crate::ui::fixture;

fn record(model: &str) -> RequestRecord {
    let mut record = RequestRecord::clone(fixture::snapshot().records.iter().next().unwrap());
    let mut profile = (*record.profile).clone();
    profile.model = model.into();
    record.profile = std::sync::Arc::new(profile);
    record
}

fn with_operation(operation: Operation, streaming: bool) -> RequestRecord {
    let mut record = record("it's \"x\"");
    let mut profile = (*record.profile).clone();
    (profile.operation, profile.streaming) = (operation, streaming);
    record.profile = std::sync::Arc::new(profile);
    record
}

const OPERATIONS: [Operation; 7] = [
    Operation::Chat,
    Operation::Completions,
    Operation::Responses,
    Operation::Embeddings,
    Operation::Moderations,
    Operation::Speech,
    Operation::Images,
];

#[test]
fn a_curl_line_asks_the_same_operation_and_model() {
    let line = curl(&record("gpt-4o"), "http://127.0.0.1:8787/v1");
    assert!(line.starts_with("curl http://127.0.0.1:8787/v1/chat/completions "), "{line}");
    assert!(line.contains("\"model\":\"gpt-4o\"") && line.contains("\"stream\":true"), "{line}");
}

#[test]
fn a_quote_in_a_model_name_cannot_break_out_of_the_shell_word() {
    let line = curl(&record("x'; rm -rf ~; '"), "http://127.0.0.1:8787/v1");
    assert!(line.contains(r"x'\''; rm -rf ~; '\''"), "{line}");
}

/// A program that checks a text without running it; `None`: it is not on this machine.
fn checks(program: &str, arguments: &[&str], text: &str) -> Option<bool> {
    use std::io::Write as _;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

#[test]
fn every_copy_parses_in_its_language_whatever_the_model_is_called() {
    const PYTHON: &str = "import ast, sys; ast.parse(sys.stdin.read())";
    let mut tried = 0;
    for operation in OPERATIONS {
        for streaming in [false, true] {
            let record = with_operation(operation, streaming);
            let checked = [
                ("bash", checks("bash", &["-n"], &curl(&record, USUAL_URL))),
                ("python3", checks("python3", &["-c", PYTHON], &python(&record, USUAL_URL).unwrap())),
                ("node", checks("node", &["--input-type=module", "--check", "-"], &node(&record, USUAL_URL).unwrap())),
            ];
            for (program, result) in checked {
                tried += u32::from(result.is_some());
                assert_ne!(result, Some(false), "{program}: {operation:?}, streaming: {streaming}");
            }
        }
    }
    assert!(tried >= 8, "not even a shell is here");
}

#[test]
fn a_line_to_the_service_itself_names_a_variable_and_no_key() {
    let mut config = fixture::config();
    let record = record("gpt-4o");
    assert_eq!(direct(&record, &config), None, "a simulated endpoint has no address");
    let endpoint = config.endpoint(record.endpoint().unwrap()).unwrap().clone();
    for account in config.accounts.iter_mut().filter(|account| account.id == endpoint.account) {
        (account.service, account.base_url) = (Service::Azure, "https://res.openai.azure.com/".to_owned());
        account.api_version = Some("2024-10-21".to_owned());
    }
    let line = direct(&record, &config).unwrap();
    let deployment = endpoint.deployment.unwrap();
    let start = format!("curl 'https://res.openai.azure.com/openai/deployments/{deployment}/chat/completions");
    assert!(line.starts_with(&start), "{line}");
    assert!(
        line.contains("?api-version=2024-10-21'") && line.contains("-H \"api-key: $AZURE_OPENAI_API_KEY\""),
        "{line}"
    );
    assert!(!line.contains("\"model\""), "the path says it: {line}");
    let account = config.accounts.iter_mut().find(|account| account.id == endpoint.account).unwrap();
    (account.service, account.base_url) = (Service::Openai, "https://api.openai.com".to_owned());
    account.credential = Credential::Env("WORK_KEY".to_owned());
    let line = direct(&record, &config).unwrap();
    assert!(line.starts_with("curl 'https://api.openai.com/v1/chat/completions'"), "{line}");
    assert!(line.contains("\"Authorization: Bearer $WORK_KEY\"") && line.contains("\"model\""), "{line}");
}

#[test]
fn markdown_tells_the_reason_the_candidates_and_the_attempts() {
    let all = fixture::snapshot().records;
    let spilled = all.iter().find(|one| one.attempts.len() == 2).unwrap();
    let text = markdown(spilled);
    for part in
        ["Sent to sim-westus", "| sim-ptu | enabled | 5,080 / 1,900 |", "1. sim-eastus: 429 after", "max_tokens"]
    {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(cell("a|b\n`c"), "a\\|b \\`c");
}

#[test]
fn a_decision_as_json_reads_back_the_same() {
    let record = record("gpt-4o");
    let decision = record.decisions.last().unwrap();
    let read: Decision = serde_json::from_str(&decision_json(decision)).unwrap();
    assert_eq!(read, **decision);
}
