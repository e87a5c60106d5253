//! In front of a real axum router, and inside of it.

use axum::{
    Router,
    extract::Request as AxumRequest,
    middleware::{self, Next},
    routing::{any, delete, get, post},
};
use http::{Method, Uri};
use portcullis::{AuthorizeLayer, Requirement, ScopeTable};
use tower::{Layer, ServiceExt};

use super::{ADMIN, READ, WRITE, by, request};
use crate::support::Answer;

fn table() -> ScopeTable {
    ScopeTable::builder()
        .route(Method::GET, "/", Requirement::open())
        .route(Method::GET, "/health", Requirement::open())
        .route(Method::GET, "/things/{id}", READ)
        .route(Method::DELETE, "/things/{id}", ADMIN)
        .route(Method::GET, "/things/new", WRITE)
        .any_method("/files/{*path}", WRITE)
        .build()
        .unwrap()
}

/// With a route that the table lacks, and a fallback that serves something.
fn site() -> Router {
    Router::new()
        .route("/", get(async || "root"))
        .route("/health", get(async || "health"))
        .route("/things/{id}", delete(async || "deleted").get(async || "thing"))
        .route("/things/new", get(async || "new"))
        .route("/files/{*path}", any(async || "file"))
        .route("/forgotten", post(async || "forgotten").get(async || "forgotten"))
}

async fn ask(router: &Router, request: http::Request<http_body_util::Full<bytes::Bytes>>) -> Answer {
    Answer::of(router.clone().oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_around_the_table() {
    let layer = AuthorizeLayer::new(table());
    let inside = site().fallback(async || "fallback").layer(layer.clone());
    let outside = Router::new().fallback_service(layer.layer(site().fallback(async || "fallback")));
    // What is served to whom: nobody, who holds `read`, who holds `read` and `write`.
    for (path, nobodys, readers, writers) in [
        ("/", 200, 200, 200),
        ("/health", 200, 200, 200),
        ("/things/1", 500, 200, 200),
        ("/things/1?x=/health", 500, 200, 200),
        ("/things/new", 500, 403, 200),
        ("/things/new?id=1", 500, 403, 200),
        // To the router, this is a thing whose name is `new`: and so it is to the table.
        ("/things/%6eew", 500, 200, 200),
        ("/things/NEW", 500, 200, 200),
        ("/things/new;v=1", 500, 200, 200),
        ("/things/1%2F2", 500, 200, 200),
        ("/things/..", 500, 200, 200),
        ("/things/%2e%2e", 500, 200, 200),
        ("/files/a/b", 500, 403, 200),
        ("/files/../health", 500, 403, 200),
        ("/files//", 500, 403, 200),
        ("http://elsewhere.example/things/new", 500, 403, 200),
        // Not in the table, though something would answer.
        ("/things/1/", 500, 403, 403),
        ("/things/", 500, 403, 403),
        ("/things", 500, 403, 403),
        ("/things//1", 500, 403, 403),
        ("//things/1", 500, 403, 403),
        ("//health", 500, 403, 403),
        ("/health/", 500, 403, 403),
        ("/Health", 500, 403, 403),
        ("/health%20", 500, 403, 403),
        ("/health;v", 500, 403, 403),
        ("/%68ealth", 500, 403, 403),
        ("/./health", 500, 403, 403),
        ("/things/../health", 500, 403, 403),
        ("/files/", 500, 403, 403),
        ("/files", 500, 403, 403),
        ("/forgotten", 500, 403, 403),
        ("/unknown", 500, 403, 403),
        ("*", 500, 403, 403),
    ] {
        for router in [&inside, &outside] {
            let answer = ask(router, request("GET", path)).await;
            assert_eq!(answer.status, nobodys, "{path}: {answer:?}");
            for (scopes, status) in [("read", readers), ("read write", writers)] {
                let answer = ask(router, by(scopes, request("GET", path))).await;
                assert_eq!(answer.status, status, "{path} by {scopes:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_fallback_and_a_method_without_a_handler_are_refused_unless_the_layer_is_for_routes() {
    let covered = site().layer(AuthorizeLayer::new(table()));
    let routes = site().route_layer(AuthorizeLayer::new(table()));
    for (method, path, covers, leaves) in [
        ("GET", "/unknown", "scope.unlisted_path", Err(404)),
        ("PUT", "/things/1", "scope.unlisted_method", Ok("scope.unlisted_method")),
        ("GET", "/forgotten", "scope.unlisted_path", Ok("scope.unlisted_path")),
    ] {
        let answer = ask(&covered, by("all:any", request(method, path))).await;
        assert_eq!(answer.reason(), covers, "{method} {path}");
        let answer = ask(&routes, by("all:any", request(method, path))).await;
        match leaves {
            Ok(reason) => assert_eq!(answer.reason(), reason, "{method} {path}"),
            Err(status) => assert_eq!(answer.status, status, "{method} {path}"),
        }
    }
}

#[tokio::test]
async fn a_fallback_is_served_where_the_table_has_all_the_rest() {
    let table = ScopeTable::builder()
        .route(Method::GET, "/things/{id}", READ)
        .any_method("/{*rest}", Requirement::authenticated())
        .any_method("/", Requirement::authenticated())
        .build()
        .unwrap();
    let router = Router::new()
        .route("/things/{id}", get(async || "thing"))
        .fallback(async || "fallback")
        .layer(AuthorizeLayer::new(table));
    for (path, body) in [
        ("/", "fallback"),
        ("/x/y", "fallback"),
        ("/things", "fallback"),
        ("/things/1", "scope missing"),
    ] {
        assert_eq!(ask(&router, by("", request("GET", path))).await.body, body, "{path}");
    }
    assert_eq!(ask(&router, by("read", request("GET", "/things/1"))).await.body, "thing");
}

fn things() -> Router {
    Router::new().route("/", get(async || "root")).route("/things/{id}", get(async || "thing"))
}

/// For patterns below `/api`, with what the table is told about it.
fn nested_table(prefix: &str) -> ScopeTable {
    let table = ScopeTable::builder()
        .route(Method::GET, "/api", READ)
        .route(Method::GET, "/api/things/{id}", READ)
        .nested_at(prefix);
    table.build().unwrap()
}

fn nested(prefix: &str) -> AuthorizeLayer {
    AuthorizeLayer::new(nested_table(prefix))
}

#[tokio::test]
async fn inside_a_nest_the_table_has_the_whole_path_and_is_told_the_prefix() {
    for (router, fits) in [
        (Router::new().nest("/api", things().layer(nested("/api"))), true),
        (Router::new().nest("/api", things().route_layer(nested("/api"))), true),
        (Router::new().nest_service("/api", things().layer(nested("/api"))), true),
        (Router::new().nest("/api", things()).layer(nested("")), true),
        (Router::new().nest_service("/api", things()).layer(nested("")), true),
        // Told wrongly, the table has no rule, and refuses.
        (Router::new().nest("/api", things().layer(nested(""))), false),
        (Router::new().nest_service("/api", things().layer(nested(""))), false),
        (Router::new().nest("/api", things()).layer(nested("/api")), false),
        (Router::new().nest_service("/api", things()).layer(nested("/api")), false),
    ] {
        for (path, body) in [("/api", "root"), ("/api/things/1", "thing")] {
            let answer = ask(&router, by("read", request("GET", path))).await;
            if fits {
                assert_eq!(answer.body, body, "{path}");
                let answer = ask(&router, by("write", request("GET", path))).await;
                assert_eq!(answer.reason(), "scope.missing", "{path}");
            } else {
                assert_eq!(answer.reason(), "scope.unlisted_path", "{path}");
            }
        }
    }
}

/// axum loses a slash with the prefix, but `nest` has found the route before.
#[tokio::test]
async fn a_slash_too_many_behind_the_prefix_opens_nothing() {
    let table = || {
        let table = ScopeTable::builder()
            .route(Method::GET, "/api/health", Requirement::open())
            .any_method("/api/{*rest}", ADMIN)
            .nested_at("/api");
        AuthorizeLayer::new(table.build().unwrap())
    };
    let inner = Router::new()
        .route("/health", get(async || "health"))
        .route("/{*rest}", any(async || "all the rest"));
    for router in [
        Router::new().nest("/api", inner.clone().layer(table())),
        Router::new().nest_service("/api", inner.layer(table())),
    ] {
        assert_eq!(ask(&router, request("GET", "/api/health")).await.body, "health");
        for path in ["/api//health", "/api///health", "/api//"] {
            let answer = ask(&router, by("all:any", request("GET", path))).await;
            assert!(answer.status == 404 || answer.reason() == "scope.unlisted_path", "{path}");
            assert!(ask(&router, request("GET", path)).await.status != 200, "{path}");
        }
        assert_eq!(ask(&router, by("admin", request("GET", "/api/x//y"))).await.body, "all the rest");
    }
}

#[tokio::test]
async fn a_table_for_a_nest_that_stands_elsewhere_has_no_rule() {
    let answer = super::ask(&nested_table("/api"), by("read", request("GET", "/things/1"))).await;
    assert_eq!(answer.reason(), "scope.unlisted_path");
}

#[tokio::test]
async fn of_nests_in_each_other_the_prefix_is_all_that_is_gone() {
    let table = ScopeTable::builder()
        .route(Method::GET, "/api/{version}/things/{id}", READ)
        .nested_at("/api/{version}");
    let inner = things().layer(AuthorizeLayer::new(table.build().unwrap()));
    let router = Router::new().nest("/api", Router::new().nest("/{version}", inner));
    assert_eq!(ask(&router, by("read", request("GET", "/api/v1/things/1"))).await.body, "thing");
    let answer = ask(&router, by("write", request("GET", "/api/v1/things/1"))).await;
    assert_eq!(answer.reason(), "scope.missing");
}

/// A table of the whole site, inside of a nest: it would take what is left of a path for a path of the site.
#[tokio::test]
async fn a_table_that_is_not_told_of_its_nest_opens_nothing_in_it() {
    let table = ScopeTable::builder()
        .route(Method::GET, "/", Requirement::open())
        .route(Method::GET, "/health", Requirement::open())
        .any_method("/api/{*rest}", ADMIN)
        .build()
        .unwrap();
    let layer = || AuthorizeLayer::new(table.clone());
    let inner =
        || Router::new().route("/", get(async || "root")).route("/health", get(async || "inner"));
    for router in [
        Router::new().nest("/api", inner().layer(layer())),
        Router::new().nest("/api", inner().route_layer(layer())),
        Router::new().nest("/{any}", inner().layer(layer())),
        Router::new().nest_service("/api", inner().layer(layer())),
        Router::new().nest_service("/api", layer().layer(inner())),
    ] {
        for path in ["/api/health", "/api", "/api/health?x=/health"] {
            assert_eq!(ask(&router, request("GET", path)).await.status, 500, "{path}");
            let answer = ask(&router, by("admin", request("GET", path))).await;
            assert_eq!(answer.reason(), "scope.unlisted_path", "{path}");
        }
    }
    let outside = Router::new().nest("/api", inner()).layer(layer());
    assert_eq!(ask(&outside, request("GET", "/api/health")).await.status, 500);
    assert_eq!(ask(&outside, by("admin", request("GET", "/api/health"))).await.body, "inner");
}

#[tokio::test]
async fn a_table_for_a_nest_opens_nothing_outside_of_it_or_in_another() {
    let table = |prefix: &str| {
        let table = ScopeTable::builder()
            .route(Method::GET, &format!("{prefix}/health"), Requirement::open())
            .route(Method::GET, prefix, Requirement::open())
            .nested_at(prefix);
        AuthorizeLayer::new(table.build().unwrap())
    };
    let inner =
        || Router::new().route("/", get(async || "root")).route("/health", get(async || "health"));
    for (router, root) in [
        (inner().layer(table("/api")), "/"),
        (Router::new().nest("/internal", inner().layer(table("/api"))), "/internal"),
        (Router::new().nest_service("/internal", inner().layer(table("/api"))), "/internal"),
        (Router::new().nest("/api/v1", inner().layer(table("/api"))), "/api/v1"),
        (
            Router::new().nest("/api", Router::new().nest("/v1", inner().layer(table("/api")))),
            "/api/v1",
        ),
        (Router::new().nest("/api", inner().layer(table("/api/v1"))), "/api"),
        (Router::new().nest("/API", inner().layer(table("/api"))), "/API"),
        (Router::new().nest("/api2", inner().layer(table("/api"))), "/api2"),
        (Router::new().nest("/v1/internal", inner().layer(table("/{version}/api"))), "/v1/internal"),
    ] {
        for path in [root.to_owned(), format!("{}/health", root.trim_end_matches('/'))] {
            assert_eq!(ask(&router, request("GET", &path)).await.status, 500, "{path}");
            let answer = ask(&router, by("all:any", request("GET", &path))).await;
            assert_eq!(answer.reason(), "scope.unlisted_path", "{path}");
        }
    }
    // A parameter of the prefix is any one segment: as axum compares them.
    for (nest, prefix, root) in [
        ("/{any}/api", "/{version}/api", "/v1/api"),
        ("/v1/api", "/{version}/api", "/v1/api"),
        ("/{version}/api", "/v1/api", "/v1/api"),
        ("/api/", "/api", "/api/"),
    ] {
        let router = Router::new().nest(nest, inner().layer(table(prefix)));
        assert_eq!(ask(&router, request("GET", root)).await.body, "root", "{nest} as {prefix}");
        let health = format!("{}/health", root.trim_end_matches('/'));
        assert_eq!(ask(&router, request("GET", &health)).await.body, "health", "{nest} as {prefix}");
    }
    let router = Router::new().nest("/{version}/api", inner().layer(table("/v1/api")));
    let answer = ask(&router, by("all:any", request("GET", "/v2/api/health"))).await;
    assert_eq!(answer.reason(), "scope.unlisted_path");
}

/// axum serves the route that it has found before.
#[tokio::test]
async fn a_path_that_was_rewritten_behind_the_router_is_refused() {
    async fn rewrite(mut request: AxumRequest, next: Next) -> axum::response::Response {
        *request.uri_mut() = Uri::from_static("/health");
        next.run(request).await
    }
    let rewritten = site().layer(AuthorizeLayer::new(table())).layer(middleware::from_fn(rewrite));
    assert_eq!(ask(&rewritten, request("GET", "/things/1")).await.status, 500);
    let answer = ask(&rewritten, by("all:any", request("GET", "/things/1"))).await;
    assert_eq!(answer.reason(), "scope.unlisted_path");
    // It makes no difference where it was sent so.
    assert_eq!(ask(&rewritten, request("GET", "/health")).await.body, "health");
    // Outside of the router, the route is that of the new path, too.
    let outside = site().layer(AuthorizeLayer::new(table()));
    let outside = Router::new().fallback_service(outside);
    let outside = middleware::from_fn(rewrite).layer(outside);
    let answer = outside.oneshot(request("GET", "/things/1").map(axum::body::Body::new)).await.unwrap();
    assert_eq!(Answer::of(answer).await.body, "health");
}
