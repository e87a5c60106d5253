//! While instances are upgraded one after the other, the program of before goes on with the tables of the newest
//! version: what it writes and reads.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    Secret,
    basic::UserStore,
    jwt::{RevocationStore, TokenFacts},
    ownership::{OwnershipStore, Resource},
    s3p::{AccessKeyStore, Nonce, NonceStore, Recorded},
    user_token::UserTokenAdmin,
};
use sqlx::{AssertSqlSafe, raw_sql};

use crate::{Database, NOW, alice};

/// The statements of the program of version 3 that write, with what it would bind, and how many rows each changes.
const WRITES: [(&str, u64); 18] = [
    (
        "INSERT INTO portcullis_users (name, issuer, subject, password, scopes, disabled, locked, expires) \
         VALUES ('alice', 'local', 'alice', 'unusable', 'a', 0, 0, NULL) ON CONFLICT DO NOTHING",
        1,
    ),
    ("UPDATE portcullis_users SET password = 'two' WHERE name = 'alice' AND password = 'unusable'", 1),
    ("UPDATE portcullis_users SET scopes = 'b' WHERE name = 'alice'", 1),
    (
        "INSERT INTO portcullis_user_tokens (digest, id, issuer, subject, name, scopes, created, expires, \
         last_used, revoked) SELECT secret, 't1', 'local', 'alice', 'laptop', 'a', 5, NULL, NULL, NULL \
         FROM portcullis_access_keys",
        1,
    ),
    ("UPDATE portcullis_user_tokens SET last_used = 6 WHERE id = 't1'", 1),
    (
        "UPDATE portcullis_user_tokens SET revoked = 7 \
         WHERE id = 't1' AND issuer = 'local' AND subject = 'alice' AND revoked IS NULL",
        1,
    ),
    (
        "INSERT INTO portcullis_revoked_tokens (issuer, id, expires) VALUES ('local', 'jwt', 1800000300) \
         ON CONFLICT (issuer, id) DO UPDATE SET expires = excluded.expires \
         WHERE excluded.expires > portcullis_revoked_tokens.expires",
        1,
    ),
    (
        "INSERT INTO portcullis_revoked_subjects (issuer, subject, up_to_ms) \
         VALUES ('local', 'bob', 1800000000001) ON CONFLICT (issuer, subject) \
         DO UPDATE SET up_to_ms = excluded.up_to_ms \
         WHERE excluded.up_to_ms > portcullis_revoked_subjects.up_to_ms",
        1,
    ),
    (
        "INSERT INTO portcullis_owners (kind, id, issuer, subject, version) \
         VALUES ('note', '1', 'local', 'alice', 5) ON CONFLICT DO NOTHING",
        1,
    ),
    (
        "UPDATE portcullis_owners SET issuer = 'local', subject = 'alice', version = 6 WHERE kind = 'note' \
         AND id = '1' AND issuer = 'local' AND subject = 'alice' AND version = 5",
        1,
    ),
    (
        "INSERT INTO portcullis_refresh_families (id, issuer, subject, began, expires) \
         VALUES ('family-of-12', 'local', 'alice', 1800000000, 1800000300) ON CONFLICT (id) \
         DO UPDATE SET expires = CASE WHEN excluded.expires > portcullis_refresh_families.expires \
         THEN excluded.expires ELSE portcullis_refresh_families.expires END \
         WHERE portcullis_refresh_families.revoked IS NULL \
         AND portcullis_refresh_families.issuer = excluded.issuer \
         AND portcullis_refresh_families.subject = excluded.subject",
        1,
    ),
    (
        "INSERT INTO portcullis_refresh_tokens (id, expires) VALUES ('family-of-12token-001', 1800000300)",
        1,
    ),
    (
        "UPDATE portcullis_refresh_tokens SET id = 'family-of-12token-002', expires = 1800000300 \
         WHERE id = 'family-of-12token-001' AND EXISTS (SELECT 1 FROM portcullis_refresh_families \
         WHERE id = 'family-of-12' AND issuer = 'local' AND subject = 'alice' AND revoked IS NULL)",
        1,
    ),
    (
        "UPDATE portcullis_refresh_families SET revoked = 1800000000 \
         WHERE id = 'family-of-12' AND issuer = 'local' AND subject = 'alice' AND revoked IS NULL",
        1,
    ),
    (
        "INSERT INTO portcullis_access_keys (token, issuer, subject, secret, scopes, created) \
         SELECT 'another', issuer, subject, secret, '', 5 FROM portcullis_access_keys \
         WHERE token = 'key' ON CONFLICT DO NOTHING",
        1,
    ),
    (
        "INSERT INTO portcullis_nonces (token, nonce, expires) SELECT 'key', 'n', 1800000300 \
         WHERE 1800000300 > (SELECT through FROM portcullis_nonces_purged) \
         ON CONFLICT (token, nonce) DO UPDATE SET expires = excluded.expires \
         WHERE portcullis_nonces.expires < 1800000000 AND portcullis_nonces.expires < excluded.expires",
        1,
    ),
    ("UPDATE portcullis_nonces_purged SET through = 1700000000 WHERE through < 1700000000", 1),
    ("UPDATE portcullis_schema SET version = version", 1),
];

/// Those that read, each of which finds a row.
const READS: [&str; 6] = [
    "SELECT issuer, subject, password, scopes, disabled, locked, expires FROM portcullis_users \
     WHERE name = 'alice'",
    "SELECT id, issuer, subject, name, scopes, created, expires, last_used, revoked \
     FROM portcullis_user_tokens WHERE issuer = 'local' AND subject = 'alice' ORDER BY created, id",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM portcullis_revoked_tokens WHERE issuer = 'local' AND id = 'jwt') \
     AND EXISTS (SELECT 1 FROM portcullis_revoked_subjects \
     WHERE issuer = 'local' AND subject = 'bob' AND up_to_ms >= 5) \
     AND EXISTS (SELECT 1 FROM portcullis_refresh_families \
     WHERE id = 'family-of-12' AND issuer = 'local' AND subject = 'alice' AND revoked IS NOT NULL)",
    "SELECT issuer, subject, version FROM portcullis_owners WHERE kind = 'note' AND id = '1'",
    "SELECT issuer, subject, secret, previous, previous_until, scopes FROM portcullis_access_keys \
     WHERE token = 'key' AND disabled = 0",
    "SELECT expires FROM portcullis_nonces WHERE token = 'key' AND nonce = 'n'",
];

#[tokio::test]
async fn the_program_of_before_goes_on_with_the_newest_tables_and_both_see_the_same() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        let (secret, scopes) = (Secret::new("the secret of the key"), portcullis::ScopeSet::empty());
        assert!(store.insert_access_key("key", &alice(), &secret, &scopes).await.unwrap());
        for (statement, changed) in WRITES {
            let written = raw_sql(AssertSqlSafe(statement)).execute(store.pool()).await.unwrap();
            assert_eq!(written.rows_affected(), changed, "{statement}");
        }
        for statement in READS {
            let found = raw_sql(AssertSqlSafe(statement)).fetch_all(store.pool()).await.unwrap();
            assert_eq!(found.len(), 1, "{statement}");
        }

        assert!(store.user("alice").await.unwrap().is_some());
        let revoked = UNIX_EPOCH + Duration::from_secs(7);
        assert_eq!(store.list(&alice()).await.unwrap()[0].revoked, Some(revoked));
        for (subject, id) in [("carol", "jwt"), ("bob", "another"), ("alice", "family-of-12access-01")]
        {
            let token = TokenFacts { issuer: "local", subject, id, issued: None };
            assert!(store.is_revoked(token).await.unwrap(), "{token:?}");
        }
        let owner = store.owner(&Resource::new("note", "1")).await.unwrap().unwrap();
        assert_eq!((owner.identity(), owner.version()), (&alice(), 6));
        assert!(store.access_key("key").await.unwrap().is_some());
        let now = NOW.cast_signed();
        let replay = Nonce { token: "key", nonce: "n", expires: now + 300, now };
        assert_eq!(store.record(replay).await.unwrap(), Recorded::Replayed);
    }
}
