//! A Redis that is refused when the store is made, and one whose memory is full.

use std::{
    error::Error,
    time::{Duration, UNIX_EPOCH},
};

use portcullis::{
    Identity,
    basic::{Admission, AttemptKey, AttemptLimit, AttemptStore},
    jwt::refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    s3p::{Nonce, NonceStore, Recorded},
    store::Redis,
};
use tokio::{net::TcpListener, time::timeout};

use crate::{
    bounded, builder, connect, draft, is_unavailable, s3p, servers, servers::PATIENCE, session,
    sign_and_send, support::Log,
};

#[tokio::test]
async fn a_redis_that_evicts_is_refused_unless_it_is_asked_for() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let redis = servers::Redis::start_with(&["--maxmemory-policy", policy]);
        let refused = builder(&redis).connect().await.unwrap_err().to_string();
        assert!(refused.contains(policy) && refused.contains("noeviction"), "{refused}");
        builder(&redis).dangerous_allow_eviction().connect().await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_without_an_append_only_file_is_taken_with_a_warning_and_refused_if_it_has_to_have_one()
{
    for (append_only, warns) in [("yes", false), ("no", true)] {
        let redis = servers::Redis::start_with(&["--appendonly", append_only]);
        let log = Log::capture();
        builder(&redis).connect().await.unwrap();
        assert_eq!(log.text().contains("WARN") && log.text().contains("append-only"), warns);
        let required = builder(&redis).require_append_only().connect().await;
        assert_eq!(required.is_err(), warns);
        assert!(required.err().is_none_or(|refused| refused.to_string().contains("appendonly")));
    }
}

#[tokio::test]
async fn a_redis_that_does_not_let_itself_be_asked_is_taken() {
    let redis = servers::Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    redis.cli(&["acl", "setuser", "app", "on", ">canary", "~*", "+@all", "-info"]);
    let url = redis.url().replace("redis://", "redis://app:canary@");
    let log = Log::capture();
    let builder = Redis::builder(url).time_limit(PATIENCE);
    assert!(builder.require_append_only().connect().await.is_ok());
    let text = log.text();
    assert!(text.contains("see that it is noeviction") && text.contains("see that it does"), "{text}");
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_is_refused_when_the_store_is_made() {
    let redis = servers::Redis::start_with(&["--requirepass", "right"]);
    let good = redis.url().replace("redis://", "redis://:right@");
    assert!(Redis::builder(&good).time_limit(PATIENCE).connect().await.is_ok());
    for url in [
        redis.url(),
        redis.url().replace("redis://", "redis://:canary@"),
        redis.url().replace("redis://", "redis://canary:canary@"),
        redis.url().replace("redis://", "http://:canary@"),
        "canary".to_owned(),
        "redis://127.0.0.1:1".to_owned(),
        good.replace("redis://", "rediss://"),
    ] {
        let builder = Redis::builder(&url);
        assert!(!format!("{builder:?}").contains("canary"));
        let refused = bounded(builder.connect()).await.expect_err(&url);
        let printed = format!("{refused} {refused:?} {:?}", refused.source());
        assert!(refused.to_string().contains("URL") && !printed.contains("canary"), "{printed}");
    }
    for prefix in ["", "{a}", "a}", &"x".repeat(65)] {
        assert!(Redis::builder(&good).prefix(prefix).connect().await.is_err(), "{prefix:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_waited_for_as_long_as_an_operation_and_for_five_seconds_at_least() {
    // It is connected to, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let builder = Redis::builder(format!("redis://{}", silent.local_addr().unwrap()));
    for (limit, waits) in [(1, 5), (30, 30)] {
        let [limit, before, after] = [limit, waits - 1, 2].map(Duration::from_secs);
        let mut connecting = Box::pin(builder.clone().time_limit(limit).connect());
        assert!(timeout(before, &mut connecting).await.is_err(), "it waits");
        assert!(timeout(after, connecting).await.expect("it no longer waits").is_err());
    }
}

#[tokio::test]
async fn a_full_memory_refuses_and_forgets_nothing() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let layer = s3p(&store);
    let seen = draft();
    assert_eq!(sign_and_send(&layer, &seen).await.status, 200);
    redis.cli(&["config", "set", "maxmemory", "1"]);
    is_unavailable(&sign_and_send(&layer, &draft()).await, "s3p.store_full");
    assert_eq!(sign_and_send(&layer, &seen).await.reason(), "s3p.replayed");
    assert!(store.revoke("issuer", "id", UNIX_EPOCH).await.is_err());
    redis.cli(&["config", "set", "maxmemory", "0"]);
    assert_eq!(sign_and_send(&layer, &draft()).await.status, 200);
}

#[tokio::test]
async fn in_a_full_memory_expired_nonces_make_room() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let nonce = Nonce { token: "token", nonce: "1", expires: 300, now: 0 };
    assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
    redis.cli(&["config", "set", "maxmemory", "1"]);
    let second = Nonce { nonce: "2", ..nonce };
    assert_eq!(store.record(second).await.unwrap(), Recorded::StoreFull);
    let later = Nonce { expires: 900, now: 600, ..second };
    assert_eq!(store.record(later).await.unwrap(), Recorded::Fresh);
}

#[tokio::test]
async fn in_a_full_memory_no_session_begins_and_those_that_there_are_go_on_and_end() {
    let redis = servers::Redis::start();
    let store = connect(&redis).await;
    let [alice, bob] = ["alice", "bob"].map(|name| Identity::local(name).unwrap());
    let bobs = RefreshFacts { id: "family-two-3token-no0", ..session(&bob, 0) };
    let child = RefreshFacts { id: "child-fam-01token-no0", ..session(&alice, 0) };
    for (first, parent) in [(session(&alice, 0), None), (bobs, None), (child, Some("family-of-12"))] {
        assert_eq!(store.add(first, parent).await.unwrap(), Addition::Added);
    }
    let limit =
        AttemptLimit::new(1, Duration::from_secs(1), Duration::from_secs(1), Duration::from_secs(1));
    let (limit, [known, new]) =
        (limit.unwrap(), ["known", "new"].map(|key| AttemptKey::new([key.as_bytes()])));
    store.count(known, limit, UNIX_EPOCH).await.unwrap();
    redis.cli(&["config", "set", "maxmemory", "1"]);
    let another = RefreshFacts { id: "another-fam-token-no0", ..session(&alice, 0) };
    for parent in [None, Some("family-of-12"), Some("came-alone-1")] {
        assert!(store.add(another, parent).await.is_err(), "{parent:?}");
    }
    for (used, next) in [(0, 1), (1, 2)] {
        let rotated = store.rotate(session(&alice, used).id, session(&alice, next)).await;
        assert_eq!(rotated.unwrap(), Rotation::Rotated);
    }
    let again = store.rotate(session(&alice, 0).id, session(&alice, 3)).await;
    assert_eq!(again.unwrap(), Rotation::Reused);
    assert_eq!(store.rotate(child.id, child).await.unwrap(), Rotation::Revoked);
    RefreshStore::revoke_all(&store, &bob, bobs.now).await.unwrap();
    assert_eq!(store.rotate(bobs.id, bobs).await.unwrap(), Rotation::Revoked);
    // Who waits goes on waiting; who is new is counted by the caller.
    let waits = store.count(known, limit, UNIX_EPOCH).await.unwrap();
    assert_eq!(waits, Admission::Wait(Duration::from_secs(1)));
    assert!(store.count(new, limit, UNIX_EPOCH).await.is_err());
}
