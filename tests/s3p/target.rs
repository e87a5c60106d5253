//! The method, the URL and the path: what of them is signed.

use std::time::UNIX_EPOCH;

use http::{Method, header::HOST};
use portcullis::{
    S3pSignatureLayer, Secret,
    s3p::{MemoryNonceStore, PublicUrl, S3pAuth, SignatureMethod, SigningInput, Stamp},
};

use crate::{s3p_support::*, support::send};

#[tokio::test]
async fn each_method_is_signed_as_itself() {
    let with_query = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS];
    let with_body = [Method::POST, Method::PUT, Method::PATCH];
    let all = || with_query.iter().chain(&with_body);
    for signed in all() {
        let draft = Draft::new(signed.clone(), "/v2/ping");
        assert!(draft.input().unwrap().base_string().starts_with(&format!("{signed}&https")));
        for sent in all() {
            let mut request = draft.request();
            *request.method_mut() = sent.clone();
            let answer = send(&layer(), request).await;
            assert_eq!(
                answer.status.as_u16(),
                if signed == sent { 200 } else { 401 },
                "{signed} {sent}"
            );
        }
    }
    for method in with_query {
        let draft = Draft::new(method.clone(), "/v2/bill?id=7");
        assert_eq!(send(&layer(), draft.request()).await.status, 200, "{method}");
    }
    for method in with_body {
        let draft = Draft::new(method.clone(), "/v2/bill").body(JSON, r#"{"id":7}"#);
        assert_eq!(send(&layer(), draft.request()).await.status, 200, "{method}");
    }
}

#[tokio::test]
async fn a_method_that_the_scheme_has_no_rule_for_is_refused() {
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "Post", "PURGE"] {
        let draft = Draft::new(method.parse().unwrap(), "/v2/ping");
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (400, "s3p.method"), "{method}");
    }
}

#[tokio::test]
async fn an_override_of_the_method_is_not_looked_at() {
    let mut request = Draft::json("{}").request();
    request.headers_mut().insert("x-http-method-override", "DELETE".parse().unwrap());
    assert_eq!(send(&layer(), request).await.status, 200);
}

#[tokio::test]
async fn a_body_has_no_place_beside_a_query() {
    for (draft, reason) in [
        (Draft::get("/v2/ping").body(JSON, "{}"), "s3p.body_on_get"),
        (Draft::new(Method::DELETE, "/v2/bill?id=7").body(FORM, "a=1"), "s3p.body_on_get"),
        (Draft::new(Method::HEAD, "/v2/ping").body(JSON, " "), "s3p.body_on_get"),
        (Draft::new(Method::POST, "/v2/bill?a=1").body(JSON, "{}"), "s3p.query_on_post"),
        (Draft::new(Method::POST, "/v2/bill?a=1"), "s3p.query_on_post"),
        (Draft::new(Method::PUT, "/v2/bill?a"), "s3p.query_on_post"),
        (Draft::new(Method::PATCH, "/v2/bill?&").body(FORM, "a=1"), "s3p.query_on_post"),
    ] {
        let answer = send(&layer(), draft.request()).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (400, reason), "{draft:?}");
    }
    // A question mark alone asks for nothing.
    let draft = Draft::new(Method::POST, "/v2/bill?").body(JSON, "{}");
    assert_eq!(send(&layer(), draft.request()).await.status, 200);
}

#[tokio::test]
async fn a_post_may_have_no_body() {
    for content_type in [None, Some(JSON), Some(FORM), Some("text/plain")] {
        let draft = Draft { content_type, ..Draft::new(Method::POST, "/v2/ping") };
        assert_eq!(send(&layer(), draft.request()).await.status, 200, "{content_type:?}");
    }
}

/// What a client signs that believes itself to speak to this service.
fn signed_for(origin: &str, draft: &Draft) -> String {
    let signature = SigningInput::of(
        &draft.method,
        &PublicUrl::parse(origin).unwrap(),
        &draft.target.parse().unwrap(),
        &draft.headers(),
        &draft.body,
        Stamp {
            method: SignatureMethod::HmacSha1,
            nonce: &draft.nonce,
            timestamp: &draft.timestamp,
            token: draft.token,
        },
    );
    let signature = signature.unwrap().signature(&Secret::new(draft.secret));
    draft.authorization().replace(&draft.signature(), &signature)
}

#[tokio::test]
async fn the_configured_url_counts_whatever_the_request_says() {
    let draft = Draft::get("/v2/ping?a=1");
    for (origin, status) in
        [(URL, 200), ("https://evil.example/s3p", 401), ("http://evil.example", 401)]
    {
        let authorization = signed_for(origin, &draft);
        let mut request = draft.request_with(&authorization);
        request.headers_mut().insert(HOST, "evil.example".parse().unwrap());
        for name in ["x-forwarded-host", "x-host", "x-original-host", "forwarded", "x-forwarded-prefix"]
        {
            request.headers_mut().insert(name, "host=evil.example".parse().unwrap());
        }
        request.headers_mut().insert("x-forwarded-proto", "http".parse().unwrap());
        assert_eq!(send(&layer(), request).await.status.as_u16(), status, "{origin}");

        // The absolute form, which is also how HTTP/2's `:authority` is seen.
        let mut request = draft.request_with(&authorization);
        *request.uri_mut() = format!("https://evil.example{}", draft.target).parse().unwrap();
        assert_eq!(send(&layer(), request).await.status.as_u16(), status, "{origin}");
    }
}

#[tokio::test]
async fn the_public_url_is_signed_in_one_form_however_it_is_configured() {
    for configured in [
        "https://pay.example.org/s3p",
        "https://pay.example.org/s3p/",
        "https://pay.example.org:443/s3p",
        "HTTPS://PAY.Example.ORG:443/s3p//",
    ] {
        let url = PublicUrl::parse(configured).unwrap();
        let auth = S3pAuth::new(url, keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock());
        let answer = send(&S3pSignatureLayer::new(auth), Draft::get("/v2/ping").request()).await;
        assert_eq!(answer.status, 200, "{configured}");
    }
}

#[tokio::test]
async fn the_path_is_signed_as_it_was_received() {
    // Which of these are one resource is for the router to say; to the scheme, all are different.
    let paths = [
        "/v2/bill",
        "/v2/bill/",
        "/v2//bill",
        "//v2/bill",
        "/v2/./bill",
        "/v2/x/../bill",
        "/v2%2Fbill",
        "/v2%2fbill",
        "/v2/%62ill",
        "/v2/%2e%2e/bill",
        "/v2/bill;v=1",
        "/v2/bill%20",
        "/v2/bill+",
        "/V2/bill",
        "/v2/bill%00",
        "/v2/b%C3%AFll",
        "/v2/b%c3%afll",
        "/v2/bill,",
        "/v2/bill%3Fa=1",
        "/",
        "/~v2",
        "/%7Ev2",
    ];
    for signed in paths {
        for sent in paths {
            let draft = Draft::get(signed);
            let mut request = draft.request();
            *request.uri_mut() = sent.parse().unwrap();
            let answer = send(&layer(), request).await;
            assert_eq!(
                answer.status.as_u16(),
                if signed == sent { 200 } else { 401 },
                "{signed} {sent}"
            );
        }
    }
}
