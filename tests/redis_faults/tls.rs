//! TLS to Redis.

use std::{
    env, fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use portcullis::store::Redis;

use crate::{bounded, draft, recovers, s3p, servers, servers::output_of, sign_and_send};

/// Where the process that is started here finds the URL.
const URL: &str = "PORTCULLIS_TEST_REDIS_URL";

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (_redis, url, _certificate) = over_tls();
    let refused = bounded(Redis::builder(url).connect()).await.unwrap_err();
    assert!(format!("{refused:?}").to_lowercase().contains("certificate"), "{refused:?}");
}

/// Which authorities are trusted is a matter of the environment, and so of a process of its own.
#[test]
fn a_certificate_of_a_trusted_authority_is_taken() {
    let (_redis, url, certificate) = over_tls();
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "tls::signed_requests_over_tls"]);
    let printed = output_of(child.env("SSL_CERT_FILE", certificate).env(URL, url));
    assert!(printed.contains("1 passed"), "{printed}");
}

#[tokio::test]
#[ignore = "is started by the test above"]
async fn signed_requests_over_tls() {
    let store = Redis::builder(env::var(URL).unwrap()).connect().await.unwrap();
    let layer = s3p(&store);
    recovers(&layer).await;
    let seen = draft();
    assert_eq!(sign_and_send(&layer, &seen).await.status, 200);
    assert_eq!(sign_and_send(&layer, &seen).await.reason(), "s3p.replayed");
}

/// A Redis that speaks nothing but TLS, its URL, and the file of its certificate.
fn over_tls() -> (servers::Redis, String, String) {
    static NEXT_PORT: AtomicU16 = AtomicU16::new(6380);
    let (host, port) = (servers::host(), NEXT_PORT.fetch_add(1, Ordering::Relaxed).to_string());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-tls-{host}-{port}"));
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (file("key.pem"), file("certificate.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-subj", "/CN=redis", "-addext", &format!("subjectAltName=IP:{host}")]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    output_of(openssl.args(["-keyout", &key, "-out", &certificate]));
    let files =
        ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &certificate];
    let mut settings = vec!["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no"];
    settings.extend(files);
    let redis = servers::Redis::start_with(&settings);
    (redis, format!("rediss://{host}:{port}"), certificate)
}
