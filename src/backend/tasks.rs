//! The commands that do one thing and leave: `check`, `stop`, `key …`, `--print-paths`.
//!
//! Invariant: a key is read from the terminal or standard input, and never shown.
//! Absent on purpose: serving.

use std::io::{IsTerminal, Read as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::callers::Porter;
use super::doorbell::{self, Rung};
use super::profile::places;
use super::resolve::with_inventory;
use super::{Options, homes, key_test};
use crate::engine::clock::Clock;
use crate::model::config::{Account, Credential, Service, shown};
use crate::model::id::AccountId;
use crate::model::secret::Secret;
use crate::store::config_file::{ConfigError, ConfigFile, has_errors, report};
use crate::store::environment;
use crate::store::keys::{KeyError, KeySlot, KeyStore as _, KeyringStore, command};
use crate::store::lock::{Holder, holder_of};

/// `tidegate check`
///
/// # Errors
/// There is no place to look, or the file cannot be read.
pub fn check(options: &Options) -> anyhow::Result<ExitCode> {
    let paths = places(options, options.demo)?;
    match ConfigFile::load(&paths) {
        Ok(loaded) if !loaded.existed && options.config.is_some() => {
            println!("{}: error: there is no such file", paths.config_file.display());
            Ok(ExitCode::FAILURE)
        }
        Ok(loaded) if !loaded.existed => {
            println!("{}: there is no configuration yet", paths.config_file.display());
            Ok(ExitCode::SUCCESS)
        }
        Ok(loaded) => {
            let findings = with_inventory(loaded.findings, &loaded.config, &Porter::open(&paths));
            print!("{}", report(&findings, &paths.config_file));
            if findings.is_empty() {
                println!("{}: nothing to complain about", paths.config_file.display());
            }
            Ok(if has_errors(&findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Err(ConfigError::Malformed(error)) => {
            println!("{}:{}: error: {}", paths.config_file.display(), error.line, error.sentence);
            Ok(ExitCode::FAILURE)
        }
        Err(ConfigError::Unreadable { path, reason }) => {
            println!("{path}: error: it cannot be read: {reason}.");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.into()),
    }
}

/// `tidegate stop`: asks what runs with the profile of these options, or where they name none the first of whatever runs that
/// can be asked, to end.
///
/// # Errors
/// There is no place to look.
pub fn stop(options: &Options) -> anyhow::Result<ExitCode> {
    let named = places(options, options.demo)?.state_dir;
    let homes: Vec<_> = if options.is_plain() { homes(options).collect() } else { vec![named] };
    let mut holders: Vec<Holder> = Vec::new();
    for holder in homes.iter().filter_map(|home| holder_of(home)) {
        if !holders.contains(&holder) {
            holders.push(holder);
        }
    }
    if holders.is_empty() {
        println!("tidegate: nothing runs here");
        return Ok(ExitCode::SUCCESS);
    }
    let mut unasked = Vec::new();
    for Holder { pid, base_url, bell } in holders {
        let at = base_url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
        match bell.map(|bell| doorbell::ask_to_stop(&bell)) {
            Some(Rung::Coming) => {
                println!("tidegate: what serves{at} was asked to stop; requests under way finish first");
                return Ok(ExitCode::SUCCESS);
            }
            answer => unasked.push(format!("tidegate: process {pid}{at} {}", not_asked(answer, base_url.is_some()))),
        }
    }
    for line in &unasked {
        eprintln!("{line}");
    }
    Ok(ExitCode::FAILURE)
}

/// What to say of a process that was not asked to end; no answer: it has no doorbell.
fn not_asked(answer: Option<Rung>, serves: bool) -> &'static str {
    match answer {
        None if !serves => "is starting or ending, or does not listen; try again in a moment, or end it itself",
        None => "serves without a window; end it itself, and requests under way finish first",
        Some(Rung::Windowless(_)) => {
            "has lost its window and cannot be asked; end it itself, and requests under way finish first"
        }
        Some(_) => "did not answer and may be busy; try again, or end it itself",
    }
}

/// `tidegate --print-paths`
///
/// # Errors
/// There is no place to look.
pub fn print_paths(options: &Options) -> anyhow::Result<ExitCode> {
    for line in places(options, options.demo)?.lines() {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// `tidegate key set ACCOUNT`
///
/// # Errors
/// No such account, no key given, or no keyring.
pub fn set_key(options: &Options, account: &str) -> anyhow::Result<ExitCode> {
    let account = named(options, account)?;
    stored_in_keyring(&account)?;
    let mut keyring = keyring(options)?;
    let pasted = if std::io::stdin().is_terminal() {
        // Nobody shall paste a key only to read that there is no place for it.
        drop(keyring.fetch(&account.id, KeySlot::Current).map_err(not_stored)?);
        ask(&account)?
    } else {
        piped()?
    };
    let key = Secret::from_pasted(pasted.expose()).ok_or_else(|| {
        anyhow!(
            "what was read is no key: it is empty or holds characters that cannot be sent. Nothing was stored; a key that \
             was stored before is as it was. Run this again and paste the key alone."
        )
    })?;
    keyring.store(&account.id, KeySlot::Current, &key).map_err(not_stored)?;
    println!("the key of {} is stored; it will not be shown again", account.id);
    Ok(ExitCode::SUCCESS)
}

/// Where the keys of these flags' profile are.
fn keyring(options: &Options) -> anyhow::Result<KeyringStore> {
    Ok(KeyringStore::new().of_profile(places(options, options.demo)?.named.as_deref()))
}

/// `tidegate key remove ACCOUNT`
///
/// # Errors
/// No keyring.
pub fn remove_key(options: &Options, account: &str) -> anyhow::Result<ExitCode> {
    // Also for an account that has left the configuration. Its name is not repeated: it may be a key, typed in the wrong
    // place.
    let (mut keyring, account) = (keyring(options)?, AccountId::from(account));
    for slot in [KeySlot::Current, KeySlot::Next, KeySlot::Previous] {
        keyring.remove(&account, slot).map_err(not_there)?;
    }
    println!("no key is stored under that account's name any more");
    Ok(ExitCode::SUCCESS)
}

/// `tidegate key test ACCOUNT`
///
/// # Errors
/// No such account, no key, or no keyring.
pub fn test_key(options: &Options, account: &str) -> anyhow::Result<ExitCode> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let account = named(options, account)?;
    let key = match &account.credential {
        _ if account.service == Service::Simulated => bail!("account {} is simulated and needs no key", account.id),
        Credential::Env(variable) => environment::secret(variable).with_context(|| {
            format!(
                "account {} takes its key from the environment variable {}, which is not set or holds no key. Other \
                 accounts are not affected. Set it, then test again.",
                account.id,
                shown(variable)
            )
        })?,
        Credential::Command(words) => command::run(words).map(|token| token.secret).map_err(|problem| {
            anyhow!("account {} gets its token from a command, and {problem}. Other accounts are not affected.", account.id)
        })?,
        Credential::Keyring(_) => keyring(options)?.fetch(&account.id, KeySlot::Current).map_err(not_there)?.with_context(|| {
            format!(
                "no key is stored for {id}. Other accounts are not affected. Store one with `tidegate key set {id}`.",
                id = account.id
            )
        })?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let config = ConfigFile::load(&places(options, options.demo)?)?.config;
    let test = runtime.block_on(key_test::test(&account, &config, &key, Clock::since_1970()));
    for (passed, line) in &test.lines {
        println!("{} {line}", if *passed { "ok  " } else { "FAIL" });
    }
    let passed = test.lines.iter().all(|(passed, _)| *passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn named(options: &Options, account: &str) -> anyhow::Result<Account> {
    let paths = places(options, options.demo)?;
    let config = ConfigFile::load(&paths)?.config;
    let known: Vec<&str> = config.accounts.iter().map(|account| account.id.as_str()).collect();
    let found = config.accounts.iter().find(|known| known.id.as_str() == account);
    found.cloned().ok_or_else(|| match known.as_slice() {
        [] => anyhow!(
            "the configuration has no accounts yet, so no key was touched. Add an [[account]] to {}.",
            paths.config_file.display()
        ),
        // What was given is not repeated: it may be a key, typed in the wrong place.
        known => anyhow!(
            "the configuration has no account of that name, so no key was touched. Name one of: {}.",
            known.join(", ")
        ),
    })
}

fn stored_in_keyring(account: &Account) -> anyhow::Result<()> {
    let id = &account.id;
    match &account.credential {
        _ if account.service == Service::Simulated => bail!("account {id} is simulated and needs no key"),
        Credential::Env(variable) => {
            bail!("account {id} takes its key from the environment variable {}; set that instead", shown(variable))
        }
        Credential::Command(_) => bail!("account {id} gets its token from a command; nothing is stored for it"),
        Credential::Keyring(_) => Ok(()),
    }
}

fn not_there(error: KeyError) -> anyhow::Error {
    match error {
        KeyError::NoService => anyhow!(
            "no keyring runs on this system, so no key is stored in one. Keys from environment variables work all the same. \
             Start a keyring, or name a variable in the configuration: credential = {{ env = \"NAME\" }}."
        ),
        other => other.into(),
    }
}

fn not_stored(error: KeyError) -> anyhow::Error {
    match error {
        KeyError::NoService => anyhow!(
            "no keyring runs on this system, so the key was not stored. Accounts with keys from environment variables work \
             all the same. Name one for this account in the configuration: credential = {{ env = \"NAME\" }}."
        ),
        other => other.into(),
    }
}

/// One line from the terminal, without showing it.
fn ask(account: &Account) -> anyhow::Result<Secret> {
    print!("Key for {} (it will not be shown, now or later): ", account.id);
    std::io::stdout().flush()?;
    Ok(Secret::new(rpassword::read_password()?))
}

fn piped() -> anyhow::Result<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().take(16 * 1024).read_to_string(&mut text)?;
    Ok(Secret::new(std::mem::take(&mut *text)))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;

    use super::*;
    use crate::store::lock::InstanceLock;
    use crate::store::profiles;

    #[test]
    fn stop_says_of_a_name_that_cannot_be_a_profile_that_it_cannot_and_asks_nobody_else() {
        let home = tempfile::tempdir().unwrap();
        let options = Options { config_dir: Some(home.path().to_owned()), ..Options::default() };
        let _held = InstanceLock::acquire(&places(&options, false).unwrap().state_dir).unwrap();
        assert!(stop(&Options { profile: Some("../x".to_owned()), ..options }).is_err());
    }

    #[test]
    fn where_the_first_has_no_window_the_next_that_runs_is_asked_to_stop() {
        let home = tempfile::tempdir().unwrap();
        let options = Options { config_dir: Some(home.path().to_owned()), ..Options::default() };
        let usual = places(&options, false).unwrap();
        let headless = InstanceLock::acquire(&usual.state_dir).unwrap();
        headless.announce(Some("http://127.0.0.1:1/v1"), None).unwrap();
        profiles::add(&usual, "Work").unwrap();
        let work = places(&Options { profile: Some("Work".to_owned()), ..options.clone() }, false).unwrap();
        let shown = InstanceLock::acquire(&work.state_dir).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        shown.announce(None, Some(&format!("{} word", listener.local_addr().unwrap()))).unwrap();
        let bell = std::thread::Builder::new().name("bell".to_owned()).spawn(move || {
            let (mut caller, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&caller).read_line(&mut line).unwrap();
            caller.write_all(b"coming").unwrap();
            line
        });
        assert_eq!(stop(&options).unwrap(), ExitCode::SUCCESS);
        assert!(bell.unwrap().join().unwrap().starts_with("word "));
    }

    #[test]
    fn who_was_not_asked_is_told_of_as_it_is() {
        let lost = Some(Rung::Windowless(doorbell::Lack::Failed));
        let said = [(None, true), (None, false), (lost, true), (Some(Rung::Nobody), true)]
            .map(|(answer, serves)| not_asked(answer, serves));
        for (words, part) in said.iter().zip(["without a window", "starting", "lost its window", "did not answer"]) {
            assert!(words.contains(part), "{words}");
        }
    }
}
