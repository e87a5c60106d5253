//! Refusals in gRPC's own way. The request's content type shapes the answer, and never the decision.

use http::{HeaderMap, Method, header};
use portcullis::{AuthenticateLayer, AuthorizeLayer, ProblemJson};
use tower::ServiceBuilder;

use crate::{
    fixtures::{BEARER, EITHER, Saying, Says, Spoken, When},
    kinds::{Refuses, TABLE},
    support::{Answer, get, get_with, send},
};

async fn ask(layer: &AuthenticateLayer, content_type: &str) -> Answer {
    let mut request = get("/pkg.Service/Method");
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    send(layer, request).await
}

/// All that a caller may say to ask for gRPC's own way.
const GRPC: [&str; 3] = ["application/grpc", "application/grpc-web+proto", "application/grpc-web-text"];

/// The same escapes as `grpc-message` asks for: here, there are none to undo.
fn message(headers: &HeaderMap) -> &str {
    let text = headers["grpc-message"].to_str().unwrap();
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'%'), "{text}");
    text
}

#[tokio::test]
async fn each_kind_has_its_code_in_a_response_that_is_trailers_only() {
    for when in EITHER {
        for (kind, status, code, oauth, again, text) in TABLE {
            let layer = Refuses::layer(kind, when).respond_with(ProblemJson);
            let answer = ask(&layer, "application/grpc").await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""), "{kind:?}");
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/grpc");
            assert_eq!(answer.headers["grpc-status"], code.to_string());
            assert_eq!(message(&answer.headers), text);
            assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
            assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), again);
            assert_eq!(
                answer.challenges().is_empty(),
                status != 401 && oauth != Some("invalid_request")
            );
            assert_eq!((answer.kind(), answer.reason()), (kind, "x.reason"));
        }
    }
}

#[tokio::test]
async fn a_grpc_client_is_answered_in_the_framing_that_it_asked_in() {
    for when in EITHER {
        let layer = AuthenticateLayer::new(Spoken::new(BEARER, when));
        for (sent, answered) in [
            ("application/grpc", "application/grpc"),
            ("application/grpc+proto", "application/grpc"),
            ("application/grpc+json", "application/grpc"),
            ("application/grpc;charset=utf-8", "application/grpc"),
            ("application/grpc-web", "application/grpc-web+proto"),
            ("application/grpc-web+proto", "application/grpc-web+proto"),
            ("application/grpc-web-text", "application/grpc-web-text+proto"),
            ("application/grpc-web-text+proto", "application/grpc-web-text+proto"),
        ] {
            let answer = ask(&layer, sent).await;
            assert_eq!(answer.status, 200, "{sent}");
            assert_eq!(answer.headers[header::CONTENT_TYPE], answered, "{sent}");
            assert_eq!(answer.headers["grpc-status"], "16");
        }
    }
}

#[tokio::test]
async fn what_is_not_grpc_is_answered_in_http() {
    let layer = AuthenticateLayer::new(Spoken::new(BEARER, When::Now));
    for sent in [
        "application/grpcfoo",
        "application/grpc2",
        "application/grp",
        "application/json",
        "grpc",
        "application/grpc-webfoo",
        "application/grpc-web-textfoo",
        "application/grpc-foo",
        "text/plain; application/grpc",
        "application/x-grpc",
        "",
    ] {
        let answer = ask(&layer, sent).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (401, "credentials required"), "{sent:?}");
        assert!(!answer.headers.contains_key("grpc-status"), "{sent:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_asks_by_get_sees_the_status_whatever_type_it_copies() {
    for when in EITHER {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
            let mut request = get("/auth");
            *request.method_mut() = method;
            request.headers_mut().insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap());
            let answer = send(&AuthenticateLayer::new(Spoken::new(BEARER, when)), request).await;
            assert_eq!(answer.status, 401);
            assert!(!answer.headers.contains_key("grpc-status"));
        }
    }
}

#[tokio::test]
async fn a_content_type_decides_nothing() {
    for when in EITHER {
        let layer = AuthenticateLayer::new(Spoken::new(BEARER, when));
        for sent in ["application/grpc", "application/grpc-web", "application/json"] {
            let mut request = get_with("/", "Bearer alice");
            request.headers_mut().insert(header::CONTENT_TYPE, sent.parse().unwrap());
            assert_eq!(send(&layer, request).await.body, "alice");
            let mut request = get_with("/", "Bearer mallory");
            request.headers_mut().insert(header::CONTENT_TYPE, sent.parse().unwrap());
            assert_eq!(send(&layer, request).await.reason(), "spoken.refused");
        }
    }
}

#[tokio::test]
async fn where_there_is_no_grpc_service_every_refusal_is_plain_http() {
    for when in EITHER {
        let authenticate = AuthenticateLayer::new(Spoken::new(BEARER, when)).no_grpc();
        let authorize = AuthorizeLayer::new(Saying::new(Says::No, when)).respond_with(ProblemJson);
        let stack =
            ServiceBuilder::new().layer(authenticate.clone()).layer(authorize.clone().no_grpc());
        let ask = async |authorization: Option<&str>, content_type: &str| {
            let mut request = authorization.map_or_else(|| get("/"), |sent| get_with("/", sent));
            *request.method_mut() = Method::POST;
            request.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
            let answer = send(&stack, request).await;
            (answer.status.as_u16(), answer.headers, answer.body)
        };
        for (authorization, status) in
            [(None, 401), (Some("Bearer mallory"), 401), (Some("Bearer alice"), 403)]
        {
            let plain = ask(authorization, "text/plain").await;
            assert_eq!(plain.0, status, "{authorization:?}");
            for sent in GRPC {
                assert_eq!(ask(authorization, sent).await, plain, "{sent}");
            }
        }
    }
}
