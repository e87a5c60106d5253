//! Token introspection (RFC 7662) through the public API.
#![cfg(feature = "introspection-http")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "introspection/cache.rs"]
mod cache;
#[path = "introspection/config.rs"]
mod config;
#[path = "introspection/http.rs"]
mod http_endpoint;
#[path = "introspection/members.rs"]
mod members;
#[path = "introspection/secrecy.rs"]
mod secrecy;
#[path = "introspection/server.rs"]
mod server;
mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, Head, Identity, ManualClock, NowOrLater,
    Principal, Rejection, Scheme, Scope, ScopePolicy, Secret, StoreError,
    introspection::{
        IntrospectionAuth, IntrospectionAuthBuilder, IntrospectionEndpoint, IntrospectionResponse,
    },
};
use support::{Answer, Echo, get, get_with, send};
use tower::ServiceExt;

/// The time of most tests, in seconds since 1970-01-01T00:00:00Z.
const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "https://id.example.org";
const AUDIENCE: &str = "messages";
/// The example of RFC 6750.
const TOKEN: &str = "mF_9.B5f-4.1JqM";
/// How long an answer may take, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
const GOOD: &str =
    r#"{"active":true,"iss":"https://id.example.org","aud":"messages","sub":"alice","exp":1700000600}"#;

#[tokio::test]
async fn an_active_token_passes_with_all_that_was_said_of_it() {
    #[derive(serde::Deserialize)]
    struct Mine {
        tenant: u8,
    }

    let json = GOOD.replace(
        '}',
        r#","iat":1699999000,"nbf":1699999000,"jti":"7","scope":"messages:send logs","client_id":"app",
           "username":"Alice A.","token_type":"bearer","tenant":9}"#,
    );
    let principal = judge(&builder(&Saying::json(&json)).build().unwrap(), TOKEN).await.unwrap();
    assert_eq!((principal.issuer(), principal.subject()), (ISSUER, "alice"));
    assert_eq!((principal.scheme(), principal.credential_id()), (Scheme::BEARER, Some("7")));
    assert_eq!(principal.scopes().as_str(), "messages:send logs");
    assert_eq!(principal.authenticated_at(), Some(UNIX_EPOCH + Duration::from_secs(1_699_999_000)));
    let response = principal.extra::<IntrospectionResponse>().unwrap();
    assert_eq!((response.client_id(), response.username()), (Some("app"), Some("Alice A.")));
    assert_eq!(response.expires(), Some(Duration::from_secs(NOW + 600)));
    assert_eq!(principal.expires(), Some(UNIX_EPOCH + Duration::from_secs(NOW + 600)));
    assert_eq!(response.custom::<Mine>().unwrap().tenant, 9);

    let least = judge(&builder(&Saying::json(GOOD)).build().unwrap(), TOKEN).await.unwrap();
    assert!(least.scopes().is_empty());
    assert_eq!((least.credential_id(), least.authenticated_at()), (None, None));
    let response = least.extra::<IntrospectionResponse>().unwrap();
    assert_eq!((response.client_id(), response.username()), (None, None));
}

#[tokio::test]
async fn only_one_well_formed_token_is_asked_about() {
    let endpoint = Saying::json(GOOD);
    let layer =
        AuthenticateLayer::new(builder(&endpoint).max_length(20).realm("vault").build().unwrap());
    let mut twice = get_with("/", format!("Bearer {TOKEN}"));
    let value = twice.headers()["authorization"].clone();
    twice.headers_mut().append("authorization", value);
    for (request, status, reason) in [
        (get("/"), 401, "authorization.missing"),
        (get(&format!("/?access_token={TOKEN}")), 401, "authorization.missing"),
        (get_with("/", format!("Token {TOKEN}")), 401, "authorization.unknown_scheme"),
        (twice, 400, "authorization.repeated"),
        (get_with("/", "Bearer"), 400, "bearer.malformed"),
        (get_with("/", "Bearer "), 400, "bearer.malformed"),
        (get_with("/", format!("Bearer {TOKEN} ")), 400, "bearer.malformed"),
        (get_with("/", format!("Bearer {TOKEN},x")), 400, "bearer.malformed"),
        (get_with("/", format!("Bearer {TOKEN}&token=x")), 400, "bearer.malformed"),
        (get_with("/", format!("Bearer {}", "a".repeat(21))), 401, "introspection.too_long"),
    ] {
        let answer = send(&layer, request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (status, reason));
    }
    assert_eq!(endpoint.asked(), 0);
    assert_eq!(send(&layer, get_with("/", format!("bearer {}", "a".repeat(20)))).await.body, "alice");
    assert_eq!(endpoint.asked(), 1);
}

#[tokio::test]
async fn a_scope_that_the_token_lacks_is_403() {
    let json = GOOD.replace('}', r#","scope":"messages:list"}"#);
    let stack = tower::ServiceBuilder::new()
        .layer(AuthenticateLayer::new(builder(&Saying::json(&json)).build().unwrap()))
        .layer(AuthorizeLayer::new(ScopePolicy::from(Scope::from_static("messages:send"))))
        .service(Echo::default());
    let response = stack.oneshot(get_with("/", format!("Bearer {TOKEN}"))).await.unwrap();
    let answer = Answer::of(response).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.challenges(), [r#"Bearer error="insufficient_scope", scope="messages:send""#]);
}

/// Says the same of every token, and counts the questions.
#[derive(Clone)]
struct Saying(Arc<Said>);

struct Said {
    /// `None`: the endpoint is down.
    json: Mutex<Option<Bytes>>,
    asked: AtomicUsize,
}

impl Saying {
    fn json(json: impl AsRef<[u8]>) -> Self {
        let json = Mutex::new(Some(Bytes::copy_from_slice(json.as_ref())));
        Self(Arc::new(Said { json, asked: AtomicUsize::new(0) }))
    }

    fn down() -> Self {
        let this = Self::json("");
        this.say(None);
        this
    }

    fn say(&self, json: Option<&str>) {
        *self.0.json.lock().unwrap() = json.map(|json| Bytes::copy_from_slice(json.as_bytes()));
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }
}

impl IntrospectionEndpoint for Saying {
    fn introspect(&self, _: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let json = self.0.json.lock().unwrap().clone();
        NowOrLater::now(json.ok_or_else(|| StoreError::new("connection refused")))
    }
}

/// Wants the issuer and the audience of [`GOOD`], at the time [`NOW`].
fn builder(endpoint: &(impl IntrospectionEndpoint + Clone)) -> IntrospectionAuthBuilder {
    bare(endpoint).issuer(ISSUER).audience(AUDIENCE)
}

/// Wants nothing, at the time [`NOW`].
fn bare(endpoint: &(impl IntrospectionEndpoint + Clone)) -> IntrospectionAuthBuilder {
    IntrospectionAuth::builder(endpoint.clone()).clock(ManualClock::at_unix(NOW))
}

async fn judge(auth: &IntrospectionAuth, token: &str) -> Result<Principal, Rejection> {
    let request = get_with("/", format!("Bearer {token}"));
    let verdict = auth.authenticate(&Head::new(&request)).expect("the scheme is its own");
    verdict.await
}

/// The code of the refusal of a token of which this is said; `None` if it is accepted.
async fn refusal(builder: IntrospectionAuthBuilder) -> Option<&'static str> {
    judge(&builder.build().unwrap(), TOKEN).await.err().map(|rejection| rejection.reason())
}

/// [`GOOD`], but for these members: a name, and its value as JSON. An empty value takes the member out.
fn response(changes: &[(&str, &str)]) -> String {
    let mut all = vec![
        ("active", "true"),
        ("iss", r#""https://id.example.org""#),
        ("aud", r#""messages""#),
        ("sub", r#""alice""#),
        ("exp", "1700000600"),
    ];
    for (name, value) in changes {
        all.retain(|(other, _)| other != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    let members: Vec<_> = all.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}
