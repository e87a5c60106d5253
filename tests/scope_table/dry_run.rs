//! What a dry run lets through, and what it says.

use http::Method;
use portcullis::{AuthenticateLayer, AuthorizeLayer, Requirement, ScopeTable};
use tower::ServiceBuilder;

use super::{READ, WRITE, ask, by, request};
use crate::{
    schemes::{by_password, users},
    support::{Log, basic, get_with, send},
};

fn rules() -> portcullis::authorize::table::ScopeTableBuilder {
    ScopeTable::builder()
        .route(Method::GET, "/messages", READ)
        .route(Method::POST, "/messages", Requirement::from(WRITE).dangerous_dry_run())
        .route(Method::GET, "/me", Requirement::authenticated().dangerous_dry_run())
        .route(Method::GET, "/health", Requirement::open())
}

/// What was reported: the lines of the event.
fn reports(log: &Log) -> Vec<String> {
    let text = log.text();
    text.lines().filter(|line| line.contains("would be refused")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_dry_run_of_one_rule_reports_what_it_would_refuse_and_refuses_the_rest() {
    let table = rules().build().unwrap();
    let log = Log::capture();
    assert_eq!(ask(&table, by("write", request("POST", "/messages"))).await.status, 200);
    assert_eq!(ask(&table, by("", request("GET", "/me"))).await.status, 200);
    assert_eq!(reports(&log), [""; 0]);

    assert_eq!(ask(&table, by("read", request("POST", "/messages"))).await.status, 200);
    let [line] = &reports(&log)[..] else { panic!("{}", log.text()) };
    for part in
        [" INFO", "reason=\"scope.missing\"", "rule=POST /messages", "needs=write", "subject=\"alice\""]
    {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    for (method, path, reason) in [
        ("GET", "/messages", "scope.missing"),
        ("PUT", "/messages", "scope.unlisted_method"),
        ("GET", "/unknown", "scope.unlisted_path"),
    ] {
        assert_eq!(ask(&table, by("", request(method, path))).await.reason(), reason);
    }
    assert_eq!(reports(&log).len(), 1);
}

#[tokio::test]
async fn a_dry_run_of_the_whole_table_also_lets_through_what_it_lacks() {
    let table = rules().dangerous_dry_run().build().unwrap();
    for (method, path, parts) in [
        ("GET", "/messages", ["reason=\"scope.missing\"", "rule=GET /messages"]),
        ("POST", "/messages", ["reason=\"scope.missing\"", "rule=POST /messages"]),
        ("PUT", "/messages", ["reason=\"scope.unlisted_method\"", "for this method at /messages"]),
        ("GET", "/canary-path", ["reason=\"scope.unlisted_path\"", "no rule for this path"]),
    ] {
        let log = Log::capture();
        assert_eq!(ask(&table, by("", request(method, path))).await.status, 200, "{method} {path}");
        let [line] = &reports(&log)[..] else { panic!("{}", log.text()) };
        for part in parts {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(!log.text().contains("canary"), "a path may have a secret in it: {}", log.text());
    }
    let log = Log::capture();
    for (method, path) in
        [("GET", "/messages"), ("POST", "/messages"), ("GET", "/me"), ("GET", "/health")]
    {
        assert_eq!(ask(&table, by("read write", request(method, path))).await.status, 200);
    }
    assert_eq!(reports(&log), [""; 0]);
}

#[tokio::test]
async fn a_dry_run_lets_nobody_in_who_is_not_authenticated() {
    for table in [rules().build().unwrap(), rules().dangerous_dry_run().build().unwrap()] {
        let who = AuthenticateLayer::new(by_password(users())).optional();
        let stack = ServiceBuilder::new().layer(who).layer(AuthorizeLayer::new(table.clone()));
        let log = Log::capture();
        for (method, path) in [
            ("GET", "/messages"),
            ("POST", "/messages"),
            ("PUT", "/messages"),
            ("GET", "/me"),
            ("GET", "/unknown"),
        ] {
            assert_eq!(send(&stack, request(method, path)).await.status, 401, "{method} {path}");
            assert_eq!(ask(&table, request(method, path)).await.status, 500, "{method} {path}");
        }
        assert_eq!(send(&stack, get_with("/me", basic("alice", "wrong"))).await.status, 401);
        assert_eq!(send(&stack, request("GET", "/health")).await.status, 200);
        assert_eq!(reports(&log), [""; 0]);
    }
}

#[test]
fn the_listing_says_what_is_a_dry_run() {
    let listing = rules().build().unwrap().to_string();
    assert!(listing.contains("POST /messages write (dry run)\n"), "{listing}");
    assert!(listing.ends_with("\nall else is refused\n"), "{listing}");
    let listing = rules().dangerous_dry_run().build().unwrap().to_string();
    assert!(!listing.contains("refused\n") && listing.contains("all is a dry run"), "{listing}");
}
