//! What a layer sees of a path inside `nest` and `nest_service`.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post, put},
};
use http::{Method, Request, Uri};
use portcullis::{
    Identity, ManualClock, OwnershipLayer, S3pSignatureLayer,
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, Signer},
};

use super::{ask, basic_layer, by_alice, request, whoami, with};

const SECRET: &str = "a secret of 16 bytes or more";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_unix(1_361_281_946))
}

/// A layer for services that clients reach under this URL.
fn s3p(url: &str) -> S3pSignatureLayer {
    let keys = MemoryAccessKeyStore::new();
    keys.insert("token", AccessKey::new(Identity::local("alice").unwrap(), SECRET).unwrap());
    let url = PublicUrl::parse(url).unwrap();
    S3pSignatureLayer::new(S3pAuth::new(url, keys, MemoryNonceStore::new()).clock(clock()))
}

/// A request for a path under `https://pay.example.org`, signed as a client does.
fn signed(
    method: &Method,
    path: &str,
    body: &'static str,
) -> Request<http_body_util::Full<bytes::Bytes>> {
    let url: Uri = format!("https://pay.example.org{path}").parse().unwrap();
    let mut request = request(method, path);
    if !body.is_empty() {
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        *request.body_mut() = body.into();
    }
    let signer = Signer::new("token", SECRET).unwrap().clock(clock());
    let authorization = signer.sign(method, &url, request.headers(), body.as_bytes()).unwrap();
    with(request, authorization.to_str().unwrap())
}

fn payments() -> Router {
    Router::new().route("/ping", get(whoami)).route("/pay", post(async |body: String| body))
}

#[tokio::test]
async fn inside_a_nest_the_prefix_belongs_into_the_public_url() {
    let url = "https://pay.example.org/s3p/v2";
    for router in [
        Router::new().nest("/s3p/v2", payments().layer(s3p(url))),
        Router::new().nest_service("/s3p/v2", payments().layer(s3p(url))),
        Router::new().nest("/s3p", Router::new().nest("/v2", payments().layer(s3p(url)))),
        Router::new().nest("/s3p/v2", payments()).layer(s3p("https://pay.example.org")),
        Router::new().nest(
            "/s3p",
            Router::new().nest("/v2", payments()).layer(s3p("https://pay.example.org/s3p")),
        ),
    ] {
        let answer = ask(&router, signed(&Method::GET, "/s3p/v2/ping", "")).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
        let answer = ask(&router, signed(&Method::POST, "/s3p/v2/pay", r#"{"amount":1000}"#)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, r#"{"amount":1000}"#));

        let mut moved = signed(&Method::GET, "/s3p/v2/pay", "");
        *moved.uri_mut() = Uri::from_static("/s3p/v2/ping");
        assert_eq!(ask(&router, moved).await.reason(), "s3p.signature");
        assert_eq!(ask(&router, request(&Method::GET, "/s3p/v2/ping")).await.status, 401);
    }
}

#[tokio::test]
async fn a_public_url_without_the_prefix_of_the_nest_refuses_all() {
    let nested = payments().layer(s3p("https://pay.example.org"));
    let router = Router::new().nest("/s3p/v2", nested);
    let answer = ask(&router, signed(&Method::GET, "/s3p/v2/ping", "")).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.signature"));
}

/// A layer for things of alice, under this pattern.
fn owned(pattern: &str) -> OwnershipLayer {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("thing", "a"), Identity::local("alice").unwrap());
    owners.insert(Resource::new("thing", "b"), Identity::local("bob").unwrap());
    let path = ResourcePath::new("thing", pattern, "id").unwrap();
    OwnershipLayer::new(Ownership::new(owners, [path]).unwrap())
}

fn things() -> Router {
    Router::new().route("/things/{id}", put(async || "written").get(async || "read"))
}

#[tokio::test]
async fn inside_a_nest_an_ownership_pattern_is_the_rest_of_the_path() {
    let (inside, outside) = ("/things/{id}", "/api/things/{id}");
    for (router, fits) in [
        (Router::new().nest("/api", things().layer(owned(inside))), true),
        (Router::new().nest("/api", things().route_layer(owned(inside))), true),
        (Router::new().nest_service("/api", things().layer(owned(inside))), true),
        (Router::new().nest("/api", things()).layer(owned(outside)), true),
        (Router::new().nest_service("/api", things()).layer(owned(outside)), true),
        // A pattern of the wrong side matches nothing, and so refuses every write.
        (Router::new().nest("/api", things().layer(owned(outside))), false),
        (Router::new().nest_service("/api", things().layer(owned(outside))), false),
        (Router::new().nest("/api", things()).layer(owned(inside)), false),
    ] {
        let router = router.layer(basic_layer());
        for (id, status) in [("a", 200), ("b", 403), ("c", 404)] {
            let put = by_alice(request(&Method::PUT, &format!("/api/things/{id}")));
            let answer = ask(&router, put).await;
            if fits {
                assert_eq!(answer.status, status, "{id}");
            } else {
                assert_eq!(answer.reason(), "ownership.unmatched_path", "{id}");
            }
            let get = by_alice(request(&Method::GET, &format!("/api/things/{id}")));
            assert_eq!(ask(&router, get).await.body, "read", "{id}");
        }
    }
}

#[tokio::test]
async fn the_fallback_of_a_nested_router_is_covered_by_its_layer() {
    let nested = Router::new().route("/x", get(whoami)).fallback(whoami).layer(basic_layer());
    let router = Router::new().nest("/api", nested).fallback(async || "open");
    for path in ["/api/x", "/api/unknown", "/api/x/", "/api"] {
        assert_eq!(ask(&router, request(&Method::GET, path)).await.status, 401, "{path}");
        assert_eq!(ask(&router, by_alice(request(&Method::GET, path))).await.body, "alice", "{path}");
    }
    // To axum, `/api/` is outside of a nest at `/api`.
    for path in ["/elsewhere", "/api/"] {
        assert_eq!(ask(&router, request(&Method::GET, path)).await.body, "open", "{path}");
    }
}
