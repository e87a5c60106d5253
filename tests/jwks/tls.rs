//! https, by certificates that are made for the test.

use std::{fs, path::Path, process::Command};

use axum::{Router, routing::get};
use axum_server::tls_rustls::RustlsConfig;
use portcullis::{
    ConfigError,
    jwt::{
        Algorithm::ES256,
        remote::{JwksUrl, RemoteKeys},
    },
};

use crate::{PATIENCE, jwt, jwt_support::judge, set, token, told};

#[tokio::test]
async fn over_https_the_certificate_must_be_trusted_and_for_the_host() {
    let folder = std::env::temp_dir().join(format!("portcullis-jwks-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (cert, key) = certificate(&folder, "server", "127.0.0.1");
    let (other, _) = certificate(&folder, "other", "127.0.0.1");
    let (foreign, foreign_key) = certificate(&folder, "foreign", "127.0.0.2");
    fs::remove_dir_all(&folder).unwrap();
    let url = serve(&cert, &key).await;
    let foreign_url = serve(&foreign, &foreign_key).await;
    let trusting =
        |pem: &str, url: &str| connect(JwksUrl::builder(url).root_certificates(pem).build().unwrap());

    let keys = trusting(&cert, &url).await.unwrap();
    assert!(judge(&jwt(keys), &token(ES256)).is_ok());
    assert!(trusting(&format!("{other}{cert}"), &url).await.is_ok(), "one of several");

    let of_the_system = connect(JwksUrl::new(&url).unwrap());
    for (name, error) in [
        ("the authorities of the system", of_the_system.await.unwrap_err()),
        ("another authority", trusting(&other, &url).await.unwrap_err()),
        ("another host", trusting(&foreign, &foreign_url).await.unwrap_err()),
    ] {
        assert!(told(&error).contains("certificate"), "{name}: {}", told(&error));
    }
    // What speaks TLS does not answer in plain text.
    let plain = JwksUrl::new(url.replace("https", "http")).unwrap();
    assert!(connect(plain).await.is_err());
}

/// Once more where a handshake takes too long, as on a machine that is busy; but not for ever.
async fn connect(source: JwksUrl) -> Result<RemoteKeys, ConfigError> {
    let connecting = async {
        loop {
            match crate::connect(source.clone()).await {
                Err(error) if told(&error).contains("timed out") => {}
                done => return done,
            }
        }
    };
    tokio::time::timeout(PATIENCE, connecting).await.expect("a handshake comes to its end")
}

/// Serves a set on 127.0.0.1, and says where.
async fn serve(cert: &str, key: &str) -> String {
    let tls = RustlsConfig::from_pem(cert.into(), key.into()).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let router: Router = Router::new().route("/jwks", get(async || set(&[ES256])));
    let server = axum_server::from_tcp_rustls(listener, tls).unwrap();
    tokio::spawn(server.serve(router.into_make_service()));
    format!("https://{address}/jwks")
}

/// A certificate for an address that signs itself, and its key.
fn certificate(folder: &Path, name: &str, address: &str) -> (String, String) {
    let (cert, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "1", "-subj", &format!("/CN={name}")])
        .args(["-addext", &format!("subjectAltName=IP:{address}")])
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
