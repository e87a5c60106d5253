//! Several layers in one router.

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post, put},
};
use http::Method;
use jsonwebtoken::{EncodingKey, Header};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, JwtScopeLayer, ManualClock, OwnershipLayer, Principal,
    RejectionKind, Scope, ScopePolicy,
    jwt::{Algorithm, JwtAuth, Key, Keys},
    ownership::{MemoryOwnershipStore, OwnedResource, Ownership, ResourcePath},
};

use super::{ask, basic_auth, basic_layer, by_alice, request, whoami, with};
use crate::support::basic;

const SECRET: &str = "a secret of at least 32 bytes, from a file";
const NOW: u64 = 1_361_281_946;

fn jwt() -> JwtAuth {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    JwtAuth::builder(keys)
        .issuer("https://id.example.org")
        .clock(Arc::new(ManualClock::at_unix(NOW)))
        .realm("messages")
        .build()
        .unwrap()
}

/// The authorization of alice with a token of these scopes.
fn bearer(scope: &str) -> String {
    let claims = serde_json::json!({
        "iss": "https://id.example.org", "sub": "alice", "exp": NOW + 60, "scope": scope,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let header = Header::new(Algorithm::HS256);
    format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &key).unwrap())
}

const SEND: Scope = Scope::from_static("messages:send");
const LIST: Scope = Scope::from_static("messages:list");

#[tokio::test]
async fn each_route_can_ask_for_scopes_of_its_own() {
    let per_route = Router::new()
        .route("/send", post(whoami).layer(JwtScopeLayer::new(jwt(), SEND)))
        .route("/list", get(whoami).layer(JwtScopeLayer::new(jwt(), LIST)));
    // The same, authenticated once outside.
    let once = Router::new()
        .route("/send", post(whoami).layer(AuthorizeLayer::new(ScopePolicy::from(SEND))))
        .route("/list", get(whoami).layer(AuthorizeLayer::new(ScopePolicy::from(LIST))))
        .layer(AuthenticateLayer::new(jwt()));
    for router in [per_route, once] {
        for (scopes, send, list) in [
            ("messages:send", 200, 403),
            ("messages:list", 403, 200),
            ("messages:send messages:list", 200, 200),
            ("all:any", 200, 200),
            ("messages", 403, 403),
            ("", 403, 403),
        ] {
            for (method, path, status) in [(Method::POST, "/send", send), (Method::GET, "/list", list)]
            {
                let answer = ask(&router, with(request(&method, path), &bearer(scopes))).await;
                assert_eq!(answer.status, status, "{scopes:?} {path}");
                if status == 403 {
                    let [challenge] = answer.challenges()[..] else { panic!("{answer:?}") };
                    let wanted = if path == "/send" { "messages:send" } else { "messages:list" };
                    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
                    assert!(challenge.contains(&format!("scope=\"{wanted}\"")), "{challenge}");
                }
            }
        }
        assert_eq!(ask(&router, request(&Method::POST, "/send")).await.status, 401);
    }
}

/// Everybody reads; who writes is known, and owns what is written.
fn notes() -> Router {
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap().created_by(Method::PUT);
    let ownership = Ownership::new(MemoryOwnershipStore::new(), [path]).unwrap();
    let write = async |who: Principal, owned: axum::Extension<OwnedResource>| {
        let new = if owned.is_new() { "new " } else { "" };
        format!("{new}{} of {}", owned.resource().id(), who.subject())
    };
    let read = async |who: Option<Principal>| match who {
        Some(who) => format!("read by {}", who.subject()),
        None => "read".to_owned(),
    };
    Router::new()
        .route("/notes/{id}", get(read).merge(put(write)))
        .layer(OwnershipLayer::new(ownership))
        .layer(basic_layer().optional())
}

#[tokio::test]
async fn everybody_reads_and_only_owners_write() {
    let router = notes();
    let (alice, bob) = (basic("alice", "wonderland"), basic("bob", "builder"));
    for (method, authorization, status, body) in [
        (Method::GET, "", 200, "read"),
        (Method::PUT, "", 401, "credentials required"),
        (Method::PUT, &*alice, 200, "new 1 of alice"),
        (Method::PUT, &alice, 200, "1 of alice"),
        (Method::PUT, &bob, 403, "forbidden"),
        (Method::GET, &bob, 200, "read by bob"),
        (Method::GET, "", 200, "read"),
        (Method::DELETE, "", 401, "credentials required"),
        (Method::DELETE, &bob, 403, "forbidden"),
        (Method::DELETE, &alice, 405, ""),
        // Wrong credentials are not the same as none: not even to read.
        (Method::GET, "Basic bm9ib2R5Ong=", 401, "credentials refused"),
        (Method::PUT, "Basic bm9ib2R5Ong=", 401, "credentials refused"),
    ] {
        let mut request = request(&method, "/notes/1");
        if !authorization.is_empty() {
            request = with(request, authorization);
        }
        let answer = ask(&router, request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{method}");
        let asked = ["Basic realm=\"house\", charset=\"UTF-8\""];
        assert_eq!(answer.challenges() == asked, status == 401, "{method}");
    }
}

#[tokio::test]
async fn the_layers_the_wrong_way_around_let_no_write_through() {
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap().created_by(Method::PUT);
    let ownership = Ownership::new(MemoryOwnershipStore::new(), [path]).unwrap();
    let router = Router::new()
        .route("/notes/{id}", put(whoami))
        .layer(basic_layer())
        .layer(OwnershipLayer::new(ownership));
    let answer = ask(&router, by_alice(request(&Method::PUT, "/notes/1"))).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (500, RejectionKind::Misconfigured));
}

#[tokio::test]
async fn of_several_schemes_the_one_that_was_used_decides() {
    let router = Router::new()
        .route("/", get(async |who: Principal| format!("{} by {}", who.subject(), who.scheme())))
        .layer(AuthenticateLayer::new(basic_auth()).or(jwt()));
    for (authorization, status, body) in [
        (basic("alice", "wonderland"), 200, "alice by Basic"),
        (bearer(""), 200, "alice by Bearer"),
        (basic("alice", "wrong"), 401, "credentials refused"),
        ("Bearer x.y.z".to_owned(), 401, "credentials refused"),
        ("Digest x".to_owned(), 401, "credentials refused"),
    ] {
        let answer = ask(&router, with(request(&Method::GET, "/"), &authorization)).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{authorization}");
        if status == 401 {
            let schemes: Vec<_> =
                answer.challenges().iter().map(|line| line.split(' ').next().unwrap()).collect();
            assert_eq!(schemes, ["Bearer", "Basic"], "one line for each, Basic last");
        }
    }
}
