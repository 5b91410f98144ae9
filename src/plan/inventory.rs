//! What the list of accounts, deployments and pools gives away: capacity counted twice, limits of the services, figures
//! that do not go together.
//!
//! Invariant: a finding is a warning, and true of the configuration as it stands; what depends on what we cannot see says
//! "if".
//! Absent on purpose: errors. What breaks something is found by `model::check`.

use std::collections::{BTreeMap, BTreeSet};

use super::azure_cli::host;
use super::windows;
use crate::model::check::{Finding, FindingPlace, Severity};
use crate::model::checked::same_region;
use crate::model::config::{Account, Config, Endpoint, Enforcement, QuotaPool, Route, Service};
use crate::model::units::Grouped;

/// Azure OpenAI resources in one region of one subscription.
const RESOURCES: usize = 30;
/// The same for Foundry resources.
const FOUNDRY_RESOURCES: usize = 100;
/// Standard deployments in one resource.
const DEPLOYMENTS: usize = 32;

/// Everything the inventory says, in file order by table.
#[must_use]
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    resources(config, &mut findings);
    second_keys(config, &mut findings);
    deployments(config, &mut findings);
    figures(config, &mut findings);
    shared_quota(config, &mut findings);
    for (place, route) in config.routes.iter().enumerate() {
        empty_spill(config, place, route, &mut findings);
        windows::narrowing(config, place, route, &mut findings);
    }
    findings
}

fn warn(findings: &mut Vec<Finding>, table: &str, place: usize, key: &str, message: String) {
    let at = FindingPlace { table: table.to_owned(), place: Some(place), key: key.to_owned() };
    findings.push(Finding { severity: Severity::Warning, at, line: None, message });
}

/// A resource is known by its host.
fn azure_host(account: &Account) -> Option<String> {
    (account.service == Service::Azure).then(|| host(&account.base_url)).flatten().map(str::to_ascii_lowercase)
}

fn resources(config: &Config, findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<(&str, &str, bool), BTreeSet<String>> = BTreeMap::new();
    for (place, account) in config.accounts.iter().enumerate() {
        let (Some(host), Some(subscription), Some(region)) =
            (azure_host(account), account.subscription.as_deref(), account.region.as_deref())
        else {
            continue;
        };
        let foundry = host.ends_with(".services.ai.azure.com");
        let (most, kind) = if foundry { (FOUNDRY_RESOURCES, "Foundry") } else { (RESOURCES, "Azure OpenAI") };
        let hosts = known.entry((subscription, region, foundry)).or_default();
        if hosts.insert(host) && hosts.len() == most + 1 {
            warn(
                findings,
                "account",
                place,
                "region",
                format!(
                    "Subscription \"{subscription}\" has more than {most} {kind} resources in {region} here, and Azure allows {most}. Check the subscription and region of its accounts."
                ),
            );
        }
    }
}

/// A second key of the same resource, or of the same organization, is no second allowance.
fn second_keys(config: &Config, findings: &mut Vec<Finding>) {
    for (place, account) in config.accounts.iter().enumerate() {
        let Some(first) = config.accounts.iter().take(place).find(|first| same_owner(first, account)) else { continue };
        let of =
            |owner: &Account| config.endpoints.iter().filter(move |endpoint| endpoint.account == owner.id).collect();
        let (ours, theirs): (Vec<&Endpoint>, Vec<&Endpoint>) = (of(account), of(first));
        let twice = ours.iter().find_map(|one| {
            let twin = theirs.iter().find(|other| named(other) == named(one))?;
            let pooled = one.quota_pool.is_some() && one.quota_pool == twin.quota_pool;
            (!pooled).then_some((*one, *twin))
        });
        let Some((one, twin)) = twice else { continue };
        let whose = match (account.service, account.organization.as_deref()) {
            (Service::Azure, _) => "are two keys of the same Azure resource, and a".to_owned(),
            (_, Some(organization)) => format!("are two keys of organization \"{organization}\", and a"),
            (_, None) => "do not say whose keys they are. If both are of one organization, the".to_owned(),
        };
        let or = if account.organization.is_none() && account.service == Service::Openai {
            "State their organizations, or give them one quota pool."
        } else {
            "Give them one quota pool, or remove one."
        };
        warn(
            findings,
            "account",
            place,
            "id",
            format!(
                "Accounts \"{}\" and \"{}\" {whose} second key adds no capacity: \"{}\" and \"{}\" share one limit. {or}",
                first.id, account.id, twin.id, one.id
            ),
        );
    }
}

/// Whether the services would count what two accounts send together, as far as is stated.
fn same_owner(one: &Account, other: &Account) -> bool {
    match (one.service, other.service) {
        (Service::Azure, Service::Azure) => azure_host(one).is_some_and(|host| Some(host) == azure_host(other)),
        // Limits are set per organization; a project may have lower ones of its own. Where none is stated, it may be one.
        (Service::Openai, Service::Openai) => one.organization == other.organization,
        _ => false,
    }
}

/// What the service calls it.
fn named(endpoint: &Endpoint) -> &str {
    endpoint.deployment.as_deref().unwrap_or(endpoint.model.as_str())
}

fn deployments(config: &Config, findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (place, endpoint) in config.endpoints.iter().enumerate() {
        let Some(host) = config.account(&endpoint.account).and_then(azure_host) else { continue };
        if endpoint.enforcement == Enforcement::Utilization {
            continue;
        }
        let names = known.entry(host.clone()).or_default();
        if names.insert(named(endpoint)) && names.len() == DEPLOYMENTS + 1 {
            warn(
                findings,
                "endpoint",
                place,
                "account",
                format!(
                    "Resource {host} has more than {DEPLOYMENTS} standard deployments here, and Azure allows {DEPLOYMENTS}. Check which of them exist."
                ),
            );
        }
    }
}

/// Tokens per minute without requests, and requests that are not what the model usually comes with.
fn figures(config: &Config, findings: &mut Vec<Finding>) {
    for (place, endpoint) in config.endpoints.iter().enumerate() {
        let service = config.account(&endpoint.account).map(|account| account.service);
        let Some(tokens) = endpoint.tokens_per_minute.filter(|tokens| *tokens > 0) else { continue };
        let standard = endpoint.enforcement != Enforcement::Utilization;
        let id = &endpoint.id;
        let ratio = config.request_ratio(endpoint);
        match (service, endpoint.requests_per_minute) {
            (Some(Service::Azure | Service::Openai), None) if standard && ratio.is_none() => warn(
                findings,
                "endpoint",
                place,
                "requests_per_minute",
                format!(
                    "Endpoint \"{id}\" states TPM but no RPM, and neither it nor a pool says how many requests go with 1,000 tokens. Until the service reports one, its request limit can only be found by a 429."
                ),
            ),
            (Some(Service::Azure), Some(stated)) if standard => {
                let documented = documented_requests(endpoint.model.as_str(), tokens);
                if let Some(documented) = documented.filter(|documented| documented.abs_diff(stated) > documented / 10)
                {
                    warn(
                        findings,
                        "endpoint",
                        place,
                        "requests_per_minute",
                        format!(
                            "Azure documents {} RPM with {} TPM of {}, and \"{id}\" states {}. Leave it if the deployment's page says so.",
                            Grouped(documented),
                            Grouped(tokens),
                            endpoint.model,
                            Grouped(stated)
                        ),
                    );
                }
            }
            _ => {}
        }
    }
}

/// Azure's documented requests per minute for tokens per minute; `None`: nothing is documented for that name.
#[must_use]
pub fn documented_requests(model: &str, tokens_per_minute: u64) -> Option<u64> {
    // Requests for so many tokens.
    const RATIOS: &[(&str, u64, u64)] = &[
        ("gpt-35-turbo", 6, 1_000),
        ("gpt-4", 6, 1_000),
        ("gpt-4o", 6, 1_000),
        ("gpt-4o-mini", 10, 1_000),
        ("gpt-4.1", 1, 1_000),
        ("gpt-4.1-mini", 1, 1_000),
        ("gpt-4.1-nano", 1, 1_000),
        ("gpt-5", 10, 1_000),
        ("gpt-5.1", 10, 1_000),
        ("gpt-5.2", 10, 1_000),
        ("gpt-5-mini", 1, 1_000),
        ("gpt-5-pro", 10, 1_000),
        ("gpt-5.4-pro", 1, 1_000),
        ("gpt-5.5", 1, 1_000),
        ("gpt-5.6", 1, 1_000),
        ("gpt-6", 1, 1_000),
        ("o1", 1, 6_000),
        ("o1-preview", 1, 6_000),
        ("o1-mini", 1, 10_000),
        ("o3", 1, 1_000),
        ("o3-mini", 1, 10_000),
        ("o3-pro", 1, 10_000),
        ("o4-mini", 1, 1_000),
    ];
    let (_, requests, tokens) = RATIOS.iter().find(|(name, ..)| *name == model)?;
    Some(tokens_per_minute.saturating_mul(*requests) / tokens)
}

/// Deployments of one model in one region of one subscription draw on one quota; of some types those in any region do.
fn shared_quota(config: &Config, findings: &mut Vec<Finding>) {
    let mut first: BTreeMap<(&str, &str), (&Endpoint, &str)> = BTreeMap::new();
    let mut said = BTreeSet::new();
    for (place, endpoint) in config.endpoints.iter().enumerate() {
        let Some(account) = config.account(&endpoint.account).filter(|account| account.service == Service::Azure)
        else {
            continue;
        };
        let (Some(subscription), Some(region)) = (account.subscription.as_deref(), account.region.as_deref()) else {
            continue;
        };
        if endpoint.enforcement == Enforcement::Utilization {
            continue;
        }
        let quota = (subscription, endpoint.model.as_str());
        let (known, elsewhere) = *first.entry(quota).or_insert((endpoint, region));
        let pooled = endpoint.quota_pool.is_some() && endpoint.quota_pool == known.quota_pool;
        // Stated shares are granted out of the quota: the service holds each of them already.
        let granted = endpoint.tokens_per_minute.is_some() && known.tokens_per_minute.is_some();
        if known.id != endpoint.id && !pooled && !granted && said.insert(quota) {
            let (places, types) = if same_region(elsewhere, region) {
                (format!("in {region}"), "of one type")
            } else {
                (format!("in {elsewhere} and {region}"), "of type Global Standard")
            };
            warn(
                findings,
                "endpoint",
                place,
                "quota_pool",
                format!(
                    "\"{}\" and \"{}\" are deployments of {} {places} of subscription \"{subscription}\": if they are {types}, they share one quota. Give them one quota pool, or state the TPM of each.",
                    known.id, endpoint.id, endpoint.model
                ),
            );
        }
    }
}

/// Going on to an endpoint whose pool is full by then brings nothing.
fn empty_spill(config: &Config, place: usize, route: &Route, findings: &mut Vec<Finding>) {
    for (rank, group) in route.groups.iter().enumerate().skip(1) {
        let before: Vec<&Endpoint> = route
            .groups
            .iter()
            .take(rank)
            .flat_map(|group| &group.endpoints)
            .filter_map(|member| config.endpoint(&member.endpoint))
            .collect();
        for endpoint in group.endpoints.iter().filter_map(|member| config.endpoint(&member.endpoint)) {
            let Some(pool) = endpoint.quota_pool.as_ref().and_then(|pool| config.quota_pool(pool)) else { continue };
            if drawn(pool, &before) >= pool.tokens_per_minute {
                warn(
                    findings,
                    "route",
                    place,
                    "group",
                    format!(
                        "Route \"{}\" goes on to \"{}\" when the groups before it are full, but those can use up pool \"{}\" alone, and \"{}\" draws from it too. Going on brings nothing then.",
                        route.model, endpoint.id, pool.id, endpoint.id
                    ),
                );
            }
        }
    }
}

/// What endpoints can draw from a pool, in tokens per minute; one without a stated limit all of it.
fn drawn(pool: &QuotaPool, endpoints: &[&Endpoint]) -> u64 {
    let members = endpoints.iter().filter(|endpoint| endpoint.quota_pool.as_ref() == Some(&pool.id));
    let most = |endpoint: &&Endpoint| {
        let ceilings = [endpoint.tokens_per_minute, endpoint.soft_cap_tokens_per_minute];
        ceilings.into_iter().flatten().min().unwrap_or(pool.tokens_per_minute)
    };
    members.map(most).fold(0, u64::saturating_add)
}

#[cfg(test)]
#[path = "inventory_tests.rs"]
mod tests;
