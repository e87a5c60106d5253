//! `UserTokenLayer` through its public API.
#![cfg(feature = "user-token")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "user_token/admin.rs"]
mod admin;
#[path = "user_token/form.rs"]
mod form;
#[path = "user_token/last_used.rs"]
mod last_used;
#[path = "user_token/secrecy.rs"]
mod secrecy;
mod support;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::header;
use http_body_util::Full;
use portcullis::{
    Authenticate, AuthenticateLayer, Authenticator, Head, Identity, ManualClock, NowOrLater,
    RejectionKind, Scheme, ScopeSet, StoreError, UserTokenLayer,
    basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
    user_token::{
        MemoryUserTokenStore, TokenDigest, UserToken, UserTokenAuth, UserTokenRecord, UserTokenStore,
    },
};
use sha2::{Digest, Sha256};
use support::{Answer, Echo, basic, get, get_with, send};
use tower::{Layer, Service, ServiceExt};
use tower_test::mock;

const NOW: u64 = 1_700_000_000;
/// Made by another program: the bytes 0 to 19, and the first four of their SHA-256.
const KNOWN: &str = "pct_000102030405060708090a0b0c0d0e0f10111213e7aebf57";
const KNOWN_DIGEST: &str = "4f764c5cc87a46a056a1ee06d1dc8f825108745c5d77e861ac9ab61f7b3e53c7";
const INVALID_TOKEN: &str = r#"Bearer realm="vault", error="invalid_token""#;

#[tokio::test]
async fn the_right_token_passes_and_says_whose_it_is() {
    let (token, store) = laptop();
    let auth = auth(store.clone());
    let request = get_with("/", bearer(token.expose()));
    let principal = auth.authenticate(&Head::new(&request)).unwrap().await.unwrap();
    assert_eq!((principal.issuer(), principal.subject()), (Identity::LOCAL, "alice"));
    assert_eq!(principal.scheme(), Scheme::BEARER);
    assert_eq!(principal.credential_id(), Some("laptop"));
    assert_eq!(principal.scopes().as_str(), "messages:send messages:read");

    let answer = ask(&layer(store), token.expose()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
}

#[tokio::test]
async fn a_token_holds_no_scopes_unless_its_record_says_so() {
    let (token, store) = laptop();
    store.insert(token.digest(), UserTokenRecord::new("laptop", alice()));
    let request = get_with("/", bearer(token.expose()));
    let principal = auth(store).authenticate(&Head::new(&request)).unwrap().await.unwrap();
    assert!(principal.scopes().is_empty());
}

#[tokio::test]
async fn without_a_token_it_is_asked_for_without_an_error() {
    let (token, store) = laptop();
    let asked_for = |answer: &Answer| answer.challenges() == [r#"Bearer realm="vault""#];
    let missing = send(&layer(store.clone()), get("/")).await;
    assert_eq!((missing.status.as_u16(), missing.kind()), (401, RejectionKind::MissingCredentials));
    assert!(asked_for(&missing), "{missing:?}");
    // A token in the target (RFC 6750 section 2.3) is in every log on the way: it is not read.
    let target = format!("/?access_token={}", token.expose());
    let answer = send(&layer(store.clone()), get(&target)).await;
    assert_eq!(answer.kind(), RejectionKind::MissingCredentials);
    let other = send(&layer(store.clone()), get_with("/", format!("Token {}", token.expose()))).await;
    assert_eq!((other.status.as_u16(), other.reason()), (401, "authorization.unknown_scheme"));
    assert!(asked_for(&other), "{other:?}");

    let optional = layer(store).optional();
    assert_eq!(send(&optional, get("/")).await.body, "anonymous");
    assert_eq!(ask(&optional, KNOWN).await.status, 401);
    let mut twice = get_with("/", bearer(token.expose()));
    let value = twice.headers()[header::AUTHORIZATION].clone();
    twice.headers_mut().append(header::AUTHORIZATION, value);
    assert_eq!(send(&optional, twice).await.status, 400);
}

#[tokio::test]
async fn a_token_expires_at_the_very_second_and_not_before() {
    let (token, store) = laptop();
    let expires = UNIX_EPOCH + Duration::from_secs(NOW);
    store.insert(token.digest(), UserTokenRecord::new("laptop", alice()).expires(expires));
    let clock = Arc::new(ManualClock::at_unix(NOW));
    let request = get_with("/", bearer(token.expose()));
    clock.set(UNIX_EPOCH);
    let early = auth(store.clone()).clock(clock.clone());
    let principal = early.authenticate(&Head::new(&request)).unwrap().await.unwrap();
    assert_eq!(principal.expires(), Some(expires));
    let layer = UserTokenLayer::new(auth(store).clock(clock.clone()));
    let nanosecond = Duration::from_nanos(1);
    for (time, status) in [
        (expires - nanosecond, 200),
        (expires, 401),
        (expires + nanosecond, 401),
        (expires + Duration::from_secs(1 << 40), 401),
        // A clock that was set back gives the token back.
        (expires - Duration::from_secs(1), 200),
        (UNIX_EPOCH - Duration::from_secs(1), 200),
    ] {
        clock.set(time);
        assert_eq!(ask(&layer, token.expose()).await.status, status, "{time:?}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_never_a_wrong_token() {
    for later in [false, true] {
        let down = By(move |_: &TokenDigest| {
            let down = Err(StoreError::new("connection refused"));
            if later { NowOrLater::later(async { down }) } else { NowOrLater::now(down) }
        });
        for layer in [layer(down.clone()), layer(down).optional()] {
            let answer = ask(&layer, KNOWN).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (503, "user_token.store"));
            assert_eq!(answer.headers[header::RETRY_AFTER], "1");
            assert_eq!(answer.body, "try again later");
            assert!(answer.challenges().is_empty(), "there is nothing else to send");
            // What needs no store is answered as ever.
            assert_eq!(ask(&layer, "pct_twin").await.status, 401);
            assert_eq!(send(&layer, get_with("/", "Bearer a b")).await.status, 400);
        }
    }
}

#[tokio::test]
async fn a_store_that_answers_later_gets_the_same_answers() {
    let (token, store) = laptop();
    let slow = store.clone();
    let later = layer(By(move |digest: &TokenDigest| {
        let record = slow.user_token(digest);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            record.await
        })
    }));
    let now = layer(store.clone());
    let expired = UserToken::generate();
    store.insert(expired.digest(), UserTokenRecord::new("old", alice()).expires(UNIX_EPOCH));
    for (sent, status) in [(token.expose(), 200), (expired.expose(), 401), (KNOWN, 401)] {
        let (now, later) = (ask(&now, sent).await, ask(&later, sent).await);
        assert_eq!(later.status, status);
        assert_eq!(seen(&now), seen(&later));
    }
}

#[tokio::test]
async fn the_instance_that_was_polled_ready_is_the_one_that_is_called() {
    let (token, store) = laptop();
    for later in [false, true] {
        let store = store.clone();
        let layer = layer(By(move |digest: &TokenDigest| {
            let record = store.user_token(digest);
            if later { NowOrLater::later(record) } else { record }
        }));
        for (sent, status) in [(token.expose(), 201), (KNOWN, 401)] {
            // The mock panics when an instance is called that was not ready; there is one call to be had.
            let (inner, mut handle) = mock::pair::<http::Request<()>, http::Response<Full<Bytes>>>();
            let mut service = layer.layer(inner);
            handle.allow(1);
            let request = get_with("/", bearer(sent)).map(drop);
            let answer = service.ready().await.unwrap().call(request);
            drop(service);
            let serve = async {
                let reply = handle.next_request().await.map(|(_, reply)| reply);
                let response = http::Response::builder().status(201).body(Full::default()).unwrap();
                reply.map(|reply| reply.send_response(response)).is_some()
            };
            let (answer, served) = tokio::join!(answer, serve);
            assert_eq!(answer.unwrap().status(), status, "later: {later}");
            assert_eq!(served, status == 201, "later: {later}");
        }
    }
}

#[tokio::test]
async fn a_revocation_takes_effect_on_the_next_request() {
    let (token, store) = laptop();
    let other = UserToken::generate();
    store.insert(other.digest(), UserTokenRecord::new("phone", alice()));
    let layer = layer(store.clone());
    assert_eq!(ask(&layer, token.expose()).await.status, 200);
    assert!(store.remove(&token.digest()));
    assert!(!store.remove(&token.digest()), "there is none any more");
    assert_eq!(ask(&layer, token.expose()).await.status, 401);
    assert_eq!(ask(&layer, other.expose()).await.status, 200, "another token of hers goes on");
    // A record that is replaced is in force as well: here, it is somebody else's.
    store.insert(other.digest(), UserTokenRecord::new("phone", Identity::local("bob").unwrap()));
    assert_eq!(ask(&layer, other.expose()).await.body, "bob");
}

#[tokio::test]
async fn a_user_whom_the_store_disables_is_refused_from_the_next_request_on() {
    let (token, store) = laptop();
    let disabled = Arc::new(Mutex::new(false));
    let switch = disabled.clone();
    let layer = layer(By(move |digest: &TokenDigest| {
        if *disabled.lock().unwrap() { NowOrLater::now(Ok(None)) } else { store.user_token(digest) }
    }));
    for (off, status) in [(false, 200), (true, 401), (false, 200)] {
        *switch.lock().unwrap() = off;
        assert_eq!(ask(&layer, token.expose()).await.status, status);
    }
}

#[tokio::test]
async fn beside_passwords_both_are_offered_and_the_token_first() {
    let (token, store) = laptop();
    let users = MemoryUserStore::new();
    users.insert(User::new("alice", PasswordHash::of("open sesame").unwrap()).unwrap());
    let passwords = || BasicAuth::new("vault", users.clone()).unwrap();
    for layer in [
        AuthenticateLayer::new(auth(store.clone())).or(passwords()),
        AuthenticateLayer::new(passwords()).or(auth(store.clone())),
    ] {
        const BASIC: &str = r#"Basic realm="vault", charset="UTF-8""#;
        let missing = send(&layer, get("/")).await;
        assert_eq!(missing.challenges(), [r#"Bearer realm="vault""#, BASIC]);
        assert_eq!(ask(&layer, KNOWN).await.challenges(), [INVALID_TOKEN, BASIC]);
        assert_eq!(ask(&layer, token.expose()).await.body, "alice");
        assert_eq!(send(&layer, get_with("/", basic("alice", "open sesame"))).await.body, "alice");
        // Neither stands in for the other.
        let password = send(&layer, get_with("/", basic("alice", token.expose()))).await;
        assert_eq!((password.status.as_u16(), password.reason()), (401, "basic.wrong_password"));
    }
}

fn alice() -> Identity {
    Identity::local("alice").unwrap()
}

/// A token of alice's, and a store that knows it.
fn laptop() -> (UserToken, MemoryUserTokenStore) {
    let (token, store) = (UserToken::generate(), MemoryUserTokenStore::new());
    let scopes = ScopeSet::parse("messages:send messages:read").unwrap();
    store.insert(token.digest(), UserTokenRecord::new("laptop", alice()).scopes(scopes));
    (token, store)
}

fn auth(store: impl UserTokenStore) -> UserTokenAuth {
    UserTokenAuth::new("vault", store).unwrap().clock(ManualClock::at_unix(NOW))
}

fn layer(store: impl UserTokenStore) -> UserTokenLayer {
    UserTokenLayer::new(auth(store))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn ask(layer: &impl Layer<Echo, Service = Authenticate<Echo>>, token: &str) -> Answer {
    send(layer, get_with("/", bearer(token))).await
}

type Found = NowOrLater<Result<Option<UserTokenRecord>, StoreError>>;

/// A store that is a function.
#[derive(Clone)]
struct By<F>(F);

impl<F: Fn(&TokenDigest) -> Found + Send + Sync + 'static> UserTokenStore for By<F> {
    fn user_token(&self, digest: &TokenDigest) -> Found {
        (self.0)(digest)
    }
}

/// All that a caller sees of an answer.
fn seen(answer: &Answer) -> (u16, http::HeaderMap, String) {
    (answer.status.as_u16(), answer.headers.clone(), answer.body.clone())
}

/// The text of a token of these bytes, whose checksum is right.
fn with_checksum(random: &[u8]) -> String {
    format!("pct_{}{}", hex(random), hex(&Sha256::digest(random)[..4]))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex<const N: usize>(digits: &str) -> [u8; N] {
    assert_eq!(digits.len(), 2 * N);
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
}
