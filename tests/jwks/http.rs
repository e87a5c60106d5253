//! What is sent to an issuer, and what is made of its headers.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use portcullis::jwt::{
    Algorithm::{ES256, ES384},
    KeySource,
    remote::JwksUrl,
};
use tokio::time;

use crate::{
    connect,
    issuer::{Issuer, ok, status},
    jwt,
    jwt_support::{ask, claims, judge, sign_with},
    layer, set,
    support::{Log, trusts_no_authority},
    token,
};

#[tokio::test]
async fn keys_that_change_are_found_over_http() {
    let issuer = Issuer::start(ok(&["content-type: application/jwk-set+json"], &set(&[ES256]))).await;
    let layer = layer(connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap());
    assert_eq!(ask(&layer, &token(ES256)).await.status, 200);
    // The content type is the issuer's affair.
    issuer.reply(ok(&["content-type: text/html"], &set(&[ES384])));
    assert_eq!(ask(&layer, &token(ES384)).await.status, 200);
    assert_eq!(ask(&layer, &token(ES256)).await.status, 401);
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test]
async fn a_request_has_the_query_an_accept_field_and_the_fields_that_were_added() {
    let issuer = Issuer::start(ok(&[], &set(&[ES256]))).await;
    let secret = HeaderValue::from_static("canary-secret");
    let source = JwksUrl::builder(issuer.url() + "?tenant=canary")
        .header(HeaderName::from_static("x-api-key"), secret)
        .build()
        .unwrap();
    assert_eq!(format!("{source:?}"), issuer.url(), "the query may be a secret");
    let log = Log::capture();
    let keys = connect(source).await.unwrap();
    let [request] = &issuer.requests()[..] else { panic!("one request") };
    assert!(request.starts_with("get /jwks?tenant=canary http/1.1\r\n"), "{request}");
    for line in ["accept: application/jwk-set+json, application/json;q=0.9", "x-api-key: canary-secret"]
    {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{request}");
    }
    assert!(!request.contains("if-none-match"), "{request}");
    issuer.reply(status("500 Internal Server Error", &[]));
    assert!(keys.renew().unwrap().await.is_err());
    let ours: Vec<_> =
        log.text().lines().filter(|line| line.contains("portcullis")).map(String::from).collect();
    assert!(ours.len() >= 2 && !ours.concat().contains("canary"), "{ours:#?}");
}

#[tokio::test]
async fn a_set_that_has_not_changed_is_not_sent_again() {
    let issuer = Issuer::start(ok(&["etag: \"one\""], &set(&[ES256]))).await;
    let keys = connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap();
    issuer.reply(status("304 Not Modified", &["etag: \"one\""]));
    let log = Log::capture();
    keys.renew().unwrap().await.unwrap();
    assert!(issuer.requests()[1].contains("\r\nif-none-match: \"one\"\r\n"), "{:?}", issuer.requests());
    assert!(log.text().contains("jwks.unchanged"), "{}", log.text());
    assert!(judge(&jwt(keys), &token(ES256)).is_ok());
}

#[tokio::test]
async fn the_cache_control_of_the_issuer_is_followed() {
    let issuer = Issuer::start(ok(&["cache-control: max-age=120"], &set(&[ES256]))).await;
    let keys = connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap();
    issuer.reply(ok(&[], &set(&[ES384])));
    time::pause();
    time::advance(Duration::from_secs(80)).await;
    time::resume();
    assert_eq!(issuer.requests().len(), 1);
    time::pause();
    time::advance(Duration::from_secs(41)).await;
    time::resume();
    // A fetch is off, or was: no other is started.
    if let Some(flight) = keys.renew() {
        flight.await.unwrap();
    }
    assert_eq!(ask(&layer(keys), &token(ES384)).await.status, 200);
    assert_eq!(issuer.requests().len(), 2);
}

#[tokio::test]
async fn addresses_in_a_token_are_never_asked() {
    let elsewhere = Issuer::start(ok(&[], &set(&[ES384]))).await;
    let issuer = Issuer::start(ok(&[], &set(&[ES256]))).await;
    let layer = layer(connect(JwksUrl::new(issuer.url()).unwrap()).await.unwrap());
    for name in ["jku", "x5u", "kid", "iss"] {
        let header = format!(r#"{{"alg":"ES384","{name}":"{}"}}"#, elsewhere.url());
        let claims = claims(&[("iss", &format!("{:?}", elsewhere.url()))]);
        assert_eq!(ask(&layer, &sign_with(ES384, header, claims)).await.status, 401);
    }
    assert!(elsewhere.requests().is_empty());
    assert_eq!(issuer.requests().len(), 2);
    assert!(issuer.requests().iter().all(|request| request.starts_with("get /jwks http/1.1\r\n")));
}

#[tokio::test]
async fn an_added_field_may_replace_the_accept_field() {
    let issuer = Issuer::start(ok(&[], &set(&[ES256]))).await;
    let source = JwksUrl::builder(issuer.url()).header(header::ACCEPT, HeaderValue::from_static("a/b"));
    connect(source.build().unwrap()).await.unwrap();
    assert_eq!(issuer.requests()[0].matches("accept: ").count(), 1);
    assert!(issuer.requests()[0].contains("accept: a/b\r\n"));
}

#[tokio::test]
async fn keys_of_this_machine_are_fetched_though_it_trusts_no_authority() {
    if trusts_no_authority("http_rules::keys_of_this_machine_are_fetched_though_it_trusts_no_authority")
    {
        assert!(JwksUrl::new("https://id.example.org/jwks").is_err(), "there is one");
        let issuer = Issuer::start(ok(&[], &set(&[ES256]))).await;
        assert!(connect(JwksUrl::new(issuer.url()).unwrap()).await.is_ok());
    }
}
