//! Access keys, whose secrets are sealed.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use portcullis::{
    Clock, S3pSignatureLayer, ScopeSet, Secret,
    s3p::{AccessKeyStore, Dialect, MemoryNonceStore, PublicUrl, S3pAuth, SignatureMethod, Signer},
    store::{Sql, sql::SealingKey},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Database, NOW, alice, patient_options, user};

const OLD: &str = "the-old-secret-0123456789";
const NEW: &str = "the-new-secret-0123456789";

/// Whether a request that is signed with this secret is let in, as a status.
pub(super) async fn ask(
    store: &Sql,
    clock: &Arc<portcullis::ManualClock>,
    token: &str,
    secret: &str,
) -> u16 {
    let url = PublicUrl::parse("https://example.org").unwrap();
    let auth = S3pAuth::new(url, store.clone(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock.clone());
    let signer = Signer::new(token, secret).unwrap().clock(clock.clone());
    let target = "https://example.org/ping".parse().unwrap();
    let signed = signer.sign(&Method::GET, &target, &HeaderMap::new(), b"").unwrap();
    let service = S3pSignatureLayer::new(auth).layer(service_fn(async |_| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::default()))
    }));
    let request = Request::get("/ping").header("authorization", signed);
    let request = request.body(Full::<bytes::Bytes>::default()).unwrap();
    service.oneshot(request).await.unwrap().status().as_u16()
}

async fn add(store: &Sql, token: &str, secret: &str) -> bool {
    let scopes = ScopeSet::empty();
    store.insert_access_key(token, &alice(), &Secret::new(secret), &scopes).await.unwrap()
}

#[tokio::test]
async fn a_key_signs_until_it_or_its_user_is_disabled() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        store.insert_user(&user("alice")).await.unwrap();
        assert!(add(&store, "key", OLD).await);
        assert!(!add(&store, "key", NEW).await, "there is one already");
        let ask = async |secret| ask(&store, &database.clock, "key", secret).await;
        assert_eq!((ask(OLD).await, ask(NEW).await), (200, 401));
        store.set_access_key_disabled("key", true).await.unwrap();
        assert_eq!(ask(OLD).await, 401);
        store.set_access_key_disabled("key", false).await.unwrap();
        assert_eq!(ask(OLD).await, 200);
        store.set_disabled("alice", true).await.unwrap();
        assert_eq!(ask(OLD).await, 401);
        assert!(!store.set_access_key_disabled("nobody's", true).await.unwrap());
    }
}

#[tokio::test]
async fn the_previous_secret_is_taken_for_as_long_as_was_said() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        add(&store, "key", OLD).await;
        let ask = async |secret| ask(&store, &database.clock, "key", secret).await;
        let rotate = async |secret: &str, seconds| {
            let overlap = Duration::from_secs(seconds);
            store.rotate_access_key("key", &Secret::new(secret), overlap).await.unwrap()
        };
        assert!(rotate(NEW, 60).await);
        assert_eq!((ask(OLD).await, ask(NEW).await), (200, 200));
        database.clock.advance(Duration::from_secs(60));
        assert_eq!((ask(OLD).await, ask(NEW).await), (200, 200));
        database.clock.advance(Duration::from_secs(1));
        assert_eq!((ask(OLD).await, ask(NEW).await), (401, 200));
        assert!(rotate(OLD, 0).await);
        assert_eq!((ask(OLD).await, ask(NEW).await), (200, 401), "at once");
        let none = store.rotate_access_key("no key", &Secret::new(NEW), Duration::ZERO).await;
        assert!(!none.unwrap());
    }
}

#[tokio::test]
async fn a_key_has_between_one_and_four_dialects_and_none_that_is_not_known() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        add(&store, "key", OLD).await;
        for refused in [&[][..], &[Dialect::STRICT; 5]] {
            assert!(store.set_access_key_dialects("key", refused).await.is_err());
        }
        let four = [Dialect::STRICT, Dialect::POSTMAN, Dialect::MAVIANCE_PHP, Dialect::MAVIANCE_JAVA];
        assert!(store.set_access_key_dialects("key", &four).await.unwrap());
        assert!(!store.set_access_key_dialects("no key", &four).await.unwrap());
        assert!(!store.set_access_key_method("no key", SignatureMethod::HmacSha256).await.unwrap());
        assert_eq!(ask(&store, &database.clock, "key", OLD).await, 200);
        // A newer program may know more.
        for (column, text) in [("dialects", "strict klingon"), ("method", "HMAC-SHA3")] {
            let write = format!("UPDATE portcullis_access_keys SET {column} = '{text}'");
            sqlx::query(sqlx::AssertSqlSafe(write)).execute(store.pool()).await.unwrap();
            assert!(store.access_key("key").await.is_err(), "{text}");
            store.set_access_key_dialects("key", &four).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_secret_is_not_in_the_database_and_opens_for_its_own_row_alone() {
    let database = Database::file();
    let store = database.connect().await;
    add(&store, "one", OLD).await;
    add(&store, "two", NEW).await;
    let stored: Vec<(Vec<u8>,)> = sqlx::query_as("SELECT secret FROM portcullis_access_keys")
        .fetch_all(store.pool())
        .await
        .unwrap();
    for (sealed,) in stored {
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
    }
    let swap = "UPDATE portcullis_access_keys SET secret = \
                (SELECT secret FROM portcullis_access_keys WHERE token = 'one') WHERE token = 'two'";
    sqlx::query(swap).execute(store.pool()).await.unwrap();
    assert!(store.access_key("one").await.unwrap().is_some());
    assert!(store.access_key("two").await.is_err());
    assert_eq!(ask(&store, &database.clock, "two", OLD).await, 503);
}

#[tokio::test]
async fn without_the_right_sealing_key_no_key_is_read_and_without_one_none_is_written() {
    let database = Database::file();
    add(&database.connect().await, "key", OLD).await;
    let other = SealingKey::new(&[8; 32]).unwrap();
    let wrong = database.options().sealing_key(other).connect().await.unwrap();
    let none = patient_options(&database.url).connect().await.unwrap();
    for store in [&wrong, &none] {
        assert!(store.access_key("key").await.is_err());
        assert!(store.access_key("no key").await.unwrap().is_none());
    }
    let scopes = ScopeSet::empty();
    assert!(none.insert_access_key("two", &alice(), &Secret::new(NEW), &scopes).await.is_err());
    let too_short = Secret::new("short");
    assert!(wrong.insert_access_key("two", &alice(), &too_short, &scopes).await.is_err());
    assert!(wrong.rotate_access_key("key", &too_short, Duration::ZERO).await.is_err());
    assert_eq!(database.clock.now(), portcullis::ManualClock::at_unix(NOW).now());
}
