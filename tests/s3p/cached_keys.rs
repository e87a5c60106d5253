//! `store::CachedAccessKeys`: when the store behind it is asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use portcullis::{NowOrLater, StoreError, s3p::AccessKeyStore, store::CachedAccessKeys};
use tokio::sync::Notify;

use super::*;

/// A store that counts, that can be down, and whose answers can be held back.
#[derive(Clone)]
struct Watched {
    keys: MemoryAccessKeyStore,
    asked: Arc<AtomicUsize>,
    is_down: Arc<Mutex<bool>>,
    held: Option<Arc<Notify>>,
}

impl Watched {
    fn new() -> Self {
        let keys = MemoryAccessKeyStore::new();
        keys.insert("t", key("alice"));
        Self { keys, asked: Arc::default(), is_down: Arc::default(), held: None }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl AccessKeyStore for Watched {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if *self.is_down.lock().unwrap() {
            return NowOrLater::now(Err(StoreError::new("down")));
        }
        let answer = self.keys.access_key(token);
        match self.held.clone() {
            None => answer,
            Some(held) => NowOrLater::later(async move {
                let answer = answer.await;
                held.notified().await;
                answer
            }),
        }
    }
}

fn key(subject: &str) -> AccessKey {
    AccessKey::new(Identity::local(subject).unwrap(), "canary-4711-secret").unwrap()
}

fn cached(store: &Watched, clock: &Arc<ManualClock>) -> CachedAccessKeys {
    let minute = Duration::from_secs(60);
    CachedAccessKeys::with_clock(store.clone(), 100, minute, clock.clone()).unwrap()
}

async fn known(keys: &CachedAccessKeys) -> bool {
    keys.access_key("t").await.unwrap().is_some()
}

#[tokio::test]
async fn a_key_is_asked_for_once_in_its_time_and_again_afterwards() {
    let (store, clock) = (Watched::new(), Arc::new(ManualClock::at_unix(1_000_000)));
    let keys = cached(&store, &clock);
    for _ in 0..3 {
        assert!(known(&keys).await);
    }
    assert_eq!(store.asked(), 1);
    clock.advance(Duration::from_secs(59));
    assert!(known(&keys).await);
    assert_eq!(store.asked(), 1);
    store.keys.remove("t");
    assert!(known(&keys).await, "for the stated time");
    clock.advance(Duration::from_secs(1));
    assert!(!known(&keys).await);
    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nothing_last_longer() {
    let (store, clock) = (Watched::new(), Arc::new(ManualClock::at_unix(1_000_000)));
    let keys = cached(&store, &clock);
    assert!(known(&keys).await);
    store.keys.remove("t");
    clock.set(UNIX_EPOCH + Duration::from_secs(500_000));
    assert!(!known(&keys).await);
}

#[tokio::test]
async fn what_is_forgotten_is_asked_for_again_though_an_answer_is_under_way() {
    let (mut store, clock) = (Watched::new(), Arc::new(ManualClock::at_unix(1_000_000)));
    let keys = cached(&store, &clock);
    assert!(known(&keys).await);
    store.keys.remove("t");
    keys.forget("t");
    assert!(!known(&keys).await);

    store.keys.insert("t", key("alice"));
    let held = Arc::new(Notify::new());
    store.held = Some(held.clone());
    let keys = cached(&store, &clock);
    let under_way = keys.access_key("t");
    store.keys.remove("t");
    keys.forget("t");
    held.notify_one();
    assert!(under_way.await.unwrap().is_some(), "it was asked before");
    held.notify_one();
    assert!(!known(&keys).await);
}

#[tokio::test]
async fn neither_that_a_token_is_unknown_nor_that_the_store_was_down_is_remembered() {
    let (store, clock) = (Watched::new(), Arc::new(ManualClock::at_unix(1_000_000)));
    let keys = cached(&store, &clock);
    *store.is_down.lock().unwrap() = true;
    assert!(keys.access_key("t").await.is_err());
    *store.is_down.lock().unwrap() = false;
    assert!(known(&keys).await);
    *store.is_down.lock().unwrap() = true;
    assert!(known(&keys).await, "for the stated time");
    *store.is_down.lock().unwrap() = false;

    assert!(keys.access_key("new").await.unwrap().is_none());
    store.keys.insert("new", key("bob"));
    assert!(keys.access_key("new").await.unwrap().is_some());
}

#[tokio::test]
async fn a_layer_works_over_remembered_keys() {
    let store = MemoryAccessKeyStore::new();
    store.insert(TOKEN, AccessKey::new(Identity::local("alice").unwrap(), SECRET).unwrap());
    let keys = CachedAccessKeys::new(store, 10, Duration::from_secs(30)).unwrap();
    let printed = format!("{keys:?}");
    assert!(!printed.contains(SECRET), "{printed}");
    let found = keys.access_key(TOKEN).await.unwrap();
    assert!(found.is_some() && keys.access_key(TOKEN).await.unwrap().is_some());
}

#[test]
fn nothing_is_remembered_for_longer_than_a_minute() {
    for (capacity, seconds) in [(0, 30), (10, 0), (10, 61), (10, 86_400)] {
        let store = MemoryAccessKeyStore::new();
        let made = CachedAccessKeys::new(store, capacity, Duration::from_secs(seconds));
        assert!(made.is_err(), "{capacity} for {seconds} s");
    }
}
