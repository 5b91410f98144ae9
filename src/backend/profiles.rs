//! Going from one profile to another, and adding one.
//!
//! Invariant: what runs goes on until the other profile is loaded and locked; each profile serves at its own address, and the
//! demo leaves nothing behind.
//! Absent on purpose: removing a profile, and running two at once; a second Tidegate does that.

use super::commands::stuck;
use super::stage::Stage;
use super::{Options, profile};
use crate::contract::ProfileCommand;
use crate::contract::snapshot::Problem;
use crate::store::paths::Paths;
use crate::store::profiles::{self, NameError};

/// Carries out one command.
pub(super) async fn obey(stage: &mut Stage, command: ProfileCommand) -> Result<String, Problem> {
    match command {
        ProfileCommand::Enter(name) => enter(stage, &name).await,
        ProfileCommand::Add(name) => {
            let home = home(stage).map_err(|error| stuck(&error))?;
            profiles::add(&home, &name).map_err(|error| not_added(&error))?;
            enter(stage, &name).await
        }
    }
}

/// The places of the usual profile.
fn home(stage: &Stage) -> anyhow::Result<Paths> {
    profile::places(&Options { profile: None, ..stage.options.clone() }, false)
}

async fn enter(stage: &mut Stage, name: &str) -> Result<String, Problem> {
    if !stage.profile.shown.demo && stage.profile.shown.name == name {
        return Ok(String::new());
    }
    let known = profiles::names(&home(stage).map_err(|error| stuck(&error))?);
    let Some(place) = known.iter().position(|known| known == name) else {
        return Err(Problem {
            what: format!("There is no profile {name} any more."),
            still_works: "What ran goes on running.".to_owned(),
            next_step: "Choose another, or add it again.".to_owned(),
        });
    };
    let options = Options { profile: (place > 0).then(|| name.to_owned()), ..stage.options_for_real() };
    let loaded = profile::load(&options, false).map_err(|error| stuck(&error))?;
    let demo = stage.profile.shown.demo.then(|| stage.profile.paths.clone());
    stage.enter(loaded).map_err(|error| stuck(&error))?;
    stage.options = options;
    stage.follow_profile().await;
    if let Some(demo) = demo {
        remove_demo(demo);
    }
    Ok(format!("Profile {name} runs"))
}

/// Deletes what the demo wrote.
pub(super) fn remove_demo(demo: Paths) {
    for folder in [demo.data_dir, demo.state_dir] {
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            tracing::debug!(%error, "a folder of the demo was not there to remove");
        }
    }
}

fn not_added(error: &NameError) -> Problem {
    let next_step = match error {
        NameError::Folder(_) => "Make that folder writable, then add it again.",
        NameError::NoRoom => "Start Tidegate without --config.",
        NameError::Unusable(_) | NameError::Taken(_) => "Choose another name.",
    };
    Problem {
        what: format!("The profile was not added. {error}"),
        still_works: "What ran goes on running.".to_owned(),
        next_step: next_step.to_owned(),
    }
}
