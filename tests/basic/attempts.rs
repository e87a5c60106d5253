//! Where attempts are counted: stores, limits, keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Head, NowOrLater, PeerAddr, StoreError,
    basic::{
        Admission, AttemptKey, AttemptLimit, AttemptStore, HashingPool, MemoryAttemptStore, Source,
        Throttle,
    },
};

use super::{
    Down, basic, get_with, pool, send,
    throttle::{Gate, START, limit},
};
use crate::support::Log;

/// A store that can be taken down.
#[derive(Clone, Default)]
struct Flaky {
    store: MemoryAttemptStore,
    down: Arc<AtomicBool>,
}

impl Flaky {
    /// A store that is down has counted nothing.
    fn answer<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&MemoryAttemptStore) -> NowOrLater<Result<T, StoreError>> + Send + 'static,
    ) -> NowOrLater<Result<T, StoreError>> {
        let (store, down) = (self.store.clone(), self.down.load(Ordering::SeqCst));
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            if down { Err(StoreError::new("connection refused")) } else { ask(&store).await }
        })
    }
}

impl AttemptStore for Flaky {
    fn count(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<Admission, StoreError>> {
        self.answer(move |store| store.count(key, limit, now))
    }

    fn take_back(&self, key: AttemptKey) -> NowOrLater<Result<(), StoreError>> {
        self.answer(move |store| store.take_back(key))
    }

    fn succeed(
        &self,
        key: AttemptKey,
        limit: AttemptLimit,
        now: SystemTime,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.answer(move |store| store.succeed(key, limit, now))
    }
}

#[tokio::test]
async fn while_the_store_is_down_attempts_are_counted_in_memory_and_a_warning_is_logged() {
    let log = Log::capture();
    let store = Flaky::default();
    let gate = Gate::new(Throttle::new(store.clone()));
    assert_eq!(gate.wrong("aladdin").await.status, 401);
    assert!(!log.text().contains("WARN"), "{}", log.text());

    store.down.store(true, Ordering::SeqCst);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1), "never without a limit");
    assert_eq!(gate.right("jafar").await.status, 200);
    assert!(log.text().contains("WARN") && log.text().contains("counted on this node alone"));
    assert!(!log.text().contains("aladdin"), "{}", log.text());
    // A success during the outage counts as well.
    gate.wait(1);
    assert_eq!(gate.right("aladdin").await.status, 200);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));

    store.down.store(false, Ordering::SeqCst);
    gate.wait(3600);
    assert_eq!(gate.right("aladdin").await.status, 200);
}

#[tokio::test]
async fn an_attempt_is_taken_back_where_it_was_counted_and_nowhere_else() {
    let store = Flaky::default();
    let throttle = Throttle::new(store.clone());
    let (gate, broken) = (Gate::new(throttle.clone()), Gate::of(Down::Now, throttle));
    store.down.store(true, Ordering::SeqCst);
    assert_eq!(gate.exhaust("", "aladdin").await, (20, 1));

    // Counted in the store, and not judged.
    store.down.store(false, Ordering::SeqCst);
    for _ in 0..20 {
        assert_eq!(broken.wrong("aladdin").await.reason(), "basic.store");
    }
    store.down.store(true, Ordering::SeqCst);
    gate.wait(1);
    assert_eq!(gate.exhaust("", "aladdin").await, (1, 2), "what this node has counted stays");
}

#[tokio::test]
async fn who_has_to_wait_leaves_no_record_however_many_sources_there_are() {
    let store = MemoryAttemptStore::new();
    let by_peer = |head: &Head<'_>| PeerAddr::of(head).map(Source::ip);
    let gate = Gate::new(Throttle::new(store.clone()).sources(by_peer));
    for n in 0..20 {
        assert_eq!(gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await.status, 401);
    }
    let records = store.len();
    assert_eq!(records, 41, "a pair and a source each, and the account");
    for n in 20..220 {
        assert_eq!(gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await.status, 429);
    }
    assert_eq!(store.len(), records);
}

#[tokio::test]
async fn who_has_to_wait_leaves_neither_a_record_nor_a_wait_where_one_attempt_is_free() {
    let store = MemoryAttemptStore::new();
    let by_peer = |head: &Head<'_>| PeerAddr::of(head).map(Source::ip);
    let throttle = Throttle::new(store.clone()).sources(by_peer).pair_limit(limit(1, 60, 60, 60));
    let gate = Gate::new(throttle.account_limit(limit(1, 1, 1, 60)));
    assert_eq!(gate.from("203.0.113.1", "aladdin", "wrong").await.status, 401);
    let records = store.len();
    for n in 2..50 {
        let answer = gate.from(&format!("203.0.113.{n}"), "aladdin", "wrong").await;
        assert_eq!(answer.reason(), "basic.throttled_account");
    }
    assert_eq!(store.len(), records);
    gate.wait(1);
    let answer = gate.from("203.0.113.49", "aladdin", "aladdin's password").await;
    assert_eq!(answer.status, 200, "he has waited for the account, and for nothing else");
}

#[tokio::test]
async fn who_hangs_up_before_the_answer_has_made_an_attempt() {
    // The only place is taken: whoever comes now waits.
    let (held, full) = (pool::Test::new(), HashingPool::new(1));
    let layer = held.layer(&full);
    let running = tokio::spawn(async move { send(&layer, get_with("/", basic("x", "x"))).await });
    held.0.running(1).await;
    let gate = Gate::new(Throttle::in_memory());
    let gate = Gate { auth: gate.auth.clone().hashing_pool(full), ..gate };
    for _ in 0..20 {
        let mut attempt = Box::pin(gate.wrong("aladdin"));
        assert!(attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    held.0.open();
    running.await.unwrap();
    assert_eq!(gate.wrong("aladdin").await.status, 429);
}

#[tokio::test]
async fn two_nodes_with_one_store_have_one_count() {
    let store = MemoryAttemptStore::new();
    let nodes = [Gate::new(Throttle::new(store.clone())), Gate::new(Throttle::new(store))];
    for n in 0..20 {
        assert_eq!(nodes[n % 2].wrong("aladdin").await.status, 401);
    }
    for node in &nodes {
        assert_eq!(node.wrong("aladdin").await.status, 429);
    }
}

#[test]
fn a_limit_that_is_none_or_for_ever_is_refused() {
    let (zero, second, day) = (Duration::ZERO, Duration::from_secs(1), Duration::from_secs(86_400));
    assert!(AttemptLimit::new(1, second, day, day).is_ok());
    for (free, first, longest, forget) in [
        (0, second, day, day),
        (1, zero, day, day),
        (1, Duration::from_micros(999), day, day),
        (1, second * 2, second, day),
        (1, second, day + second, day * 2),
        (1, second, Duration::MAX, Duration::MAX),
        (1, second, day, second * 86_399),
        (1, second, day, day * 367),
    ] {
        let error = AttemptLimit::new(free, first, longest, forget);
        assert!(error.is_err(), "{free} {first:?} {longest:?} {forget:?}");
    }
    let limit = limit(3, 2, 60, 60);
    let waits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 40, u32::MAX].map(|n| limit.wait_after(n).as_secs());
    assert_eq!(waits, [0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]);
}

#[tokio::test]
async fn a_store_in_memory_holds_so_many_records_and_drops_those_of_one_attempt_first() {
    let store = MemoryAttemptStore::with_capacity(1000);
    let (limit, now) = (limit(20, 1, 1800, 86_400), UNIX_EPOCH + Duration::from_secs(START));
    let victim = AttemptKey::new([b"account", b"aladdin"]);
    let admitted = async |key| store.count(key, limit, now).await.unwrap();
    for _ in 0..20 {
        assert!(matches!(admitted(victim).await, Admission::Admitted { known: false }));
    }
    for n in 0..50_000_u32 {
        admitted(AttemptKey::new([b"account", &n.to_be_bytes()])).await;
        assert!(store.len() <= 1000);
    }
    assert_eq!(admitted(victim).await, Admission::Wait(Duration::from_secs(1)));
}

#[test]
fn the_parts_of_a_key_are_kept_apart() {
    let keys = [
        AttemptKey::new([b"ab", b"c"]),
        AttemptKey::new([b"a", b"bc"]),
        AttemptKey::new([b"abc", b""]),
        AttemptKey::new([b"", b"abc"]),
    ];
    for (n, one) in keys.iter().enumerate() {
        assert!(keys[..n].iter().all(|other| other != one));
    }
}
