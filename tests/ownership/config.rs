//! Mistakes that are found before the first request.

use http::Method;
use portcullis::{
    OwnershipLayer,
    ownership::{MemoryOwnershipStore, Ownership, ResourcePath},
};

fn build(patterns: &[(&str, &str)]) -> Result<Ownership, portcullis::ConfigError> {
    let paths =
        patterns.iter().map(|(pattern, param)| ResourcePath::new("thing", pattern, param).unwrap());
    Ownership::new(MemoryOwnershipStore::new(), paths)
}

#[test]
fn a_policy_without_a_path_is_refused() {
    let error = build(&[]).unwrap_err();
    assert!(error.to_string().contains("without a path"), "{error}");
}

#[test]
fn a_pattern_that_is_none_is_refused_and_named() {
    for pattern in [
        "",
        "things/{id}",
        "{id}",
        "/{id",
        "/{}",
        "/{*}",
        "/{*id}/x",
        "/id}",
        "/{id}{x}",
        "*",
        "/{{id}",
    ] {
        let error = ResourcePath::new("thing", pattern, "id").unwrap_err();
        assert!(error.to_string().contains(&format!("{pattern:?}")), "{pattern}: {error}");
    }
}

#[test]
fn a_pattern_without_the_parameter_is_refused() {
    for (pattern, param) in [
        ("/things", "id"),
        ("/things/{thing}", "id"),
        ("/things/id", "id"),
        ("/things/{ID}", "id"),
        ("/things/{id}", ""),
        ("/things/{id}", "{id}"),
        ("/things/{id}", "i"),
        ("/things/{*rest}", "id"),
        ("/things/{*rest}", "*rest"),
    ] {
        let error = ResourcePath::new("thing", pattern, param).expect_err(pattern);
        assert!(error.to_string().contains("no parameter"), "{pattern} {param}: {error}");
    }
}

#[test]
fn a_pattern_with_the_parameter_twice_is_refused() {
    // Which of the two is the resource could only be guessed.
    assert!(ResourcePath::new("thing", "/{id}/parts/{id}", "id").is_err());
}

#[test]
fn patterns_with_the_parameter_are_accepted() {
    for (pattern, param) in [
        ("/{id}", "id"),
        ("/things/{id}", "id"),
        ("/things/{id}/parts/{part}", "id"),
        ("/things/{id}/parts/{part}", "part"),
        ("/files/{*path}", "path"),
    ] {
        assert!(ResourcePath::new("thing", pattern, param).is_ok(), "{pattern}");
    }
}

#[test]
fn patterns_that_cannot_be_told_apart_are_refused_and_named() {
    for (one, other) in [
        (("/things/{id}", "id"), ("/things/{id}", "id")),
        (("/things/{id}", "id"), ("/things/{name}", "name")),
        (("/things/{id}/x", "id"), ("/things/{name}/x", "name")),
        (("/things/{*id}", "id"), ("/things/{*rest}", "rest")),
    ] {
        let error = build(&[one, other]).expect_err(other.0);
        assert!(error.to_string().contains(other.0), "{error}");
        assert!(build(&[other]).is_ok() && build(&[one]).is_ok());
    }
    assert!(build(&[("/things/{id}", "id"), ("/things/{id}/parts/{part}", "id")]).is_ok());
}

#[test]
fn a_safe_method_creates_nothing() {
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        let path = ResourcePath::new("thing", "/{id}", "id").unwrap();
        let built = std::panic::catch_unwind(|| path.created_by(method.clone()));
        let message = *built.expect_err("a panic").downcast::<String>().unwrap();
        assert!(message.contains(method.as_str()), "{message}");
    }
}

#[test]
fn debug_names_the_types_and_no_owner() {
    let owners = super::owners();
    let ownership = super::things(owners.clone());
    let layer = OwnershipLayer::new(ownership.clone());
    let text = format!("{owners:?} {ownership:?} {layer:?}");
    assert!(!text.contains("alice") && text.contains("OwnershipLayer"), "{text}");
}
