//! Tables of every version are brought up to date, with what is in them.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use portcullis::{
    Clock,
    basic::UserStore,
    jwt::refresh::{RefreshFacts, RefreshStore, Rotation},
    ownership::{OwnershipStore, Resource},
    s3p::{Nonce, NonceStore, Recorded},
    store::sql::Engine,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenStore},
};
use sqlx::raw_sql;

use crate::{Database, NOW, alice, bob};

/// What a program of version 1 has left behind.
const DATA: &str = "\
    INSERT INTO portcullis_users VALUES ('alice', 'local', 'alice', \
      '$argon2id$v=19$m=8,t=1,p=1$X19fX19fX19fX19f$AAAAAAAAAAAAAAAAAAAAAA', 'a b', 1);\
    INSERT INTO portcullis_user_tokens (digest, id, issuer, subject, scopes, name, created) \
      SELECT secret, 't1', 'local', 'bob', 'a', 'laptop', 5 FROM portcullis_access_keys;\
    INSERT INTO portcullis_owners VALUES ('note', '1', 'local', 'alice');\
    INSERT INTO portcullis_nonces VALUES ('key', 'n', 1800000300);";

/// What a program of version 2 has added.
const DATA_OF_2: &str = "\
    UPDATE portcullis_user_tokens SET last_used = 6;\
    UPDATE portcullis_owners SET version = 9;\
    INSERT INTO portcullis_refresh_families VALUES ('family-of-12', 'local', 'bob', 5, 1800000300, NULL);\
    INSERT INTO portcullis_refresh_tokens VALUES ('family-of-12token-001', 1800000200);";

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
async fn version(database: &Database, version: i64) {
    let store = database.connect().await;
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
    let key = sqlx::query(
        "INSERT INTO portcullis_access_keys (token, issuer, subject, secret, scopes, created) \
         VALUES ('key', 'local', 'alice', $1, '', 5)",
    );
    key.bind(vec![7_u8; 32]).execute(store.pool()).await.unwrap();
    raw_sql(DATA).execute(store.pool()).await.unwrap();
    if version > 1 {
        raw_sql(step!(store.engine(), "0002")).execute(store.pool()).await.unwrap();
        raw_sql(DATA_OF_2).execute(store.pool()).await.unwrap();
    }
    let done = sqlx::query("UPDATE portcullis_schema SET version = $1").bind(version);
    done.execute(store.pool()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn what_an_older_version_has_stored_is_there_in_the_newest() {
    for database in Database::of_every_lasting_kind() {
        for older in [1, 2] {
            version(&database, older).await;
            let store = database.connect().await;
            let user = format!("{:?}", store.user("alice").await.unwrap().unwrap());
            assert!(user.contains("{\"a\", \"b\"}") && user.contains("disabled: true"), "{user}");
            assert!(user.contains("locked: false") && user.contains("expires: None"), "{user}");
            let digest = TokenDigest::from_bytes([7; 32]);
            let token = store.user_token(&digest).await.unwrap().unwrap();
            let used = (older == 2).then(|| UNIX_EPOCH + Duration::from_secs(6));
            assert_eq!((&*token.id, &*token.name, token.last_used), ("t1", "laptop", used));
            assert_eq!(store.list(&bob()).await.unwrap(), [token]);
            let owner = store.owner(&Resource::new("note", "1")).await.unwrap().unwrap();
            let number = if older == 2 { 9 } else { 0 };
            assert_eq!((owner.identity(), owner.version()), (&alice(), number));
            let now = NOW.cast_signed();
            let replay = Nonce { token: "key", nonce: "n", expires: now + 300, now };
            assert_eq!(store.record(replay).await.unwrap(), Recorded::Replayed);
            let (expires, now) = (database.clock.now() + Duration::from_secs(60), database.clock.now());
            let (bob, id) = (bob(), "family-of-12token-002");
            let next = RefreshFacts { identity: &bob, id, expires, family_expires: expires, now };
            let rotated = store.rotate("family-of-12token-001", next).await.unwrap();
            let expected = if older == 2 { Rotation::Rotated } else { Rotation::Revoked };
            assert_eq!(rotated, expected, "a session outlives the upgrade");
            // What is new works with what is old.
            assert!(store.set_disabled("alice", false).await.unwrap());
            assert!(store.set_locked("alice", true).await.unwrap());
            assert!(store.set_expiry("alice", Some(expires)).await.unwrap());
            let user = format!("{:?}", store.user("alice").await.unwrap().unwrap());
            assert!(user.contains("locked: true") && user.contains("expires: Some"), "{user}");
            store.close().await;
        }
    }
}

#[tokio::test]
async fn many_instances_that_start_at_once_make_the_tables_once() {
    for database in Database::of_every_lasting_kind() {
        let stores = join_all((0..12).map(|_| database.options().max_connections(2).connect())).await;
        for store in stores {
            store.unwrap().check_ready().await.unwrap();
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
        version(&database, 1).await;
        let other = database.options().connect().await.unwrap();
        version(&database, 1).await;
        let migrating = other.begin("portcullis: migrations").await.unwrap();
        let connecting = database.options().query_timeout(Duration::from_millis(1)).connect();
        let migrated = async {
            // Many times as long.
            for _ in 0..10 {
                Database::file().connect().await.close().await;
            }
            migrating.commit().await.unwrap();
        };
        let (connected, ()) = tokio::join!(connecting, migrated);
        connected.unwrap().close().await;
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
