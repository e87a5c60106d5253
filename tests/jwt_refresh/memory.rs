//! `MemoryRefreshStore`: what it keeps, and for how long.

use portcullis::jwt::{
    TokenFacts,
    refresh::{RefreshFacts, Rotation},
};

use super::*;

const FIRST: &str = "family-of-12token-no1";
const SECOND: &str = "family-of-12token-no2";

fn identity(name: &str) -> Identity {
    Identity::local(name).unwrap()
}

fn facts<'t>(identity: &'t Identity, id: &'t str, now: u64) -> RefreshFacts<'t> {
    let (expires, family_expires) = (at(now + 60), at(NOW + 100));
    RefreshFacts { identity, id, expires, family_expires, now: at(now) }
}

fn add(store: &MemoryRefreshStore, token: RefreshFacts<'_>) -> Option<bool> {
    store.add(token).into_now().expect("memory answers at once").ok()
}

fn rotate(store: &MemoryRefreshStore, used: &str, next: RefreshFacts<'_>) -> Rotation {
    store.rotate(used, next).into_now().unwrap().unwrap()
}

fn is_revoked(store: &MemoryRefreshStore, id: &str) -> bool {
    let facts = TokenFacts { issuer: Identity::LOCAL, subject: "alice", id, issued: None };
    store.is_revoked(facts).into_now().unwrap().unwrap()
}

#[test]
fn a_full_store_takes_no_more_and_forgets_nothing() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::with_limit(5);
    assert_eq!(add(&store, facts(&alice, FIRST, NOW)), Some(true));
    assert_eq!(add(&store, facts(&alice, "another-fam-token-no1", NOW)), Some(true));
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW)), None);
    // What it has goes on.
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Rotated);
    // Once their tokens have expired unused, there is room.
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW + 59)), None);
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW + 60)), Some(true));
}

#[test]
fn a_family_takes_no_more_room_however_often_it_is_refreshed() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::with_limit(4);
    let id = |round: usize| format!("family-of-12token-{round:03}");
    assert_eq!(add(&store, facts(&alice, &id(0), NOW)), Some(true));
    for round in 1..100 {
        let next = id(round);
        assert_eq!(rotate(&store, &id(round - 1), facts(&alice, &next, NOW)), Rotation::Rotated);
    }
    assert_eq!(add(&store, facts(&alice, "another-fam-token-no1", NOW)), Some(true));
}

#[test]
fn a_family_is_of_one_identity() {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let store = MemoryRefreshStore::new();
    assert_eq!(add(&store, facts(&alice, FIRST, NOW)), Some(true));
    assert_eq!(add(&store, facts(&bob, SECOND, NOW)), Some(false));
    assert_eq!(rotate(&store, FIRST, facts(&bob, SECOND, NOW)), Rotation::Revoked);
    assert!(!is_revoked(&store, FIRST), "bob has ended nothing of alice's");
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Rotated);
}

#[test]
fn a_family_that_is_not_known_is_as_good_as_revoked() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::new();
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Revoked);
    // A token that belongs to no family is another store's matter.
    for id in [FIRST, "", "id-1", "caf\u{e9}", "family-of-12"] {
        assert!(!is_revoked(&store, id), "{id}");
    }
}

#[test]
fn a_family_is_kept_as_long_as_the_last_of_its_tokens_needs() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::new();
    add(&store, facts(&alice, FIRST, NOW));
    let longer = RefreshFacts { family_expires: at(NOW + 200), ..facts(&alice, SECOND, NOW) };
    add(&store, longer);
    // A shorter one does not shorten it.
    add(&store, facts(&alice, "family-of-12token-no3", NOW));
    let revoked = store.revoke(&alice, "family-of-12").into_now().unwrap();
    assert!(revoked.unwrap());
    for (now, is_kept) in [(NOW + 499, true), (NOW + 500, false)] {
        let bob = identity("bob");
        add(&store, facts(&bob, "bobs-family-token-no1", now));
        assert_eq!(is_revoked(&store, FIRST), is_kept);
    }
}

#[test]
fn a_clone_is_the_same_store() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::default();
    add(&store.clone(), facts(&alice, FIRST, NOW));
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Rotated);
    assert_eq!(rotate(&store.clone(), FIRST, facts(&alice, SECOND, NOW)), Rotation::Reused);
    assert!(is_revoked(&store, SECOND));
}
