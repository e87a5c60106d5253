//! The same request many times at once.

use std::time::UNIX_EPOCH;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use portcullis::{
    S3pSignatureLayer,
    s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded},
};
use tokio::sync::Barrier;

use crate::{outcome, s3p_support::*, support::send};

const TASKS: usize = 64;

/// Sends a request from many tasks that start together; how many were accepted.
async fn accepted(layer: &S3pSignatureLayer, draft: &Draft) -> usize {
    let (barrier, request) = (Arc::new(Barrier::new(TASKS)), draft.request());
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (layer, request, barrier) = (layer.clone(), request.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                match outcome(&send(&layer, request).await) {
                    "accepted" => 1,
                    "s3p.replayed" => 0,
                    other => panic!("{other}"),
                }
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_one_is_accepted() {
    let (layer, _) = layer_with(MemoryNonceStore::new(UNIX_EPOCH));
    for round in 0..5_000 {
        for draft in [Draft::get("/v2/ping?a=1"), Draft::json(r#"{"a":1}"#).of_bob()] {
            assert_eq!(accepted(&layer, &draft.nonce(round)).await, 1, "round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_is_accepted_when_the_store_answers_later() {
    let (layer, _) = layer_with(Later(MemoryNonceStore::new(UNIX_EPOCH)));
    for round in 0..50 {
        assert_eq!(accepted(&layer, &Draft::json("{}").nonce(round)).await, 1, "round {round}");
    }
}

#[test]
fn of_two_threads_with_one_nonce_one_is_first() {
    const NONCES: usize = 5000;
    let store = MemoryNonceStore::new(UNIX_EPOCH);
    let fresh: Vec<AtomicUsize> = (0..NONCES).map(|_| AtomicUsize::new(0)).collect();
    let now = NOW.cast_signed();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for (at, count) in fresh.iter().enumerate() {
                    let nonce = at.to_string();
                    // Some of them make the other thread's expire.
                    let second = now + i64::try_from(at).unwrap() / 10;
                    let nonce = Nonce { token: TOKEN, nonce: &nonce, expires: second, now: second };
                    match store.record(nonce).into_now().unwrap().unwrap() {
                        Recorded::Fresh => _ = count.fetch_add(1, Ordering::SeqCst),
                        Recorded::Replayed => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert!(fresh.iter().all(|count| count.load(Ordering::SeqCst) <= 1));
    assert_eq!(fresh[NONCES - 1].load(Ordering::SeqCst), 1);
}
