//! What a draft changes of an account, one sentence each.
//!
//! Invariant: no key; where one comes from is all that a configuration knows.
//! Absent on purpose: judgement; what is wrong with a change is a finding.

use super::or_plain;
use crate::model::config::Account;

/// Every difference between two accounts of one id.
pub(super) fn account(old: &Account, new: &Account) -> Vec<String> {
    let id = &new.id;
    let mut said = Vec::new();
    let address = |account: &Account| Some(account.base_url.clone()).filter(|url| !url.is_empty());
    let texts = [
        ("Address", address(old), address(new)),
        ("API version", old.api_version.clone(), new.api_version.clone()),
        ("Subscription", old.subscription.clone(), new.subscription.clone()),
        ("Region", old.region.clone(), new.region.clone()),
        ("Organization", old.organization.clone(), new.organization.clone()),
        ("Project", old.project.clone(), new.project.clone()),
    ];
    for (name, before, after) in texts.into_iter().filter(|(_, before, after)| before != after) {
        let words = |value: Option<String>| value.unwrap_or_else(|| "not stated".to_owned());
        said.push(format!("{name} of account {id}: {} → {}.", words(before), words(after)));
    }
    if old.api.unwrap_or_default() != new.api.unwrap_or_default() {
        said.push(format!("Account {id} is asked by Azure's other paths."));
    }
    if old.credential != new.credential || old.second_key != new.second_key {
        said.push(format!("The key of account {id} comes from elsewhere."));
    }
    if old.allow_plain_http != new.allow_plain_http {
        said.push(if new.allow_plain_http {
            format!("The key of account {id} may be sent unencrypted.")
        } else {
            format!("The key of account {id} is sent encrypted only.")
        });
    }
    if old.include_usage != new.include_usage {
        said.push(match new.include_usage {
            Some(true) => format!("Streams of account {id} are asked for their usage."),
            Some(false) => format!("Streams of account {id} are not asked for their usage."),
            None => format!("Streams of account {id} are asked for their usage where its service is known to tell it."),
        });
    }
    or_plain(said, || format!("Account {id} changes."))
}
