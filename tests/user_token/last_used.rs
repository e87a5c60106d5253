//! When a token was last used is written down coarsely, and no request waits for it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Identity, ManualClock, NowOrLater, StoreError, UserTokenLayer,
    user_token::{
        LastUsed, MemoryUserTokenStore, TokenDigest, UserToken, UserTokenAdmin, UserTokenAuth,
        UserTokenRecord, UserTokenStore,
    },
};
use tokio::sync::Semaphore;

use super::{NOW, alice, ask, laptop};
use crate::support::Log;

const INTERVAL: Duration = Duration::from_secs(600);

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW + seconds)
}

/// A store that counts what it is to write, and writes when it is let.
#[derive(Clone)]
struct Watched {
    store: MemoryUserTokenStore,
    uses: Arc<Mutex<Vec<SystemTime>>>,
    gate: Option<Arc<Semaphore>>,
    down: bool,
}

impl Watched {
    fn new(store: MemoryUserTokenStore) -> Self {
        Self { store, uses: Arc::default(), gate: None, down: false }
    }

    fn uses(&self) -> Vec<SystemTime> {
        self.uses.lock().unwrap().clone()
    }
}

impl UserTokenStore for Watched {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        self.store.user_token(digest)
    }
}

impl UserTokenAdmin for Watched {
    fn create(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.store.create(digest, record)
    }

    fn list(&self, owner: &Identity) -> NowOrLater<Result<Vec<UserTokenRecord>, StoreError>> {
        self.store.list(owner)
    }

    fn revoke(
        &self,
        owner: &Identity,
        id: &str,
        now: SystemTime,
    ) -> NowOrLater<Result<bool, StoreError>> {
        self.store.revoke(owner, id, now)
    }

    fn used(&self, digest: &TokenDigest, now: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        self.uses.lock().unwrap().push(now);
        if self.down {
            return NowOrLater::now(Err(StoreError::new("connection refused")));
        }
        let Some(gate) = self.gate.clone() else {
            return self.store.used(digest, now);
        };
        let (store, digest) = (self.store.clone(), *digest);
        NowOrLater::later(async move {
            gate.acquire().await.unwrap().forget();
            store.used(&digest, now).await
        })
    }
}

fn layer(store: &Watched, clock: &Arc<ManualClock>) -> UserTokenLayer {
    let last_used = LastUsed::new(store.clone(), INTERVAL);
    let auth = UserTokenAuth::new("vault", store.clone()).unwrap();
    UserTokenLayer::new(auth.clock(clock.clone()).last_used(last_used))
}

async fn last_used(store: &MemoryUserTokenStore) -> Option<SystemTime> {
    store.list(&alice()).await.unwrap()[0].last_used
}

#[tokio::test]
async fn a_token_is_written_down_once_in_an_interval() {
    let (token, memory) = laptop();
    let (store, clock) = (Watched::new(memory.clone()), Arc::new(ManualClock::at_unix(NOW)));
    let layer = layer(&store, &clock);
    for (second, uses) in
        [(0, 1), (1, 1), (599, 1), (600, 2), (601, 2), (1199, 2), (1200, 3), (9000, 4)]
    {
        clock.set(at(second));
        for _ in 0..3 {
            assert_eq!(ask(&layer, token.expose()).await.status, 200);
        }
        assert_eq!(store.uses().len(), uses, "second {second}");
    }
    assert_eq!(store.uses(), [at(0), at(600), at(1200), at(9000)]);
    assert_eq!(last_used(&memory).await, Some(at(9000)));
    // A clock that was set back does not stop it.
    clock.set(at(10));
    assert_eq!(ask(&layer, token.expose()).await.status, 200);
    assert_eq!(last_used(&memory).await, Some(at(10)));
}

#[tokio::test]
async fn what_another_process_has_written_down_is_not_written_again() {
    let (token, memory) = laptop();
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let (one, other) = (Watched::new(memory.clone()), Watched::new(memory));
    let layers = [layer(&one, &clock), layer(&other, &clock)];
    for second in [0, 300, 600] {
        clock.set(at(second));
        for layer in &layers {
            assert_eq!(ask(layer, token.expose()).await.status, 200);
        }
    }
    assert_eq!((one.uses(), other.uses().len()), (vec![at(0), at(600)], 0));
}

#[tokio::test]
async fn no_request_waits_for_a_slow_write_and_there_is_one_at_a_time() {
    let (token, memory) = laptop();
    let gate = Arc::new(Semaphore::new(0));
    let store = Watched { gate: Some(gate.clone()), ..Watched::new(memory.clone()) };
    let layer = layer(&store, &Arc::new(ManualClock::at_unix(NOW)));
    for _ in 0..100 {
        assert_eq!(ask(&layer, token.expose()).await.status, 200);
    }
    tokio::task::yield_now().await;
    assert_eq!((store.uses().len(), last_used(&memory).await), (1, None));
    gate.add_permits(1);
    while last_used(&memory).await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(last_used(&memory).await, Some(at(0)));
}

#[tokio::test]
async fn a_store_that_cannot_write_refuses_nobody_and_is_asked_again_after_the_interval() {
    let (token, memory) = laptop();
    let store = Watched { down: true, ..Watched::new(memory) };
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let layer = layer(&store, &clock);
    let log = Log::capture();
    for second in [0, 1, 599, 600] {
        clock.set(at(second));
        assert_eq!(ask(&layer, token.expose()).await.status, 200);
    }
    assert_eq!(store.uses(), [at(0), at(600)]);
    let text = log.text();
    assert!(text.contains("WARN") && text.contains("connection refused"), "{text}");
    assert!(!text.contains(&token.expose()[4..]));
}

#[tokio::test]
async fn only_a_token_that_was_let_in_counts_as_used() {
    let (token, memory) = laptop();
    let (expired, revoked) = (UserToken::generate(), UserToken::generate());
    memory.insert(expired.digest(), UserTokenRecord::new("expired", alice()).expires(at(0)));
    memory.insert(revoked.digest(), UserTokenRecord::new("revoked", alice()));
    assert!(memory.revoke(&alice(), "revoked", at(0)).await.unwrap());
    let store = Watched::new(memory);
    let layer = layer(&store, &Arc::new(ManualClock::at_unix(NOW)));
    for token in [expired, revoked, UserToken::generate()] {
        assert_eq!(ask(&layer, token.expose()).await.status, 401);
    }
    assert_eq!(store.uses().len(), 0);
    assert_eq!(ask(&layer, token.expose()).await.status, 200);
    assert_eq!(store.uses().len(), 1);
}

#[tokio::test]
async fn of_very_many_tokens_in_an_interval_the_rest_is_passed_over_until_the_next() {
    let store = Watched::new(MemoryUserTokenStore::new());
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let layer = layer(&store, &clock);
    let tokens: Vec<_> = (0..10_001).map(|_| UserToken::generate()).collect();
    for (at, token) in tokens.iter().enumerate() {
        store.store.insert(token.digest(), UserTokenRecord::new(at.to_string(), alice()));
        assert_eq!(ask(&layer, token.expose()).await.status, 200);
    }
    assert_eq!(store.uses().len(), 10_000);
    let last = tokens.last().unwrap();
    assert_eq!(ask(&layer, last.expose()).await.status, 200);
    assert_eq!(store.uses().len(), 10_000);
    clock.advance(INTERVAL);
    assert_eq!(ask(&layer, last.expose()).await.status, 200);
    assert_eq!(store.uses().len(), 10_001);
}

#[test]
fn without_a_runtime_nobody_is_refused_either() {
    use portcullis::{Authenticator, Head};

    let (token, memory) = laptop();
    let store = Watched { gate: Some(Arc::new(Semaphore::new(1))), ..Watched::new(memory) };
    let last_used = LastUsed::new(store.clone(), INTERVAL);
    let auth = UserTokenAuth::new("vault", store).unwrap().last_used(last_used);
    let request = crate::support::get_with("/", super::bearer(token.expose()));
    let log = Log::capture();
    let answer = auth.authenticate(&Head::new(&request)).unwrap().into_now().unwrap();
    assert!(answer.is_ok());
    assert!(log.text().contains("could not be written down"), "{}", log.text());
}
