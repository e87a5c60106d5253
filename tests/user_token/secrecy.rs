//! A token is nowhere to be and a refusal does not say what was wrong with it.

use std::{
    fmt::Debug,
    time::{Duration, UNIX_EPOCH},
};

use http::header;
use portcullis::{
    NowOrLater, StoreError, UserTokenLayer,
    user_token::{TokenDigest, UserToken, UserTokenAdmin, UserTokenRecord},
};
use sha2::{Digest, Sha256};
use tower::Layer;

use super::{
    By, INVALID_TOKEN, NOW, alice, ask, auth, bearer, hex, laptop, layer, seen, with_checksum,
};
use crate::support::{Log, get_with, send};

#[tokio::test]
async fn a_store_keeps_the_sha_256_from_which_the_token_cannot_be_had() {
    let (token, store) = laptop();
    let digest = token.digest();
    let expected: [u8; 32] = Sha256::digest(token.expose()).into();
    assert_eq!(*digest.as_bytes(), expected);
    assert_eq!(TokenDigest::from_bytes(*digest.as_bytes()), digest);
    // Who has read the database has no token: neither the digest nor a token made of it is one.
    let sent =
        [hex(&expected), format!("pct_{}", hex(&expected[..24])), with_checksum(&expected[..20])];
    for sent in sent {
        assert_eq!(ask(&layer(store.clone()), &sent).await.status, 401, "{sent}");
    }
}

#[tokio::test]
async fn unknown_revoked_expired_and_misspelled_look_the_same() {
    let (token, store) = laptop();
    let old = UserToken::generate();
    let record = UserTokenRecord::new("old", alice());
    store.insert(old.digest(), record.expires(UNIX_EPOCH + Duration::from_secs(NOW)));
    assert!(store.remove(&token.digest()));
    let revoked = UserToken::generate();
    store.insert(revoked.digest(), UserTokenRecord::new("revoked", alice()));
    assert!(store.revoke(&alice(), "revoked", UNIX_EPOCH).await.unwrap());
    let layer = layer(store);
    let mut answers = Vec::new();
    for (sent, reason) in [
        (UserToken::generate().expose(), "user_token.unknown"),
        (token.expose(), "user_token.unknown"),
        (revoked.expose(), "user_token.revoked"),
        (old.expose(), "user_token.expired"),
        ("pct_and-no-more", "user_token.form"),
    ] {
        let answer = ask(&layer, sent).await;
        assert_eq!(answer.reason(), reason);
        answers.push(seen(&answer));
    }
    answers.dedup();
    let [(401, headers, body)] = &answers[..] else { panic!("a caller can tell: {answers:#?}") };
    assert_eq!(headers[header::WWW_AUTHENTICATE], INVALID_TOKEN);
    assert_eq!(body, "credentials refused");
}

#[tokio::test]
async fn a_token_is_in_no_log_and_no_answer() {
    let log = Log::capture();
    let (token, store) = laptop();
    let down = layer(By(|_: &TokenDigest| NowOrLater::now(Err(StoreError::new("connection refused")))));
    let text = token.expose();
    let mut statuses = Vec::new();
    for layer in [layer(store.clone()), layer(store).optional(), down] {
        for sent in [
            bearer(text),
            bearer(&format!("{text}0")),
            bearer(&format!("{text} ")),
            bearer(&text[4..]),
            format!("Token {text}"),
            text.to_owned(),
        ] {
            let answer = send(&layer, get_with("/", sent)).await;
            statuses.push(answer.status.as_u16());
            assert_clean(&token, &format!("{answer:?} {:?}", answer.rejection));
        }
    }
    assert_clean(&token, &log.text());
    assert!(log.text().contains("authenticated") && log.text().contains("user_token.form"));
    assert!([200, 400, 401, 503].iter().all(|status| statuses.contains(status)), "{statuses:?}");
}

#[test]
fn debug_prints_neither_tokens_nor_digests() {
    let (token, store) = laptop();
    let auth = auth(store.clone());
    let layer = UserTokenLayer::new(auth.clone());
    let service = layer.layer(());
    let things: [&dyn Debug; 6] = [&token, &token.digest(), &store, &auth, &layer, &service];
    for thing in things {
        assert_clean(&token, &format!("{thing:?} {thing:#?}"));
    }
}

/// Fails if the text holds a part of the token or of its digest, as it is or as a list of bytes.
#[track_caller]
fn assert_clean(token: &UserToken, text: &str) {
    let lower = text.to_lowercase();
    for digits in [&token.expose()[4..], &*hex(token.digest().as_bytes())] {
        for at in 0..=digits.len() - 8 {
            assert!(!lower.contains(&digits[at..at + 8]), "{digits} in {text}");
        }
    }
    for bytes in [token.digest().as_bytes().as_slice(), token.expose().as_bytes()] {
        let list = format!("{:?}", &bytes[4..12]);
        assert!(!text.contains(list.trim_matches(['[', ']'])), "{list} in {text}");
    }
}
