//! Whoever fails has cost the same. No test asserts a time: the work is counted.

use std::{cell::Cell, convert::Infallible, time::UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};

use super::*;
use crate::{Identity, ManualClock, S3pSignatureLayer};

thread_local! {
    static TEXTS: Cell<usize> = const { Cell::new(0) };
    static SIGNATURES: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn count_text() {
    TEXTS.set(TEXTS.get() + 1);
}

pub(super) fn count_signature() {
    SIGNATURES.set(SIGNATURES.get() + 1);
}

const NOW: u64 = 1_361_281_946;

fn alice() -> AccessKey {
    AccessKey::new(Identity::local("alice").unwrap(), "a secret of 16 bytes or more").unwrap()
}

fn alice_in(dialects: &[Dialect]) -> AccessKey {
    alice().dialects(dialects).unwrap()
}

/// All kinds of keys; and none.
fn keys_of_all_kinds() -> Vec<Option<AccessKey>> {
    let previous = |key: AccessKey| key.previous_secret("the secret that was before").unwrap();
    let many = [Dialect::MAVIANCE_PHP, Dialect::MAVIANCE_JAVA, Dialect::NDOLE_GO, Dialect::POSTMAN_PHP];
    let four = [
        Dialect::MAVIANCE_NODEJS,
        Dialect::MAVIANCE_JAVA,
        Dialect::PYTHON.order(Order::ByPair),
        Dialect::MAVIANCE_PHP.encoding(Encoding::GoQueryEscape),
    ];
    let keys = [
        alice(),
        previous(alice()),
        alice().method(SignatureMethod::HmacSha256),
        alice_in(&[Dialect::PYTHON]),
        alice_in(&[Dialect::POSTMAN]),
        alice_in(&[Dialect::STRICT; 4]),
        alice_in(&many),
        previous(alice_in(&many)),
        alice_in(&four),
        previous(alice_in(&four)).method(SignatureMethod::HmacSha256),
    ];
    [None].into_iter().chain(keys.map(Some)).collect()
}

/// Targets, and bodies of JSON: ordinary ones first.
const ORDINARY: [(&str, &str); 5] = [
    ("/v2/ping", ""),
    ("/v2/bill?merchant=TESTMERC&serviceid=99999", ""),
    ("/v2/quotestd", r#"{"amount":1000,"payItemId":"S-112","tag":""}"#),
    // Refused in every dialect.
    ("/v2/bill?a=1%26b=2", ""),
    ("/v2/quotestd", r#"{"a":"1&s3pAuth_nonce=2"}"#),
];

const ODD: [(&str, &str); 17] = [
    ("/v2/bill?a=%20x%20", ""),
    ("/v2/bill?a=x%01", ""),
    ("/v2/bill?a=!'()*~", ""),
    ("/v2/(a)'*~", ""),
    ("/v2/bill?a-b=1&a=2", ""),
    ("/v2/bill?a=1%26a-b=2&a-b=3", ""),
    ("/v2/bill?s=1", ""),
    ("/v2/quotestd", r#"{"a":true}"#),
    ("/v2/quotestd", r#"{"a":false,"b":null}"#),
    ("/v2/quotestd", r#"{"a":1000.0}"#),
    ("/v2/quotestd", r#"{"a":-0}"#),
    ("/v2/quotestd", r#"{"a":1e400}"#),
    ("/v2/quotestd", r#"{"a":98765432109876543210}"#),
    ("/v2/quotestd", r#"{"a":true,"b":98765432109876543210}"#),
    ("/v2/quotestd", r#"{"a":true,"b":1e400}"#),
    ("/v2/quotestd", r#"{"a":true,"b":"1&c=2"}"#),
    ("/v2/quotestd", r#"{"a":" !'()*~ ","b":"1 2"}"#),
];

/// How many texts are made, and how many signatures, for a request whose signature is wrong.
async fn work(
    key: Option<AccessKey>,
    method: SignatureMethod,
    timestamp: u64,
    (target, json): (&str, &'static str),
) -> (usize, usize) {
    let keys = MemoryAccessKeyStore::new();
    if let Some(key) = key {
        keys.insert("token", key);
    }
    let url = PublicUrl::parse("https://pay.example.org").unwrap();
    let auth =
        S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(ManualClock::at_unix(NOW));
    let service =
        S3pSignatureLayer::new(auth).layer(service_fn(async |_: Request<Body<Full<Bytes>>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let signature = STANDARD.encode(vec![7; method.length()]);
    let request = Request::builder()
        .method(if json.is_empty() { "GET" } else { "POST" })
        .uri(target)
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            format!(
                "s3pAuth s3pAuth_nonce=\"n\",s3pAuth_signature=\"{signature}\",\
                 s3pAuth_signature_method=\"{}\",s3pAuth_timestamp=\"{timestamp}\",s3pAuth_token=\"token\"",
                method.as_str()
            ),
        );
    let request = request.body(Full::from(json)).unwrap();
    TEXTS.set(0);
    SIGNATURES.set(0);
    let response = service.oneshot(request).await.unwrap();
    assert!(matches!(response.status().as_u16(), 400 | 401), "{}", response.status());
    (TEXTS.get(), SIGNATURES.get())
}

#[tokio::test]
async fn a_wrong_signature_costs_the_same_for_every_key_and_for_none() {
    let ordinary = ORDINARY.map(|request| (request, (1, 2)));
    let odd = ODD.map(|request| (request, (4, 8)));
    for (request, expected) in ordinary.into_iter().chain(odd) {
        for method in [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256] {
            for timestamp in [NOW, NOW * 1000] {
                for (kind, key) in keys_of_all_kinds().into_iter().enumerate() {
                    let work = work(key, method, timestamp, request).await;
                    assert_eq!(work, expected, "key {kind} {method:?} {timestamp} {request:?}");
                }
            }
        }
    }
}
