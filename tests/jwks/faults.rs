//! A real issuer that misbehaves.

use std::time::Duration;

use portcullis::jwt::{
    Algorithm::{ES256, ES384},
    KeySource,
    remote::{JwksUrl, RemoteKeys},
};

use tokio::time;

use crate::{
    PATIENCE, connect,
    issuer::{Issuer, Reply, head, ok, status},
    jwt_support::ask,
    layer, set, token, told,
};

const CHUNKED: &str = "transfer-encoding: chunked";

/// What it answers, and a word of what is then told.
fn faults(elsewhere: &Issuer) -> Vec<(Reply, &'static str)> {
    let good = set(&[ES256, ES384]);
    let bytes = |text: String| Reply::Bytes(text);
    let redirect = |code, to: &str| status(code, &[&format!("location: {to}")]);
    vec![
        (status("500 Internal Server Error", &[]), "500"),
        (status("503 Service Unavailable", &["retry-after: 1"]), "503"),
        (status("404 Not Found", &[]), "404"),
        (status("401 Unauthorized", &["www-authenticate: Basic"]), "401"),
        (status("204 No Content", &[]), "204"),
        // A set that comes with the wrong status is none.
        (bytes(head("203 Non-Authoritative Information", &[]) + &good), "203"),
        (bytes(head("500 Internal Server Error", &[]) + &good), "500"),
        (ok(&[], r#"{"keys":[]}"#), "jwks.unusable"),
        (ok(&["content-type: text/html"], "<!doctype html><p>maintenance"), "jwks.unusable"),
        (ok(&[], ""), "jwks.unusable"),
        (redirect("302 Found", &elsewhere.url()), "redirects are not followed"),
        (redirect("301 Moved Permanently", "/jwks"), "redirects are not followed"),
        (redirect("308 Permanent Redirect", "https://127.0.0.1:1/"), "redirects are not followed"),
        (ok(&[], &(good.clone() + &" ".repeat(600 * 1024))), "longer than"),
        (Reply::Endless(head("200 OK", &[]) + &good), "longer than"),
        (Reply::Endless(head("200 OK", &["content-length: 5"]) + "{\"a"), "jwks.unusable"),
        (bytes(head("200 OK", &["content-length: 5000"]) + &good), "jwks.fetch"),
        (bytes(head("200 OK", &[CHUNKED]) + "5\r\n{\"key\r\n"), "jwks.fetch"),
        (bytes(head("200 OK", &[CHUNKED]) + "fffffffffffffffff\r\n"), "jwks.fetch"),
        (bytes("HTTP/1.1 200".to_owned()), "jwks.fetch"),
        (bytes("SSH-2.0-OpenSSH_9.7\r\n".to_owned()), "jwks.fetch"),
        (bytes(String::new()), "jwks.fetch"),
        (Reply::Endless("HTTP/1.1 200 OK\r\nx: ".to_owned()), "jwks.fetch"),
        (Reply::Hang(String::new()), "time limit"),
        (Reply::Hang(head("200 OK", &[])), "time limit"),
        (Reply::Hang(head("200 OK", &["content-length: 5000"]) + &good), "time limit"),
    ]
}

/// Fetches, for the n-th time. Where the issuer hangs, the time passes that a fetch may take, once it was asked.
async fn fetched<T>(issuer: &Issuer, n: usize, reply: &Reply, fetch: impl Future<Output = T>) -> T {
    let pass_the_time = async {
        if matches!(reply, Reply::Hang(_)) {
            while issuer.requests().len() < n {
                time::sleep(Duration::ZERO).await;
            }
            time::pause();
            time::advance(PATIENCE + Duration::from_secs(1)).await;
            time::resume();
        }
    };
    tokio::join!(fetch, pass_the_time).0
}

#[tokio::test]
async fn an_issuer_that_misbehaves_fails_the_start_with_a_word_of_why() {
    let elsewhere = Issuer::start(ok(&[], &set(&[ES256, ES384]))).await;
    for (reply, word) in faults(&elsewhere) {
        let issuer = Issuer::start(reply.clone()).await;
        let keys = connect(JwksUrl::new(issuer.url()).unwrap());
        let error = told(&fetched(&issuer, 1, &reply, keys).await.unwrap_err());
        assert!(error.contains(word) && error.contains(&issuer.url()), "{word}: {error}");
        assert_eq!(issuer.requests().len(), 1, "{error}");
        assert!(!error.contains("maintenance") && !error.contains("kty"), "{error}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn an_issuer_that_begins_to_misbehave_does_no_harm() {
    let elsewhere = Issuer::start(ok(&[], &set(&[ES256, ES384]))).await;
    for (reply, word) in faults(&elsewhere) {
        let issuer = Issuer::start(ok(&[], &set(&[ES256]))).await;
        let keys = connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap();
        let layer = layer(keys.clone());
        issuer.reply(reply.clone());
        let answer = fetched(&issuer, 2, &reply, ask(&layer, &token(ES384))).await;
        assert_eq!((answer.status.as_u16(), answer.reason()), (503, "jwt.keys"), "{word}");
        assert_eq!(issuer.requests().len(), 2, "{word}");
        assert_eq!(ask(&layer, &token(ES256)).await.status, 200, "{word}");
        let again = fetched(&issuer, 3, &reply, keys.renew().unwrap()).await;
        assert!(keys.is_ready() && again.is_err(), "{word}");
    }
    assert!(elsewhere.requests().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn an_endless_answer_is_left_when_it_is_too_long() {
    let issuer = Issuer::start(Reply::Endless(head("200 OK", &[]))).await;
    let error = connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap_err();
    assert!(told(&error).contains("longer than"), "{}", told(&error));
    // What the sockets of both sides hold is beyond our control.
    assert!(issuer.sent() < 16 * 1024 * 1024, "{}", issuer.sent());
}

#[tokio::test]
async fn where_nobody_listens_the_start_fails_and_the_server_can_wait() {
    // Bound, so that nobody else is given the port, and never listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", socket.local_addr().unwrap());
    let source = || JwksUrl::new(&url).unwrap();
    let error = told(&connect(source()).await.unwrap_err());
    assert!(error.contains("refused") && error.contains(&url), "{error}");
    let layer = layer(RemoteKeys::builder(source()).connect_lazy().unwrap());
    assert_eq!(ask(&layer, &token(ES256)).await.status, 503);
}
