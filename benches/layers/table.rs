//! What a table of scopes costs by its size: where axum's router has found the route, and elsewhere.

use axum::{Router, extract::MatchedPath, routing::get};
use futures_util::FutureExt;
use http::{Method, Request};
use portcullis::{AuthorizeLayer, Identity, Principal, Scheme, Scope, ScopeSet, ScopeTable};
use tower::{Layer, ServiceExt};

use crate::paired::{Bare, Body, Cases};

pub(crate) fn cases(cases: &mut Cases<'_>) {
    for size in [20, 200, 2000] {
        let patterns: Vec<_> = (0..size).map(pattern).collect();
        let table = patterns.iter().fold(ScopeTable::builder(), |table, pattern| {
            table.route(Method::GET, pattern, Scope::from_static("messages:list"))
        });
        let service = AuthorizeLayer::new(table.build().expect("a table")).layer(Bare);
        // The same traffic for each table: twenty routes, from all over it, of all five kinds.
        let chosen = (0..20).map(|at| at * (size / 20) / 5 * 5 + at % 5);
        let requests: Vec<_> = chosen.map(|at| request(&patterns[at])).collect();
        for (name, matched) in [("matched by axum", true), ("by the path", false)] {
            let mut turns = requests.iter().cycle();
            let next = || {
                let mut request = turns.next().expect("it never ends").clone();
                if !matched {
                    request.extensions_mut().remove::<MatchedPath>();
                }
                request
            };
            cases.add(&format!("ScopeTable of {size}, {name}"), service.clone(), next, 200);
        }
    }
}

/// Five routes for each kind of thing, in thirty groups.
fn pattern(at: usize) -> String {
    let (group, kind) = (at / 5 % 30, at / 5);
    let thing = format!("/api/v1/group{group}/things{kind}");
    match at % 5 {
        0 => thing,
        1 => format!("{thing}/{{id}}"),
        2 => format!("{thing}/{{id}}/parts"),
        3 => format!("{thing}/{{id}}/parts/{{part}}"),
        _ => format!("{thing}/search"),
    }
}

/// As it is behind axum's router.
fn request(pattern: &str) -> Request<Body> {
    let router =
        Router::new().route(pattern, get(async |matched: MatchedPath| axum::Extension(matched)));
    let path = pattern.replace("{id}", "5f0c1f6e-5b0a-4a53-9d4b-0d4f0f5ac1b2").replace("{part}", "7");
    let mut request = Request::get(path).body(Body::default()).expect("a request");
    let answer = router.oneshot(request.clone()).now_or_never().expect("at once").expect("an answer");
    let matched: &MatchedPath = answer.extensions().get().expect("what axum has matched");
    let alice = Identity::local("alice").expect("a subject");
    let scopes = ScopeSet::parse("messages:list messages:send").expect("scopes");
    request.extensions_mut().insert(Principal::builder(alice, Scheme::BEARER).scopes(scopes).build());
    request.extensions_mut().insert(matched.clone());
    request
}
