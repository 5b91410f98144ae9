//! Everything that can be found, from the table of actions and the snapshot.
//!
//! Invariant: in the order of the table, then of the configuration; requests newest first.
//! Absent on purpose: matching.

use super::{Does, Item, Kind, also, questions};
use crate::contract::Snapshot;
use crate::model::config::{AdminState, Credential, Service};
use crate::model::record::RequestRecord;
use crate::model::status::EndpointView;
use crate::ui::actions::{self, Action, Circumstances};
use crate::ui::cx::Target;
use crate::ui::format::count;
use crate::ui::{glossary, settings, status, words};

/// Everything but requests.
#[must_use]
pub fn all(now: &Circumstances) -> Vec<Item> {
    let mut items = of_the_table(now);
    items.extend(questions::all());
    endpoints(now.snapshot, &mut items);
    let config = &now.snapshot.applied.config;
    items.extend(config.routes.iter().map(|route| {
        let groups = u64::try_from(route.groups.len()).unwrap_or(u64::MAX);
        let detail = count(groups, "priority group", "priority groups");
        place(Kind::Route, route.model.as_str(), detail, Target::Route(route.model.clone()))
    }));
    items.extend(config.quota_pools.iter().map(|pool| {
        let detail = format!("{} TPM shared", crate::model::units::Grouped(pool.tokens_per_minute));
        place(Kind::Pool, pool.id.as_str(), detail, Target::Pool(pool.id.clone()))
    }));
    for account in &config.accounts {
        let id = account.id.as_str();
        items.push(place(Kind::Account, id, "Account".to_owned(), Target::Account(account.id.clone())));
        items.push(command(format!("Test the key of {id}"), "Ask the service", Does::Test(account.id.clone())));
        if account.service != Service::Simulated && matches!(account.credential, Credential::Keyring(_)) {
            let detail = "The one in use is kept until you switch";
            items.push(command(format!("Replace key of {id}"), detail, Does::ReplaceKey(account.id.clone())));
        }
    }
    let profile = &now.snapshot.profile;
    let others = profile.names.iter().filter(|name| profile.demo || **name != profile.name);
    items.extend(others.map(|name| {
        let found = command(
            format!("Serve with profile {name}"),
            "At once; requests under way finish",
            Does::Profile(name.clone()),
        );
        Item { also: "switch change account workspace configuration", ..found }
    }));
    items.extend(settings::ALL.iter().map(|setting| {
        let found = place(Kind::Setting, setting.name, setting.hint.to_owned(), Target::Setting(setting.slug));
        Item { also: also::of_setting(setting.slug), ..found }
    }));
    items.extend(glossary::ALL.iter().map(|word| Item {
        kind: Kind::Word,
        // Not the word alone: whoever types the name of a page wants the page.
        label: format!("{}: what it means", word.name),
        detail: word.says.to_owned(),
        also: word.also,
        obstacle: None,
        does: Does::Explain(word.name),
    }));
    items
}

fn of_the_table(now: &Circumstances) -> Vec<Item> {
    let item = |entry: &actions::Entry| Item {
        kind: if matches!(entry.action, Action::Go(_)) { Kind::Page } else { Kind::Command },
        label: label(entry, now),
        detail: entry.hint.to_owned(),
        also: also::of_action(entry.action),
        obstacle: actions::obstacle(entry.action, now).map(str::to_owned),
        does: Does::Act(entry.action),
    };
    // Opening the palette from the palette is no news.
    actions::table().iter().filter(|entry| entry.action != Action::Palette).map(item).collect()
}

/// Undo and redo say what of, a saved filter what it asks.
fn label(entry: &actions::Entry, now: &Circumstances) -> String {
    let what = match entry.action {
        Action::Undo => now.deeds.undo_label(now.draft),
        Action::Redo => now.deeds.redo_label(now.draft),
        Action::SavedFilter(place) => now.snapshot.requests_view.filters.get(place - 1).map(String::as_str),
        _ => None,
    };
    what.map_or_else(|| entry.label.to_owned(), |what| format!("{}: {what}", entry.label))
}

fn endpoints(snapshot: &Snapshot, items: &mut Vec<Item>) {
    for endpoint in &snapshot.view.endpoints {
        let detail = format!("{} · {}", endpoint.model, status::endpoint(endpoint, snapshot).word);
        items.push(place(Kind::Endpoint, endpoint.id.as_str(), detail, Target::Endpoint(endpoint.id.clone())));
    }
    let states = [("Pause", AdminState::Paused), ("Drain", AdminState::Draining), ("Resume", AdminState::Enabled)];
    for endpoint in &snapshot.view.endpoints {
        for (verb, state) in states.into_iter().filter(|(_, state)| endpoint.admin_state != *state) {
            items.push(switch(endpoint, verb, state));
        }
    }
}

fn switch(endpoint: &EndpointView, verb: &str, state: AdminState) -> Item {
    command(format!("{verb} {}", endpoint.id), "At once; can be undone", Does::Set(endpoint.id.clone(), state))
}

fn place(kind: Kind, label: &str, detail: String, target: Target) -> Item {
    Item { kind, label: label.to_owned(), detail, also: "", obstacle: None, does: Does::Open(target) }
}

fn command(label: String, detail: &str, does: Does) -> Item {
    Item { kind: Kind::Command, label, detail: detail.to_owned(), also: "", obstacle: None, does }
}

/// A finished request.
pub(super) fn request(record: &RequestRecord) -> Item {
    let detail = format!("{} · {}", record.profile.model, words::explain::one_line(record));
    place(Kind::Request, &record.id.to_string(), detail, Target::Request(record.id))
}
