//! Resources from a function, of tenants, and for readers.

use http::{HeaderMap, Method, Request};
use portcullis::{
    Head, RejectionKind,
    jwt::{Algorithm, Grant, Issuer, JwtAuth, Key, Keys},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath, Target},
};
use tower::ServiceBuilder;

use super::{
    Counted, ask, by, claims::owner, local, owners, principal, request, thing, things, through,
};
use crate::support::Log;

/// The thing that a header names.
fn by_header(owners: MemoryOwnershipStore) -> Ownership {
    Ownership::from_fn(owners, |head: &Head<'_>| {
        let id = head.headers().get("x-thing")?.to_str().ok()?;
        let target = Target::new(thing(id));
        Some(if head.uri().path() == "/new" { target.may_create() } else { target })
    })
}

#[tokio::test]
async fn a_function_finds_the_resource_and_says_whether_it_may_be_claimed() {
    let owners = owners();
    for (path, id, status, body) in [
        ("/", Some("a"), 200, "owned a"),
        ("/", Some("b"), 403, "forbidden"),
        ("/", Some("c"), 404, "not found"),
        ("/new", Some("c"), 200, "new c"),
        ("/", Some("c"), 200, "owned c"),
        ("/", None, 403, "forbidden"),
    ] {
        let mut request = by("alice", &Method::PUT, path);
        request
            .headers_mut()
            .extend(id.map(|id| (http::HeaderName::from_static("x-thing"), id.parse().unwrap())));
        let log = Log::capture();
        let answer = ask(by_header(owners.clone()), request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{path} {id:?}");
        if id.is_none() {
            assert_eq!(answer.reason(), "ownership.no_resource");
            assert!(log.text().contains("WARN"), "{}", log.text());
        }
    }
    assert_eq!(ask(by_header(owners), request(&Method::GET, "/")).await.status, 200);
}

fn of_tenants(owners: MemoryOwnershipStore) -> Ownership {
    let path = |pattern| {
        let path = ResourcePath::new("thing", pattern, "id").unwrap();
        path.tenant("tenant").unwrap()
    };
    let paths = [
        path("/{tenant}/things/{id}").created_by(Method::PUT),
        path("/{tenant}/things/{id}/parts/{part}"),
    ];
    Ownership::new(owners, paths).unwrap()
}

#[tokio::test]
async fn one_id_of_two_tenants_is_two_things() {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::of_tenant("thing", "acme", "7"), local("alice"));
    owners.insert(Resource::of_tenant("thing", "umbrella", "7"), local("bob"));
    for (name, path, status) in [
        ("alice", "/acme/things/7", 200),
        ("alice", "/acme/things/7/parts/1", 200),
        ("alice", "/umbrella/things/7", 403),
        ("alice", "/umbrella/things/7/parts/1", 403),
        ("bob", "/acme/things/7", 403),
        ("bob", "/umbrella/things/7", 200),
        ("bob", "/Acme/things/7/parts/1", 404),
        ("bob", "/acme%00/things/7", 400),
        ("bob", "/acme/things/%00", 400),
        ("bob", "/%ff/things/7", 400),
    ] {
        let answer = ask(of_tenants(owners.clone()), by(name, &Method::PUT, path)).await;
        assert_eq!(answer.status, status, "{name} {path}");
    }
}

#[tokio::test]
async fn no_two_pairs_of_a_tenant_and_an_id_are_one_thing() {
    let owners = MemoryOwnershipStore::new();
    let paths = [
        "/a/things/b%2Fc",
        "/a%2Fb/things/c",
        "/a%252Fb/things/c",
        "/a/things/b%252Fc",
        "/a%25/things/b",
        "/a/things/%25b",
    ];
    for path in paths {
        let answer = ask(of_tenants(owners.clone()), by("alice", &Method::PUT, path)).await;
        assert!(answer.body.starts_with("new "), "{path}: {answer:?}");
    }
    assert!(owners.remove(&Resource::of_tenant("thing", "a/b", "c")));
    assert!(owners.remove(&Resource::of_tenant("thing", "a", "b/c")));
}

#[test]
fn a_tenant_is_a_parameter_and_all_paths_of_a_kind_have_one_or_none() {
    let path = |pattern| ResourcePath::new("thing", pattern, "id").unwrap();
    let error = path("/things/{id}").tenant("tenant").unwrap_err();
    assert!(error.to_string().contains("no parameter `{tenant}`"), "{error}");
    let with = || path("/{tenant}/things/{id}").tenant("tenant").unwrap();
    let error = Ownership::new(owners(), [with(), path("/things/{id}")]).unwrap_err();
    assert!(error.to_string().contains("tenant"), "{error}");
    let note = ResourcePath::new("note", "/notes/{id}", "id").unwrap();
    assert!(Ownership::new(owners(), [with(), note]).is_ok(), "another kind");
}

#[tokio::test]
async fn what_is_private_is_read_by_its_owner_alone() {
    for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT"].map(|name| name.parse::<Method>().unwrap())
    {
        for (name, path, revealed, hidden) in [
            ("alice", "/things/a", 200, 200),
            ("alice", "/things/b", 403, 404),
            ("alice", "/things/b/parts/1", 403, 404),
            ("alice", "/things/c/parts/1", 404, 404),
            ("alice", "/elsewhere", 403, 404),
        ] {
            let answer = ask(things(owners()).private(), by(name, &method, path)).await;
            assert_eq!(answer.status, revealed, "{method} {path}");
            let answer = ask(things(owners()).private().hide(), by(name, &method, path)).await;
            assert_eq!(answer.status, hidden, "{method} {path}");
        }
        let nobody = ask(things(owners()).private(), request(&method, "/things/a")).await;
        assert_eq!(nobody.kind(), RejectionKind::Misconfigured, "{method}");
    }
    // Reading creates nothing.
    let owners = owners();
    let answer = ask(things(owners.clone()).private(), by("alice", &Method::GET, "/things/c")).await;
    assert_eq!((answer.status.as_u16(), owner(&owners, "c").await), (404, None));
}

#[tokio::test]
async fn a_hidden_resource_is_read_as_one_that_is_not_there() {
    let owners = Counted::new(owners());
    let layer = portcullis::OwnershipLayer::new(things(owners.clone()).private().hide());
    let mut seen: Vec<(HeaderMap, String, _)> = Vec::new();
    for path in ["/things/b", "/things/c"] {
        let mut request = by("alice", &Method::GET, path);
        for (name, value) in [("range", "bytes=0-1"), ("if-none-match", r#""secret""#)] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = through(&layer, request).await;
        assert_eq!(answer.status, 404);
        seen.push((answer.headers, answer.body, owners.take()));
    }
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_reader_learns_the_resource_by_the_rules_of_the_layer() {
    let own = things(owners());
    let target = |path| {
        let request: Request<()> = Request::get(path).body(()).unwrap();
        own.target(&Head::new(&request)).map(|target| target.resource().clone())
    };
    assert_eq!(target("/things/%61").unwrap(), thing("a"));
    assert_eq!(target("/things/%00").unwrap_err().kind(), RejectionKind::BadRequest);
    assert_eq!(target("/elsewhere").unwrap_err().kind(), RejectionKind::Forbidden);
}

#[tokio::test]
async fn the_subject_of_a_token_owns_and_not_who_acts_for_it() {
    const SECRET: &str = "a secret of 32 bytes or more, as HS256 wants";
    let issuer = Issuer::new("https://id.example.org", Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer.identities_of(portcullis::Identity::LOCAL);
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    let jwt = JwtAuth::builder(keys).issuer("https://id.example.org");
    let jwt = jwt.identities_of(portcullis::Identity::LOCAL).build().unwrap();
    let layer = ServiceBuilder::new()
        .layer(portcullis::AuthenticateLayer::new(jwt))
        .layer(portcullis::OwnershipLayer::new(things(owners())))
        .into_inner();
    for (subject, actor, path, status) in [
        ("alice", "bob", "/things/a", 200),
        ("alice", "bob", "/things/b", 403),
        ("bob", "alice", "/things/a", 403),
        ("bob", "alice", "/things/b", 200),
    ] {
        let subject = principal(local(subject));
        let grant = Grant::to(&subject, portcullis::ScopeSet::empty());
        let act = serde_json::json!({"sub": actor, "iss": "local"});
        let token = issuer.issue(grant.claim("act", act)).unwrap();
        let mut request = request(&Method::PUT, path);
        let bearer = format!("Bearer {}", token.token()).parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        assert_eq!(through(&layer, request).await.status, status, "{actor} {path}");
    }
}
