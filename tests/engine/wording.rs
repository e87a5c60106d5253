//! `respond_with`: the wording is free, and what a refusal must carry is not.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, EmptyBody, PlainText, ProblemJson, Rejection, RejectionKind,
    Respond, Scheme,
};

use crate::{
    fixtures::{EITHER, Saying, Says, When, principal},
    kinds::{Refuses, TABLE},
    support::{get, send},
};

fn worded(kind: RejectionKind, when: When, wording: impl Respond) -> AuthenticateLayer {
    Refuses::layer(kind, when).respond_with(wording)
}

#[tokio::test]
async fn plain_text_is_a_short_sentence_and_the_default() {
    for (kind, status, .., text) in TABLE {
        for layer in [Refuses::layer(kind, When::Now), worded(kind, When::Later, PlainText)] {
            let answer = send(&layer, get("/")).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, text));
            assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
        }
    }
}

#[tokio::test]
async fn problem_json_is_a_document_whose_status_is_the_responses() {
    for when in EITHER {
        for (kind, status, .., text) in TABLE {
            let answer = send(&worded(kind, when, ProblemJson), get("/")).await;
            assert_eq!(answer.status, status);
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
            let document: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            let title = answer.status.canonical_reason().unwrap();
            assert_eq!(
                document,
                serde_json::json!({
                    "type": "about:blank", "title": title, "status": status, "detail": text,
                })
            );
        }
    }
}

#[tokio::test]
async fn an_empty_body_leaves_the_status_alone() {
    for when in EITHER {
        for (kind, status, ..) in TABLE {
            let answer = send(&worded(kind, when, EmptyBody), get("/")).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, ""));
            assert!(!answer.headers.contains_key(header::CONTENT_TYPE));
        }
    }
}

/// Words everything badly: cacheable, and with a wait and a body of its own.
fn careless(rejection: &Rejection) -> Response<Bytes> {
    Response::builder()
        .status(rejection.kind().status())
        .header(header::CACHE_CONTROL, "public, max-age=31536000")
        .header("x-own", "kept")
        .body(Bytes::from_static(b"{}"))
        .unwrap()
}

#[tokio::test]
async fn what_every_refusal_carries_is_added_to_whatever_a_function_returns() {
    for when in EITHER {
        for (kind, status, _, oauth, again, _) in TABLE {
            // `send` checks the challenge of a 401 and the wait of a 429 and a 503.
            let answer = send(&worded(kind, when, careless), get("/")).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (status, "{}"));
            assert_eq!(answer.headers["x-own"], "kept");
            let lines: Vec<_> = answer.headers.get_all(header::CACHE_CONTROL).iter().collect();
            assert_eq!(lines, ["no-store"], "one line, and the right one");
            assert_eq!(answer.headers.contains_key(header::RETRY_AFTER), again);
            assert_eq!(answer.kind(), kind);
            assert_eq!(
                answer.challenges().is_empty(),
                status != 401 && oauth != Some("invalid_request")
            );
        }
    }
}

#[tokio::test]
async fn a_closure_may_hide_one_status_behind_another() {
    let teapot =
        |_: &Rejection| Response::builder().status(StatusCode::IM_A_TEAPOT).body(Bytes::new()).unwrap();
    let answer = send(&worded(RejectionKind::Forbidden, When::Later, teapot), get("/")).await;
    assert_eq!(answer.status, 418);
    assert_eq!(answer.kind(), RejectionKind::Forbidden, "outer layers still see what it was");
}

#[tokio::test]
async fn an_authorizing_layer_has_a_wording_of_its_own() {
    for when in EITHER {
        let layer = AuthorizeLayer::new(Saying::new(Says::No, when)).respond_with(ProblemJson);
        let mut request = get("/");
        request.extensions_mut().insert(principal("alice", Scheme::BASIC, ""));
        let answer = send(&layer, request).await;
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.status, 403);
    }
}
