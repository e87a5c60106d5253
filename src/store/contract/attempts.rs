use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{CALLERS, answer, at_once, must_fail, texts};
use crate::basic::{Admission, AttemptKey, AttemptLimit, AttemptStore};

const NOW: u64 = 1_361_281_946;
const DAY: u64 = 24 * 60 * 60;

const ADMITTED: Admission = Admission::Admitted { known: false };

/// What every [`AttemptStore`] must do. The function makes a store in which nothing is counted.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn attempts<S: AttemptStore>(new_store: impl AsyncFn() -> S) {
    waits_double(new_store().await).await;
    taken_back(new_store().await).await;
    known_after_a_success(new_store().await).await;
    forgotten(new_store().await).await;
    clock_set_back(new_store().await).await;
    scoped(new_store().await).await;
    as_many_as_are_free(new_store().await).await;
}

/// What an [`AttemptStore`] with a bound must do. The function makes an empty store of so many records.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn bounded_attempts<S: AttemptStore>(new_store: impl AsyncFn(usize) -> S) {
    let store = new_store(8).await;
    for number in 0..100_u32 {
        let key = AttemptKey::new([b"key", &number.to_be_bytes()]);
        let counted = answer(store.count(key, limit(20), at(NOW))).await;
        assert_eq!(counted, ADMITTED, "a full store drops what matters least, and refuses nobody");
    }
}

/// What an [`AttemptStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_attempts(store: &impl AttemptStore) {
    must_fail(store.count(key("key"), limit(3), at(NOW))).await;
    must_fail(store.take_back(key("key"))).await;
    must_fail(store.succeed(key("key"), limit(3), at(NOW))).await;
}

/// So many free attempts, then waits of 1, 2, 4, and 8 seconds; all is forgotten after a minute.
fn limit(free: u32) -> AttemptLimit {
    let [first, longest, forget] = [1, 8, 60].map(Duration::from_secs);
    AttemptLimit::new(free, first, longest, forget).expect("the limit is sound")
}

fn key(text: &str) -> AttemptKey {
    AttemptKey::new([text.as_bytes()])
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn wait(seconds: u64) -> Admission {
    Admission::Wait(Duration::from_secs(seconds))
}

async fn count(store: &impl AttemptStore, now: u64) -> Admission {
    answer(store.count(key("key"), limit(3), at(now))).await
}

async fn take_back(store: &impl AttemptStore) {
    answer(store.take_back(key("key"))).await;
}

async fn waits_double(store: impl AttemptStore) {
    for free in 1..=3 {
        assert_eq!(count(&store, NOW).await, ADMITTED, "attempt {free} of 3 is free");
    }
    let mut now = NOW;
    for seconds in [1, 2, 4, 8, 8] {
        for asked in 0..10 {
            let counted = count(&store, now).await;
            assert_eq!(counted, wait(seconds), "what has to wait is not counted: {asked}");
        }
        let counted = count(&store, now + seconds - 1).await;
        assert_eq!(counted, wait(1), "a wait ends when it ends: {seconds} s");
        now += seconds;
        assert_eq!(count(&store, now).await, ADMITTED, "a wait ends: {seconds} s");
    }
}

async fn taken_back(store: impl AttemptStore) {
    for _ in 0..5 {
        take_back(&store).await;
    }
    for free in 1..=3 {
        assert_eq!(count(&store, NOW).await, ADMITTED, "a count never falls below zero: {free}");
    }
    take_back(&store).await;
    assert_eq!(count(&store, NOW).await, wait(1), "a wait stays when an attempt is taken back");
    assert_eq!(count(&store, NOW + 1).await, ADMITTED);
    let counted = count(&store, NOW + 1).await;
    assert_eq!(counted, wait(1), "an attempt that is taken back is not counted");
    for known in [false, true] {
        let key = key(if known { "known" } else { "unknown" });
        if known {
            answer(store.succeed(key, limit(1), at(NOW))).await;
        }
        for round in 0..3 {
            let counted = answer(store.count(key, limit(1), at(NOW))).await;
            let free = Admission::Admitted { known };
            assert_eq!(counted, free, "when no attempt is left, there is no wait: {known} {round}");
            answer(store.take_back(key)).await;
        }
        let counted = answer(store.count(key, limit(1), at(NOW - 1))).await;
        let free = Admission::Admitted { known };
        assert_eq!(counted, free, "nor is there one when the clock is set back: {known}");
    }
}

async fn known_after_a_success(store: impl AttemptStore) {
    for _ in 0..3 {
        count(&store, NOW).await;
    }
    answer(store.succeed(key("key"), limit(3), at(NOW))).await;
    for free in 1..=3 {
        let counted = count(&store, NOW).await;
        let known = Admission::Admitted { known: true };
        assert_eq!(counted, known, "a success forgets attempts and waits, and is known: {free}");
    }
    assert_eq!(count(&store, NOW).await, wait(1), "who is known has to wait as well");
    assert_eq!(count(&store, NOW + 60).await, ADMITTED, "that it is known is forgotten, too");
}

async fn forgotten(store: impl AttemptStore) {
    for _ in 0..3 {
        count(&store, NOW).await;
    }
    assert_eq!(count(&store, NOW + 59).await, ADMITTED);
    assert_eq!(count(&store, NOW + 59).await, wait(2), "nothing is forgotten too early");
    for free in 1..=3 {
        let counted = count(&store, NOW + 59 + 60).await;
        assert_eq!(counted, ADMITTED, "after `forget_after`, all is forgotten: {free}");
    }
    assert_eq!(count(&store, NOW + 59 + 60).await, wait(1), "and counted anew");
}

async fn clock_set_back(store: impl AttemptStore) {
    for _ in 0..3 {
        count(&store, NOW).await;
    }
    let counted = count(&store, NOW - DAY).await;
    assert_eq!(counted, ADMITTED, "a wait that is longer than the longest is none");
}

async fn scoped(store: impl AttemptStore) {
    let texts = texts();
    for expected in [ADMITTED, wait(1)] {
        for text in &texts {
            let counted = answer(store.count(key(text), limit(1), at(NOW))).await;
            assert_eq!(counted, expected, "each key has a count of its own: {text:?}");
        }
    }
}

async fn as_many_as_are_free(store: impl AttemptStore) {
    let store = Arc::new(store);
    for round in 0..5 {
        let free = CALLERS / 4;
        let limit = limit(u32::try_from(free).expect("it is a small number"));
        let counts = at_once(|_| {
            let (store, key) = (store.clone(), key(&round.to_string()));
            async move { answer(store.count(key, limit, at(NOW))).await }
        });
        let counts = counts.await;
        let admitted = counts.iter().filter(|count| **count == ADMITTED).count();
        assert_eq!(admitted, free, "of {CALLERS} attempts at once, as many as are free are admitted");
        let waiting = counts.iter().filter(|count| **count == wait(1)).count();
        assert_eq!(waiting, CALLERS - free, "and the others wait: {counts:?}");
    }
}
