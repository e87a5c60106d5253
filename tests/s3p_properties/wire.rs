//! Both sides over a real connection: `SignLayer` around hyper-util's client, and
//! `S3pSignatureLayer` in a hyper server.

use std::{
    convert::Infallible,
    net::SocketAddr,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use portcullis::{
    Principal, S3pSignatureLayer,
    s3p::{self, MemoryNonceStore, PublicUrl, S3pAuth, SignLayer, Signer},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use crate::{Sent, s3p_support::*, sent};

/// Serves whoever connects: with who it is, what was asked, and the body.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = PublicUrl::parse(&format!("http://{address}")).unwrap();
    let auth = S3pAuth::new(url, keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock());
    let auth = auth.body_timeout(Duration::from_secs(60));
    let service = S3pSignatureLayer::new(auth).layer(service_fn(
        async |request: Request<s3p::Body<Incoming>>| {
            let (head, body) = request.into_parts();
            let who = head.extensions.get::<Principal>().unwrap().subject().to_owned();
            let body = body.collect().await.unwrap().to_bytes();
            let response = Response::builder().header("who", who).header("asked", head.uri.to_string());
            Ok::<_, Infallible>(response.body(Full::new(body)).unwrap())
        },
    ));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let connection = auto::Builder::new(TokioExecutor::new());
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

type Outgoing = BoxBody<Bytes, Infallible>;

fn client(
    http2: bool,
) -> impl Service<Request<Outgoing>, Response = Response<Incoming>, Error = BoxError> + Clone {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).http2_only(http2).build(connector);
    let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock());
    SignLayer::new(signer).layer(client)
}

/// Sends; gives status, who it was, and the body that came back.
async fn round_trip(
    client: &(impl Service<Request<Outgoing>, Response = Response<Incoming>, Error = BoxError> + Clone),
    request: Request<Outgoing>,
) -> Result<(StatusCode, String, Bytes), BoxError> {
    let response = client.clone().oneshot(request).await?;
    let who = response.headers().get("who").map(|who| who.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Ok((status, who.unwrap_or_default(), body))
}

#[tokio::test]
async fn what_the_client_signs_the_server_lets_through() {
    let (address, requests) = (serve().await, sent());
    for http2 in [false, true] {
        let client = client(http2);
        let mut runner = TestRunner::deterministic();
        let mut signed = 0;
        for _ in 0..400 {
            let sent = requests.new_tree(&mut runner).unwrap().current();
            let uri = format!("http://{address}{}", sent.target());
            let request = sent.to(&uri).map(BodyExt::boxed);
            let (status, who, body) = match round_trip(&client, request).await {
                Ok(answer) => answer,
                // What cannot be signed is not sent; whatever else happens is no reason to go on.
                Err(error) if error.is::<s3p::SignError>() => continue,
                Err(error) => panic!("{sent:?}: {error:?}"),
            };
            assert_eq!((status, &*who), (StatusCode::OK, "alice"), "{sent:?}");
            if sent.method != Method::HEAD {
                assert_eq!(body, sent.body, "{sent:?}");
            }
            signed += 1;
        }
        assert!((240..400).contains(&signed), "{signed}");
    }
}

/// The plain function is all that a client of another kind needs.
#[tokio::test]
async fn a_request_of_reqwest_is_signed_by_the_plain_function() {
    let address = serve().await;
    let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock());
    let url = format!("http://{address}/v2/quotestd");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request =
        client.post(&url).header("content-type", JSON).body(r#"{"amount":1000}"#).build().unwrap();
    let body = request.body().unwrap().as_bytes().unwrap();
    let authorization =
        signer.sign(request.method(), &url.parse().unwrap(), request.headers(), body).unwrap();
    request.headers_mut().insert("authorization", authorization);
    let response = client.execute(request).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["who"]),
        (StatusCode::OK, &"alice".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), r#"{"amount":1000}"#);
}

#[tokio::test]
async fn a_body_in_pieces_is_signed_as_a_whole() {
    let address = serve().await;
    let pieces = ["{\"amount\"", ":", "1000}"].map(|piece| Ok(Frame::data(Bytes::from(piece))));
    let request = Request::post(format!("http://{address}/v2/quotestd"))
        .header("content-type", JSON)
        .body(StreamBody::new(stream::iter(pieces)).boxed())
        .unwrap();
    let (status, who, body) = round_trip(&client(false), request).await.unwrap();
    assert_eq!((status, &*who, &body[..]), (StatusCode::OK, "alice", &br#"{"amount":1000}"#[..]));
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_sent() {
    let nothing_is_sent =
        service_fn(async |_: Request<s3p::Body<Outgoing>>| -> Result<(), Infallible> {
            panic!("it was sent")
        });
    let signer = Signer::new(TOKEN, SECRET).unwrap().clock(clock());
    let client = SignLayer::new(signer).max_body(10).layer(nothing_is_sent);
    let json = |body: &'static str| Sent {
        method: Method::POST,
        path: "/".to_owned(),
        query: None,
        content_type: Some(JSON),
        body: body.into(),
    };
    for (uri, sent) in [
        ("/v2/ping", json("{}")),
        ("ftp://pay.example.org/", json("{}")),
        ("https://user:password@pay.example.org/", json("{}")),
        ("https://pay.example.org/?a=1", json("{}")),
        ("https://pay.example.org/", json("[]")),
        ("https://pay.example.org/", json(r#"{"a":123456789}"#)),
    ] {
        let error = client.clone().oneshot(sent.to(uri).map(BodyExt::boxed)).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("password"), "{error:?}");
    }
}

#[tokio::test]
async fn an_authorization_that_is_there_already_is_replaced() {
    let address = serve().await;
    let sent = Sent {
        method: Method::GET,
        path: "/".to_owned(),
        query: None,
        content_type: None,
        body: Bytes::new(),
    };
    let mut request = sent.to(&format!("http://{address}/")).map(BodyExt::boxed);
    request.headers_mut().insert("authorization", "Basic YTpi".parse().unwrap());
    assert_eq!(round_trip(&client(false), request).await.unwrap().0, StatusCode::OK);
}

#[tokio::test]
async fn a_signer_of_another_time_or_secret_is_refused() {
    let address = serve().await;
    let late = clock();
    late.advance(Duration::from_secs(301));
    for signer in [
        Signer::new(TOKEN, OTHER_SECRET).unwrap().clock(clock()),
        Signer::new("nobodys-token", SECRET).unwrap().clock(clock()),
        Signer::new(TOKEN, SECRET).unwrap().clock(late),
    ] {
        let client = SignLayer::new(signer).layer(Client::builder(TokioExecutor::new()).build_http());
        let request =
            Request::get(format!("http://{address}/")).body(Full::<Bytes>::default().boxed()).unwrap();
        assert_eq!(round_trip(&client, request).await.unwrap().0, StatusCode::UNAUTHORIZED);
    }
}
