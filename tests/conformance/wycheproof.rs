use std::collections::HashMap;

use jsonwebtoken::jwk::JwkSet;
use portcullis::jwt::Keys;
use serde_json::Value;

use crate::{assert_counted, key, read, text, verifies};

/// The groups of a file and their vectors.
fn vectors(file: &Value) -> Vec<(&Value, &Value)> {
    let groups = file["testGroups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
        .collect()
}

fn number(test: &Value) -> u64 {
    test["tcId"].as_u64().unwrap()
}

/// The verdicts of the file that are wrong, or too lax for a verifier that binds a key to its algorithm.
fn overlay() -> HashMap<u64, bool> {
    let file = read("wycheproof/OVERLAY_json_web_signature.json");
    let overrides = file["overrides"].as_array().unwrap().iter();
    overrides.map(|entry| (number(entry), text(entry, "we_expect") == "accept")).collect()
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn all_401_signatures_are_judged_as_they_should_be() {
    let (file, overlay) = (read("wycheproof/testvectors_v1/json_web_signature_test.json"), overlay());
    let vectors = vectors(&file);
    assert_eq!(overlay.len(), 8);
    assert_counted(vectors.len(), "signatures of Wycheproof");
    let mut wrong = Vec::new();
    for (group, test) in vectors {
        let jwk = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        let token = test["jws"].as_str().unwrap_or_default();
        let accepted = key(jwk, token).is_some_and(|key| verifies(Keys::new([key]), token));
        let number = number(test);
        let expected = overlay.get(&number).copied().unwrap_or(text(test, "result") == "valid");
        if accepted != expected {
            wrong.push(format!("{number}: {}, {}", group["comment"], test["comment"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn all_26_key_sets_are_judged_as_they_should_be() {
    let file = read("wycheproof/testvectors_v1/json_web_key_test.json");
    let vectors = vectors(&file);
    assert_counted(vectors.len(), "key sets of Wycheproof");
    let mut wrong = Vec::new();
    for (group, test) in vectors {
        let published = if group["public"].is_null() { &group["private"] } else { &group["public"] };
        let token = text(test, "jws");
        let accepted = accepts(published, token);
        if accepted != (text(test, "result") == "valid") {
            wrong.push(format!("{}: {}, {}", number(test), group["comment"], test["comment"]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One key, several shared secrets, or a set of public keys.
fn accepts(published: &Value, token: &str) -> bool {
    let Some(several) = published["keys"].as_array() else {
        return key(published, token).is_some_and(|key| verifies(Keys::new([key]), token));
    };
    if several.iter().any(|jwk| jwk["kty"] == "oct") {
        let keys: Option<Vec<_>> = several.iter().map(|jwk| key(jwk, token)).collect();
        return keys.is_some_and(|keys| verifies(Keys::new(keys), token));
    }
    let set: Option<JwkSet> = serde_json::from_value(published.clone()).ok();
    set.is_some_and(|set| verifies(Keys::from_jwks(&set), token))
}
