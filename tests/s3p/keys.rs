//! Keys and stores: who is known, what is asked, and what happens when a store cannot answer.

use std::time::UNIX_EPOCH;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::{
    Identity, NowOrLater, Principal, S3pSignatureLayer, ScopeSet, StoreError,
    s3p::{
        AccessKey, AccessKeyStore, Body, MemoryAccessKeyStore, MemoryNonceStore, Nonce, NonceStore,
        Recorded, S3pAuth, Signer,
    },
};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    s3p_support::*,
    support::{Answer, send},
};

/// Counts what it is asked, and hands it on.
#[derive(Clone)]
struct Counting<S>(S, Arc<AtomicUsize>);

impl<S> Counting<S> {
    fn new(store: S) -> Self {
        Self(store, Arc::default())
    }

    fn count(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

impl<S: AccessKeyStore> AccessKeyStore for Counting<S> {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.access_key(token)
    }
}

impl<S: NonceStore> NonceStore for Counting<S> {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.record(nonce)
    }
}

/// Answers nothing.
#[derive(Clone)]
struct Down;

impl AccessKeyStore for Down {
    fn access_key(&self, _: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        NowOrLater::now(Err(StoreError::new("connection refused")))
    }
}

impl NonceStore for Down {
    fn record(&self, _: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        NowOrLater::now(Err(StoreError::new("connection refused")))
    }
}

fn layer_of(keys: impl AccessKeyStore, nonces: impl NonceStore) -> S3pSignatureLayer {
    S3pSignatureLayer::new(S3pAuth::new(url(), keys, nonces).clock(clock()))
}

/// A request whose token is known, but whose signature is not right; and the same of a token that
/// nobody has.
fn wrong_and_unknown(draft: &Draft) -> [Draft; 2] {
    [
        Draft { secret: "some other secret", ..draft.clone() },
        Draft { token: "nobodys-token", ..draft.clone() },
    ]
}

/// All that a caller sees.
fn seen(answer: &Answer) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.body)
}

#[tokio::test]
async fn an_unknown_token_and_a_wrong_signature_are_answered_alike() {
    for (draft, status) in [
        (Draft::get("/v2/ping"), 401),
        (Draft::get("/v2/bill?a=1"), 401),
        (Draft::json(r#"{"a":1}"#), 401),
        (Draft::form("a=1"), 401),
        // A body is judged, whoever it is from.
        (Draft::json(r#"{"a":null}"#), 400),
        (Draft::json("{"), 400),
        (Draft::get("/v2/bill?a=1&a=2"), 400),
        (Draft::get("/v2/ping").body(JSON, "{}"), 400),
        (Draft::new(http::Method::POST, "/v2/bill").body("text/plain", "a"), 415),
        (Draft::json("x".repeat(2 * 1024 * 1024)), 413),
    ] {
        let [wrong, unknown] = wrong_and_unknown(&draft);
        let wrong = send(&layer(), wrong.request()).await;
        let unknown = send(&layer(), unknown.request()).await;
        assert_eq!(wrong.status.as_u16(), status, "{draft:?}");
        assert_eq!(seen(&wrong), seen(&unknown), "{draft:?}");
        assert_eq!(wrong.kind(), unknown.kind());
        if status == 401 {
            // Only the operator is told.
            assert_eq!((wrong.reason(), unknown.reason()), ("s3p.signature", "s3p.unknown_token"));
        }
    }
}

#[tokio::test]
async fn tokens_are_compared_byte_for_byte() {
    for token in ["Alices-Token", "ALICES-TOKEN", "alices-toke", "alices-token.", "alices%2Dtoken"] {
        let draft = Draft { token, ..Draft::get("/v2/ping") };
        assert_eq!(send(&layer(), draft.request()).await.reason(), "s3p.unknown_token", "{token}");
    }
}

#[tokio::test]
async fn one_holders_secret_does_not_fit_anothers_token() {
    let draft = Draft { secret: OTHER_SECRET, ..Draft::get("/v2/ping") };
    assert_eq!(send(&layer(), draft.request()).await.reason(), "s3p.signature");
}

#[tokio::test]
async fn an_empty_secret_is_not_the_secret_of_a_token_that_nobody_has() {
    for secret in ["", "\0", SECRET] {
        let draft = Draft { token: "nobodys-token", secret, ..Draft::get("/v2/ping") };
        assert_eq!(send(&layer(), draft.request()).await.reason(), "s3p.unknown_token");
    }
}

#[tokio::test]
async fn a_changed_key_counts_from_the_next_request_on() {
    let keys = MemoryAccessKeyStore::new();
    let layer = layer_of(keys.clone(), MemoryNonceStore::new(UNIX_EPOCH));
    let by = |secret: &'static str, nonce: u8| {
        Draft { secret, ..Draft::get("/v2/ping") }.nonce(nonce).request()
    };
    let put = |secret: &str| {
        let alice = Identity::local("alice").unwrap();
        keys.insert(TOKEN, AccessKey::new(alice, secret).unwrap());
    };
    assert_eq!(send(&layer, by("the first secret", 1)).await.reason(), "s3p.unknown_token");
    put("the first secret");
    assert_eq!(send(&layer, by("the first secret", 1)).await.status, 200);
    put("the second secret");
    assert_eq!(send(&layer, by("the first secret", 2)).await.reason(), "s3p.signature");
    assert_eq!(send(&layer, by("the second secret", 2)).await.status, 200);
    assert!(keys.remove(TOKEN) && !keys.remove(TOKEN));
    assert_eq!(send(&layer, by("the second secret", 3)).await.reason(), "s3p.unknown_token");
}

/// Who it is is made ready once for a key, and must not be somebody else for it.
#[tokio::test]
async fn one_key_under_two_tokens_and_one_that_is_changed_are_told_apart() {
    let keys = MemoryAccessKeyStore::new();
    let layer = layer_of(keys.clone(), MemoryNonceStore::new(UNIX_EPOCH));
    let who = async |token: &'static str, nonce: u8| {
        let draft = Draft { token, ..Draft::get("/v2/ping") }.nonce(nonce);
        let service = layer.layer(service_fn(async |request: Request<Body<Full<Bytes>>>| {
            let principal = request.extensions().get::<Principal>().cloned();
            Ok::<_, Infallible>(
                Response::builder().extension(principal).body(Full::<Bytes>::default()).unwrap(),
            )
        }));
        let response = service.oneshot(draft.request()).await.unwrap();
        let principal = response.extensions().get::<Option<Principal>>().unwrap().clone().unwrap();
        (principal.credential_id().unwrap().to_owned(), principal.scopes().clone())
    };
    let key = AccessKey::new(Identity::local("alice").unwrap(), SECRET).unwrap();
    keys.insert(TOKEN, key.clone());
    keys.insert(OTHER_TOKEN, key.clone());
    let (nothing, pay) = (ScopeSet::empty(), ScopeSet::parse("pay").unwrap());
    for nonce in 0..2 {
        assert_eq!(who(TOKEN, nonce).await, (TOKEN.to_owned(), nothing.clone()));
        assert_eq!(who(OTHER_TOKEN, nonce).await, (OTHER_TOKEN.to_owned(), nothing.clone()));
    }
    keys.insert(TOKEN, key.scopes(pay.clone()));
    assert_eq!(who(TOKEN, 2).await, (TOKEN.to_owned(), pay));
    assert_eq!(who(OTHER_TOKEN, 2).await, (OTHER_TOKEN.to_owned(), nothing));
}

#[tokio::test]
async fn a_store_that_is_down_is_no_answer() {
    for draft in [Draft::get("/v2/ping"), Draft::json("{}")] {
        for (layer, reason) in [
            (layer_of(Down, MemoryNonceStore::new(UNIX_EPOCH)), "s3p.key_store"),
            (layer_of(Later(Down), MemoryNonceStore::new(UNIX_EPOCH)), "s3p.key_store"),
            (layer_of(keys(), Down), "s3p.nonce_store"),
            (layer_of(keys(), Later(Down)), "s3p.nonce_store"),
        ] {
            let answer = send(&layer, draft.request()).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (503, reason));
            assert_eq!(answer.challenges(), [""; 0]);
            assert!(!seen(&answer).contains("connection"), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a_key_store_that_is_down_is_told_before_the_body_is_judged() {
    // By the order of the rules; and nothing is gathered in memory for a request that cannot pass.
    for draft in [
        Draft::json("x".repeat(2 * 1024 * 1024)),
        Draft::json("{"),
        Draft::new(http::Method::POST, "/v2/bill").body("text/plain", "a"),
        Draft::get("/v2/ping").body(JSON, "{}"),
    ] {
        for layer in [
            layer_of(Down, MemoryNonceStore::new(UNIX_EPOCH)),
            layer_of(Later(Down), MemoryNonceStore::new(UNIX_EPOCH)),
        ] {
            let answer = send(&layer, draft.request()).await;
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (503, "s3p.key_store"),
                "{:?}",
                draft.method
            );
        }
    }
}

#[tokio::test]
async fn stores_may_answer_later() {
    let nonces = || MemoryNonceStore::new(UNIX_EPOCH);
    for layer in [
        layer_of(Later(keys()), nonces()),
        layer_of(keys(), Later(nonces())),
        layer_of(Later(keys()), Later(nonces())),
    ] {
        for draft in [Draft::get("/v2/bill?a=1").nonce(1), Draft::json(r#"{"a":1}"#).nonce(2)] {
            for wrong in wrong_and_unknown(&draft) {
                assert_eq!(send(&layer, wrong.request()).await.status, 401);
            }
            let answer = send(&layer, draft.request()).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
            assert_eq!(send(&layer, draft.request()).await.reason(), "s3p.replayed");
        }
    }
}

#[tokio::test]
async fn no_store_is_asked_for_what_is_refused_without_it() {
    let (keys, nonces) = (Counting::new(keys()), Counting::new(MemoryNonceStore::new(UNIX_EPOCH)));
    let layer = layer_of(keys.clone(), nonces.clone());
    let good = Draft::get("/v2/ping");
    for request in [
        crate::support::get("/v2/ping"),
        good.request_with("s3pAuth ?"),
        good.request_with(good.authorization().replace("HMAC-SHA1", "PLAINTEXT")),
        good.clone().timestamp(NOW - 301).request(),
        good.clone().timestamp(NOW + 301).request(),
        good.clone().nonce("").request(),
    ] {
        assert_eq!(send(&layer, request).await.status, 401);
    }
    assert_eq!((keys.count(), nonces.count()), (0, 0));

    for draft in
        [Draft::get("/v2/bill?a=1&a=1"), Draft::json("[]"), Draft::get("/v2/ping").body(JSON, "{}")]
    {
        assert_eq!(send(&layer, draft.request()).await.status, 400);
    }
    for wrong in wrong_and_unknown(&good).iter().chain(&wrong_and_unknown(&Draft::json("{}"))) {
        assert_eq!(send(&layer, wrong.request()).await.status, 401);
    }
    // A nonce of a request that is not proved is not recorded; a key is looked up once for each.
    assert_eq!((keys.count(), nonces.count()), (7, 0));

    assert_eq!(send(&layer, good.request()).await.status, 200);
    assert_eq!(send(&layer, Draft::json("{}").nonce("n2").request()).await.status, 200);
    assert_eq!((keys.count(), nonces.count()), (9, 2));
}

#[test]
fn a_signer_takes_no_secret_that_could_be_found_by_trying() {
    assert!(Signer::new("token", "fifteen bytes: ").is_err());
    assert!(Signer::new("token", "sixteen bytes: x").is_ok());
    assert!(Signer::dangerous_short_secret("token", "MySecretKey").is_ok());
}
