//! The commands that do one thing and leave: `check`, `key …`, `--print-paths`.
//!
//! Invariant: a key is read from the terminal or standard input, and never shown.
//! Absent on purpose: serving.

use std::io::{IsTerminal, Read as _, Write as _};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::profile::places;
use super::{Options, key_test};
use crate::model::config::{Account, Credential};
use crate::model::id::AccountId;
use crate::model::secret::Secret;
use crate::store::config_file::{ConfigError, ConfigFile, has_errors, report};
use crate::store::environment;
use crate::store::keys::{KeyStore as _, KeyringStore};

/// `tidegate check`
///
/// # Errors
/// There is no place to look, or the file cannot be read.
pub fn check(options: &Options) -> anyhow::Result<ExitCode> {
    let paths = places(options, options.demo)?;
    match ConfigFile::load(&paths) {
        Ok(loaded) if !loaded.existed => {
            println!("{}: there is no configuration yet", paths.config_file.display());
            Ok(ExitCode::SUCCESS)
        }
        Ok(loaded) => {
            print!("{}", report(&loaded.findings, &paths.config_file));
            if loaded.findings.is_empty() {
                println!("{}: nothing to complain about", paths.config_file.display());
            }
            Ok(if has_errors(&loaded.findings) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        Err(ConfigError::Malformed(error)) => {
            println!("{}:{}: error: {}", paths.config_file.display(), error.line, error.sentence);
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error.into()),
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
    let pasted = if std::io::stdin().is_terminal() { ask(&account)? } else { piped()? };
    let key = Secret::from_pasted(pasted.expose())
        .ok_or_else(|| anyhow!("that is no key: it is empty or holds characters that cannot be sent"))?;
    KeyringStore::new().store(&account.id, &key)?;
    println!("the key of {} is stored; it will not be shown again", account.id);
    Ok(ExitCode::SUCCESS)
}

/// `tidegate key remove ACCOUNT`
///
/// # Errors
/// No keyring.
pub fn remove_key(_: &Options, account: &str) -> anyhow::Result<ExitCode> {
    // Also for an account that has left the configuration.
    KeyringStore::new().remove(&AccountId::from(account))?;
    println!("the key of {account} is forgotten");
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
        Credential::Env(variable) => environment::secret(variable).with_context(|| format!("{variable} is not set"))?,
        Credential::Keyring(_) => {
            KeyringStore::new().fetch(&account.id)?.with_context(|| format!("no key is stored for {}", account.id))?
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let test = runtime.block_on(key_test::test(&account, &key));
    for (passed, line) in &test.lines {
        println!("{} {line}", if *passed { "ok  " } else { "FAIL" });
    }
    let passed = test.lines.iter().all(|(passed, _)| *passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn named(options: &Options, account: &str) -> anyhow::Result<Account> {
    let config = ConfigFile::load(&places(options, options.demo)?)?.config;
    let known: Vec<&str> = config.accounts.iter().map(|account| account.id.as_str()).collect();
    let found = config.accounts.iter().find(|known| known.id.as_str() == account);
    found.cloned().ok_or_else(|| match known.as_slice() {
        [] => anyhow!("the configuration has no accounts yet"),
        known => anyhow!("there is no account \"{account}\"; there are: {}", known.join(", ")),
    })
}

fn stored_in_keyring(account: &Account) -> anyhow::Result<()> {
    if let Credential::Env(variable) = &account.credential {
        bail!("account {} takes its key from the environment variable {variable}; set that instead", account.id);
    }
    Ok(())
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
