//! What is refused when a table is built.

use http::Method;
use portcullis::{ScopeTable, authorize::table::ScopeTableBuilder};
use proptest::prelude::*;

use super::{READ, WRITE, rule};

fn mistake(table: ScopeTableBuilder) -> String {
    table.build().expect_err("a mistake").to_string()
}

fn one(pattern: &str) -> ScopeTableBuilder {
    ScopeTable::builder().route(Method::GET, pattern, READ)
}

#[test]
fn an_empty_table_would_refuse_all() {
    assert!(mistake(ScopeTable::builder()).contains("add a rule for each route"));
    assert!(mistake(ScopeTable::builder().dangerous_dry_run()).contains("without a rule"));
}

#[test]
fn a_pattern_that_is_none_is_refused_by_name_and_with_what_to_do() {
    for (pattern, why) in [
        ("", "does not begin with `/`"),
        ("messages", "does not begin with `/`"),
        ("https://api.example.org/messages", "does not begin with `/`"),
        ("*", "does not begin with `/`"),
        ("/messages?limit=1", "leave the query away"),
        ("/messages#1", "leave the query away"),
        ("/messages/:id", "a parameter is `{name}`"),
        ("/files/*", "all the rest of a path is `{*name}`"),
        ("/files/*path", "all the rest of a path is `{*name}`"),
        ("/messages/{id", "a brace too many or too few"),
        ("/messages/id}", "a brace too many or too few"),
        ("/messages/{}", "a parameter without a name"),
        ("/files/{*}", "a parameter without a name"),
        ("/files/{a*}", "a parameter without a name"),
        ("/messages/{id}.json", "something behind a parameter in one segment"),
        ("/messages/{a}{b}", "something behind a parameter in one segment"),
        ("/files/{*path}/x", "behind a `{*name}`"),
        (&"/{a}".repeat(26), "more than 25 parameters"),
    ] {
        let text = mistake(one(pattern));
        assert!(text.contains(why), "{pattern:?}: {text}");
        assert!(text.contains(&format!("{pattern:?}")), "{pattern:?}: {text}");
    }
    assert!(one(&"/{a}".repeat(25)).build().is_ok());
}

#[test]
fn two_rules_for_one_method_at_one_pattern_are_refused() {
    let twice = one("/a").any_method("/a", WRITE).route(Method::GET, "/a", WRITE);
    let text = mistake(twice);
    assert!(text.contains("GET /a is in the scope table twice: keep one"), "{text}");
    let text = mistake(ScopeTable::builder().any_method("/a", READ).any_method("/a", READ));
    assert!(text.contains("(any) /a is in the scope table twice"), "{text}");
    let text =
        mistake(ScopeTable::builder().grpc_method("a.B/C", READ).route(Method::POST, "/a.B/C", WRITE));
    assert!(text.contains("POST /a.B/C is in the scope table twice"), "{text}");
}

#[test]
fn patterns_in_conflict_are_both_named() {
    for (first, second) in [
        ("/messages/{id}", "/messages/{name}"),
        ("/messages/{id}", "/messages/{*rest}"),
        ("/{a}/x", "/{*rest}"),
        ("/x-{a}", "/x-{b}"),
    ] {
        let text = mistake(one(first).route(Method::POST, second, WRITE));
        assert!(text.contains(first) && text.contains(second), "{text}");
        assert!(text.contains("no router can tell them apart"), "{text}");
    }
}

#[test]
fn a_grpc_name_is_a_service_and_a_method() {
    for name in [
        "",
        "/",
        "Open",
        "/vault.Vault/Open",
        "vault.Vault/",
        "vault.Vault/Open/x",
        "a b/C",
        "a..B/C",
        ".a/B",
        "a./B",
        "1a/B",
        "a/{method}",
        "{*rest}/a",
        "vault.Vault/Ö",
        "a-b/C",
    ] {
        let text = mistake(ScopeTable::builder().grpc_method(name, READ));
        assert!(text.contains("write `package.Service/Method`"), "{name}: {text}");
        assert!(text.contains(&format!("{name:?}")), "{name}: {text}");
    }
    for name in ["", "/vault.Vault", "vault.Vault/", "vault.Vault/Open", "{service}", "a..B", "*"] {
        let text = mistake(ScopeTable::builder().grpc_service(name, READ));
        assert!(text.contains("write `package.Service`"), "{name}: {text}");
    }
    // The first mistake is the one that is told.
    assert!(
        mistake(ScopeTable::builder().grpc_service("1", READ).grpc_service("2", READ))
            .contains("\"1\"")
    );
}

#[test]
fn inside_a_nest_every_pattern_has_its_prefix() {
    for (prefix, pattern) in
        [("/api", "/messages"), ("/api", "/apis/x"), ("/api/v1", "/api/messages"), ("/{a}", "/{b}/x")]
    {
        let text = mistake(one(pattern).nested_at(prefix));
        assert!(text.contains("write it with that prefix"), "{text}");
        assert!(text.contains(prefix) && text.contains(pattern), "{text}");
    }
    // Seen from inside, they are one path.
    let text = mistake(one("/api").route(Method::GET, "/api/", WRITE).nested_at("/api"));
    assert!(text.contains("no router can tell them apart"), "{text}");

    for prefix in ["/api", "/api/"] {
        let table =
            one("/api").route(Method::GET, "/api/{id}", WRITE).nested_at(prefix).build().unwrap();
        assert_eq!(rule(&table, "GET", "/").as_deref(), Some("GET /api"));
        assert_eq!(rule(&table, "GET", "/7").as_deref(), Some("GET /api/{id}"));
        assert_eq!(rule(&table, "GET", "/api/7"), None);
    }
    for none in ["", "/"] {
        assert!(one("/messages").nested_at(none).build().is_ok());
    }
}

#[test]
fn the_debug_text_shows_the_rules() {
    let table = one("/a").dangerous_dry_run().build().unwrap();
    assert_eq!(format!("{table:?}"), "ScopeTable { rules: [GET /a read], dry_run: true, .. }");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_pattern_makes_the_builder_panic(
        patterns in prop::collection::vec("(/|[ab]|\\{|\\}|\\{\\{|\\}\\}|\\*|\\{a\\}|\\{\\*b\\}|é|:|%2F){0,8}", 1..6),
        prefix in "(/a)?",
    ) {
        let mut table = ScopeTable::builder().nested_at(&prefix);
        for pattern in &patterns {
            table = table.any_method(&format!("{prefix}/{pattern}"), READ);
        }
        let _ = table.build();
    }
}
