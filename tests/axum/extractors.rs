//! `Principal` and `Option<Principal>` as extractors.

use axum::{Router, response::IntoResponse, routing::get};
use http::Method;
use portcullis::{
    AuthenticateLayer, Identity, Principal, Rejection, RejectionKind, Scheme, ScopeSet, StoreError,
};

use tower::ServiceExt;

use super::{ask, basic_layer, by_alice, request, whoami};
use crate::support::{Answer, Log, get_with};

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

#[tokio::test]
async fn claims_of_ones_own_are_extracted_if_the_token_has_them() {
    use portcullis::jwt::{Algorithm, CustomClaims, Grant, Issuer, JwtAuth, Key, Keys};

    #[derive(serde::Deserialize)]
    struct Mine {
        email: String,
    }
    async fn email(CustomClaims(mine): CustomClaims<Mine>) -> String {
        mine.email
    }

    const SECRET: &str = "canary-secret: thirty-two bytes or more, as HS256 wants";
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    let jwt = JwtAuth::builder(keys).issuer("https://id.example").build().unwrap();
    let issuer = Issuer::new("https://id.example", Algorithm::HS256, SECRET).unwrap();
    let router = Router::new().route("/", get(email)).layer(AuthenticateLayer::new(jwt));
    let alice = Identity::new("https://id.example", "alice").unwrap();
    let alice = Principal::builder(alice, Scheme::BASIC).build();
    let grant = || Grant::to(&alice, ScopeSet::empty());
    for (grant, expected) in [
        (grant().claim("email", "alice@example.org"), (200, "alice@example.org")),
        (grant().claim("email", 271_828), (403, "forbidden")),
        (grant().claim("email", vec!["271828"]), (403, "forbidden")),
        (grant(), (403, "forbidden")),
    ] {
        let token = issuer.issue(grant).unwrap();
        let request = get_with("/", format!("Bearer {}", token.token()));
        let answer = Answer::of(router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), expected);
        // Why is for the operator; what the claims say is for nobody.
        if let Some(rejection) = answer.rejection {
            let cause = std::error::Error::source(&rejection).unwrap().to_string();
            assert!(cause.contains("Mine") && !format!("{rejection:?}").contains("271828"), "{cause}");
        }
    }
}
