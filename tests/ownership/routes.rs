//! `Ownership::of_routes`: the route and the id are the router's own.

use axum::{
    Extension, Router,
    extract::Path,
    routing::{any, get, put},
};
use http::{Method, Request};
use portcullis::{
    AuthorizeLayer, Head, OwnershipLayer, RejectionKind, authorize,
    ownership::{
        MemoryOwnershipStore, OwnedResource, Ownership, Resource, ResourcePath, integer, uuid,
    },
};
use tower::ServiceExt;

use super::{by, local, owners, principal, thing, through};
use crate::support::{Answer, Log, check_refusal};

fn of_routes(pattern: &str) -> Ownership {
    let path = ResourcePath::new("thing", pattern, "id").unwrap().created_by(Method::PUT);
    Ownership::of_routes(owners(), [path]).unwrap()
}

async fn ask(router: &Router, request: Request<axum::body::Body>) -> Answer {
    let answer = Answer::of(router.clone().oneshot(request).await.unwrap()).await;
    if answer.rejection.is_some() {
        check_refusal(&answer);
    }
    answer
}

fn request(method: &Method, path: &str) -> Request<axum::body::Body> {
    by("alice", method, path).map(axum::body::Body::new)
}

/// Says which id the handler sees, and which one was judged.
async fn both(Path(id): Path<String>, owned: Option<Extension<OwnedResource>>) -> String {
    format!("{id} {}", owned.map_or("none".into(), |owned| owned.resource().id().to_owned()))
}

fn things() -> Router {
    Router::new().route("/things/{id}", any(both)).fallback(async || "fallback")
}

#[tokio::test]
async fn the_pattern_is_the_whole_one_wherever_in_the_nests_the_layer_is() {
    let whole = "/api/v2/things/{id}";
    let own = || OwnershipLayer::new(of_routes(whole));
    for router in [
        Router::new().nest("/api/v2", things().layer(own())),
        Router::new().nest("/api/v2", things().route_layer(own())),
        Router::new().nest("/api/v2", things()).layer(own()),
        Router::new().nest_service("/api/v2", things().layer(own())),
        Router::new().nest("/api", Router::new().nest("/v2", things().layer(own()))),
        Router::new().nest("/api", Router::new().nest("/v2", things()).layer(own())),
        Router::new().nest("/api", Router::new().nest_service("/v2", things().layer(own()))),
        Router::new().nest_service("/api", Router::new().nest("/v2", things()).layer(own())),
        Router::new().nest_service("/api", Router::new().nest_service("/v2", things().layer(own()))),
        Router::new().nest("/api/v2", Router::new().route("/things/{id}", any(both).layer(own()))),
        Router::new().route(whole, any(both)).route_layer(own()),
    ] {
        for (path, status, body) in [
            ("/api/v2/things/a", 200, "a a"),
            ("/api/v2/things/%61", 200, "a a"),
            ("/api/v2/things/b", 403, "forbidden"),
            ("/api/v2/things/c%2Fd", 200, "c/d c/d"),
            ("/api/v2/things/%ff", 400, "bad request"),
        ] {
            let answer = ask(&router, request(&Method::PUT, path)).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{path}");
        }
        assert_eq!(ask(&router, request(&Method::GET, "/api/v2/things/b")).await.body, "b none");
    }
}

#[tokio::test]
async fn a_parameter_of_a_nest_is_found_too() {
    let path = || ResourcePath::new("thing", "/{id}/parts/{part}", "id").unwrap();
    let own = || OwnershipLayer::new(Ownership::of_routes(owners(), [path()]).unwrap());
    let parts = || {
        let handler = async |Path((id, part)): Path<(String, String)>| format!("{id} {part}");
        Router::new().route("/parts/{part}", put(handler))
    };
    for router in [
        Router::new().nest("/{id}", parts().layer(own())),
        Router::new().nest_service("/{id}", parts().layer(own())),
    ] {
        assert_eq!(ask(&router, request(&Method::PUT, "/a/parts/b")).await.body, "a b");
        assert_eq!(ask(&router, request(&Method::PUT, "/b/parts/a")).await.status, 403);
    }
}

#[tokio::test]
async fn what_the_router_has_not_matched_or_the_policy_does_not_name_is_refused_and_reported() {
    let router = Router::new()
        .nest("/api", things())
        .nest_service("/service", things())
        .route("/things/{name}", any(both))
        .route("/things/new", any(async || "written"))
        .route("/plain", any(async || "written"))
        .layer(OwnershipLayer::new(of_routes("/things/{id}")));
    for path in [
        // Another parameter's name, a fixed name, a nest, a fallback: not the pattern that is named.
        "/things/a",
        "/things/new",
        "/plain",
        "/api/things/a",
        "/service/things/a",
        "/elsewhere",
        "/things/a/",
        "//things/a",
    ] {
        let log = Log::capture();
        let answer = ask(&router, request(&Method::PUT, path)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (403, "ownership.unmatched_path"),
            "{path}"
        );
        assert!(log.text().contains("ResourcePath"), "{path}: {}", log.text());
    }
}

#[tokio::test]
async fn outside_of_a_router_it_can_never_work_and_says_so() {
    let layer = || OwnershipLayer::new(of_routes("/things/{id}"));
    let log = Log::capture();
    // Around nothing that routes, and around a whole router.
    let answer = through(&layer(), by("alice", &Method::PUT, "/things/a")).await;
    assert_eq!((answer.kind(), answer.reason()), (RejectionKind::Misconfigured, "ownership.no_route"));
    let outside = tower::ServiceBuilder::new().layer(layer()).service(things());
    let response = outside.oneshot(request(&Method::PUT, "/things/a")).await.unwrap();
    assert_eq!(Answer::of(response).await.reason(), "ownership.no_route");
    let text = log.text();
    assert!(text.contains("ERROR") && text.contains("route_layer"), "{text}");
}

#[tokio::test]
async fn among_other_policies_the_layer_is_told_to_look() {
    let policy = || authorize::all([authorize::shared(of_routes("/things/{id}"))]);
    let blind = things().layer(AuthorizeLayer::new(policy()));
    let log = Log::capture();
    let answer = ask(&blind, request(&Method::PUT, "/things/a")).await;
    assert_eq!((answer.kind(), answer.reason()), (RejectionKind::Misconfigured, "ownership.no_route"));
    assert!(log.text().contains("matched_routes"), "{}", log.text());
    assert_eq!(ask(&blind, request(&Method::GET, "/things/a")).await.body, "a none");

    let seeing = things().layer(AuthorizeLayer::new(policy()).matched_routes());
    assert_eq!(ask(&seeing, request(&Method::PUT, "/things/a")).await.body, "a a");
    assert_eq!(ask(&seeing, request(&Method::PUT, "/things/b")).await.status, 403);
}

#[tokio::test]
async fn a_reader_learns_the_resource_by_the_rules_of_the_layer() {
    let own = of_routes("/api/things/{id}");
    let asked = own.clone();
    let read = async move |request: Request<axum::body::Body>| match asked.target(&Head::new(&request))
    {
        Ok(target) => target.resource().id().to_owned(),
        Err(rejection) => rejection.reason().to_owned(),
    };
    let things =
        Router::new().route("/things/{id}", get(read.clone())).route("/others/{id}", get(read));
    let router = Router::new().nest("/api", things.layer(OwnershipLayer::new(own)));
    for (path, found) in [
        ("/api/things/a", "a"),
        ("/api/things/%61%2Fb", "a/b"),
        ("/api/things/%00", "ownership.resource_id"),
        ("/api/others/a", "ownership.unmatched_path"),
    ] {
        assert_eq!(ask(&router, request(&Method::GET, path)).await.body, found, "{path}");
    }
}

#[tokio::test]
async fn a_request_that_is_rewritten_between_two_routers_is_judged_as_it_is_served() {
    // A service that sends on what it got as something else.
    let inner = things().layer(OwnershipLayer::new(of_routes("/things/{id}")));
    let rewritten = tower::service_fn(move |mut request: axum::extract::Request| {
        *request.uri_mut() = "/things/b".parse().unwrap();
        inner.clone().oneshot(request)
    });
    let outer = Router::new().fallback_service(rewritten);
    let answer = ask(&outer, request(&Method::PUT, "/things/a")).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, "ownership.not_owner"));
}

#[tokio::test]
async fn a_parameter_that_two_routers_have_found_is_taken_from_neither() {
    // `/{id}` of the one and `/things/{id}` of the other: a handler by name would see the last one.
    let inner = Router::new()
        .route("/things/{id}", any(async || "written"))
        .layer(OwnershipLayer::new(of_routes("/things/{id}")));
    let onward = move |mut request: axum::extract::Request| {
        *request.uri_mut() = "/things/a".parse().unwrap();
        request.extensions_mut().remove::<axum::extract::MatchedPath>();
        inner.clone().oneshot(request)
    };
    let outer = Router::new().route_service("/{id}", tower::service_fn(onward));
    let answer = ask(&outer, request(&Method::PUT, "/b")).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (500, "ownership.no_parameter"));
}

#[tokio::test]
async fn a_handler_that_reads_numbers_or_uuids_reads_what_was_judged() {
    type Normalize = fn(&str) -> Option<String>;
    const ONE: &str = "0123abcd-0000-4000-8000-fedcba987654";
    let cases: [(Normalize, &str, &str, &[&str]); 2] = [
        (
            integer,
            "7",
            "7",
            &["07", "+7", "%207", "7.0", "-7", "%D9%A7", "18446744073709551623", "7%00"],
        ),
        (
            uuid,
            ONE,
            ONE,
            &["%7B0123abcd-0000-4000-8000-fedcba987654%7D", "0123abcd000040008000fedcba987654"],
        ),
    ];
    for (normalize, sent, id, twins) in cases {
        let owners = MemoryOwnershipStore::new();
        owners.insert(thing(id), local("bob"));
        let path = ResourcePath::new("thing", "/{id}", "id").unwrap().created_by(Method::PUT);
        let own = Ownership::of_routes(owners, [path.normalized_by(normalize)]).unwrap();
        let router = Router::new().route("/{id}", put(both)).layer(OwnershipLayer::new(own));
        assert_eq!(ask(&router, request(&Method::PUT, &format!("/{sent}"))).await.status, 403);
        for twin in twins {
            let answer = ask(&router, request(&Method::PUT, &format!("/{twin}"))).await;
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (400, "ownership.resource_id"),
                "{twin}"
            );
        }
        let upper = ask(&router, request(&Method::PUT, &format!("/{}", sent.to_uppercase()))).await;
        assert_eq!(upper.status, 403);
    }
}

#[tokio::test]
async fn an_id_in_the_body_is_compared_with_the_one_that_was_judged() {
    // As the module's page says: normalized alike, and 400 where they differ.
    let lower = |id: &str| Some(id.to_lowercase());
    let path = ResourcePath::new("thing", "/things/{id}", "id").unwrap().normalized_by(lower);
    let own = Ownership::of_routes(owners(), [path]).unwrap();
    let handler = async move |Extension(owned): Extension<OwnedResource>, body: String| {
        let in_body = Resource::new("thing", lower(&body).unwrap());
        if in_body == *owned.resource() {
            Ok(format!("written {}", owned.resource().id()))
        } else {
            Err(http::StatusCode::BAD_REQUEST)
        }
    };
    let router = Router::new().route("/things/{id}", put(handler)).layer(OwnershipLayer::new(own));
    for (path, body, status, written) in [
        ("/things/a", "a", 200, "written a"),
        ("/things/A", "a", 200, "written a"),
        ("/things/a", "A", 200, "written a"),
        ("/things/a", "b", 400, ""),
        ("/things/b", "a", 403, "forbidden"),
        ("/things/b", "b", 403, "forbidden"),
    ] {
        let mut request = request(&Method::PUT, path);
        *request.body_mut() = body.into();
        let answer = ask(&router, request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, written), "{path} {body}");
    }
}

#[tokio::test]
async fn a_refused_body_is_neither_asked_for_nor_read() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let read = async |body: String| body;
    let router = Router::new()
        .route("/things/{id}", put(read))
        .layer(OwnershipLayer::new(of_routes("/things/{id}")))
        .layer(Extension(principal(local("alice"))));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    for (id, start) in [("b", "HTTP/1.1 403 "), ("a", "HTTP/1.1 100 ")] {
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT /things/{id} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nexpect: 100-continue\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut reply = vec![0; start.len()];
        socket.read_exact(&mut reply).await.unwrap();
        assert_eq!(String::from_utf8(reply).unwrap(), start, "{id}");
    }
    server.abort();
}
