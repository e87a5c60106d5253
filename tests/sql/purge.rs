//! What has expired is deleted, and nothing that is written anew at that very moment.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore},
    },
    s3p::{Nonce, NonceStore, Recorded},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql};

use crate::{Database, NOW, alice, until};

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
    store.add(session).await.unwrap();
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
