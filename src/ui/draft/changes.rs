//! What a draft changes, one sentence each.
//!
//! Invariant: two configurations that differ yield at least one sentence; equal ones yield none.
//! Absent on purpose: judgement; what is wrong with a change is a finding.

mod account;
mod door;

use crate::model::config::{Config, Endpoint, Group, QuotaPool, Route};
use crate::model::id::EndpointId;
use crate::model::units::Grouped;
use crate::ui::format::{count, group_rank};
use crate::ui::rules::{self, Section};
use crate::ui::words;

/// Every difference, in file order.
pub(super) fn sentences(base: &Config, draft: &Config) -> Vec<String> {
    let mut said = Vec::new();
    if base == draft {
        return said;
    }
    door::listen(&base.listen, &draft.listen, &mut said);
    lists(&base.accounts, &draft.accounts, |a| a.id.as_str(), "Account", &mut said, account::account);
    lists(&base.quota_pools, &draft.quota_pools, |p| p.id.as_str(), "Quota pool", &mut said, pool);
    lists(&base.endpoints, &draft.endpoints, |e| e.id.as_str(), "Endpoint", &mut said, endpoint);
    lists(&base.routes, &draft.routes, |r| r.model.as_str(), "Route", &mut said, route);
    lists(&base.callers, &draft.callers, |c| c.id.as_str(), "Caller", &mut said, door::caller);
    if base.queue != draft.queue {
        let queue = &draft.queue;
        said.push(format!(
            "The line holds {} requests for up to {} s; bulk gets {} % of the tokens at least.",
            Grouped(queue.max_waiting.into()),
            queue.max_wait_seconds,
            queue.bulk_share_percent
        ));
    }
    for section in Section::ALL.into_iter().filter(|section| *section != Section::Queue) {
        said.extend(rules::sentences(section, base, draft));
    }
    if base.upstream != draft.upstream {
        said.push(door::upstream(&draft.upstream));
    }
    if base.history.keep != draft.history.keep {
        let kept = "Requests, series and usage are kept over a restart.";
        said.push(if draft.history.keep { kept } else { "Nothing is kept over a restart." }.to_owned());
    }
    if said.is_empty() {
        said.push("The order of the file changes.".to_owned());
    }
    said
}

fn lists<T: PartialEq>(
    base: &[T],
    draft: &[T],
    key: impl Fn(&T) -> &str,
    noun: &str,
    said: &mut Vec<String>,
    changed: impl Fn(&T, &T) -> Vec<String>,
) {
    for new in draft {
        match base.iter().find(|old| key(old) == key(new)) {
            None => said.push(format!("{noun} {} is added.", key(new))),
            Some(old) if old != new => said.extend(changed(old, new)),
            Some(_) => {}
        }
    }
    for old in base.iter().filter(|old| draft.iter().all(|new| key(new) != key(old))) {
        said.push(format!("{noun} {} is removed.", key(old)));
    }
}

fn amount(value: Option<u64>, unit: &str) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{} {unit}", Grouped(value)))
}

fn pool(old: &QuotaPool, new: &QuotaPool) -> Vec<String> {
    let id = &new.id;
    let mut said = Vec::new();
    if old.tokens_per_minute != new.tokens_per_minute {
        said.push(format!(
            "Quota pool {id}: {} → {} TPM.",
            Grouped(old.tokens_per_minute),
            Grouped(new.tokens_per_minute)
        ));
    }
    let (before, after) = (old.effective_requests_per_minute(), new.effective_requests_per_minute());
    if before != after {
        said.push(format!("Quota pool {id}: {} → {}.", amount(before, "RPM"), amount(after, "RPM")));
    }
    if old.adjust_within_percent != new.adjust_within_percent {
        said.push(match new.adjust_within_percent {
            Some(percent) => format!("Shares of quota pool {id} follow demand by up to {percent} %."),
            None => format!("Shares of quota pool {id} stay as they are."),
        });
    }
    if old.pinned != new.pinned {
        said.push(if new.pinned {
            format!("The total of quota pool {id} is kept as typed, whatever the service says.")
        } else {
            format!("The total of quota pool {id} may be corrected by what the service says.")
        });
    }
    if old.soft != new.soft {
        said.push(if new.soft {
            format!("The total of quota pool {id} is your own; its shares may add up to more.")
        } else {
            format!("The total of quota pool {id} is the provider's.")
        });
    }
    or_plain(said, || format!("Quota pool {id} changes."))
}

fn endpoint(old: &Endpoint, new: &Endpoint) -> Vec<String> {
    let id = &new.id;
    let mut said = Vec::new();
    for (name, before, after, unit) in [
        ("Soft cap", old.soft_cap_tokens_per_minute, new.soft_cap_tokens_per_minute, "TPM"),
        ("Token limit", old.tokens_per_minute, new.tokens_per_minute, "TPM"),
        ("Request limit", old.requests_per_minute, new.requests_per_minute, "RPM"),
    ] {
        if before != after {
            said.push(format!("{name} of {id}: {} → {}.", amount(before, unit), amount(after, unit)));
        }
    }
    if old.requests_per_1k_tokens != new.requests_per_1k_tokens {
        let [before, after] = [old, new].map(|one| amount(one.requests_per_1k_tokens, "requests"));
        said.push(format!("For 1,000 tokens of {id}: {before} → {after}."));
    }
    if old.quota_pool != new.quota_pool {
        said.push(match &new.quota_pool {
            Some(pool) => format!("{id} draws from quota pool {pool}."),
            None => format!("{id} draws from no quota pool."),
        });
    }
    if old.max_in_flight != new.max_in_flight {
        said.push(format!("{id} runs at once: {}.", amount(new.max_in_flight.map(u64::from), "requests")));
    }
    if old.admin_state != new.admin_state {
        said.push(format!("{id} becomes {}.", crate::ui::status::admin(new.admin_state).word.to_lowercase()));
    }
    or_plain(said, || format!("Settings of endpoint {id} change."))
}

fn or_plain(said: Vec<String>, plain: impl Fn() -> String) -> Vec<String> {
    if said.is_empty() { vec![plain()] } else { said }
}

/// Where a member stands: place of its group, how many groups, its weight.
fn place(route: &Route, id: &str) -> Option<(usize, u32)> {
    route.groups.iter().enumerate().find_map(|(place, group)| {
        group.endpoints.iter().find(|member| member.endpoint.as_str() == id).map(|member| (place, member.weight))
    })
}

fn rank(place: usize, route: &Route) -> String {
    group_rank(place, route.groups.len()).to_lowercase()
}

fn groups(route: &Route) -> String {
    count(route.groups.len() as u64, "priority group", "priority groups")
}

/// The members of a group, if those that stayed in it stand in another order.
fn reordered(old: &Group, new: &Group) -> Option<String> {
    let ids = |group: &Group, other: &Group| -> Vec<String> {
        let stayed = |id: &EndpointId| other.endpoints.iter().any(|member| member.endpoint == *id);
        group.endpoints.iter().map(|member| &member.endpoint).filter(|id| stayed(id)).map(ToString::to_string).collect()
    };
    let after = ids(new, old);
    (after != ids(old, new)).then(|| after.join(", "))
}

fn route(old: &Route, new: &Route) -> Vec<String> {
    let model = &new.model;
    let mut said = Vec::new();
    for member in new.groups.iter().flat_map(|group| &group.endpoints) {
        let id = member.endpoint.as_str();
        match (place(old, id), place(new, id)) {
            (None, Some((to, _))) => said.push(format!("{id} joins route {model} as {}.", rank(to, new))),
            (Some((from, _)), Some((to, _))) if rank(from, old) != rank(to, new) => {
                said.push(format!("{id} moves from {} to {} in route {model}.", rank(from, old), rank(to, new)));
            }
            (Some((_, before)), Some((_, after))) if before != after => {
                said.push(format!("Weight of {id} in route {model}: {before} → {after}."));
            }
            _ => {}
        }
    }
    for member in old.groups.iter().flat_map(|group| &group.endpoints) {
        if place(new, member.endpoint.as_str()).is_none() {
            said.push(format!("{} leaves route {model}.", member.endpoint));
        }
    }
    if old.groups.len() != new.groups.len() {
        said.push(format!("Route {model} has {}, not {}.", groups(new), old.groups.len()));
    }
    for (at, group) in new.groups.iter().enumerate() {
        if let Some(order) = old.groups.get(at).and_then(|before| reordered(before, group)) {
            said.push(format!("{} of route {model} is now in this order: {order}.", group_rank(at, new.groups.len())));
        }
        // A lane that went takes its name with it.
        let same_lanes = old.groups.len() == new.groups.len();
        if old.groups.get(at).is_some_and(|before| same_lanes && before.id != group.id) {
            let named = group.id.as_ref().map_or_else(|| "has no name".to_owned(), |id| format!("is named {id}"));
            said.push(format!("{} of route {model} {named}.", group_rank(at, new.groups.len())));
        }
        if old.groups.get(at).is_some_and(|before| before.cache_affinity != group.cache_affinity) {
            let now = if group.cache_affinity { "now keeps" } else { "no longer keeps" };
            let rank = group_rank(at, new.groups.len());
            said.push(format!("{rank} of route {model} {now} prompts where they may be cached."));
        }
        if old.groups.get(at).is_some_and(|before: &Group| before.spread != group.spread) {
            said.push(format!(
                "{} of route {model} is split by {}.",
                group_rank(at, new.groups.len()),
                words::spread(group.spread)
            ));
        }
    }
    said.extend(shares(old, new));
    if old.regions != new.regions {
        said.push(regions(new));
    }
    if old.priority != new.priority {
        let called = words::priority(new.priority.unwrap_or_default());
        said.push(format!("Requests of route {model} count as {called} unless they say otherwise."));
    }
    if old.then != new.then {
        let then = new.then.as_ref().map_or_else(|| "no other model".to_owned(), ToString::to_string);
        said.push(format!("Route {model} goes on with {then}."));
    }
    or_plain(said, || format!("The order within route {model} changes."))
}

/// `Route gpt-4o prefers regions a, b; never uses c.`
fn regions(route: &Route) -> String {
    let lists =
        [("prefers", &route.regions.prefer), ("uses only", &route.regions.allow), ("never uses", &route.regions.never)];
    let said = lists.into_iter().filter(|(_, list)| !list.is_empty());
    let said: Vec<String> = said.map(|(verb, list)| format!("{verb} {}", list.join(", "))).collect();
    if said.is_empty() {
        return format!("Route {} uses every region, in no order.", route.model);
    }
    format!("Of the regions, route {} {}.", route.model, said.join("; "))
}

fn shares(old: &Route, new: &Route) -> Vec<String> {
    let rules = |group: &Group| (group.spill_percent, group.return_percent, group.min_stay_seconds);
    let groups = new.groups.iter().enumerate();
    let changed = groups.filter(|(at, group)| old.groups.get(*at).is_some_and(|old| rules(old) != rules(group)));
    let told = changed.map(|(at, group)| {
        let (leave, back) = (group.spill_percent.unwrap_or(100), group.return_percent.unwrap_or(100));
        let stay = group.min_stay_seconds.unwrap_or(0);
        format!(
            "{} of route {} is left at {leave} %, for {stay} s at least, and used again below {back} %.",
            group_rank(at, new.groups.len()),
            new.model
        )
    });
    told.collect()
}
