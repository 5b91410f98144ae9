use super::super::world_tests::{Site, World, config, site};
use crate::model::config::Account;
use crate::model::id::AccountId;

#[test]
fn accounts_of_one_organization_are_summed_with_their_pools_counted_once() {
    let pooled = |id| Site { pool: Some("p"), ..site(id, 80_000) };
    let sites = [pooled("e0"), pooled("e1"), site("e2", 30_000), site("e3", 5_000)];
    let mut world = World::new(config(&sites, &[("p", 100_000)], |config| {
        let first = config.accounts[0].clone();
        let of = |at: usize| Account {
            id: AccountId::from(format!("a{at}")),
            organization: Some(if at == 3 { "other" } else { "org" }.to_owned()),
            ..first.clone()
        };
        config.accounts = (0..4).map(of).collect();
        for (at, endpoint) in config.endpoints.iter_mut().enumerate() {
            endpoint.account = AccountId::from(format!("a{at}"));
        }
    }));
    for _ in 0..4 {
        world.arrive(1_000);
    }
    let payers = world.brain.view(world.now).payers;
    let told: Vec<_> = payers.iter().map(|one| (one.payer.name.as_str(), one.accounts.len(), one.limit)).collect();
    assert_eq!(told, [("org", 3, Some(130_000)), ("other", 1, Some(5_000))]);
    let used: Vec<_> = payers.iter().map(|one| (one.endpoints, one.taken, one.in_flight)).collect();
    assert_eq!((used[0].1 + used[1].1, used[0].2 + used[1].2), (4_000, 4), "{used:?}");
}

#[test]
fn a_limit_nobody_knows_leaves_the_sum_unknown_and_accounts_that_say_nothing_stand_alone() {
    let open = Site { tokens: None, ..site("e0", 0) };
    let stated = World::new(config(std::slice::from_ref(&open), &[], |config| {
        config.accounts[0].subscription = Some("s".to_owned());
    }));
    assert_eq!(stated.brain.view(stated.now).payers[0].limit, None);
    let silent = World::new(config(&[open], &[], |_| {}));
    assert!(silent.brain.view(silent.now).payers.is_empty());
}
