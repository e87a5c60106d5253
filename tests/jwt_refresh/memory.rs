//! `MemoryRefreshStore`: what it keeps, and for how long.

use portcullis::jwt::{
    TokenFacts,
    refresh::{Addition, RefreshFacts, Rotation},
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

fn add(store: &MemoryRefreshStore, token: RefreshFacts<'_>) -> Option<Addition> {
    add_below(store, token, None)
}

fn add_below(
    store: &MemoryRefreshStore,
    token: RefreshFacts<'_>,
    parent: Option<&str>,
) -> Option<Addition> {
    store.add(token, parent).into_now().expect("memory answers at once").ok()
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
    let store = MemoryRefreshStore::with_limits(5, 5);
    assert_eq!(add(&store, facts(&alice, FIRST, NOW)), Some(Addition::Added));
    assert_eq!(add(&store, facts(&alice, "another-fam-token-no1", NOW)), Some(Addition::Added));
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW)), None);
    // What it has goes on.
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Rotated);
    // Once their tokens have expired unused, there is room.
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW + 59)), None);
    assert_eq!(add(&store, facts(&alice, "third-famil-token-no1", NOW + 60)), Some(Addition::Added));
}

#[test]
fn one_identity_has_so_many_families_and_leaves_room_for_others() {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let store = MemoryRefreshStore::with_limits(100, 3);
    let id = |family: usize| format!("family-{family:05}token-no1");
    for family in 0..3 {
        assert_eq!(add(&store, facts(&alice, &id(family), NOW)), Some(Addition::Added));
    }
    assert_eq!(add(&store, facts(&alice, &id(3), NOW)), None);
    // What she has goes on, and a family that is revoked is known as such until it expires.
    let next = format!("{}token-no2", &id(0)[..12]);
    assert_eq!(rotate(&store, &id(0), facts(&alice, &next, NOW)), Rotation::Rotated);
    assert!(store.revoke(&alice, &id(1)[..12]).into_now().unwrap().unwrap());
    assert_eq!(add(&store, facts(&alice, &id(3), NOW)), None);
    // Bob has a place of his own; a parent whose token came alone counts like any other family.
    assert_eq!(
        add_below(&store, facts(&bob, &id(4), NOW), Some("came-alone-1")),
        Some(Addition::Added)
    );
    assert_eq!(add_below(&store, facts(&bob, &id(5), NOW), Some("came-alone-2")), None);
    assert_eq!(
        add_below(&store, facts(&bob, &id(5), NOW), Some("came-alone-1")),
        Some(Addition::Added)
    );
    assert_eq!(add(&store, facts(&bob, &id(6), NOW)), None);
    // They have expired 100 seconds later, and the greatest leeway of a verifier: 300.
    let at_end = |family, now| {
        let token = id(family);
        let token = RefreshFacts { family_expires: at(NOW + 1000), ..facts(&alice, &token, now) };
        add(&store, token)
    };
    assert_eq!(at_end(7, NOW + 399), None);
    for family in 7..10 {
        assert_eq!(at_end(family, NOW + 400), Some(Addition::Added));
    }
    assert_eq!(at_end(10, NOW + 400), None);
}

#[test]
fn a_family_takes_no_more_room_however_often_it_is_refreshed() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::with_limits(4, 4);
    let id = |round: usize| format!("family-of-12token-{round:03}");
    assert_eq!(add(&store, facts(&alice, &id(0), NOW)), Some(Addition::Added));
    for round in 1..100 {
        let next = id(round);
        assert_eq!(rotate(&store, &id(round - 1), facts(&alice, &next, NOW)), Rotation::Rotated);
    }
    assert_eq!(add(&store, facts(&alice, "another-fam-token-no1", NOW)), Some(Addition::Added));
}

#[test]
fn a_family_is_of_one_identity() {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let store = MemoryRefreshStore::new();
    assert_eq!(add(&store, facts(&alice, FIRST, NOW)), Some(Addition::Added));
    assert_eq!(add(&store, facts(&bob, SECOND, NOW)), Some(Addition::Revoked));
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
fn a_parent_whose_token_came_alone_takes_room_as_a_family_does() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::with_limits(5, 5);
    assert_eq!(
        add_below(&store, facts(&alice, FIRST, NOW), Some("came-alone-1")),
        Some(Addition::Added)
    );
    let next = |parent| add_below(&store, facts(&alice, "another-fam-token-no1", NOW), Some(parent));
    assert_eq!(next("came-alone-2"), None);
    assert_eq!(next("came-alone-1"), Some(Addition::Added));
}

#[test]
fn a_family_is_kept_as_long_as_the_last_of_its_tokens_and_of_its_children_needs() {
    let alice = identity("alice");
    let store = MemoryRefreshStore::new();
    let child = |id, expires| {
        let child = RefreshFacts { family_expires: at(expires), ..facts(&alice, id, NOW) };
        assert_eq!(add_below(&store, child, Some("family-of-12")), Some(Addition::Added));
    };
    add(&store, facts(&alice, FIRST, NOW));
    child("child-fam-01token-no1", NOW + 200);
    // A shorter one does not shorten it.
    child("child-fam-02token-no1", NOW + 50);
    let revoked = store.revoke(&alice, "family-of-12").into_now().unwrap();
    assert!(revoked.unwrap());
    let bob = identity("bob");
    for (bobs, now, is_kept) in
        [("bobs-fam-001token-no1", NOW + 499, true), ("bobs-fam-002token-no1", NOW + 500, false)]
    {
        add(&store, facts(&bob, bobs, now));
        for id in [FIRST, "child-fam-01token-no1"] {
            assert_eq!(is_revoked(&store, id), is_kept, "{id}");
        }
    }
}

#[test]
fn a_family_whose_line_is_not_known_to_its_end_is_as_good_as_revoked() {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let store = MemoryRefreshStore::new();
    let line =
        [("grandparent-token-no1", None, 100), ("some-parent-token-no1", Some("grandparent-"), 100)];
    // It outlives what its parent was made with, as no token does that is issued.
    let child = ("family-of-12token-no1", Some("some-parent-"), 1000);
    for (id, parent, expires) in [line[0], line[1], child] {
        let expires = at(NOW + expires);
        let facts = RefreshFacts { expires, family_expires: expires, ..facts(&alice, id, NOW) };
        assert_eq!(add_below(&store, facts, parent), Some(Addition::Added));
    }
    assert!(!is_revoked(&store, FIRST));
    add(&store, facts(&bob, "bobs-fam-001token-no1", NOW + 400));
    assert!(is_revoked(&store, FIRST));
    assert_eq!(rotate(&store, FIRST, facts(&alice, SECOND, NOW)), Rotation::Revoked);
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
