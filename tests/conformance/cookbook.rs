//! The examples of RFC 7520, RFC 7797, RFC 8037 and RFC 7515.

use portcullis::jwt::Keys;
use serde_json::Value;

use crate::{is_offered, key, read, text, verifies};

/// The compact form, verified with the example's own key.
fn verifies_compact(example: &Value) -> bool {
    let token = text(&example["output"], "compact");
    key(&example["input"]["key"], token).is_some_and(|key| verifies(Keys::new([key]), token))
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn compact_examples_verify() {
    for (name, offered) in [
        ("jws/4_1.rsa_v15_signature", true),
        ("jws/4_2.rsa-pss_signature", true),
        // ES512, over P-521.
        ("jws/4_3.ecdsa_signature", false),
        ("jws/4_4.hmac-sha2_integrity_protection", true),
        ("curve25519/jws", true),
    ] {
        let example = read(&format!("jose-cookbook/{name}.json"));
        assert_eq!(is_offered(text(&example["input"], "alg")), offered, "{name}");
        assert_eq!(verifies_compact(&example), offered, "{name}");
    }
    let file = read("rfc-vectors/rfc7515_rfc8037_jws.json");
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let token = text(vector, "token");
        let verified = key(&vector["key"], token).is_some_and(|key| verifies(Keys::new([key]), token));
        assert_eq!(vector["verifies"], verified, "{}", vector["name"]);
    }
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn detached_and_unencoded_payloads_are_refused() {
    for name in ["jws/4_5.signature_with_detached_content", "rfc7797/hmac-sha2_b64_false"] {
        assert!(!verifies_compact(&read(&format!("jose-cookbook/{name}.json"))), "{name}");
    }
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn no_other_serialization_is_a_token() {
    let mut tried = 0;
    for name in [
        "jws/4_1.rsa_v15_signature",
        "jws/4_2.rsa-pss_signature",
        "jws/4_3.ecdsa_signature",
        "jws/4_4.hmac-sha2_integrity_protection",
        "jws/4_5.signature_with_detached_content",
        "jws/4_6.protecting_specific_header_fields",
        "jws/4_7.protecting_content_only",
        "jws/4_8.multiple_signatures",
        "rfc7797/4.2.hmac-sha2_b64_false",
        "rfc7797/hmac-sha2_b64_false",
        "curve25519/jws",
    ] {
        let example = read(&format!("jose-cookbook/{name}.json"));
        let own = &example["input"]["key"];
        let own = own.as_array().and_then(|keys| keys.first()).unwrap_or(own);
        for form in ["json", "json_flat"] {
            let output = &example["output"][form];
            if !output.is_null() {
                let token = output.to_string();
                let accepted = key(own, &token).is_some_and(|key| verifies(Keys::new([key]), &token));
                assert!(!accepted, "{name}: {form}");
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 21);
    // A JWE in compact form has five parts.
    let nested = read("jose-cookbook/6.nesting_signatures_and_encryption.json");
    let jwe = text(&nested["encrypt"]["output"], "compact");
    let signed = text(&nested["sign"]["output"], "compact");
    assert_eq!((jwe.split('.').count(), signed.split('.').count()), (5, 3));
    let own = &nested["sign"]["input"]["key"];
    assert!(key(own, signed).is_some_and(|key| verifies(Keys::new([key]), signed)));
    assert!(!key(own, signed).is_some_and(|key| verifies(Keys::new([key]), jwe)));
}
