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
    let long = |length| vec![rsa(), key(Algorithm::ES256).id("k".repeat(length))];
    assert!(
        message(Keys::new(long(257))).contains("at the place 1 (from 0) has an id of more than 256")
    );
    for keys in [
        long(256),
        vec![rsa(), key(Algorithm::PS256), key(Algorithm::ES256)],
        vec![rsa().id("a"), rsa().id("b"), rsa().id("A")],
        vec![key(Algorithm::HS256), key(Algorithm::HS512)],
    ] {
        assert!(Keys::new(keys).is_ok());
    }
}

#[test]
fn a_refusal_of_a_set_says_which_keys_they_are_and_where_they_stand() {
    let es = || key(Algorithm::ES256);
    let refused = message(Keys::new([es().id("one"), es(), key(Algorithm::HS256).id("secret")]));
    for word in
        ["places 0 and 2", r#"Some("one"), algorithm: ES256"#, r#"Some("secret"), algorithm: HS256"#]
    {
        assert!(refused.contains(word), "{refused}");
    }
    let refused = message(Keys::new([es().id("one"), es(), key(Algorithm::ES384), es()]));
    assert!(
        refused.contains("places 1 and 3") && refused.contains("None, algorithm: ES256"),
        "{refused}"
    );
    let jwk = |kid| jwk(Algorithm::ES256, &json!({ "kid": kid }));
    let refused = message(Keys::from_jwks(&set([jwk("a"), jwk("twin"), jwk("twin")])));
    assert!(refused.contains("places 1 and 2") && refused.contains("twin"), "{refused}");
}

/// A token without `kid`, or with one that is not known, could be of either.
#[test]
fn several_keys_without_an_id_for_one_algorithm_are_passed_over_and_the_others_are_kept() {
    let nameless = |algorithm| jwk(algorithm, &json!({}));
    let good = jwk(Algorithm::ES256, &json!({ "kid": "good" }));
    let accepts = |keys: &Keys, algorithm, kid: &str| {
        let header = format!(r#"{{"alg":"{algorithm:?}"{kid}}}"#);
        keys.verify(&sign_with(algorithm, header, "{}")).is_ok()
    };
    let all = set([
        nameless(Algorithm::ES256),
        good,
        nameless(Algorithm::ES384),
        nameless(Algorithm::ES256),
        // Damaged, it is in nobody's way.
        jwk(Algorithm::ES384, &json!({ "x": "%" })),
    ]);
    let read = Keys::from_jwks_json(serde_json::to_vec(&all).unwrap());
    let log = Log::capture();
    for keys in [Keys::from_jwks(&all).unwrap(), read.unwrap()] {
        assert!(accepts(&keys, Algorithm::ES256, r#","kid":"good""#));
        assert!(!accepts(&keys, Algorithm::ES256, r#","kid":"other""#));
        assert!(accepts(&keys, Algorithm::ES384, ""));
    }
    let text = log.text();
    assert_eq!(text.matches("WARN").count(), 3, "{text}");
    for (index, word) in [(0, "another without one"), (3, "another without one"), (4, "base64url")] {
        let mut lines = text.lines();
        assert!(
            lines.any(|line| line.contains(&format!("index={index}")) && line.contains(word)),
            "{text}"
        );
    }
    let alone = set([nameless(Algorithm::ES256), nameless(Algorithm::ES256)]);
    assert!(message(Keys::from_jwks(&alone)).contains("no key of the JWK set"));
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
