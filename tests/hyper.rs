//! The layers in front of plain hyper servers, over HTTP/1 and HTTP/2, as clients see them.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod hyper_support;
mod schemes;
mod support;

use std::{
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{
    Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_support::{Calls, Gate, Protocol, gates, greeter, s3p, serve, serve_on};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use portcullis::{
    ManualClock, S3pSignatureLayer,
    s3p::{Body, MemoryNonceStore, PublicUrl, S3pAuth, SignLayer, Signer},
};
use support::{Answer, IntoAnswer};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

const PROTOCOLS: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

fn client<B>(protocol: Protocol) -> Client<HttpConnector, B>
where
    B: hyper::body::Body<Data: Send> + Send,
{
    let http2 = matches!(protocol, Protocol::Http2);
    Client::builder(TokioExecutor::new()).http2_only(http2).build_http()
}

fn url(address: SocketAddr, path: &str) -> String {
    format!("http://{address}{path}")
}

/// Sends the request of a gate with these `Authorization` lines.
async fn send(protocol: Protocol, gate: &Gate, lines: &[String]) -> Answer {
    let mut request = Request::builder().method(&gate.method).uri(url(gate.address, gate.path));
    for line in lines {
        request = request.header(AUTHORIZATION, line);
    }
    let request = request.body(Full::<Bytes>::default()).unwrap();
    client(protocol).request(request).await.unwrap().into_answer().await
}

#[tokio::test]
async fn each_layer_lets_in_and_refuses() {
    for protocol in PROTOCOLS {
        for gate in gates(protocol).await {
            let what = format!("{} {protocol:?}", gate.name);
            let missing = send(protocol, &gate, &[]).await;
            assert_eq!(
                (missing.status.as_u16(), &*missing.body),
                (401, "credentials required"),
                "{what}"
            );
            support::check_refusal(&missing);
            for (line, status, body) in &gate.refused {
                let answer = send(protocol, &gate, std::slice::from_ref(line)).await;
                assert_eq!((answer.status.as_u16(), &*answer.body), (*status, *body), "{what} {line}");
                support::check_refusal(&answer);
            }
            assert_eq!(gate.calls.count(), 0, "{what}");

            let answer = send(protocol, &gate, &[(gate.good)()]).await;
            assert_eq!((answer.status.as_u16(), gate.calls.count()), (200, 1), "{what}");
            assert_ne!(answer.body.split(' ').next(), Some("nobody"), "{what}");
        }
    }
}

#[tokio::test]
async fn two_authorization_lines_are_malformed_whatever_they_hold() {
    for protocol in PROTOCOLS {
        for gate in gates(protocol).await {
            let good = (gate.good)();
            for other in [good.clone(), (gate.good)(), gate.refused[0].0.clone(), String::new()] {
                for lines in [[good.clone(), other.clone()], [other.clone(), good.clone()]] {
                    let answer = send(protocol, &gate, &lines).await;
                    let what = format!("{} {protocol:?} {lines:?}", gate.name);
                    let (status, body) = (gate.malformed, "credentials malformed");
                    assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{what}");
                    assert!(!answer.challenges().is_empty(), "{what}");
                }
            }
            assert_eq!(gate.calls.count(), 0, "{}", gate.name);
        }
    }
}

/// A server that wants signatures for the very address that it is served on.
async fn signed_server(protocol: Protocol) -> (SocketAddr, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = PublicUrl::parse(&url(address, "")).unwrap();
    let auth = S3pAuth::new(url, schemes::keys(), MemoryNonceStore::new(UNIX_EPOCH));
    let auth = auth.clock(schemes::manual_clock()).body_timeout(Duration::from_secs(60));
    let layer = S3pSignatureLayer::new(auth);
    let calls = Calls::default();
    serve_on(listener, protocol, layer.layer(greeter::<Body<Incoming>>(&calls)));
    (address, calls)
}

#[tokio::test]
async fn a_signing_client_is_understood() {
    const JSON: &str = "application/json";
    const FORM: &str = "application/x-www-form-urlencoded";
    for protocol in PROTOCOLS {
        let (address, calls) = signed_server(protocol).await;
        let client = SignLayer::new(schemes::signer()).layer(client(protocol));
        for (method, target, content_type, body) in [
            (Method::GET, "/", None, ""),
            (Method::GET, "/v2/bill?serviceid=99999&merchant=TEST%20MERC&note=a%26b", None, ""),
            (Method::DELETE, "/v2/bill?id=1", None, ""),
            (Method::OPTIONS, "/", None, ""),
            (Method::POST, "/v2/quote", Some(JSON), r#"{"amount": 1000, "payItemId": "S-\u00e9"}"#),
            (Method::POST, "/v2/quote", Some(FORM), "amount=1000&payItemId=S-%C3%A9+x"),
            (Method::PUT, "/v2/quote/%7Eme", Some(JSON), "{}"),
            (Method::PATCH, "/", None, ""),
        ] {
            let mut request = Request::builder().method(&method).uri(url(address, target));
            if let Some(content_type) = content_type {
                request = request.header(CONTENT_TYPE, content_type);
            }
            let request = request.body(Full::<Bytes>::from(body)).unwrap();
            let answer = client.clone().oneshot(request).await.unwrap().into_answer().await;
            let what = format!("{protocol:?} {method} {target}: {answer:?}");
            assert_eq!(answer.status, StatusCode::OK, "{what}");
            assert!(answer.body.starts_with(&format!("dave {method} ")), "{what}");
            assert!(answer.body.ends_with(&format!("{target} {body}")), "{what}");
        }
        assert_eq!(calls.count(), 8);
    }
}

#[tokio::test]
async fn a_client_with_another_secret_clock_or_token_is_refused() {
    let slow = || ManualClock::at_unix(schemes::NOW - 301);
    let secret = "thirty-two bytes, at the very least";
    for protocol in PROTOCOLS {
        let (address, calls) = signed_server(protocol).await;
        for signer in [
            Signer::new("token", "another secret, as long as it needs to be")
                .unwrap()
                .clock(schemes::manual_clock()),
            Signer::new("nobody's", secret).unwrap().clock(schemes::manual_clock()),
            schemes::signer().clock(slow()),
        ] {
            let client = SignLayer::new(signer).layer(client(protocol));
            let request = Request::get(url(address, "/")).body(Full::<Bytes>::default()).unwrap();
            let answer = client.oneshot(request).await.unwrap().into_answer().await;
            let refused = (401, "credentials refused");
            assert_eq!((answer.status.as_u16(), &*answer.body), refused, "{protocol:?}");
        }
        assert_eq!(calls.count(), 0);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_passes() {
    for protocol in PROTOCOLS {
        let gate = s3p(protocol).await;
        for (length, status) in [(1024, 200), (1025, 413), (1024 * 1024, 413)] {
            let body = format!(r#"{{"a":"{}"}}"#, "b".repeat(length - 8));
            assert_eq!(body.len(), length);
            let line = schemes::signed(&Method::POST, "/", Some("application/json"), &body);
            let request = Request::post(url(gate.address, "/"))
                .header(AUTHORIZATION, line)
                .header(CONTENT_TYPE, "application/json");
            let request = request.body(Full::<Bytes>::from(body)).unwrap();
            let answer = client(protocol).request(request).await.unwrap().into_answer().await;
            assert_eq!(answer.status, status, "{protocol:?} {length}");
        }
        assert_eq!(gate.calls.count(), 1);
    }
}

#[tokio::test]
async fn beside_signatures_a_password_passes_with_a_body_of_any_length() {
    for protocol in PROTOCOLS {
        let calls = Calls::default();
        let signatures = schemes::s3p(schemes::keys()).max_body(16);
        let layer = S3pSignatureLayer::new(signatures).or(schemes::by_password(schemes::users()));
        let service = layer.layer(greeter::<Body<Incoming>>(&calls));
        let address = serve(protocol, service).await;
        let body = "b".repeat(256 * 1024);
        for (password, status) in [("sesame", 200), ("simsalabim", 401)] {
            let request = Request::post(url(address, "/"))
                .header(AUTHORIZATION, support::basic("alice", password))
                .body(Full::<Bytes>::from(body.clone()))
                .unwrap();
            let answer = client(protocol).request(request).await.unwrap().into_answer().await;
            assert_eq!(answer.status, status, "{protocol:?}");
            assert_eq!(answer.body.ends_with(&body), status == 200, "{protocol:?}");
        }
        assert_eq!(calls.count(), 1);
    }
}
