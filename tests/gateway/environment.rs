//! What the flags are, variables are, too.

use std::process::Command;

use crate::{
    Key, ask_for_jwt, count_users,
    gateway_support::{Folder, Server, command, free_port},
    printed,
};

#[tokio::test]
async fn variables_say_what_flags_say() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = program_on(&folder);
    command
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
        .env("GATEWAY_PUBLIC_URL", "https://pay.example.org")
        .env("GATEWAY_ERROR_DETAILS", "true")
        .env("GATEWAY_NO_TOKENS", "1")
        .env("GATEWAY_S3P_HTTP_400", "true");
    let server = Server::launch(&folder, port, &mut command);
    assert_eq!(count_users(&folder).await, 2);
    let (key, alice) = (Key::of_demo(&server), format!("authorization: {}", server.alice()));
    let outside = key.ping("https://pay.example.org");
    assert_eq!(server.get("/s3p/v2/ping", &[&outside]).await.status, 200);
    let inside = server.get("/s3p/v2/ping", &[&key.ping(&server.url)]).await;
    assert_eq!(inside.status, 400);
    assert!(inside.body.contains("s3p."), "the reason is told: {inside:?}");
    let refused = server.get("/3rdparty/v1/messages", &[]).await;
    assert!(refused.json()["reason"].is_string(), "the reason is told: {refused:?}");
    let headers = [&*alice, "content-type: application/json"];
    let body = "{\"scopes\": [\"messages:list\"]}";
    assert_eq!(server.send("POST", "/3rdparty/v1/auth/token", &headers, body).await.status, 501);
}

#[tokio::test]
async fn a_variable_switches_the_twins_in_camel_case_off() {
    for (value, has_twins) in [("true", false), ("false", true)] {
        let folder = Folder::new();
        let port = free_port();
        let mut command = program_on(&folder);
        command.env("GATEWAY_LISTEN", format!("127.0.0.1:{port}")).env("GATEWAY_NO_CAMEL_CASE", value);
        let server = Server::launch(&folder, port, &mut command);
        let answer = ask_for_jwt(&server, &server.alice(), "messages:list").await;
        assert_eq!(answer.json()["accessToken"].is_string(), has_twins, "{answer:?}");
    }
}

#[tokio::test]
async fn no_reason_is_told_unless_it_is_asked_for() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = program_on(&folder);
    command.env("GATEWAY_LISTEN", format!("127.0.0.1:{port}")).env("GATEWAY_ERROR_DETAILS", "false");
    let server = Server::launch(&folder, port, &mut command);
    let refused = server.get("/3rdparty/v1/messages", &[]).await;
    assert_eq!(refused.body, "{\"message\":\"Unauthorized\"}");
}

#[tokio::test]
async fn variables_open_the_server_to_others() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = program_on(&folder);
    command
        .env("GATEWAY_LISTEN", format!("0.0.0.0:{port}"))
        .env("GATEWAY_PUBLIC_URL", format!("http://127.0.0.1:{port}"))
        .env("GATEWAY_INSECURE_HTTP", "true")
        .env("GATEWAY_DEMO", "true");
    let server = Server::launch(&folder, port, &mut command);
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    assert_eq!(count_users(&folder).await, 2);
}

#[tokio::test]
async fn a_flag_says_it_louder_than_a_variable() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = program_on(&folder);
    command
        .env("GATEWAY_LISTEN", "192.0.2.1:1")
        .env("GATEWAY_PUBLIC_URL", "nonsense")
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--public-url", "https://pay.example.org"]);
    let server = Server::launch(&folder, port, &mut command);
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
}

#[test]
fn subcommands_work_on_the_database_of_the_variable() {
    let folder = Folder::new();
    let added = program_on(&folder).args(["user", "add", "carol@example.org"]).output().unwrap();
    assert_eq!(printed(&added, "password (shown once): ").len(), 32);
    assert!(folder.path("gateway.db").exists() && folder.path("gateway.keys").exists());
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_refused() {
    let folder = Folder::new();
    for name in ["ERROR_DETAILS", "INSECURE_HTTP", "DEMO", "NO_TOKENS", "NO_CAMEL_CASE", "S3P_HTTP_400"]
    {
        let output = program_on(&folder).env(format!("GATEWAY_{name}"), "perhaps").output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        let flag = name.to_lowercase().replace('_', "-");
        assert!(told.contains(&format!("invalid value 'perhaps' for '--{flag}'")), "{told}");
    }
}

/// The program, on a database that a variable names.
fn program_on(folder: &Folder) -> Command {
    let mut command = command();
    command.env("GATEWAY_DATABASE", format!("sqlite:{}", folder.path("gateway.db").display()));
    command
}
