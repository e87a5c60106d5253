//! Whether the server lives, and whether it is ready.

use crate::gateway_support::{Folder, Server, until};

const SMSGATE: [&str; 6] = [
    "/3rdparty/v1/health",
    "/3rdparty/v1/health/ready",
    "/3rdparty/v1/health/startup",
    "/api/3rdparty/v1/health",
    "/api/3rdparty/v1/health/ready",
    "/api/3rdparty/v1/health/startup",
];

#[tokio::test]
async fn it_answers_when_it_is_ready_and_stops_when_it_is_told() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    until("it is ready", async || server.get("/health/ready", &[]).await.status == 204).await;
    for path in SMSGATE {
        until(path, async || {
            let reply = server.get(path, &[]).await;
            reply.status == 200 && reply.json()["status"] == "pass"
        })
        .await;
    }
    server.stop();
}

#[tokio::test]
async fn it_lives_and_is_not_ready_while_the_database_takes_no_writes() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let mut other = folder.database().await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let (ready, smsgate) =
        tokio::join!(server.get("/health/ready", &[]), server.get("/3rdparty/v1/health/ready", &[]));
    assert_eq!((ready.status.as_u16(), &*ready.body), (503, "not ready: database\n"));
    assert_eq!((smsgate.status.as_u16(), &smsgate.json()["status"]), (503, &"fail".into()));
    assert_eq!(smsgate.json()["checks"]["db:ping"]["status"], "fail");
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    let live = server.get("/3rdparty/v1/health/live", &[]).await;
    assert_eq!((live.status.as_u16(), &live.json()["status"]), (200, &"pass".into()));

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    until("it is ready", async || server.get("/health/ready", &[]).await.status == 204).await;
    let smsgate = async || server.get("/3rdparty/v1/health/ready", &[]).await.status == 200;
    until("its SMSGate is ready", smsgate).await;
}

#[tokio::test]
async fn health_checks_do_not_keep_requests_from_reading_while_the_database_takes_no_writes() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = format!("authorization: {}", server.alice());
    let mut other = folder.database().await;
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let checks = (0..8).map(|_| server.get("/health/ready", &[]));
    let headers = [&*alice];
    let (checks, read) = tokio::join!(
        futures_util::future::join_all(checks),
        server.get("/3rdparty/v1/messages", &headers)
    );
    assert!(checks.iter().all(|reply| reply.status == 503), "{checks:?}");
    assert_eq!(read.status, 200);
}
