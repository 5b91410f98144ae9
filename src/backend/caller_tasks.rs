//! The commands `tidegate caller …`: they do one thing and leave.
//!
//! Invariant: a token goes to standard output alone, once, and nothing else does; so `TOKEN=$(tidegate caller add ci)` holds it.
//! Absent on purpose: telling a running Tidegate. It looks at the file of tokens by itself.

use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::Options;
use super::callers::check_name;
use super::profile::places;
use crate::engine::clock::Clock;
use crate::model::config::{Caller, Config, shown};
use crate::model::id::CallerId;
use crate::model::revision::{Author, Signature};
use crate::store::caller_tokens::TokenFile;
use crate::store::config_file::ConfigFile;
use crate::store::lock::{InstanceLock, LockError};
use crate::store::paths::Paths;

/// `tidegate caller add NAME`
///
/// # Errors
/// The name will not do, or a file cannot be read or written.
pub fn add(options: &Options, name: &str) -> anyhow::Result<ExitCode> {
    let paths = places(options, options.demo)?;
    let caller = CallerId::from(name);
    let mut loaded = ConfigFile::load(&paths)?;
    // What was given is not repeated: it may be a token, typed in the wrong place.
    if loaded.config.callers.iter().any(|known| known.id == caller) {
        bail!(
            "there is a caller of that name already. Nothing was changed. Make it a new token with `tidegate caller rotate`."
        );
    }
    check_name(&loaded.config, &caller).map_err(|problem| anyhow!("{problem}"))?;
    let mut config = loaded.config.clone();
    config.callers.push(Caller::named(caller.clone()));
    let saved = loaded.file.save(&loaded.config, &config)?;
    let signature = Signature { author: Author::Cli, wall_ms: Clock::since_1970().wall_ms() };
    // Only a courtesy: the caller is in the file. Without a copy of it the newest one may be of another's making.
    if let Some(error) = saved.backup_problem {
        eprintln!("The caller is in the configuration, but no copy of that could be kept for its history: {error}.");
    } else if let Err(error) = loaded.file.revisions().sign_newest(signature) {
        tracing::debug!(%error, "a revision stays unsigned");
    }
    tell_token(&paths, &caller)?;
    if is_running(&paths) {
        eprintln!("Tidegate runs: press Load in its window, or start it again, and it knows this caller.");
    }
    Ok(ExitCode::SUCCESS)
}

/// `tidegate caller rotate NAME`
///
/// # Errors
/// No such caller, or the file of tokens cannot be read or written.
pub fn rotate(options: &Options, name: &str) -> anyhow::Result<ExitCode> {
    let (paths, caller) = named(options, name)?;
    tell_token(&paths, &caller)?;
    eprintln!("The token before, if there was one, works for ten more minutes.");
    Ok(ExitCode::SUCCESS)
}

/// `tidegate caller revoke NAME`
///
/// # Errors
/// The file of tokens cannot be read or written.
pub fn revoke(options: &Options, name: &str) -> anyhow::Result<ExitCode> {
    let paths = places(options, options.demo)?;
    // Also for a caller that has left the configuration.
    let ended = TokenFile::of(&paths.data_dir).keep_only(|caller| caller.as_str() != name)?;
    println!("{}", if ended == 0 { "that caller had no token made by Tidegate" } else { "its tokens are ended" });
    Ok(ExitCode::SUCCESS)
}

/// `tidegate caller list`
///
/// # Errors
/// A file cannot be read.
pub fn list(options: &Options) -> anyhow::Result<ExitCode> {
    let paths = places(options, options.demo)?;
    let config = ConfigFile::load(&paths)?.config;
    if config.callers.is_empty() {
        println!("no callers yet; add one with `tidegate caller add NAME`");
    }
    let tokens = TokenFile::of(&paths.data_dir).read()?;
    let now = Clock::since_1970().wall_ms();
    for caller in &config.callers {
        let made = tokens.valid(now).filter(|kept| kept.caller == caller.id).map(|kept| kept.made_wall_ms).max();
        println!("{}\t{}", caller.id, said(&config, &caller.id, made));
    }
    Ok(ExitCode::SUCCESS)
}

fn said(config: &Config, caller: &CallerId, made_wall_ms: Option<u64>) -> String {
    let source = config.callers.iter().find(|known| known.id == *caller).and_then(|known| known.token.as_ref());
    let moment = |ms: u64| jiff::Timestamp::from_millisecond(i64::try_from(ms).unwrap_or(i64::MAX)).ok();
    match (made_wall_ms.and_then(moment), source) {
        (Some(made), _) => format!("token of {}", made.strftime("%F")),
        (None, Some(source)) => format!("token from {}", shown(&source.env)),
        (None, None) => "no token".to_owned(),
    }
}

fn tell_token(paths: &Paths, caller: &CallerId) -> anyhow::Result<()> {
    let token = TokenFile::of(&paths.data_dir).make(caller, Clock::since_1970().wall_ms())?;
    println!("{}", token.expose());
    eprintln!("This is the token of {caller}. You won't be able to read it again; its tool sends it as its API key.");
    Ok(())
}

fn named(options: &Options, name: &str) -> anyhow::Result<(Paths, CallerId)> {
    let paths = places(options, options.demo)?;
    let config = ConfigFile::load(&paths)?.config;
    let known: Vec<&str> = config.callers.iter().map(|caller| caller.id.as_str()).collect();
    if known.is_empty() {
        bail!("the configuration has no callers yet, so no token was made. Add one with `tidegate caller add NAME`.");
    }
    let found = config.callers.iter().find(|caller| caller.id.as_str() == name).map(|caller| caller.id.clone());
    let caller = found.with_context(|| {
        format!(
            "the configuration has no caller of that name, so no token was made. Name one of: {}.",
            known.join(", ")
        )
    })?;
    Ok((paths, caller))
}

fn is_running(paths: &Paths) -> bool {
    matches!(InstanceLock::acquire(&paths.state_dir), Err(LockError::Held(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_was_added_here_is_a_revision_of_the_command_line() {
        let home = tempfile::tempdir().unwrap();
        let options = Options { config_dir: Some(home.path().to_owned()), ..Options::default() };
        add(&options, "ci").unwrap();
        let file = ConfigFile::load(&places(&options, false).unwrap()).unwrap().file;
        let newest = file.revisions().list(&[]).remove(0);
        assert_eq!(newest.signature.map(|signature| signature.author), Some(Author::Cli));
    }

    #[test]
    fn where_no_copy_could_be_kept_nothing_is_signed_and_the_caller_is_there() {
        let home = tempfile::tempdir().unwrap();
        let options = Options { config_dir: Some(home.path().to_owned()), ..Options::default() };
        let paths = places(&options, false).unwrap();
        std::fs::create_dir_all(paths.data_dir.join("last-good.toml").join("in the way")).unwrap();
        add(&options, "ci").unwrap();
        let loaded = ConfigFile::load(&paths).unwrap();
        assert_eq!(loaded.config.callers.len(), 1);
        assert!(loaded.file.revisions().list(&[]).iter().all(|revision| revision.signature.is_none()));
    }
}
