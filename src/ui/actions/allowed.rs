//! When an action is allowed, and why not.
//!
//! Invariant: an action without an obstacle does something; each obstacle is a sentence for the person.
//! Absent on purpose: greying anything; the palette and the buttons do that.

use super::Action;
use crate::contract::Snapshot;
use crate::contract::snapshot::{KeyState, Serving};
use crate::model::config::{AdminState, Credential, Service};
use crate::model::id::{AccountId, EndpointId};
use crate::ui::cx::{Page, Target};
use crate::ui::deeds::Deeds;
use crate::ui::draft::Draft;
use crate::ui::trail::Trail;

/// What decides whether an action is allowed.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// How the proxy stands.
    pub snapshot: &'a Snapshot,
    /// The edited configuration.
    pub draft: &'a Draft,
    /// What was done at once and can be taken back.
    pub(in crate::ui) deeds: &'a Deeds,
    /// Where the person is and was.
    pub trail: &'a Trail,
    /// What is selected.
    pub selected: Option<&'a Target>,
}

impl Circumstances<'_> {
    /// The endpoint that is selected.
    #[must_use]
    pub fn endpoint(&self) -> Option<&EndpointId> {
        match self.selected {
            Some(Target::Endpoint(id)) => Some(id),
            _ => None,
        }
    }

    /// The account that is selected, or that of the selected endpoint.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self.selected {
            Some(Target::Account(id)) => Some(id.clone()),
            Some(Target::Endpoint(id)) => self.snapshot.view.endpoint(id).map(|endpoint| endpoint.account.clone()),
            _ => None,
        }
    }
}

/// Why the action would do nothing now; `None`: it is allowed.
#[must_use]
pub fn obstacle(action: Action, now: &Circumstances) -> Option<&'static str> {
    let unless = |allowed: bool, why| (!allowed).then_some(why);
    let demo = now.snapshot.profile.demo;
    match action {
        Action::Back => unless(now.trail.can_go_back(), "There is nowhere to go back to"),
        Action::Forward => unless(now.trail.can_go_forward(), "You have not gone back"),
        Action::Filter => unless(now.trail.page().has_filter(), "This page has no filter"),
        Action::Undo => unless(now.deeds.undo_label(now.draft).is_some(), "There is nothing to undo"),
        Action::Redo => unless(now.deeds.redo_label(now.draft).is_some(), "Nothing was undone"),
        Action::Review | Action::Discard => unless(now.draft.is_changed(), "There are no unapplied changes"),
        Action::CopyBaseUrl | Action::PauseServing | Action::ResumeServing => serving(action, now),
        Action::RetryPort => unless(stands_in(now.snapshot), "We listen where we should"),
        Action::NewProfile => {
            unless(now.snapshot.profile.can_add, "Profiles cannot be added beside a file that was named with --config")
        }
        Action::EnterDemo => unless(!demo, "This is the demo"),
        Action::LeaveDemo => unless(demo, "This is not the demo"),
        Action::Play(_) if !demo => Some("Only the demo plays scripts"),
        Action::Play(_) => unless(now.snapshot.script.is_none(), "A script plays already"),
        Action::StopScript => unless(now.snapshot.script.is_some(), "No script plays"),
        Action::PauseEndpoint => unless(now.endpoint().is_some(), "Open an endpoint first"),
        Action::DrainEndpoint => drain(now),
        Action::TestKey => test_key(now),
        Action::ReplaceKey => replace_key(now),
        Action::Why | Action::CopyCurl | Action::CopyBoth | Action::MarkRow => {
            unless(matches!(now.selected, Some(Target::Request(_))), "Select a request first, on the Requests page")
        }
        Action::NextRow | Action::PreviousRow | Action::OldestRow | Action::NewestRow => {
            unless(super::table::ROWS.contains(&now.trail.page()), "This page has no rows")
        }
        Action::SavedFilter(place) => {
            unless(now.snapshot.requests_view.filters.len() >= place, "No filter is saved under this number")
        }
        Action::ExtendDown | Action::ExtendUp => {
            unless(now.trail.page() == Page::Requests, "Only on the Requests page")
        }
        _ => None,
    }
}

fn serving(action: Action, now: &Circumstances) -> Option<&'static str> {
    match (&now.snapshot.serving, action) {
        (Serving::Listening { paused: true, .. }, Action::PauseServing) => Some("Serving is paused already"),
        (Serving::Listening { paused: false, .. }, Action::ResumeServing) => Some("Serving is not paused"),
        (Serving::Listening { .. }, _) => None,
        _ => Some("We do not listen"),
    }
}

fn stands_in(snapshot: &Snapshot) -> bool {
    matches!(snapshot.serving, Serving::Listening { instead_of: Some(_), .. } | Serving::Failed(_))
}

fn test_key(now: &Circumstances) -> Option<&'static str> {
    let Some(account) = now.account() else { return Some("Open an endpoint or an account first") };
    let key = now.snapshot.keys.accounts.iter().find(|key| key.account == account);
    let unneeded = key.is_some_and(|key| key.state == KeyState::NotNeeded);
    unneeded.then_some("A simulated endpoint needs no key")
}

fn replace_key(now: &Circumstances) -> Option<&'static str> {
    let Some(account) = now.account() else { return Some("Open an endpoint or an account first") };
    let account = now.snapshot.applied.config.account(&account)?;
    match account.credential {
        _ if account.service == Service::Simulated => Some("A simulated endpoint needs no key"),
        Credential::Keyring(_) => None,
        Credential::Env(_) | Credential::Command(_) => Some("Its key comes from elsewhere: see Key source"),
    }
}

fn drain(now: &Circumstances) -> Option<&'static str> {
    let endpoint = now.endpoint().and_then(|id| now.snapshot.view.endpoint(id));
    match endpoint.map(|endpoint| endpoint.admin_state) {
        None => Some("Open an endpoint first"),
        Some(AdminState::Draining) => Some("It drains already"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn obstacles(selected: Option<Target>) -> impl Fn(Action) -> Option<&'static str> {
        obstacles_of(fixture::snapshot(), selected)
    }

    fn obstacles_of(snapshot: Snapshot, selected: Option<Target>) -> impl Fn(Action) -> Option<&'static str> {
        let draft = Draft::new(&snapshot.applied);
        let trail = Trail::default();
        let deeds = Deeds::default();
        move |action| {
            let now = Circumstances {
                snapshot: &snapshot,
                draft: &draft,
                deeds: &deeds,
                trail: &trail,
                selected: selected.as_ref(),
            };
            obstacle(action, &now)
        }
    }

    #[test]
    fn what_would_do_nothing_says_why() {
        let why = obstacles(None);
        assert_eq!(why(Action::Undo), Some("There is nothing to undo"));
        assert_eq!(why(Action::Back), Some("There is nowhere to go back to"));
        assert_eq!(why(Action::ResumeServing), Some("Serving is not paused"));
        assert_eq!(why(Action::PauseServing), None);
        assert_eq!(why(Action::DrainEndpoint), Some("Open an endpoint first"));
    }

    #[test]
    fn an_endpoint_that_is_open_can_be_paused_and_its_key_tested() {
        let open = Some(Target::Endpoint("sim-eastus".into()));
        assert_eq!(obstacles(open.clone())(Action::TestKey), Some("A simulated endpoint needs no key"));
        let why = obstacles_of(fixture::with_keys(), open);
        assert_eq!((why(Action::PauseEndpoint), why(Action::DrainEndpoint), why(Action::TestKey)), (None, None, None));
        assert_eq!(why(Action::Why), Some("Select a request first, on the Requests page"));
    }
}
