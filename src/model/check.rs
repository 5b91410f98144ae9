//! What is wrong or wasteful in a configuration, as sentences that name the place.
//!
//! Invariant: an *error* breaks exactly the part its path names (an account, pool, endpoint or route); everything else
//! still runs. A *warning* breaks nothing.
//! Absent on purpose: line numbers; the file's own reader adds them (`store::config_file`).

mod limits;
mod order;
mod timing;
mod way;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::config::{
    AzureApi, Config, Credential, Endpoint, Queue, Route, Service, Spread, group_rank, is_host, is_origin, shown,
};
use super::host::is_surely_this_computer;
use super::units::Grouped;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Wasteful or surprising; everything runs.
    Warning,
    /// The named part is left out until it is mended.
    Error,
}

/// Where in the file: table, place in its array from 0, key. Empty strings and `None` mean "the whole".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingPlace {
    /// `account`, `quota_pool`, `endpoint`, `route`, `caller`, `listen`, `queue`, `retry`.
    pub table: String,
    /// Which one, from 0.
    pub place: Option<usize>,
    /// The key within it.
    pub key: String,
}

/// One sentence about a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub at: FindingPlace,
    /// The line of the file, from 1, if a file was read.
    pub line: Option<usize>,
    /// What is the matter and what still works.
    pub message: String,
}

impl Finding {
    /// Whether this finding takes the named part out of service.
    #[must_use]
    pub fn breaks(&self, table: &str, place: usize) -> bool {
        self.severity == Severity::Error && self.at.table == table && self.at.place == Some(place)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{kind}: {}", self.message)
    }
}

/// Everything there is to say about a configuration, in file order.
#[must_use]
pub fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Findings { list: Vec::new() };
    listen(config, &mut findings);
    accounts(config, &mut findings);
    mixed(config, &mut findings);
    pools(config, &mut findings);
    endpoints(config, &mut findings);
    routes(config, &mut findings);
    order::unrouted(config, &mut findings);
    limits::callers(config, &mut findings);
    rules(config, &mut findings);
    timing::timing(config, &mut findings);
    way::way(config, &mut findings);
    limits::live_tuning(&config.live_tuning, &mut findings);
    findings.list
}

/// The key that a finding about an empty priority group names.
const EMPTY_GROUP: &str = "endpoints";

/// What is found in a draft that `running` does not have already and that keeps the draft from being applied: errors, and priority
/// groups that were left empty. An old error keeps only its own part out of service, and may have moved to another place in its
/// list.
pub fn brought_in<'a>(draft: &'a [Finding], running: &Config) -> impl Iterator<Item = &'a Finding> + use<'a> {
    let old = check(running);
    draft.iter().filter(move |finding| {
        let blocks =
            finding.severity == Severity::Error || finding.at.table == "route" && finding.at.key == EMPTY_GROUP;
        blocks && !old.iter().any(|known| known.message == finding.message)
    })
}

struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, severity: Severity, table: &str, place: Option<usize>, key: &str, message: String) {
        let at = FindingPlace { table: table.to_owned(), place, key: key.to_owned() };
        self.list.push(Finding { severity, at, line: None, message });
    }
    fn error(&mut self, table: &str, place: usize, key: &str, message: String) {
        self.add(Severity::Error, table, Some(place), key, message);
    }
    fn warn(&mut self, table: &str, place: usize, key: &str, message: String) {
        self.add(Severity::Warning, table, Some(place), key, message);
    }
}

/// What is said of an address that others can reach while no caller has a token. Who has one, the configuration alone does not
/// say, unless there are no callers.
#[must_use]
pub fn nobody_could_enter(address: &str) -> String {
    format!(
        "{address} can be reached from your network, and no caller has a token, so nobody could be let in. Make one in \
         Settings, Callers, or with `tidegate caller add NAME`; until then use 127.0.0.1."
    )
}

fn listen(config: &Config, findings: &mut Findings) {
    let address = &config.listen.address;
    if address.parse::<IpAddr>().is_err() {
        let text = format!("\"{address}\" is not an IP address. Use 127.0.0.1.");
        findings.add(Severity::Error, "listen", None, "address", text);
    }
    if address.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback()) && config.callers.is_empty() {
        findings.add(Severity::Error, "listen", None, "address", nobody_could_enter(address));
    }
    for host in config.listen.allowed_hosts.iter().filter(|host| !is_host(host)) {
        let text =
            format!("\"{host}\" in allowed_hosts has no effect: write a name alone, without scheme, port or path.");
        findings.add(Severity::Warning, "listen", None, "allowed_hosts", text);
    }
    for origin in config.listen.allowed_origins.iter().filter(|origin| !is_origin(origin)) {
        let text = format!(
            "\"{origin}\" in allowed_origins has no effect: write it like https://app.example, without a path."
        );
        findings.add(Severity::Warning, "listen", None, "allowed_origins", text);
    }
}

fn accounts(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, account) in config.accounts.iter().enumerate() {
        let id = &account.id;
        if !seen.insert(id) {
            findings.error(
                "account",
                place,
                "id",
                format!("Two accounts are called \"{id}\". The second is left out; give it another id."),
            );
            continue;
        }
        if id.as_str().is_empty() {
            findings.error("account", place, "id", "This account has no id. It is left out.".to_owned());
        }
        if account.service != Service::Simulated {
            base_url(place, account, findings);
        }
        if matches!(&account.credential, Credential::Command(words) if words.is_empty()) {
            let text = format!(
                "The command of account \"{id}\" has no words, so it has no key. Name a program that prints a token."
            );
            findings.warn("account", place, "credential", text);
        }
        if let (Credential::Env(first), Some(second)) = (&account.credential, &account.second_key)
            && *first == second.env
        {
            let text = format!(
                "Both keys of account \"{id}\" come from {}, so the second helps nobody when the first is refused. Name \
                 another variable.",
                shown(first)
            );
            findings.warn("account", place, "second_key", text);
        }
        variables(place, account, findings);
        if account.service == Service::Azure
            && account.api.unwrap_or_default() == AzureApi::Classic
            && account.api_version.is_none()
        {
            findings.error(
                "account",
                place,
                "api_version",
                format!("Account \"{id}\" uses Azure's classic paths and needs an api_version such as \"2024-10-21\". Its endpoints are left out."),
            );
        }
    }
}

/// Names that are none. What stands there may be a key, and is not repeated.
fn variables(place: usize, account: &super::config::Account, findings: &mut Findings) {
    let first = match &account.credential {
        Credential::Env(variable) => Some(("credential", variable)),
        Credential::Keyring(_) | Credential::Command(_) => None,
    };
    let second = account.second_key.as_ref().map(|source| ("second_key", &source.env));
    for (key, _) in first.into_iter().chain(second).filter(|(_, name)| shown(name) != name.as_str()) {
        let text = format!(
            "The {key} of account \"{}\" names no environment variable. If a key stands there, take it out: keys are not kept \
             in this file. Write the name of a variable that holds it.",
            account.id
        );
        findings.warn("account", place, key, text);
    }
}

fn base_url(place: usize, account: &super::config::Account, findings: &mut Findings) {
    let (id, url) = (&account.id, &account.base_url);
    let uri: Option<http::Uri> = url.parse().ok();
    let Some((scheme, host)) = uri.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.host()?))) else {
        findings.error(
            "account",
            place,
            "base_url",
            format!("Account \"{id}\" needs a base_url like {}. Its endpoints are left out.", example(account.service)),
        );
        return;
    };
    if url.contains('@') || uri.as_ref().is_some_and(|uri| uri.query().is_some()) {
        findings.error(
            "account",
            place,
            "base_url",
            format!(
                "The base_url of account \"{id}\" must not hold a user name or a query. Its endpoints are left out."
            ),
        );
        return;
    }
    let local = is_surely_this_computer(host);
    match scheme {
        "https" => {}
        "http" if local || account.allow_plain_http => {}
        "http" => findings.error(
            "account",
            place,
            "base_url",
            format!("Account \"{id}\" would send its key unencrypted to {host}. Use https, or set allow_plain_http = true. Its endpoints are left out."),
        ),
        other => findings.error("account", place, "base_url", format!("Account \"{id}\" uses \"{other}\", which is neither http nor https. Its endpoints are left out.")),
    }
}

const fn example(service: Service) -> &'static str {
    match service {
        Service::Azure => "https://NAME.openai.azure.com",
        Service::Openai => "https://api.openai.com/v1",
        Service::Compatible | Service::Simulated => "https://HOST/v1",
    }
}

/// Figures never tell simulated tokens from real ones.
fn mixed(config: &Config, findings: &mut Findings) {
    let simulated = config.accounts.iter().position(|account| account.service == Service::Simulated);
    if let Some(place) = simulated.filter(|_| config.mixes_simulated()) {
        let text = "Simulated and real endpoints together: figures add both, and clients may get made-up text. Remove the simulated \
                    accounts, or keep them in the demo.";
        findings.warn("account", place, "service", text.to_owned());
    }
}

/// A priority group as on screen, with its number in the file: `Second choice (group 2) of route "gpt-4o"`.
fn group_name(route: &Route, rank: usize) -> String {
    format!("{} (group {}) of route \"{}\"", group_rank(rank, route.groups.len()), rank + 1, route.model)
}

fn pools(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, pool) in config.quota_pools.iter().enumerate() {
        let id = &pool.id;
        if !seen.insert(id) {
            findings.error(
                "quota_pool",
                place,
                "id",
                format!("Two quota pools are called \"{id}\". The second is left out."),
            );
            continue;
        }
        limits::pool(place, pool, findings);
        if let Some(percent) = pool.adjust_within_percent.filter(|percent| *percent > 100) {
            findings.warn(
                "quota_pool",
                place,
                "adjust_within_percent",
                format!("Pool \"{id}\": shares cannot be adjusted by more than 100 percent; {percent} counts as 100."),
            );
        }
        let shares = config.endpoints.iter().filter(|endpoint| endpoint.quota_pool.as_ref() == Some(id));
        let sum = shares.filter_map(|endpoint| endpoint.tokens_per_minute).fold(0_u64, u64::saturating_add);
        // A total of the person's own may be given out more than once: that is what it is for.
        if sum > pool.tokens_per_minute && !pool.soft {
            let (total, over) = (Grouped(pool.tokens_per_minute), Grouped(sum - pool.tokens_per_minute));
            findings.warn(
                "quota_pool",
                place,
                "tokens_per_minute",
                format!("The endpoints of pool \"{id}\" are given {} TPM, {over} more than the pool's {total}. Traffic is held at the pool's total; free {over} to make the shares true.", Grouped(sum)),
            );
        }
    }
}

fn endpoints(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, endpoint) in config.endpoints.iter().enumerate() {
        let id = &endpoint.id;
        if !seen.insert(id) {
            findings.error(
                "endpoint",
                place,
                "id",
                format!("Two endpoints are called \"{id}\". The second is left out."),
            );
            continue;
        }
        let service = config.account(&endpoint.account).map(|account| account.service);
        if service.is_none() {
            findings.error("endpoint", place, "account", format!("Endpoint \"{id}\" names account \"{}\", which does not exist. The endpoint is left out; the others serve.", endpoint.account));
        }
        if let Some(pool) = &endpoint.quota_pool
            && config.quota_pool(pool).is_none()
        {
            findings.error("endpoint", place, "quota_pool", format!("Endpoint \"{id}\" names quota pool \"{pool}\", which does not exist. The endpoint is left out; the others serve."));
        }
        if let (Some(cap), Some(limit)) = (endpoint.soft_cap_tokens_per_minute, endpoint.tokens_per_minute)
            && cap > limit
            && cap >= service.map_or(limit, |service| endpoint.enforcement.at(service).within_a_minute(limit))
        {
            findings.warn(
                "endpoint",
                place,
                "soft_cap_tokens_per_minute",
                format!(
                    "The soft cap of \"{id}\" ({}) is above its limit ({}) and has no effect.",
                    Grouped(cap),
                    Grouped(limit)
                ),
            );
        }
        if endpoint.probe_above && endpoint.pinned {
            findings.warn(
                "endpoint",
                place,
                "probe_above",
                format!("Endpoint \"{id}\" is pinned, so probe_above has no effect."),
            );
        }
        if endpoint.tokens_per_minute == Some(0) || endpoint.requests_per_minute == Some(0) {
            findings.warn("endpoint", place, "tokens_per_minute", format!("Endpoint \"{id}\" has a limit of 0 and will never be used. Pause it instead, or leave the limit out to have it learned."));
        }
        let name = |endpoint: &Endpoint| endpoint.deployment.clone().unwrap_or_else(|| endpoint.model.to_string());
        let same = |other: &&Endpoint| other.account == endpoint.account && name(other) == name(endpoint);
        if let Some(twin) = config.endpoints.iter().take(place).find(same) {
            findings.warn(
                "endpoint",
                place,
                "deployment",
                format!(
                    "Endpoints \"{}\" and \"{id}\" are the same deployment of account \"{}\", so the second adds no \
                     capacity. Remove one, or name another deployment.",
                    twin.id, endpoint.account
                ),
            );
        }
        limits::endpoint(place, endpoint, findings);
        if !matches!(endpoint.request_slice_seconds, None | Some(1 | 10)) {
            findings.warn(
                "endpoint",
                place,
                "request_slice_seconds",
                format!("Endpoint \"{id}\": services check requests in slices of 1 or 10 seconds."),
            );
        }
    }
}

fn routes(config: &Config, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, route) in config.routes.iter().enumerate() {
        let model = &route.model;
        if !seen.insert(model) {
            findings.error(
                "route",
                place,
                "model",
                format!("Two routes answer for model \"{model}\". The first one serves; the second is left out."),
            );
            continue;
        }
        if route.groups.iter().all(|group| group.endpoints.is_empty()) {
            findings.warn(
                "route",
                place,
                "group",
                format!("Route \"{model}\" has no endpoints, so requests for it are refused until one is added."),
            );
        }
        let mut used = BTreeSet::new();
        for (rank, group) in route.groups.iter().enumerate() {
            if group.endpoints.is_empty() && route.groups.len() > 1 {
                findings.warn(
                    "route",
                    place,
                    EMPTY_GROUP,
                    format!("{} is empty. Add an endpoint to it, or remove it.", group_name(route, rank)),
                );
            }
            if group.cache_affinity && !matches!(group.spread, Spread::Headroom | Spread::Latency) {
                findings.warn(
                    "route",
                    place,
                    "cache_affinity",
                    format!(
                        "{}: cache_affinity has no effect, as it is not split by headroom or latency.",
                        group_name(route, rank)
                    ),
                );
            }
            for member in &group.endpoints {
                member_findings(config, place, route, group.spread, member, &mut used, findings);
            }
        }
        order::order(config, place, route, findings);
    }
}

fn member_findings<'c>(
    config: &'c Config,
    place: usize,
    route: &super::config::Route,
    spread: Spread,
    member: &'c super::config::Member,
    used: &mut BTreeSet<&'c super::id::EndpointId>,
    findings: &mut Findings,
) {
    let (model, id) = (&route.model, &member.endpoint);
    match config.endpoint(id) {
        None => findings.warn(
            "route",
            place,
            "group",
            format!("Route \"{model}\" lists endpoint \"{id}\", which does not exist. The others serve."),
        ),
        Some(endpoint) if endpoint.model != *model && model.as_str() != "*" => findings.warn(
            "route",
            place,
            "group",
            format!(
                "Endpoint \"{id}\" answers as \"{}\", while route \"{model}\" promises another model.",
                endpoint.model
            ),
        ),
        Some(_) => {}
    }
    if !used.insert(id) {
        findings.warn("route", place, "group", format!("Endpoint \"{id}\" stands twice in route \"{model}\"."));
    }
    if member.weight == 0 {
        findings.warn(
            "route",
            place,
            "group",
            format!("Endpoint \"{id}\" has weight 0 in route \"{model}\"; it counts as 1."),
        );
    } else if member.weight != 1 && spread != Spread::Weights {
        findings.warn(
            "route",
            place,
            "group",
            format!("The weight of \"{id}\" in route \"{model}\" has no effect: the group does not split by weights."),
        );
    }
}

fn rules(config: &Config, findings: &mut Findings) {
    if config.retry.max_attempts == 0 {
        findings.add(
            Severity::Warning,
            "retry",
            None,
            "max_attempts",
            "max_attempts is 0; one attempt is always made.".to_owned(),
        );
    }
    if config.retry.base_delay_ms > config.retry.max_delay_ms {
        findings.add(
            Severity::Warning,
            "retry",
            None,
            "base_delay_ms",
            "base_delay_ms is above max_delay_ms, which is used instead.".to_owned(),
        );
    }
    if config.queue.max_wait_seconds > 540 {
        findings.add(
            Severity::Warning,
            "queue",
            None,
            "max_wait_seconds",
            "SDK clients give up after 600 s; a wait over 540 s leaves no time for the answer.".to_owned(),
        );
    }
    if config.queue.bulk_share_percent > Queue::LARGEST_BULK_SHARE {
        findings.add(
            Severity::Warning,
            "queue",
            None,
            "bulk_share_percent",
            "bulk_share_percent is above 90, which is used instead: the others need a share too.".to_owned(),
        );
    }
    history(config, findings);
    bodies(config, findings);
}

fn history(config: &Config, findings: &mut Findings) {
    let mut say = |key: &str, message: &str| {
        findings.add(Severity::Warning, "history", None, key, message.to_owned());
    };
    let history = &config.history;
    if history.keep && history.max_megabytes < 8 {
        say("max_megabytes", "max_megabytes is below 8, which is used instead: less holds next to nothing.");
    }
    if history.keep && history.max_days == 0 {
        say("max_days", "max_days is 0; one day is kept. To keep nothing, set keep to false.");
    }
}

fn bodies(config: &Config, findings: &mut Findings) {
    let mut warn = |key: &str, message: &str| {
        findings.add(Severity::Warning, "bodies", None, key, message.to_owned());
    };
    if config.bodies.largest_mib == 0 {
        warn("largest_mib", "largest_mib is 0, so only requests without a body are taken. Leave it out for 2048.");
    }
    if config.bodies.memory_mib > 1_024 {
        warn("memory_mib", "memory_mib is above 1024; as many bodies as come at once may each take that much memory.");
    }
    if config.bodies.stall_seconds == 0 {
        warn(
            "stall_seconds",
            "stall_seconds is 0, so every body that does not come in one piece is cut off. Leave it out for 30.",
        );
    }
}
