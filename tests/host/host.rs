//! A host of portcullis, which verifies by aws-lc-rs here, that uses jsonwebtoken by RustCrypto. It is a package of
//! its own: in one program with the other tests, jsonwebtoken would have both, and choose neither.
#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

use std::{
    convert::Infallible,
    pin::pin,
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, crypto::rust_crypto, jwk::Jwk};
use portcullis::{
    Identity, JwtScopeLayer, Principal, Scheme, Scope,
    jwt::{Algorithm, Grant, Issuer, JwtAuth, Key, Keys},
};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};

const ISSUER: &str = "https://id.example.org";
const AUDIENCE: &str = "messages";
const SEND: Scope = Scope::from_static("messages:send");
const SECRET: &str = "a secret of at least thirty-two bytes";
const PUBLIC: &str = include_str!("../keys/p-256.public.pem");
const PRIVATE: &str = include_str!("../keys/p-256.private.pem");
/// From the issuer, for the audience, with the scope, until 2100. The key signed it beforehand, by openssl.
const TOKEN: &str = concat!(
    "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9uZSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwiYXVkIjoibWVzc2FnZXMiLCJz",
    "dWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwic2NvcGUiOiJtZXNzYWdlczpzZW5kIn0.dwfvePb8OurpME1B8sYxVAPPG3ETXFn5yk",
    "df-rVRagT8NSDT635DLHklIipSvRDVx3hiAsLAQpXSil03_LbFJw",
);

#[test]
fn jsonwebtoken_is_the_hosts_to_set_up_whatever_the_layers_have_verified_and_issued() {
    verify_and_issue();
    // Nobody has done so yet, neither by name nor by use: this can be said once in a process.
    assert!(rust_crypto::DEFAULT_PROVIDER.install_default().is_ok());
    assert!(rust_crypto::DEFAULT_PROVIDER.install_default().is_err());

    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&[AUDIENCE]);
    let key = DecodingKey::from_ec_pem(PUBLIC.as_bytes()).unwrap();
    assert_eq!(jsonwebtoken::decode::<Value>(TOKEN, &key, &validation).unwrap().claims["sub"], "alice");
    let claims = jsonwebtoken::decode::<Value>(TOKEN, &key, &validation).unwrap().claims;
    let private = EncodingKey::from_ec_pem(PRIVATE.as_bytes()).unwrap();
    let own = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &private).unwrap();
    assert!(jsonwebtoken::decode::<Value>(&own, &key, &validation).is_ok());

    // And the layers go on.
    verify_and_issue();
    assert_eq!(ask(es256(), &own), 200);
}

/// All that could make jsonwebtoken choose: keys of its types, signatures by each kind, and tokens of our own.
fn verify_and_issue() {
    assert_eq!(ask(es256(), TOKEN), 200);
    assert_eq!(ask(es256(), &TOKEN.replace("FJw", "FJA")), 401);
    let made = DecodingKey::from_ec_pem(PUBLIC.as_bytes()).unwrap();
    assert_eq!(ask(Key::from_decoding_key(Algorithm::ES256, &made).unwrap(), TOKEN), 200);
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    assert_eq!(ask(Key::from_jwk(&jwk).unwrap(), TOKEN), 401);

    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    let alice = Principal::builder(Identity::new(ISSUER, "alice").unwrap(), Scheme::BASIC);
    let alice = alice.scopes([SEND]).build();
    let issued = issuer.issue(Grant::to(&alice, [SEND]).claim("aud", AUDIENCE)).unwrap();
    assert_eq!(ask(Key::hmac(Algorithm::HS256, SECRET).unwrap(), issued.token()), 200);
}

fn es256() -> Key {
    Key::from_pem(Algorithm::ES256, PUBLIC).unwrap().id("one")
}

/// The status that a layer with this key answers to this token.
fn ask(key: Key, token: &str) -> u16 {
    let jwt = JwtAuth::builder(Keys::new([key]).unwrap()).issuer(ISSUER).audience(AUDIENCE);
    let layer = JwtScopeLayer::new(jwt.build().unwrap(), SEND);
    let service = layer.layer(service_fn(async |_| Ok::<_, Infallible>(Response::new(()))));
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let answer = pin!(service.oneshot(request.body(()).unwrap()));
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.unwrap().status().as_u16(),
        Poll::Pending => panic!("a JWT needs nothing that has to be waited for"),
    }
}
