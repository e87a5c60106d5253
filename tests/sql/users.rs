//! Users, and how they are refused.

use std::time::{Duration, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, Response};
use http_body_util::Full;
use portcullis::{
    BasicAuthLayer, Clock, Identity, Scope, ScopeSet, Secret,
    basic::{BasicAuth, UserStore},
    jwt::{
        RevocationStore, TokenFacts,
        refresh::{RefreshFacts, RefreshStore, Rotation},
    },
    s3p::AccessKeyStore,
    store::Sql,
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
        store.add(session, None).await.unwrap();
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
async fn a_user_token_has_what_its_user_holds_now_by_name_or_by_the_scope_that_stands_for_it() {
    let scopes = |text: &str| ScopeSet::parse(text).unwrap();
    for database in Database::of_every_kind() {
        let options = database.options();
        let options = options.global_scope(Scope::ALL_ANY, |scope| scope.starts_with("messages:"));
        let store = options.connect().await.unwrap();
        let (token, others) = (UserToken::generate(), UserToken::generate());
        let record =
            |id, owner| UserTokenRecord::new(id, owner).scopes(scopes("messages:send admin all:any"));
        store.create(&token.digest(), &record("1", alice())).await.unwrap();
        let elsewhere = Identity::new("elsewhere", "alice").unwrap();
        store.create(&others.digest(), &record("2", elsewhere)).await.unwrap();
        let left = async |token: &UserToken| {
            let found = store.user_token(&token.digest()).await.unwrap().unwrap();
            found.scopes.as_str().to_owned()
        };
        assert_eq!(left(&token).await, "messages:send admin all:any", "nobody knows what she holds");
        store.insert_user(&user("alice")).await.unwrap();
        for (held, expected) in [
            ("admin", "admin"),
            ("messages:send", "messages:send"),
            ("all:any", "messages:send all:any"),
            ("all:any admin", "messages:send admin all:any"),
            ("messages:read all:anyone", ""),
            ("", ""),
            // What is given again, the token has again.
            ("admin", "admin"),
        ] {
            assert!(store.set_scopes("alice", &scopes(held)).await.unwrap());
            assert_eq!(left(&token).await, expected, "{held:?}");
            assert_eq!(left(&others).await, "messages:send admin all:any", "she is somebody else");
        }
        let made_with = &store.list(&alice()).await.unwrap()[0].scopes;
        assert_eq!(made_with.as_str(), "messages:send admin all:any");
    }
}

#[tokio::test]
async fn the_decoy_is_counted_when_the_store_is_connected_and_at_each_purge() {
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";
    for database in Database::of_every_lasting_kind() {
        let store = database.connect().await;
        let kind = |store: &Sql| {
            let decoy = store.decoy();
            decoy.map(|decoy| decoy.as_str().rsplit_once('$').unwrap().0.to_owned())
        };
        assert_eq!(kind(&store), None, "without users, there is none");
        for name in ["a", "b", "c", "d"] {
            store.insert_user(&user(name)).await.unwrap();
        }
        // Two of them the cheapest, by another program; and one that cannot be verified.
        let set = async |name, hash| {
            let update = sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2");
            update.bind(hash).bind(name).execute(store.pool()).await.unwrap();
        };
        set("d", BCRYPT).await;
        store.user("nobody").await.unwrap();
        assert!(kind(&store).unwrap().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let chosen = store.decoy().unwrap();
        set("c", BCRYPT).await;
        set("b", BCRYPT).await;
        store.user("nobody").await.unwrap();
        assert_eq!(store.decoy().unwrap(), chosen, "no request counts");
        store.purge().await.unwrap();
        assert_eq!(kind(&store).unwrap(), "$2b$04");
        let chosen = store.decoy().unwrap();
        store.purge().await.unwrap();
        assert_eq!(store.decoy().unwrap(), chosen, "the cost is the same: so is the decoy");
        assert!(kind(&database.connect().await).unwrap().starts_with("$2b$04"));
        for name in ["a", "b", "c"] {
            set(name, "unusable").await;
        }
        store.purge().await.unwrap();
        assert_eq!(kind(&store).unwrap(), "$2b$04", "what costs nothing does not count");
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
