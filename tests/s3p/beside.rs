//! Beside other schemes, and within whole stacks.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use portcullis::{
    HttpsEvidence, ProblemJson, S3pSignatureLayer, SecureTransport,
    basic::{Argon2id, BasicAuth, MemoryUserStore, PasswordHash, User},
    s3p::Body,
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{
    s3p_support::*,
    support::{Answer, Echo, basic, get, get_with, send},
};

pub(crate) fn vault() -> BasicAuth {
    let users = MemoryUserStore::new();
    users.insert(User::new("carol", PasswordHash::of("open sesame").unwrap()).unwrap());
    BasicAuth::new("vault", users).unwrap().verifier(Argon2id::default())
}

fn both() -> S3pSignatureLayer {
    layer().or(vault())
}

#[tokio::test]
async fn each_scheme_lets_through_its_own() {
    for (request, who) in [
        (get_with("/v2/ping", basic("carol", "open sesame")), "carol"),
        (Draft::get("/v2/ping").request(), "alice"),
        (Draft::json("{}").request(), "alice"),
    ] {
        let answer = send(&both(), request).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, who));
    }
}

#[tokio::test]
async fn a_401_offers_both_schemes_the_stronger_first() {
    let good = Draft::get("/v2/ping");
    for request in [
        get("/v2/ping"),
        get_with("/v2/ping", basic("carol", "wrong")),
        get_with("/v2/ping", "Basic ???"),
        get_with("/v2/ping", "Bearer abc"),
        get_with("/v2/ping", "s3pAuth ???"),
        good.request_with(good.authorization().replace("a-nonce", "b-nonce")),
        Draft { token: "nobodys-token", ..Draft::json("{}") }.request(),
    ] {
        let answer = send(&both(), request).await;
        assert_eq!(answer.status, 401);
        let challenges = [r#"s3pAuth realm="S3P""#, r#"Basic realm="vault", charset="UTF-8""#];
        assert_eq!(answer.challenges(), challenges);
    }
}

#[tokio::test]
#[should_panic(expected = "two authenticators of the scheme Basic")]
async fn one_scheme_is_not_offered_twice() {
    let _ = both().or(vault());
}

#[tokio::test]
async fn a_body_of_another_scheme_is_passed_on_as_it_comes() {
    // Compressed, longer than a signed body may be, of any type, with a query, in pieces, never
    // ending: none of it is this layer's business.
    let layer = S3pSignatureLayer::new(auth().max_body(4)).or(vault()).optional();
    for authorization in [Some(basic("carol", "open sesame")), None] {
        let trailers = HeaderMap::from_iter([(header::ETAG, "\"7\"".parse().unwrap())]);
        let pieces = ["first", "second"].map(|piece| Frame::data(Bytes::from_static(piece.as_bytes())));
        let pieces = stream::iter(pieces.into_iter().chain([Frame::trailers(trailers)]));
        let body = StreamBody::new(pieces.map(Ok::<_, Infallible>).chain(stream::pending()).boxed());
        let mut request = Request::post("/v2/upload?x=1").body(body).unwrap();
        request.headers_mut().insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization.parse().unwrap());
        }
        let service = layer.layer(service_fn(async |mut request: Request<Body<_>>| {
            let mut seen = Vec::new();
            for _ in 0..3 {
                let frame: Frame<Bytes> = request.body_mut().frame().await.unwrap().unwrap();
                seen.push(match frame.into_data() {
                    Ok(data) => String::from_utf8(data.to_vec()).unwrap(),
                    Err(frame) => format!("{:?}", frame.into_trailers().unwrap()),
                });
            }
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(seen.join(" "))))
        }));
        let answer = Answer::of(service.oneshot(request).await.unwrap()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, r#"first second {"etag": "\"7\""}"#));
    }
}

#[tokio::test]
async fn optional_lets_in_who_sends_nothing_and_refuses_what_is_wrong() {
    let good = Draft::get("/v2/ping");
    for layer in [layer().optional(), both().optional()] {
        let answer = send(&layer, get("/v2/ping")).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "anonymous"));
        assert_eq!(send(&layer, good.request()).await.body, "alice");
        for (request, status) in [
            (good.request(), 401),
            (get_with("/v2/ping", ""), 401),
            (get_with("/v2/ping", "s3pAuth"), 401),
            (get_with("/v2/ping", "Bearer abc"), 401),
            (good.request_with(good.authorization().replace("a-nonce", "b-nonce")), 401),
            (good.clone().nonce(1).timestamp(NOW - 301).request(), 401),
            (Draft { token: "nobodys-token", ..good.clone() }.request(), 401),
            (Draft::json("[]").request(), 400),
            (Draft::get("/v2/ping").body(JSON, "{}").request(), 400),
        ] {
            assert_eq!(send(&layer, request).await.status.as_u16(), status);
        }
    }
}

#[tokio::test]
async fn who_was_authenticated_outside_is_let_through_if_so_told() {
    let stack = ServiceBuilder::new()
        .layer(portcullis::BasicAuthLayer::new(vault()))
        .layer(layer().skip_authenticated())
        .service(Echo::default());
    let request = get_with("/v2/ping", basic("carol", "open sesame"));
    let answer = Answer::of(stack.oneshot(request).await.unwrap()).await;
    assert_eq!(answer.body, "carol");
}

#[tokio::test]
async fn https_is_required_before_anything_is_looked_at() {
    let layer = layer().require_https(HttpsEvidence::marker());
    for draft in [Draft::get("/v2/ping"), Draft::json("{").nonce(2)] {
        let answer = send(&layer, draft.request()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (403, "https.required"));
    }
    let mut request = Draft::get("/v2/ping").request();
    request.extensions_mut().insert(SecureTransport);
    assert_eq!(send(&layer, request).await.status, 200);
}

#[tokio::test]
async fn a_preflight_passes_only_if_so_told() {
    let preflight = || {
        let request = Request::options("/v2/quotestd").header(header::ORIGIN, "https://shop.example");
        let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        request.body(Full::<Bytes>::default()).unwrap()
    };
    assert_eq!(send(&layer(), preflight()).await.status, 401);
    assert_eq!(send(&layer().allow_cors_preflight(), preflight()).await.body, "anonymous");
}

#[tokio::test]
async fn refusals_are_worded_as_told_wherever_they_are_decided() {
    let layer = layer().respond_with(ProblemJson);
    // By the head; by the body.
    for (draft, status) in [(Draft::get("/v2/bill?a=%zz"), 400), (Draft::json("[]"), 400)] {
        let answer = send(&layer, draft.request()).await;
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.body.contains(r#""status":400"#));
    }
}

#[tokio::test]
async fn a_grpc_client_is_told_in_its_own_way() {
    for (body, status, message) in
        [(&b""[..], "16", "credentials refused"), (b"\0\0\0\0\0", "3", "body type not supported")]
    {
        let draft = Draft::new(Method::POST, "/pkg.Service/Call").body("application/grpc", body);
        let draft = Draft { secret: "some other secret", ..draft };
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, ""));
        assert_eq!(answer.headers["grpc-status"], status);
        assert_eq!(answer.headers["grpc-message"], message);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/grpc");
    }
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    // With one permit: a clone that was not polled ready would panic, and a permit that is kept would
    // block the next request.
    let limited = ServiceBuilder::new().concurrency_limit(1).service(Echo::default());
    let mut service = both().layer(limited);
    let not_let_in = Draft { secret: "some other secret", ..Draft::json("{}") };
    for (request, status) in [
        (Draft::get("/v2/ping").nonce(1).request(), 200),
        (Draft::json("{}").nonce(2).request(), 200),
        (not_let_in.request(), 401),
        (get_with("/v2/ping", basic("carol", "open sesame")), 200),
        (Draft::json("{}").nonce(3).request(), 200),
        (get("/v2/ping"), 401),
        (Draft::get("/v2/ping").nonce(4).request(), 200),
    ] {
        let ready = ServiceExt::<Request<Full<Bytes>>>::ready(&mut service).await.unwrap();
        let response = ready.call(request).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn an_axum_router_takes_the_body_and_the_handler_its_json() {
    use axum::{Json, Router, routing};
    let quote = async |principal: portcullis::Principal, Json(body): Json<serde_json::Value>| {
        format!("{} {}", principal.subject(), body["amount"])
    };
    let router = Router::new().route("/v2/quotestd", routing::post(quote)).layer(both());
    let draft = Draft::json(r#"{"amount":1000}"#);
    for (request, status, body) in [
        (draft.request(), 200, "alice 1000"),
        (draft.request(), 401, "credentials refused"),
        (Draft { secret: "some other secret", ..draft.clone() }.request(), 401, "credentials refused"),
    ] {
        let request = request.map(axum::body::Body::new);
        let answer = Answer::of(router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body));
    }
    let mut request = draft.request().map(axum::body::Body::new);
    let carol = basic("carol", "open sesame").parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, carol);
    let answer = Answer::of(router.oneshot(request).await.unwrap()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "carol 1000"));
}

#[tokio::test]
async fn where_there_is_no_grpc_service_a_refusal_of_the_layer_is_plain_http() {
    let layer = both().respond_with(ProblemJson).no_grpc();
    for content_type in ["application/grpc", "application/grpc-web", "application/grpc-web-text"] {
        let signed = Draft::json("{}").body(content_type, "{}");
        // By the head alone, by the password when it is hashed, and by the body.
        for (authorization, status) in [
            ("s3pAuth ???".to_owned(), 401),
            (basic("carol", "wrong"), 401),
            (signed.authorization(), 415),
        ] {
            let answer = send(&layer, signed.request_with(authorization)).await;
            assert_eq!(answer.status, status, "{content_type}");
            assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
            assert!(!answer.headers.contains_key("grpc-status"), "{answer:?}");
        }
    }
}
