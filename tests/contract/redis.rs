//! `store::Redis` on a real Redis.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Identity, ManualClock,
    jwt::{RevocationStore, TokenFacts},
    s3p::{Nonce, NonceStore, Recorded},
    store::{
        Redis,
        contract::{self, Revocation},
    },
};

use crate::servers;

const NOW: u64 = 1_361_281_946;

/// An empty store of so many nonces of a token, on the Redis that all share.
async fn store(each: usize) -> Redis {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let builder = Redis::builder(servers::Redis::shared().url()).prefix(prefix);
    // A machine that is busy is not a Redis that is down.
    let builder = builder.time_limit(Duration::from_secs(10)).clock(ManualClock::at_unix(NOW));
    builder.max_live_nonces_per_token(each).connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nonces_in_redis_keep_the_contract() {
    contract::nonces(async || store(1000).await).await;
    contract::bounded_nonces(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revocations_in_redis_keep_the_contract() {
    contract::revocations(async |revoked: Vec<Revocation>| {
        let store = store(1).await;
        for revocation in revoked {
            match revocation {
                Revocation::Token { issuer, id, expires } => store.revoke(&issuer, &id, expires).await,
                Revocation::Subject { identity, up_to, expires } => {
                    store.revoke_all(&identity, up_to, expires).await
                }
            }
            .unwrap();
        }
        store
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_expires_by_itself_and_not_too_early() {
    let redis = servers::Redis::start();
    let builder = Redis::builder(redis.url()).time_limit(Duration::from_secs(10));
    let store = builder.clock(ManualClock::at_unix(NOW)).connect().await.unwrap();
    let now = NOW.cast_signed();
    let nonce = Nonce { token: "token", nonce: "1", expires: now + 300, now };
    assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
    // A nonce that expires earlier takes nothing from one that expires later.
    let sooner = Nonce { nonce: "2", expires: now, ..nonce };
    assert_eq!(store.record(sooner).await.unwrap(), Recorded::Fresh);
    let alice = Identity::new("issuer", "alice").unwrap();
    for lifetime in [7200, 0] {
        store.revoke("issuer", "id", at(NOW + lifetime)).await.unwrap();
        store.revoke_all(&alice, at(NOW), at(NOW + lifetime)).await.unwrap();
    }
    let keys = redis.cli(&["--scan"]);
    assert_eq!(keys.lines().count(), 3, "{keys}");
    for key in keys.lines() {
        let asked = if key.contains("nonces") { 300 } else { 7200 };
        let left: u64 = redis.cli(&["ttl", key]).trim().parse().unwrap();
        // A test may be slow, and Redis's own clock is not the one that is asked.
        assert!((asked + 30..=asked + 3600).contains(&left), "{key} has {left} s left");
        assert!(key.starts_with("portcullis:") && key.len() < 100, "{key}");
        assert!(!key.contains("token\"") && !key.contains("issuer") && !key.contains("alice"), "{key}");
    }
}

#[tokio::test]
async fn keys_of_one_script_share_a_slot_and_access_tokens_do_not() {
    let redis = servers::Redis::start_with(&["--cluster-enabled", "yes"]);
    for range in [["0", "8191"], ["8192", "16383"]] {
        redis.cli(&["cluster", "addslotsrange", range[0], range[1]]);
    }
    let mut info = String::new();
    while !info.contains("cluster_state:ok") {
        info = redis.cli(&["cluster", "info"]);
    }
    let store =
        Redis::builder(redis.url()).time_limit(Duration::from_secs(10)).connect().await.unwrap();
    let now = NOW.cast_signed();
    for token in ["a", "b", "c", "d"] {
        let first = Nonce { token, nonce: "1", expires: now, now };
        // The second drops the first, and makes a mark.
        let second = Nonce { nonce: "2", expires: now + 900, now: now + 600, ..first };
        for nonce in [first, second] {
            // A script of keys in several slots would be refused.
            assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
        }
    }
    let facts = TokenFacts { issuer: "issuer", subject: "alice", id: "id", issued: None };
    assert!(!store.is_revoked(facts).await.unwrap());
    let keys = redis.cli(&["--scan"]);
    let mut slots: Vec<_> = keys.lines().map(|key| redis.cli(&["cluster", "keyslot", key])).collect();
    assert_eq!(slots.len(), 8, "{keys}");
    slots.sort();
    slots.dedup();
    assert_eq!(slots.len(), 4, "{keys}");
}

#[tokio::test]
async fn two_prefixes_are_two_stores_and_one_prefix_is_one() {
    let builder = Redis::builder(servers::Redis::shared().url()).time_limit(Duration::from_secs(10));
    let now = NOW.cast_signed();
    let nonce = Nonce { token: "token", nonce: "1", expires: now + 300, now };
    for (prefix, expected) in
        [("one", Recorded::Fresh), ("two", Recorded::Fresh), ("one", Recorded::Replayed)]
    {
        let store = builder.clone().prefix(prefix).connect().await.unwrap();
        assert_eq!(store.record(nonce).await.unwrap(), expected, "{prefix}");
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}
