//! What a caller adds to a request changes no decision.

use http::{Method, Request, Version};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, Head, NowOrLater, Permit, Policy, Principal, Rejection,
    authorize,
};
use tower::ServiceBuilder;

use crate::{
    fixtures::{BEARER, EITHER, Saying, Says, Spoken, When},
    support::send,
};

type Body = http_body_util::Full<bytes::Bytes>;

/// Requests without credentials that look like something that might be let through elsewhere.
fn forged() -> Vec<Request<Body>> {
    let request = |method: &str, target: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::default()).unwrap()
    };
    let mut forged = vec![
        request("GET", "/admin?x=/health", &[]),
        request("GET", "/health/../admin", &[]),
        request("GET", "/admin/health", &[]),
        request("GET", "/health%2f..%2fadmin", &[]),
        request("GET", "//health", &[]),
        request("GET", "/HEALTH", &[]),
        request("GET", "https://health/admin", &[]),
        request("OPTIONS", "*", &[]),
        request("CONNECT", "vault.example:443", &[]),
        request("GET", "/", &[("user-agent", "kube-probe/1.30")]),
        request("GET", "/", &[("x-user", "root"), ("x_forwarded_user", "root")]),
        request("GET", "/", &[("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")]),
        request("GET", "/", &[("x-original-url", "/health"), ("x-forwarded-uri", "/health")]),
        request("GET", "/", &[("proxy-authorization", "Bearer alice")]),
        request("GET", "/", &[("authorization-bin", "QmVhcmVyIGFsaWNl")]),
        request("GET", "/?access_token=alice&authorization=Bearer%20alice", &[]),
        request("GET", "/", &[("cookie", "authorization=Bearer alice")]),
        request("POST", "/", &[("x-http-method-override", "GET")]),
        request("POST", "/?_method=OPTIONS", &[("x-method-override", "OPTIONS")]),
        request("GET", "/", &[("connection", "upgrade"), ("upgrade", "websocket")]),
        request("PRI", "*", &[]),
    ];
    for method in ["HEAD", "TRACE", "PATCH", "PROPFIND", "FOO", "get", "options", "G%45T"] {
        forged.push(request(method, "/", &[]));
    }
    let mut connect = request("CONNECT", "/chat", &[("sec-websocket-version", "13")]);
    *connect.version_mut() = Version::HTTP_2;
    connect.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    forged.push(connect);
    forged
}

#[tokio::test]
async fn without_credentials_no_disguise_gets_through() {
    for when in EITHER {
        let layer = AuthenticateLayer::new(Spoken::new(BEARER, when)).allow_cors_preflight();
        for request in forged() {
            let shown = format!("{request:?}");
            let answer = send(&layer, request).await;
            assert_eq!(
                (answer.status.as_u16(), answer.reason()),
                (401, "authorization.missing"),
                "{shown}"
            );
        }
    }
}

#[tokio::test]
async fn an_opening_for_one_path_opens_no_other_target() {
    let stack = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Spoken::new(BEARER, When::Now)).optional())
        .layer(AuthorizeLayer::new(Health));
    let open = Request::get("/health?verbose").body(Body::default()).unwrap();
    assert_eq!(send(&stack, open).await.body, "anonymous");
    for request in forged() {
        let shown = format!("{request:?}");
        assert_eq!(send(&stack, request).await.status, 401, "{shown}");
    }
}

/// Open to everybody at `GET /health`.
struct Health;

impl Policy for Health {
    fn is_open(&self, head: &Head<'_>) -> bool {
        head.method() == Method::GET && head.uri().path() == "/health"
    }

    fn authorize(
        &self,
        principal: &Principal,
        head: &Head<'_>,
    ) -> NowOrLater<Result<Permit, Rejection>> {
        Saying::new(Says::No, When::Now).authorize(principal, head)
    }
}

#[tokio::test]
async fn a_policy_sees_the_method_that_was_sent_and_not_the_one_in_an_override() {
    let layer = AuthorizeLayer::new(authorize::from_fn(|_, head| head.method() == Method::GET));
    let stack = ServiceBuilder::new()
        .layer(AuthenticateLayer::new(Spoken::new(BEARER, When::Later)))
        .layer(layer);
    for (method, status) in [("GET", 200), ("POST", 403), ("HEAD", 403), ("get", 403), ("GETX", 403)] {
        let request = Request::builder()
            .method(method)
            .uri("/?_method=GET")
            .header("authorization", "Bearer alice")
            .header("x-http-method-override", "GET")
            .body(Body::default())
            .unwrap();
        assert_eq!(send(&stack, request).await.status, status, "{method}");
    }
}
