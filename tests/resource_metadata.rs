//! RFC 9728: the document, its place, and the challenges that point to it.
#![cfg(all(feature = "axum", feature = "_jwt", feature = "resource-metadata", feature = "user-token"))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod support;

use std::net::SocketAddr;

use axum::Router;
use http::{Method, Request, header};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BearerAuth, JwtScopeLayer, Scope, ScopePolicy, UserTokenLayer,
    jwt::{Algorithm, JwtAuth, Key, Keys},
    resource_metadata::{ResourceMetadata, ResourceMetadataBuilder},
    user_token::{MemoryUserTokenStore, UserTokenAuth},
};
use serde_json::{Value, json};
use support::{Answer, get, get_with, send};
use tower::ServiceExt;

const SEND: Scope = Scope::from_static("messages:send");
const URL: &str = "https://api.example.org/.well-known/oauth-protected-resource/messages";

#[test]
fn the_document_says_what_was_configured_and_no_more() {
    let least = ResourceMetadata::builder("https://api.example.org").build().unwrap();
    let least: Value = serde_json::from_slice(least.document()).unwrap();
    assert_eq!(
        least,
        json!({ "resource": "https://api.example.org", "bearer_methods_supported": ["header"] })
    );

    let all = messages()
        .authorization_server("https://other.example.org/tenant")
        .scopes([SEND, Scope::from_static("messages:list")])
        .name(r#"The "messages" \ café"#)
        .documentation("https://api.example.org/docs?of=messages")
        .policy("https://api.example.org/policy")
        .terms_of_service("https://api.example.org/first")
        .terms_of_service("https://api.example.org/terms")
        .jwks_uri("https://api.example.org/jwks.json")
        .build()
        .unwrap();
    let all: Value = serde_json::from_slice(all.document()).unwrap();
    assert_eq!(
        all,
        json!({
            "resource": "https://api.example.org/messages",
            "authorization_servers": ["https://id.example.org", "https://other.example.org/tenant"],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["messages:send", "messages:list"],
            "resource_name": "The \"messages\" \\ café",
            "resource_documentation": "https://api.example.org/docs?of=messages",
            "resource_policy_uri": "https://api.example.org/policy",
            "resource_tos_uri": "https://api.example.org/terms",
            "jwks_uri": "https://api.example.org/jwks.json",
        })
    );
}

/// Section 3.1: between the host and the path.
#[test]
fn the_document_is_at_the_well_known_place_of_its_resource() {
    for (resource, url) in [
        ("https://api.example.org", "https://api.example.org/.well-known/oauth-protected-resource"),
        ("https://api.example.org/", "https://api.example.org/.well-known/oauth-protected-resource"),
        ("https://api.example.org/messages", URL),
        (
            "https://api.example.org:8443/a/b%2Fc/",
            "https://api.example.org:8443/.well-known/oauth-protected-resource/a/b%2Fc/",
        ),
        ("http://127.0.0.1:1/x", "http://127.0.0.1:1/.well-known/oauth-protected-resource/x"),
    ] {
        let metadata = ResourceMetadata::builder(resource).build().unwrap();
        assert_eq!(metadata.url(), url);
        assert!(url.ends_with(metadata.path()) && metadata.path().starts_with("/.well-known/"));
        let document: Value = serde_json::from_slice(metadata.document()).unwrap();
        assert_eq!(document["resource"], resource, "byte for byte, as clients compare it");
    }
}

#[test]
fn a_url_that_clients_could_not_trust_is_refused_when_it_is_built() {
    let good = || ResourceMetadata::builder("https://api.example.org");
    for (bad, named) in [
        (ResourceMetadata::builder("http://api.example.org"), "resource"),
        (ResourceMetadata::builder("api.example.org"), "resource"),
        (ResourceMetadata::builder("https://api.example.org/#x"), "resource"),
        (ResourceMetadata::builder("https://api.example.org/?x"), "resource"),
        (ResourceMetadata::builder("https://u:p@api.example.org"), "resource"),
        (good().authorization_server("http://id.example.org"), "authorization_servers"),
        (good().authorization_server("https://id.example.org/?x"), "authorization_servers"),
        (good().jwks_uri("http://api.example.org/jwks"), "jwks_uri"),
        (good().documentation("javascript:alert(1)"), "resource_documentation"),
        (good().policy(""), "resource_policy_uri"),
        (good().terms_of_service("/terms"), "resource_tos_uri"),
    ] {
        let error = bad.build().unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    for url in
        ["http://api.example.org/x", "https://api.example.org/?x", "https://a/#x", "x\r\ny: z", ""]
    {
        assert!(jwt(Some(url)).is_err(), "{url:?}");
        assert!(user_tokens().resource_metadata(url).is_err(), "{url:?}");
        assert!(ScopePolicy::from(SEND).resource_metadata(url).is_err(), "{url:?}");
    }
}

#[tokio::test]
async fn each_bearer_challenge_points_to_the_document() {
    let end = format!(r#"resource_metadata="{URL}""#);
    let whole = BearerAuth::new("vault", jwt(None).unwrap()).unwrap();
    let whole = AuthenticateLayer::new(whole.resource_metadata(URL).unwrap());
    let jwt = AuthenticateLayer::new(jwt(Some(URL)).unwrap());
    let tokens = user_tokens().resource_metadata("https://first.example.org").unwrap();
    let tokens = UserTokenLayer::new(tokens.resource_metadata(URL).unwrap());
    for (request, start) in [
        (get("/"), r#"Bearer realm="vault", "#),
        (get_with("/", "Bearer"), r#"Bearer realm="vault", error="invalid_request", "#),
        (get_with("/", "Bearer x.y.z"), r#"Bearer realm="vault", error="invalid_token", "#),
    ] {
        let expected = format!("{start}{end}");
        assert_eq!(send(&jwt, request.clone()).await.challenges(), [&*expected]);
        assert_eq!(send(&whole, request.clone()).await.challenges(), [&*expected]);
        assert_eq!(send(&tokens, request).await.challenges(), [&*expected]);
    }
    let silent = UserTokenLayer::new(user_tokens());
    assert_eq!(send(&silent, get("/")).await.challenges(), [r#"Bearer realm="vault""#]);
}

#[tokio::test]
async fn insufficient_scope_points_to_the_document_too() {
    let needed = ScopePolicy::all_of([SEND]).resource_metadata("https://first.example.org").unwrap();
    let needed = needed.resource_metadata(URL).unwrap().no_global_scope();
    let expected = format!(
        r#"Bearer error="insufficient_scope", scope="messages:send", resource_metadata="{URL}""#
    );
    let request = || get_with("/", format!("Bearer {}", token()));
    let whole = JwtScopeLayer::new(jwt(Some(URL)).unwrap(), needed.clone());
    let answer = send(&whole, request()).await;
    assert_eq!((answer.status.as_u16(), answer.challenges()), (403, vec![&*expected]));

    let stack = tower::ServiceBuilder::new()
        .layer(AuthenticateLayer::new(jwt(None).unwrap()))
        .layer(AuthorizeLayer::new(needed))
        .service(support::Echo::default());
    let answer = Answer::of(stack.oneshot(request()).await.unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.challenges()), (403, vec![&*expected]));
}

#[tokio::test]
async fn get_and_head_are_answered_and_nothing_else_is() {
    let metadata = messages().build().unwrap();
    for (method, status, body) in [
        (Method::GET, 200, metadata.document().to_vec()),
        (Method::HEAD, 200, Vec::new()),
        (Method::POST, 405, Vec::new()),
        (Method::OPTIONS, 405, Vec::new()),
        (Method::from_bytes(b"get").unwrap(), 405, Vec::new()),
    ] {
        let request = Request::builder().method(&method).uri("/").body(()).unwrap();
        let answer = Answer::of(metadata.clone().oneshot(request).await.unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.body.into_bytes()), (status, body), "{method}");
        if status == 200 {
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json");
            let length = metadata.document().len().to_string();
            assert_eq!(answer.headers[header::CONTENT_LENGTH], &*length);
        } else {
            assert_eq!(answer.headers[header::ALLOW], "GET, HEAD");
        }
    }
}

/// A client that follows the challenge finds the document, on a real socket.
#[tokio::test]
async fn an_axum_server_shows_the_document_outside_of_its_layers() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let resource = format!("http://{address}/messages");
    let metadata = ResourceMetadata::builder(&resource).build().unwrap();
    let tokens = user_tokens().resource_metadata(metadata.url()).unwrap();
    let app = Router::new()
        .route("/messages", axum::routing::get(async || "a message"))
        .layer(UserTokenLayer::new(tokens))
        .route_service(metadata.path(), metadata.clone());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = client.get(&resource).send().await.unwrap();
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    let (_, url) = challenge.split_once("resource_metadata=\"").unwrap();
    let url = url.trim_end_matches('"');
    let found = client.get(url).send().await.unwrap();
    assert_eq!(found.status(), 200);
    let document: Value = serde_json::from_slice(&found.bytes().await.unwrap()).unwrap();
    assert_eq!(document["resource"], resource);

    let head = client.head(url).send().await.unwrap();
    assert_eq!(head.headers()[header::CONTENT_LENGTH], &*metadata.document().len().to_string());
    assert_eq!(client.post(url).send().await.unwrap().status(), 405);
}

fn messages() -> ResourceMetadataBuilder {
    ResourceMetadata::builder("https://api.example.org/messages")
        .authorization_server("https://id.example.org")
}

fn user_tokens() -> UserTokenAuth {
    UserTokenAuth::new("vault", MemoryUserTokenStore::new()).unwrap()
}

const SECRET: &str = "a secret of at least thirty-two bytes";

fn jwt(resource_metadata: Option<&str>) -> Result<JwtAuth, portcullis::ConfigError> {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    let builder = JwtAuth::builder(keys).issuer("https://id.example.org").realm("vault");
    match resource_metadata {
        Some(url) => builder.resource_metadata(url).build(),
        None => builder.build(),
    }
}

/// A good token without scopes.
fn token() -> String {
    let claims = json!({ "iss": "https://id.example.org", "sub": "alice", "exp": 253_402_300_799_u64 });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}
