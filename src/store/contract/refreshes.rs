use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{CALLERS, answer, at_once, must_fail, refresh_families::families, texts};
use crate::{
    Identity,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    },
};

pub(super) const NOW: u64 = 1_361_281_946;
const FAMILY: &str = "family-of-12";
/// How long after the last of its tokens has expired a family is kept: the greatest leeway of a verifier.
pub(super) const LEEWAY: u64 = 300;

/// What every [`RefreshStore`] must do, as a [`RevocationStore`], too. The function makes an empty store.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn refreshes<S: RefreshStore + RevocationStore>(new_store: impl AsyncFn() -> S) {
    good_once(new_store().await).await;
    asked_about(new_store().await).await;
    unknown(new_store().await).await;
    of_one_identity(new_store().await).await;
    scoped(new_store().await).await;
    joined_by_none(new_store().await).await;
    revoked(new_store().await).await;
    all_revoked(new_store().await).await;
    kept(new_store().await).await;
    one_of_many(new_store().await).await;
    revoked_meanwhile(new_store().await).await;
    families(new_store).await;
}

/// What a [`RefreshStore`] with a bound must do. The function makes an empty store for so many families, in all or of
/// one owner, each with one unused token.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn bounded_refreshes<S: RefreshStore + RevocationStore>(new_store: impl AsyncFn(usize) -> S) {
    let (store, alice) = (new_store(3).await, identity("alice"));
    for family in 1..=3 {
        begin(&store, facts(&alice, &id(family, 1)), None).await;
    }
    let more = store.add(facts(&alice, &id(4, 1)), None).await;
    assert!(more.is_err(), "a store without room for a family says so: {more:?}");
    for family in 1..=3 {
        let rotated = answer(store.rotate(&id(family, 1), facts(&alice, &id(family, 2)))).await;
        assert_eq!(rotated, Rotation::Rotated, "a full store forgets nothing, and goes on: {family}");
    }
    assert!(answer(store.revoke(&alice, &family(1))).await, "a full store revokes");
    assert!(is_revoked(&store, "alice", &id(1, 9)).await);
}

/// What a [`RefreshStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_refreshes(store: &impl RefreshStore) {
    let alice = identity("alice");
    must_fail(store.add(facts(&alice, &id(1, 1)), None)).await;
    must_fail(store.add(facts(&alice, &id(2, 1)), Some(&family(1)))).await;
    must_fail(store.rotate(&id(1, 1), facts(&alice, &id(1, 2)))).await;
    must_fail(store.revoke(&alice, &family(1))).await;
    must_fail(store.revoke_all(&alice, at(NOW))).await;
}

pub(super) fn family(number: usize) -> String {
    format!("family-{number:05}")
}

/// The id of a token: its family's, and 9 characters of its own.
pub(super) fn id(of: usize, token: usize) -> String {
    format!("{}token-{token:03}", family(of))
}

pub(super) fn identity(subject: &str) -> Identity {
    Identity::new("issuer", subject).expect("the texts are not empty")
}

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn facts_at<'t>(identity: &'t Identity, id: &'t str, now: u64) -> RefreshFacts<'t> {
    let (expires, family_expires) = (at(now + 3600), at(now + 7200));
    RefreshFacts { identity, id, expires, family_expires, now: at(now) }
}

pub(super) fn facts<'t>(identity: &'t Identity, id: &'t str) -> RefreshFacts<'t> {
    facts_at(identity, id, NOW)
}

pub(super) async fn begin(store: &impl RefreshStore, token: RefreshFacts<'_>, parent: Option<&str>) {
    let added = answer(store.add(token, parent)).await;
    assert_eq!(added, Addition::Added, "a new family begins: {token:?} below {parent:?}");
}

pub(super) async fn is_revoked(store: &impl RevocationStore, subject: &str, id: &str) -> bool {
    answer(store.is_revoked(TokenFacts { issuer: "issuer", subject, id, issued: Some(at(NOW)) })).await
}

/// Refuses whatever comes of the family, for good.
pub(super) async fn has_ended(
    store: &(impl RefreshStore + RevocationStore),
    owner: &Identity,
    of: usize,
    why: &str,
) {
    let next = id(of, 999);
    for token in 0..5 {
        let rotated = answer(store.rotate(&id(of, token), facts(owner, &next))).await;
        assert_eq!(rotated, Rotation::Revoked, "{why}: its tokens are refused");
    }
    let again = answer(store.add(facts(owner, &id(of, 998)), None)).await;
    assert_eq!(again, Addition::Revoked, "{why}: it does not begin again");
    let child = answer(store.add(facts(owner, &id(50_000 + of, 0)), Some(&family(of)))).await;
    assert_eq!(child, Addition::Revoked, "{why}: nothing is made with its tokens");
    assert!(!answer(store.revoke(owner, &family(of))).await, "{why}: it was good until then, not now");
    let access = id(of, 997);
    assert!(is_revoked(store, owner.subject(), &access).await, "{why}: its access tokens are revoked");
}

async fn good_once(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    begin(&store, facts(&alice, &id(2, 0)), None).await;
    for token in 1..4 {
        let rotated = answer(store.rotate(&id(1, token - 1), facts(&alice, &id(1, token)))).await;
        assert_eq!(rotated, Rotation::Rotated, "an unused token is good: {token}");
    }
    assert!(!is_revoked(&store, "alice", &id(1, 9)).await, "a family in use is not revoked");
    let again = answer(store.rotate(&id(1, 1), facts(&alice, &id(1, 4)))).await;
    assert_eq!(again, Rotation::Reused, "a used token is told apart");
    has_ended(&store, &alice, 1, "a token of it was used twice").await;
    assert!(!is_revoked(&store, "alice", &id(2, 9)).await, "one family ends, and no other");
    let other = answer(store.rotate(&id(2, 0), facts(&alice, &id(2, 1)))).await;
    assert_eq!(other, Rotation::Rotated, "one family ends, and no other");
}

async fn asked_about(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    for _ in 0..3 {
        let same = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 0)))).await;
        assert_eq!(same, Rotation::Rotated, "a token in its own place stays unused");
    }
    let rotated = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 1)))).await;
    assert_eq!(rotated, Rotation::Rotated, "a token that was asked about is unused");
    let same = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 0)))).await;
    assert_eq!(same, Rotation::Reused, "asking about a used token is using it twice");
}

async fn unknown(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    let rotated = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 1)))).await;
    assert_eq!(rotated, Rotation::Revoked, "an unknown family is as good as revoked");
    for family in ["", FAMILY, "\0", "é", &"long".repeat(2_000)] {
        let revoked = answer(store.revoke(&alice, family)).await;
        assert!(!revoked, "an unknown family is not revoked: {family:?}");
    }
    answer(store.revoke_all(&alice, at(NOW))).await;
    for text in texts() {
        for id in [&*text, FAMILY, &id(1, 0)] {
            assert!(
                !is_revoked(&store, &text, id).await,
                "what has no family is good: {id:?} {text:?}"
            );
        }
    }
    begin(&store, facts(&alice, &id(1, 0)), None).await;
}

async fn of_one_identity(store: impl RefreshStore + RevocationStore) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    let joined = answer(store.add(facts(&bob, &id(1, 1)), None)).await;
    assert_eq!(joined, Addition::Revoked, "nobody joins another's family");
    let rotated = answer(store.rotate(&id(1, 0), facts(&bob, &id(1, 1)))).await;
    assert_eq!(rotated, Rotation::Revoked, "another's family is not known");
    for other in [&bob, &Identity::new("other", "alice").expect("the texts are not empty")] {
        assert!(!answer(store.revoke(other, &family(1))).await, "nobody revokes another's family");
        answer(store.revoke_all(other, at(NOW))).await;
    }
    assert!(!is_revoked(&store, "alice", &id(1, 9)).await, "nobody ends another's family");
    let rotated = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 1)))).await;
    assert_eq!(rotated, Rotation::Rotated, "nobody uses another's token up");
}

async fn scoped(store: impl RefreshStore + RevocationStore) {
    let subjects: Vec<_> = texts().iter().map(|text| identity(text)).collect();
    for (of, subject) in subjects.iter().enumerate() {
        begin(&store, facts(subject, &id(of, 0)), None).await;
    }
    for subject in subjects.iter().step_by(2) {
        answer(store.revoke_all(subject, at(NOW))).await;
    }
    for (of, subject) in subjects.iter().enumerate() {
        let rotated = answer(store.rotate(&id(of, 0), facts(subject, &id(of, 1)))).await;
        let expected = if of % 2 == 0 { Rotation::Revoked } else { Rotation::Rotated };
        assert_eq!(rotated, expected, "an owner is known byte for byte: {subject:?}");
    }
}

async fn joined_by_none(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    for parent in [None, Some(family(1)), Some(family(2))] {
        let joined = answer(store.add(facts(&alice, &id(1, 1)), parent.as_deref())).await;
        assert_eq!(
            joined,
            Addition::Revoked,
            "a family that is there does not begin again: {parent:?}"
        );
    }
    let rotated = answer(store.rotate(&id(1, 0), facts(&alice, &id(1, 2)))).await;
    assert_eq!(rotated, Rotation::Rotated, "and goes on");
    let below_itself = answer(store.add(facts(&alice, &id(3, 0)), Some(&family(3)))).await;
    assert_eq!(below_itself, Addition::Revoked, "a family is not its own parent");
}

async fn revoked(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    for of in 1..3 {
        begin(&store, facts(&alice, &id(of, 0)), None).await;
    }
    assert!(answer(store.revoke(&alice, &family(1))).await, "a good family is revoked");
    has_ended(&store, &alice, 1, "it was revoked").await;
    assert!(!is_revoked(&store, "alice", &id(2, 9)).await, "one family is revoked, and no other");
}

async fn all_revoked(store: impl RefreshStore + RevocationStore) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    for (of, began) in [(1, NOW - 10), (2, NOW), (3, NOW + 10)] {
        begin(&store, facts_at(&alice, &id(of, 0), began), None).await;
    }
    begin(&store, facts(&bob, &id(4, 0)), None).await;
    answer(store.revoke_all(&alice, at(NOW - 11))).await;
    assert!(!is_revoked(&store, "alice", &id(1, 9)).await, "what began later is good");
    answer(store.revoke_all(&alice, at(NOW))).await;
    has_ended(&store, &alice, 1, "it began before the time").await;
    has_ended(&store, &alice, 2, "it began at the time").await;
    for (owner, of) in [(&alice, 3), (&bob, 4)] {
        let access = id(of, 9);
        let revoked = is_revoked(&store, owner.subject(), &access).await;
        assert!(!revoked, "later families, and those of others, are good: {of}");
        let rotated = answer(store.rotate(&id(of, 0), facts(owner, &id(of, 1)))).await;
        assert_eq!(rotated, Rotation::Rotated, "later families, and those of others, go on: {of}");
    }
    // Who has signed out everywhere signs in again, in the same moment.
    begin(&store, facts(&alice, &id(5, 0)), None).await;
    let rotated = answer(store.rotate(&id(5, 0), facts(&alice, &id(5, 1)))).await;
    assert_eq!(rotated, Rotation::Rotated, "what begins after all were revoked is good");
    answer(store.revoke_all(&alice, at(NOW))).await;
    has_ended(&store, &alice, 5, "it began at the time of a second revocation").await;
}

async fn kept(store: impl RefreshStore + RevocationStore) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    assert!(answer(store.revoke(&alice, &family(1))).await);
    for (of, now) in [(2, NOW + 3600), (3, NOW + 7200), (4, NOW + 7200 + LEEWAY - 1)] {
        // Whatever the store drops, it drops now.
        begin(&store, facts_at(&bob, &id(of, 0), now), None).await;
        let revoked = is_revoked(&store, "alice", &id(1, 9)).await;
        assert!(revoked, "a family is kept until its last token is refused by itself: {now}");
    }
}

async fn one_of_many(store: impl RefreshStore + RevocationStore) {
    let store = Arc::new(store);
    for round in 1..=5 {
        let alice = identity("alice");
        begin(&*store, facts(&alice, &id(round, 0)), None).await;
        let rotations = at_once(|caller| {
            let (store, alice) = (store.clone(), alice.clone());
            async move {
                let next = id(round, caller + 1);
                answer(store.rotate(&id(round, 0), facts(&alice, &next))).await
            }
        });
        let rotations = rotations.await;
        let count = |answer| rotations.iter().filter(|rotation| **rotation == answer).count();
        assert_eq!(count(Rotation::Rotated), 1, "of {CALLERS} callers with one token, one is first");
        assert_eq!(count(Rotation::Reused), 1, "one is told that he ended the family: {rotations:?}");
        has_ended(&*store, &alice, round, "many came with one token").await;
    }
}

/// Half of them revoke, another all of hers; one uses the token, and the others ask about it.
async fn revoked_meanwhile(store: impl RefreshStore + RevocationStore) {
    let store = Arc::new(store);
    for round in 1..=5 {
        let alice = identity(&format!("alice {round}"));
        begin(&*store, facts(&alice, &id(round, 0)), None).await;
        let revoked = at_once(|caller| {
            let (store, alice) = (store.clone(), alice.clone());
            async move {
                match caller {
                    1 => drop(answer(store.rotate(&id(round, 0), facts(&alice, &id(round, 1)))).await),
                    2 => answer(store.revoke_all(&alice, at(NOW))).await,
                    _ if caller % 2 == 0 => return answer(store.revoke(&alice, &family(round))).await,
                    _ => drop(answer(store.rotate(&id(round, 0), facts(&alice, &id(round, 0)))).await),
                }
                false
            }
        });
        let revoked = revoked.await.into_iter().filter(|revoked| *revoked).count();
        assert!(revoked <= 1, "of many who revoke a family, one at the most ends it: {revoked}");
        has_ended(&*store, &alice, round, "it was revoked while it was in use").await;
    }
}
