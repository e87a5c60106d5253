//! `Principal` and `Option<Principal>` as extractors.

use axum::{Router, response::IntoResponse, routing::get};
use http::Method;
use portcullis::{Principal, Rejection, RejectionKind, StoreError};

use super::{ask, basic_layer, by_alice, request, whoami};
use crate::support::{Answer, Log};

async fn perhaps(principal: Option<Principal>) -> String {
    principal.map_or_else(|| "somebody".to_owned(), |principal| principal.subject().to_owned())
}

fn router() -> Router {
    Router::new().route("/whoami", get(whoami)).route("/perhaps", get(perhaps))
}

#[tokio::test]
async fn behind_a_layer_both_extract_the_principal() {
    let router = router().layer(basic_layer());
    for path in ["/whoami", "/perhaps"] {
        let answer = ask(&router, by_alice(request(&Method::GET, path))).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "alice"), "{path}");
        assert_eq!(ask(&router, request(&Method::GET, path)).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn of_an_anonymous_request_one_extracts_nothing_and_the_other_asks_for_credentials() {
    let router = router().layer(basic_layer().optional());
    let answer = ask(&router, request(&Method::GET, "/perhaps")).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "somebody"));

    let answer = ask(&router, request(&Method::GET, "/whoami")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Basic realm="house", charset="UTF-8""#]);
    assert_eq!(answer.reason(), "extract.anonymous");
    // It looks just as the layer's own refusal.
    let layers = ask(&self::router().layer(basic_layer()), request(&Method::GET, "/whoami")).await;
    assert_eq!((answer.headers, answer.body), (layers.headers, layers.body));

    for path in ["/whoami", "/perhaps"] {
        let answer = ask(&router, by_alice(request(&Method::GET, path))).await;
        assert_eq!(answer.body, "alice", "{path}");
    }
}

#[tokio::test]
async fn without_a_layer_both_are_a_500_and_the_log_says_what_to_do() {
    for path in ["/whoami", "/perhaps"] {
        let log = Log::capture();
        let answer = ask(&router(), by_alice(request(&Method::GET, path))).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (500, "internal server error"), "{path}");
        assert_eq!(answer.kind(), RejectionKind::Misconfigured);
        let text = log.text();
        assert!(text.contains("ERROR") && text.contains("authenticating layer"), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_layer_around_other_routes_does_not_help() {
    let router =
        Router::new().route("/inside", get(whoami)).layer(basic_layer()).route("/outside", get(whoami));
    assert_eq!(ask(&router, by_alice(request(&Method::GET, "/inside"))).await.body, "alice");
    assert_eq!(ask(&router, by_alice(request(&Method::GET, "/outside"))).await.status, 500);
}

#[tokio::test]
async fn a_handler_may_look_at_the_refusal_itself() {
    async fn lenient(principal: Result<Principal, Rejection>) -> String {
        principal.map_or_else(|refusal| refusal.reason().to_owned(), |alice| alice.subject().to_owned())
    }
    let router = Router::new().route("/", get(lenient)).layer(basic_layer().optional());
    assert_eq!(ask(&router, request(&Method::GET, "/")).await.body, "extract.anonymous");
    assert_eq!(ask(&router, by_alice(request(&Method::GET, "/"))).await.body, "alice");
}

#[tokio::test]
async fn a_rejection_as_a_response_is_what_the_layers_answer() {
    for (rejection, status, body) in [
        (Rejection::new(RejectionKind::Forbidden, "mine.no"), 403, "forbidden"),
        (Rejection::new(RejectionKind::NotFound, "mine.none"), 404, "not found"),
        (Rejection::unavailable("mine.store", StoreError::new("x")), 503, "try again later"),
        (Rejection::new(RejectionKind::Throttled, "mine.often"), 429, "too many requests"),
    ] {
        let reason = rejection.reason();
        let answer = Answer::of(rejection.into_response()).await;
        crate::support::check_refusal(&answer);
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body));
        assert_eq!(answer.reason(), reason);
        assert!(!format!("{:?} {}", answer.headers, answer.body).contains("mine"));
    }
}
