//! Families of refresh tokens that were made with a token of another.

use std::sync::Arc;

use super::{
    CALLERS, answer, at_once,
    refreshes::{LEEWAY, NOW, at, begin, facts, facts_at, family, has_ended, id, identity, is_revoked},
};
use crate::{
    Identity,
    jwt::{
        RevocationStore,
        refresh::{Addition, RefreshFacts, RefreshStore, Refresher, Rotation},
    },
};

/// What is revoked ends all below it, and nothing above or beside it.
pub(super) async fn families<S: RefreshStore + RevocationStore>(new_store: impl AsyncFn() -> S) {
    downwards_only(new_store().await).await;
    for way in Way::ALL {
        all_below(new_store().await, way).await;
    }
    began_later(new_store().await).await;
    came_alone(new_store().await).await;
    of_one_identity(new_store().await).await;
    deep(new_store().await).await;
    kept(new_store().await).await;
    made_at_once(new_store().await).await;
    for way in Way::ALL {
        made_meanwhile(new_store().await, way).await;
    }
}

/// How a family ends.
#[derive(Clone, Copy, Debug)]
enum Way {
    Revoked,
    UsedTwice,
    AllRevoked,
}

impl Way {
    const ALL: [Self; 3] = [Self::Revoked, Self::UsedTwice, Self::AllRevoked];

    /// Ends this family, with its token of number 0, which was used.
    async fn end(self, store: &impl RefreshStore, owner: &Identity, of: usize) {
        match self {
            Self::Revoked => assert!(answer(store.revoke(owner, &family(of))).await, "it was good"),
            Self::UsedTwice => {
                let again = answer(store.rotate(&id(of, 0), facts(owner, &id(of, 2)))).await;
                assert_eq!(again, Rotation::Reused, "a used token is told apart");
            }
            Self::AllRevoked => answer(store.revoke_all(owner, at(NOW))).await,
        }
    }
}

/// Begins a family, and uses its token of number 0: that of number 1 is in its place.
async fn begin_and_rotate(
    store: &impl RefreshStore,
    owner: &Identity,
    of: usize,
    parent: Option<usize>,
) {
    begin(store, facts(owner, &id(of, 0)), parent.map(family).as_deref()).await;
    let rotated = answer(store.rotate(&id(of, 0), facts(owner, &id(of, 1)))).await;
    assert_eq!(rotated, Rotation::Rotated, "each family has a token of its own");
}

/// Is not ended, and the token of this number is unused.
async fn is_good(
    store: &(impl RefreshStore + RevocationStore),
    owner: &Identity,
    of: usize,
    token: usize,
    why: &str,
) {
    let same = answer(store.rotate(&id(of, token), facts(owner, &id(of, token)))).await;
    assert_eq!(same, Rotation::Rotated, "{why}: family {of} goes on");
    let revoked = is_revoked(store, owner.subject(), &id(of, 9)).await;
    assert!(!revoked, "{why}: the access tokens of family {of} are good");
}

async fn downwards_only(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    // A manager, three that were made with its token, one that was made with a token of the first of them, and a
    // stranger.
    for (of, parent) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(1)), (5, Some(2)), (6, None)] {
        begin_and_rotate(&store, &alice, of, parent).await;
    }
    for of in 1..=6 {
        is_good(&store, &alice, of, 1, "nothing was revoked").await;
    }
    assert!(answer(store.revoke(&alice, &family(2))).await, "a child is revoked alone");
    for of in [2, 5] {
        has_ended(&store, &alice, of, "it was revoked, or its parent").await;
    }
    for of in [1, 3, 4, 6] {
        is_good(&store, &alice, of, 1, "a child, or a sibling, was revoked").await;
    }
    let again = answer(store.rotate(&id(3, 0), facts(&alice, &id(3, 2)))).await;
    assert_eq!(again, Rotation::Reused, "a used token of a child is told apart");
    has_ended(&store, &alice, 3, "a token of it was used twice").await;
    for of in [1, 4, 6] {
        is_good(&store, &alice, of, 1, "a token of a child, or of a sibling, was used twice").await;
    }
}

async fn all_below(store: impl RefreshStore + RevocationStore, way: Way) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    for (of, parent) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(2)), (5, Some(4))] {
        begin_and_rotate(&store, &alice, of, parent).await;
    }
    begin_and_rotate(&store, &bob, 6, None).await;
    way.end(&store, &alice, 1).await;
    for of in 1..=5 {
        has_ended(&store, &alice, of, &format!("it has ended, or one above it: {way:?}")).await;
    }
    is_good(&store, &bob, 6, 1, "somebody else's family has ended").await;
}

/// All that began up to a time is revoked; what began later ends with what is above it.
async fn began_later(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    let begun = [
        (1, None, NOW),
        (2, Some(1), NOW + 20),
        (3, Some(2), NOW + 30),
        (4, None, NOW + 10),
        (5, Some(4), NOW + 20),
        // By a server whose clock is behind.
        (6, Some(4), NOW - 10),
        (7, Some(6), NOW + 30),
    ];
    for (of, parent, now) in begun {
        let parent = parent.map(family);
        begin(&store, facts_at(&alice, &id(of, 0), now), parent.as_deref()).await;
    }
    answer(store.revoke_all(&alice, at(NOW))).await;
    for of in [1, 2, 3] {
        has_ended(&store, &alice, of, "the first of its line began up to the time").await;
    }
    for of in [6, 7] {
        has_ended(&store, &alice, of, "it began up to the time by a clock, or its parent").await;
    }
    begin(&store, facts_at(&alice, &id(8, 0), NOW + 40), Some(&family(4))).await;
    for of in [4, 5, 8] {
        is_good(&store, &alice, of, 0, "it began later, and all above it").await;
    }
    answer(store.revoke_all(&alice, at(NOW + 10))).await;
    for of in [4, 5, 8] {
        has_ended(&store, &alice, of, "the first of its line began up to the time").await;
    }
}

/// A token that came without a refresh token has no family, until another is made with it.
async fn came_alone(store: impl RefreshStore + RevocationStore) {
    let alice = identity("alice");
    assert!(!answer(store.revoke(&alice, &family(1))).await, "it is not known yet");
    begin(&store, facts(&alice, &id(2, 0)), Some(&family(1))).await;
    begin(&store, facts(&alice, &id(3, 0)), Some(&family(1))).await;
    begin(&store, facts(&alice, &id(4, 0)), Some(&family(2))).await;
    assert!(!is_revoked(&store, "alice", &id(1, 9)).await, "what has a child is good");
    assert!(answer(store.revoke(&alice, &family(1))).await, "what has a child is revoked");
    for of in 1..=4 {
        has_ended(&store, &alice, of, "the token that it was made with was revoked").await;
    }
}

async fn of_one_identity(store: impl RefreshStore + RevocationStore) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let elsewhere = Identity::new("other", "alice").expect("the texts are not empty");
    begin(&store, facts(&alice, &id(1, 0)), None).await;
    let child = answer(store.add(facts(&bob, &id(2, 0)), Some(&family(1)))).await;
    assert_eq!(child, Addition::Revoked, "nobody makes a child of another's family");
    let rotated = answer(store.rotate(&id(2, 0), facts(&bob, &id(2, 1)))).await;
    assert_eq!(rotated, Rotation::Revoked, "what was refused has not begun");
    begin(&store, facts(&alice, &id(3, 0)), Some(&family(1))).await;
    for other in [&bob, &elsewhere] {
        for of in [1, 3] {
            assert!(!answer(store.revoke(other, &family(of))).await, "nobody revokes another's family");
        }
        answer(store.revoke_all(other, at(NOW))).await;
    }
    for of in [1, 3] {
        is_good(&store, &alice, of, 0, "nobody ends another's family").await;
    }
}

async fn deep(store: impl RefreshStore + RevocationStore) {
    const DEEPEST: usize = Refresher::MOST_ANCESTORS;
    let alice = identity("alice");
    begin_and_rotate(&store, &alice, 0, None).await;
    for of in 1..=DEEPEST {
        begin_and_rotate(&store, &alice, of, Some(of - 1)).await;
    }
    for _ in 0..2 {
        let child = id(DEEPEST + 1, 0);
        let child = answer(store.add(facts(&alice, &child), Some(&family(DEEPEST)))).await;
        assert_eq!(child, Addition::TooDeep, "{DEEPEST} families stand above one at the most");
    }
    // The last one may have siblings.
    begin_and_rotate(&store, &alice, DEEPEST + 1, Some(DEEPEST - 1)).await;
    let middle = DEEPEST / 2;
    assert!(answer(store.revoke(&alice, &family(middle))).await);
    for of in 0..middle {
        is_good(&store, &alice, of, 1, "one below it was revoked").await;
    }
    for of in middle..=DEEPEST + 1 {
        has_ended(&store, &alice, of, "one of its line was revoked").await;
    }
}

async fn kept(store: impl RefreshStore + RevocationStore) {
    let (alice, bob) = (identity("alice"), identity("bob"));
    let ends = NOW + 2 * 7200;
    for parent in [1, 5] {
        // The token of the parent came alone: how long it lives is told by its children.
        let [second, third] = [2, 3].map(|child| id(parent + child, 0));
        begin(&store, facts(&alice, &id(parent + 1, 0)), Some(&family(parent))).await;
        let longer = RefreshFacts { family_expires: at(ends), ..facts(&alice, &second) };
        begin(&store, longer, Some(&family(parent))).await;
        // One that ends sooner takes nothing away.
        begin(&store, facts(&alice, &third), Some(&family(parent))).await;
    }
    assert!(answer(store.revoke(&alice, &family(1))).await);
    for (of, now) in [(20, NOW + 7200 + LEEWAY), (21, ends), (22, ends + LEEWAY - 1)] {
        // Whatever the store drops, it drops now.
        begin(&store, facts_at(&bob, &id(of, 0), now), None).await;
        for of in [1, 3] {
            let revoked = is_revoked(&store, "alice", &id(of, 9)).await;
            assert!(revoked, "a family is kept until no token below it is good by itself: {now}");
        }
    }
    assert!(answer(store.revoke(&alice, &family(5))).await, "a parent is kept as long as its children");
    has_ended(&store, &alice, 7, "its parent was revoked late").await;
}

async fn made_at_once(store: impl RefreshStore + RevocationStore) {
    let (store, alice) = (Arc::new(store), identity("alice"));
    begin(&*store, facts(&alice, &id(1, 0)), None).await;
    let made = at_once(|caller| {
        let (store, alice) = (store.clone(), alice.clone());
        async move {
            // Half of them with a token that came alone.
            let parent = family(1 + caller % 2);
            let added = answer(store.add(facts(&alice, &id(100 + caller, 0)), Some(&parent))).await;
            // Whatever becomes of the others.
            added == Addition::Added
                && caller % 4 < 2
                && answer(store.revoke(&alice, &family(100 + caller))).await
        }
    });
    let revoked = made.await.into_iter().filter(|revoked| *revoked).count();
    assert_eq!(revoked, CALLERS / 2, "each of many children is revoked alone");
    for caller in 0..CALLERS {
        if caller % 4 < 2 {
            has_ended(&*store, &alice, 100 + caller, "it was revoked as soon as it was made").await;
        } else {
            is_good(&*store, &alice, 100 + caller, 0, "its siblings were revoked").await;
        }
    }
    is_good(&*store, &alice, 1, 0, "half of its children were revoked").await;
}

/// One ends a family; the others make children of it, and of a child that it has, at that moment.
async fn made_meanwhile(store: impl RefreshStore + RevocationStore, way: Way) {
    let store = Arc::new(store);
    for round in 1..=5 {
        let alice = identity(&format!("alice {round}"));
        let (parent, number) = (round * 1000, move |caller| round * 1000 + 10 + caller);
        begin_and_rotate(&*store, &alice, parent, None).await;
        begin_and_rotate(&*store, &alice, parent + 1, Some(parent)).await;
        let made = at_once(|caller| {
            let (store, alice) = (store.clone(), alice.clone());
            async move {
                if caller == CALLERS / 2 {
                    way.end(&*store, &alice, parent).await;
                    return Addition::Revoked;
                }
                let above = family(parent + caller % 2);
                answer(store.add(facts(&alice, &id(number(caller), 0)), Some(&above))).await
            }
        });
        let why = format!("one above it has ended while it was made: {way:?}");
        for (caller, added) in made.await.into_iter().enumerate() {
            match added {
                Addition::Added => has_ended(&*store, &alice, number(caller), &why).await,
                Addition::Revoked => {}
                Addition::TooDeep => panic!("it is not deep"),
            }
        }
        for of in [parent, parent + 1] {
            has_ended(&*store, &alice, of, &why).await;
        }
    }
}
