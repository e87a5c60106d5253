//! The table finds the rule of the route that axum's router dispatches to: for any routes and any path.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::MatchedPath,
    routing::{self, MethodFilter, MethodRouter},
};
use futures_util::FutureExt;
use http::{Method, Request, Response, Uri};
use portcullis::{AuthorizeLayer, Rejection, Scope, ScopeTable};
use proptest::prelude::*;
use tower::{Layer, Service, ServiceExt};

use super::holder;

/// A method, or any, and a pattern.
type Route = (Option<Method>, String);

/// What a caller gets: the handler that answered, if one did, or why the table refused.
#[derive(Debug, PartialEq)]
enum Got {
    Handler(String),
    Refused(&'static str),
    Status(u16),
}

fn ask<S, B>(service: S, method: &Method, uri: &Uri, matched: Option<MatchedPath>, scopes: &str) -> Got
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: std::fmt::Debug,
{
    let mut request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
    request.extensions_mut().insert(holder(scopes));
    if let Some(matched) = matched {
        request.extensions_mut().insert(matched);
    }
    let response = service.oneshot(request).now_or_never().unwrap().unwrap();
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        return Got::Refused(rejection.reason());
    }
    if let Some(handler) = response.headers().get("handler") {
        return Got::Handler(handler.to_str().unwrap().to_owned());
    }
    Got::Status(response.status().as_u16())
}

fn name((method, pattern): &Route) -> String {
    format!("{} {pattern}", method.as_ref().map_or("(any)", Method::as_str))
}

/// A router whose handlers say which they are.
fn router<'r>(routes: impl IntoIterator<Item = &'r Route>) -> Router {
    routes.into_iter().fold(Router::new(), |router, route| {
        let name: Arc<str> = name(route).into();
        let handler = async move || [("handler", name.to_string())];
        let methods = MethodRouter::new();
        let methods = match &route.0 {
            Some(method) => methods.on(MethodFilter::try_from(method.clone()).unwrap(), handler),
            None => methods.fallback(handler),
        };
        router.route(&route.1, methods)
    })
}

/// A table with a scope for each route, `s0` for the first; each pattern behind a prefix.
fn table<'r>(prefix: &str, routes: impl IntoIterator<Item = &'r Route>) -> ScopeTable {
    let mut table = ScopeTable::builder().nested_at(prefix);
    for (at, (method, pattern)) in routes.into_iter().enumerate() {
        let scope = Scope::new(format!("s{at}")).unwrap();
        let pattern =
            if pattern == "/" && !prefix.is_empty() { prefix } else { &format!("{prefix}{pattern}") };
        table = match method {
            Some(method) => table.route(method.clone(), pattern, scope),
            None => table.any_method(pattern, scope),
        };
    }
    table.build().unwrap()
}

/// Without those that axum would not take beside the others.
fn possible(routes: Vec<Route>) -> Vec<Route> {
    let mut patterns = matchit::Router::new();
    let mut kept: Vec<Route> = Vec::new();
    for route in routes {
        let known = kept.iter().any(|other| other.1 == route.1);
        if !kept.contains(&route) && (known || patterns.insert(&*route.1, ()).is_ok()) {
            kept.push(route);
        }
    }
    kept
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let segment = prop::sample::select(vec![
        "a", "a", "b", "ab", "A", "a.b", "{x}", "{x}", "a{x}", "%2F", "{{x}}", ".", "a;v", "",
    ]);
    let last = prop::sample::select(vec!["", "", "/", "/{*rest}", "/a{*rest}", "/b"]);
    let pattern = (prop::collection::vec(segment, 0..4), last).prop_map(|(segments, last)| {
        let pattern = segments.iter().fold(String::new(), |path, segment| path + "/" + segment) + last;
        if pattern.is_empty() { "/".to_owned() } else { pattern }
    });
    let methods =
        prop::sample::select(vec![None, Some(Method::GET), Some(Method::HEAD), Some(Method::POST)]);
    prop::collection::vec((methods, pattern), 1..14).prop_map(possible)
}

fn uris() -> impl Strategy<Value = Uri> {
    let piece = prop::sample::select(vec![
        "/", "/", "/a", "/a", "/b", "/ab", "/abc", "/A", "/a.b", "/x", "/%2F", "/%2f", "/%61", "a",
        "/{x}", "/.", "/..", "/a;v", "/a/", "//", "b/a", "?a=/b", "/*", "/\u{e9}",
    ]);
    let path = prop::collection::vec(piece, 0..6).prop_map(|pieces| format!("/{}", pieces.concat()));
    // One slash at the beginning, as a rule.
    let path = path.prop_map(|path| path.replacen("//", "/", 1));
    path.prop_filter_map("a target", |path| path.parse().ok())
}

fn methods() -> impl Strategy<Value = Method> {
    "GET|HEAD|POST|PUT|OPTIONS|CONNECT|get|FOO".prop_map(|method| method.parse().unwrap())
}

/// Each scope, and all but each.
fn scopes(routes: &[Route], at: usize) -> (String, String) {
    let others: Vec<_> =
        (0..routes.len()).filter(|other| *other != at).map(|other| format!("s{other}")).collect();
    (format!("s{at}"), others.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn the_rule_is_that_of_the_route(routes in routes(), method in methods(), uri in uris()) {
        let router = router(&routes);
        let layer = AuthorizeLayer::new(table("", &routes));
        let (inside, outside) = (router.clone().layer(layer.clone()), layer.layer(router.clone()));
        let all = (0..routes.len()).map(|at| format!("s{at}")).collect::<Vec<_>>().join(" ");
        match ask(router, &method, &uri, None, "") {
            Got::Handler(handler) => {
                let at = routes.iter().position(|route| name(route) == handler).unwrap();
                let (own, others) = scopes(&routes, at);
                let (served, missing) = (Got::Handler(handler), Got::Refused("scope.missing"));
                prop_assert_eq!(&ask(inside.clone(), &method, &uri, None, &own), &served);
                prop_assert_eq!(&ask(outside.clone(), &method, &uri, None, &own), &served);
                prop_assert_eq!(&ask(inside, &method, &uri, None, &others), &missing);
                prop_assert_eq!(&ask(outside, &method, &uri, None, &others), &missing);
            }
            Got::Status(status) => {
                let reason = match status {
                    404 => "scope.unlisted_path",
                    405 => "scope.unlisted_method",
                    other => panic!("{other}"),
                };
                prop_assert_eq!(ask(inside, &method, &uri, None, &all), Got::Refused(reason));
                prop_assert_eq!(ask(outside, &method, &uri, None, &all), Got::Refused(reason));
            }
            Got::Refused(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn inside_a_nest_it_is_that_of_the_route_too(
        routes in routes(),
        method in methods(),
        uri in uris(),
        prefix in prop::sample::select(vec!["/n", "/n/m", "/{tenant}", "/n/{tenant}", "/a"]),
    ) {
        let layer = AuthorizeLayer::new(table(prefix, &routes));
        let (bare, layered) = (router(&routes), router(&routes).layer(layer));
        let slash_too_many = uri.path().starts_with("//");
        let uri: Uri = format!("{}{uri}", prefix.replace("{tenant}", "t")).parse().unwrap();
        for (bare, layered) in [
            (Router::new().nest(prefix, bare.clone()), Router::new().nest(prefix, layered.clone())),
            (Router::new().nest_service(prefix, bare), Router::new().nest_service(prefix, layered)),
        ] {
            match ask(bare, &method, &uri, None, "") {
                Got::Handler(_) if slash_too_many => {
                    let all = "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 s12 s13";
                    let refused = Got::Refused("scope.unlisted_path");
                    prop_assert_eq!(ask(layered, &method, &uri, None, all), refused);
                }
                Got::Handler(handler) => {
                    let at = routes.iter().position(|route| name(route) == handler).unwrap();
                    let (own, others) = scopes(&routes, at);
                    prop_assert_eq!(ask(layered.clone(), &method, &uri, None, &own), Got::Handler(handler));
                    prop_assert_eq!(ask(layered, &method, &uri, None, &others), Got::Refused("scope.missing"));
                }
                _ => prop_assert!(!matches!(ask(layered, &method, &uri, None, ""), Got::Handler(_))),
            }
        }
    }

    #[test]
    fn what_axum_has_matched_is_a_short_cut_and_never_another_answer(
        routes in routes(),
        method in methods(),
        uri in uris(),
        template in any::<prop::sample::Index>(),
    ) {
        let table = table("", &routes);
        let service = AuthorizeLayer::new(table.clone()).layer(routing::any(async || [("handler", "any")]));
        let matched = matched(&template.get(&routes).1);
        let by_path = |scopes: &str| ask(service.clone(), &method, &uri, None, scopes);
        let by_template = |scopes: &str| ask(service.clone(), &method, &uri, Some(matched.clone()), scopes);
        for at in 0..routes.len() {
            let (own, others) = scopes(&routes, at);
            prop_assert_eq!(by_template(&own), by_path(&own));
            prop_assert_eq!(by_template(&others), by_path(&others));
        }
    }
}

/// What axum leaves behind a route of this template.
fn matched(template: &str) -> MatchedPath {
    let path = template.replace("{{", "{").replace("}}", "}");
    let router = Router::new()
        .route(template, routing::any(async |matched: MatchedPath| axum::Extension(matched)));
    let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap());
    response.now_or_never().unwrap().unwrap().extensions().get::<MatchedPath>().unwrap().clone()
}
