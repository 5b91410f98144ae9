//! Turns a configuration and the keys at hand into the proxy's table of upstreams.
//!
//! Invariant: an endpoint without an address, or one that points at ourselves, is not in the table.
//! Absent on purpose: judging keys; an account without one still has its place, and the brain keeps it out.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Uri;

use crate::model::checked::{CheckedConfig, CheckedEndpoint};
use crate::model::config::{Account, Service};
use crate::model::host;
use crate::model::id::{AccountId, EndpointId};
use crate::proxy::slots::Slots;
use crate::proxy::upstreams::Upstream;
use crate::wire::target::{Target, TargetAccount};

/// The table. `keys` hands out an account's keys, `simulated` the base URL of a simulated account, `own` is our listener.
#[must_use]
pub fn table(
    config: &CheckedConfig,
    mut keys: impl FnMut(&AccountId) -> Arc<Slots>,
    simulated: impl Fn(&AccountId) -> Option<String>,
    own: Option<SocketAddr>,
) -> BTreeMap<EndpointId, Arc<Upstream>> {
    let mut table = BTreeMap::new();
    for endpoint in &config.endpoints {
        let Some(account) = config.config.account(&endpoint.account) else { continue };
        let found = upstream(endpoint, account, keys(&account.id), &simulated);
        if let Some((upstream, _)) = found.filter(|(_, uri)| !own.is_some_and(|own| is_own(uri, own))) {
            table.insert(endpoint.id.clone(), Arc::new(upstream));
        } else {
            tracing::warn!(endpoint = %endpoint.id, "left out: it has no address, or its address is Tidegate's own");
        }
    }
    table
}

fn upstream(
    endpoint: &CheckedEndpoint,
    account: &Account,
    keys: Arc<Slots>,
    simulated: &impl Fn(&AccountId) -> Option<String>,
) -> Option<(Upstream, Uri)> {
    let played = account.service == Service::Simulated;
    let base_url = if played { simulated(&account.id)? } else { account.base_url.clone() };
    let mut target = TargetAccount { base_url: &base_url, ..TargetAccount::from(account) };
    if played {
        // A simulated account has the manners of the service it imitates.
        target.service = if account.api.is_some() { Service::Azure } else { Service::Compatible };
    }
    let known = Target::new(&target, &endpoint.deployment).ok()?;
    let target = if played { known.telling_usage(account.include_usage.unwrap_or(true)) } else { known };
    let uri: Uri = base_url.parse().ok()?;
    let upstream = Upstream {
        target,
        refuses_usage: Arc::default(),
        // We listen without encryption alone, so nothing that is encrypted leads straight back to us.
        may_lead_back: uri.scheme_str() == Some("http") || address(&uri).is_some_and(|ip| ip.is_loopback()),
        service: account.shows_key_as(),
        keys,
        organization: account.organization.clone(),
        project: account.project.clone(),
    };
    Some((upstream, uri))
}

fn address(uri: &Uri) -> Option<IpAddr> {
    host::address(uri.host()?)
}

fn is_own(uri: &Uri, own: SocketAddr) -> bool {
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let everywhere = own.ip().is_unspecified();
    let here = |ip: IpAddr| {
        ip == own.ip() || ip.is_unspecified() || ip.is_loopback() && (own.ip().is_loopback() || everywhere)
    };
    port == own.port() && address(uri).is_some_and(here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Config;

    fn checked(base_url: &str) -> CheckedConfig {
        let text = format!(
            "[[account]]\nid = \"a\"\nservice = \"compatible\"\nbase_url = \"{base_url}\"\nallow_plain_http = true\n[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\n"
        );
        let config: Config = toml_edit::de::from_str(&text).unwrap();
        CheckedConfig::resolve(Arc::new(config), 1).0
    }

    #[test]
    fn our_own_listener_is_no_upstream_under_any_of_its_names() {
        let own = Some(SocketAddr::from(([127, 0, 0, 1], 8787)));
        for url in ["http://127.0.0.1:8787/v1", "http://LocalHost.:8787/v1", "http://[::1]:8787/v1"] {
            assert!(table(&checked(url), |_| Arc::default(), |_| None, own).is_empty(), "{url}");
        }
        for url in ["http://127.0.0.1:8788/v1", "https://api.openai.com/v1"] {
            assert_eq!(table(&checked(url), |_| Arc::default(), |_| None, own).len(), 1, "{url}");
        }
    }

    #[test]
    fn whatever_may_be_ourselves_by_another_name_is_sent_our_mark() {
        let leads_back = |url: &str| {
            let table = table(&checked(url), |_| Arc::default(), |_| None, None);
            table.values().any(|upstream| upstream.may_lead_back)
        };
        assert!(leads_back("http://my-own-computer.lan:8787/v1") && leads_back("https://localhost:9/v1"));
        assert!(!leads_back("https://api.openai.com/v1"), "Azure refuses more than ten headers");
    }
}
