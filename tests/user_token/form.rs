//! Which texts are tokens: the prefix, 160 random bits in lower-case hexadecimal, and a checksum.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use portcullis::{
    RejectionKind,
    user_token::{MemoryUserTokenStore, TokenDigest, UserToken, UserTokenRecord, UserTokenStore},
};
use sha2::{Digest, Sha256};

use super::{
    By, INVALID_TOKEN, KNOWN, KNOWN_DIGEST, alice, ask, hex, laptop, layer, unhex, with_checksum,
};
use crate::support::{get_with, send};

#[tokio::test]
async fn a_token_has_the_form_that_is_documented() {
    let store = MemoryUserTokenStore::new();
    store.insert(TokenDigest::from_bytes(unhex(KNOWN_DIGEST)), UserTokenRecord::new("k", alice()));
    assert_eq!(ask(&layer(store), KNOWN).await.status, 200);
    for _ in 0..100 {
        let token = UserToken::generate();
        let digits = token.expose().strip_prefix("pct_").unwrap();
        assert_eq!(digits.len(), 48);
        assert!(digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{digits}");
        let random: [u8; 20] = unhex(&digits[..40]);
        assert_eq!(Sha256::digest(random)[..4], unhex::<4>(&digits[40..]));
    }
}

#[test]
fn no_two_tokens_or_digests_are_equal() {
    let tokens: Vec<_> = (0..10_000).map(|_| UserToken::generate()).collect();
    let texts: HashSet<_> = tokens.iter().map(UserToken::expose).collect();
    let digests: HashSet<_> = tokens.iter().map(UserToken::digest).collect();
    assert_eq!((texts.len(), digests.len()), (10_000, 10_000));
}

#[tokio::test]
async fn what_has_another_form_or_checksum_is_refused_and_the_store_is_not_asked() {
    let (store, asked) = watched(MemoryUserTokenStore::new());
    let layer = layer(store);
    let (known, digits) = (KNOWN, &KNOWN[4..]);
    let mut twins = vec![
        "pct_".to_owned(),
        "x.y.z".to_owned(),
        digits.to_owned(),
        known[..51].to_owned(),
        known[..50].to_owned(),
        known[..44].to_owned(),
        known[1..].to_owned(),
        known.to_uppercase(),
        format!("pct_{}", digits.to_uppercase()),
        format!("PCT_{digits}"),
        format!("Pct_{digits}"),
        format!("pat_{digits}"),
        format!("pct-{digits}"),
        format!("pct_pct_{digits}"),
        format!("pct_{digits}0"),
        format!("pct_{digits}00"),
        format!("pct_0{digits}"),
        format!("pct_00{digits}"),
        format!("pct_{digits}="),
        format!("{known}{known}"),
        format!("pct_+{}", &digits[1..]),
        format!("{}00000000", &known[..44]),
        // The checksum from the other end, and of the text instead of the bytes.
        format!("{}{}", &known[..44], hex(&Sha256::digest(unhex::<20>(&digits[..40]))[28..])),
        format!("{}{}", &known[..44], hex(&Sha256::digest(&digits[..40])[..4])),
        with_checksum(&[7; 19]),
        with_checksum(&[7; 21]),
        with_checksum(&[]),
        "0".repeat(100_000),
    ];
    for at in 4..known.len() {
        let other = if &known[at..=at] == "0" { "1" } else { "0" };
        twins.push(format!("{}{other}{}", &known[..at], &known[at + 1..]));
    }
    for twin in twins {
        let answer = ask(&layer, &twin).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "user_token.form"), "{twin:.80}");
        assert_eq!(answer.challenges(), [INVALID_TOKEN]);
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
    // Of the right form, it is looked up: once, by its digest.
    assert_eq!(ask(&layer, known).await.reason(), "user_token.unknown");
    assert_eq!(*asked.lock().unwrap(), [TokenDigest::from_bytes(unhex(KNOWN_DIGEST))]);
}

#[tokio::test]
async fn what_is_no_b64token_is_an_invalid_request() {
    let (store, asked) = watched(MemoryUserTokenStore::new());
    let layer = layer(store);
    let mut sent: Vec<Vec<u8>> =
        ["", " ", "  ", " =", " ==", "\t", ",", " a b", " \"a\"", " a,b", " a=b"]
            .map(|text| format!("Bearer{text}").into_bytes())
            .into();
    for (before, after) in
        [("\t", ""), (" \t", ""), ("=", ""), (" ", " "), (" ", "\t"), (" ", ",x"), (" ", " x")]
    {
        sent.push(format!("Bearer{before}{KNOWN}{after}").into_bytes());
    }
    sent.push(b"Bearer pct_\xff".to_vec());
    sent.push(format!("Bearer pct_\u{e9}{}", &KNOWN[6..]).into_bytes());
    for sent in sent {
        let answer = send(&layer, get_with("/", &sent)).await;
        let shown = String::from_utf8_lossy(&sent);
        assert_eq!(
            (answer.status.as_u16(), answer.kind()),
            (400, RejectionKind::InvalidRequest),
            "{shown}"
        );
        assert_eq!(answer.challenges(), [r#"Bearer realm="vault", error="invalid_request""#]);
        assert_eq!(answer.body, "credentials malformed");
    }
    assert_eq!(asked.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn the_schemes_name_is_read_in_any_case_and_the_blanks_are_passed_over() {
    let (token, store) = laptop();
    let layer = layer(store);
    for scheme in ["bearer ", "BEARER ", "bEARER   "] {
        let answer = send(&layer, get_with("/", format!("{scheme}{}", token.expose()))).await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

/// A store, and what it was asked for.
fn watched(store: MemoryUserTokenStore) -> (impl UserTokenStore, Arc<Mutex<Vec<TokenDigest>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let store = By(move |digest: &TokenDigest| {
        seen.lock().unwrap().push(*digest);
        store.user_token(digest)
    });
    (store, asked)
}
