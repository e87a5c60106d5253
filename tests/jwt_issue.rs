//! Tokens that `jwt::Issuer` issues: what is in them, and that they are good where they should be.
#![cfg(feature = "_jwt")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "jwt_issue/exchange.rs"]
mod exchange;
mod jwt_support;
#[path = "jwt_issue/scopes.rs"]
mod scopes;
mod support;
#[path = "jwt_issue/times.rs"]
mod times;

use std::{collections::HashSet, time::Duration};

use jsonwebtoken::{DecodingKey, Validation, decode, errors::ErrorKind};
use jwt_support::*;
use portcullis::{
    Clock, Identity, ManualClock, Principal, Scheme, ScopeSet,
    jwt::{Algorithm, Claims, Grant, IssueErrorKind, Issued, Issuer, JwtAuth},
};
use serde_json::{Value, json};

/// What an [`Issuer`] makes itself, or what means scopes or times.
const OWN_CLAIMS: [&str; 9] = ["iss", "sub", "exp", "nbf", "iat", "jti", "scope", "scopes", "scp"];
const SHARED: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

#[test]
fn a_token_is_good_where_the_same_secret_verifies() {
    for algorithm in SHARED {
        let issuer = Issuer::new(ISSUER, algorithm, SECRET).unwrap();
        let issuer = issuer.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
        let issued = issuer.issue(Grant::to(&alice(), set("messages:send"))).unwrap();
        let principal = judge(&verifier_of(algorithm), issued.token()).unwrap();
        assert_eq!(principal.identity(), alice().identity(), "{algorithm:?}");
        assert_eq!(*principal.scopes(), set("messages:send"));
        assert_eq!(principal.scheme(), Scheme::BEARER);
        assert_eq!(principal.credential_id(), Some(issued.id()));
        assert_eq!(principal.authenticated_at(), Some(ManualClock::at_unix(NOW).now()));
        for other in SHARED.into_iter().filter(|other| *other != algorithm) {
            assert!(judge(&verifier_of(other), issued.token()).is_err(), "{algorithm:?} by {other:?}");
        }
    }
}

#[test]
fn an_independent_implementation_finds_the_same_claims() {
    for algorithm in SHARED {
        let issuer = Issuer::new(ISSUER, algorithm, SECRET).unwrap();
        let issuer = issuer.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
        let caller = alice();
        let grant = Grant::to(&caller, set("messages:send messages:read"))
            .claim("aud", AUDIENCE)
            .claim("device", json!({ "name": "caf\u{e9} \"7\"", "slots": [1, 2] }));
        let issued = issuer.issue(grant).unwrap();
        let (header, claims) = decoded(algorithm, issued.token());
        assert_eq!(header, json!({ "alg": format!("{algorithm:?}"), "typ": "JWT" }));
        assert_eq!(
            claims,
            json!({
                "iss": ISSUER,
                "sub": "alice",
                "exp": NOW + 900,
                "iat": NOW,
                "jti": issued.id(),
                "scopes": ["messages:send", "messages:read"],
                "aud": AUDIENCE,
                "device": { "name": "caf\u{e9} \"7\"", "slots": [1, 2] },
            })
        );
    }
}

#[test]
fn a_token_of_another_secret_or_for_another_issuer_or_audience_is_refused() {
    let issued = issuer().issue(Grant::to(&alice(), set(""))).unwrap();
    let other = Issuer::new(ISSUER, Algorithm::HS256, SECRET.to_uppercase()).unwrap();
    let other = other.identities_of(Identity::LOCAL).clock(ManualClock::at_unix(NOW));
    let forged = other.issue(Grant::to(&alice(), set(""))).unwrap();
    assert_eq!(judge(&verifier(), forged.token()).err(), Some("jwt.signature"));
    let elsewhere = JwtAuth::builder(keys(Algorithm::HS256)).clock(ManualClock::at_unix(NOW));
    let elsewhere = elsewhere.issuer("https://id.example.org/").build().unwrap();
    assert_eq!(judge(&elsewhere, issued.token()).err(), Some("jwt.iss"));
    // An audience is a claim like others: who wants one gets none by default.
    assert_eq!(judge(&jwt(), issued.token()).err(), Some("jwt.aud"));
    let meant = issuer().issue(Grant::to(&alice(), set("")).claim("aud", AUDIENCE)).unwrap();
    assert!(judge(&jwt(), meant.token()).is_ok());
    assert_eq!(judge(&verifier(), meant.token()).err(), Some("jwt.aud"));
}

#[test]
fn an_extra_claim_is_found_in_the_principal_and_the_last_of_a_name_counts() {
    #[derive(serde::Deserialize)]
    struct Mine {
        device: String,
        #[serde(rename = "Exp")]
        not_a_time: bool,
    }

    let caller = alice();
    let grant = Grant::to(&caller, set("")).claim("device", "first").claim("device", "second");
    let issued = issuer().issue(grant.claim("Exp", true)).unwrap();
    let principal = judge(&verifier(), issued.token()).unwrap();
    let mine: Mine = principal.extra::<Claims>().unwrap().custom().unwrap();
    assert_eq!(mine.device, "second");
    assert!(mine.not_a_time, "a name in another case is another name");
}

#[test]
fn a_claim_that_the_issuer_makes_itself_is_not_taken_from_a_grant() {
    for name in OWN_CLAIMS {
        for value in [json!("alice"), json!(NOW + 99_999_999), json!(null), json!(["all:any"])] {
            let error = issuer().issue(Grant::to(&alice(), set("")).claim(name, value)).unwrap_err();
            assert_eq!(error.kind(), IssueErrorKind::OwnClaim(name));
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }
}

#[test]
fn a_subject_of_any_text_comes_back_as_it_was() {
    for subject in
        ["a\"b\\c", "\u{0}\n\t", "caf\u{e9} \u{1f511}", "{\"sub\":\"root\"}", "\u{202e}ecila"]
    {
        let caller = Principal::builder(Identity::local(subject).unwrap(), Scheme::BASIC).build();
        let issued = issuer().issue(Grant::to(&caller, set(""))).unwrap();
        let principal = judge(&verifier(), issued.token()).unwrap();
        assert_eq!(principal.identity(), caller.identity(), "{subject:?}");
    }
}

#[test]
fn an_id_is_21_url_safe_characters_and_never_the_same() {
    let ids: HashSet<String> = (0..10_000).map(|_| issue().id().to_owned()).collect();
    assert_eq!(ids.len(), 10_000);
    for id in &ids {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        assert!(id.len() == 21 && id.bytes().all(is_safe), "{id}");
    }
    // Each place takes many values: no character is left over from a shorter random text.
    for at in 0..21 {
        let seen: HashSet<_> = ids.iter().map(|id| id.as_bytes()[at]).collect();
        assert_eq!(seen.len(), 64, "place {at}");
    }
}

#[test]
fn a_secret_that_is_too_short_and_an_algorithm_without_secrets_are_refused() {
    for (algorithm, least) in [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)] {
        for (length, is_good) in [(0, false), (least - 1, false), (least, true), (least + 1, true)] {
            let issuer = Issuer::new(ISSUER, algorithm, vec![b'k'; length]);
            assert_eq!(issuer.is_ok(), is_good, "{algorithm:?} with {length} bytes");
        }
    }
    for algorithm in ALGORITHMS.into_iter().filter(|algorithm| !SHARED.contains(algorithm)) {
        for secret in [SECRET, RSA_PRIVATE, ED25519_PRIVATE] {
            assert!(Issuer::new(ISSUER, algorithm, secret).is_err(), "{algorithm:?}");
        }
    }
    // A public key is known to all: as a secret it would let everybody issue.
    for pem in [RSA_PUBLIC, P256_PUBLIC, RSA_PRIVATE] {
        assert!(Issuer::new(ISSUER, Algorithm::HS256, pem).is_err());
    }
}

#[test]
fn debug_prints_neither_tokens_nor_claims_nor_secrets() {
    let caller = alice();
    let grant = Grant::to(&caller, set("messages:send")).claim("note", "canary-claim");
    let (before, issuer) = (format!("{grant:?} {grant:#?}"), issuer());
    let issued = issuer.issue(grant).unwrap();
    let error = issuer.issue(Grant::to(&alice(), set("")).claim("sub", "canary-claim")).unwrap_err();
    let printed = format!("{before} {issued:?} {issued:#?} {issuer:?} {issuer:#?} {error:?} {error}");
    let parts: Vec<_> = issued.token().split('.').collect();
    assert_eq!(parts.len(), 3);
    for secret in [issued.token(), parts[1], parts[2], &parts[2][..8], "canary", SECRET] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    let list = format!("{:?}", &SECRET.as_bytes()[..8]);
    assert!(!printed.contains(list.trim_matches(['[', ']'])), "{printed}");
}

/// Alice, who has come by password, with two scopes.
fn alice() -> Principal {
    somebody("alice", "messages:send messages:read")
}

fn somebody(name: &str, scopes: &str) -> Principal {
    let identity = Identity::local(name).unwrap();
    Principal::builder(identity, Scheme::BASIC).scopes(set(scopes)).build()
}

fn set(scopes: &str) -> ScopeSet {
    ScopeSet::parse(scopes).unwrap()
}

/// Issues to the users of the own store, at the time [`NOW`].
fn issuer() -> Issuer {
    issuer_at(ManualClock::at_unix(NOW))
}

fn issuer_at(clock: impl Clock) -> Issuer {
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, SECRET).unwrap();
    issuer.identities_of(Identity::LOCAL).clock(clock)
}

fn issue() -> Issued {
    issuer().issue(Grant::to(&alice(), set(""))).unwrap()
}

/// Verifies what [`issuer`] issues, at the time [`NOW`].
fn verifier() -> JwtAuth {
    verifier_of(Algorithm::HS256)
}

fn verifier_of(algorithm: Algorithm) -> JwtAuth {
    verifier_at(algorithm, ManualClock::at_unix(NOW))
}

fn verifier_at(algorithm: Algorithm, clock: impl Clock) -> JwtAuth {
    let builder = JwtAuth::builder(keys(algorithm)).issuer(ISSUER).identities_of(Identity::LOCAL);
    builder.leeway(Duration::ZERO).clock(clock).build().unwrap()
}

/// The header and the claims, as the crate `jsonwebtoken` reads them. Its clock is not this test's.
fn decoded(algorithm: Algorithm, token: &str) -> (Value, Value) {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.validate_aud = false;
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(SECRET.as_bytes());
    let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
    let wrong = DecodingKey::from_secret(SECRET.to_uppercase().as_bytes());
    let refused = decode::<Value>(token, &wrong, &validation).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::InvalidSignature), "{refused}");
    let header = unb64(token.split('.').next().unwrap());
    (serde_json::from_slice(&header).unwrap(), claims)
}
