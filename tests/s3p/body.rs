//! What kinds of bodies are read, and that the handler is given what was verified.

use std::convert::Infallible;

use bytes::Bytes;
use http::{
    Method, Request, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full};
use hyper::body::Body as _;
use portcullis::s3p::Body;
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    s3p_support::*,
    support::{Answer, send},
};

fn with_type(draft: &Draft, content_types: &[&str]) -> Request<Full<Bytes>> {
    let mut request = draft.request();
    request.headers_mut().remove(CONTENT_TYPE);
    for content_type in content_types {
        let value = http::HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
        request.headers_mut().append(CONTENT_TYPE, value);
    }
    request
}

#[tokio::test]
async fn json_and_forms_are_read_whatever_the_spelling_of_their_type() {
    for parameter in [
        "",
        ";",
        "; ",
        ";charset=utf-8",
        "; charset=UTF-8",
        " ; Charset=\"utf-8\"",
        ";charset=utf-8;",
        ";charset=utf-8;charset=utf-8",
    ] {
        for (draft, media_types) in [
            (Draft::json(r#"{"a":1}"#), ["application/json", "Application/JSON"]),
            (
                Draft::form("a=1"),
                ["application/x-www-form-urlencoded", "APPLICATION/X-www-form-URLENCODED"],
            ),
        ] {
            for media_type in media_types {
                let content_type = format!("{media_type}{parameter}");
                let answer = send(&layer(), with_type(&draft, &[&content_type])).await;
                assert_eq!(answer.status, 200, "{content_type}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_not_taken() {
    let draft = Draft::json(r#"{"a":1}"#);
    for content_types in [
        &[][..],
        &[""],
        &["json"],
        &["text/json"],
        &["text/plain"],
        &["application/json+x"],
        &["application/vnd.api+json"],
        &["application/json-seq"],
        &["application/problem+json"],
        &["application/octet-stream"],
        &["application/xml"],
        &["multipart/form-data; boundary=x"],
        &["application/json, application/json"],
        &["application/json application/json"],
        &["application/json;x"],
        &["application/json;x=y"],
        &["application/json;charset"],
        &["application/json;charset="],
        &["application/json;charset=utf8"],
        &["application/json;charset=utf-16"],
        &["application/json;charset=iso-8859-1"],
        &["application/json;charset=utf-8;charset=utf-16"],
        &["application/json;charset=\u{ff}utf-8"],
        &["application/x-www-form-urlencoded;charset=windows-1252"],
        &["application/json", "application/json"],
        &["application/json", "text/plain"],
        &["text/plain", "application/json"],
    ] {
        let answer = send(&layer(), with_type(&draft, content_types)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason()),
            (415, "s3p.content_type"),
            "{content_types:?}"
        );
    }
}

#[tokio::test]
async fn a_compressed_body_is_not_taken() {
    let draft = Draft::json("{}");
    for (encodings, accepted) in [
        (&["identity"][..], true),
        (&["Identity"], true),
        (&["gzip"], false),
        (&["x-gzip"], false),
        (&["br"], false),
        (&["deflate"], false),
        (&["zstd"], false),
        (&["identity, gzip"], false),
        (&["identity", "gzip"], false),
        (&["gzip", "identity"], false),
        (&["GZIP"], false),
        (&["unheard-of"], false),
    ] {
        let mut request = draft.request();
        for encoding in encodings {
            request.headers_mut().append(CONTENT_ENCODING, encoding.parse().unwrap());
        }
        let answer = send(&layer(), request).await;
        if accepted {
            assert_eq!(answer.status, 200, "{encodings:?}");
        } else {
            let seen = (answer.status.as_u16(), answer.reason());
            assert_eq!(seen, (415, "s3p.content_encoding"), "{encodings:?}");
        }
    }
}

#[tokio::test]
async fn what_was_signed_as_json_is_read_as_json() {
    // `{"a":"1"}` and `a=1` have one parameter string: that is the scheme. What matters is that no
    // body is read in another way than its type says.
    let json = Draft::json(r#"{"a":"1"}"#);
    let form = Draft::form("a=1");
    assert_eq!(json.signature(), form.signature());
    for (signed, sent) in [(&json, &form), (&form, &json)] {
        let request = Draft { content_type: sent.content_type, ..signed.clone() };
        let answer = send(&layer(), request.request_with(signed.authorization())).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{request:?}");
    }
}

/// Sends a request to a handler that answers with the body that it has read.
async fn read_by_the_handler(request: Request<Full<Bytes>>) -> Answer {
    let service = layer().layer(service_fn(async |request: Request<Body<Full<Bytes>>>| {
        let (size, ended) = (request.body().size_hint().exact(), request.body().is_end_stream());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((size, ended), (Some(body.len() as u64), body.is_empty()));
        Ok::<_, Infallible>(Response::new(Full::new(body)))
    }));
    Answer::of(service.oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn the_handler_reads_byte_for_byte_what_was_sent() {
    let big = format!(r#"{{"a":"{}"}}"#, "x".repeat(60_000));
    for body in [
        "{}",
        " {\r\n\t\"b\" : 1.50 ,\"\\u0061\":\"  \\u00e9\\/ é \" } \n",
        r#"{"z":"1","a":"2"}"#,
        &big,
    ] {
        let answer = read_by_the_handler(Draft::json(body.to_owned()).request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, body));
    }
    for body in ["b=+1&a=%c3%A9&&c&", "a=1"] {
        let answer = read_by_the_handler(Draft::form(body).request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, body));
    }
    for method in [Method::GET, Method::POST] {
        let answer = read_by_the_handler(Draft::new(method, "/v2/ping").request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
    }
}

#[tokio::test]
async fn the_head_of_the_request_reaches_the_handler_unchanged() {
    let service = layer().layer(service_fn(async |request: Request<Body<Full<Bytes>>>| {
        let head = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(head)))
    }));
    for draft in [Draft::get("/v2/bill?b=2&a=%31"), Draft::json("{}").nonce("another")] {
        let request = draft.request();
        let head = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
        let answer = Answer::of(service.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(answer.body, head);
    }
}
