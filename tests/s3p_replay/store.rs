//! `MemoryNonceStore` when it is full: nothing that counts is forgotten.

use std::time::UNIX_EPOCH;

use portcullis::s3p::MemoryNonceStore;

use crate::{
    outcome,
    s3p_support::*,
    set,
    support::{check_refusal, send},
};

fn draft(nonce: usize) -> Draft {
    Draft::get("/v2/ping").nonce(nonce)
}

#[tokio::test]
async fn a_token_has_at_most_so_many_live_nonces() {
    let (layer, _) = layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, 100, 3));
    for nonce in 0..3 {
        assert_eq!(outcome(&send(&layer, draft(nonce).request()).await), "accepted");
    }
    for nonce in 3..6 {
        let answer = send(&layer, draft(nonce).request()).await;
        assert_eq!((answer.status.as_u16(), outcome(&answer)), (429, "s3p.token_full"));
        assert_eq!(answer.headers["retry-after"], "1");
        check_refusal(&answer);
    }
    // None was dropped to make room, not even the oldest; and other tokens are not held up.
    for nonce in 0..3 {
        assert_eq!(outcome(&send(&layer, draft(nonce).request()).await), "s3p.replayed");
        assert_eq!(outcome(&send(&layer, draft(nonce).of_bob().request()).await), "accepted");
    }
}

#[tokio::test]
async fn a_store_has_at_most_so_many_live_nonces() {
    let (layer, _) = layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, 4, 3));
    for nonce in 0..3 {
        assert_eq!(outcome(&send(&layer, draft(nonce).request()).await), "accepted");
    }
    assert_eq!(outcome(&send(&layer, draft(0).of_bob().request()).await), "accepted");
    for nonce in 1..4 {
        let answer = send(&layer, draft(nonce).of_bob().request()).await;
        assert_eq!((answer.status.as_u16(), outcome(&answer)), (503, "s3p.store_full"));
        assert_eq!(answer.headers["retry-after"], "1");
    }
    for nonce in 0..3 {
        assert_eq!(outcome(&send(&layer, draft(nonce).request()).await), "s3p.replayed");
    }
    assert_eq!(outcome(&send(&layer, draft(0).of_bob().request()).await), "s3p.replayed");
}

#[tokio::test]
async fn what_a_full_store_has_refused_may_be_sent_again() {
    let (layer, clock) = layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, 10, 1));
    assert_eq!(outcome(&send(&layer, draft(0).request()).await), "accepted");
    let waiting = draft(1).timestamp(NOW + 300);
    assert_eq!(outcome(&send(&layer, waiting.request()).await), "s3p.token_full");
    set(&clock, 301);
    assert_eq!(outcome(&send(&layer, waiting.request()).await), "accepted");
    assert_eq!(outcome(&send(&layer, waiting.request()).await), "s3p.replayed");
}

#[tokio::test]
async fn expired_nonces_make_room_and_no_other() {
    let (layer, clock) = layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, 3, 3));
    // They expire at NOW, NOW + 300 and NOW + 600.
    for (nonce, timestamp) in [(0, NOW - 300), (1, NOW), (2, NOW + 300)] {
        let answer = send(&layer, draft(nonce).timestamp(timestamp).request()).await;
        assert_eq!(outcome(&answer), "accepted");
    }
    let mut fresh = 3..;
    for (now, room) in [(0, 0), (1, 1), (300, 0), (301, 1), (600, 0), (601, 1), (902, 2), (1202, 1)] {
        set(&clock, now);
        // What takes the room is as far in the future as it may be.
        let timestamp = NOW.checked_add_signed(now + 300).unwrap();
        for _ in 0..room {
            let draft = draft(fresh.next().unwrap()).timestamp(timestamp);
            let answer = send(&layer, draft.request()).await;
            assert_eq!(outcome(&answer), "accepted", "{now}");
        }
        let draft = draft(fresh.next().unwrap()).timestamp(timestamp);
        assert_eq!(outcome(&send(&layer, draft.request()).await), "s3p.token_full", "{now}");
    }
}

#[tokio::test]
async fn a_store_of_nothing_accepts_nothing() {
    for (limits, expected) in [((0, 1), "s3p.store_full"), ((1, 0), "s3p.token_full")] {
        let (layer, _) = layer_with(MemoryNonceStore::with_limits(UNIX_EPOCH, limits.0, limits.1));
        let answer = send(&layer, draft(0).request()).await;
        assert_eq!(outcome(&answer), expected);
    }
}

#[tokio::test]
async fn a_clone_is_the_same_store() {
    let store = MemoryNonceStore::with_limits(UNIX_EPOCH, 1, 1);
    let ((one, _), (two, _)) = (layer_with(store.clone()), layer_with(store.clone()));
    assert_eq!(outcome(&send(&one, draft(0).request()).await), "accepted");
    assert_eq!(outcome(&send(&two, draft(0).request()).await), "s3p.replayed");
    assert_eq!(outcome(&send(&two, draft(1).request()).await), "s3p.token_full");
    assert_eq!(format!("{store:?}"), "MemoryNonceStore { max_live: 1, max_live_per_token: 1, .. }");
}
