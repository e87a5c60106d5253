use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{CALLERS, answer, at_once, must_fail, texts};
use crate::{
    Identity, ScopeSet,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenRecord},
};

const NOW: u64 = 1_361_281_946;

/// What every [`UserTokenAdmin`] must do. The function makes a store without tokens. The times here are whole seconds;
/// a store may round others.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn user_token_admin<S: UserTokenAdmin>(new_store: impl AsyncFn() -> S) {
    found_and_listed(new_store().await).await;
    unique(new_store().await).await;
    revoked_by_its_owner(new_store().await).await;
    used(new_store().await).await;
    one_of_many(new_store().await).await;
}

/// What a [`UserTokenAdmin`] with a bound must do. The function makes a store for so many tokens of each owner.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn bounded_user_token_admin<S: UserTokenAdmin>(new_store: impl AsyncFn(usize) -> S) {
    let (store, alice) = (new_store(3).await, identity("alice"));
    for number in 1..=3 {
        answer(store.create(&digest(number), &record(number, "alice"))).await;
    }
    let more = store.create(&digest(4), &record(4, "alice")).await;
    assert!(more.is_err(), "an owner with as many tokens as they may have gets no more: {more:?}");
    answer(store.create(&digest(5), &record(5, "bob"))).await;
    for number in 1..=3 {
        assert!(find(&store, number).await.is_some(), "a store that is full forgets none that is good");
    }
    assert!(answer(store.revoke(&alice, "token 3", at(NOW))).await);
    answer(store.create(&digest(4), &record(4, "alice"))).await;
    let good = |found: Option<UserTokenRecord>| found.is_some_and(|found| found.revoked.is_none());
    for (number, expected) in [(1, true), (2, true), (3, false), (4, true), (5, true)] {
        let found = good(find(&store, number).await);
        assert_eq!(found, expected, "what was revoked makes room, and nothing else: {number}");
    }
    assert_eq!(answer(store.list(&alice)).await.len(), 3, "no list is longer than the bound");
    let store = Arc::new(new_store(CALLERS / 4).await);
    let created = at_once(|caller| {
        let store = store.clone();
        async move { store.create(&digest(caller), &record(caller, "alice")).await.is_ok() }
    });
    let created = created.await.into_iter().filter(|created| *created).count();
    assert_eq!(created, CALLERS / 4, "of many new tokens at once, as many are kept as there is room");
}

/// What a [`UserTokenAdmin`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_user_token_admin(store: &impl UserTokenAdmin) {
    must_fail(store.create(&digest(1), &record(1, "alice"))).await;
    must_fail(store.list(&identity("alice"))).await;
    must_fail(store.revoke(&identity("alice"), "token 1", at(NOW))).await;
    must_fail(store.used(&digest(1), at(NOW))).await;
}

fn digest(number: usize) -> TokenDigest {
    let number = number.to_be_bytes();
    TokenDigest::from_bytes(std::array::from_fn(|at| number[at % number.len()]))
}

fn identity(subject: &str) -> Identity {
    Identity::new("issuer", subject).expect("the texts are not empty")
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A token that is created that many seconds after the first.
fn record(number: usize, owner: &str) -> UserTokenRecord {
    let mut record = UserTokenRecord::new(format!("token {number}"), identity(owner));
    record.created = Some(at(NOW) + Duration::from_secs(number as u64));
    record
}

async fn find(store: &impl UserTokenAdmin, number: usize) -> Option<UserTokenRecord> {
    answer(store.user_token(&digest(number))).await
}

async fn found_and_listed(store: impl UserTokenAdmin) {
    let owners = texts();
    let mut records = Vec::new();
    for (number, owner) in owners.iter().chain(&owners).enumerate() {
        let record = record(number, owner).name(&**owner);
        let record =
            record.scopes(ScopeSet::parse(["", "read", "pay read"][number % 3]).expect("scopes"));
        // Some have expired.
        let record = if number % 2 == 0 { record.expires(at(NOW - 1)) } else { record };
        records.push(record);
    }
    // The order in which they are created is not that of their times.
    for (number, record) in records.iter().enumerate().rev() {
        answer(store.create(&digest(number), record)).await;
    }
    for (number, record) in records.iter().enumerate() {
        let found = find(&store, number).await;
        assert_eq!(found.as_ref(), Some(record), "a token is kept as it was created");
    }
    for (number, owner) in owners.iter().enumerate() {
        let theirs = [&records[number], &records[number + owners.len()]].map(Clone::clone);
        let listed = answer(store.list(&identity(owner))).await;
        assert_eq!(listed, theirs, "somebody's tokens, the oldest first: {owner:?}");
    }
    let elsewhere = Identity::new("other", &*owners[0]).expect("the texts are not empty");
    for nobody in [elsewhere, identity("nobody")] {
        assert_eq!(answer(store.list(&nobody)).await, [], "who has no tokens has none: {nobody:?}");
    }
}

async fn unique(store: impl UserTokenAdmin) {
    let first = record(1, "alice").name("laptop");
    answer(store.create(&digest(1), &first)).await;
    let of_one_digest = store.create(&digest(1), &record(2, "bob")).await;
    assert!(of_one_digest.is_err(), "there is one token of a digest");
    let of_one_id = store.create(&digest(2), &record(1, "bob")).await;
    assert!(of_one_id.is_err(), "there is one token of an id");
    assert_eq!(find(&store, 1).await, Some(first), "the first token is not replaced");
    assert_eq!(find(&store, 2).await, None, "the second is not kept");
    assert_eq!(answer(store.list(&identity("bob"))).await, [], "the second is not listed");
}

async fn revoked_by_its_owner(store: impl UserTokenAdmin) {
    let alice = identity("alice");
    for number in 1..=2 {
        answer(store.create(&digest(number), &record(number, "alice"))).await;
    }
    let elsewhere = Identity::new("other", "alice").expect("the texts are not empty");
    for (who, id) in [
        (&identity("bob"), "token 1"),
        (&elsewhere, "token 1"),
        (&alice, "token 3"),
        (&alice, "TOKEN 1"),
        (&alice, ""),
        (&alice, "token 1\0"),
    ] {
        let revoked = answer(store.revoke(who, id, at(NOW))).await;
        assert!(!revoked, "a token is revoked by its owner and its id: {who:?} {id:?}");
    }
    assert_eq!(find(&store, 1).await, Some(record(1, "alice")), "until then it is good");
    assert!(answer(store.revoke(&alice, "token 1", at(NOW + 9))).await, "its owner revokes it");
    for later in [NOW + 10, NOW] {
        let again = answer(store.revoke(&alice, "token 1", at(later))).await;
        assert!(!again, "a token is revoked once");
    }
    answer(store.used(&digest(1), at(NOW + 20))).await;
    if let Some(found) = find(&store, 1).await {
        assert_eq!(found.revoked, Some(at(NOW + 9)), "what was revoked stays so, since the first time");
    }
    assert_eq!(find(&store, 2).await, Some(record(2, "alice")), "one is revoked, and no other");
    let listed = answer(store.list(&alice)).await;
    assert!(listed.contains(&record(2, "alice")), "what was not revoked is listed as it is");
}

async fn used(store: impl UserTokenAdmin) {
    for number in 1..=2 {
        answer(store.create(&digest(number), &record(number, "alice"))).await;
    }
    for now in [NOW, NOW + 60] {
        answer(store.used(&digest(1), at(now))).await;
        let expected = UserTokenRecord { last_used: Some(at(now)), ..record(1, "alice") };
        assert_eq!(find(&store, 1).await.as_ref(), Some(&expected), "when it was last used is kept");
        let listed = answer(store.list(&identity("alice"))).await;
        assert_eq!(listed, [expected, record(2, "alice")], "and listed");
    }
    answer(store.used(&digest(3), at(NOW))).await;
    assert_eq!(find(&store, 3).await, None, "what there is not is not made by its use");
}

async fn one_of_many(store: impl UserTokenAdmin) {
    let store = Arc::new(store);
    let alice = identity("alice");
    let created = at_once(|caller| {
        let store = store.clone();
        // Of one digest, or of one id.
        let (digest, id) =
            if caller % 2 == 0 { (digest(1), caller + 100) } else { (digest(caller + 100), 1) };
        async move { store.create(&digest, &record(id, "alice")).await.is_ok() }
    });
    let created = created.await;
    let of = |parity| created.iter().skip(parity).step_by(2).filter(|created| **created).count();
    assert_eq!(
        (of(0), of(1)),
        (1, 1),
        "of {CALLERS} callers, one creates a token of a digest, one of an id"
    );
    let revoked = at_once(|caller| {
        let (store, alice) = (store.clone(), alice.clone());
        async move { answer(store.revoke(&alice, "token 1", at(NOW + caller as u64))).await }
    });
    let revoked = revoked.await.into_iter().filter(|revoked| *revoked).count();
    assert_eq!(revoked, 1, "of {CALLERS} callers, one revokes a token");
}
