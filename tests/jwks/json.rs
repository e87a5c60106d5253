//! `Keys::from_jwks_json`, and RSA keys that do not say their algorithm.

use jsonwebtoken::jwk::JwkSet;
use portcullis::{
    ConfigError,
    jwt::{Algorithm, Keys},
};
use serde_json::{Value, json};

use crate::{
    jwt_support::{SECRET, b64, jwk},
    set,
    support::Log,
    token, told,
};

/// A key of a set as JSON, with these members set.
fn key(algorithm: Algorithm, members: &Value) -> Value {
    let mut key = serde_json::to_value(jwk(algorithm, &json!({}))).unwrap();
    for (name, value) in members.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

#[test]
fn bad_and_unknown_keys_are_passed_over_and_named_in_the_log() {
    let good = key(Algorithm::ES256, &json!({ "kid": "ES256" }));
    let log = Log::capture();
    let mut bad = 0;
    for other in [
        json!({ "kid": "bad", "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
        json!({ "kid": "bad", "kty": "FUTURE" }),
        json!({ "kid": "bad" }),
        json!({ "kid": "bad", "kty": "RSA", "alg": "RS256" }),
        json!({ "kid": "bad", "kty": "RSA", "alg": "RS256", "n": 5, "e": "AQAB" }),
        json!({ "kid": "bad", "kty": "EC", "crv": "P-256", "x": [], "y": {} }),
        json!({ "kid": "bad", "kty": "oct", "k": b64(SECRET) }),
        key(Algorithm::RS256, &json!({ "kid": "bad", "use": 5 })),
        key(Algorithm::RS256, &json!({ "kid": "bad", "use": "enc" })),
        key(Algorithm::RS256, &json!({ "kid": "bad", "key_ops": "verify" })),
        key(Algorithm::RS256, &json!({ "kid": "bad", "alg": ["RS256"] })),
        key(Algorithm::RS256, &json!({ "kid": "bad", "x5c": "text" })),
        key(Algorithm::RS256, &json!({ "kid": "bad", "alg": null })),
    ] {
        for keys in [json!([other, good]), json!([good, other])] {
            let keys = Keys::from_jwks_json(json!({ "keys": keys }).to_string()).unwrap();
            assert!(keys.verify(&token(Algorithm::ES256)).is_ok(), "{other}");
            bad += 1;
            assert_eq!(
                log.text().matches(r#"\"bad\""#).count() + log.text().matches(r#""bad""#).count(),
                bad,
                "{other}\n{}",
                log.text()
            );
        }
        let alone = json!({ "keys": [other] }).to_string();
        assert!(Keys::from_jwks_json(alone).unwrap_err().to_string().contains("no key"));
        bad += 1;
    }
    assert!(!log.text().contains("AQAB") && !log.text().contains(&b64(SECRET)), "{}", log.text());
}

#[test]
fn keys_that_have_no_name_to_be_called_by_are_passed_over_too() {
    let good = key(Algorithm::ES256, &json!({ "kid": "ES256" })).to_string();
    for other in [
        "null",
        "5",
        r#""text""#,
        "[]",
        "{}",
        r#"{"kid":5,"kty":"EC"}"#,
        // No text, and no number of 64 bits: not every reader takes them for the same, or for JSON.
        r#"{"kid":"\ud800","kty":"EC"}"#,
        r#"{"kty":"RSA","n":1e999,"e":"AQAB"}"#,
        r#"{"kid":"a","kid":"b","kty":"EC"}"#,
        r#"{"kid":"a","kty":"EC","k\u0069d":"b"}"#,
    ] {
        let log = Log::capture();
        let keys = Keys::from_jwks_json(format!(r#"{{"keys":[{other},{good}]}}"#)).unwrap();
        assert!(keys.verify(&token(Algorithm::ES256)).is_ok(), "{other}");
        assert_eq!(log.text().matches("WARN").count(), 1, "{other}: {}", log.text());
    }
}

#[test]
fn what_is_no_jwk_set_is_refused() {
    let good = set(&[Algorithm::ES256]);
    assert!(Keys::from_jwks_json(&good).is_ok());
    let inner = &good[1..good.len() - 1];
    for text in [
        String::new(),
        "null".to_owned(),
        "<html>not found</html>".to_owned(),
        "{}".to_owned(),
        r#"{"keys":[]}"#.to_owned(),
        r#"{"keys":{}}"#.to_owned(),
        r#"{"keys":null}"#.to_owned(),
        r#"{"Keys":[]}"#.to_owned(),
        // Not a set, but its array; a key alone.
        inner["\"keys\":".len()..].to_owned(),
        key(Algorithm::ES256, &json!({})).to_string(),
        // A name twice, also by an escape; something after it; cut off.
        format!("{{{inner},{inner}}}"),
        format!(r#"{{{inner},"\u006beys":[]}}"#),
        format!("{good}{good}"),
        format!("{good},"),
        good[..good.len() - 1].to_owned(),
        format!("\u{feff}{good}"),
    ] {
        assert!(Keys::from_jwks_json(&text).is_err(), "{text}");
    }
    assert!(Keys::from_jwks_json([good.as_bytes(), &[0xff]].concat()).is_err());
}

#[test]
fn an_id_that_is_repeated_refuses_the_set_also_if_one_of_the_two_is_damaged() {
    let refused = |keys: Value| {
        let refused = Keys::from_jwks_json(json!({ "keys": keys }).to_string()).unwrap_err();
        assert!(refused.to_string().contains("told apart"), "{refused}");
    };
    let good = key(Algorithm::ES256, &json!({ "kid": "a" }));
    refused(json!([good, good]));
    refused(json!([good, { "kid": "a", "kty": "RSA", "n": "%", "e": "AQAB" }]));
    refused(json!([{ "kid": "a", "use": "sig", "key_ops": 5 }, good]));
    // A key for encryption is not meant for tokens.
    for enc in [
        key(Algorithm::RS256, &json!({ "kid": "a", "use": "enc" })),
        json!({ "kid": "a", "use": "enc", "key_ops": 5 }),
    ] {
        let both = json!({ "keys": [good, enc] }).to_string();
        assert!(Keys::from_jwks_json(both).is_ok());
    }
}

#[test]
fn an_rsa_key_without_an_algorithm_is_for_the_one_that_was_named() {
    let silent = key(Algorithm::RS256, &json!({ "kid": "RS256", "alg": null }));
    let pss = key(Algorithm::PS512, &json!({ "kid": "PS512" }));
    let curve = key(Algorithm::ES384, &json!({ "kid": "ES384", "alg": null }));
    let json = json!({ "keys": [silent, pss, curve] }).to_string();
    let set: JwkSet = serde_json::from_str(&json).unwrap();
    let accepts = |keys: Result<Keys, ConfigError>| {
        let keys = keys.unwrap();
        [Algorithm::RS256, Algorithm::PS512, Algorithm::ES384]
            .map(|algorithm| keys.verify(&token(algorithm)).is_ok())
    };
    assert_eq!(accepts(Keys::from_jwks(&set)), [false, true, true]);
    assert_eq!(accepts(Keys::from_jwks_json(&json)), [false, true, true]);
    for keys in [Keys::from_jwks_for, |set: &JwkSet, algorithm| {
        Keys::from_jwks_json_for(serde_json::to_string(set).unwrap(), algorithm)
    }] {
        assert_eq!(accepts(keys(&set, Algorithm::RS256)), [true; 3]);
        // The one that was named, and no other.
        assert_eq!(accepts(keys(&set, Algorithm::PS256)), [false, true, true]);
        for not_rsa in [Algorithm::HS256, Algorithm::ES256, Algorithm::EdDSA] {
            let refused = told(&keys(&set, not_rsa).unwrap_err());
            assert!(refused.contains("RS256"), "{refused}");
        }
    }
}
