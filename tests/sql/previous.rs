//! While instances are upgraded one after the other, a program of before goes on with the tables of the newest version.
//! What is played here are the statements of the programs of versions 3 and 5, one after the other and beside the newest
//! program; not the programs themselves, and no texts of more than 1,024 bytes, which they store whole.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{
    Secret,
    basic::UserStore,
    jwt::{RevocationStore, TokenFacts},
    ownership::{OwnershipStore, Resource},
    s3p::{Nonce, NonceStore, Recorded, SignatureMethod},
    user_token::UserTokenAdmin,
};
use sqlx::{AssertSqlSafe, raw_sql};

use crate::{Database, NOW, access_keys::ask, alice};

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

/// How many of a family and those above it were revoked, as the program of version 5 asks.
macro_rules! ended {
    ($family:literal) => {
        concat!(
            "(WITH RECURSIVE line (parent, revoked) AS (\
             SELECT f.parent, CASE WHEN f.revoked IS NULL THEN 0 ELSE 1 END \
             FROM portcullis_refresh_families f \
             WHERE f.id = '",
            $family,
            "' AND f.issuer = 'local' AND f.subject = 'alice' \
             UNION ALL \
             SELECT f.parent, CASE WHEN f.id IS NOT NULL AND f.revoked IS NULL THEN 0 ELSE 1 END \
             FROM line LEFT JOIN portcullis_refresh_families f ON f.id = line.parent \
             WHERE line.parent IS NOT NULL) SELECT sum(revoked) FROM line)"
        )
    };
}

/// What the program of version 5 writes by other statements than that of version 3, and a nonce for it to delete.
const WRITES_OF_5: [(&str, u64); 11] = [
    (
        "INSERT INTO portcullis_refresh_families (id, issuer, subject, began, expires) \
         VALUES ('family-of-13', 'local', 'alice', 1800000000, 1800000300) \
         ON CONFLICT (id) DO UPDATE SET expires = excluded.expires \
         WHERE portcullis_refresh_families.expires < excluded.expires \
         AND portcullis_refresh_families.issuer = excluded.issuer \
         AND portcullis_refresh_families.subject = excluded.subject",
        1,
    ),
    (
        "INSERT INTO portcullis_refresh_families (id, issuer, subject, began, expires, parent) \
         VALUES ('family-of-14', 'local', 'alice', 1800000000, 1800000300, 'family-of-13') \
         ON CONFLICT (id) DO NOTHING",
        1,
    ),
    (
        "INSERT INTO portcullis_refresh_tokens (id, expires) VALUES ('family-of-14token-001', 1800000300)",
        1,
    ),
    (
        concat!(
            "UPDATE portcullis_refresh_tokens SET id = 'family-of-14token-002', expires = 1800000300 \
             WHERE id = 'family-of-14token-001' AND ",
            ended!("family-of-14"),
            " = 0"
        ),
        1,
    ),
    (
        concat!(
            "UPDATE portcullis_refresh_families SET revoked = 1800000000 \
             WHERE id = 'family-of-13' AND revoked IS NULL AND ",
            ended!("family-of-13"),
            " = 0"
        ),
        1,
    ),
    ("UPDATE portcullis_access_keys SET dialects = 'strict milliseconds' WHERE token = 'key'", 1),
    ("UPDATE portcullis_access_keys SET method = 'HMAC-SHA256' WHERE token = 'key'", 1),
    ("INSERT INTO portcullis_nonces (token, nonce, expires) VALUES ('key', 'old', 1700000050)", 1),
    (
        "UPDATE portcullis_nonces_purged SET through = purged.last \
         FROM (SELECT max(expires) AS last FROM portcullis_nonces WHERE expires < 1700000100) AS purged \
         WHERE through < purged.last",
        1,
    ),
    (
        "DELETE FROM portcullis_nonces WHERE expires < 1700000100 \
         AND expires <= (SELECT through FROM portcullis_nonces_purged) AND (token, nonce) IN \
         (SELECT token, nonce FROM portcullis_nonces WHERE expires < 1700000100 \
         AND expires <= (SELECT through FROM portcullis_nonces_purged) LIMIT 1000)",
        1,
    ),
    ("UPDATE portcullis_ready SET asked = 5", 1),
];

/// What it reads by others.
const READS_OF_5: [&str; 2] = [
    concat!("SELECT 1 WHERE ", ended!("family-of-14"), " > 0"),
    "SELECT k.issuer, k.subject, k.secret, k.previous, k.previous_until, k.scopes, k.dialects, k.method \
     FROM portcullis_access_keys k WHERE k.token = 'key' AND k.disabled = 0",
];

#[tokio::test]
async fn programs_of_before_go_on_with_the_newest_tables_and_all_see_the_same() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        let (secret, scopes) = (Secret::new("the secret of the key"), portcullis::ScopeSet::empty());
        assert!(store.insert_access_key("key", &alice(), &secret, &scopes).await.unwrap());
        for (statement, changed) in WRITES.into_iter().chain(WRITES_OF_5) {
            let written = raw_sql(AssertSqlSafe(statement)).execute(store.pool()).await.unwrap();
            assert_eq!(written.rows_affected(), changed, "{statement}");
        }
        for statement in READS.into_iter().chain(READS_OF_5) {
            let found = raw_sql(AssertSqlSafe(statement)).fetch_all(store.pool()).await.unwrap();
            assert_eq!(found.len(), 1, "{statement}");
        }

        assert!(store.user("alice").await.unwrap().is_some());
        let revoked = UNIX_EPOCH + Duration::from_secs(7);
        assert_eq!(store.list(&alice()).await.unwrap()[0].revoked, Some(revoked));
        for (subject, id) in [
            ("carol", "jwt"),
            ("bob", "another"),
            ("alice", "family-of-12access-01"),
            ("alice", "family-of-14access-01"),
        ] {
            let token = TokenFacts { issuer: "local", subject, id, issued: None };
            assert!(store.is_revoked(token).await.unwrap(), "{token:?}");
        }
        let owner = store.owner(&Resource::new("note", "1")).await.unwrap().unwrap();
        assert_eq!((owner.identity(), owner.version()), (&alice(), 6));
        let asked = async || ask(&store, &database.clock, "key", "the secret of the key").await;
        let by_another_method = asked().await;
        assert!(store.set_access_key_method("key", SignatureMethod::HmacSha1).await.unwrap());
        assert_eq!([by_another_method, asked().await], [401, 200]);
        let now = NOW.cast_signed();
        let replay = Nonce { token: "key", nonce: "n", expires: now + 300, now };
        assert_eq!(store.record(replay).await.unwrap(), Recorded::Replayed);
    }
}
