//! https, by certificates that are made for the test.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use axum::{Router, routing::get};
use axum_server::tls_rustls::RustlsConfig;
use portcullis::jwt::{
    Algorithm::ES256,
    remote::{JwksUrl, RemoteKeys},
};

use crate::{jwt, jwt_support::judge, set, token, told};

#[tokio::test]
async fn over_https_the_certificate_must_be_trusted_and_for_the_host() {
    let folder = std::env::temp_dir().join(format!("portcullis-jwks-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (cert, key) = certificate(&folder, "server");
    let (other, _) = certificate(&folder, "other");
    fs::remove_dir_all(&folder).unwrap();
    let port = serve(&cert, &key).await.port();
    let url = |host: &str| format!("https://{host}:{port}/jwks");
    let trusting = |pem: &str, host: &str| {
        RemoteKeys::connect(JwksUrl::builder(url(host)).root_certificates(pem).build().unwrap())
    };

    let keys = trusting(&cert, "127.0.0.1").await.unwrap();
    assert!(judge(&jwt(keys), &token(ES256)).is_ok());
    assert!(trusting(&format!("{other}{cert}"), "127.0.0.1").await.is_ok(), "one of several");

    let of_the_system = RemoteKeys::connect(JwksUrl::new(url("127.0.0.1")).unwrap());
    for (name, error) in [
        ("the authorities of the system", of_the_system.await.unwrap_err()),
        ("another authority", trusting(&other, "127.0.0.1").await.unwrap_err()),
        ("another host", trusting(&cert, "localhost").await.unwrap_err()),
    ] {
        assert!(told(&error).contains("certificate"), "{name}: {}", told(&error));
    }
    // What speaks TLS does not answer in plain text.
    let plain = JwksUrl::new(url("127.0.0.1").replace("https", "http")).unwrap();
    assert!(RemoteKeys::connect(plain).await.is_err());
}

async fn serve(cert: &str, key: &str) -> SocketAddr {
    let tls = RustlsConfig::from_pem(cert.into(), key.into()).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router: Router = Router::new().route("/jwks", get(async || set(&[ES256])));
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    address
}

/// A certificate for 127.0.0.1 that signs itself, and its key.
fn certificate(folder: &Path, name: &str) -> (String, String) {
    let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "1", "-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (fs::read_to_string(cert).unwrap(), fs::read_to_string(key).unwrap())
}
