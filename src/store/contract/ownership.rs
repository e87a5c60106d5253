use std::sync::Arc;

use super::{CALLERS, PAIRS, answer, at_once, must_fail, texts};
use crate::{
    Identity,
    ownership::{Claim, Owner, OwnershipStore, Resource},
};

/// What every [`OwnershipStore`] must do. The function makes a store in which nobody owns anything.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn ownership<S: OwnershipStore>(new_store: impl AsyncFn() -> S) {
    owned_by_the_first(new_store().await).await;
    scoped(new_store().await).await;
    one_of_many(new_store().await).await;
}

/// What an [`OwnershipStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_ownership(store: &impl OwnershipStore) {
    let resource = Resource::new("note", "7");
    must_fail(store.owner(&resource)).await;
    must_fail(store.claim(&resource, &identity("issuer", "alice"))).await;
}

async fn owned_by_the_first(store: impl OwnershipStore) {
    let note = Resource::new("note", "7");
    let (alice, bob) = (identity("issuer", "alice"), identity("issuer", "bob"));
    assert_eq!(answer(store.owner(&note)).await, None, "nobody owns what nobody has claimed");
    let Claim::Claimed(owner) = answer(store.claim(&note, &alice)).await else {
        panic!("the first gets it");
    };
    assert_eq!(*owner.identity(), alice, "the first is the owner");
    for later in [&bob, &alice] {
        let claim = answer(store.claim(&note, later)).await;
        assert_eq!(claim, Claim::Owned(owner.clone()), "what is owned is not claimed again");
    }
    assert_eq!(answer(store.owner(&note)).await, Some(owner), "a claim that fails changes nothing");
}

async fn scoped(store: impl OwnershipStore) {
    let texts = texts();
    let of_one_kind = texts.iter().map(|text| ("kind", &**text));
    let of_each_kind = texts.iter().map(|text| (&**text, "id"));
    let all: Vec<_> = of_one_kind.chain(of_each_kind).chain(PAIRS).collect();
    // The owners' texts are as odd as the resources'.
    let owned = all.iter().map(|(kind, id)| (Resource::new(*kind, *id), identity(kind, id)));
    let owned: Vec<_> = owned.collect();
    for (resource, owner) in &owned {
        let claim = answer(store.claim(resource, owner)).await;
        assert!(
            matches!(claim, Claim::Claimed(_)),
            "a resource is known by kind and id, byte for byte: {resource:?}"
        );
    }
    for (resource, owner) in &owned {
        let found = answer(store.owner(resource)).await;
        let found = found.as_ref().map(Owner::identity);
        assert_eq!(found, Some(owner), "an owner is kept byte for byte");
    }
}

async fn one_of_many(store: impl OwnershipStore) {
    let store = Arc::new(store);
    for round in 0..20 {
        let note = Resource::new("note", round.to_string());
        let claims = at_once(|caller| {
            let (store, note) = (store.clone(), note.clone());
            async move { answer(store.claim(&note, &identity("issuer", &caller.to_string()))).await }
        });
        let claims = claims.await;
        let claimed = claims.iter().filter(|claim| matches!(claim, Claim::Claimed(_))).count();
        assert_eq!(claimed, 1, "of {CALLERS} claimants of one resource, one gets it");
        let owner = answer(store.owner(&note)).await.expect("it was claimed");
        for (caller, claim) in claims.iter().enumerate() {
            let expected = match claim {
                Claim::Claimed(claimed) => {
                    *claimed == owner && *owner.identity() == identity("issuer", &caller.to_string())
                }
                Claim::Owned(owned) => *owned == owner,
            };
            assert!(
                expected,
                "all claimants are told of the one owner {owner:?}: {caller} got {claim:?}"
            );
        }
    }
}

fn identity(issuer: &str, subject: &str) -> Identity {
    Identity::new(issuer, subject).expect("the texts are not empty")
}
