//! What a table of scopes costs by its size.

use axum::{Router, extract::MatchedPath, routing::get};
use http::{Method, Request};
use portcullis::{AuthorizeLayer, Identity, Principal, Scheme, Scope, ScopeSet, ScopeTable};
use tower::Layer;

use crate::{
    paired::{Bare, Body, Id, Turns, serve, service},
    requests::template,
    results::{Goal, Results, short},
};

pub fn rows(results: &mut Results) {
    let mut turns = Turns::default();
    let few = by_size(&mut turns, 20);
    let many = by_size(&mut turns, 2_000);
    let times = turns.take(1001);
    let kinds = [
        ("matched by axum", Goal::AtMost { must: 1.5, stretch: 1.2 }),
        ("by the path", Goal::AtMost { must: 5.0, stretch: 3.0 }),
    ];
    for (at, (name, goal)) in kinds.into_iter().enumerate() {
        let (few, many) = (few[at], many[at]);
        let figures = format!("{} against {}", short(times.ns(many)), short(times.ns(few)));
        let row = format!("Scope table, {name}: 2,000 routes ÷ 20");
        results.add(row, goal, times.ratio(many, few), figures);
    }
}

/// The same traffic for each table: twenty routes, from all over it, of all five kinds.
fn by_size(turns: &mut Turns, size: usize) -> [Id; 2] {
    let patterns: Vec<_> = (0..size).map(pattern).collect();
    let table = patterns.iter().fold(ScopeTable::builder(), |table, pattern| {
        table.route(Method::GET, pattern, Scope::from_static("messages:list"))
    });
    let layered = AuthorizeLayer::new(table.build().expect("a table")).layer(Bare::<Body>::new());
    let chosen = (0..20).map(|at| at * (size / 20) / 5 * 5 + at % 5);
    let requests: Vec<_> = chosen.map(|at| request(&patterns[at])).collect();
    [true, false].map(|matched| {
        let next = || {
            let mut requests = requests.clone();
            if !matched {
                for request in &mut requests {
                    request.extensions_mut().remove::<MatchedPath>();
                }
            }
            let mut at = 0;
            move || {
                at = (at + 1) % requests.len();
                requests[at].clone()
            }
        };
        let bare = turns.whole(service(Bare::<Body>::new(), next(), 200));
        turns.over(bare, service(layered.clone(), next(), 200))
    })
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
    let handler = async |matched: MatchedPath| axum::Extension(matched);
    let mut router = Router::new().route(pattern, get(handler));
    let path = pattern.replace("{id}", "5f0c1f6e-5b0a-4a53-9d4b-0d4f0f5ac1b2").replace("{part}", "7");
    let mut request = template(&path);
    let answer = serve(&mut router, request.clone());
    let matched: &MatchedPath = answer.extensions().get().expect("what axum has matched");
    let alice = Identity::local("alice").expect("a subject");
    let scopes = ScopeSet::parse("messages:list messages:send").expect("scopes");
    request.extensions_mut().insert(Principal::builder(alice, Scheme::BEARER).scopes(scopes).build());
    request.extensions_mut().insert(matched.clone());
    request
}
