use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::config::{
    Account, AdminState, Caller, Credential, Endpoint, Enforcement, Group, Member, Priority, QuotaPool, Regions, Route,
    Service, Simulated, Spread, TokenSource,
};
use crate::model::id::{AccountId, CallerId, EndpointId, GroupId, ModelName, PoolId};

const COMMENTED: &str = include_str!("samples/commented.toml");

fn profile(text: &str) -> (tempfile::TempDir, Paths) {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::inside(home.path());
    fs::write(&paths.config_file, text).unwrap();
    (home, paths)
}

fn written(paths: &Paths) -> String {
    fs::read_to_string(&paths.config_file).unwrap()
}

fn edited(text: &str, edit: impl FnOnce(&mut Config)) -> String {
    let (_home, paths) = profile(text);
    let mut loaded = ConfigFile::load(&paths).unwrap();
    let mut new = loaded.config.clone();
    edit(&mut new);
    loaded.file.save(&loaded.config, &new).unwrap();
    assert_eq!(ConfigFile::load(&paths).unwrap().config, new, "{}", written(&paths));
    written(&paths)
}

fn only_change(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

#[test]
fn one_number_changes_one_number() {
    let text = edited(COMMENTED, |config| config.endpoints[0].tokens_per_minute = Some(96_000));
    assert_eq!(text, only_change(COMMENTED, "tokens_per_minute = 120_000", "tokens_per_minute = 96_000"));
}

#[test]
fn a_saved_configuration_that_did_not_change_is_not_written() {
    assert_eq!(edited(COMMENTED, |_| {}), COMMENTED);
}

#[test]
fn a_weight_becomes_a_table_beside_the_unknown_keys_of_its_neighbours() {
    let text = edited(COMMENTED, |config| {
        config.routes[0].groups[1].endpoints[0].weight = 3;
        config.routes[0].groups[1].endpoints.push(Member { endpoint: "east-1".into(), weight: 2 });
    });
    let line = r#"endpoints = [{ id = "direct", weight = 3, note = "last" }, { id = "east-1", weight = 2 }]"#;
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_new_element_follows_the_others_of_its_kind() {
    let text = edited(COMMENTED, |config| {
        let mut added = config.endpoints[1].clone();
        added.id = "direct-2".into();
        added.simulated = None;
        config.endpoints.push(added);
    });
    let added =
        "\n[[endpoint]]\nid = \"direct-2\"\naccount = \"main\"\nmodel = \"gpt-4o\"\ntokens_per_minute = 450_000\n";
    assert!(text.contains(&format!("jitter = 3 }}\n{added}\n[[route]]")), "{text}");
}

#[test]
fn a_credential_is_replaced_and_never_holds_two_sources() {
    let text = edited(COMMENTED, |config| config.accounts[1].credential = Credential::Env("MAIN_KEY".to_owned()));
    assert!(text.contains("credential = { env = \"MAIN_KEY\" } # of:account/main"), "{text}");
}

#[test]
fn a_value_of_the_command_line_is_not_written() {
    let (_home, paths) = profile(COMMENTED);
    let mut loaded = ConfigFile::load(&paths).unwrap();
    let mut running = loaded.config.clone();
    running.listen.port = 0;
    let mut new = running.clone();
    new.queue.max_waiting = 10;
    loaded.file.save(&running, &new).unwrap();
    assert_eq!(written(&paths), only_change(COMMENTED, "max_waiting = 2_000", "max_waiting = 10"));
}

#[test]
fn the_first_save_makes_the_file_with_what_is_not_the_default() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::inside(&home.path().join("new"));
    let mut loaded = ConfigFile::load(&paths).unwrap();
    assert!(!loaded.existed);
    let new = full();
    loaded.file.save(&loaded.config, &new).unwrap();
    assert_eq!(ConfigFile::load(&paths).unwrap().config, new);
    assert!(!written(&paths).contains("max_wait_seconds"), "{}", written(&paths));
}

#[test]
fn a_file_that_somebody_else_changed_is_not_overwritten() {
    let (_home, paths) = profile(COMMENTED);
    let mut loaded = ConfigFile::load(&paths).unwrap();
    let theirs = COMMENTED.to_owned() + "# theirs\n";
    fs::write(&paths.config_file, &theirs).unwrap();
    let mut new = loaded.config.clone();
    new.queue.max_waiting = 1;
    let refused = loaded.file.save(&loaded.config, &new).unwrap_err();
    assert!(matches!(refused, ConfigError::ChangedOnDisk { .. }), "{refused}");
    assert_eq!(written(&paths), theirs);
}

#[test]
fn every_save_leaves_a_copy_of_what_was_and_what_is() {
    let (_home, paths) = profile(COMMENTED);
    let mut loaded = ConfigFile::load(&paths).unwrap();
    let mut new = loaded.config.clone();
    new.queue.max_waiting = 1;
    loaded.file.save(&loaded.config, &new).unwrap();
    let revisions = loaded.file.revisions();
    assert_eq!(revisions.numbers(), [1, 2]);
    assert_eq!(fs::read_to_string(revisions.path(1)).unwrap(), COMMENTED);
    assert_eq!(last_good(&paths), Some(new));
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_nothing_is_left_there() {
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::inside(home.path());
    let mut loaded = ConfigFile::load(&paths).unwrap();
    fs::create_dir(home.path().join(".config.toml.new")).unwrap();
    let new =
        Config { queue: crate::model::config::Queue { max_waiting: 1, ..Default::default() }, ..Default::default() };
    let said = loaded.file.save(&loaded.config, &new).unwrap_err().to_string();
    assert!(said.contains("cannot be written") && said.contains("not saved"), "{said}");
    assert!(!paths.config_file.exists());
}

#[test]
fn a_report_has_one_line_a_finding_that_editors_can_follow() {
    let (_home, paths) = profile("[listen]\nprot = 1\n");
    let loaded = ConfigFile::load(&paths).unwrap();
    let text = report(&loaded.findings, Path::new("config.toml"));
    assert!(text.starts_with("config.toml:2: warning: unknown key `prot`"), "{text}");
}

/// Every key that a configuration can have, none at its default.
pub(in crate::store) fn full() -> Config {
    let mut config = Config::default();
    config.listen.port = 9_000;
    config.listen.require_token = true;
    config.listen.allowed_hosts = vec!["tidegate.lan".to_owned()];
    config.listen.allowed_origins = vec!["https://app.example".to_owned()];
    config.queue.max_waiting = 20_000;
    config.accounts.push(Account {
        id: AccountId::from("a"),
        service: Service::Azure,
        base_url: "https://a.example".to_owned(),
        api: Some(crate::model::config::AzureApi::V1),
        api_version: Some("v".to_owned()),
        subscription: Some("s".to_owned()),
        region: Some("r".to_owned()),
        organization: Some("o".to_owned()),
        project: Some("p".to_owned()),
        credential: Credential::Env("A_KEY".to_owned()),
        second_key: Some(TokenSource { env: "SECOND".to_owned() }),
        allow_plain_http: true,
        include_usage: Some(true),
    });
    config.quota_pools.push(QuotaPool {
        id: PoolId::from("q"),
        tokens_per_minute: 1_240_000,
        requests_per_minute: Some(7),
        requests_per_1k_tokens: Some(6),
        adjust_within_percent: Some(25),
        soft: true,
        pinned: true,
    });
    config.endpoints.push(Endpoint {
        id: EndpointId::from("e"),
        account: AccountId::from("a"),
        model: ModelName::from("m"),
        deployment: Some("d".to_owned()),
        quota_pool: Some(PoolId::from("q")),
        tokens_per_minute: Some(999),
        requests_per_minute: Some(1_000),
        requests_per_1k_tokens: Some(10),
        soft_cap_tokens_per_minute: Some(1),
        max_in_flight: Some(2),
        request_slice_seconds: Some(10),
        pinned: true,
        probe_above: true,
        admin_state: AdminState::Draining,
        enforcement: Enforcement::Utilization,
        simulated: Some(Simulated::default()),
        tokens_per_day: Some(5_000_000),
        requests_per_day: Some(10_000),
        input_tokens_per_minute: Some(800),
        output_tokens_per_minute: Some(200),
    });
    let members = vec![Member { endpoint: EndpointId::from("e"), weight: 3 }];
    let group = Group {
        id: Some(GroupId::from("g")),
        spread: Spread::Weights,
        endpoints: members,
        cache_affinity: true,
        spill_percent: Some(90),
        return_percent: Some(70),
        min_stay_seconds: Some(30),
    };
    let regions = Regions { allow: vec!["r".to_owned()], prefer: vec!["r".to_owned()], never: vec!["x".to_owned()] };
    let then = Some(ModelName::from("n"));
    config.routes.push(Route {
        regions,
        then,
        priority: Some(Priority::Bulk),
        ..Route::new(ModelName::from("m"), vec![group])
    });
    config.callers.push(Caller {
        id: CallerId::from("c"),
        priority: Some(Priority::Bulk),
        token: Some(TokenSource { env: "T".to_owned() }),
        tokens_per_minute: Some(10_000),
        requests_per_minute: Some(60),
        max_in_flight: Some(4),
    });
    config
}

/// The element that a comment's mark names is still there.
fn lives(mark: &str, config: &Config) -> bool {
    let mut steps = mark.split('/');
    let (kind, id) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    match kind {
        "account" => config.accounts.iter().any(|one| one.id.as_str() == id),
        "quota_pool" => config.quota_pools.iter().any(|one| one.id.as_str() == id),
        "endpoint" => config.endpoints.iter().any(|one| one.id.as_str() == id),
        "caller" => config.callers.iter().any(|one| one.id.as_str() == id),
        "route" => {
            let groups = steps.next().map_or(0, |place| place.parse::<usize>().unwrap() + 1);
            config.routes.iter().any(|one| one.model.as_str() == id && one.groups.len() >= groups)
        }
        "member" => false,
        _ => true,
    }
}

fn comments(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| line.split_once('#')).map(|(_, comment)| comment.trim().to_owned()).collect()
}

/// One edit, as wild as the generator likes.
fn edit(config: &mut Config, chance: &mut fastrand::Rng) {
    fn some<T: Clone>(chance: &mut fastrand::Rng, value: T) -> Option<T> {
        chance.bool().then_some(value)
    }
    fn shuffle_or_drop<T>(chance: &mut fastrand::Rng, list: &mut Vec<T>) {
        if chance.bool() {
            chance.shuffle(list);
        } else if !list.is_empty() {
            list.remove(chance.usize(..list.len()));
        }
    }
    let number = chance.u64(0..3_000_000);
    let fresh = format!("new-{}", chance.u8(..));
    match chance.u8(0..14) {
        0 => config.listen.port = chance.u16(..),
        1 => config.queue.max_waiting = chance.u32(..),
        2 => config.retry.max_delay_ms = number,
        3 => shuffle_or_drop(chance, &mut config.accounts),
        4 => shuffle_or_drop(chance, &mut config.endpoints),
        5 => shuffle_or_drop(chance, &mut config.routes),
        6 => shuffle_or_drop(chance, &mut config.callers),
        7 => shuffle_or_drop(chance, &mut config.quota_pools),
        8 => {
            let at = chance.usize(..=config.accounts.len());
            config.accounts.insert(at, Account { id: fresh.into(), ..full().accounts[0].clone() });
        }
        9 => {
            let at = chance.usize(..=config.endpoints.len());
            config.endpoints.insert(at, Endpoint { id: fresh.into(), ..full().endpoints[0].clone() });
        }
        10 => {
            let at = chance.usize(..=config.routes.len());
            config.routes.insert(at, Route { model: fresh.into(), ..full().routes[0].clone() });
        }
        11 => {
            for endpoint in &mut config.endpoints {
                endpoint.tokens_per_minute = some(chance, number);
                endpoint.requests_per_minute = some(chance, number);
                endpoint.pinned = chance.bool();
                endpoint.probe_above = chance.bool();
                endpoint.deployment = some(chance, "line\n\"quoted\"".to_owned());
                endpoint.simulated = some(chance, Simulated { first_token_ms: number, tokens_per_second: 1 });
                endpoint.admin_state = if chance.bool() { AdminState::Paused } else { AdminState::Enabled };
            }
        }
        12 => {
            for route in &mut config.routes {
                shuffle_or_drop(chance, &mut route.groups);
                for group in &mut route.groups {
                    group.id = some(chance, GroupId::from("named"));
                    group.cache_affinity = chance.bool();
                    group.endpoints.push(Member { endpoint: fresh.as_str().into(), weight: chance.u32(1..4) });
                    shuffle_or_drop(chance, &mut group.endpoints);
                }
            }
        }
        _ => {
            for account in &mut config.accounts {
                account.region = some(chance, fresh.clone());
                account.api_version = some(chance, fresh.clone());
                account.credential = if chance.bool() { Credential::default() } else { Credential::Env(fresh.clone()) };
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_edited_reads_back_exactly_and_no_living_elements_comment_is_lost(seed in any::<u64>(), edits in 1..12_usize) {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut kept = comments(COMMENTED);
        let mut text = COMMENTED.to_owned();
        let mut now = read(&text, "config.toml").unwrap().config;
        for _ in 0..edits {
            let old = now.clone();
            edit(&mut now, &mut chance);
            let mut document: DocumentMut = text.parse().unwrap();
            patch(&mut document, &old, &now).unwrap();
            text = document.to_string();
            kept.retain(|comment| comment.split_once("of:").is_none_or(|(_, mark)| lives(mark, &now)));
            prop_assert_eq!(&read(&text, "config.toml").unwrap().config, &now, "{}", &text);
            let present = comments(&text);
            let lost: Vec<_> = kept.difference(&present).collect();
            prop_assert!(lost.is_empty(), "lost {:?} in\n{}", lost, &text);
            prop_assert!(text.contains("surprise = true"));
            for (unknown, mark) in [("owner =", "account/east"), ("tokens_per_day", "endpoint/east-1"), ("then =", "route/gpt-4o")] {
                if kept.iter().any(|comment| comment.ends_with(mark)) {
                    prop_assert!(text.contains(unknown), "lost {} in\n{}", unknown, &text);
                }
            }
        }
    }
}
