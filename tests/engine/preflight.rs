//! CORS preflights: refused unless told otherwise, and never a way in.

use std::convert::Infallible;

use http::{HeaderName, Method, Request, header};
use portcullis::{AuthenticateLayer, AuthorizeLayer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::cors::{Any, CorsLayer};

use crate::{
    fixtures::{BEARER, EITHER, Saying, Says, Spoken, When},
    support::{Answer, Echo, IntoAnswer, send},
};

type Body = http_body_util::Full<bytes::Bytes>;

const ORIGIN: (HeaderName, &str) = (header::ORIGIN, "https://shop.example");
const ASKS: (HeaderName, &str) = (header::ACCESS_CONTROL_REQUEST_METHOD, "DELETE");

fn request(method: &str, headers: &[(HeaderName, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.body(Body::default()).unwrap()
}

fn preflight() -> Request<Body> {
    request("OPTIONS", &[ORIGIN, ASKS])
}

fn bearer(when: When) -> AuthenticateLayer {
    AuthenticateLayer::new(Spoken::new(BEARER, when))
}

#[tokio::test]
async fn a_preflight_is_refused_unless_told_otherwise() {
    for when in EITHER {
        assert_eq!(send(&bearer(when), preflight()).await.status, 401);
        assert_eq!(send(&bearer(when).allow_cors_preflight(), preflight()).await.body, "anonymous");
    }
}

#[tokio::test]
async fn only_what_is_a_preflight_in_every_part_passes_as_one() {
    let override_method = (HeaderName::from_static("x-http-method-override"), "OPTIONS");
    let headers = (header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization");
    for (method, headers) in [
        ("OPTIONS", vec![]),
        ("OPTIONS", vec![ORIGIN]),
        ("OPTIONS", vec![ASKS]),
        ("OPTIONS", vec![ORIGIN, headers.clone()]),
        ("options", vec![ORIGIN, ASKS]),
        ("OPTIONSX", vec![ORIGIN, ASKS]),
        ("GET", vec![ORIGIN, ASKS]),
        ("HEAD", vec![ORIGIN, ASKS]),
        ("POST", vec![ORIGIN, ASKS, override_method.clone()]),
        ("DELETE", vec![ORIGIN, ASKS, headers]),
        ("TRACE", vec![ORIGIN, ASKS]),
        ("FOO", vec![ORIGIN, ASKS, override_method]),
    ] {
        let layer = bearer(When::Now).allow_cors_preflight();
        let answer = send(&layer, request(method, &headers)).await;
        assert_eq!(answer.status, 401, "{method} {headers:?}");
    }
}

#[tokio::test]
async fn a_preflight_authenticates_nobody_whatever_it_carries() {
    for when in EITHER {
        for authorization in ["Bearer alice", "Bearer mallory", "Digest x", ""] {
            let carrying = request("OPTIONS", &[ORIGIN, ASKS, (header::AUTHORIZATION, authorization)]);
            let answer = send(&bearer(when).allow_cors_preflight(), carrying).await;
            assert_eq!(answer.body, "anonymous", "{authorization:?}");
        }
    }
}

#[tokio::test]
async fn a_forged_preflight_does_not_get_past_a_policy() {
    let policy = || AuthorizeLayer::new(Saying::new(Says::Yes, When::Now));
    for when in EITHER {
        let outer = || bearer(when).allow_cors_preflight();
        let strict = ServiceBuilder::new().layer(outer()).layer(policy());
        let answer = send(&strict, preflight()).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.challenges(), [r#"Bearer realm="test""#]);
        let lenient = ServiceBuilder::new().layer(outer()).layer(policy().allow_cors_preflight());
        assert_eq!(send(&lenient, preflight()).await.body, "anonymous");
        // The policy's own opening is as exact.
        let almost = request("OPTIONS", &[ORIGIN]);
        let lenient =
            ServiceBuilder::new().layer(bearer(when).optional()).layer(policy().allow_cors_preflight());
        assert_eq!(send(&lenient, almost).await.status, 401);
    }
}

async fn through<L>(stack: L, request: Request<Body>) -> (Answer, usize)
where
    L: Layer<Echo>,
    L::Service: Service<Request<Body>, Error = Infallible>,
    <L::Service as Service<Request<Body>>>::Response: IntoAnswer,
{
    let echo = Echo::default();
    let response = stack.layer(echo.clone()).oneshot(request).await.unwrap();
    (response.into_answer().await, echo.calls())
}

#[tokio::test]
async fn a_cors_layer_inside_answers_the_preflight_and_no_handler_does() {
    let stack = || {
        ServiceBuilder::new()
            .layer(bearer(When::Now).allow_cors_preflight())
            .layer(CorsLayer::new().allow_origin(Any).allow_methods([Method::DELETE]))
    };
    let (answer, calls) = through(stack(), preflight()).await;
    assert_eq!((answer.status.as_u16(), calls), (200, 0));
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "DELETE");
    let (answer, calls) = through(stack(), request("DELETE", &[ORIGIN])).await;
    assert_eq!((answer.status.as_u16(), calls), (401, 0));
}

#[tokio::test]
async fn with_a_cors_layer_outside_nothing_needs_to_be_opened() {
    let stack =
        || ServiceBuilder::new().layer(CorsLayer::new().allow_origin(Any)).layer(bearer(When::Later));
    let (answer, calls) = through(stack(), preflight()).await;
    assert_eq!((answer.status.as_u16(), calls), (200, 0));
    let (answer, calls) = through(stack(), request("DELETE", &[ORIGIN])).await;
    assert_eq!((answer.status.as_u16(), calls), (401, 0));
    // A browser lets its page read the refusal.
    assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}
