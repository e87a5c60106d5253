//! Where a bearer token is looked for, and who judges it: `BearerAuth`, `JwtIssuers`, and the place that
//! a `JwtAuthBuilder` names.
#![cfg(all(feature = "_jwt", feature = "user-token"))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use http::{HeaderName, header};
use jsonwebtoken::EncodingKey;
use jwt_support::*;
use portcullis::{
    AuthenticateLayer, BearerAuth, Identity, JwtScopeLayer, ManualClock, Scope, TokenVerifier,
    basic::{BasicAuth, MemoryUserStore},
    jwt::{Algorithm, JwtAuth, JwtAuthBuilder, JwtIssuers, Key, Keys},
    user_token::{MemoryUserTokenStore, UserToken, UserTokenAuth, UserTokenRecord},
};
use support::{Answer, check_refusal, get, send};

const OTHER_ISSUER: &str = "https://partners.example";
const OTHER_SECRET: &str = "another canary-secret of sixty-four bytes or more, as HS512 wants it";

/// What is sent: lines of header fields.
type Lines<'l> = &'l [(&'l str, String)];

async fn sent(layer: &AuthenticateLayer, lines: Lines<'_>) -> Answer {
    let mut request = get("/");
    for (name, value) in lines {
        let name = HeaderName::try_from(*name).unwrap();
        request.headers_mut().append(name, value.try_into().unwrap());
    }
    send(layer, request).await
}

/// The status, and the reason if it is a refusal.
async fn verdict(layer: &AuthenticateLayer, lines: Lines<'_>) -> (u16, Option<&'static str>) {
    let answer = sent(layer, lines).await;
    let status = answer.status.as_u16();
    (status, (status != 200).then(|| answer.reason()))
}

fn by(builder: JwtAuthBuilder) -> AuthenticateLayer {
    AuthenticateLayer::new(builder.build().unwrap())
}

/// RFC 6750 section 2: a client sends its token in one way.
#[tokio::test]
async fn a_token_beside_one_in_the_query_is_a_bad_request_wherever_it_is_taken_from() {
    let good = token(claims(&[]));
    let field = HeaderName::from_static("x-token");
    let whole = BearerAuth::new("messages", jwt()).unwrap();
    let user_tokens = UserTokenAuth::new("messages", MemoryUserTokenStore::new()).unwrap();
    let [usual, cookie, own] =
        [builder(), builder().cookie("session"), builder().header(field)].map(by);
    let (whole, user_tokens) = (AuthenticateLayer::new(whole), AuthenticateLayer::new(user_tokens));
    for (layer, name, value, is_good) in [
        (&usual, "authorization", format!("Bearer {good}"), true),
        (&cookie, "cookie", format!("session={good}"), true),
        (&own, "x-token", good.clone(), true),
        (&whole, "authorization", format!("Bearer {good}"), true),
        (&user_tokens, "authorization", format!("Bearer {good}"), false),
    ] {
        for (query, is_token) in [
            (format!("access_token={good}"), true),
            ("a=b&access_token=x&c".to_owned(), true),
            ("access_token".to_owned(), true),
            ("a&access_token=".to_owned(), true),
            (format!("token={good}"), false),
            ("access_tokens=1&my_access_token=2&a=access_token&Access_token=3".to_owned(), false),
            (String::new(), false),
        ] {
            let mut request = get(&format!("/?{query}"));
            let alone = send(layer, get(&format!("/?{query}"))).await;
            assert_eq!(
                (alone.status.as_u16(), alone.reason()),
                (401, "authorization.missing"),
                "{query}"
            );
            request.headers_mut().insert(name, value.parse().unwrap());
            let answer = send(layer, request).await;
            if is_token {
                assert_eq!(
                    (answer.status.as_u16(), answer.reason()),
                    (400, "bearer.several_tokens"),
                    "{query}"
                );
                let challenge = answer.challenges()[0];
                assert!(challenge.contains("invalid_request"), "{challenge}");
            } else {
                assert_eq!(answer.status == 200, is_good, "{name}, {query}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_is_taken_from_the_cookie_that_was_named_and_from_nowhere_else() {
    let layer = by(builder().cookie("session"));
    let good = token(claims(&[]));
    let cookie = |value: String| ("cookie", value);
    let (missing, malformed) = (Some("authorization.missing"), Some("bearer.malformed"));
    let several = Some("bearer.several_tokens");
    for (lines, expected) in [
        (vec![cookie(format!("session={good}"))], (200, None)),
        (vec![cookie(format!("a=b; session={good}; c=d"))], (200, None)),
        (vec![cookie(format!("a=b;session={good}"))], (200, None)),
        // HTTP/2 sends a line for each.
        (vec![cookie("a=b".to_owned()), cookie(format!("session={good}"))], (200, None)),
        (vec![cookie(format!("session={good}x"))], (401, Some("jwt.signature"))),
        (vec![cookie(format!("Session={good}"))], (401, missing)),
        (vec![cookie(format!("xsession={good}"))], (401, missing)),
        (vec![cookie(format!("session2={good}"))], (401, missing)),
        (vec![cookie("session".to_owned())], (401, missing)),
        (vec![cookie("session=".to_owned())], (400, malformed)),
        (vec![cookie(format!("session=\"{good}\""))], (400, malformed)),
        (vec![cookie(format!("session=Bearer {good}"))], (400, malformed)),
        (vec![cookie(format!("session={good}; session={good}"))], (400, several)),
        (vec![cookie(format!("session={good}; session=x"))], (400, several)),
        (vec![cookie("session=x".to_owned()), cookie(format!("session={good}"))], (400, several)),
        (
            vec![cookie(format!("session={good}")), ("authorization", format!("Bearer {good}"))],
            (400, several),
        ),
        (
            vec![cookie(format!("session={good}")), ("authorization", "Basic YTpi".to_owned())],
            (400, several),
        ),
        (
            vec![("authorization", format!("Bearer {good}"))],
            (401, Some("authorization.unknown_scheme")),
        ),
        (vec![], (401, missing)),
    ] {
        assert_eq!(verdict(&layer, &lines).await, expected, "{lines:?}");
    }
    // What is sent by default is not looked for in cookies.
    let usual = AuthenticateLayer::new(jwt());
    let expected = (401, Some("authorization.missing"));
    assert_eq!(verdict(&usual, &[cookie(format!("session={good}"))]).await, expected);
}

#[tokio::test]
async fn a_token_is_taken_from_the_header_field_that_was_named_and_from_nowhere_else() {
    let layer = by(builder().header(HeaderName::from_static("x-token")));
    let good = token(claims(&[]));
    for (lines, expected) in [
        (vec![("x-token", good.clone())], (200, None)),
        (vec![("X-Token", good.clone())], (200, None)),
        (vec![("x-token", format!("Bearer {good}"))], (400, Some("bearer.malformed"))),
        (vec![("x-token", String::new())], (400, Some("bearer.malformed"))),
        (
            vec![("x-token", good.clone()), ("x-token", good.clone())],
            (400, Some("bearer.several_tokens")),
        ),
        (
            vec![("authorization", format!("Bearer {good}"))],
            (401, Some("authorization.unknown_scheme")),
        ),
        (vec![("cookie", format!("x-token={good}"))], (401, Some("authorization.missing"))),
    ] {
        assert_eq!(verdict(&layer, &lines).await, expected, "{lines:?}");
    }
    let named = by(builder().header(header::AUTHORIZATION));
    let lines = [("authorization", format!("bearer {good}"))];
    assert_eq!(verdict(&named, &lines).await, (200, None));
}

#[tokio::test]
async fn an_optional_layer_takes_no_bad_cookie_for_none() {
    let layer = by(builder().cookie("session")).optional();
    assert_eq!(verdict(&layer, &[]).await, (200, None));
    assert_eq!(verdict(&layer, &[("cookie", "other=1".to_owned())]).await, (200, None));
    for bad in ["session=", "session=x", "session=x; session=y"] {
        let (status, _) = verdict(&layer, &[("cookie", bad.to_owned())]).await;
        assert!(matches!(status, 400 | 401), "{bad}: {status}");
    }
}

#[test]
fn a_cookie_has_a_name() {
    for name in ["", "a b", "a=b", "a;b", "a\"b", "ä"] {
        let error = builder().cookie(name).build().unwrap_err().to_string();
        assert!(error.contains("cookie"), "{error}");
    }
}

/// User tokens beside JWTs: a layer, and a user token that is good.
fn mixed() -> (AuthenticateLayer, UserToken) {
    let store = MemoryUserTokenStore::new();
    let good = UserToken::generate();
    store.insert(good.digest(), UserTokenRecord::new("t-1", Identity::local("bob").unwrap()));
    let user_tokens = UserTokenAuth::new("mixed", store).unwrap();
    let bearer = BearerAuth::new("mixed", jwt()).unwrap().prefix("pct_", user_tokens).unwrap();
    let basic = BasicAuth::new("mixed", MemoryUserStore::new()).unwrap();
    (AuthenticateLayer::new(bearer).or(basic), good)
}

#[tokio::test]
async fn the_prefix_decides_who_judges_a_token_and_nobody_else_is_asked() {
    let (layer, user_token) = mixed();
    let jwt = token(claims(&[]));
    for (sent_token, who) in [(jwt.clone(), "alice"), (user_token.expose().to_owned(), "bob")] {
        let answer = sent(&layer, &[("authorization", format!("Bearer {sent_token}"))]).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, who));
    }
    for (sent_token, reason) in [
        // Neither a JWT behind the prefix nor a user token without it gets by.
        (format!("pct_{jwt}"), "user_token.form"),
        (user_token.expose().trim_start_matches("pct_").to_owned(), "jwt.parts"),
        (user_token.expose().replace("pct_", "PCT_"), "jwt.parts"),
        (UserToken::generate().expose().to_owned(), "user_token.unknown"),
        ("x".repeat(9000), "jwt.too_long"),
        (format!("pct_{}", "x".repeat(9000)), "user_token.form"),
    ] {
        let answer = sent(&layer, &[("authorization", format!("Bearer {sent_token}"))]).await;
        check_refusal(&answer);
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, reason), "{sent_token:.80}");
    }
}

#[test]
fn prefixes_that_cannot_be_told_apart_are_refused() {
    let verifier = || UserTokenAuth::new("r", MemoryUserTokenStore::new()).unwrap();
    let bearer = || BearerAuth::new("r", jwt()).unwrap().prefix("pct_", verifier()).unwrap();
    for prefix in ["", "pct_", "pct_x", "p", "x y", "x=", "Bearer x", "\u{e4}"] {
        assert!(bearer().prefix(prefix, verifier()).is_err(), "{prefix:?}");
    }
    assert!(bearer().prefix("pcu_", verifier()).is_ok());
}

fn issuers() -> JwtIssuers {
    let other_key = Key::hmac(Algorithm::HS256, OTHER_SECRET).unwrap();
    let other = JwtAuth::builder(Keys::new([other_key]).unwrap())
        .issuer(OTHER_ISSUER)
        .audience("example")
        .clock(ManualClock::at_unix(NOW));
    JwtIssuers::new([jwt(), other.build().unwrap()]).unwrap()
}

/// A token of the other issuer's key.
fn others(claims: &str) -> String {
    let message = format!("{}.{}", b64(HS256), b64(claims));
    let key = EncodingKey::from_secret(OTHER_SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[tokio::test]
async fn each_issuer_is_believed_for_its_own_tokens_alone() {
    let layer = AuthenticateLayer::new(BearerAuth::new("both", issuers()).unwrap());
    let partner = format!("{OTHER_ISSUER:?}");
    let of_partner = [("iss", &*partner), ("aud", r#""example""#)];
    for (sent_token, expected) in [
        (token(claims(&[])), (200, None)),
        (others(&claims(&of_partner)), (200, None)),
        // The right issuer's name, and another's key.
        (token(claims(&of_partner)), (401, Some("jwt.signature"))),
        (others(&claims(&[])), (401, Some("jwt.signature"))),
        // One's own key, and the other's audience.
        (token(claims(&[("aud", r#""example""#)])), (401, Some("jwt.aud"))),
        (others(&claims(&[("iss", &*partner)])), (401, Some("jwt.aud"))),
        (token(claims(&[("iss", r#""https://evil.example""#)])), (401, Some("jwt.iss"))),
        (token(claims(&[("iss", r#""https://id.example.org/""#)])), (401, Some("jwt.iss"))),
        (token(claims(&[("iss", "")])), (401, Some("jwt.iss"))),
        (token(claims(&[("iss", "1")])), (401, Some("jwt.claim_type"))),
        (token("[]"), (401, Some("jwt.claims"))),
        (token(r#"{"iss":"a","iss":"b"}"#), (401, Some("jwt.claims"))),
        ("a.b".to_owned(), (401, Some("jwt.parts"))),
        (format!("{}.=.x", b64(HS256)), (400, Some("bearer.malformed"))),
        ("x".repeat(9000), (401, Some("jwt.too_long"))),
    ] {
        let lines = [("authorization", format!("Bearer {sent_token}"))];
        assert_eq!(verdict(&layer, &lines).await, expected, "{sent_token:.80}");
    }
}

#[test]
fn the_same_subject_of_two_issuers_is_two() {
    let partner = format!("{OTHER_ISSUER:?}");
    let tokens = [token(claims(&[])), others(&claims(&[("iss", &*partner), ("aud", r#""example""#)]))];
    let [one, other] = tokens.map(|token| {
        let principal = issuers().verify(&token).into_now().unwrap().unwrap();
        principal.identity().clone()
    });
    assert_eq!((one.subject(), one.issuer()), ("alice", ISSUER));
    assert_eq!((other.subject(), other.issuer()), ("alice", OTHER_ISSUER));
    assert_ne!(one, other);
}

/// An id of a key says nothing outside of its issuer's set.
#[test]
fn two_issuers_may_have_keys_of_one_id_and_neither_is_good_for_the_other() {
    let of = |issuer: &str, secret: &str| {
        let key = Key::hmac(Algorithm::HS256, secret).unwrap().id("one");
        let jwt = JwtAuth::builder(Keys::new([key]).unwrap()).issuer(issuer).audience(AUDIENCE);
        jwt.clock(ManualClock::at_unix(NOW)).cache(8).build().unwrap()
    };
    let issuers = JwtIssuers::new([of(ISSUER, SECRET), of(OTHER_ISSUER, OTHER_SECRET)]).unwrap();
    let token = |issuer: &str, secret: &str| {
        let claims = claims(&[("iss", &format!("{issuer:?}"))]);
        let message = format!("{}.{}", b64(r#"{"alg":"HS256","kid":"one"}"#), b64(claims));
        let secret = EncodingKey::from_secret(secret.as_bytes());
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &secret, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    // Again, since what is verified is remembered.
    for _ in 0..2 {
        for (issuer, secret, refused) in [
            (ISSUER, SECRET, None),
            (OTHER_ISSUER, OTHER_SECRET, None),
            (ISSUER, OTHER_SECRET, Some("jwt.signature")),
            (OTHER_ISSUER, SECRET, Some("jwt.signature")),
        ] {
            let verdict = issuers.verify(&token(issuer, secret)).into_now().unwrap();
            let verdict = verdict.map(|principal| principal.issuer().to_owned());
            let expected = refused.map_or(Ok(issuer.to_owned()), Err);
            assert_eq!(verdict.map_err(|rejection| rejection.reason()), expected);
        }
    }
}

#[test]
fn issuers_that_cannot_be_told_apart_are_refused() {
    assert!(JwtIssuers::new([]).is_err());
    assert!(JwtIssuers::new([jwt(), jwt()]).unwrap_err().to_string().contains(ISSUER));
    let nobodys = JwtAuth::builder(keys(Algorithm::HS256)).audience(AUDIENCE).build().unwrap();
    assert!(JwtIssuers::new([jwt(), nobodys]).is_err());
}

#[tokio::test]
async fn scopes_are_asked_for_whoever_has_judged_the_token() {
    let bearer = BearerAuth::new("both", issuers()).unwrap();
    let layer = JwtScopeLayer::new(bearer, Scope::from_static("messages:send"));
    let scoped = ("scope", r#""messages:send""#);
    assert_eq!(ask(&layer, &token(claims(&[scoped]))).await.status, 200);
    assert_eq!(ask(&layer, &token(claims(&[]))).await.status, 403);
}
