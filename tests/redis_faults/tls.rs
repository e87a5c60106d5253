//! TLS to Redis.

use std::{env, process::Command};

use portcullis::store::Redis;

use crate::{
    recovers, s3p, servers,
    servers::{PATIENCE, output_of},
    sign_and_send,
};

/// Where the process that is started here finds the URL.
const URL: &str = "PORTCULLIS_TEST_REDIS_URL";

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (_redis, url, _certificate) = servers::Redis::start_with_tls();
    let refused = Redis::builder(url).time_limit(PATIENCE).connect().await.unwrap_err();
    assert!(format!("{refused:?}").to_lowercase().contains("certificate"), "{refused:?}");
}

/// Which authorities are trusted is a matter of the environment, and so of a process of its own.
#[test]
fn a_certificate_of_a_trusted_authority_is_taken() {
    let (_redis, url, certificate) = servers::Redis::start_with_tls();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "tls::signed_requests_over_tls"]);
    let printed = output_of(child.env("SSL_CERT_FILE", certificate).env(URL, url));
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "is started by the test above"]
async fn signed_requests_over_tls() {
    let builder = Redis::builder(env::var(URL).unwrap()).time_limit(PATIENCE);
    let layer = s3p(&builder.connect().await.unwrap());
    let seen = recovers(&layer).await;
    assert_eq!(sign_and_send(&layer, &seen).await.reason(), "s3p.replayed");
}
