use std::{
    fmt::Debug,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::yield_now;

use super::answer;
#[cfg(feature = "basic")]
use crate::{
    Identity, ScopeSet,
    basic::{User, UserStore},
    store::contract::UserSeed,
};
#[cfg(feature = "_jwt")]
use crate::{
    jwt::{RevocationStore, TokenFacts},
    store::contract::Revocation,
};

/// How often something is changed.
const ROUNDS: usize = 5;

/// What a [`UserStore`] must do that tells its [version](UserStore::version). `put` gives a store a user, in the place of
/// any that it has by that name, and returns when that is acknowledged.
///
/// # Panics
///
/// When the store breaks a rule.
#[cfg(feature = "basic")]
pub async fn versioned_users<S: UserStore>(
    new_store: impl AsyncFn() -> S,
    put: impl AsyncFn(&S, UserSeed),
) {
    let store = Arc::new(new_store().await);
    let seed = |round: usize| UserSeed {
        name: "alice".to_owned(),
        password: super::users::hash(0),
        identity: Identity::local("alice").expect("a subject"),
        scopes: ScopeSet::empty(),
        disabled: round % 2 == 1,
        locked: false,
        expires: None,
    };
    let is_let_in = |user: Option<User>| user.map(|user| !user.is_disabled());
    let ask = move |store: Arc<S>, _| async move { is_let_in(answer(store.user("alice")).await) };
    versions(&store, UserStore::version, ask, async |round| put(&store, seed(round)).await).await;
}

/// What a [`RevocationStore`] must do that tells its [version](RevocationStore::version). `revoke` returns when it is
/// acknowledged.
///
/// # Panics
///
/// When the store breaks a rule.
#[cfg(feature = "_jwt")]
pub async fn versioned_revocations<S: RevocationStore>(
    new_store: impl AsyncFn() -> S,
    revoke: impl AsyncFn(&S, Revocation),
) {
    let store = Arc::new(new_store().await);
    let issuer = "issuer";
    let ask = move |store: Arc<S>, round: usize| async move {
        let id = round.to_string();
        answer(store.is_revoked(TokenFacts { issuer, subject: "alice", id: &id, issued: None })).await
    };
    let change = async |round: usize| {
        revoke(&store, super::revocations::token(issuer, &round.to_string())).await;
    };
    versions(&store, RevocationStore::version, ask, change).await;
}

/// Whoever sees the version that there is after a change, and asks then, gets the answer that there is after it.
async fn versions<S, A, F>(
    store: &Arc<S>,
    version: fn(&S) -> Option<u64>,
    ask: impl Fn(Arc<S>, usize) -> F + Clone + Send + 'static,
    change: impl AsyncFn(usize),
) where
    S: Send + Sync + 'static,
    A: PartialEq + Debug + Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    const NONE: &str = "a store that is to tell its version";
    let mut former = Vec::new();
    for round in 0..ROUNDS {
        let before = version(store).expect(NONE);
        ask(store.clone(), round).await;
        assert_eq!(version(store), Some(before), "nothing has changed, and so the version has not");
        former.push(before);

        let is_over = Arc::new(AtomicBool::new(false));
        let watchers: Vec<_> = (0..4)
            .map(|_| {
                let (store, ask, is_over) = (store.clone(), ask.clone(), is_over.clone());
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    while !is_over.load(Ordering::SeqCst) {
                        let now = (version(&store), ask(store.clone(), round).await);
                        if seen.last() != Some(&now) {
                            seen.push(now);
                        }
                        yield_now().await;
                    }
                    seen
                })
            })
            .collect();
        yield_now().await;
        change(round).await;
        let after = version(store).expect(NONE);
        let truth = ask(store.clone(), round).await;
        is_over.store(true, Ordering::SeqCst);

        assert!(!former.contains(&after), "after a change the version is a new one");
        for watcher in watchers {
            for (version, answer) in watcher.await.expect("the store does not panic") {
                if version == Some(after) {
                    assert_eq!(answer, truth, "the version was new before the answer was");
                }
            }
        }
    }
}
