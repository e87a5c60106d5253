//! A store that is down at one step, before or after it has done what it was asked.

use std::sync::Mutex;

use portcullis::{
    NowOrLater, StoreError,
    jwt::{
        TokenFacts,
        refresh::{Addition, RefreshFacts, Rotation},
    },
};

use super::*;

#[tokio::test]
async fn while_the_store_is_down_nothing_is_given_and_nothing_is_refused() {
    for fails in [Fails::Before, Fails::After] {
        let store = Failing::new();
        let server = Server::new(store.clone());
        let first = server.sign_in(&alice()).await;
        let token = server.refresher.verify(first.refresh().token()).unwrap();
        let (refresher, identity) = (&server.refresher, alice().identity().clone());
        store.set(fails);
        let errors = [
            refresher.issue(Grant::to(&alice(), set(""))).await.unwrap_err(),
            server.refresh(&first).await.unwrap_err(),
            refresher.check(&token).await.unwrap_err(),
            refresher.revoke(&identity, first.access().id()).await.unwrap_err(),
            refresher.revoke_all(&identity, at(NOW)).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(
                (error.kind(), error.reason()),
                (RefreshErrorKind::Unavailable, "refresh.store")
            );
            let rejection = Rejection::from(error);
            assert_eq!(rejection.kind(), RejectionKind::Unavailable);
            assert!(rejection.retry_after().is_some());
        }
        let answer = ask(&server.layer, first.access().token()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (503, "jwt.revocation_store"));
    }
}

#[tokio::test]
async fn a_store_that_was_down_has_revoked_nothing() {
    let store = Failing::new();
    let server = Server::new(store.clone());
    let first = server.sign_in(&alice()).await;
    store.set(Fails::Before);
    for _ in 0..3 {
        server.refresh(&first).await.unwrap_err();
    }
    store.set(Fails::Never);
    assert_eq!(server.status(&first).await, 200);
    server.refresh(&first).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_no_two_live_tokens() {
    let store = Failing::new();
    let server = Server::new(store.clone());
    let first = server.sign_in(&alice()).await;
    store.set(Fails::After);
    server.refresh(&first).await.unwrap_err();
    store.set(Fails::Never);
    // The token was used up, and its heir is lost: it is not good a second time.
    assert_eq!(reason(&server.refresh(&first).await.unwrap_err()), "refresh.reused");
    assert_eq!(server.status(&first).await, 401);
}

#[derive(Clone, Copy)]
enum Fails {
    Never,
    /// Without having done anything.
    Before,
    /// Having done it: the answer is lost.
    After,
}

#[derive(Clone)]
struct Failing {
    store: MemoryRefreshStore,
    fails: Arc<Mutex<Fails>>,
}

impl Failing {
    fn new() -> Self {
        Self { store: MemoryRefreshStore::new(), fails: Arc::new(Mutex::new(Fails::Never)) }
    }

    fn set(&self, fails: Fails) {
        *self.fails.lock().unwrap() = fails;
    }

    fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&MemoryRefreshStore) -> NowOrLater<Result<T, StoreError>>,
    ) -> NowOrLater<Result<T, StoreError>> {
        let down = || Err(StoreError::new("connection refused"));
        match *self.fails.lock().unwrap() {
            Fails::Never => ask(&self.store),
            Fails::Before => NowOrLater::now(down()),
            Fails::After => ask(&self.store).map(move |_| down()),
        }
    }
}

impl RefreshStore for Failing {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        self.ask(|store| store.add(token, parent))
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        self.ask(|store| store.rotate(used, next))
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        self.ask(|store| store.revoke(identity, family))
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        self.ask(|store| store.revoke_all(identity, up_to))
    }
}

impl RevocationStore for Failing {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.ask(|store| store.is_revoked(token))
    }
}

/// A store that answers after a while.
#[derive(Clone)]
pub(crate) struct Later(pub(crate) MemoryRefreshStore);

fn later<T: Send + 'static>(answer: NowOrLater<T>) -> NowOrLater<T> {
    NowOrLater::later(async move {
        tokio::task::yield_now().await;
        answer.await
    })
}

impl RefreshStore for Later {
    fn add(
        &self,
        token: RefreshFacts<'_>,
        parent: Option<&str>,
    ) -> NowOrLater<Result<Addition, StoreError>> {
        later(self.0.add(token, parent))
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<Rotation, StoreError>> {
        later(self.0.rotate(used, next))
    }

    fn revoke(&self, identity: &Identity, family: &str) -> NowOrLater<Result<bool, StoreError>> {
        later(self.0.revoke(identity, family))
    }

    fn revoke_all(&self, identity: &Identity, up_to: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        later(self.0.revoke_all(identity, up_to))
    }
}

impl RevocationStore for Later {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        later(self.0.is_revoked(token))
    }
}
