//! The examples of RFC 7520, RFC 7797, RFC 8037 and RFC 7515.

use std::{collections::BTreeSet, fs, path::Path};

use portcullis::jwt::Keys;
use serde_json::Value;

use crate::{assert_counted, is_offered, key, path, read, text, verifies};

/// The examples, and whether their compact form, if they have one, is a token here.
const TOKENS: [(&str, Option<bool>); 12] = [
    ("jws/4_1.rsa_v15_signature", Some(true)),
    ("jws/4_2.rsa-pss_signature", Some(true)),
    // ES512, over P-521.
    ("jws/4_3.ecdsa_signature", Some(false)),
    ("jws/4_4.hmac-sha2_integrity_protection", Some(true)),
    // What was signed is not in it.
    ("jws/4_5.signature_with_detached_content", Some(false)),
    ("jws/4_6.protecting_specific_header_fields", None),
    ("jws/4_7.protecting_content_only", None),
    ("jws/4_8.multiple_signatures", None),
    // What was signed is not encoded.
    ("rfc7797/4.2.hmac-sha2_b64_false", None),
    ("rfc7797/hmac-sha2_b64_false", Some(false)),
    ("curve25519/jws", Some(true)),
    // Encrypted, and not signed.
    ("curve25519/ecdh-es", Some(false)),
];

/// The keys, an example that is signed with each, and whether the key verifies it here.
const KEYS: [(&str, &str, bool); 6] = [
    // P-521.
    ("jwk/3_1.ec_public_key", "jws/4_3.ecdsa_signature", false),
    ("jwk/3_2.ec_private_key", "jws/4_3.ecdsa_signature", false),
    ("jwk/3_3.rsa_public_key", "jws/4_1.rsa_v15_signature", true),
    ("jwk/3_4.rsa_private_key", "jws/4_1.rsa_v15_signature", true),
    ("jwk/3_5.symmetric_key_mac_computation", "jws/4_4.hmac-sha2_integrity_protection", true),
    // For encryption.
    ("jwk/3_6.symmetric_key_encryption", "jws/4_4.hmac-sha2_integrity_protection", false),
];

/// A token that is in another one, encrypted.
const NESTED: &str = "6.nesting_signatures_and_encryption";

fn example(name: &str) -> Value {
    read(&format!("jose-cookbook/{name}.json"))
}

/// The key that an example is verified with.
fn own_key(example: &Value) -> &Value {
    let key = &example["input"]["key"];
    key.as_array().and_then(|keys| keys.first()).unwrap_or(key)
}

fn is_verified(jwk: &Value, token: &str) -> bool {
    key(jwk, token).is_some_and(|key| verifies(Keys::new([key]), token))
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn of_compact_tokens_those_verify_that_are_signed_whole_by_an_algorithm_on_offer() {
    let mut tried = 0;
    for (name, expected) in TOKENS {
        let example = example(name);
        let token = example["output"]["compact"].as_str();
        assert_eq!(token.is_some(), expected.is_some(), "{name}");
        if let Some((token, expected)) = token.zip(expected) {
            assert_eq!(is_verified(own_key(&example), token), expected, "{name}");
            assert!(is_offered(text(&example["input"], "alg")) || !expected, "{name}");
            tried += 1;
        }
    }
    let nested = example(NESTED);
    let own = &nested["sign"]["input"]["key"];
    for (step, parts, expected) in [("sign", 3, true), ("encrypt", 5, false)] {
        let token = text(&nested[step]["output"], "compact");
        assert_eq!(token.split('.').count(), parts, "{step}");
        assert_eq!(is_verified(own, token), expected, "{step}");
        tried += 1;
    }
    let file = read("rfc-vectors/rfc7515_rfc8037_jws.json");
    for vector in file["vectors"].as_array().unwrap() {
        let verified = is_verified(&vector["key"], text(vector, "token"));
        assert_eq!(vector["verifies"], verified, "{}", vector["name"]);
        tried += 1;
    }
    assert_counted(tried, "compact tokens of the JOSE RFCs");
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn no_other_serialization_is_a_token() {
    let mut tried = 0;
    for (name, _) in TOKENS {
        let example = example(name);
        for form in ["json", "json_flat"] {
            let output = &example["output"][form];
            if !output.is_null() {
                assert!(!is_verified(own_key(&example), &output.to_string()), "{name}: {form}");
                tried += 1;
            }
        }
    }
    assert_counted(tried, "tokens of the JOSE RFCs in JSON");
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn each_key_that_is_on_offer_verifies_its_example_and_the_others_are_refused() {
    for (name, signed, expected) in KEYS {
        let (jwk, signed) = (example(name), example(signed));
        let token = text(&signed["output"], "compact");
        assert_eq!(key(&jwk, token).is_some(), expected, "{name}");
        assert_eq!(is_verified(&jwk, token), expected, "{name}");
    }
    assert_counted(KEYS.len(), "keys of the JOSE RFCs");
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn there_is_no_file_whose_verdict_nobody_has_thought_of() {
    let folder = path("jose-cookbook");
    let mut found = BTreeSet::new();
    collect(&folder, &folder, &mut found);
    let tokens = TOKENS.into_iter().map(|(name, _)| name);
    let listed = tokens.chain(KEYS.into_iter().map(|(name, ..)| name)).chain([NESTED]);
    assert_eq!(found, listed.map(|name| format!("{name}.json")).collect());
}

/// The files in JSON below a folder.
fn collect(root: &Path, folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}
