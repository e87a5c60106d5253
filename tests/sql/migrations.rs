//! Tables of every version are brought up to date, with what is in them.

use std::{
    ops::RangeInclusive,
    time::{Duration, UNIX_EPOCH},
};

use futures_util::future::join_all;
use portcullis::{
    Clock, Identity, ScopeSet, Secret,
    basic::{User, UserStore},
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{Addition, RefreshFacts, RefreshStore, Rotation},
    },
    ownership::{OwnershipStore, Resource},
    s3p::{AccessKeyStore, Dialect, Nonce, NonceStore, Recorded, SignatureMethod},
    store::sql::Engine,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenStore},
};
use sqlx::raw_sql;

use crate::{Database, NOW, access_keys::ask, bob, until};

/// What a program of version 1 has left behind; `{long}` is a text of 2,000 bytes.
const DATA: &str = "\
    INSERT INTO portcullis_users VALUES ('alice', 'local', 'alice', \
      '$argon2id$v=19$m=8,t=1,p=1$X19fX19fX19fX19f$AAAAAAAAAAAAAAAAAAAAAA', 'a b', 1);\
    INSERT INTO portcullis_users VALUES ('{long}', 'local', 'long', 'unusable', '', 0);\
    INSERT INTO portcullis_revoked_tokens VALUES \
      ('local', 'jwt', 1800000300), ('local', '{long}', 1800000300), ('{long}', 'jwt', 1800000300);\
    INSERT INTO portcullis_revoked_subjects VALUES \
      ('local', 'bob', 1799999999000), ('local', '{long}', 1799999999000), ('{long}', 'bob', 1799999999000);\
    INSERT INTO portcullis_owners VALUES ('note', '1', 'local', 'alice'), ('note', '{long}', 'local', '{long}'), \
      ('{long}', '1', 'local', 'alice');\
    INSERT INTO portcullis_nonces VALUES \
      ('key', 'n', 1800000300), ('key', '{long}', 1800000300), ('{long}', 'n', 1800000300);";

/// What a program of version 2 has added.
const DATA_OF_2: &str = "\
    UPDATE portcullis_user_tokens SET last_used = 6;\
    UPDATE portcullis_owners SET version = 9;\
    INSERT INTO portcullis_refresh_families VALUES ('family-of-12', 'local', 'bob', 5, 1800000300, NULL);\
    INSERT INTO portcullis_refresh_tokens VALUES ('family-of-12token-001', 1800000200);";

/// What a program of version 3 has added: a family with two unused tokens, since what was made with a token of it
/// was of the same family then, and one that was revoked.
const DATA_OF_3: &str = "\
    UPDATE portcullis_users SET expires = 1900000000 WHERE name = 'alice';\
    INSERT INTO portcullis_refresh_families VALUES ('family-of-13', 'local', 'bob', 5, 1800000300, NULL);\
    INSERT INTO portcullis_refresh_tokens VALUES ('family-of-13token-001', 1800000200);\
    INSERT INTO portcullis_refresh_tokens VALUES ('family-of-13token-002', 1800000200);\
    INSERT INTO portcullis_refresh_families VALUES ('family-of-14', 'local', 'bob', 5, 1800000300, 7);";

/// What a program of version 4 has added: families with parents, the second of which was revoked, and long texts.
const DATA_OF_4: &str = "\
    INSERT INTO portcullis_refresh_families \
      (id, issuer, subject, began, expires, revoked, parent) VALUES \
      ('family-of-16', 'local', 'bob', 5, 1800000300, NULL, 'family-of-13'), \
      ('family-of-17', 'local', 'bob', 5, 1800000300, NULL, 'family-of-14'), \
      ('{long}', 'local', 'bob', 5, 1800000300, NULL, NULL), \
      ('family-of-18', 'local', 'bob', 5, 1800000300, NULL, '{long}'), \
      ('family-of-19', '{long}', '{long}', 5, 1800000300, NULL, NULL);\
    INSERT INTO portcullis_refresh_tokens VALUES \
      ('family-of-16token-001', 1800000200), ('family-of-17token-001', 1800000200), ('{long}', 1800000200), \
      ('family-of-18token-001', 1800000200), ('family-of-19token-001', 1800000200);";

/// What a program of version 5 has added.
const DATA_OF_5: &str = "\
    UPDATE portcullis_access_keys SET dialects = 'milliseconds', method = 'HMAC-SHA256' WHERE token = 'other';\
    UPDATE portcullis_ready SET asked = 7;";

/// All versions but the newest.
const OLDER: RangeInclusive<usize> = 1..=5;

const OLD: &str = "the old secret of the key";
const NEW: &str = "the new secret of the key";

fn long() -> String {
    "\u{1F511}".repeat(500)
}

macro_rules! step {
    ($engine:expr, $version:literal) => {
        match $engine {
            Engine::Sqlite => {
                include_str!(concat!("../../src/store/sql/migrations/sqlite/", $version, ".sql"))
            }
            _ => include_str!(concat!("../../src/store/sql/migrations/postgres/", $version, ".sql")),
        }
    };
}

/// Tables of this version, with what a program of it has left behind.
async fn version(database: &Database, version: usize) {
    let store = database.connect().await;
    let long = long();
    let mut keys = Vec::new();
    for token in ["key", "other", &long] {
        // Sealed as they were then.
        raw_sql("DELETE FROM portcullis_access_keys").execute(store.pool()).await.unwrap();
        let [old, new] = [OLD, NEW].map(Secret::new);
        store.insert_access_key(token, &bob(), &old, &ScopeSet::empty()).await.unwrap();
        store.rotate_access_key(token, &new, Duration::from_secs(600)).await.unwrap();
        let secrets = "SELECT secret, previous, previous_until FROM portcullis_access_keys";
        let secrets = sqlx::query_as::<_, (Vec<u8>, Vec<u8>, i64)>(secrets);
        keys.push((token, secrets.fetch_one(store.pool()).await.unwrap()));
    }
    let drop_all = [
        "portcullis_users",
        "portcullis_user_tokens",
        "portcullis_revoked_tokens",
        "portcullis_revoked_subjects",
        "portcullis_owners",
        "portcullis_refresh_families",
        "portcullis_refresh_tokens",
        "portcullis_access_keys",
        "portcullis_nonces",
        "portcullis_nonces_purged",
        "portcullis_ready",
    ];
    for table in drop_all {
        let drop = sqlx::AssertSqlSafe(format!("DROP TABLE {table}"));
        raw_sql(drop).execute(store.pool()).await.unwrap();
    }
    raw_sql(step!(store.engine(), "0001")).execute(store.pool()).await.unwrap();
    for (token, (secret, previous, until)) in keys {
        let key = sqlx::query(
            "INSERT INTO portcullis_access_keys \
             (token, issuer, subject, secret, previous, previous_until, scopes, created) \
             VALUES ($1, 'local', 'bob', $2, $3, $4, '', 5)",
        );
        let key = key.bind(token).bind(secret).bind(previous).bind(until);
        key.execute(store.pool()).await.unwrap();
    }
    let token = sqlx::query(
        "INSERT INTO portcullis_user_tokens (digest, id, issuer, subject, scopes, name, created) \
         VALUES ($1, 't1', 'local', 'bob', 'a', 'laptop', 5)",
    );
    token.bind(vec![7_u8; 32]).execute(store.pool()).await.unwrap();
    let steps = [
        ("", DATA),
        (step!(store.engine(), "0002"), DATA_OF_2),
        (step!(store.engine(), "0003"), DATA_OF_3),
        (step!(store.engine(), "0004"), DATA_OF_4),
        (step!(store.engine(), "0005"), DATA_OF_5),
    ];
    for (step, data) in &steps[..version] {
        raw_sql(*step).execute(store.pool()).await.unwrap();
        let data = sqlx::AssertSqlSafe(data.replace("{long}", &long));
        raw_sql(data).execute(store.pool()).await.unwrap();
    }
    let done = sqlx::query("UPDATE portcullis_schema SET version = $1");
    done.bind(i64::try_from(version).unwrap()).execute(store.pool()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_an_older_version_has_stored_is_there_in_the_newest() {
    for database in Database::of_every_lasting_kind() {
        for older in OLDER {
            version(&database, older).await;
            let store = database.connect().await;
            let newest = sqlx::query_as::<_, (i64,)>("SELECT version FROM portcullis_schema");
            let (newest,) = newest.fetch_one(store.pool()).await.unwrap();
            assert_eq!(newest, i64::try_from(OLDER.count()).unwrap() + 1, "there is data of each");
            let at = |second| UNIX_EPOCH + Duration::from_secs(second);
            let alice_is = async || store.user("alice").await.unwrap().unwrap();
            let expires = (older > 2).then(|| at(1_900_000_000));
            let is_said = |user: &User| format!("{user:?}").contains("{\"a\", \"b\"}");
            let user = alice_is().await;
            assert!(is_said(&user) && format!("{user:?}").contains("disabled: true"), "{user:?}");
            assert!(format!("{user:?}").contains("locked: false"), "{user:?}");
            assert!(format!("{user:?}").contains(&format!("expires: {expires:?}")), "{user:?}");
            assert!(store.user(&long()).await.unwrap().is_some());

            let digest = TokenDigest::from_bytes([7; 32]);
            let token = store.user_token(&digest).await.unwrap().unwrap();
            let used = (older > 1).then(|| at(6));
            assert_eq!((&*token.id, &*token.name, token.last_used), ("t1", "laptop", used));
            assert_eq!(store.list(&bob()).await.unwrap(), [token]);

            for (issuer, subject, id, issued, expected) in [
                ("local", "carol", "jwt", NOW, true),
                ("local", "carol", "another", NOW, false),
                ("local", "carol", &long(), NOW, true),
                (&long(), "carol", "jwt", NOW, true),
                ("local", "bob", "another", NOW - 1, true),
                ("local", "bob", "another", NOW, false),
                ("local", &long(), "another", NOW - 1, true),
                (&long(), "bob", "another", NOW - 1, true),
            ] {
                let token = TokenFacts { issuer, subject, id, issued: Some(at(issued)) };
                assert_eq!(store.is_revoked(token).await.unwrap(), expected, "{token:?}");
            }

            let number = if older > 1 { 9 } else { 0 };
            let long_kind = (long(), "1".into(), "alice".into());
            let long_id = ("note".into(), long(), long());
            for (kind, id, subject) in [("note".into(), "1".into(), "alice".into()), long_id, long_kind]
            {
                let owner = store.owner(&Resource::new(kind, id)).await.unwrap().unwrap();
                let expected = (&Identity::local(subject).unwrap(), number);
                assert_eq!((owner.identity(), owner.version()), expected);
            }

            let now = NOW.cast_signed();
            for (token, nonce) in [("key", "n"), ("key", &long()), (&long(), "n")] {
                let replay = Nonce { token, nonce, expires: now + 300, now };
                assert_eq!(store.record(replay).await.unwrap(), Recorded::Replayed);
            }
            for (secret, expected) in [(OLD, 200), (NEW, 200), ("the secret of no key", 401)] {
                assert_eq!(ask(&store, &database.clock, "key", secret).await, expected, "{secret}");
            }
            assert!(store.access_key(&long()).await.unwrap().is_some());
            // Signed by HMAC-SHA1, with the seconds.
            let asked = async || ask(&store, &database.clock, "other", NEW).await;
            let before = asked().await;
            assert!(store.set_access_key_method("other", SignatureMethod::HmacSha1).await.unwrap());
            let by_its_method = asked().await;
            assert!(store.set_access_key_dialects("other", &[Dialect::STRICT]).await.unwrap());
            let in_its_dialect = asked().await;
            let expected = if older > 4 { [401, 401, 200] } else { [200; 3] };
            assert_eq!([before, by_its_method, in_its_dialect], expected);
            store.check_ready().await.unwrap();

            let (expires, now) = (database.clock.now() + Duration::from_secs(60), database.clock.now());
            let (bob, id) = (bob(), "family-of-12token-002");
            let next = RefreshFacts { identity: &bob, id, expires, family_expires: expires, now };
            let rotated = store.rotate("family-of-12token-001", next).await.unwrap();
            let expected = if older > 1 { Rotation::Rotated } else { Rotation::Revoked };
            assert_eq!(rotated, expected, "a session outlives the upgrade");
            // What is new works with what is old.
            assert!(store.set_disabled("alice", false).await.unwrap());
            assert!(store.set_locked("alice", true).await.unwrap());
            assert!(store.set_expiry("alice", Some(expires)).await.unwrap());
            let user = format!("{:?}", alice_is().await);
            assert!(user.contains("locked: true") && user.contains("expires: Some"), "{user}");
            assert!(store.set_access_key_method("key", SignatureMethod::HmacSha256).await.unwrap());
            assert_eq!(ask(&store, &database.clock, "key", NEW).await, 401);
            store.close().await;
        }
    }
}

#[tokio::test]
async fn families_of_an_older_version_go_on_have_children_and_end_with_all_their_tokens() {
    for database in Database::of_every_lasting_kind() {
        for older in OLDER.skip(2) {
            version(&database, older).await;
            let store = database.connect().await;
            let (bob, now) = (bob(), database.clock.now());
            let expires = now + Duration::from_secs(60);
            let facts = |id| RefreshFacts { identity: &bob, id, expires, family_expires: expires, now };
            for (used, next) in [
                ("family-of-13token-001", "family-of-13token-003"),
                ("family-of-13token-002", "family-of-13token-004"),
            ] {
                assert_eq!(store.rotate(used, facts(next)).await.unwrap(), Rotation::Rotated);
            }
            let child = facts("family-of-15token-001");
            assert_eq!(store.add(child, Some("family-of-14")).await.unwrap(), Addition::Revoked);
            assert_eq!(store.add(child, Some("family-of-13")).await.unwrap(), Addition::Added);
            let revoked = async |id| {
                let token = TokenFacts { issuer: "local", subject: "bob", id, issued: Some(now) };
                store.is_revoked(token).await.unwrap()
            };
            let ids = ["family-of-13access-01", "family-of-15access-01", "family-of-14access-01"];
            let before = [revoked(ids[0]).await, revoked(ids[1]).await, revoked(ids[2]).await];
            assert_eq!(before, [false, false, true]);
            // Once more: neither of its tokens is good after that.
            let again = store.rotate("family-of-13token-001", facts("family-of-13token-005")).await;
            assert_eq!(again.unwrap(), Rotation::Reused);
            assert_eq!([revoked(ids[0]).await, revoked(ids[1]).await], [true, true]);
            for used in ["family-of-13token-004", "family-of-15token-001"] {
                assert_eq!(store.rotate(used, facts(used)).await.unwrap(), Rotation::Revoked);
            }
            store.close().await;
        }
    }
}

#[tokio::test]
async fn children_of_an_older_version_go_on_and_end_with_their_parents_however_long_the_ids_are() {
    for database in Database::of_every_lasting_kind() {
        for older in OLDER.skip(3) {
            version(&database, older).await;
            let store = database.connect().await;
            let (long, bob, now) = (long(), bob(), database.clock.now());
            let other = Identity::new(&*long, &*long).unwrap();
            let expires = now + Duration::from_secs(60);
            let rotate = async |identity, used: &str, id: &str| {
                let next = RefreshFacts { identity, id, expires, family_expires: expires, now };
                store.rotate(used, next).await.unwrap()
            };
            let [good, ended] = [Rotation::Rotated, Rotation::Revoked];
            for (identity, used, next, expected) in [
                (&bob, "family-of-16token-001", "family-of-16token-002", good),
                (&bob, "family-of-17token-001", "family-of-17token-002", ended),
                (&bob, &long, &long, good),
                (&bob, "family-of-18token-001", "family-of-18token-002", good),
                (&other, "family-of-19token-001", "family-of-19token-002", good),
            ] {
                assert_eq!(rotate(identity, used, next).await, expected, "{used}");
            }
            for parent in ["family-of-13", &long] {
                assert!(RefreshStore::revoke(&store, &bob, parent).await.unwrap(), "{parent}");
            }
            for used in ["family-of-16token-002", "family-of-18token-002"] {
                assert_eq!(rotate(&bob, used, used).await, ended, "{used}");
            }
            store.close().await;
        }
    }
}

#[tokio::test]
async fn many_instances_that_start_at_once_make_the_tables_once() {
    for database in Database::of_every_lasting_kind() {
        let stores = join_all((0..12).map(|_| database.options().max_connections(2).connect())).await;
        for store in stores {
            assert!(store.unwrap().user("alice").await.unwrap().is_none());
        }
        version(&database, 1).await;
        let stores = join_all((0..6).map(|_| database.options().max_connections(2).connect())).await;
        for store in stores {
            assert!(store.unwrap().user("alice").await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn an_instance_waits_for_another_that_migrates_longer_than_for_a_statement() {
    for database in Database::of_every_lasting_kind() {
        let limit = Duration::from_secs(1);
        version(&database, 1).await;
        let other = database.options().connect().await.unwrap();
        let hasty = database.impatient(|options| options.query_timeout(limit)).await;
        // Where the machine stands still for as long, other statements are not waited for either: once more.
        until(async || {
            version(&database, 1).await;
            let migrating = other.begin("portcullis: migrations").await.unwrap();
            let connecting = database.options().query_timeout(limit).connect();
            let migrated = async {
                for _ in 0..2 {
                    let waited = hasty.begin("portcullis: migrations").await;
                    assert!(waited.is_err(), "it is held, and the limit of a statement has passed");
                }
                migrating.commit().await.unwrap();
            };
            let (connected, ()) = tokio::join!(connecting, migrated);
            connected.is_ok()
        })
        .await;
        assert!(database.connect().await.user("alice").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        raw_sql("UPDATE portcullis_schema SET version = 99").execute(store.pool()).await.unwrap();
        let error = database.options().connect().await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("version 99") && cause.contains("newer"), "{cause}");
        let version = sqlx::query_as::<_, (i64,)>("SELECT version FROM portcullis_schema");
        assert_eq!(version.fetch_one(store.pool()).await.unwrap(), (99,));
    }
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_version_before_it() {
    for database in Database::of_every_lasting_kind() {
        version(&database, 1).await;
        let store = sqlx::AnyPool::connect(&database.url).await.unwrap();
        // The step adds this column, too, after another one.
        let clash = "ALTER TABLE portcullis_user_tokens ADD COLUMN last_used BIGINT";
        let clash = clash.replace("BIGINT", "INTEGER");
        raw_sql(sqlx::AssertSqlSafe(clash)).execute(&store).await.unwrap();
        assert!(database.options().connect().await.is_err());
        let left = sqlx::query_as::<_, (i64,)>("SELECT version FROM portcullis_schema");
        assert_eq!(left.fetch_one(&store).await.unwrap(), (1,));
        let added = sqlx::query("SELECT version FROM portcullis_owners").fetch_all(&store).await;
        assert!(added.is_err(), "the first half of the step was taken back");
        raw_sql("ALTER TABLE portcullis_user_tokens DROP COLUMN last_used")
            .execute(&store)
            .await
            .unwrap();
        assert!(database.connect().await.user("alice").await.unwrap().is_some());
    }
}
