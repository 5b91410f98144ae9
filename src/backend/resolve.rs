//! From a profile as it was loaded to what runs, and what is said of it.
//!
//! Invariant: findings of the file come first, then those of the inventory; all are logged once.
//! Absent on purpose: running it.

use std::sync::Arc;

use anyhow::anyhow;

use super::callers::{self, Porter};
use super::profile::Loaded;
use crate::contract::snapshot::Applied;
use crate::model::check::Finding;
use crate::model::checked::CheckedConfig;
use crate::model::config::Config;
use crate::plan::inventory;

/// With nobody to read a banner, a broken file ends the start, and a missing one is said.
pub(super) fn refuse_unattended(profile: &Loaded) -> anyhow::Result<()> {
    let path = &profile.shown.config_path;
    if let Some(problem) = &profile.problem {
        return Err(anyhow!(
            "{} Nothing was started and nothing was overwritten. Mend {path}, or name another file with --config.",
            problem.what
        ));
    }
    if profile.shown.first_run {
        tracing::warn!("{path} does not exist yet, so requests have no route. Write it, then start again.");
    }
    Ok(())
}

/// What is to run, and what is said of it; each of it is also logged.
pub(super) fn resolve(profile: &Loaded, revision: u64, porter: &Porter) -> (Arc<CheckedConfig>, Vec<Finding>) {
    let (checked, findings) = CheckedConfig::resolve(Arc::clone(&profile.config), revision);
    // The file's own findings are the same with line numbers, and unknown keys besides.
    let findings = if profile.findings.is_empty() { findings } else { profile.findings.clone() };
    let findings = with_inventory(findings, &profile.config, porter);
    for finding in &findings {
        tracing::warn!("{finding}");
    }
    (Arc::new(checked), findings)
}

/// What the inventory says comes after what the check says.
pub(super) fn with_inventory(mut findings: Vec<Finding>, config: &Config, porter: &Porter) -> Vec<Finding> {
    findings.extend(inventory::findings(config));
    findings.extend(callers::unset_tokens(config));
    findings.extend(porter.findings(config));
    findings
}

/// The first applied configuration.
pub(super) fn applied(profile: &Loaded, findings: Vec<Finding>) -> Applied {
    Applied {
        profile: profile.shown.name.as_str().into(),
        revision: 1,
        config: Arc::clone(&profile.config),
        findings,
        file_problem: profile.problem.clone(),
    }
}
