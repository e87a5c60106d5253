//! Nobody without a secret learns from the answers which tokens there are, and how their keys are set.

use std::time::UNIX_EPOCH;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use portcullis::{
    S3pSignatureLayer,
    s3p::{AccessKey, Dialect, MemoryAccessKeyStore, MemoryNonceStore, S3pAuth, SignatureMethod, Trim},
};

use crate::{
    alice, alice_in, input, layer_of, outcome,
    s3p_support::*,
    signed,
    support::{Answer, send},
    with_signature,
};

/// All kinds of keys.
fn keys_of_all_kinds() -> Vec<AccessKey> {
    vec![
        alice(),
        alice_in(&[Dialect::PYTHON]),
        alice_in(&[Dialect::POSTMAN]),
        alice_in(&[
            Dialect::MAVIANCE_PHP,
            Dialect::MAVIANCE_JAVA,
            Dialect::NDOLE_GO,
            Dialect::POSTMAN_PHP,
        ]),
        alice_in(&[Dialect::MAVIANCE_NODEJS, Dialect::POSTMAN, Dialect::PYTHON, Dialect::STRICT]),
        alice().method(SignatureMethod::HmacSha256),
        alice_in(&[Dialect::POSTMAN, Dialect::PYTHON]).method(SignatureMethod::HmacSha256),
        alice().previous_secret("the former secret").unwrap(),
    ]
}

/// Requests that some dialects have a text for, and others refuse; and some that none takes.
fn odd_requests() -> Vec<Draft> {
    let mut drafts: Vec<Draft> = [
        "{}",
        r#"{"a":"x"}"#,
        r#"{"a":true}"#,
        r#"{"a":false,"b":null}"#,
        r#"{"a":null}"#,
        r#"{"a":1000.0}"#,
        r#"{"a":-0}"#,
        r#"{"a":1e400}"#,
        r#"{"a":12345678901234567890}"#,
        r#"{"a":"  x "}"#,
        r#"{"a":" !'()*~ "}"#,
        r#"{"a":[1]}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":"1&b=2"}"#,
        r#"{"a":"1&a-b=2"}"#,
        r#"{"a":true,"b":"1&c=2"}"#,
        r#"{"a":null,"b":[]}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"s3pAuth_nonce":"x"}"#,
        r#"{" a":1}"#,
        r#"{"\u0001a":1}"#,
        "[]",
        "null",
        "{",
        "",
    ]
    .map(Draft::json)
    .into();
    drafts.extend(
        [
            "/v2/ping",
            "/v2/bill?a=%20x%20",
            "/v2/bill?a=!'()*~",
            "/v2/bill?a=1%26b=2",
            "/v2/bill?a=1%26a-b=2",
            "/v2/bill?a=1&a=2",
            "/v2/bill?a-b=1&a=2",
            "/v2/bill?a=%ff",
            "/v2/(a)'*~",
        ]
        .map(Draft::get),
    );
    drafts.push(Draft::form("a=1&b=%20&c=+x"));
    drafts.push(Draft::new(Method::POST, "/v2/bill").body("text/plain", "a"));
    drafts.push(Draft::new(Method::POST, "/v2/bill?a=1").body(JSON, "{}"));
    drafts.push(Draft::new(Method::PUT, "/v2/bill").body(JSON, r#"{"a":true}"#));
    let in_milliseconds: Vec<Draft> =
        drafts.iter().map(|draft| draft.clone().timestamp(NOW * 1000 + 1)).collect();
    drafts.extend(in_milliseconds);
    drafts
}

/// All that a caller sees.
fn seen(answer: &Answer) -> String {
    format!("{} {:?} {}", answer.status, answer.headers, answer.body)
}

/// A layer that knows nobody.
fn empty() -> S3pSignatureLayer {
    let keys = MemoryAccessKeyStore::new();
    S3pSignatureLayer::new(S3pAuth::new(url(), keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(clock()))
}

#[tokio::test]
async fn a_wrong_signature_is_answered_alike_for_every_key_and_for_none() {
    let mut statuses = std::collections::BTreeSet::new();
    let layers: Vec<_> = keys_of_all_kinds().into_iter().map(layer_of).collect();
    for draft in odd_requests() {
        for (method, length) in [(SignatureMethod::HmacSha1, 20), (SignatureMethod::HmacSha256, 32)] {
            let request = || with_signature(&draft, method, &STANDARD.encode(vec![7; length]));
            let unknown = send(&empty(), request()).await;
            statuses.insert(unknown.status.as_u16());
            for (kind, layer) in layers.iter().enumerate() {
                let answer = send(layer, request()).await;
                assert_eq!(seen(&answer), seen(&unknown), "key {kind} {method:?} {draft:?}");
                assert_eq!(answer.kind(), unknown.kind(), "key {kind} {method:?} {draft:?}");
            }
        }
    }
    assert_eq!(Vec::from_iter(statuses), [400, 401, 415]);
}

#[tokio::test]
async fn a_signature_in_a_dialect_that_is_not_listed_is_answered_like_a_wrong_one() {
    for draft in odd_requests() {
        let unlisted = Dialect::MAVIANCE_NODEJS.trim(Trim::WholeString);
        let Ok(signature) = input(&draft, unlisted).map(|input| input.signature(&SECRET.into())) else {
            continue;
        };
        let unknown =
            send(&empty(), with_signature(&draft, SignatureMethod::HmacSha1, &signature)).await;
        let mut refused = 0;
        for key in keys_of_all_kinds() {
            let layer = layer_of(key);
            let answer = send(&layer, signed(&draft, unlisted)).await;
            if outcome(&answer) != "accepted" {
                assert_eq!(seen(&answer), seen(&unknown), "{draft:?}");
                refused += 1;
            }
        }
        assert!(refused > 0, "{draft:?}");
    }
}

#[tokio::test]
async fn what_only_a_dialect_has_a_text_for_passes_with_the_right_signature_alone() {
    let key = || {
        alice_in(&[Dialect::MAVIANCE_PHP, Dialect::MAVIANCE_NODEJS, Dialect::PYTHON, Dialect::POSTMAN])
    };
    let draft = Draft::json(r#"{"a":true,"b":null}"#);
    for dialect in [Dialect::MAVIANCE_PHP, Dialect::MAVIANCE_NODEJS, Dialect::PYTHON] {
        let answer = send(&layer_of(key()), signed(&draft, dialect)).await;
        assert_eq!(outcome(&answer), "accepted", "{dialect:?}");
        let other = Draft { secret: OTHER_SECRET, ..draft.clone() };
        let answer = send(&layer_of(key()), signed(&other, dialect)).await;
        assert_eq!((answer.status.as_u16(), outcome(&answer)), (400, "s3p.value_type"));
    }
}
