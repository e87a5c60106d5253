//! https, by a certificate of the operator's.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use crate::{
    ALICE, Key,
    gateway_support::{Folder, Server, command, free_port, run},
    refusal,
};

#[test]
fn with_a_certificate_https_is_served_and_plain_http_is_not() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let arguments = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Server::start(&folder, &arguments);
    let url = server.url.replace("http:", "https:");
    let trusting = ["--cacert", cert.to_str().unwrap()];
    let ask = |arguments: &[&str]| curl(&[&trusting[..], arguments].concat());

    assert_eq!(ask(&[&format!("{url}/health/live")]), "204");
    let alice = format!("{ALICE}:{}", server.demo("alice@example.org  password"));
    assert_eq!(ask(&["-u", &alice, &format!("{url}/3rdparty/v1/messages")]), "200");
    // What is signed begins with https.
    let key = Key::of_demo(&server);
    let ping = format!("{url}/s3p/v2/ping");
    assert_eq!(ask(&["-H", &key.ping(&url), &ping]), "200");
    assert_eq!(ask(&["-H", &key.ping(&server.url), &ping]), "401");
    assert!(server.greeting().contains(&format!("curl -i {url}/")), "{}", server.greeting());
    let log = server.log_so_far();
    assert!(log.contains(&format!("listening on {url}")), "{log}");

    assert_eq!(curl(&[&format!("{}/health/live", server.url)]), "000", "plain http");
    assert_eq!(curl(&[&format!("{url}/health/live")]), "000", "a certificate that is not trusted");
}

#[test]
fn https_for_others_needs_no_more_than_a_public_url() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let port = free_port();
    let url = format!("https://127.0.0.1:{port}");
    let mut command = command();
    command
        .args(["--listen", &format!("0.0.0.0:{port}"), "--public-url", &url])
        .env("GATEWAY_DATABASE", format!("sqlite:{}", folder.path("gateway.db").display()))
        .env("GATEWAY_TLS_CERT", &cert)
        .env("GATEWAY_TLS_KEY", &key);
    let server = Server::launch(&folder, port, &mut command);
    assert_eq!(server.greeting(), "", "nobody has asked for demo accounts");
    let asked = ["--cacert", cert.to_str().unwrap(), &format!("{url}/health/live")];
    assert_eq!(curl(&asked), "204");
}

#[test]
fn a_file_that_is_missing_or_is_something_else_is_refused() {
    let folder = Folder::new();
    let (cert, key) = certificate(&folder, "server");
    let (_, of_another) = certificate(&folder, "another");
    let text = folder.path("text.pem");
    fs::write(&text, "no key").unwrap();
    let missing = folder.path("missing.pem");
    let try_with = |cert: &PathBuf, key: &PathBuf| {
        let files = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        let told = refusal(&run(&folder, &files));
        assert!(told.contains("cannot use the certificate or its key: "), "{told}");
        told
    };
    for told in [try_with(&cert, &missing), try_with(&missing, &key)] {
        assert!(told.contains(missing.to_str().unwrap()) && told.contains("No such file"), "{told}");
    }
    for told in [
        try_with(&cert, &text),
        try_with(&text, &key),
        try_with(&key, &cert),
        try_with(&cert, &of_another),
    ] {
        assert!(told.contains("key") && !told.contains("panicked"), "{told}");
    }
}

#[test]
fn one_file_needs_the_other() {
    let folder = Folder::new();
    for (given, wanted) in [("--tls-cert", "--tls-key"), ("--tls-key", "--tls-cert")] {
        let output = run(&folder, &[given, "file.pem"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(wanted), "{told}");
    }
}

/// A certificate for 127.0.0.1 that signs itself, and its key.
fn certificate(folder: &Folder, name: &str) -> (PathBuf, PathBuf) {
    let (cert, key) = (folder.path(&format!("{name}.pem")), folder.path(&format!("{name}.key")));
    let made: Output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "1", "-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-out")
        .arg(&cert)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (cert, key)
}

/// The status that curl has got; `000` for none.
fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--noproxy", "*", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
