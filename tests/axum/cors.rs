//! Beside tower-http's CORS layer.

use axum::{
    Router,
    routing::{any, get},
};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use portcullis::{AuthorizeLayer, authorize};
use tower_http::cors::CorsLayer;

use super::{Calls, ask, basic_layer, by_alice, request, whoami};

const ORIGIN: &str = "https://app.example.org";

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin([ORIGIN.parse().unwrap()])
        .allow_methods([Method::GET, Method::DELETE])
}

fn from_app(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.headers_mut().insert("origin", ORIGIN.parse().unwrap());
    request
}

fn preflight() -> Request<Full<Bytes>> {
    let mut request = from_app(request(&Method::OPTIONS, "/"));
    request.headers_mut().insert("access-control-request-method", "DELETE".parse().unwrap());
    request
}

/// A route that counts its calls, whatever the method.
fn counted() -> (Router, Calls) {
    let calls = Calls::default();
    let count = calls.clone();
    (Router::new().route("/", any(async move || count.add())), calls)
}

/// A policy that refuses everybody.
fn nobody() -> AuthorizeLayer {
    AuthorizeLayer::new(authorize::from_fn(|_, _| false))
}

#[tokio::test]
async fn with_cors_outside_preflights_are_answered_and_refusals_can_be_read() {
    let (router, calls) = counted();
    let router = router.layer(basic_layer()).layer(cors());
    let answer = ask(&router, preflight()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-origin"], ORIGIN);
    assert!(answer.headers.contains_key("access-control-allow-methods"));
    assert_eq!(calls.take(), 0);

    let refused = ask(&router, from_app(request(&Method::DELETE, "/"))).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(calls.take(), 0);

    let answer = ask(&router, from_app(by_alice(request(&Method::DELETE, "/")))).await;
    assert_eq!((answer.status.as_u16(), calls.take()), (200, 1));
}

#[tokio::test]
async fn with_cors_inside_and_preflights_allowed_it_answers_them_and_the_handler_is_not_reached() {
    let (router, calls) = counted();
    let router = router.layer(cors()).layer(basic_layer().allow_cors_preflight());
    let answer = ask(&router, preflight()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(calls.take(), 0);

    // What is no preflight is refused: any other OPTIONS, and any other method with its headers.
    let mut incomplete = preflight();
    incomplete.headers_mut().remove("access-control-request-method");
    let mut no_origin = preflight();
    no_origin.headers_mut().remove("origin");
    let mut get = preflight();
    *get.method_mut() = Method::GET;
    let mut lower_case = preflight();
    *lower_case.method_mut() = "options".parse().unwrap();
    for request in [incomplete, no_origin, get, lower_case, request(&Method::OPTIONS, "/")] {
        let case = format!("{} {:?}", request.method(), request.headers());
        assert_eq!(ask(&router, request).await.status, 401, "{case}");
        assert_eq!(calls.take(), 0, "{case}");
    }
}

#[tokio::test]
async fn with_cors_inside_and_nothing_allowed_a_preflight_is_refused() {
    let (router, calls) = counted();
    let router = router.layer(cors()).layer(basic_layer());
    assert_eq!(ask(&router, preflight()).await.status, 401);
    assert_eq!(calls.take(), 0);
}

#[tokio::test]
async fn a_preflight_that_is_let_through_is_anonymous_even_with_credentials() {
    // Without a CORS layer inside, it reaches the handler, but as nobody.
    let router = Router::new().route("/", any(whoami)).layer(basic_layer().allow_cors_preflight());
    for request in [preflight(), by_alice(preflight())] {
        let answer = ask(&router, request).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (401, "extract.anonymous"));
    }
}

#[tokio::test]
async fn a_policy_lets_preflights_through_only_when_it_is_told_to() {
    let (router, calls) = counted();
    let outside = || basic_layer().allow_cors_preflight();
    let told = router.clone().layer(cors()).layer(nobody().allow_cors_preflight()).layer(outside());
    assert_eq!(ask(&told, preflight()).await.status, 200);
    let untold = router.layer(cors()).layer(nobody()).layer(outside());
    assert_eq!(ask(&untold, preflight()).await.status, 401);
    for router in [told, untold] {
        assert_eq!(ask(&router, by_alice(request(&Method::DELETE, "/"))).await.status, 403);
    }
    assert_eq!(calls.take(), 0);
}

#[tokio::test]
async fn a_preflight_to_a_route_without_options_is_not_a_way_in() {
    let router = Router::new().route("/", get(whoami)).layer(basic_layer().allow_cors_preflight());
    let answer = ask(&router, preflight()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (405, ""));
}
