//! The demo accounts: when there are some, and what is printed about them.

use std::process::Command;

use serde_json::Value;

use crate::{
    ALICE, add_carol, count_users,
    gateway_support::{Folder, Server, command, free_port, run},
    printed, refusal, said, smsgate,
};

#[tokio::test]
async fn the_accounts_are_made_and_printed_on_the_first_start_only() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = server.alice();
    assert!(server.greeting().starts_with("Demo accounts, shown once"), "{}", server.greeting());
    assert_eq!(smsgate(&server, &alice).await, 200);
    server.stop();

    let server = Server::start(&folder, &[]);
    assert_eq!(server.greeting(), "");
    assert_eq!(smsgate(&server, &alice).await, 200);
    assert_eq!(count_users(&folder).await, 2);
}

#[test]
fn each_database_has_secrets_of_its_own() {
    let folders = [Folder::new(), Folder::new()];
    let [first, second] = folders.each_ref().map(|folder| Server::start(folder, &[]));
    for words in
        ["alice@example.org  password", "bob@example.org    password", "user token", "  secret"]
    {
        assert_ne!(first.demo(words), second.demo(words));
    }
    assert_ne!(first.alice(), first.bob());
}

#[tokio::test]
async fn there_are_none_if_the_operator_has_added_a_user_before() {
    let folder = Folder::new();
    let carol = add_carol(&folder);
    let server = Server::start(&folder, &["--demo"]);
    assert_eq!(server.greeting(), "");
    assert_eq!(smsgate(&server, &carol).await, 200);
    assert_eq!(count_users(&folder).await, 1);
}

#[tokio::test]
async fn there_are_none_where_others_can_reach_the_server() {
    let folder = Folder::new();
    let server = for_others(&folder, &[]);
    assert_eq!(server.greeting(), "");
    assert_eq!(count_users(&folder).await, 0);
    assert_eq!(server.get("/health/ready", &[]).await.status, 204);
}

#[tokio::test]
async fn there_are_some_where_others_can_reach_the_server_if_they_are_asked_for() {
    let folder = Folder::new();
    let server = for_others(&folder, &["--demo"]);
    assert_eq!(count_users(&folder).await, 2);
    assert_eq!(smsgate(&server, &server.alice()).await, 200);
    let pasted = format!("curl -X POST {}/3rdparty/v1/auth/token ", server.url);
    assert!(server.greeting().contains(&pasted), "{}", server.greeting());
}

#[test]
fn a_start_that_fails_makes_none_so_that_the_next_one_prints_them() {
    let folder = Folder::new();
    let other = Folder::new();
    let listening = Server::start(&other, &[]);
    let address = format!("127.0.0.1:{}", listening.port());
    refusal(&run(&folder, &["--listen", &address]));
    let (cert, key) = (folder.path("no.pem"), folder.path("no.key"));
    let tls = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    refusal(&run(&folder, &tls));
    let server = Server::start(&folder, &[]);
    assert!(server.greeting().contains(ALICE));
}

#[test]
fn the_two_smsgate_lines_work_when_they_are_pasted() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let greeting = server.greeting();
    let lines: Vec<&str> = greeting.lines().filter(|line| line.contains("/3rdparty/")).collect();
    let [for_token, for_message] = lines[..] else { panic!("{greeting}") };
    let answer: Value = serde_json::from_str(&paste(for_token)).unwrap();
    let sent = paste(&for_message.replace("<access_token>", answer["access_token"].as_str().unwrap()));
    assert!(sent.starts_with("HTTP/1.1 202 ") && sent.contains("\"state\":"), "{sent}");

    let refused = paste(for_message);
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
}

#[test]
fn a_subcommand_makes_none() {
    let folder = Folder::new();
    assert_eq!(said(&run(&folder, &["s3p-key", "list"])), "");
    let added = run(&folder, &["user", "add", ALICE]);
    assert_eq!(printed(&added, "password (shown once): ").len(), 32);
}

fn paste(line: &str) -> String {
    let pasted = Command::new("bash").args(["-c", line]).output().unwrap();
    said(&pasted)
}

/// A server on all addresses of the machine.
fn for_others(folder: &Folder, arguments: &[&str]) -> Server {
    let port = free_port();
    let database = format!("sqlite:{}", folder.path("gateway.db").display());
    let mut command = command();
    command
        .args(["--listen", &format!("0.0.0.0:{port}"), "--database", &database, "--insecure-http"])
        .args(["--public-url", &format!("http://127.0.0.1:{port}")])
        .args(arguments);
    Server::launch(folder, port, &mut command)
}
