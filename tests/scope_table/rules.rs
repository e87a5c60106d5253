//! Which rule a request meets, and what comes of it.

use http::Method;
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, RejectionKind, Requirement, Scope, ScopePolicy, ScopeTable,
    authorize,
};
use tower::ServiceBuilder;

use super::{ADMIN, READ, WRITE, ask, by, request, rule};
use crate::{
    schemes::{by_password, users},
    support::send,
};

fn messages() -> ScopeTable {
    ScopeTable::builder()
        .any_method("/admin/{*path}", ADMIN)
        .route(Method::POST, "/messages", WRITE)
        .route(Method::GET, "/messages", ScopePolicy::any_of([READ, WRITE]))
        .route(Method::GET, "/messages/{id}", READ)
        .route(Method::HEAD, "/messages/{id}", WRITE)
        .any_method("/messages/{id}", ADMIN)
        .route(Method::GET, "/me", Requirement::authenticated())
        .route(Method::GET, "/health", Requirement::open())
        .route("LOCK".parse().unwrap(), "/locks", WRITE)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_request_meets_the_rule_of_its_method_and_path() {
    let table = messages();
    for (method, path, scopes, expected) in [
        ("GET", "/messages", "read", Ok(())),
        ("GET", "/messages", "write", Ok(())),
        ("GET", "/messages", "", Err("scope.missing")),
        ("GET", "/messages", "admin", Err("scope.missing")),
        ("GET", "/messages?id=/health", "", Err("scope.missing")),
        ("POST", "/messages", "write", Ok(())),
        ("POST", "/messages", "read", Err("scope.missing")),
        ("POST", "/messages", "all:any", Ok(())),
        // HEAD is GET, where it has no rule of its own.
        ("HEAD", "/messages", "read", Ok(())),
        ("HEAD", "/messages", "", Err("scope.missing")),
        ("HEAD", "/messages/1", "read", Err("scope.missing")),
        ("HEAD", "/messages/1", "write", Ok(())),
        ("HEAD", "/health", "", Ok(())),
        // Any other method, and names that are other methods.
        ("GET", "/messages/1", "admin", Err("scope.missing")),
        ("PATCH", "/messages/1", "admin", Ok(())),
        ("PATCH", "/messages/1", "read write", Err("scope.missing")),
        ("get", "/messages/1", "read", Err("scope.missing")),
        ("get", "/messages/1", "admin", Ok(())),
        ("LOCK", "/locks", "write", Ok(())),
        ("lock", "/locks", "write", Err("scope.unlisted_method")),
        ("get", "/messages", "read", Err("scope.unlisted_method")),
        ("PATCH", "/messages", "all:any", Err("scope.unlisted_method")),
        ("HEAD", "/locks", "all:any", Err("scope.unlisted_method")),
        ("POST", "/health", "all:any", Err("scope.unlisted_method")),
        ("GET", "/me", "", Ok(())),
        // What the table lacks.
        ("GET", "/", "all:any", Err("scope.unlisted_path")),
        ("GET", "/messages/", "all:any", Err("scope.unlisted_path")),
        ("GET", "/admin", "all:any", Err("scope.unlisted_path")),
        ("GET", "/admin/", "all:any", Err("scope.unlisted_path")),
        ("GET", "/admin/a/b/", "admin", Ok(())),
        ("OPTIONS", "*", "all:any", Err("scope.unlisted_path")),
    ] {
        let answer = ask(&table, by(scopes, request(method, path))).await;
        let what = format!("{method} {path} by {scopes:?}");
        let Err(reason) = expected else {
            assert_eq!(answer.status, 200, "{what}");
            continue;
        };
        assert_eq!((answer.status.as_u16(), answer.reason()), (403, reason), "{what}");
        let kind = match reason {
            "scope.missing" => RejectionKind::InsufficientScope,
            _ => RejectionKind::Forbidden,
        };
        assert_eq!(answer.kind(), kind, "{what}");
    }
}

/// The methods of IANA's registry, and some that are not in it.
const METHODS: [&str; 44] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "PRI",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "FOO",
    "get",
    "Get",
    "head",
    "post",
    "(any)",
    "*",
];

#[tokio::test]
async fn no_method_gets_around_the_table() {
    let table = messages();
    for method in METHODS {
        if method == "(any)" {
            assert!(method.parse::<Method>().is_err(), "it would be mistaken for one in a listing");
            continue;
        }
        let answer = ask(&table, by("all:any", request(method, "/messages"))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (403, "scope.unlisted_method"),
            "{method}"
        );
        assert_eq!(ask(&table, by("read write", request(method, "/admin/x"))).await.status, 403);
        assert_eq!(ask(&table, by("admin", request(method, "/admin/x"))).await.status, 200);
    }
}

#[tokio::test]
async fn who_lacks_a_scope_is_told_which_would_do_and_who_is_nowhere_is_not() {
    let table = messages();
    let answer = ask(&table, by("audit", request("GET", "/messages"))).await;
    assert_eq!(answer.challenges(), [r#"Bearer error="insufficient_scope", scope="read""#]);
    assert_eq!(answer.body, "scope missing");
    for (method, path) in [("PUT", "/messages"), ("GET", "/unknown")] {
        let answer = ask(&table, by("audit", request(method, path))).await;
        assert_eq!((answer.challenges().len(), &*answer.body), (0, "forbidden"), "{method} {path}");
    }
}

#[tokio::test]
async fn without_a_principal_only_what_is_open_is_served() {
    let who = AuthenticateLayer::new(by_password(users())).optional();
    let anonymous = ServiceBuilder::new().layer(who).layer(AuthorizeLayer::new(messages()));
    let bare = AuthorizeLayer::new(messages());
    for (method, path, open) in [
        ("GET", "/health", true),
        ("HEAD", "/health", true),
        ("GET", "/health?x=1", true),
        ("POST", "/health", false),
        ("GET", "/health/", false),
        ("GET", "/Health", false),
        ("GET", "/me", false),
        ("GET", "/me?x=/health", false),
        ("GET", "/messages", false),
        ("PUT", "/messages", false),
        ("GET", "/unknown", false),
        ("OPTIONS", "*", false),
    ] {
        let answer = send(&anonymous, request(method, path)).await;
        assert_eq!(answer.status, if open { 200 } else { 401 }, "{method} {path}");
        let answer = send(&bare, request(method, path)).await;
        assert_eq!(answer.status, if open { 200 } else { 500 }, "{method} {path}");
    }
}

#[tokio::test]
async fn a_table_is_a_policy_among_others() {
    let weekday = authorize::from_fn(|_, head| !head.headers().contains_key("x-sunday"));
    let layer = AuthorizeLayer::new(authorize::all([
        authorize::shared(messages()),
        authorize::shared(weekday),
    ]));
    assert_eq!(send(&layer, by("read", request("GET", "/messages"))).await.status, 200);
    let mut sunday = by("read", request("GET", "/messages"));
    sunday.headers_mut().insert("x-sunday", "1".parse().unwrap());
    assert_eq!(send(&layer, sunday).await.reason(), "policy.refused");
    assert_eq!(send(&layer, by("", request("GET", "/messages"))).await.reason(), "scope.missing");
}

#[test]
fn the_listing_is_the_same_whatever_the_order_of_the_rules() {
    let listing = "\
        (any) /admin/{*path} admin\n\
        GET   /health        open\n\
        LOCK  /locks         write\n\
        GET   /me            authenticated\n\
        GET   /messages      read or write\n\
        POST  /messages      write\n\
        GET   /messages/{id} read\n\
        HEAD  /messages/{id} write\n\
        (any) /messages/{id} admin\n\
        all else is refused\n";
    assert_eq!(messages().to_string(), listing);

    let mut turned = ScopeTable::builder();
    for rule in messages().rules().iter().rev() {
        let needs = rule.requirement().clone();
        turned = match rule.method() {
            Some(method) => turned.route(method.clone(), rule.pattern(), needs),
            None => turned.any_method(rule.pattern(), needs),
        };
    }
    assert_eq!(turned.build().unwrap().to_string(), listing);
}

#[test]
fn a_table_tells_which_rule_a_request_would_meet() {
    let table = messages();
    for (method, path, found) in [
        ("GET", "/messages/7", Some("GET /messages/{id}")),
        ("DELETE", "/messages/7", Some("(any) /messages/{id}")),
        ("HEAD", "/me", Some("GET /me")),
        ("PUT", "/me", None),
        ("GET", "/messages/7/parts", None),
    ] {
        assert_eq!(rule(&table, method, path).as_deref(), found, "{method} {path}");
    }
    let open = table.rule(&Method::GET, "/health").unwrap();
    assert!(open.requirement().is_open() && !open.requirement().is_dry_run());
}

#[test]
fn grpc_names_are_methods_and_whole_services() {
    let table = ScopeTable::builder()
        .grpc_service("vault.v1.Vault", READ)
        .grpc_method("vault.v1.Vault/Open", WRITE)
        .grpc_service("Unpackaged_1", Scope::ALL_ANY)
        .build()
        .unwrap();
    for (method, path, found) in [
        ("POST", "/vault.v1.Vault/Open", Some("POST /vault.v1.Vault/Open")),
        ("POST", "/vault.v1.Vault/Watch", Some("POST /vault.v1.Vault/{method}")),
        ("POST", "/vault.v1.Vault/open", Some("POST /vault.v1.Vault/{method}")),
        ("POST", "/Unpackaged_1/X", Some("POST /Unpackaged_1/{method}")),
        ("GET", "/vault.v1.Vault/Open", None),
        ("POST", "/vault.v1.Vault", None),
        ("POST", "/vault.v1.Vault/", None),
        ("POST", "/vault.v1.Vault/Open/", None),
        ("POST", "/vault.v1.Vault/Open/x", None),
        ("POST", "/vault.v1.vault/Open", None),
        ("POST", "//vault.v1.Vault/Open", None),
        ("POST", "vault.v1.Vault/Open", None),
        ("POST", "", None),
    ] {
        assert_eq!(rule(&table, method, path).as_deref(), found, "{method} {path}");
    }
}
