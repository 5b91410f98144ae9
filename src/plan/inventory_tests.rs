//! Configurations that give something away, and the ones we ship, which do not.

use super::*;
use crate::model::check::check;

fn said(text: &str) -> Vec<String> {
    let config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
    findings(&config).into_iter().map(|finding| finding.message).collect()
}

fn azure(id: &str, host: &str, more: &str) -> String {
    format!("[[account]]\nid = \"{id}\"\nservice = \"azure\"\nbase_url = \"https://{host}\"\n{more}\n")
}
fn endpoint(id: &str, account: &str, more: &str) -> String {
    format!("[[endpoint]]\nid = \"{id}\"\naccount = \"{account}\"\nmodel = \"gpt-4o\"\n{more}\n")
}
const PLACE: &str = "subscription = \"sub-a\"\nregion = \"eastus\"";

#[test]
fn the_demo_gives_nothing_away() {
    assert_eq!(said(include_str!("../../assets/demo.toml")), [""; 0]);
}

#[test]
fn more_resources_than_azure_allows_in_a_region_are_found_once() {
    let accounts = |count: usize| -> String {
        (1..=count).map(|number| azure(&format!("a{number}"), &format!("r{number}.openai.azure.com"), PLACE)).collect()
    };
    assert_eq!(said(&accounts(30)), [""; 0]);
    let said_of_more = said(&accounts(33));
    assert_eq!(said_of_more.len(), 1, "{said_of_more:?}");
    assert!(said_of_more[0].contains("more than 30 Azure OpenAI resources in eastus"), "{said_of_more:?}");
    let elsewhere = azure("b", "other.openai.azure.com", "subscription = \"sub-b\"\nregion = \"eastus\"");
    assert_eq!(said(&(accounts(30) + &elsewhere)), [""; 0], "another subscription has its own");
    let foundry: String = (1..=40)
        .map(|number| azure(&format!("a{number}"), &format!("r{number}.services.ai.azure.com"), PLACE))
        .collect();
    assert_eq!(said(&foundry), [""; 0], "a hundred Foundry resources are allowed");
}

#[test]
fn more_deployments_than_a_resource_can_have_are_found_whatever_account_names_them() {
    let mut text = azure("a", "acme.openai.azure.com", "") + &azure("b", "ACME.openai.azure.com", "");
    for number in 1..=33 {
        let account = if number % 2 == 0 { "a" } else { "b" };
        text += &endpoint(&format!("e{number}"), account, &format!("deployment = \"d{number}\""));
    }
    let said = said(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("more than 32 standard deployments"), "{said:?}");
}

#[test]
fn a_second_key_of_the_same_organization_or_resource_adds_no_capacity() {
    let openai = |id| {
        format!(
            "[[account]]\nid = \"{id}\"\nservice = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\norganization = \"org-1\"\n"
        )
    };
    let two = openai("one") + &openai("two");
    let apart = two.clone() + &endpoint("e1", "one", "") + &endpoint("e2", "two", "");
    assert!(said(&apart)[0].contains("a second key adds no capacity"), "{:?}", said(&apart));
    let pool = "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 1000\n";
    let pooled =
        two + pool + &endpoint("e1", "one", "quota_pool = \"p\"") + &endpoint("e2", "two", "quota_pool = \"p\"");
    assert_eq!(said(&pooled), [""; 0], "they are counted together already");
    let bare =
        |id| format!("[[account]]\nid = \"{id}\"\nservice = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\n");
    let unsaid = bare("one") + &bare("two") + &endpoint("e1", "one", "") + &endpoint("e2", "two", "");
    assert!(said(&unsaid)[0].contains("If both are of one organization"), "{:?}", said(&unsaid));
    let half = openai("one") + &bare("two") + &endpoint("e1", "one", "") + &endpoint("e2", "two", "");
    assert_eq!(said(&half), [""; 0], "one says whose it is, and the other need not be the same");
    let azure = azure("a", "acme.openai.azure.com", "") + &azure("b", "acme.openai.azure.com/", "");
    let same = azure.clone() + &endpoint("e1", "a", "deployment = \"d\"") + &endpoint("e2", "b", "deployment = \"d\"");
    assert!(said(&same)[0].contains("of the same Azure resource"), "{:?}", said(&same));
    let other = azure + &endpoint("e1", "a", "deployment = \"d\"") + &endpoint("e2", "b", "deployment = \"f\"");
    assert_eq!(said(&other), [""; 0], "two deployments have a limit each");
}

#[test]
fn deployments_that_may_share_one_quota_are_named_unless_their_parts_are_stated() {
    let accounts = azure("a", "one.openai.azure.com", PLACE) + &azure("b", "two.openai.azure.com", PLACE);
    let open = accounts.clone() + &endpoint("e1", "a", "") + &endpoint("e2", "b", "");
    assert!(said(&open)[0].contains("if they are of one type, they share one quota"), "{:?}", said(&open));
    let west = azure("b", "two.openai.azure.com", "subscription = \"sub-a\"\nregion = \"westus\"");
    let far = azure("a", "one.openai.azure.com", PLACE) + &west + &endpoint("e1", "a", "") + &endpoint("e2", "b", "");
    assert!(said(&far)[0].contains("in eastus and westus of subscription"), "{:?}", said(&far));
    assert!(said(&far)[0].contains("if they are of type Global Standard"), "{:?}", said(&far));
    let part = "tokens_per_minute = 10_000\nrequests_per_minute = 60";
    let stated = accounts.clone() + &endpoint("e1", "a", part) + &endpoint("e2", "b", part);
    assert_eq!(said(&stated), [""; 0]);
    let reserved = accounts + &endpoint("e1", "a", "") + &endpoint("e2", "b", "enforcement = \"utilization\"");
    assert_eq!(said(&reserved), [""; 0]);
}

#[test]
fn going_on_within_a_pool_that_is_used_up_is_said_to_bring_nothing() {
    let text = |first: &str| {
        format!(
            "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 240_000\nrequests_per_1k_tokens = 6\n{}{}{}{}",
            azure("a", "one.openai.azure.com", ""),
            endpoint("e1", "a", &format!("deployment = \"d1\"\nquota_pool = \"p\"\n{first}")),
            endpoint("e2", "a", "deployment = \"d2\"\nquota_pool = \"p\""),
            "[[route]]\nmodel = \"gpt-4o\"\ngroup = [{ endpoints = [\"e1\"] }, { endpoints = [\"e2\"] }]\n"
        )
    };
    assert!(said(&text(""))[0].contains("Going on brings nothing"), "{:?}", said(&text("")));
    assert_eq!(said(&text("tokens_per_minute = 120_000")), [""; 0], "half of the pool is left for the second");
}

#[test]
fn figures_that_do_not_go_together_are_named() {
    let account = azure("a", "one.openai.azure.com", "");
    let one = |more: &str| said(&(account.clone() + &endpoint("e", "a", more)));
    assert!(one("tokens_per_minute = 120_000")[0].contains("states TPM but no RPM"));
    assert!(one("tokens_per_minute = 120_000\nrequests_per_minute = 120")[0].contains("documents 720 RPM"));
    assert_eq!(one("tokens_per_minute = 120_000\nrequests_per_minute = 720"), [""; 0]);
    assert_eq!(one("tokens_per_minute = 120_000\nenforcement = \"utilization\""), [""; 0]);
    assert_eq!(one(""), [""; 0], "all is learned");
}

#[test]
fn documented_ratios_go_by_the_models_own_name() {
    assert_eq!(documented_requests("gpt-4o", 240_000), Some(1_440));
    assert_eq!(documented_requests("gpt-4o-mini", 240_000), Some(2_400));
    assert_eq!(documented_requests("o1", 60_000), Some(10));
    assert_eq!(documented_requests("gpt-4o-audio", 60_000), None);
}

#[test]
fn an_adjustment_beyond_all_is_found_by_the_check() {
    let text = "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 1000\nadjust_within_percent = 250";
    let config: Config = toml_edit::de::from_str(text).expect("the test's text is sound");
    let said: Vec<String> = check(&config).iter().map(ToString::to_string).collect();
    assert_eq!(said, ["warning: Pool \"p\": shares cannot be adjusted by more than 100 percent; 250 counts as 100."]);
}
