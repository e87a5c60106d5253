//! Users, and how they are refused.

use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response};
use http_body_util::Full;
use portcullis::{
    BasicAuthLayer, Clock, Identity, ScopeSet, Secret,
    basic::{BasicAuth, UserStore},
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore, Rotation},
    },
    s3p::AccessKeyStore,
    user_token::{UserToken, UserTokenAdmin, UserTokenRecord, UserTokenStore},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::{Database, NOW, alice, hash, user};

#[tokio::test]
async fn a_user_is_added_once_changed_and_disabled() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        assert!(store.user("alice").await.unwrap().is_none());
        let scopes = ScopeSet::parse("a b").unwrap();
        let identity = Identity::new("https://issuer.example", "7").unwrap();
        let new = user("alice").identity(identity.clone()).scopes(scopes.clone());
        assert!(store.insert_user(&new).await.unwrap());
        assert!(!store.insert_user(&new).await.unwrap(), "the name is taken");
        assert!(
            !store.insert_user(&user("other").identity(identity)).await.unwrap(),
            "so is the identity"
        );
        assert_eq!(format!("{:?}", store.user("alice").await.unwrap().unwrap()), format!("{new:?}"));
        assert!(store.user("Alice").await.unwrap().is_none(), "names are compared byte for byte");

        assert!(store.set_password("alice", &hash("two")).await.unwrap());
        assert!(store.set_scopes("alice", &ScopeSet::empty()).await.unwrap());
        assert!(store.set_disabled("alice", true).await.unwrap());
        let found = format!("{:?}", store.user("alice").await.unwrap().unwrap());
        assert!(found.contains("disabled: true"), "{found}");
        assert!(!store.set_disabled("nobody", true).await.unwrap());
    }
}

#[tokio::test]
async fn a_name_of_any_length_is_found_and_an_identity_that_is_too_long_is_refused() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        for length in [1_024, 1_025, 100_000] {
            let name: &'static str = "n".repeat(length).leak();
            let identity = Identity::local(length.to_string()).unwrap();
            assert!(store.insert_user(&user(name).identity(identity)).await.unwrap());
            assert_eq!(store.user(name).await.unwrap().unwrap().name(), name);
            let identity = Identity::local(name).unwrap();
            let inserted = store.insert_user(&user("another").identity(identity)).await;
            assert_eq!(inserted.is_ok(), length == 1_024);
        }
    }
}

#[tokio::test]
async fn who_is_disabled_locked_or_expired_is_refused_by_every_credential() {
    let later = |seconds| Some(UNIX_EPOCH + Duration::from_secs(NOW + seconds));
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        store.insert_user(&user("alice")).await.unwrap();
        let token = UserToken::generate();
        store.create(&token.digest(), &UserTokenRecord::new("t", alice())).await.unwrap();
        let secret = Secret::new("a secret of an access key");
        store.insert_access_key("key", &alice(), &secret, &ScopeSet::empty()).await.unwrap();
        let (owner, id, now) = (alice(), "family-of-12token-001", database.clock.now());
        let expires = now + Duration::from_secs(60);
        let session = RefreshFacts { identity: &owner, id, expires, family_expires: expires, now };
        assert!(store.add(session).await.unwrap());
        let is_let_in = async || {
            let by_token = store.user_token(&token.digest()).await.unwrap().is_some();
            let by_key = store.access_key("key").await.unwrap().is_some();
            let by_jwt = !store
                .is_revoked(TokenFacts { issuer: "local", subject: "alice", id: "j", issued: None })
                .await
                .unwrap();
            let by_refresh = store.rotate(id, session).await.unwrap() == Rotation::Rotated;
            let ways = [by_token, by_key, by_jwt, by_refresh];
            assert!(ways.iter().all(|way| *way == ways[0]), "{ways:?}");
            ways[0]
        };
        assert!(is_let_in().await);
        assert!(store.set_disabled("alice", true).await.unwrap());
        assert!(!is_let_in().await);
        assert!(store.set_disabled("alice", false).await.unwrap());
        assert!(is_let_in().await);
        assert!(store.set_locked("alice", true).await.unwrap());
        assert!(!is_let_in().await);
        assert!(store.set_locked("alice", false).await.unwrap());
        for (expiry, expected) in [(later(0), false), (later(1), true), (None, true)] {
            assert!(store.set_expiry("alice", expiry).await.unwrap());
            assert_eq!(is_let_in().await, expected, "{expiry:?}");
        }
        assert!(!store.set_locked("nobody", true).await.unwrap());
        assert!(!store.set_expiry("nobody", None).await.unwrap());
    }
}

#[tokio::test]
async fn a_stored_hash_that_cannot_be_read_is_a_user_whom_no_password_lets_in() {
    for database in Database::of_every_kind() {
        let store = database.connect().await;
        store.insert_user(&user("alice")).await.unwrap();
        let damage = "UPDATE portcullis_users SET password = 'damaged'";
        sqlx::query(damage).execute(store.pool()).await.unwrap();
        let layer = BasicAuthLayer::new(BasicAuth::new("test", store).unwrap());
        let mut answers = Vec::new();
        for name in ["alice", "nobody"] {
            let credentials = STANDARD.encode(format!("{name}:damaged"));
            let request = Request::get("/").header("authorization", format!("Basic {credentials}"));
            let service = layer.layer(service_fn(async |_: Request<()>| {
                Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::default()))
            }));
            let answer = service.oneshot(request.body(()).unwrap()).await.unwrap();
            answers.push((answer.status(), answer.headers().clone()));
        }
        assert_eq!(answers[0].0, 401);
        assert_eq!(answers[0], answers[1], "a stranger does not see which of them there is");
    }
}
