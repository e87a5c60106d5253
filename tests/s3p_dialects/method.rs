//! HMAC-SHA256, for those who control both ends.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::AUTHORIZATION;
use portcullis::{
    RejectionKind, Secret,
    s3p::{Dialect, SignatureMethod, Signer},
};
use s3p_support::*;

use crate::{alice, input_by, layer_of, outcome, s3p_support, support::send, with_signature};

const SHA1: SignatureMethod = SignatureMethod::HmacSha1;
const SHA256: SignatureMethod = SignatureMethod::HmacSha256;

fn signature(draft: &Draft, method: SignatureMethod) -> String {
    let input = input_by(draft, Dialect::STRICT, method).unwrap();
    input.signature(&Secret::new(draft.secret))
}

#[test]
fn the_method_has_the_name_that_is_sent_and_signed() {
    assert_eq!((SHA1.as_str(), SHA256.as_str()), ("HMAC-SHA1", "HMAC-SHA256"));
    let input = input_by(&Draft::get("/v2/ping"), Dialect::STRICT, SHA256).unwrap();
    assert!(input.parameter_string().contains("&s3pAuth_signature_method=HMAC-SHA256&"));
}

/// Computed with Python's `hmac` from the base string of the scheme's second worked example.
#[test]
fn a_signature_is_the_hmac_sha256_of_the_base_string() {
    let input = portcullis::s3p::SigningInput::of(
        &http::Method::GET,
        &portcullis::s3p::PublicUrl::parse("https://dev.smobilpay.com/s3p").unwrap(),
        &"/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999".parse().unwrap(),
        &http::HeaderMap::new(),
        b"",
        portcullis::s3p::Stamp {
            nonce: "634968823463411611",
            timestamp: "1361281946",
            token: "xvz1evFS4wEEPTGEFPHBog",
            method: SHA256,
        },
    );
    assert_eq!(
        input.unwrap().signature(&Secret::new("MySecretKey")),
        "ngeBlhP16HW4jR/GnIBKsJhZZ/WpJh7eYmECxjFQsIY="
    );
}

#[tokio::test]
async fn what_the_signer_signs_by_a_method_a_key_of_that_method_takes_and_no_other() {
    for by in [SHA1, SHA256] {
        let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock()).method(by);
        for draft in [Draft::get("/v2/bill?a=1"), Draft::json(r#"{"a":1}"#), Draft::form("a=1")] {
            let whole = format!("{URL}{}", draft.target).parse().unwrap();
            let value = signer.sign(&draft.method, &whole, &draft.headers(), &draft.body).unwrap();
            assert!(value.to_str().unwrap().contains(&format!("\"{}\"", by.as_str())));
            for of_key in [SHA1, SHA256] {
                let mut request = draft.request();
                request.headers_mut().insert(AUTHORIZATION, value.clone());
                let layer = layer_of(alice().method(of_key));
                let answer = send(&layer, request.clone()).await;
                if by == of_key {
                    assert_eq!((outcome(&answer), &*answer.body), ("accepted", "alice"));
                    assert_eq!(outcome(&send(&layer, request).await), "s3p.replayed");
                } else {
                    assert_eq!(
                        (answer.status.as_u16(), outcome(&answer)),
                        (401, "s3p.signature_method")
                    );
                    assert_eq!(answer.kind(), RejectionKind::RefusedCredentials);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_signature_has_the_length_of_its_method() {
    let draft = Draft::get("/v2/ping");
    for (method, length) in [(SHA1, 20), (SHA256, 32)] {
        for bytes in [0, 1, 16, 19, 20, 21, 28, 31, 32, 33, 48, 64] {
            let text = STANDARD.encode(vec![7; bytes]);
            for of_key in [SHA1, SHA256] {
                let answer =
                    send(&layer_of(alice().method(of_key)), with_signature(&draft, method, &text))
                        .await;
                let expected = match (bytes == length, method == of_key) {
                    (false, _) => ("s3p.signature_encoding", RejectionKind::MalformedCredentials),
                    (true, false) => ("s3p.signature_method", RejectionKind::RefusedCredentials),
                    (true, true) => ("s3p.signature", RejectionKind::RefusedCredentials),
                };
                assert_eq!((outcome(&answer), answer.kind()), expected, "{method:?} {bytes}");
            }
        }
    }
}

#[tokio::test]
async fn no_part_of_a_longer_signature_can_be_changed() {
    let draft = Draft::get("/v2/ping");
    let right = STANDARD.decode(signature(&draft, SHA256)).unwrap();
    let layer = layer_of(alice().method(SHA256));
    for at in 0..right.len() * 8 {
        let mut wrong = right.clone();
        wrong[at / 8] ^= 1 << (at % 8);
        let request = with_signature(&draft, SHA256, &STANDARD.encode(wrong));
        assert_eq!(outcome(&send(&layer, request).await), "s3p.signature", "{at}");
    }
    // Its first twenty bytes are not taken for all of it, as they would be if zeros filled the rest.
    let mut short = right[..20].to_vec();
    short.resize(32, 0);
    let request = with_signature(&draft, SHA256, &STANDARD.encode(short));
    assert_eq!(outcome(&send(&layer, request).await), "s3p.signature");
    let request = with_signature(&draft, SHA256, &STANDARD.encode(right));
    assert_eq!(outcome(&send(&layer, request).await), "accepted");
}
