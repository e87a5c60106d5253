//! Which requests a layer sees, by where it stands in a router.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::{any, get, post},
};
use http::{Method, StatusCode};
use portcullis::{Rejection, RejectionKind};

use super::{Calls, ask, basic_layer, by_alice, request, whoami};

#[tokio::test]
async fn router_layer_covers_every_route_the_fallback_and_what_is_not_allowed() {
    let router = Router::new()
        .route("/", get(whoami))
        .route("/post", post(whoami))
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here"))
        .layer(basic_layer());
    for (method, path, status) in [
        (Method::GET, "/", 200),
        (Method::GET, "/unknown", 404),
        (Method::GET, "//", 404),
        (Method::GET, "/post", 405),
        (Method::DELETE, "/", 405),
        (Method::OPTIONS, "/", 405),
    ] {
        let refused = ask(&router, request(&method, path)).await;
        assert_eq!((refused.status.as_u16(), refused.reason()), (401, "authorization.missing"));
        let answer = ask(&router, by_alice(request(&method, path))).await;
        assert_eq!(answer.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn with_route_layer_a_404_stays_a_404() {
    let router = Router::new()
        .route("/", get(whoami))
        .route_layer(basic_layer())
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here"));
    for (path, status) in [("/", 401), ("/unknown", 404)] {
        let answer = ask(&router, request(&Method::GET, path)).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.rejection.is_some(), status == 401);
    }
    assert_eq!(ask(&router, by_alice(request(&Method::GET, "/"))).await.body, "alice");
}

#[tokio::test]
async fn a_method_routers_layer_covers_its_own_methods() {
    let router =
        Router::new().route("/", get(async || "open").merge(post(whoami).layer(basic_layer())));
    assert_eq!(ask(&router, request(&Method::GET, "/")).await.body, "open");
    assert_eq!(ask(&router, request(&Method::POST, "/")).await.status, 401);
    assert_eq!(ask(&router, by_alice(request(&Method::POST, "/"))).await.body, "alice");
}

#[tokio::test]
async fn a_fallback_of_its_own_can_have_a_layer_of_its_own() {
    let fallback = Router::new().fallback(whoami).layer(basic_layer());
    let router = Router::new().route("/open", get(async || "open")).fallback_service(fallback);
    assert_eq!(ask(&router, request(&Method::GET, "/open")).await.body, "open");
    assert_eq!(ask(&router, request(&Method::GET, "/any/thing")).await.status, 401);
    assert_eq!(ask(&router, by_alice(request(&Method::GET, "/any/thing"))).await.body, "alice");
}

#[tokio::test]
async fn merged_routers_keep_their_own_layers() {
    let closed = Router::new().route("/closed", get(whoami)).layer(basic_layer());
    let router = Router::new().route("/open", get(async || "open")).merge(closed);
    assert_eq!(ask(&router, request(&Method::GET, "/open")).await.status, 200);
    assert_eq!(ask(&router, request(&Method::GET, "/closed")).await.status, 401);
}

#[tokio::test]
async fn head_is_decided_as_get_is() {
    let router = Router::new().route("/", get(whoami)).layer(basic_layer());
    let get = ask(&router, request(&Method::GET, "/")).await;
    let head = ask(&router, request(&Method::HEAD, "/")).await;
    assert_eq!(head.status, 401);
    assert_eq!((head.challenges(), head.reason()), (get.challenges(), get.reason()));
    let head = ask(&router, by_alice(request(&Method::HEAD, "/"))).await;
    assert_eq!((head.status.as_u16(), &*head.body), (200, ""));
}

#[tokio::test]
async fn no_method_gets_around_the_layer() {
    let calls = Calls::default();
    let count = calls.clone();
    let router = Router::new().route("/", any(async move || count.add())).layer(basic_layer());
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "CONNECT", "POST", "QUERY", "get", "FOO", "PRI"] {
        let method: Method = method.parse().unwrap();
        assert_eq!(ask(&router, request(&method, "/")).await.status, 401, "{method}");
        let mut tricky = request(&Method::POST, "/?_method=GET");
        let headers = tricky.headers_mut();
        headers.insert("x-http-method-override", method.as_str().parse().unwrap());
        headers.insert("x-original-url", "/open".parse().unwrap());
        headers.insert("x-forwarded-user", "alice".parse().unwrap());
        assert_eq!(ask(&router, tricky).await.status, 401, "{method}");
        assert_eq!(calls.take(), 0, "{method}");
        assert_eq!(ask(&router, by_alice(request(&method, "/"))).await.status, 200, "{method}");
        assert_eq!(calls.take(), 1, "{method}");
    }
}

#[tokio::test]
async fn an_upgrade_is_refused_before_any_101() {
    let calls = Calls::default();
    let count = calls.clone();
    let upgrade = async move || {
        count.add();
        (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "websocket")])
    };
    let router = Router::new().route("/ws", any(upgrade)).layer(basic_layer());
    for method in [Method::GET, Method::CONNECT] {
        let handshake = || {
            let mut request = request(&method, "/ws");
            for (name, value) in [
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("sec-websocket-version", "13"),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ] {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            request
        };
        let answer = ask(&router, handshake()).await;
        assert_eq!((answer.status.as_u16(), calls.take()), (401, 0), "{method}");
        assert!(!answer.headers.contains_key("upgrade"));
        let answer = ask(&router, by_alice(handshake())).await;
        assert_eq!((answer.status.as_u16(), calls.take()), (101, 1), "{method}");
    }
}

#[tokio::test]
async fn a_middleware_outside_sees_why_a_request_was_refused() {
    type Seen = Arc<Mutex<Vec<Option<(RejectionKind, &'static str)>>>>;
    async fn note(State(seen): State<Seen>, request: Request, next: Next) -> Response {
        let response = next.run(request).await;
        let rejection = response.extensions().get::<Rejection>();
        seen.lock().unwrap().push(rejection.map(|refused| (refused.kind(), refused.reason())));
        response
    }
    let seen = Seen::default();
    let router = Router::new()
        .route("/", get(whoami))
        .layer(basic_layer())
        .layer(middleware::from_fn_with_state(seen.clone(), note));
    for authorization in ["Basic !", "Basic bm9ib2R5Ong=", "Bearer x"] {
        ask(&router, super::with(request(&Method::GET, "/"), authorization)).await;
    }
    ask(&router, request(&Method::GET, "/")).await;
    ask(&router, by_alice(request(&Method::GET, "/"))).await;
    assert_eq!(
        *seen.lock().unwrap(),
        [
            Some((RejectionKind::MalformedCredentials, "basic.base64")),
            Some((RejectionKind::RefusedCredentials, "basic.unknown_user")),
            Some((RejectionKind::RefusedCredentials, "authorization.unknown_scheme")),
            Some((RejectionKind::MissingCredentials, "authorization.missing")),
            None,
        ]
    );
}

#[tokio::test]
async fn a_handlers_own_401_is_not_rewritten() {
    let own = async || (StatusCode::UNAUTHORIZED, [("www-authenticate", "Own")], "own");
    let router = Router::new().route("/", get(own)).layer(basic_layer());
    let answer = ask(&router, by_alice(request(&Method::GET, "/"))).await;
    assert_eq!((answer.challenges(), &*answer.body), (vec!["Own"], "own"));
    assert!(answer.rejection.is_none() && !answer.headers.contains_key("cache-control"));
}
