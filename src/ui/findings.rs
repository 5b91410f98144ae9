//! What is said of the configuration, on the page it concerns.
//!
//! Invariant: while something is edited, only what is true of the draft is said.
//! Absent on purpose: mending; the sentence says what to do, and a link leads to where.

use egui::Ui;

use super::cx::{PageCx, Target};
use super::settings::{self, Setting};
use super::theme::{Tone, gap};
use super::widgets;
use crate::model::check::{Finding, Severity};
use crate::model::config::Config;
use crate::model::units::regrouped;

/// How many places a sentence links to.
const LINKS: usize = 2;

/// Shows what is said of one table of the file, and of one place in it if a place is given.
pub fn show(ui: &mut Ui, cx: &mut PageCx, table: &str, place: Option<usize>) {
    let about = |finding: &&Finding| finding.at.table == table && (place.is_none() || finding.at.place == place);
    let of_draft: Vec<&Finding> = cx.draft.findings().filter(about).collect();
    // The background knows more than the draft's own check, but of what runs.
    let runs = cx.snapshot.applied.findings.iter().filter(about).filter(|_| !cx.draft.is_changed()).map(as_liked);
    let more = runs.filter(|finding| of_draft.iter().all(|known| known.message != finding.message));
    let all: Vec<Finding> = of_draft.iter().copied().cloned().chain(more).collect();
    if all.is_empty() {
        return;
    }
    ui.add_space(gap::M);
    let blocking: Vec<Finding> = cx.draft.blocking().cloned().collect();
    for finding in all {
        let stops = blocking.contains(&finding);
        let tone = if stops || finding.severity == Severity::Error { Tone::Error } else { Tone::Near };
        ui.horizontal_wrapped(|ui| {
            widgets::status_label(ui, cx.theme, tone, &finding.message).on_hover_text(&finding.message);
            for (name, target) in places(cx.draft.working(), &finding) {
                if widgets::quiet_button(ui, cx.theme, &format!("Open {name}")).clicked() {
                    cx.open(target);
                }
            }
        });
    }
}

/// What the background found, with numbers as the person likes them: it writes them with commas.
#[must_use]
pub fn as_liked(finding: &Finding) -> Finding {
    Finding { message: regrouped(&finding.message), ..finding.clone() }
}

/// The place that a sentence is about, and a link to it: where it was found, or else the first that it names.
#[must_use]
pub fn link(config: &Config, finding: &Finding) -> Option<(String, Target)> {
    let place = finding.at.place;
    let found = match finding.at.table.as_str() {
        "endpoint" => config.endpoints.get(place?).map(|one| (one.id.to_string(), Target::Config(one.id.clone()))),
        "account" => config.accounts.get(place?).map(|one| (one.id.to_string(), Target::Account(one.id.clone()))),
        "quota_pool" => config.quota_pools.get(place?).map(|one| (one.id.to_string(), Target::Pool(one.id.clone()))),
        "route" => config.routes.get(place?).map(|one| (one.model.to_string(), Target::Route(one.model.clone()))),
        table => setting(table, &finding.at.key).map(|one| (one.name.to_owned(), Target::Setting(one.slug))),
    };
    found.or_else(|| places(config, finding).into_iter().next())
}

/// The setting that shows a key of a table of the file.
fn setting(table: &str, key: &str) -> Option<&'static Setting> {
    settings::named(match (table, key) {
        ("listen", "port") => "port",
        ("listen", "allowed_hosts") => "hosts",
        ("listen", "allowed_origins") => "origins",
        ("listen", "require_token") => "token",
        ("listen", _) => "address",
        ("upstream", _) => "upstream_proxy",
        ("caller", _) => "callers",
        // The others are called as their tables.
        (table, _) => table,
    })
}

/// The places that a sentence names in quotes; a route's own name is none, since it is said there.
fn places(config: &Config, finding: &Finding) -> Vec<(String, Target)> {
    let mut found: Vec<(String, Target)> = Vec::new();
    for name in finding.message.split('"').skip(1).step_by(2) {
        let target = if config.endpoint(&name.into()).is_some() {
            Target::Endpoint(name.into())
        } else if config.account(&name.into()).is_some() {
            Target::Account(name.into())
        } else if config.quota_pool(&name.into()).is_some() {
            Target::Pool(name.into())
        } else if config.route(&name.into()).is_some() && finding.at.table != "route" {
            Target::Route(name.into())
        } else {
            continue;
        };
        if found.len() < LINKS && found.iter().all(|(known, _)| known != name) {
            found.push((name.to_owned(), target));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::FindingPlace;
    use crate::ui::fixture;

    #[test]
    fn what_is_wrong_leads_to_its_field_or_setting() {
        let leads = |table: &str, place: Option<usize>, key: &str| {
            let at = FindingPlace { table: table.to_owned(), place, key: key.to_owned() };
            let finding = Finding { severity: Severity::Error, at, line: None, message: "It is wrong.".to_owned() };
            link(&fixture::config(), &finding).map(|(_, target)| target)
        };
        assert_eq!(leads("endpoint", Some(1), "account"), Some(Target::Config("sim-eastus".into())));
        for (table, key, slug) in [
            ("listen", "address", "address"),
            ("listen", "allowed_origins", "origins"),
            ("upstream", "proxy", "upstream_proxy"),
            ("caller", "id", "callers"),
            ("queue", "max_waiting", "queue"),
            ("retry", "budget_percent", "retry"),
            ("timeouts", "connect_seconds", "timeouts"),
            ("bodies", "largest_mib", "bodies"),
        ] {
            assert_eq!(leads(table, None, key), Some(Target::Setting(slug)), "{table}");
        }
    }

    #[test]
    fn a_sentence_leads_to_what_it_names() {
        let at = FindingPlace { table: "route".to_owned(), place: Some(0), key: "group".to_owned() };
        let message =
            "Route \"demo-chat\" lists \"sim-ptu\" of \"sim-b/eastus/demo\", \"sim-ptu\" and \"nothing\".".to_owned();
        let finding = Finding { severity: Severity::Warning, at, line: None, message };
        let (name, target) = link(&fixture::config(), &finding).unwrap();
        assert_eq!((name.as_str(), target), ("demo-chat", Target::Route("demo-chat".into())), "where it was found");
        let targets: Vec<Target> = places(&fixture::config(), &finding).into_iter().map(|(_, target)| target).collect();
        assert_eq!(targets, [Target::Endpoint("sim-ptu".into()), Target::Pool("sim-b/eastus/demo".into())]);
    }
}
