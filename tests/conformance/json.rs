//! The JSON parsing test suite, as header, as claims, as a key set, and as a value in each.

use std::fs;

use portcullis::jwt::{Algorithm, Claims, JwtAuth, Keys};
use serde_json::{Value, json};

use crate::{
    assert_counted,
    jwt_support::{builder, claims, judge, jwk, sign},
    path,
};

/// The name of each file, which begins with what a parser has to do (`y`, `n`, or `i` for either), and its
/// bytes.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in ["test_parsing", "test_transform"] {
        for entry in fs::read_dir(path("json-test-suite").join(folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // What the second folder holds, a parser may read in several ways.
            let name = if folder == "test_transform" { format!("i_{name}") } else { name };
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    assert_counted(files.len(), "texts of the JSON test suite");
    files
}

/// One object with these bytes as the value of a member that nobody looks at.
fn with_member(object: &str, value: &[u8]) -> Vec<u8> {
    let open = object.strip_suffix('}').unwrap();
    [open.as_bytes(), br#","x":"#, value, b"}"].concat()
}

const HEADER: &str = r#"{"alg":"HS256"}"#;

fn refusal(jwt: &JwtAuth, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Option<&'static str> {
    judge(jwt, &sign(header, payload)).err()
}

/// A token may be longer than 8 KiB here: some files are.
fn patient() -> JwtAuth {
    builder().max_length(1 << 20).build().unwrap()
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn what_is_no_json_is_refused_as_a_header_and_as_claims() {
    let jwt = patient();
    for (name, bytes) in files() {
        let as_header = refusal(&jwt, &bytes, claims(&[])).expect("no file has an algorithm");
        let as_claims = refusal(&jwt, HEADER, &bytes).expect("no file has claims");
        let is_object = serde_json::from_slice(&bytes).is_ok_and(|json: Value| json.is_object());
        if name.starts_with('n') || name.starts_with('y') && !is_object {
            assert_eq!((as_header, as_claims), ("jwt.header", "jwt.claims"), "{name}");
        }
    }
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn json_is_read_in_values_that_nobody_looks_at_and_nothing_else_is() {
    let jwt = patient();
    for (name, bytes) in files() {
        let as_header = refusal(&jwt, with_member(HEADER, &bytes), claims(&[]));
        let as_claims = judge(&jwt, &sign(HEADER, with_member(&claims(&[]), &bytes)));
        match name.as_bytes()[0] {
            // JSON, but not for every reader the same (RFC 7493 section 2.3).
            b'y' if name.contains("duplicated_key") => {
                assert_eq!(as_header, Some("jwt.header"), "{name}");
                assert_eq!(as_claims.err(), Some("jwt.claims"), "{name}");
            }
            b'y' => {
                assert_eq!(as_header, None, "{name}");
                let principal = as_claims.unwrap_or_else(|reason| panic!("{name}: {reason}"));
                let read: Value = principal.extra::<Claims>().unwrap().custom().unwrap();
                assert_eq!(read["x"], serde_json::from_slice::<Value>(&bytes).unwrap(), "{name}");
            }
            b'n' => {
                assert_eq!(as_header, Some("jwt.header"), "{name}");
                assert_eq!(as_claims.err(), Some("jwt.claims"), "{name}");
            }
            // Either: but whoever takes it can read it.
            _ => {
                if let Ok(principal) = as_claims {
                    let read: Result<Value, _> = principal.extra::<Claims>().unwrap().custom();
                    assert!(read.is_ok(), "{name}");
                }
            }
        }
    }
}

#[test]
#[ignore = "reads published vectors that are no part of this project; run by CI, see tests/run"]
fn a_key_set_is_json_and_keeps_its_good_key_beside_what_is_no_key() {
    let good = jwk(Algorithm::ES256, &json!({ "kid": "good" }));
    let good = serde_json::to_string(&good).unwrap();
    for (name, bytes) in files() {
        assert!(Keys::from_jwks_json(&bytes).is_err(), "{name}");
        let beside = [b"{\"keys\":[", &bytes[..], b",", good.as_bytes(), b"]}"].concat();
        let unread = with_member(&format!("{{\"keys\":[{good}]}}"), &bytes);
        for set in [beside, unread] {
            let keys = Keys::from_jwks_json(&set);
            match name.as_bytes()[0] {
                b'y' => assert!(format!("{:?}", keys.unwrap()).contains("good"), "{name}"),
                b'n' => assert!(keys.is_err(), "{name}"),
                _ => drop(keys),
            }
        }
    }
}
