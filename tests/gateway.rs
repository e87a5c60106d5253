//! The example server as an operator meets it: accounts, flags, restart, health, log.

mod gateway_support;

use gateway_support::{Folder, Server, run};

#[tokio::test]
async fn it_answers_when_it_is_ready_and_stops_when_it_is_told() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    assert_eq!(server.get("/health/ready", &[]).await.status, 204);
    server.stop();
}

#[test]
fn plain_http_for_others_is_refused_unless_it_is_asked_for() {
    let folder = Folder::new();
    let refused = run(&folder, &["--listen", "0.0.0.0:0"]);
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("--tls-cert") && said.contains("--insecure-http"), "{said}");
}
