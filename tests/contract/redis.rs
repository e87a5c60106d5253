//! `store::Redis` on a real Redis.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::{
    Identity, ManualClock,
    basic::{AttemptKey, AttemptLimit, AttemptStore},
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore},
    },
    s3p::{Nonce, NonceStore, Recorded},
    store::{
        Redis, RedisBuilder,
        contract::{self, Revocation},
    },
};

use crate::servers::{self, PATIENCE};

const NOW: u64 = 1_361_281_946;

/// Of an empty store, on the Redis that all share.
fn builder() -> RedisBuilder {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let prefix = format!("test-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let builder = Redis::builder(servers::Redis::shared().url()).prefix(prefix);
    // A machine that is busy is not a Redis that is down.
    builder.time_limit(PATIENCE).clock(ManualClock::at_unix(NOW))
}

/// An empty store of so many nonces of a token.
async fn store(each: usize) -> Redis {
    builder().max_live_nonces_per_token(each).connect().await.unwrap()
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refresh_tokens_in_redis_keep_the_contract() {
    contract::refreshes(async || store(1).await).await;
    contract::bounded_refreshes(async |each| {
        builder().max_refresh_families(each).connect().await.unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_in_redis_keep_the_contract() {
    contract::attempts(async || store(1).await).await;
    contract::bounded_attempts(store).await;
}

#[tokio::test]
async fn families_that_have_long_expired_make_room() {
    let alice = Identity::new("issuer", "alice").unwrap();
    let store = builder().max_refresh_families(2).connect().await.unwrap();
    for id in ["family-of-11token-no1", "family-of-12token-no1"] {
        assert!(store.add(facts(&alice, id), None).await.unwrap() == Addition::Added);
    }
    let third = facts(&alice, "family-of-13token-no1");
    assert!(store.add(third, None).await.is_err());
    let bob = Identity::new("issuer", "bob").unwrap();
    assert!(store.add(facts(&bob, "family-of-14token-no1"), None).await.unwrap() == Addition::Added);
    let later = at(NOW + 2 * 7200);
    let late = RefreshFacts { now: later, expires: later, family_expires: later, ..third };
    assert!(store.add(late, None).await.unwrap() == Addition::Added);
}

fn facts<'t>(identity: &'t Identity, id: &'t str) -> RefreshFacts<'t> {
    let expires = at(NOW + 7200);
    RefreshFacts { identity, id, expires, family_expires: expires, now: at(NOW) }
}

fn limit() -> AttemptLimit {
    AttemptLimit::new(3, Duration::from_secs(1), Duration::from_secs(8), Duration::from_secs(7200))
        .unwrap()
}

#[tokio::test]
async fn what_is_stored_expires_by_itself_and_not_too_early() {
    let redis = servers::Redis::start();
    let builder = Redis::builder(redis.url()).time_limit(PATIENCE);
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
    for subject in ["alice", "bob"] {
        let subject = Identity::new("issuer", subject).unwrap();
        store.add(facts(&subject, "family-of-12token-no1"), None).await.unwrap();
        store.rotate("family-of-12token-no1", facts(&subject, "family-of-12token-no2")).await.unwrap();
    }
    // Of two children of a token that came alone, the second ends sooner, and takes nothing from their parent.
    for (id, family_expires) in
        [("child-fam-01token-no1", at(NOW + 7200)), ("child-fam-02token-no1", at(NOW))]
    {
        let child = RefreshFacts { family_expires, ..facts(&alice, id) };
        assert_eq!(store.add(child, Some("came-alone-1")).await.unwrap(), Addition::Added);
    }
    assert!(RefreshStore::revoke(&store, &alice, "came-alone-1").await.unwrap());
    store.count(AttemptKey::new([b"alice"]), limit(), at(NOW)).await.unwrap();
    store.succeed(AttemptKey::new([b"bob"]), limit(), at(NOW)).await.unwrap();
    // All at once: on a machine that is busy, each start of a program takes its time.
    let with_what_is_left = "local keys = redis.call('keys', '*') \
                             for n, key in ipairs(keys) do \
                                 keys[n] = key .. ' ' .. redis.call('ttl', key) \
                             end \
                             return keys";
    let keys = redis.cli(&["eval", with_what_is_left, "0"]);
    // Three of the first family, and one of how many there are; the second is not Bob's. The parent, that it has
    // ended, and two of each child.
    assert_eq!(keys.lines().count(), 3 + 4 + 2 + 2 * 2 + 2, "{keys}");
    let mut sooner = 0;
    for line in keys.lines() {
        let (key, left) = line.split_once(' ').unwrap();
        let left: u64 = left.parse().unwrap();
        let ends_now = key.contains("refresh") && left <= 3600;
        sooner += usize::from(ends_now);
        // A test may be slow, and Redis's own clock is not the one that is asked.
        let expected = match key.split(':').nth(1).unwrap() {
            "nonces" => 300 + 3600..=300 + 3600 + 60,
            "attempts" => 7200 + 2..=7200 + 61,
            _ if ends_now => 3000..=3600,
            _ => 7200 + 3000..=7200 + 3600,
        };
        assert!(expected.contains(&left), "{key} has {left} s left");
        assert!(key.starts_with("portcullis:") && key.len() < 100, "{key}");
        assert!(!key.contains("token\"") && !key.contains("issuer") && !key.contains("alice"), "{key}");
    }
    assert_eq!(sooner, 2, "the second child's own");
    // That it has ended is dropped when nothing below it can be good.
    let later = RefreshFacts { now: at(NOW + 7200 + 3600), ..facts(&alice, "another-fam-token-no1") };
    store.add(later, None).await.unwrap();
    assert!(!redis.cli(&["--scan"]).contains("refresh-ended"));
}

#[tokio::test]
async fn a_nonce_is_kept_for_longer_than_it_is_known_that_one_was_dropped() {
    let redis = servers::Redis::start();
    let store = Redis::builder(redis.url()).time_limit(PATIENCE).connect().await.unwrap();
    let now = NOW.cast_signed();
    let nonce = Nonce { token: "token", nonce: "1", expires: now + 300, now };
    assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
    let later = Nonce { nonce: "2", expires: now + 900, now: now + 600, ..nonce };
    assert_eq!(store.record(later).await.unwrap(), Recorded::Fresh);
    let left = |kind: &str| {
        let keys = redis.cli(&["--scan", "--pattern", &format!("portcullis:{kind}:*")]);
        redis.cli(&["pttl", keys.trim()]).trim().parse::<i64>().unwrap()
    };
    let (dropped, nonces) = (left("dropped"), left("nonces"));
    assert!(dropped > 0 && nonces > dropped, "{nonces} and {dropped} ms");
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
    let store = Redis::builder(redis.url()).time_limit(PATIENCE).connect().await.unwrap();
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
    let alice = Identity::new("issuer", "alice").unwrap();
    let id = "family-of-12token-no1";
    let child = "child-fam-01token-no1";
    for (id, parent) in [(id, None), (child, Some("family-of-12"))] {
        assert_eq!(store.add(self::facts(&alice, id), parent).await.unwrap(), Addition::Added);
    }
    for _ in 0..2 {
        store.rotate(id, self::facts(&alice, "family-of-12token-no2")).await.unwrap();
    }
    assert!(store.is_revoked(TokenFacts { id: child, ..facts }).await.unwrap());
    RefreshStore::revoke_all(&store, &alice, at(NOW)).await.unwrap();
    RefreshStore::revoke(&store, &alice, "family-of-12").await.unwrap();
    assert!(store.is_revoked(TokenFacts { id, ..facts }).await.unwrap());
    let key = AttemptKey::new([b"alice"]);
    store.count(key, limit(), at(NOW)).await.unwrap();
    store.take_back(key).await.unwrap();
    store.succeed(key, limit(), at(NOW)).await.unwrap();
    let keys = redis.cli(&["--scan"]);
    let mut slots: Vec<_> = keys.lines().map(|key| redis.cli(&["cluster", "keyslot", key])).collect();
    // Two of each access token; of the families their owner, how many there are, the ended one (its unused token is
    // gone), that it has ended, and two of its child; and one of the attempts.
    assert_eq!(slots.len(), 8 + 6 + 1, "{keys}");
    slots.sort();
    slots.dedup();
    assert_eq!(slots.len(), 4 + 1 + 1, "{keys}");
}

#[tokio::test]
async fn what_one_redis_keeps_under_one_prefix_has_one_id_for_good() {
    let (redis, other) = (servers::Redis::start(), servers::Redis::start());
    let id = async |url: String, prefix: &str| {
        let builder = Redis::builder(url).time_limit(PATIENCE).prefix(prefix);
        builder.connect().await.unwrap().id().await.unwrap()
    };
    let first = id(redis.url(), "one").await;
    assert_eq!(first.len(), 32);
    for (url, prefix) in
        [(redis.url(), "two"), (format!("{}1", redis.url()), "one"), (other.url(), "one")]
    {
        assert_ne!(id(url, prefix).await, first);
    }
    redis.restart();
    assert_eq!(id(redis.url(), "one").await, first);
}

#[tokio::test]
async fn two_prefixes_are_two_stores_and_one_prefix_is_one() {
    let builder = Redis::builder(servers::Redis::shared().url()).time_limit(PATIENCE);
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
