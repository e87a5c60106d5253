use std::{collections::HashSet, sync::Arc};

use super::{CALLERS, answer, at_once, must_fail};
use crate::{
    Identity,
    ownership::{Claim, Owner, OwnershipAdmin, Resource},
};

/// What every [`OwnershipAdmin`] must do. The function makes a store in which nobody owns anything.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn ownership_admin<S: OwnershipAdmin>(new_store: impl AsyncFn() -> S) {
    by_the_owner_that_was_seen(new_store().await).await;
    no_version_twice(new_store().await).await;
    one_of_many(new_store().await).await;
}

/// What an [`OwnershipAdmin`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_ownership_admin(store: &impl OwnershipAdmin) {
    let (note, alice) = (Resource::new("note", "7"), Owner::new(identity("alice"), 1));
    must_fail(store.transfer(&note, &alice, &identity("bob"))).await;
    must_fail(store.release(&note, &alice)).await;
}

fn identity(subject: &str) -> Identity {
    Identity::new("issuer", subject).expect("the texts are not empty")
}

async fn claim(store: &impl OwnershipAdmin, note: &Resource, claimant: &Identity) -> Owner {
    match answer(store.claim(note, claimant)).await {
        Claim::Claimed(owner) => owner,
        Claim::Owned(owner) => panic!("nobody owned it, and {owner:?} does"),
    }
}

async fn by_the_owner_that_was_seen(store: impl OwnershipAdmin) {
    let (note, alice, bob) = (Resource::new("note", "7"), identity("alice"), identity("bob"));
    let nobodys = Owner::new(alice.clone(), 1);
    let given = answer(store.transfer(&note, &nobodys, &bob)).await;
    assert_eq!(given, None, "what nobody owns is not given away");
    assert!(!answer(store.release(&note, &nobodys)).await, "what nobody owns is not given up");
    assert_eq!(answer(store.owner(&note)).await, None, "and nobody owns it");

    let former = claim(&store, &note, &alice).await;
    let given = answer(store.transfer(&note, &former, &bob)).await;
    let present = given.expect("its owner gives it away");
    assert_eq!(*present.identity(), bob, "the new owner is told");
    let version = present.version();
    let elsewhere = Identity::new("other", "bob").expect("the texts are not empty");
    for seen in [
        former,
        Owner::new(alice.clone(), version),
        Owner::new(elsewhere, version),
        Owner::new(bob.clone(), version.wrapping_add(1)),
        Owner::new(bob.clone(), 0),
        Owner::new(bob.clone(), u64::MAX),
    ] {
        if seen == present {
            continue;
        }
        let given = answer(store.transfer(&note, &seen, &alice)).await;
        assert_eq!(given, None, "who is not the present owner gives nothing away: {seen:?}");
        let given_up = answer(store.release(&note, &seen)).await;
        assert!(!given_up, "who is not the present owner gives nothing up: {seen:?}");
        let owner = answer(store.owner(&note)).await;
        assert_eq!(owner.as_ref(), Some(&present), "what fails changes nothing: {seen:?}");
    }
    for other in [Resource::new("note", "8"), Resource::new("group", "7")] {
        assert!(!answer(store.release(&other, &present)).await, "one resource is not another");
        assert_eq!(answer(store.transfer(&other, &present, &alice)).await, None, "nor to give away");
    }
    assert!(answer(store.release(&note, &present)).await, "its owner gives it up");
    assert_eq!(answer(store.owner(&note)).await, None, "nobody owns what was given up");
    assert!(!answer(store.release(&note, &present)).await, "it is given up once");
}

async fn no_version_twice(store: impl OwnershipAdmin) {
    let (note, alice, bob) = (Resource::new("note", "7"), identity("alice"), identity("bob"));
    let mut versions = HashSet::new();
    let mut is_new = |owner: &Owner| {
        let version = owner.version();
        assert!(i64::try_from(version).is_ok(), "a version fits an `i64`: {version}");
        assert!(versions.insert(version), "no version is had twice: {version}");
    };
    for _ in 0..20 {
        let mut owner = claim(&store, &note, &alice).await;
        is_new(&owner);
        // To oneself is a change of owner, too.
        for next in [&bob, &alice, &alice] {
            owner = answer(store.transfer(&note, &owner, next)).await.expect("its owner gives it away");
            is_new(&owner);
            let found = answer(store.owner(&note)).await;
            assert_eq!(found.as_ref(), Some(&owner), "what is told is what is kept");
        }
        assert!(answer(store.release(&note, &owner)).await);
    }
}

/// All have seen one owner. Every fourth gives the resource up; the others take it.
async fn one_of_many(store: impl OwnershipAdmin) {
    let store = Arc::new(store);
    for round in 0..10 {
        let note = Resource::new("note", round.to_string());
        let seen = claim(&*store, &note, &identity("alice")).await;
        let changes = at_once(|caller| {
            let (store, note, seen) = (store.clone(), note.clone(), seen.clone());
            async move {
                if caller % 4 == 0 {
                    answer(store.release(&note, &seen)).await.then_some(None)
                } else {
                    let taker = identity(&caller.to_string());
                    answer(store.transfer(&note, &seen, &taker)).await.map(Some)
                }
            }
        });
        let changes: Vec<_> = changes.await.into_iter().flatten().collect();
        assert_eq!(
            changes.len(),
            1,
            "of {CALLERS} who have seen one owner, one changes it: {changes:?}"
        );
        let owner = answer(store.owner(&note)).await;
        assert_eq!(owner, changes[0], "who was told of a change has made it");
    }
}
