//! Which keys stand together, and what becomes of bad ones in a JWK set.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use jsonwebtoken::{
    DecodingKey,
    jwk::{Jwk, JwkSet},
};
use jwt_support::*;
use portcullis::jwt::{Algorithm, Keys};
use serde_json::json;
use support::Log;

/// The message of a refusal.
fn message(result: Result<Keys, portcullis::ConfigError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn keys_that_cannot_be_told_apart_do_not_stand_together() {
    let rsa = || key(Algorithm::RS256);
    for (keys, word) in [
        (vec![], "no key"),
        (vec![rsa(), rsa()], "told apart"),
        (vec![rsa().id("a"), rsa().id("a")], "told apart"),
        (vec![rsa().id("a"), key(Algorithm::ES256).id("a")], "told apart"),
        (vec![rsa().id("a"), rsa(), key(Algorithm::ES256).id("b"), rsa()], "told apart"),
        (vec![rsa().id("a"), key(Algorithm::HS256).id("b")], "shared secret"),
        (vec![key(Algorithm::HS256), key(Algorithm::EdDSA)], "shared secret"),
    ] {
        let text = message(Keys::new(keys));
        assert!(text.contains(word), "{text}");
    }
    for keys in [
        vec![rsa(), key(Algorithm::PS256), key(Algorithm::ES256)],
        vec![rsa().id("a"), rsa().id("b"), rsa().id("A")],
        vec![key(Algorithm::HS256), key(Algorithm::HS512)],
    ] {
        assert!(Keys::new(keys).is_ok());
    }
}

fn set(keys: impl IntoIterator<Item = Jwk>) -> JwkSet {
    JwkSet { keys: keys.into_iter().collect() }
}

#[test]
fn bad_keys_of_a_jwk_set_are_passed_over_and_named_in_the_log() {
    let weak = DecodingKey::from_rsa_pem(RSA_1024_PUBLIC.as_bytes()).unwrap();
    let mut weak = Jwk::from_decoding_key(&weak, Some(Algorithm::RS256)).unwrap();
    weak.common.key_id = Some("bad-weak".to_owned());
    let bad = [
        weak,
        jwk(Algorithm::RS256, &json!({ "kid": "bad-use", "use": "enc" })),
        jwk(Algorithm::RS256, &json!({ "kid": "bad-ops", "key_ops": ["encrypt"] })),
        jwk(Algorithm::RS256, &json!({ "kid": "bad-alg", "alg": "RSA-OAEP-256" })),
        jwk(Algorithm::RS256, &json!({ "kid": "bad-none", "alg": null })),
        jwk(Algorithm::RS256, &json!({ "kid": "bad-base64", "n": "%" })),
        jwk(Algorithm::ES256, &json!({ "kid": "bad-curve", "crv": "secp256k1", "alg": null })),
        jwk(Algorithm::EdDSA, &json!({ "kid": "bad-type", "kty": "AKP", "alg": "ML-DSA-44" })),
        // Others can read the set.
        jwk(Algorithm::HS256, &json!({ "kid": "bad-secret" })),
    ];
    let good = jwk(Algorithm::ES256, &json!({ "kid": "good-one" }));
    let token = sign_with(Algorithm::ES256, r#"{"alg":"ES256","kid":"good-one"}"#, "{}");

    let log = Log::capture();
    let all = set(bad.clone().into_iter().chain([good]));
    assert!(Keys::from_jwks(&all).unwrap().verify(&token).is_ok());
    let text = log.text();
    assert_eq!(text.matches("WARN").count(), bad.len(), "{text}");
    for jwk in &bad {
        assert!(text.contains(jwk.common.key_id.as_deref().unwrap()), "{text}");
    }
    assert!(!text.contains("good-one"), "{text}");

    assert!(message(Keys::from_jwks(&set(bad))).contains("no key"));
    assert!(Keys::from_jwks(&set([])).is_err());
}

#[test]
fn a_jwk_set_with_a_repeated_id_is_refused() {
    let of = |algorithm, kid| jwk(algorithm, &json!({ "kid": kid }));
    let repeated = [of(Algorithm::RS256, "a"), of(Algorithm::RS256, "a")];
    assert!(message(Keys::from_jwks(&set(repeated))).contains("told apart"));
    // One of the two cannot be used; which one the issuer means, nobody can tell.
    let damaged = [of(Algorithm::RS256, "a"), jwk(Algorithm::RS256, &json!({ "kid": "a", "n": "%" }))];
    assert!(Keys::from_jwks(&set(damaged)).is_err());
}
