use std::sync::Arc;

use super::{CALLERS, PAIRS, answer, at_once, must_fail, texts};
use crate::s3p::{Nonce, NonceStore, Recorded};

const NOW: i64 = 1_361_281_946;
const DAY: i64 = 24 * 60 * 60;

/// What every [`NonceStore`] must do. The function makes an empty store.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn nonces<S: NonceStore>(new_store: impl AsyncFn() -> S) {
    fresh_once(new_store().await).await;
    scoped(new_store().await).await;
    kept_through_the_last_second(new_store().await).await;
    clock_ahead_and_back(new_store().await).await;
    one_of_many(new_store().await).await;
}

/// What a [`NonceStore`] with limits must do. The function makes an empty store for so many live nonces of one
/// token, and at least as many of others.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn bounded_nonces<S: NonceStore>(new_store: impl AsyncFn(usize) -> S) {
    full(new_store(3).await).await;
    full_at_once(new_store(CALLERS / 4).await).await;
}

/// What a [`NonceStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_nonces(store: &impl NonceStore) {
    must_fail(store.record(nonce("token", "nonce"))).await;
}

fn nonce<'r>(token: &'r str, nonce: &'r str) -> Nonce<'r> {
    Nonce { token, nonce, expires: NOW + 300, now: NOW }
}

async fn fresh_once(store: impl NonceStore) {
    let first = nonce("token", "nonce");
    assert_eq!(answer(store.record(first)).await, Recorded::Fresh, "a new nonce is fresh");
    for again in [first, Nonce { expires: NOW + 600, ..first }, Nonce { expires: NOW, ..first }] {
        let recorded = answer(store.record(again)).await;
        assert_eq!(
            recorded,
            Recorded::Replayed,
            "a nonce is fresh once, by whatever expiry: {again:?}"
        );
    }
}

async fn scoped(store: impl NonceStore) {
    let texts = texts();
    let of_one_token = texts.iter().map(|text| ("token", &**text));
    let of_each_token = texts.iter().map(|text| (&**text, "nonce"));
    let all: Vec<_> = of_one_token.chain(of_each_token).chain(PAIRS).collect();
    for expected in [Recorded::Fresh, Recorded::Replayed] {
        for (token, text) in &all {
            let recorded = answer(store.record(nonce(token, text))).await;
            assert_eq!(
                recorded, expected,
                "a nonce is known by its token and its bytes: {token:?} {text:?}"
            );
        }
    }
}

async fn kept_through_the_last_second(store: impl NonceStore) {
    answer(store.record(nonce("token", "nonce"))).await;
    for after in [1, 299, 300] {
        let again = Nonce { now: NOW + after, ..nonce("token", "nonce") };
        let recorded = answer(store.record(again)).await;
        assert_eq!(recorded, Recorded::Replayed, "a nonce is kept through `expires`: {after} s of 300");
    }
}

async fn clock_ahead_and_back(store: impl NonceStore) {
    let seen = nonce("token", "nonce");
    answer(store.record(seen)).await;
    for (token, text) in [("token", "ahead"), ("other", "ahead")] {
        let ahead = Nonce { expires: NOW + DAY + 300, now: NOW + DAY, ..nonce(token, text) };
        answer(store.record(ahead)).await;
    }
    let recorded = answer(store.record(seen)).await;
    assert_ne!(recorded, Recorded::Fresh, "a clock that jumps ahead and back lets nothing in twice");
}

async fn one_of_many(store: impl NonceStore) {
    let store = Arc::new(store);
    for round in 0..20 {
        let answers = at_once(|_| {
            let store = store.clone();
            async move { answer(store.record(nonce("token", &round.to_string()))).await }
        });
        let answers = answers.await;
        let fresh = answers.iter().filter(|answer| **answer == Recorded::Fresh).count();
        assert_eq!(fresh, 1, "of {CALLERS} callers with one nonce, one is first");
        let replayed = answers.iter().filter(|answer| **answer == Recorded::Replayed).count();
        assert_eq!(
            replayed,
            CALLERS - 1,
            "all callers but the first are told of a replay: {answers:?}"
        );
    }
}

async fn full(store: impl NonceStore) {
    for text in ["1", "2", "3"] {
        assert_eq!(answer(store.record(nonce("token", text))).await, Recorded::Fresh);
    }
    let more = answer(store.record(nonce("token", "4"))).await;
    assert!(is_full(more), "a token with as many nonces as it may have gets no more: {more:?}");
    for text in ["1", "2", "3"] {
        let recorded = answer(store.record(nonce("token", text))).await;
        assert_eq!(recorded, Recorded::Replayed, "a full store forgets nothing that counts");
    }
    let other = answer(store.record(nonce("other", "1"))).await;
    assert_eq!(other, Recorded::Fresh, "one token's nonces leave another's room alone");
    let last = Nonce { now: NOW + 300, ..nonce("token", "4") };
    let recorded = answer(store.record(last)).await;
    assert!(is_full(recorded), "there is no room before a nonce has expired: {recorded:?}");
    let later = Nonce { expires: NOW + DAY + 300, now: NOW + DAY, ..nonce("token", "4") };
    assert_eq!(answer(store.record(later)).await, Recorded::Fresh, "expired nonces make room");
}

async fn full_at_once(store: impl NonceStore) {
    let store = Arc::new(store);
    let answers = at_once(|caller| {
        let store = store.clone();
        async move { answer(store.record(nonce("token", &caller.to_string()))).await }
    });
    let fresh = answers.await.into_iter().filter(|answer| *answer == Recorded::Fresh).count();
    assert_eq!(fresh, CALLERS / 4, "of many new nonces at once, as many are recorded as there is room");
}

fn is_full(recorded: Recorded) -> bool {
    matches!(recorded, Recorded::TokenFull | Recorded::StoreFull)
}
