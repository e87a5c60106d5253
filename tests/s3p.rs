//! `S3pSignatureLayer` through its public API.
#![cfg(feature = "s3p")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "s3p/arrival.rs"]
mod arrival;
#[path = "s3p/beside.rs"]
mod beside;
#[cfg(all(feature = "jwt", feature = "user-token"))]
#[path = "s3p/beside_tokens.rs"]
mod beside_tokens;
#[path = "s3p/body.rs"]
mod body;
#[path = "s3p/cached_keys.rs"]
mod cached_keys;
#[path = "s3p/header.rs"]
mod header;
#[path = "s3p/keys.rs"]
mod keys;
#[path = "s3p/params.rs"]
mod params;
#[path = "s3p/silence.rs"]
mod silence;
#[path = "s3p/target.rs"]
mod target;

mod s3p_support;
mod support;

use std::{
    convert::Infallible,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, Principal, S3pSignatureLayer, Scheme, ScopeSet, Secret,
    s3p::{AccessKey, Body, MemoryAccessKeyStore, MemoryNonceStore, S3pAuth, Signer},
};
use s3p_support::*;
use support::{get, send};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::test]
async fn a_signed_request_passes() {
    for draft in [
        Draft::get("/v2/ping"),
        Draft::get("/v2/bill?merchant=TESTMERC&serviceid=99999"),
        Draft::json(r#"{"amount":1000,"payItemId":"S-1"}"#),
        Draft::form("amount=1000&payItemId=S-1"),
    ] {
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{draft:?}");
        let answer = send(&layer(), draft.of_bob().request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "bob"));
    }
}

#[tokio::test]
async fn without_credentials_they_are_asked_for() {
    let answer = send(&layer(), get("/v2/ping")).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "authorization.missing"));
    assert_eq!(answer.challenges(), [r#"s3pAuth realm="S3P""#]);
    assert_eq!(answer.body, "credentials required");
}

#[tokio::test]
async fn what_the_signer_signs_passes() {
    let clock = clock();
    let auth = S3pAuth::new(url(), keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock.clone());
    let layer = S3pSignatureLayer::new(auth);
    let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock);
    for draft in [Draft::get("/v2/bill?a=1&b=%C3%A9+x"), Draft::json(r#"{"a":"é","n":-1.50}"#)] {
        let whole_url = format!("{URL}{}", draft.target).parse().unwrap();
        let sign = || signer.sign(&draft.method, &whole_url, &draft.headers(), &draft.body).unwrap();
        // Each time with a nonce of its own.
        for _ in 0..3 {
            assert_eq!(send(&layer, draft.request_with(sign())).await.status, 200);
        }
    }
}

#[tokio::test]
async fn the_principal_says_whose_key_it_was() {
    let keys = MemoryAccessKeyStore::new();
    let scopes = ScopeSet::parse("bills:read quotes:write").unwrap();
    let shop = Identity::new("https://shops.example", "shop 7").unwrap();
    keys.insert(TOKEN, AccessKey::new(shop.clone(), SECRET).unwrap().scopes(scopes.clone()));
    let auth = S3pAuth::new(url(), keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(clock());
    let service =
        S3pSignatureLayer::new(auth).layer(service_fn(async |request: Request<Body<Full<Bytes>>>| {
            let principal = request.extensions().get::<Principal>().cloned();
            Ok::<_, Infallible>(
                Response::builder().extension(principal).body(Full::<Bytes>::default()).unwrap(),
            )
        }));
    for draft in [Draft::get("/v2/ping"), Draft::json("{}").nonce("another")] {
        let mut request = draft.request();
        // Left by whoever is outside: it counts for nothing.
        let forged = Principal::builder(Identity::local("root").unwrap(), Scheme::BASIC).build();
        request.extensions_mut().insert(forged);
        let response = service.clone().oneshot(request).await.unwrap();
        let principal = response.extensions().get::<Option<Principal>>().unwrap().clone().unwrap();
        assert_eq!(*principal.identity(), shop);
        assert_eq!(principal.scheme(), Scheme::S3P);
        assert_eq!(principal.credential_id(), Some(TOKEN));
        assert_eq!(*principal.scopes(), scopes);
    }
}

#[tokio::test]
async fn a_timestamp_may_be_300_seconds_from_now_either_way() {
    for (offset, reason) in [
        (-301, Some("s3p.too_old")),
        (-300, None),
        (-299, None),
        (0, None),
        (299, None),
        (300, None),
        (301, Some("s3p.in_the_future")),
        (86_400, Some("s3p.in_the_future")),
        (-86_400, Some("s3p.too_old")),
    ] {
        let timestamp = NOW.checked_add_signed(offset).unwrap();
        for draft in [Draft::get("/v2/ping"), Draft::json("{}")] {
            let answer = send(&layer(), draft.timestamp(timestamp).request()).await;
            let refused = answer.rejection.as_ref().map(portcullis::Rejection::reason);
            assert_eq!(refused, reason, "{offset}");
        }
    }
}

#[tokio::test]
async fn parts_of_a_second_are_left_out_of_now() {
    for (millis, status) in [(300_999, 200), (301_000, 401)] {
        let now = UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(millis);
        let clock = ManualClock::new(now);
        let auth = S3pAuth::new(url(), keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock);
        let answer = send(&S3pSignatureLayer::new(auth), Draft::get("/v2/ping").request()).await;
        assert_eq!(answer.status.as_u16(), status, "{millis}");
    }
}

#[tokio::test]
async fn a_clock_that_shows_nonsense_refuses() {
    let far = Duration::from_secs(1 << 40);
    let times: [SystemTime; 5] = [
        UNIX_EPOCH,
        UNIX_EPOCH - Duration::from_millis(1),
        UNIX_EPOCH - far,
        UNIX_EPOCH + far,
        UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs()),
    ];
    for now in times {
        let clock = ManualClock::new(now);
        let auth = S3pAuth::new(url(), keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock);
        for timestamp in ["1000000000", "1361281946", "9999999999"] {
            let draft = Draft::get("/v2/ping").timestamp(timestamp);
            let answer = send(&S3pSignatureLayer::new(auth.clone()), draft.request()).await;
            assert_eq!(answer.status, 401, "{now:?}");
        }
    }
}

#[test]
fn a_secret_that_could_be_found_by_trying_is_refused() {
    let alice = || Identity::local("alice").unwrap();
    for (secret, accepted) in [("", false), ("fifteen bytes !", false), ("sixteen bytes !!", true)] {
        let key = AccessKey::new(alice(), secret);
        assert_eq!(key.is_ok(), accepted, "{secret}");
        if let Err(error) = key {
            let said = format!("{error} {error:?}");
            assert!(said.contains("alice") && said.contains("dangerous_short_secret"), "{said}");
            assert!(secret.is_empty() || !said.contains(secret), "{said}");
        }
    }
    assert_eq!(Secret::new("sixteen bytes !!").len(), 16);
    let _ = AccessKey::dangerous_short_secret(alice(), "short");
}
