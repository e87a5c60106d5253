//! Tokens that were revoked before they expired: `JwtAuthBuilder::revocations`.
#![cfg(feature = "_jwt")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
#[path = "jwt_revocation/memory.rs"]
mod memory;
mod support;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::header;
use jwt_support::*;
use portcullis::{
    AuthenticateLayer, Identity, JwtScopeLayer, ManualClock, NowOrLater, Principal, RejectionKind,
    Scheme, Scope, ScopeSet, StoreError,
    jwt::{Algorithm, Grant, Issuer, JwtAuth, MemoryRevocationStore, RevocationStore, TokenFacts},
};
use support::Answer;

const INVALID_TOKEN: &str = r#"Bearer realm="protected", error="invalid_token""#;

#[tokio::test]
async fn a_token_that_nobody_has_revoked_passes() {
    let answer = ask(&layer(MemoryRevocationStore::new()), &token(claims(&[ID]))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
}

#[tokio::test]
async fn a_revoked_token_looks_like_any_other_that_is_refused() {
    let store = MemoryRevocationStore::new();
    store.revoke(ISSUER, "id-1");
    let layer = layer(store);
    let mut answers = Vec::new();
    let good = token(claims(&[("jti", r#""id-2""#)]));
    let (message, _) = good.rsplit_once('.').unwrap();
    for (sent, reason) in [
        (token(claims(&[ID])), "jwt.revoked"),
        (token(claims(&[])), "jwt.no_jti"),
        (token(claims(&[ID, ("exp", "1")])), "jwt.expired"),
        (token(claims(&[ID, ("iss", r#""https://evil.example""#)])), "jwt.iss"),
        (sign_with(Algorithm::HS384, r#"{"alg":"HS384"}"#, claims(&[ID])), "jwt.no_key"),
        (format!("{message}.{}", b64([0; 32])), "jwt.signature"),
        (message.to_owned(), "jwt.parts"),
    ] {
        let answer = ask(&layer, &sent).await;
        assert_eq!((answer.kind(), answer.reason()), (RejectionKind::RefusedCredentials, reason));
        answers.push(seen(&answer));
    }
    answers.dedup();
    let [(401, headers, body)] = &answers[..] else { panic!("a caller can tell: {answers:#?}") };
    assert_eq!(headers[header::WWW_AUTHENTICATE], INVALID_TOKEN);
    assert_eq!(body, "credentials refused");
}

#[tokio::test]
async fn with_revocations_a_token_needs_an_id_and_without_it_does_not() {
    let store = MemoryRevocationStore::new();
    let anonymous = token(claims(&[]));
    let answer = ask(&layer(store.clone()), &anonymous).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "jwt.no_jti"));
    assert_eq!(ask(&AuthenticateLayer::new(jwt()), &anonymous).await.status, 200);
    for id in ["1", "null", "[\"id-1\"]", "{}", "true"] {
        let answer = ask(&layer(store.clone()), &token(claims(&[("jti", id)]))).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "jwt.claim_type"), "{id}");
    }
}

#[tokio::test]
async fn a_store_is_told_whose_token_it_is_its_id_and_when_it_was_issued() {
    let issued = UNIX_EPOCH + Duration::from_secs(NOW);
    let iat = NOW.to_string();
    for (changes, identities_of, expected) in [
        (vec![ID], None, (ISSUER, None)),
        (vec![ID, ("iat", &*iat)], None, (ISSUER, Some(issued))),
        (vec![ID, ("iat", &iat)], Some(Identity::LOCAL), (Identity::LOCAL, Some(issued))),
    ] {
        let (store, asked) = watched();
        let builder = builder().revocations(store);
        let builder = match identities_of {
            Some(issuer) => builder.identities_of(issuer),
            None => builder,
        };
        let layer = AuthenticateLayer::new(builder.build().unwrap());
        assert_eq!(ask(&layer, &token(claims(&changes))).await.status, 200);
        let (issuer, issued) = expected;
        let facts = (issuer.to_owned(), "alice".to_owned(), "id-1".to_owned(), issued);
        assert_eq!(*asked.lock().unwrap(), [facts]);
    }
}

#[tokio::test]
async fn a_store_is_not_asked_about_a_token_that_is_refused_anyway() {
    let (store, asked) = watched();
    let layer = layer(store);
    let good = token(claims(&[ID]));
    let (message, _) = good.rsplit_once('.').unwrap();
    let later = (NOW + 3600).to_string();
    for sent in [
        format!("{message}."),
        format!("{message}.{}", b64([0; 32])),
        sign_with(Algorithm::HS512, HS256, claims(&[ID])),
        format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(claims(&[ID]))),
        token(claims(&[ID, ("exp", "1")])),
        token(claims(&[ID, ("nbf", &later)])),
        token(claims(&[ID, ("iss", r#""https://evil.example""#)])),
        token(claims(&[ID, ("aud", r#""others""#)])),
        token(claims(&[ID, ("sub", "")])),
        token(claims(&[])),
        "x".repeat(8193),
    ] {
        assert_eq!(ask(&layer, &sent).await.status, 401, "{sent:.200}");
    }
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(ask(&layer, &good).await.status, 200);
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_answers_later_gets_the_same_answers() {
    let store = MemoryRevocationStore::new();
    store.revoke(ISSUER, "id-2");
    let slow = store.clone();
    let later = layer(By(move |facts: TokenFacts<'_>| {
        let revoked = slow.is_revoked(facts);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            revoked.await
        })
    }));
    let now = layer(store);
    for (id, status) in [(r#""id-1""#, 200), (r#""id-2""#, 401), ("", 401)] {
        let sent = token(claims(&[("jti", id)]));
        let (now, later) = (ask(&now, &sent).await, ask(&later, &sent).await);
        assert_eq!(later.status, status, "{id}");
        assert_eq!(seen(&now), seen(&later));
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_neither_a_yes_nor_a_wrong_token() {
    for later in [false, true] {
        let down = By(move |_: TokenFacts<'_>| {
            let down = Err(StoreError::new("connection refused"));
            if later { NowOrLater::later(async { down }) } else { NowOrLater::now(down) }
        });
        let jwt = builder().revocations(down).build().unwrap();
        let sent = token(claims(&[ID, ("scope", r#""messages:send""#)]));
        for answer in [
            ask(&AuthenticateLayer::new(jwt.clone()), &sent).await,
            ask(&AuthenticateLayer::new(jwt.clone()).optional(), &sent).await,
            ask(&JwtScopeLayer::new(jwt.clone(), SEND), &sent).await,
            // Without the scope too: that is not looked at yet.
            ask(&JwtScopeLayer::new(jwt.clone(), SEND), &token(claims(&[ID]))).await,
        ] {
            assert_eq!((answer.status.as_u16(), answer.reason()), (503, "jwt.revocation_store"));
            assert_eq!(answer.headers[header::RETRY_AFTER], "1");
            assert_eq!(answer.body, "try again later");
            assert!(answer.challenges().is_empty(), "there is nothing else to send");
        }
        // What is refused without the store is refused as ever.
        let expired = token(claims(&[ID, ("exp", "1")]));
        assert_eq!(ask(&AuthenticateLayer::new(jwt), &expired).await.status, 401);
    }
}

#[tokio::test]
async fn a_revocation_takes_effect_on_the_next_request() {
    let store = MemoryRevocationStore::new();
    let jwt = builder().revocations(store.clone()).build().unwrap();
    // Every layer of that authenticator, built before or after.
    let layers = [AuthenticateLayer::new(jwt.clone()), AuthenticateLayer::new(jwt)];
    let (sent, other) = (token(claims(&[ID])), token(claims(&[("jti", r#""id-2""#)])));
    for layer in &layers {
        assert_eq!(ask(layer, &sent).await.status, 200);
    }
    store.revoke(ISSUER, "id-1");
    for layer in &layers {
        assert_eq!(ask(layer, &sent).await.reason(), "jwt.revoked");
        assert_eq!(ask(layer, &other).await.status, 200);
    }
}

#[tokio::test]
async fn scopes_are_asked_for_after_revocation() {
    let store = MemoryRevocationStore::new();
    store.revoke(ISSUER, "gone");
    let with = |later: bool| {
        let store = store.clone();
        let answering = By(move |facts: TokenFacts<'_>| {
            let revoked = store.is_revoked(facts);
            if later { NowOrLater::later(revoked) } else { revoked }
        });
        JwtScopeLayer::new(builder().revocations(answering).build().unwrap(), SEND)
    };
    for layer in [with(false), with(true)] {
        for (id, scope, status) in [
            (r#""id-1""#, r#""messages:send""#, 200),
            (r#""id-1""#, r#""messages:read""#, 403),
            (r#""id-1""#, "", 403),
            (r#""gone""#, r#""messages:send""#, 401),
            (r#""gone""#, r#""messages:read""#, 401),
            ("", r#""messages:send""#, 401),
        ] {
            let answer = ask(&layer, &token(claims(&[("jti", id), ("scope", scope)]))).await;
            assert_eq!(answer.status, status, "{id} with {scope}");
            if status == 403 {
                let challenge = r#"Bearer error="insufficient_scope", scope="messages:send""#;
                assert_eq!(answer.challenges(), [challenge]);
            }
        }
    }
}

#[tokio::test]
async fn both_texts_of_an_ecdsa_token_are_revoked_at_once() {
    let store = MemoryRevocationStore::new();
    let jwt = JwtAuth::builder(keys(Algorithm::ES256)).issuer(ISSUER).audience(AUDIENCE);
    let jwt = jwt.clock(ManualClock::at_unix(NOW)).revocations(store.clone()).build().unwrap();
    let layer = AuthenticateLayer::new(jwt);
    let sent = sign_with(Algorithm::ES256, r#"{"alg":"ES256"}"#, claims(&[ID]));
    let twin = ecdsa_twin(&sent);
    assert_ne!(sent, twin);
    for text in [&sent, &twin] {
        assert_eq!(ask(&layer, text).await.status, 200);
    }
    store.revoke(ISSUER, "id-1");
    for text in [&sent, &twin] {
        assert_eq!(ask(&layer, text).await.reason(), "jwt.revoked");
    }
}

#[tokio::test]
async fn an_issued_token_is_revoked_by_the_id_that_its_issuer_names() {
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
    let caller = Principal::builder(alice(Identity::LOCAL), Scheme::BASIC).build();
    let grant = || Grant::to(&caller, ScopeSet::empty()).claim("aud", AUDIENCE);
    let (first, second) = (issuer.issue(grant()).unwrap(), issuer.issue(grant()).unwrap());
    let store = MemoryRevocationStore::new();
    let jwt = builder().identities_of(Identity::LOCAL).revocations(store.clone()).build().unwrap();
    let layer = AuthenticateLayer::new(jwt);
    assert_eq!(ask(&layer, first.token()).await.status, 200);
    // The issuer of the identity, as everywhere: not the one in `iss`.
    store.revoke(ISSUER, second.id());
    store.revoke(Identity::LOCAL, first.id());
    assert_eq!(ask(&layer, first.token()).await.reason(), "jwt.revoked");
    assert_eq!(ask(&layer, second.token()).await.status, 200);
    store.revoke_all(&alice(Identity::LOCAL), UNIX_EPOCH + Duration::from_secs(NOW));
    assert_eq!(ask(&layer, second.token()).await.reason(), "jwt.revoked");
}

const SEND: Scope = Scope::from_static("messages:send");
/// The claim that most of the tokens are known by.
const ID: (&str, &str) = ("jti", r#""id-1""#);

fn alice(issuer: &str) -> Identity {
    Identity::new(issuer, "alice").unwrap()
}

fn layer(store: impl RevocationStore) -> AuthenticateLayer {
    AuthenticateLayer::new(builder().revocations(store).build().unwrap())
}

/// All that a caller sees of an answer.
fn seen(answer: &Answer) -> (u16, http::HeaderMap, String) {
    (answer.status.as_u16(), answer.headers.clone(), answer.body.clone())
}

/// A store that is a function.
struct By<F>(F);

impl<F> RevocationStore for By<F>
where
    F: Fn(TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> + Send + Sync + 'static,
{
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        (self.0)(token)
    }
}

/// Issuer, subject, id, and when it was issued.
type Facts = (String, String, String, Option<SystemTime>);

/// A store in which nothing is revoked, and what it was asked.
fn watched() -> (impl RevocationStore, Arc<Mutex<Vec<Facts>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let store = By(move |facts: TokenFacts<'_>| {
        let TokenFacts { issuer, subject, id, issued } = facts;
        seen.lock().unwrap().push((issuer.to_owned(), subject.to_owned(), id.to_owned(), issued));
        NowOrLater::now(Ok(false))
    });
    (store, asked)
}

/// The other signature (r, n - s) over the same text, n being the order of P-256.
fn ecdsa_twin(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6,
        0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut twin = unb64(signature);
    let mut borrow = 0;
    for (byte, order) in twin[32..].iter_mut().zip(ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{message}.{}", b64(twin))
}
