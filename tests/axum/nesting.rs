//! What a layer sees of a path inside `nest` and `nest_service`.

use std::{collections::HashMap, sync::Arc, time::UNIX_EPOCH};

use axum::{
    Router,
    extract::Path,
    middleware::map_request,
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
    S3pSignatureLayer::new(s3p_auth(url))
}

fn s3p_auth(url: &str) -> S3pAuth {
    let keys = MemoryAccessKeyStore::new();
    keys.insert("token", AccessKey::new(Identity::local("alice").unwrap(), SECRET).unwrap());
    let url = PublicUrl::parse(url).unwrap();
    S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(clock())
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
    assert_eq!((answer.status.as_u16(), answer.reason()), (400, "s3p.other_prefix"));
}

#[tokio::test]
async fn a_signature_of_one_prefix_is_none_of_another_at_which_the_same_router_is_nested() {
    let layer = s3p("https://pay.example.org/acme/s3p");
    let router = Router::new()
        .nest("/{tenant}/s3p", payments().layer(layer.clone()))
        .nest("/acme/s3q", payments().layer(layer));
    for (method, rest, body) in
        [(Method::GET, "/ping", ""), (Method::POST, "/pay", r#"{"amount":1000}"#)]
    {
        let here = signed(&method, &format!("/acme/s3p{rest}"), body);
        assert_eq!(ask(&router, here).await.status, 200);
        for prefix in ["/evil/s3p", "/acme/s3q", "/ACME/s3p", "/%61cme/s3p"] {
            let mut moved = signed(&method, &format!("/acme/s3p{rest}"), body);
            *moved.uri_mut() = format!("{prefix}{rest}").parse().unwrap();
            let answer = ask(&router, moved).await;
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (400, "s3p.other_prefix"),
                "{prefix}"
            );
        }
    }
}

#[tokio::test]
async fn behind_a_proxy_that_puts_another_prefix_there_the_layer_is_told_so() {
    let at = |prefix: &str| {
        let auth = s3p_auth("https://pay.example.org/v2").nested_at(prefix).unwrap();
        Router::new().nest("/{any}", payments().layer(S3pSignatureLayer::new(auth)))
    };
    for (prefix, status) in [("/s3p", 200), ("/other", 400)] {
        let mut passed_on = signed(&Method::GET, "/v2/ping", "");
        *passed_on.uri_mut() = Uri::from_static("/s3p/ping");
        assert_eq!(ask(&at(prefix), passed_on).await.status.as_u16(), status, "{prefix}");
    }
    // A proxy that takes a part of it away.
    let router = Router::new().nest("/v2", payments().layer(s3p("https://pay.example.org/s3p/v2")));
    let mut passed_on = signed(&Method::GET, "/s3p/v2/ping", "");
    *passed_on.uri_mut() = Uri::from_static("/v2/ping");
    assert_eq!(ask(&router, passed_on).await.status, 200);
    // One that takes all of it away, beside a nest that is not meant.
    let auth = s3p_auth("https://pay.example.org/s3p").nested_at("").unwrap();
    let layered = || payments().layer(S3pSignatureLayer::new(auth.clone()));
    let router = Router::new().nest("/s3p", layered()).merge(layered());
    for (target, status) in [("/ping", 200), ("/s3p/ping", 400)] {
        let mut passed_on = signed(&Method::GET, "/s3p/ping", "");
        *passed_on.uri_mut() = target.parse().unwrap();
        assert_eq!(ask(&router, passed_on).await.status.as_u16(), status, "{target}");
    }
    for prefix in ["/", "s3p", "/s3p/", "/{tenant}/s3p"] {
        assert!(s3p_auth("https://pay.example.org").nested_at(prefix).is_err(), "{prefix}");
    }
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

/// The rest of the path that the router has found.
async fn served(Path(params): Path<HashMap<String, String>>) -> String {
    params["path"].clone()
}

/// axum loses a slash with the prefix, but `nest` has found the route before: by the rest as it was.
#[tokio::test]
async fn a_slash_too_many_behind_the_prefix_makes_no_other_file_ones_own() {
    let own = |path: ResourcePath| {
        let owners = MemoryOwnershipStore::new();
        owners.insert(Resource::new("file", "a"), Identity::local("alice").unwrap());
        owners.insert(Resource::new("file", "/a"), Identity::local("bob").unwrap());
        Ownership::new(owners, [path.created_by(Method::PUT)]).unwrap()
    };
    let inside = || OwnershipLayer::new(own(ResourcePath::new("file", "/{*path}", "path").unwrap()));
    let outside = || {
        let path = ResourcePath::new("file", "/api/files/{*path}", "path").unwrap();
        OwnershipLayer::new(own(path))
    };
    let files = || Router::new().route("/{*path}", put(served));
    let (changed, foreign) = ("ownership.changed_path", "ownership.not_owner");
    for (router, reason) in [
        (Router::new().nest("/api/files", files().layer(inside())), changed),
        (Router::new().nest("/api/files/", files().layer(inside())), changed),
        (Router::new().nest("/api/files", files().route_layer(inside())), changed),
        (Router::new().nest_service("/api/files", files().layer(inside())), changed),
        (Router::new().nest("/api", Router::new().nest("/files", files().layer(inside()))), changed),
        (Router::new().nest("/{any}", Router::new().nest("/files", files().layer(inside()))), changed),
        (Router::new().nest("/api/files", files()).layer(outside()), foreign),
    ] {
        let router = router.layer(basic_layer());
        for (path, written) in
            [("/api/files/a", "a"), ("/api/files/new", "new"), ("/api/files/x//a", "x//a")]
        {
            let answer = ask(&router, by_alice(request(&Method::PUT, path))).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, written), "{path}");
        }
        let answer = ask(&router, by_alice(request(&Method::PUT, "/api/files//a"))).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (403, reason));
    }
}

#[tokio::test]
async fn a_path_that_was_rewritten_behind_the_router_is_not_judged() {
    let rewrite = async |mut request: axum::extract::Request| {
        *request.uri_mut() = Uri::from_static("/things/a");
        request
    };
    let router = things().layer(owned("/things/{id}")).layer(map_request(rewrite)).layer(basic_layer());
    let answer = ask(&router, by_alice(request(&Method::PUT, "/things/b"))).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, "ownership.changed_path"));
    // It makes no difference where it was sent so.
    let answer = ask(&router, by_alice(request(&Method::PUT, "/things/a"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "written"));
}

#[tokio::test]
async fn a_signature_of_one_path_is_none_of_the_path_with_a_slash_too_many() {
    let url = "https://pay.example.org/s3p";
    let payments = || Router::new().route("/{*path}", get(served).post(served)).layer(s3p(url));
    for router in [
        Router::new().nest("/s3p", payments()),
        Router::new().nest("/s3p/", payments()),
        Router::new().nest_service("/s3p", payments()),
        Router::new().nest("/{any}", payments()),
    ] {
        for (method, body) in [(Method::GET, ""), (Method::POST, r#"{"amount":1000}"#)] {
            let answer = ask(&router, signed(&method, "/s3p/bill/7", body)).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, "bill/7"));
            let mut moved = signed(&method, "/s3p/bill/7", body);
            *moved.uri_mut() = Uri::from_static("/s3p//bill/7");
            let answer = ask(&router, moved).await;
            assert_eq!((answer.status.as_u16(), answer.reason()), (400, "s3p.changed_path"));
        }
    }
}

/// To axum, the root of a nested router is `/`, whether or not there was a slash.
#[tokio::test]
async fn the_root_of_a_nest_is_signed_as_it_was_sent() {
    let payments =
        || Router::new().route("/", get(whoami).post(whoami)).layer(s3p("https://pay.example.org/s3p"));
    let outside = Router::new().nest("/s3p", Router::new().route("/", get(whoami).post(whoami)));
    for (router, with_slash) in [
        (Router::new().nest("/s3p", payments()), 404),
        (Router::new().nest_service("/s3p", payments()), 200),
        (Router::new().nest("/{any}", payments()), 404),
        (outside.layer(s3p("https://pay.example.org")), 404),
    ] {
        for (method, body) in [(Method::GET, ""), (Method::POST, r#"{"amount":1000}"#)] {
            for (sent, status) in [("/s3p", 200), ("/s3p/", with_slash)] {
                let answer = ask(&router, signed(&method, sent, body)).await;
                assert_eq!(answer.status.as_u16(), status, "{sent} {answer:?}");

                let other = if sent == "/s3p" { "/s3p/" } else { "/s3p" };
                let mut moved = signed(&method, other, body);
                *moved.uri_mut() = sent.parse().unwrap();
                let answer = ask(&router, moved).await;
                assert_ne!(
                    (answer.status.as_u16(), &*answer.body),
                    (200, "alice"),
                    "{other} as {sent}"
                );
                if status == 200 {
                    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "s3p.signature"));
                }
            }
        }
    }
}

#[tokio::test]
async fn where_nothing_is_nested_the_root_is_a_slash() {
    let router = Router::new().route("/", get(whoami)).layer(s3p("https://pay.example.org"));
    let answer = ask(&router, signed(&Method::GET, "/", "")).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"));
    // axum sees no slash too many in an address without a path.
    let mut absolute = signed(&Method::GET, "/", "");
    *absolute.uri_mut() = Uri::from_static("https://pay.example.org");
    assert_eq!(ask(&router, absolute).await.status, 200);
}
