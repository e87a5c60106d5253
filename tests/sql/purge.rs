//! What has expired is deleted, and nothing that is written anew at that very moment.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    Clock, ScopeSet, Secret,
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore},
    },
    s3p::{Nonce, NonceStore, Recorded},
    user_token::{TokenDigest, UserTokenAdmin, UserTokenRecord},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql};

use crate::{Database, NOW, alice, until};

const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn no_refresh_token_and_no_secret_is_left_that_has_expired() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let rows = async |of: &'static str| -> i64 {
            let count = AssertSqlSafe(format!("SELECT count(*) FROM portcullis_{of}"));
            query_scalar(count).fetch_one(store.pool()).await.unwrap()
        };
        let (alice, now) = (alice(), database.clock.now());
        for (id, lifetime) in [("family-of-12token-001", 0), ("family-of-34token-001", DAY)] {
            let [expires, family_expires] =
                [lifetime, DAY].map(|after| now + Duration::from_secs(after));
            let session = RefreshFacts { identity: &alice, id, expires, family_expires, now };
            store.add(session, None).await.unwrap();
        }
        let [old, new] = ["the old secret of the key", "the new secret of the key"].map(Secret::new);
        store.insert_access_key("key", &alice, &old, &ScopeSet::empty()).await.unwrap();
        store.rotate_access_key("key", &new, Duration::from_secs(60)).await.unwrap();
        let left = async || {
            let tokens = rows("refresh_tokens").await;
            [
                tokens,
                rows("refresh_families").await,
                rows("access_keys WHERE previous IS NOT NULL").await,
            ]
        };
        for (seconds, expected) in [(60, [2, 2, 1]), (1, [1, 2, 1]), (59, [1, 2, 1]), (1, [1, 2, 0])] {
            database.clock.advance(Duration::from_secs(seconds));
            store.purge().await.unwrap();
            assert_eq!(left().await, expected, "after {seconds} more seconds");
        }
    }
}

#[tokio::test]
async fn user_tokens_are_forgotten_90_days_after_they_were_good() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        let digest = |number| TokenDigest::from_bytes([number; 32]);
        let token = |id: &'static str| UserTokenRecord::new(id, alice());
        store.create(&digest(1), &token("good")).await.unwrap();
        store.create(&digest(2), &token("expired").expires(at(NOW))).await.unwrap();
        store.create(&digest(3), &token("revoked")).await.unwrap();
        assert!(UserTokenAdmin::revoke(&store, &alice(), "revoked", at(NOW)).await.unwrap());
        database.clock.advance(Duration::from_secs(90 * DAY + 60));
        assert_eq!(store.purge().await.unwrap(), 0, "their owner may look at them");
        database.clock.advance(Duration::from_secs(1));
        assert_eq!(store.purge().await.unwrap(), 2);
        let left = store.list(&alice()).await.unwrap();
        assert_eq!(left.iter().map(|token| &*token.id).collect::<Vec<_>>(), ["good"]);
    }
}

#[tokio::test]
async fn what_has_expired_longest_makes_room_for_a_new_user_token() {
    for database in Database::of_every_kind() {
        let store = database.options().max_user_tokens(3).connect().await.unwrap();
        let token = |id: String, expires| {
            let expires = UNIX_EPOCH + Duration::from_secs(expires);
            UserTokenRecord::new(id, alice()).expires(expires)
        };
        let mut ids = Vec::new();
        for (number, expires) in (0_u8..).zip([NOW - 1, NOW - 2, NOW + 1, NOW + 2, NOW + 3]) {
            let digest = TokenDigest::from_bytes([number; 32]);
            let token = token(number.to_string(), expires);
            ids.push((number, store.create(&digest, &token).await.is_ok()));
        }
        assert_eq!(ids, [(0, true), (1, true), (2, true), (3, true), (4, true)]);
        let kept = store.list(&alice()).await.unwrap();
        assert_eq!(kept.iter().map(|token| &*token.id).collect::<Vec<_>>(), ["2", "3", "4"]);
        let more = token("5".to_owned(), NOW + 4);
        assert!(store.create(&TokenDigest::from_bytes([5; 32]), &more).await.is_err());
    }
}

/// When all of it has long expired.
const LONG_AGO: u64 = NOW - 10_000;

#[tokio::test]
async fn what_is_written_anew_while_it_is_purged_is_kept() {
    let database = Database::postgres();
    let store = database.connect().await;
    let [then, now] = [LONG_AGO, NOW].map(u64::cast_signed);
    let nonce = Nonce { token: "key", nonce: "n", expires: then, now: then };
    assert_eq!(store.record(nonce).await.unwrap(), Recorded::Fresh);
    let at = |second| UNIX_EPOCH + Duration::from_secs(second);
    store.revoke_jwt("local", "jwt", at(LONG_AGO)).await.unwrap();
    let (alice, id, then) = (alice(), "family-of-12token-001", at(LONG_AGO));
    let session = RefreshFacts { identity: &alice, id, expires: then, family_expires: then, now: then };
    store.add(session, None).await.unwrap();
    RefreshStore::revoke(&store, &alice, session.family()).await.unwrap();

    // As their stores would, in transactions that end when the purge waits for them.
    let mut writers = Vec::new();
    for table in ["nonces", "revoked_tokens", "refresh_families"] {
        let mut writer = PgConnection::connect(&database.url).await.unwrap();
        let write = format!("BEGIN; UPDATE portcullis_{table} SET expires = {}", now + 300);
        raw_sql(AssertSqlSafe(write)).execute(&mut writer).await.unwrap();
        writers.push(writer);
    }
    let write = async {
        let mut looking = PgConnection::connect(&database.url).await.unwrap();
        for writer in &mut writers {
            let writing: i32 =
                query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *writer).await.unwrap();
            let waiting = "SELECT count(*) FROM pg_stat_activity \
                           WHERE datname = current_database() AND $1 = ANY(pg_blocking_pids(pid))";
            until(async || {
                let waiting = query_scalar::<_, i64>(waiting).bind(writing);
                waiting.fetch_one(&mut looking).await.unwrap() == 1
            })
            .await;
            raw_sql("COMMIT").execute(writer).await.unwrap();
        }
    };
    let (purged, ()) = tokio::join!(store.purge(), write);
    assert_eq!(purged.unwrap(), 1, "the refresh token, which nobody has touched");

    let again = Nonce { expires: now + 300, now, ..nonce };
    assert_eq!(store.record(again).await.unwrap(), Recorded::Replayed);
    for id in ["jwt", "family-of-12access-01"] {
        let token = TokenFacts { issuer: "local", subject: "alice", id, issued: None };
        assert!(store.is_revoked(token).await.unwrap(), "{id}");
    }
}
