//! Bearer tokens over HTTP (RFC 6750): what the caller is told, and what the handler is given.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use std::{
    convert::Infallible,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use jwt_support::*;
use portcullis::{
    AuthenticateLayer, JwtScopeLayer, Principal, Scheme, Scope,
    jwt::{Algorithm, Claims, JwtAuth},
};
use support::{Log, get, get_with, send};
use tower::{Layer, ServiceExt, service_fn};

const SEND: Scope = Scope::from_static("messages:send");

fn layer() -> JwtScopeLayer {
    JwtScopeLayer::new(jwt(), SEND)
}

fn sender() -> String {
    token(claims(&[("scope", r#""messages:list messages:send""#)]))
}

#[tokio::test]
async fn a_good_token_with_the_scope_passes() {
    let answer = ask(&layer(), &sender()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
}

#[tokio::test]
async fn a_good_token_without_scopes_passes_where_none_is_needed() {
    let answer = ask(&AuthenticateLayer::new(jwt()), &token(claims(&[]))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
}

#[tokio::test]
async fn the_scheme_has_no_case_and_is_followed_by_one_or_more_blanks() {
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer  ", "bearer     "] {
        let answer = send(&layer(), get_with("/", format!("{scheme}{}", sender()))).await;
        assert_eq!(answer.status, 200, "{scheme:?}");
    }
}

#[tokio::test]
async fn without_a_token_the_challenge_has_a_realm_and_no_error() {
    let answer = send(&layer(), get("/")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Bearer realm="protected""#]);
    assert_eq!(answer.body, "credentials required");

    let named = JwtScopeLayer::new(builder().realm(r#"the "vault""#).build().unwrap(), SEND);
    let answer = send(&named, get("/")).await;
    assert_eq!(answer.challenges(), [r#"Bearer realm="the \"vault\"""#]);
}

#[tokio::test]
async fn what_is_no_b64token_is_an_invalid_request() {
    let good = sender();
    for sent in [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer   ".to_owned(),
        "Bearer =".to_owned(),
        format!("Bearer\t{good}"),
        format!("Bearer {good} "),
        format!("Bearer {good}\t"),
        format!("Bearer {good},"),
        format!("Bearer {good} {good}"),
        format!("Bearer {good}, Bearer {good}"),
        format!("Bearer \"{good}\""),
        format!("Bearer token={good}"),
        format!("Bearer,{good}"),
        r#"Bearer {"payload":"e30","signatures":[]}"#.to_owned(),
    ] {
        let answer = send(&layer(), get_with("/", &sent)).await;
        assert_eq!(answer.status, 400, "{sent:?}");
        assert_eq!(answer.challenges(), [r#"Bearer realm="protected", error="invalid_request""#]);
        assert_eq!(answer.body, "credentials malformed");
        assert_eq!(answer.reason(), "bearer.malformed");
    }
}

#[tokio::test]
async fn two_authorization_lines_are_an_invalid_request() {
    let mut request = get_with("/", format!("Bearer {}", sender()));
    let line = request.headers()[header::AUTHORIZATION].clone();
    request.headers_mut().append(header::AUTHORIZATION, line);
    let answer = send(&layer(), request).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.challenges(), [r#"Bearer realm="protected", error="invalid_request""#]);
}

#[tokio::test]
async fn a_refused_token_is_invalid_token() {
    let answer = ask(&layer(), "not.a.token").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Bearer realm="protected", error="invalid_token""#]);
    assert_eq!(answer.body, "credentials refused");
}

#[tokio::test]
async fn another_scheme_is_refused_without_an_error_of_bearer() {
    for sent in [&*format!("Bearerx {}", sender()), &format!("Token {}", sender()), "Basic YTpi", ""] {
        let answer = send(&layer(), get_with("/", sent)).await;
        assert_eq!(answer.status, 401, "{sent}");
        assert_eq!(answer.challenges(), [r#"Bearer realm="protected""#], "{sent}");
    }
}

#[tokio::test]
async fn a_token_elsewhere_than_in_the_header_is_not_looked_at() {
    let path = format!("/?access_token={}", sender());
    assert_eq!(send(&layer(), get(&path)).await.reason(), "authorization.missing");

    let form: Request<Full<Bytes>> = Request::post("/")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, format!("access_token={}", sender()))
        .body(Full::from(format!("access_token={}", sender())))
        .unwrap();
    assert_eq!(send(&layer(), form).await.reason(), "authorization.missing");

    // A good one in the query does not save a bad one in the header.
    assert_eq!(send(&layer(), get_with(&path, "Bearer a.b.c")).await.reason(), "bearer.several_tokens");
}

#[tokio::test]
async fn every_refused_token_gets_the_same_answer_byte_for_byte() {
    let other_key = jsonwebtoken::encode(
        &jsonwebtoken::Header::default(),
        &serde_json::json!({ "sub": "alice" }),
        &jsonwebtoken::EncodingKey::from_secret(b"another secret"),
    );
    let bad_claims = [
        ("exp", "1"),
        ("exp", ""),
        ("exp", "null"),
        ("nbf", "2000000000"),
        ("iat", "2000000000"),
        ("iss", ""),
        ("iss", r#""https://evil.example""#),
        ("aud", r#""other""#),
        ("sub", ""),
        ("sub", r#""""#),
        ("scope", "1"),
        ("scope", r#""a  b""#),
    ];
    let mut tokens: Vec<_> = bad_claims.iter().map(|change| token(claims(&[*change]))).collect();
    tokens.extend([
        "a.b.c".to_owned(),
        ".".repeat(100_000),
        "x".repeat(100_000),
        other_key.unwrap(),
        sign(r#"{"alg":"none"}"#, claims(&[])),
        sign(r#"{"alg":"HS256","kid":"unknown","crit":["exp"]}"#, claims(&[])),
        token("[]"),
        format!("{}=", sender()),
        "a.b.c.d.e".to_owned(),
    ]);
    let mut reasons = std::collections::BTreeSet::new();
    let mut answers = Vec::new();
    for token in &tokens {
        let answer = ask(&layer(), token).await;
        assert_eq!(answer.status, 401);
        reasons.insert(answer.reason());
        answers.push((answer.headers, answer.body));
    }
    assert!(reasons.len() > 12, "the reasons differ: {reasons:?}");
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn a_token_is_looked_at_up_to_the_greatest_length_and_no_further() {
    let token = sender();
    let capped = |bytes| AuthenticateLayer::new(builder().max_length(bytes).build().unwrap());
    assert_eq!(ask(&capped(token.len()), &token).await.status, 200);
    assert_eq!(ask(&capped(token.len() - 1), &token).await.reason(), "jwt.too_long");

    let padded =
        |bytes: usize| jwt_support::token(claims(&[("x", &format!("{:?}", "x".repeat(bytes)))]));
    assert_eq!(ask(&AuthenticateLayer::new(jwt()), &padded(5_500)).await.status, 200);
    assert_eq!(ask(&AuthenticateLayer::new(jwt()), &padded(6_200)).await.reason(), "jwt.too_long");

    let dots = ".".repeat(1 << 20);
    assert_eq!(ask(&layer(), &dots).await.reason(), "jwt.too_long");
    assert_eq!(ask(&capped(1 << 21), &dots).await.reason(), "jwt.header");
}

#[tokio::test]
async fn the_handler_is_given_the_principal() {
    #[derive(serde::Deserialize)]
    struct Mine {
        email: String,
        sub: String,
    }

    let claims = claims(&[
        ("jti", r#""token-7""#),
        ("iat", "1699999990.5"),
        ("scope", r#""a b""#),
        ("email", r#""alice@example.org""#),
    ]);
    let handler = service_fn(async |mut request: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::default());
        response.extensions_mut().insert(request.extensions_mut().remove::<Principal>().unwrap());
        Ok::<_, Infallible>(response)
    });
    let service = AuthenticateLayer::new(jwt()).layer(handler);
    let request = get_with("/", format!("Bearer {}", token(claims)));
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);

    let principal = response.extensions().get::<Principal>().unwrap();
    assert_eq!((principal.issuer(), principal.subject()), (ISSUER, "alice"));
    assert_eq!(principal.scheme(), Scheme::BEARER);
    assert_eq!(principal.credential_id(), Some("token-7"));
    assert_eq!(principal.scopes().iter().collect::<Vec<_>>(), ["a", "b"]);
    let issued = UNIX_EPOCH + Duration::from_millis(1_699_999_990_500);
    assert_eq!(principal.authenticated_at(), Some(issued));

    let claims = principal.extra::<Claims>().unwrap();
    assert_eq!(claims.id(), Some("token-7"));
    assert_eq!(claims.expires(), Some(Duration::from_secs(NOW + 600)));
    let mine: Mine = claims.custom().unwrap();
    assert_eq!((&*mine.email, &*mine.sub), ("alice@example.org", "alice"));
    assert!(claims.custom::<Vec<u8>>().is_err());
    assert_eq!(format!("{claims:?}"), "Claims { .. }");
}

#[test]
fn what_a_token_does_not_say_the_principal_does_not_know() {
    let principal = judge(&jwt(), &token(claims(&[]))).unwrap();
    assert_eq!(principal.credential_id(), None);
    assert_eq!(principal.authenticated_at(), None);
    assert!(principal.scopes().is_empty());
    assert_eq!(principal.extra::<Claims>().unwrap().id(), None);
}

#[test]
fn an_authenticator_that_asks_for_neither_issuer_nor_audience_says_so_in_the_log() {
    let bare = || JwtAuth::builder(keys(Algorithm::HS256));
    let logged = |builder: portcullis::jwt::JwtAuthBuilder| {
        let log = Log::capture();
        builder.build().unwrap();
        log.text()
    };
    let text = logged(bare());
    assert!(text.contains("WARN") && text.contains("checks neither `iss` nor `aud`"), "{text}");
    assert_eq!(logged(bare().issuer(ISSUER)), "");
    assert_eq!(logged(bare().audience(AUDIENCE)), "");
}

#[test]
fn everybodys_users_cannot_be_made_ones_own() {
    let anybodys = JwtAuth::builder(keys(Algorithm::HS256)).audience(AUDIENCE);
    assert!(anybodys.identities_of("local").build().is_err());
    assert!(builder().identities_of("local").build().is_ok());
}

#[test]
fn a_leeway_of_more_than_five_minutes_or_a_realm_with_a_line_break_is_a_configuration_error() {
    let leeway = |leeway| builder().leeway(leeway).build();
    assert!(leeway(Duration::from_secs(300)).is_ok());
    assert!(leeway(Duration::from_millis(300_001)).unwrap_err().to_string().contains("five minutes"));
    assert!(leeway(Duration::MAX).is_err());
    assert!(builder().realm("a\r\nset-cookie: b").build().is_err());
}

/// Such as comes of a variable of the environment that is not set.
#[test]
fn a_setting_that_is_empty_is_a_configuration_error() {
    let bare = || JwtAuth::builder(keys(Algorithm::HS256));
    for empty in [
        bare().issuer(""),
        bare().audience(""),
        builder().audience(""),
        builder().identities_of(""),
        builder().cache(0),
    ] {
        let error = empty.build().unwrap_err().to_string();
        assert!(error.contains("leave"), "{error}");
    }
}

#[tokio::test]
async fn a_body_is_not_looked_at() {
    let request = |authorization: &str| {
        let request = Request::post("/").header(header::AUTHORIZATION, authorization);
        request.body(Full::new(Bytes::from_static(b"\xff\xfe"))).unwrap()
    };
    assert_eq!(send(&layer(), request("Bearer a.b.c")).await.status, 401);
    assert_eq!(send(&layer(), request(&format!("Bearer {}", sender()))).await.status, 200);
}

#[tokio::test]
async fn neither_logs_nor_debug_output_show_secrets_or_tokens() {
    let log = Log::capture();
    let kid = r#"{"alg":"HS256","kid":"canary-kid"}"#;
    let claim = claims(&[("email", r#""canary-claim""#), ("scope", r#""messages:send""#)]);
    let expired = claims(&[("email", r#""canary-claim""#), ("exp", "1")]);
    let mut flipped = token(&claim).into_bytes();
    flipped.reverse();
    let tokens = [
        token(&claim),
        token(&expired),
        sign(kid, &claim),
        sign(r#"{"alg":"canary-alg"}"#, &claim),
        String::from_utf8(flipped).unwrap(),
        "canary-malformed,".to_owned(),
    ];
    let jwt = jwt();
    let mut seen = vec![format!("{:?} {:?} {:?}", builder(), jwt, keys(Algorithm::HS256))];
    for token in &tokens {
        let answer = ask(&layer(), token).await;
        let verified = keys(Algorithm::HS256).verify(token);
        seen.push(format!("{answer:?} {:?} {verified:?}", judge(&jwt, token)));
    }
    seen.push(format!("{:?} {:?} {}", layer(), AuthenticateLayer::new(jwt), log.text()));
    let seen = seen.join("\n");
    assert!(seen.contains("jwt.expired") && seen.contains("alice"), "something was logged: {seen}");
    assert!(!seen.contains("canary"), "{seen}");
    let parts = tokens.iter().flat_map(|token| token.split('.')).filter(|part| part.len() > 8);
    for part in parts {
        assert!(!seen.contains(part), "{part} in {seen}");
    }
}
