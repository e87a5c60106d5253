//! A former secret, while clients change to the new one.

use portcullis::{
    Identity,
    s3p::{AccessKey, Dialect, SignatureMethod},
};

use crate::{
    alice, input_by, layer_of, outcome, s3p_support::*, signed, support::send, with_signature,
};

const FORMER: &str = "the former secret of alice";

fn rotating() -> AccessKey {
    alice().previous_secret(FORMER).unwrap()
}

#[tokio::test]
async fn both_secrets_are_taken_and_no_third() {
    let layer = layer_of(rotating());
    for (nonce, (secret, expected)) in [
        (SECRET, "accepted"),
        (FORMER, "accepted"),
        (OTHER_SECRET, "s3p.signature"),
        ("", "s3p.signature"),
        ("the secret of alicethe former secret of alice", "s3p.signature"),
    ]
    .into_iter()
    .enumerate()
    {
        for draft in [Draft::get("/v2/bill?a=1"), Draft::json(r#"{"a":1}"#)] {
            let draft = Draft { secret, ..draft.clone().nonce(format!("{nonce}{}", draft.method)) };
            let answer = send(&layer, draft.request()).await;
            assert_eq!(outcome(&answer), expected, "{secret}");
            assert_eq!(answer.body == "alice", expected == "accepted");
        }
    }
}

#[tokio::test]
async fn a_request_signed_again_by_the_other_secret_is_the_same_request() {
    let layer = layer_of(rotating());
    for (secret, expected) in [(FORMER, "accepted"), (SECRET, "s3p.replayed"), (FORMER, "s3p.replayed")]
    {
        let draft = Draft { secret, ..Draft::get("/v2/ping") };
        assert_eq!(outcome(&send(&layer, draft.request()).await), expected);
    }
}

#[tokio::test]
async fn of_several_former_secrets_the_last_one_counts() {
    let layer = layer_of(rotating().previous_secret("a yet older secret").unwrap());
    let by = |secret| Draft { secret, ..Draft::get("/v2/ping") }.request();
    assert_eq!(outcome(&send(&layer, by(FORMER)).await), "s3p.signature");
    assert_eq!(outcome(&send(&layer, by("a yet older secret")).await), "accepted");
}

#[tokio::test]
async fn without_a_former_secret_the_present_one_alone_is_taken() {
    let draft = Draft { secret: FORMER, ..Draft::get("/v2/ping") };
    assert_eq!(outcome(&send(&layer_of(alice()), draft.request()).await), "s3p.signature");
}

#[test]
fn a_former_secret_that_could_be_found_by_trying_is_refused() {
    for (secret, accepted) in [("", false), ("fifteen bytes !", false), ("sixteen bytes !!", true)] {
        let key = alice().previous_secret(secret);
        assert_eq!(key.is_ok(), accepted, "{secret}");
        if let Err(error) = key {
            let said = format!("{error} {error:?}");
            assert!(said.contains("alice") && (secret.is_empty() || !said.contains(secret)), "{said}");
        }
    }
    // Nor beside a present one that may be short.
    let short = AccessKey::dangerous_short_secret(Identity::local("alice").unwrap(), "short");
    assert!(short.previous_secret("shorter").is_err());
}

#[test]
fn no_secret_is_printed() {
    let said = format!("{:?}", rotating());
    assert!(said.contains("alice") && !said.contains("secret of"), "{said}");
}

#[tokio::test]
async fn a_former_secret_counts_in_every_dialect_and_by_the_method_of_the_key() {
    let list = [Dialect::MAVIANCE_NODEJS, Dialect::POSTMAN_PHP];
    let layer = layer_of(rotating().dialects(list).unwrap());
    for (nonce, (dialect, timestamp)) in [(list[0], NOW), (list[1], NOW * 1000)].into_iter().enumerate()
    {
        for secret in [SECRET, FORMER] {
            let draft = Draft::get("/v2/bill?a=%20(x)%20").timestamp(timestamp);
            let draft = Draft { secret, ..draft.nonce(format!("{nonce}{}", secret.len())) };
            assert_eq!(outcome(&send(&layer, signed(&draft, dialect)).await), "accepted");
        }
    }
    let layer = layer_of(rotating().method(SignatureMethod::HmacSha256));
    let draft = Draft::get("/v2/ping");
    let input = input_by(&draft, Dialect::STRICT, SignatureMethod::HmacSha256).unwrap();
    let signature = input.signature(&FORMER.into());
    let request = with_signature(&draft, SignatureMethod::HmacSha256, &signature);
    assert_eq!(outcome(&send(&layer, request).await), "accepted");
}
