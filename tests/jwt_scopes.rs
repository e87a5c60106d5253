//! The scopes of a token: which claims grant them, and what they open.

#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod jwt_support;
mod support;

use jwt_support::*;
use portcullis::{JwtScopeLayer, Scope, ScopePolicy};

const SEND: Scope = Scope::from_static("messages:send");

fn layer() -> JwtScopeLayer {
    JwtScopeLayer::new(jwt(), SEND)
}

#[tokio::test]
async fn a_missing_scope_is_named_in_a_403() {
    let answer = ask(&layer(), &token(claims(&[]))).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.challenges(), [r#"Bearer error="insufficient_scope", scope="messages:send""#]);
    assert_eq!(answer.body, "scope missing");

    let all = ScopePolicy::all_of([SEND, Scope::from_static("devices:list")]);
    let answer =
        ask(&JwtScopeLayer::new(jwt(), all), &token(claims(&[("scope", r#""messages:send""#)]))).await;
    assert_eq!(
        answer.challenges(),
        [r#"Bearer error="insufficient_scope", scope="messages:send devices:list""#]
    );
}

#[tokio::test]
async fn a_token_that_is_refused_is_never_asked_for_its_scopes() {
    let expired = token(claims(&[("exp", "1"), ("scope", r#""other""#)]));
    assert_eq!(ask(&layer(), &expired).await.status, 401);
}

#[tokio::test]
async fn only_the_whole_scope_counts() {
    for (scopes, status) in [
        (r#""messages:send""#, 200),
        (r#""a messages:send b""#, 200),
        (r#""all:any""#, 200),
        (r#""messages:list all:any""#, 200),
        (r#""messages:send2""#, 403),
        (r#""xmessages:send""#, 403),
        (r#""messages""#, 403),
        (r#""messages:""#, 403),
        (r#""messages:*""#, 403),
        (r#""*""#, 403),
        (r#""Messages:Send""#, 403),
        (r#""all:any2""#, 403),
        (r#""xall:any""#, 403),
        (r#""all:anything""#, 403),
        (r#""ALL:ANY""#, 403),
        (r#""all any""#, 403),
        (r#""""#, 403),
        ("", 403),
    ] {
        let answer = ask(&layer(), &token(claims(&[("scope", scopes)]))).await;
        assert_eq!(answer.status, status, "{scopes}");
    }
}

#[tokio::test]
async fn the_global_scope_counts_only_where_it_is_honoured() {
    let strict = JwtScopeLayer::new(jwt(), ScopePolicy::from(SEND).no_global_scope());
    let global = token(claims(&[("scope", r#""all:any""#)]));
    assert_eq!(ask(&strict, &global).await.status, 403);
}

/// Claims, as a name and a value in JSON.
type Changes = &'static [(&'static str, &'static str)];

#[test]
fn scopes_are_a_string_or_an_array_by_the_name_of_the_claim() {
    let (wrong, differ) = (Err("jwt.scope"), Err("jwt.scopes_differ"));
    let mistyped = Err("jwt.claim_type");
    let table: &[(Changes, Result<&str, &str>)] = &[
        (&[], Ok("")),
        (&[("scope", r#""a b:c""#)], Ok("a b:c")),
        (&[("scope", r#""""#)], Ok("")),
        (&[("scopes", r#"["a","b:c"]"#)], Ok("a b:c")),
        (&[("scopes", "[]")], Ok("")),
        (&[("scp", r#""a b:c""#)], Ok("a b:c")),
        (&[("scp", r#"["a","b:c"]"#)], Ok("a b:c")),
        (&[("scope", r#""a b""#), ("scp", r#"["b","a"]"#)], Ok("a b")),
        (&[("scope", r#""a b""#), ("scp", r#""b a a""#), ("scopes", r#"["a","b"]"#)], Ok("a b")),
        (&[("scope", r#""\u0061""#)], Ok("a")),
        // The grammar of RFC 6749 section 3.3.
        (&[("scope", r#"" ""#)], wrong),
        (&[("scope", r#"" a""#)], wrong),
        (&[("scope", r#""a ""#)], wrong),
        (&[("scope", r#""a  b""#)], wrong),
        (&[("scope", r#""a\tb""#)], wrong),
        (&[("scope", r#""a\nb""#)], wrong),
        (&[("scope", r#""a\u0000""#)], wrong),
        (&[("scope", r#""a\u00a0b""#)], wrong),
        (&[("scope", r#""caf\u00e9""#)], wrong),
        (&[("scope", r#""a\"b""#)], wrong),
        (&[("scope", r#""a\\b""#)], wrong),
        (&[("scopes", r#"["a b"]"#)], wrong),
        (&[("scopes", r#"["a all:any"]"#)], wrong),
        (&[("scopes", r#"["a",""]"#)], wrong),
        (&[("scp", r#"["a b"]"#)], wrong),
        (&[("scp", r#""a  b""#)], wrong),
        // Of two claims, neither is the one to be believed.
        (&[("scope", r#""a""#), ("scp", r#""all:any""#)], differ),
        (&[("scope", r#""""#), ("scp", r#""all:any""#)], differ),
        (&[("scope", r#""all:any""#), ("scopes", "[]")], differ),
        (&[("scope", r#""a""#), ("scopes", r#"["a","b"]"#)], differ),
        (&[("scp", r#"["a"]"#), ("scopes", r#"["A"]"#)], differ),
        // A wrong type is not "no scopes".
        (&[("scope", "null")], mistyped),
        (&[("scope", "1")], mistyped),
        (&[("scope", r#"["a"]"#)], mistyped),
        (&[("scope", r#"{"a":true}"#)], mistyped),
        (&[("scopes", r#""a""#)], mistyped),
        (&[("scopes", "null")], mistyped),
        (&[("scopes", r#"["a",1]"#)], mistyped),
        (&[("scp", "null")], mistyped),
        (&[("scp", "true")], mistyped),
        (&[("scp", r#"["a",null]"#)], mistyped),
    ];
    for (changes, verdict) in table {
        let judged = judge(&jwt(), &token(claims(changes)));
        let held = judged.map(|principal| principal.scopes().as_str().to_owned());
        match (held, verdict) {
            (Ok(held), Ok(wanted)) => {
                let mut held: Vec<_> = held.split(' ').collect();
                held.sort_unstable();
                held.dedup();
                assert_eq!(held.join(" "), *wanted, "{changes:?}");
            }
            (held, verdict) => assert_eq!(held.as_deref(), verdict.as_ref().copied(), "{changes:?}"),
        }
    }
}
