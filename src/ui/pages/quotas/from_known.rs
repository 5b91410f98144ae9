//! Pools for endpoints that draw from one quota, as far as accounts tell who pays and services told their limits.
//!
//! Invariant: nobody is put together by a guess: one subscription or organization, else one account; one region, one model.
//! Absent on purpose: a total that no service told; such endpoints are left to the person.

use std::collections::BTreeMap;

use egui::Ui;

use super::allot;
use crate::model::config::{Account, Config, Endpoint, Enforcement, Service};
use crate::model::id::{EndpointId, PoolId};
use crate::model::status::BalancerView;
use crate::ui::cx::PageCx;
use crate::ui::format::{count, tpm};
use crate::ui::widgets::note;

/// A pool that could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    id: PoolId,
    total: u64,
    members: Vec<EndpointId>,
}

/// Who pays, where, for which model.
type Shared = (String, String, String);

/// Offers what could be made, as one button and one undo step.
pub(super) fn show(ui: &mut Ui, cx: &mut PageCx) {
    let offers = offers(cx.draft.working(), &cx.snapshot.view);
    if offers.is_empty() {
        if cx.draft.working().quota_pools.is_empty() {
            note(
                ui,
                cx.theme,
                "Deployments of one model in one subscription and region share a quota: they are offered as a pool here once \
                 their service has reported their limits.",
            );
        }
        return;
    }
    let pools = count(offers.len() as u64, "pool", "pools");
    let each: Vec<String> = offers.iter().map(said).collect();
    let button = ui.button(format!("Create {pools} from what providers reported"));
    if button.on_hover_text(each.join("\n")).clicked() {
        cx.draft.edit(format!("create {pools} from what providers reported"), |config| {
            for offer in &offers {
                put(config, offer);
            }
        });
    }
}

fn said(offer: &Offer) -> String {
    format!("{}: {}, {}", offer.id, count(offer.members.len() as u64, "endpoint", "endpoints"), tpm(offer.total))
}

fn offers(config: &Config, view: &BalancerView) -> Vec<Offer> {
    let mut together: BTreeMap<Shared, Vec<(&Account, &Endpoint)>> = BTreeMap::new();
    // Provisioned throughput is nobody else's.
    let alone =
        |endpoint: &&Endpoint| endpoint.quota_pool.is_none() && endpoint.enforcement != Enforcement::Utilization;
    for endpoint in config.endpoints.iter().filter(alone) {
        let Some(account) = config.account(&endpoint.account) else { continue };
        if let Some(shared) = shared(account, endpoint) {
            together.entry(shared).or_default().push((account, endpoint));
        }
    }
    let several = together.into_iter().filter(|(_, members)| members.len() > 1);
    several.filter_map(|(shared, members)| offer(config, view, &shared, &members)).collect()
}

/// `None`: it shares with nobody that we could know of.
fn shared(account: &Account, endpoint: &Endpoint) -> Option<Shared> {
    let payer = match account.service {
        Service::Azure => account.subscription.clone(),
        Service::Openai => account.project.clone().or_else(|| account.organization.clone()),
        Service::Compatible | Service::Simulated => return None,
    };
    let payer = payer.unwrap_or_else(|| account.id.to_string());
    Some((payer, account.region.clone().unwrap_or_default(), endpoint.model.to_string()))
}

fn offer(config: &Config, view: &BalancerView, shared: &Shared, members: &[(&Account, &Endpoint)]) -> Option<Offer> {
    let parts = [&shared.0, &shared.1, &shared.2];
    let name: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let id = PoolId::from(name.join("/"));
    let limits: Option<Vec<u64>> = members.iter().map(|(_, endpoint)| limit(view, endpoint)).collect();
    let limits = limits.filter(|_| config.quota_pool(&id).is_none())?;
    // Azure gives each deployment a part; at OpenAI each is told the whole.
    let azure = members.iter().any(|(account, _)| account.service == Service::Azure);
    let total = if azure {
        limits.iter().fold(0, |sum: u64, limit| sum.saturating_add(*limit))
    } else {
        *limits.iter().max()?
    };
    Some(Offer { id, total, members: members.iter().map(|(_, endpoint)| endpoint.id.clone()).collect() })
}

/// What the service reported. What a person typed may be a share of it, or a wish.
fn limit(view: &BalancerView, endpoint: &Endpoint) -> Option<u64> {
    view.endpoint(&endpoint.id)?.reported_tokens_per_minute.filter(|limit| *limit > 0)
}

fn put(config: &mut Config, offer: &Offer) {
    allot::add_pool(config, offer.id.as_str(), offer.total);
    for member in &offer.members {
        if let Some(endpoint) = config.endpoint_mut(member) {
            endpoint.quota_pool = Some(offer.id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::check::{Severity, check};
    use crate::ui::fixture;

    /// The demo's endpoints as deployments of two resources, in no pool; `subscription` is that of both. Somebody typed limits.
    fn azure(subscription: Option<&str>) -> Config {
        let mut config = fixture::config();
        config.quota_pools.clear();
        for account in &mut config.accounts {
            account.service = Service::Azure;
            account.base_url = format!("https://{}.openai.azure.com", account.id);
            account.api_version = Some("2024-10-21".to_owned());
            account.subscription = subscription.map(str::to_owned);
        }
        for endpoint in &mut config.endpoints {
            (endpoint.quota_pool, endpoint.simulated) = (None, None);
            endpoint.tokens_per_minute = Some(999_000);
        }
        config
    }

    /// What runs, each endpoint's service having reported the limit that the demo gives it.
    fn reported() -> BalancerView {
        let (mut view, config) = (BalancerView::clone(&fixture::snapshot().view), fixture::config());
        for seen in &mut view.endpoints {
            seen.reported_tokens_per_minute = config.endpoint(&seen.id).and_then(|one| one.tokens_per_minute);
        }
        view
    }

    fn told(config: &Config) -> Vec<String> {
        offers(config, &reported()).iter().map(said).collect()
    }

    #[test]
    fn deployments_of_a_subscription_and_region_become_one_pool_of_what_they_have_together() {
        let mut config = azure(Some("sub-a"));
        assert_eq!(told(&config), ["sub-a/eastus/demo-chat: 4 endpoints, 540,000 TPM"]);
        for offer in offers(&config, &reported()) {
            put(&mut config, &offer);
        }
        assert!(check(&config).iter().all(|finding| finding.severity != Severity::Error), "{:?}", check(&config));
        assert_eq!(told(&config), [] as [String; 0], "they are in a pool now");
    }

    #[test]
    fn without_a_subscription_only_what_is_of_one_resource_is_put_together() {
        let said =
            ["sim-a/eastus/demo-chat: 2 endpoints, 180,000 TPM", "sim-b/eastus/demo-chat: 2 endpoints, 360,000 TPM"];
        assert_eq!(told(&azure(None)), said);
    }

    #[test]
    fn where_a_service_told_no_limit_nothing_is_offered_whatever_was_typed() {
        let (config, mut view) = (azure(None), reported());
        let first = config.endpoints[0].id.clone();
        view.endpoints.iter_mut().find(|seen| seen.id == first).unwrap().reported_tokens_per_minute = None;
        let told: Vec<String> = offers(&config, &view).iter().map(said).collect();
        assert_eq!(told, ["sim-b/eastus/demo-chat: 2 endpoints, 360,000 TPM"]);
        assert_eq!(offers(&config, &fixture::snapshot().view), [], "nothing was reported at all");
    }

    #[test]
    fn at_openai_each_is_told_the_whole_so_it_is_counted_once() {
        let mut config = azure(None);
        for account in &mut config.accounts {
            account.service = Service::Openai;
            account.region = None;
        }
        assert_eq!(told(&config)[0], "sim-a/demo-chat: 2 endpoints, 120,000 TPM");
    }
}
