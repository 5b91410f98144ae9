use super::super::{Severity, brought_in, check};
use crate::model::config::Config;

const BASE: &str = r#"
    [[account]]
    id = "a"
    service = "simulated"
    region = "East US"
    [[endpoint]]
    id = "e"
    account = "a"
    model = "m"
    [[endpoint]]
    id = "f"
    deployment = "f"
    account = "a"
    model = "m"
"#;
const GROUPS: &str = "[[route.group]]\nendpoints = [\"e\"]\n[[route.group]]\nendpoints = [\"f\"]\n";

fn said(routes: &str) -> Vec<String> {
    let config: Config = toml_edit::de::from_str(&format!("{BASE}{routes}")).expect("the test's text is sound");
    check(&config).iter().map(ToString::to_string).collect()
}
fn said_of_route(keys: &str) -> Vec<String> {
    said(&format!("[[route]]\nmodel = \"m\"\n{keys}\n{GROUPS}"))
}
fn said_of_groups(first: &str, second: &str) -> Vec<String> {
    said(&format!(
        "[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]\n{first}\n[[route.group]]\nendpoints = \
         [\"f\"]\n{second}"
    ))
}

#[test]
fn a_sound_order_needs_no_words() {
    let keys = "regions = { allow = [\"eastus\"], prefer = [\"east-us\"] }";
    assert_eq!(said_of_route(keys), [""; 0]);
    assert_eq!(said_of_groups("spill_percent = 90\nreturn_percent = 70\nmin_stay_seconds = 30", ""), [""; 0]);
}

#[test]
fn a_name_that_leads_nowhere_or_back_is_told() {
    let text = "warning: Route \"m\" goes on with \"x\", which is no route. It ends with its own groups.";
    assert_eq!(said_of_route("then = \"x\""), [text]);
    let back = "warning: Route \"m\" goes on with \"m\", which leads back to it. Each is tried once.";
    assert_eq!(said_of_route("then = \"m\""), [back]);
    let ring = said(
        "[[route]]\nmodel = \"m\"\nthen = \"*\"\n[[route.group]]\nendpoints = [\"e\"]\n\
         [[route]]\nmodel = \"*\"\nthen = \"m\"\n[[route.group]]\nendpoints = [\"f\"]",
    );
    assert_eq!(ring.len(), 2, "{ring:?}");
    assert!(ring.iter().all(|text| text.contains("leads back to it")));
}

#[test]
fn shares_that_cannot_be_meant_are_told_with_what_counts_instead() {
    let told = |first: &str| said_of_groups(first, "").join("\n");
    assert_eq!(
        told("return_percent = 95\nspill_percent = 90"),
        "warning: First choice (group 1) of route \"m\": return_percent 95 is above spill_percent 90, which is used instead."
    );
    assert!(told("spill_percent = 130").contains("spill_percent is 130; nothing above 100 % can be taken"));
    assert!(told("spill_percent = 0").contains("used only when no lower one has room"));
    assert_eq!(
        said_of_groups("", "min_stay_seconds = 5"),
        [
            "warning: Second choice (group 2) of route \"m\" says when to leave it, but there is no lower group to go on to."
        ]
    );
}

#[test]
fn regions_that_match_nothing_or_everything_are_told() {
    let typo = said_of_route("regions = { prefer = [\"eatsus\"] }");
    assert_eq!(typo, ["warning: Route \"m\" names region \"eatsus\", which no account has."]);
    let both = said_of_route("regions = { allow = [\"eastus\"], never = [\"East US\"] }");
    assert_eq!(
        both,
        [
            "warning: Route \"m\" both allows and forbids region \"eastus\"; it is forbidden.",
            "warning: The regions of route \"m\" keep out all of its endpoints.",
        ]
    );
}

#[test]
fn an_endpoint_in_no_route_is_pointed_out() {
    assert_eq!(
        said("[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]\n"),
        ["warning: Endpoint \"f\" is in no route, so no request goes there. Add it to a priority group, or remove it."]
    );
}

#[test]
fn groups_that_draw_from_one_pool_alone_are_said_to_give_no_extra_room() {
    let pool = "[[quota_pool]]\nid = \"p\"\ntokens_per_minute = 1000\n";
    let text = format!(
        "{}[[route]]\nmodel = \"m\"\n{GROUPS}{pool}",
        BASE.replace("model = \"m\"", "model = \"m\"\n    quota_pool = \"p\"")
    );
    let config: Config = toml_edit::de::from_str(&text).expect("the test's text is sound");
    let said: Vec<String> = check(&config).iter().map(ToString::to_string).collect();
    let expected = "warning: Priority groups 1 and 2 of route \"m\" draw from quota pool \"p\" alone, so going on gives no \
                    extra room.";
    assert_eq!(said, [expected]);
}

#[test]
fn a_group_that_was_left_empty_keeps_a_draft_from_being_applied_but_not_a_file_from_being_read() {
    let with = |groups: &str| -> Config {
        let text = format!("{BASE}[[route]]\nmodel = \"m\"\n{groups}");
        toml_edit::de::from_str(&text).expect("the test's text is sound")
    };
    let (full, empty) = (with(GROUPS), with(&format!("{GROUPS}[[route.group]]\nendpoints = []\n")));
    let found = check(&empty);
    assert!(found.iter().all(|finding| finding.severity == Severity::Warning), "{found:?}");
    let stops: Vec<String> = brought_in(&found, &full).map(ToString::to_string).collect();
    assert_eq!(stops, ["warning: Last resort (group 3) of route \"m\" is empty. Add an endpoint to it, or remove it."]);
    assert_eq!(brought_in(&found, &empty).count(), 0, "what runs already stops nothing");
}

#[test]
fn simulated_and_real_endpoints_together_are_said_of_and_each_alone_is_not() {
    let mixed = |config: &Config| check(config).iter().filter(|one| one.message.contains("figures add both")).count();
    let account = |id: &str, service: &str| format!("[[account]]\nid = \"{id}\"\nservice = \"{service}\"\n");
    let endpoint = |of: &str| format!("[[endpoint]]\nid = \"{of}-e\"\naccount = \"{of}\"\nmodel = \"m\"\n");
    let read = |text: String| toml_edit::de::from_str::<Config>(&text).unwrap();
    let (real, sim) = (account("r", "openai"), account("s", "simulated"));
    assert_eq!(mixed(&read(format!("{real}{sim}{}{}", endpoint("r"), endpoint("s")))), 1);
    assert_eq!(mixed(&read(format!("{sim}{}", endpoint("s")))), 0);
    assert_eq!(mixed(&read(format!("{real}{sim}{}", endpoint("r")))), 0, "an account alone adds to no figure");
}
