//! Tokens that a program hands out, the Azure CLI for example: run, read, and run again before they expire.
//!
//! Invariant: what the program says goes into a [`Secret`] and nowhere else, and a program that hangs is ended.
//! Absent on purpose: shells. The words go to the program as they are.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::model::secret::Secret;

/// How often a running program is looked after.
const LOOK: Duration = Duration::from_millis(50);
/// How many looks it is given: half a minute.
const LOOKS: u32 = 600;
/// The longest output that is read; tokens have a few KiB.
const LONGEST: u64 = 64 * 1024;

/// A token and its end.
pub struct Token {
    /// The token itself.
    pub secret: Secret,
    /// Seconds of the Unix epoch, if the program told.
    pub expires: Option<u64>,
}

/// Why there is no token. Names the program and nothing it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoToken {
    /// The list is empty.
    #[error("the command has no words")]
    Empty,
    /// It cannot be started.
    #[error("{0} could not be started; is it installed?")]
    NotStarted(String),
    /// It ended with an error.
    #[error("{0} ended with an error; run it by hand to see why (for the Azure CLI, az login may help)")]
    Failed(String),
    /// It did not end.
    #[error("{0} did not end within 30 seconds")]
    Hung(String),
    /// What it said is no token.
    #[error("{0} said nothing that could be a token; it must print one, or JSON with accessToken")]
    Unreadable(String),
}

/// Runs a program and takes the token it prints.
///
/// # Errors
/// [`NoToken`].
pub fn run(words: &[String]) -> Result<Token, NoToken> {
    let (program, arguments) = words.split_first().ok_or(NoToken::Empty)?;
    let name = || program.clone();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|_| NoToken::NotStarted(name()))?;
    let ended = wait(&mut child).ok_or_else(|| NoToken::Hung(name()))?;
    if !ended {
        return Err(NoToken::Failed(name()));
    }
    let mut said = Zeroizing::new(String::new());
    let output = child.stdout.take().ok_or_else(|| NoToken::Unreadable(name()))?;
    output.take(LONGEST).read_to_string(&mut said).map_err(|_| NoToken::Unreadable(name()))?;
    read(&said).ok_or_else(|| NoToken::Unreadable(name()))
}

/// Whether it ended well; `None` if it had to be ended.
fn wait(child: &mut Child) -> Option<bool> {
    for _ in 0..LOOKS {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => thread::sleep(LOOK),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

#[derive(Deserialize)]
struct Said<'a> {
    /// Lent: what is not copied need not be wiped.
    #[serde(borrow, alias = "accessToken", alias = "token")]
    access_token: &'a str,
    #[serde(default)]
    expires_on: Option<serde_json::Value>,
}

/// JSON as the Azure CLI writes it, or the token alone.
fn read(said: &str) -> Option<Token> {
    if said.trim_start().starts_with('{') {
        let said: Said<'_> = serde_json::from_str(said).ok()?;
        let expires = said.expires_on.and_then(|when| when.as_u64().or_else(|| when.as_str()?.parse().ok()));
        return Some(Token { secret: Secret::from_pasted(said.access_token)?, expires });
    }
    let is_one_word = !said.trim().contains(char::is_whitespace);
    is_one_word.then(|| Some(Token { secret: Secret::from_pasted(said)?, expires: None }))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(said: &str) -> Option<(String, Option<u64>)> {
        read(said).map(|token| (token.secret.expose().to_owned(), token.expires))
    }

    #[test]
    fn a_token_is_read_in_every_form_that_programs_print() {
        let cli = r#"{"accessToken":"eyJ.a.b","expiresOn":"2026-11-22 10:00:00","expires_on":1795000000,"tokenType":"Bearer"}"#;
        assert_eq!(told(cli), Some(("eyJ.a.b".to_owned(), Some(1_795_000_000))));
        let other = r#"{"access_token":"eyJ.a.b","expires_on":"1795000000"}"#;
        assert_eq!(told(other), Some(("eyJ.a.b".to_owned(), Some(1_795_000_000))));
        assert_eq!(told("eyJ.a.b\n"), Some(("eyJ.a.b".to_owned(), None)));
        for nothing in ["", "{}", "{\"accessToken\":\"\"}", "Please run 'az login'."] {
            assert_eq!(told(nothing), None, "{nothing}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_or_is_not_there_is_named() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let failed = |given: &[&str]| run(&words(given)).err();
        assert_eq!(failed(&[]), Some(NoToken::Empty));
        assert_eq!(failed(&["no-such-program-here"]), Some(NoToken::NotStarted("no-such-program-here".to_owned())));
        assert_eq!(failed(&["false"]), Some(NoToken::Failed("false".to_owned())));
        assert_eq!(failed(&["true"]), Some(NoToken::Unreadable("true".to_owned())));
        let token = run(&words(&["echo", "eyJ.a.b"])).ok().map(|token| token.secret.expose().to_owned());
        assert_eq!(token.as_deref(), Some("eyJ.a.b"));
    }
}
