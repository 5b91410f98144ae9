use std::sync::Arc;

use egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};

use super::*;
use crate::contract::Snapshot;
use crate::model::config::Service;
use crate::ui::cx::Page;
use crate::ui::{Console, fixture, theme};

/// Three accounts, of which the first and the last have one payer.
fn config() -> Config {
    let mut config = fixture::config();
    let first = config.accounts[0].clone();
    let of = |id: &str, organization: Option<&str>| Account {
        id: id.into(),
        organization: organization.map(str::to_owned),
        ..first.clone()
    };
    config.accounts = vec![of("sim-a", Some("org-1")), of("lone", None), of("sim-b", Some("org-1"))];
    config
}

fn ids(config: &Config) -> Vec<Vec<String>> {
    let of = |group: &Group<'_>| group.accounts.iter().map(|account| account.id.to_string()).collect();
    groups(config).iter().map(of).collect()
}

#[test]
fn accounts_of_one_payer_stand_together_and_those_that_say_nothing_last() {
    assert_eq!(ids(&config()), [vec!["sim-a", "sim-b"], vec!["lone"]]);
    let mut two = config();
    two.accounts[2].service = Service::Openai;
    assert_eq!(
        ids(&two),
        [vec!["sim-a"], vec!["sim-b"], vec!["lone"]],
        "one name at two services is two organizations"
    );
}

fn screen(change: impl FnOnce(&mut Snapshot)) -> (Harness<'static, Console>, impl Sized) {
    let mut snapshot = fixture::snapshot();
    change(&mut snapshot);
    let (ui, back, inbox) = crate::contract::line(snapshot);
    let console = Console::new(ui, &egui::Context::default());
    let mut harness = Harness::builder()
        .with_size(vec2(1280.0, 800.0))
        .with_context_setup(theme::install)
        .build_ui_state(|ui, console: &mut Console| console.ui(ui), console);
    harness.get_by_label(Page::Accounts.name()).click();
    harness.run_steps(4);
    (harness, (back, inbox))
}

fn says(harness: &Harness<'static, Console>, words: &str) -> bool {
    harness.query_all_by_label_contains(words).any(|node| !node.accesskit_node().is_hidden())
}

#[test]
fn a_heading_names_the_payer_and_what_its_accounts_have_and_use_together() {
    let (harness, _ends) = screen(|snapshot| {
        let applied = Arc::make_mut(&mut snapshot.applied);
        applied.config = Arc::new(config());
        let payer = config().accounts[0].payer().expect("it is stated");
        let accounts = vec!["sim-a".into(), "sim-b".into()];
        let view = PayerView { payer, accounts, endpoints: 4, limit: Some(480_000), taken: 124_000, in_flight: 3 };
        Arc::make_mut(&mut snapshot.view).payers = vec![view];
    });
    assert!(says(&harness, "Organization org-1"));
    assert!(says(&harness, "2 accounts · 4 endpoints · 124,000 of 480,000 TPM taken · 3 running"));
    assert!(says(&harness, "Subscription or organization not stated"));
}

#[test]
fn where_nobody_is_stated_there_are_no_headings() {
    let (harness, _ends) = screen(|_| {});
    assert!(!says(&harness, "not stated"));
}
