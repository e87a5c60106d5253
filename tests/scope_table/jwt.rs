//! `JwtScopeLayer::table`: who and may, in one layer.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, JwtScopeLayer, NowOrLater, Requirement, ScopePolicy, ScopeTable,
    StoreError,
    jwt::{Algorithm, JwtAuth, Key, Keys, RevocationStore, TokenFacts},
};
use proptest::prelude::*;
use serde_json::json;
use tower::ServiceBuilder;

use super::{READ, WRITE, by, request};
use crate::{
    schemes::{NOW, bearer, by_token, manual_clock},
    support::{Answer, send},
};

fn table() -> ScopeTable {
    ScopeTable::builder()
        .route(Method::GET, "/messages", READ)
        .route(Method::POST, "/messages", Requirement::from(WRITE).dangerous_dry_run())
        .route(Method::GET, "/me", Requirement::authenticated())
        .route(Method::GET, "/health", Requirement::open())
        .build()
        .unwrap()
}

fn jwt() -> JwtAuth {
    by_token(manual_clock())
}

fn with(mut request: Request<Full<Bytes>>, authorization: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert(header::AUTHORIZATION, authorization.parse().unwrap());
    request
}

#[tokio::test]
async fn a_token_needs_the_scopes_of_the_route() {
    let layer = JwtScopeLayer::table(jwt(), table());
    for (method, path, scope, status) in [
        ("GET", "/messages", "read", 200),
        ("HEAD", "/messages", "read", 200),
        ("GET", "/messages", "write", 403),
        ("POST", "/messages", "read", 200),
        ("PUT", "/messages", "all:any", 403),
        ("GET", "/unknown", "all:any", 403),
        ("GET", "/me", "", 200),
        ("GET", "/health", "", 200),
    ] {
        let answer =
            send(&layer, with(request(method, path), &bearer("carol", scope, NOW + 600))).await;
        assert_eq!(answer.status, status, "{method} {path} by {scope:?}");
    }
    let answer = send(&layer, with(request("GET", "/messages"), &bearer("c", "x", NOW + 600))).await;
    assert_eq!(answer.challenges(), [r#"Bearer error="insufficient_scope", scope="read""#]);
}

/// RFC 9728 section 5.1.
#[tokio::test]
async fn a_table_says_once_for_all_rules_where_the_metadata_is() {
    const URL: &str = "https://api.example.org/.well-known/oauth-protected-resource";
    let table = |url: &str| {
        ScopeTable::builder()
            .route(Method::GET, "/messages", READ)
            .route(Method::POST, "/messages", ScopePolicy::any_of([WRITE, READ]))
            .route(Method::GET, "/me", Requirement::authenticated())
            .resource_metadata(url)
            .build()
    };
    let layer = JwtScopeLayer::table(jwt(), table(URL).unwrap());
    for (method, scope) in [("GET", "read"), ("POST", "write")] {
        let request = with(request(method, "/messages"), &bearer("carol", "x", NOW + 600));
        let expected =
            format!(r#"Bearer error="insufficient_scope", scope="{scope}", resource_metadata="{URL}""#);
        assert_eq!(send(&layer, request).await.challenges(), [&*expected]);
    }
    for url in ["", "http://api.example.org/x", "https://api.example.org/?x", "https://a/#x", "a\r\nb"]
    {
        assert!(table(url).is_err(), "{url:?}");
        let open = ScopeTable::builder().route(Method::GET, "/", Requirement::open());
        assert!(open.resource_metadata(url).build().is_err(), "{url:?}");
    }
}

#[tokio::test]
async fn what_is_open_needs_no_token_and_takes_no_wrong_one() {
    let layer = JwtScopeLayer::table(jwt(), table());
    assert_eq!(send(&layer, request("GET", "/health")).await.body, "anonymous");
    let good = bearer("carol", "", NOW + 600);
    assert_eq!(send(&layer, with(request("GET", "/health"), &good)).await.body, "carol");
    for (authorization, status) in [
        ("Bearer a.b.c", 401),
        (&*bearer("carol", "all:any", NOW - 61), 401),
        ("Bearer a b", 400),
        ("Basic YTpi", 401),
    ] {
        assert_eq!(send(&layer, with(request("GET", "/health"), authorization)).await.status, status);
    }
    for (method, path) in [("GET", "/messages"), ("POST", "/messages"), ("GET", "/me"), ("GET", "/x")] {
        let answer = send(&layer, request(method, path)).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "authorization.missing"));
        assert_eq!(answer.challenges(), [r#"Bearer realm="vault""#], "{method} {path}");
    }
}

/// No token was revoked, as it turns out later; or the store is down.
struct Slow {
    up: bool,
}

impl RevocationStore for Slow {
    fn is_revoked(&self, _: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        let answer = if self.up { Ok(false) } else { Err(StoreError::new("no route to host")) };
        NowOrLater::later(async {
            tokio::task::yield_now().await;
            answer
        })
    }
}

#[tokio::test]
async fn a_token_that_takes_time_is_held_to_the_rule_of_its_own_request() {
    let secret = [7; 32];
    let sign = |scope: &str| {
        let claims =
            json!({ "sub": "carol", "scope": scope, "exp": NOW + 600, "jti": "1", "iss": "id" });
        let key = jsonwebtoken::EncodingKey::from_secret(&secret);
        format!(
            "Bearer {}",
            jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
        )
    };
    let layer = |up| {
        let keys = Keys::new([Key::hmac(Algorithm::HS256, &secret[..]).unwrap()]).unwrap();
        let jwt = JwtAuth::builder(keys).issuer("id").clock(manual_clock()).revocations(Slow { up });
        JwtScopeLayer::table(jwt.build().unwrap(), table())
    };
    for (method, path, scope, status) in [
        ("GET", "/messages", "read", 200),
        ("GET", "/messages", "write", 403),
        ("POST", "/messages", "", 200),
        ("GET", "/unknown", "all:any", 403),
        ("GET", "/health", "", 200),
    ] {
        let answer = send(&layer(true), with(request(method, path), &sign(scope))).await;
        assert_eq!(answer.status, status, "{method} {path} by {scope:?}");
        let answer = send(&layer(false), with(request(method, path), &sign(scope))).await;
        assert_eq!(answer.status, 503, "{method} {path} by {scope:?}");
    }
}

#[tokio::test]
async fn a_principal_of_an_outer_layer_is_held_to_the_table_too() {
    let layer = JwtScopeLayer::table(jwt(), table()).skip_authenticated();
    for (method, path, scopes, status) in [
        ("GET", "/messages", "read", 200),
        ("GET", "/messages", "write", 403),
        ("PUT", "/messages", "all:any", 403),
        ("GET", "/unknown", "all:any", 403),
        ("GET", "/health", "", 200),
    ] {
        let answer = send(&layer, by(scopes, request(method, path))).await;
        assert_eq!(answer.status, status, "{method} {path} by {scopes:?}");
    }
}

#[tokio::test]
async fn a_preflight_passes_only_where_the_layer_was_told_so() {
    let preflight = || {
        let mut request = request("OPTIONS", "/messages");
        for (name, value) in
            [("origin", "https://app.example"), ("access-control-request-method", "GET")]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let layer = JwtScopeLayer::table(jwt(), table());
    assert_eq!(send(&layer, preflight()).await.status, 401);
    assert_eq!(send(&layer.clone().allow_cors_preflight(), preflight()).await.body, "anonymous");
    // What only looks like one.
    let forged = send(&layer.allow_cors_preflight(), request("OPTIONS", "/messages")).await;
    assert_eq!(forged.status, 401);
}

/// All that a caller sees.
fn seen(answer: Answer) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (answer.status.as_u16(), headers.collect(), answer.body)
}

proptest! {
    #[test]
    fn one_layer_with_a_table_decides_as_two_layers_do(
        method in "GET|HEAD|POST|PUT|OPTIONS|get",
        path in "/messages|/me|/health|/unknown|/health/|/",
        scope in "(read|write|all:any|other)?",
        credentials in 0..5_usize,
    ) {
        let authorization = [
            None,
            Some(bearer("carol", &scope, NOW + 600)),
            Some(bearer("carol", &scope, NOW - 600)),
            Some("Bearer a b".to_owned()),
            Some("Digest x".to_owned()),
        ][credentials].clone();
        let ask = || {
            let request = request(&method, &path);
            authorization.as_ref().map_or(request.clone(), |line| with(request, line))
        };
        let one = JwtScopeLayer::table(jwt(), table());
        let two = ServiceBuilder::new()
            .layer(AuthenticateLayer::new(jwt()).optional())
            .layer(AuthorizeLayer::new(table()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (one, two) = runtime.block_on(async { (send(&one, ask()).await, send(&two, ask()).await) });
        prop_assert_eq!(seen(one), seen(two));
    }
}
