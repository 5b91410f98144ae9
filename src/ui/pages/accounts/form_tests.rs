use super::*;
use crate::model::check::{Severity, check};

const DEPLOYMENT: &str =
    "https://acme-east.openai.azure.com/openai/deployments/gpt4o-prod/chat/completions?api-version=2024-10-21";

fn filled(paste: &str, config: &Config) -> Form {
    let mut form = Form::default();
    form.take_in(Intake::read(paste), config);
    form
}

#[test]
fn a_pasted_deployment_address_leaves_nothing_to_ask_for() {
    let form = filled(DEPLOYMENT, &Config::default());
    assert_eq!(form.missing(), [] as [&str; 0]);
    assert_eq!((form.id.as_str(), form.model.as_str()), ("acme-east", "gpt-4o"));
    assert!(form.is_model_proposed(), "and says where the model comes from");
}

#[test]
fn a_model_that_was_typed_is_not_replaced_by_the_deployments() {
    let mut form = Form { model: "our-chat".to_owned(), ..Form::default() };
    form.take_in(Intake::read(DEPLOYMENT), &Config::default());
    assert_eq!(form.model, "our-chat");
    assert!(!form.is_model_proposed());
}

#[test]
fn what_is_added_has_no_error_and_answers_as_first_choice() {
    let mut config = Config::default();
    let mut form = filled(DEPLOYMENT, &config);
    "gpt-4o".clone_into(&mut form.model);
    let id = form.add_to(&mut config);
    assert!(check(&config).iter().all(|finding| finding.severity != Severity::Error), "{:?}", check(&config));
    let route = config.route(&ModelName::from("gpt-4o")).unwrap();
    assert_eq!(route.groups[0].endpoints[0].endpoint, id);
    assert_eq!(config.endpoint(&id).unwrap().deployment.as_deref(), Some("gpt4o-prod"));
}

#[test]
fn a_second_deployment_of_a_resource_joins_its_account_and_route() {
    let mut config = Config::default();
    for _ in 0..2 {
        let mut form = filled(DEPLOYMENT, &config);
        "gpt-4o".clone_into(&mut form.model);
        form.add_to(&mut config);
    }
    assert_eq!((config.accounts.len(), config.endpoints.len(), config.routes.len()), (1, 2, 1));
    assert_ne!(config.endpoints[0].id, config.endpoints[1].id);
}

#[test]
fn an_endpoint_that_joins_an_account_and_a_route_says_so_before() {
    let mut config = Config::default();
    let mut form = filled(DEPLOYMENT, &config);
    assert!(form.joins(&config).is_none());
    assert_eq!(form.route_offer(&config), "Create route gpt-4o with this endpoint as first choice");
    let first = form.add_to(&mut config);
    form = filled(&DEPLOYMENT.replace("gpt4o-prod", "gpt4o-batch"), &config);
    assert_eq!(form.joins(&config).map(|account| account.id.as_str()), Some("acme-east"));
    assert_eq!(form.route_offer(&config), format!("Add it to route gpt-4o as first choice, beside {first}"));
    form.base_url = "https://acme-west.openai.azure.com/".to_owned();
    assert!(form.joins(&config).is_none());
    assert!(
        form.name_problem(&config).is_some_and(|why| why.contains("another address")),
        "no account takes another's place"
    );
    form.base_url = "https://acme-east.openai.azure.com/".to_owned();
    assert_eq!(form.name_problem(&config), None, "a slash at the end is no other address");
}

#[test]
fn an_openai_key_alone_asks_for_the_model_and_never_shows_in_debug_output() {
    let form = filled("sk-proj-abcdefghijklmnopqrstuv", &Config::default());
    assert_eq!(form.base_url, OPENAI);
    assert_eq!(form.missing(), ["the model that clients ask for"]);
    assert!(form.key.is_some());
    assert!(!format!("{form:?}").contains("abcdefghij"));
}

#[test]
fn removing_an_account_takes_its_endpoints_out_of_every_route() {
    let mut config = crate::ui::fixture::config();
    remove_account(&mut config, &AccountId::from("sim-b"));
    assert!(config.endpoints.iter().all(|endpoint| endpoint.account.as_str() == "sim-a"));
    let members = config.routes.iter().flat_map(|route| &route.groups).flat_map(|group| &group.endpoints);
    for member in members {
        assert!(config.endpoint(&member.endpoint).is_some(), "{} is left over", member.endpoint);
    }
}

#[test]
fn a_variable_of_azures_begins_an_azure_account_and_any_other_one_of_openais() {
    for (variable, service, missing) in [
        ("OPENAI_API_KEY", Service::Openai, &["the model that clients ask for"][..]),
        ("AZURE_OPENAI_API_KEY", Service::Azure, &["a name for the account", "the base URL"]),
        ("AOAI_KEY1", Service::Azure, &["a name for the account", "the base URL"]),
    ] {
        let form = Form::with_key_from(variable.to_owned());
        assert_eq!((form.service, form.environment.as_deref()), (service, Some(variable)));
        assert!(form.missing().starts_with(missing), "{:?}", form.missing());
        assert!(form.base_url.is_empty() == (service == Service::Azure), "{}", form.base_url);
    }
}
