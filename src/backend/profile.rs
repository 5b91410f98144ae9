//! A profile as it is loaded: its places, its lock, its file, and what runs if the file does not.
//!
//! Invariant: a file that cannot be read is never written unasked; the last good configuration runs in its stead.
//! Absent on purpose: keys (`keys`) and everything that moves.

use std::io;
use std::sync::Arc;

use crate::backend::Options;
use crate::contract::snapshot::{Problem, Profile};
use crate::model::check::Finding;
use crate::model::config::Config;
use crate::model::revision::LeftDraft;
use crate::store::config_file::{ConfigError, ConfigFile, last_good};
use crate::store::draft_file::DraftFile;
use crate::store::live_session::LiveSession;
use crate::store::lock::{InstanceLock, LockError};
use crate::store::paths::{Overrides, Paths};
use crate::store::{atomic, environment, profiles};

/// What the demo profile starts with.
const DEMO: &str = include_str!("../../assets/demo.toml");

/// A loaded profile.
pub struct Loaded {
    /// Where everything lies.
    pub paths: Paths,
    /// To save with; `None` while the file cannot be read.
    pub file: Option<ConfigFile>,
    /// What the file says. It is not what runs while a change could not be saved, and not what a broken file meant.
    pub on_file: Config,
    /// What is to run.
    pub config: Arc<Config>,
    /// What is said of it.
    pub findings: Vec<Finding>,
    /// Why the file is not what runs.
    pub problem: Option<Problem>,
    /// For the screen.
    pub shown: Profile,
    /// When the live session began that was neither kept nor taken back when we last ran; Unix milliseconds.
    pub left_over: Option<u64>,
    /// The draft that was left when we last ended.
    pub draft: Option<Arc<LeftDraft>>,
    /// Held as long as the profile is in use; `None` if the folder cannot be written.
    pub lock: Option<InstanceLock>,
}

/// Where the profile of these flags lies.
///
/// # Errors
/// No home folder, or a flag that is no path.
pub fn places(options: &Options, demo: bool) -> anyhow::Result<Paths> {
    if let Some(name) = options.profile.as_ref().filter(|name| !profiles::is_usable(name)) {
        return Err(profiles::NameError::Unusable(name.clone()).into());
    }
    let (config_file, config_dir) = (options.config.clone(), options.config_dir.clone());
    let overrides = Overrides { config_file, config_dir, profile: options.profile.clone(), demo };
    Ok(Paths::resolve(&overrides)?)
}

/// Loads a profile.
///
/// # Errors
/// Another instance runs with it.
pub fn load(options: &Options, demo: bool) -> anyhow::Result<Loaded> {
    let paths = places(options, demo)?;
    let lock = match InstanceLock::acquire(&paths.state_dir) {
        Ok(lock) => Some(lock),
        Err(held @ LockError::Held(_)) => return Err(held.into()),
        Err(unusable @ LockError::Unusable { .. }) => {
            tracing::warn!(
                "{unusable} Settings cannot be saved; serving works. Make that folder writable, or name another with --config-dir."
            );
            None
        }
    };
    if demo && !paths.config_file.exists() {
        write_demo(&paths)
            .unwrap_or_else(|error| tracing::warn!(%error, "the demo's configuration could not be saved"));
    }
    let (file, config, findings, problem, existed) = read(&paths, demo);
    // What runs beside requests never stands still for another program.
    let file = file.map(ConfigFile::without_waiting);
    let on_file = if demo && !paths.config_file.exists() { Config::default() } else { config.clone() };
    let home = places(&Options { profile: None, ..options.clone() }, false)?;
    let shown = Profile {
        name: paths.profile_name.clone(),
        names: profiles::names(&home).into(),
        can_add: home.profiles.is_some(),
        demo,
        config_path: paths.config_file.display().to_string(),
        data_dir: paths.data_dir.display().to_string(),
        state_dir: paths.state_dir.display().to_string(),
        first_run: !demo && !existed,
        environment_keys: environment::key_names(),
    };
    let left_over = file.as_ref().and_then(|file| LiveSession::of(&paths.data_dir).take_left_over(file.text()));
    let draft = DraftFile::of(&paths.data_dir).read().map(Arc::new);
    Ok(Loaded { paths, file, on_file, config: Arc::new(config), findings, problem, shown, left_over, draft, lock })
}

fn write_demo(paths: &Paths) -> io::Result<()> {
    atomic::make_folder(&paths.config_dir)?;
    atomic::write(&paths.config_file, DEMO.as_bytes())
}

type Read = (Option<ConfigFile>, Config, Vec<Finding>, Option<Problem>, bool);

fn read(paths: &Paths, demo: bool) -> Read {
    match ConfigFile::load(paths) {
        Ok(loaded) if demo && !loaded.existed => (Some(loaded.file), demo_config(), Vec::new(), None, true),
        Ok(loaded) => {
            if let Err(error) = loaded.file.keep_last_good() {
                tracing::warn!(%error, "the last good configuration could not be kept");
            }
            (Some(loaded.file), loaded.config, loaded.findings, None, loaded.existed)
        }
        Err(error) => {
            let (config, problem) = stand_in(paths, &error);
            (None, config, Vec::new(), Some(problem), true)
        }
    }
}

/// What runs while the file cannot.
fn stand_in(paths: &Paths, error: &ConfigError) -> (Config, Problem) {
    let good = last_good(paths);
    let still_works = match &good {
        Some(_) => "The last good configuration runs in its stead, and nothing was overwritten.",
        None => "Nothing is routed: every request gets a clear error. Nothing was overwritten.",
    };
    let problem = Problem {
        what: error.to_string(),
        still_works: still_works.to_owned(),
        next_step: format!("Mend {}, then read it again.", paths.config_file.display()),
    };
    (good.unwrap_or_default(), problem)
}

/// The demo's configuration where its folder cannot be written.
fn demo_config() -> Config {
    crate::store::config_read::read(DEMO, "demo.toml").map(|read| read.config).unwrap_or_default()
}
