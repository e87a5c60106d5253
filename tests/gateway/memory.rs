//! A database in memory: everything works, and nothing stays.

use std::fs;

use serde_json::json;

use crate::{
    GROUP, GROUP_XML, Key, ask_for_jwt,
    gateway_support::{Folder, Server, command, free_port, until},
    refusal, s3p, smp, smsgate,
};

const MEMORY: &str = "sqlite::memory:";

#[tokio::test]
async fn all_three_systems_are_served_from_memory() {
    let folder = Folder::new();
    let server = Server::start_with(&folder, free_port(), MEMORY, &[]);
    let (alice, bob) = (server.alice(), server.bob());
    until("it is ready", async || server.get("/health/ready", &[]).await.status == 204).await;

    let writes = [
        smp(&server, &server.user_token()).await,
        smp(&server, &alice).await,
        smp(&server, &bob).await,
        smp(&server, "Bearer pct_unknown").await,
    ];
    assert_eq!(writes, [200, 200, 403, 401]);
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
    let headers = [&*format!("authorization: {alice}")];
    assert_eq!(server.send("DELETE", GROUP, &headers, "").await.status, 200);

    let pair = ask_for_jwt(&server, &alice, "messages:list").await.json();
    let [access, refresh] = ["access_token", "refresh_token"]
        .map(|name| format!("Bearer {}", pair[name].as_str().unwrap()));
    assert_eq!(smsgate(&server, &access).await, 200);
    let refresh = format!("authorization: {refresh}");
    let again = async || {
        let reply = server.send("POST", "/3rdparty/v1/auth/token/refresh", &[&refresh], "").await;
        reply.status.as_u16()
    };
    assert_eq!((again().await, again().await), (201, 401));
    assert_eq!(
        smsgate(&server, &access).await,
        401,
        "a refresh token that comes twice ends its family"
    );
    let headers = [&*format!("authorization: {alice}"), "content-type: application/json"];
    let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "Hello"}});
    let sent = server.send("POST", "/3rdparty/v1/messages", &headers, message.to_string()).await;
    assert_eq!(sent.status, 202, "{sent:?}");

    let key = Key::of_demo(&server);
    let signed = key.ping(&server.url);
    assert_eq!(server.get("/s3p/v2/ping", &[&signed]).await.status, 200);
    assert_eq!(server.get("/s3p/v2/ping", &[&signed]).await.status, 401, "a replay");
    assert_eq!(s3p(&server, &key).await, 200);
    server.stop();
}

#[tokio::test]
async fn many_requests_at_once_share_the_one_connection() {
    let folder = Folder::new();
    let server = Server::start_with(&folder, free_port(), MEMORY, &[]);
    let (alice, token, key) = (server.alice(), server.user_token(), Key::of_demo(&server));
    let pair = ask_for_jwt(&server, &alice, "messages:list").await.json();
    let jwt = format!("Bearer {}", pair["access_token"].as_str().unwrap());
    until("a round in which nobody waits too long", async || {
        let calls = (0..16).map(async |_| {
            let ready = async { server.get("/health/ready", &[]).await.status.as_u16() };
            tokio::join!(smsgate(&server, &jwt), smp(&server, &token), s3p(&server, &key), ready)
        });
        // Whether it is ready is waited for two seconds, whatever the operator says.
        futures_util::future::join_all(calls).await.iter().all(|(smsgate, smp, s3p, ready)| {
            assert_eq!([smsgate, smp, s3p], [&200; 3]);
            *ready == 204
        })
    })
    .await;
}

#[tokio::test]
async fn nothing_is_left_of_it_and_no_file_is_made() {
    let folder = Folder::new();
    let nowhere = folder.path("empty");
    fs::create_dir(&nowhere).unwrap();
    let start = || {
        let port = free_port();
        let mut command = command();
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--database", MEMORY]);
        Server::launch(&folder, port, command.current_dir(&nowhere))
    };
    let server = start();
    let alice = server.alice();
    assert_eq!(smp(&server, &alice).await, 200);
    server.stop();
    let server = start();
    assert_eq!(smp(&server, &alice).await, 401);
    assert_eq!(server.get(GROUP, &[]).await.status, 404);
    assert_eq!(smp(&server, &server.alice()).await, 200);
    assert_eq!(fs::read_dir(nowhere).unwrap().count(), 0);
}

#[test]
fn accounts_in_memory_cannot_be_managed_from_outside() {
    for arguments in [&["user", "add", "carol@example.org"][..], &["s3p-key", "list"]] {
        let output = command().args(["--database", MEMORY]).args(arguments).output();
        let told = refusal(&output.unwrap());
        assert!(told.contains("a database in memory is gone when the command ends"), "{told}");
    }
}
