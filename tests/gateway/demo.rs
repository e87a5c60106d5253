//! The demo accounts: when there are some, and what is printed about them.

use std::{fs, io};

use regex::Regex;

use crate::{
    ALICE, Key, add_carol, count_users,
    gateway_support::{Folder, Server, command, free_port, paste, run},
    printed, refusal, s3p, said, smp, smsgate,
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
    // Who has lost what was printed is told the way back.
    let program = command().get_program().to_str().unwrap().to_owned();
    let log = server.log_so_far();
    assert!(log.contains(&format!("{program} user passwd NAME")), "{log}");
}

#[tokio::test]
async fn accounts_that_cannot_be_printed_are_not_made_and_the_next_start_makes_others() {
    let folder = Folder::new();
    let (reader, closed) = io::pipe().unwrap();
    drop(reader);
    let database_url = format!("sqlite:{}", folder.path("gateway.db").display());
    let listen = format!("127.0.0.1:{}", free_port());
    let mut first = command();
    first.args(["--database", &database_url, "--listen", &listen]).stdout(closed);
    let told = String::from_utf8(first.output().unwrap().stderr).unwrap();
    assert!(told.contains(" ERROR cannot print to standard output: "), "{told}");
    assert_eq!(count_users(&folder).await, 0);

    let server = Server::start(&folder, &[]);
    let key = Key::of_demo(&server);
    assert_eq!((smsgate(&server, &server.alice()).await, s3p(&server, &key).await), (200, 200));
    assert_eq!(smp(&server, &server.user_token()).await, 200);
    let mut database = folder.database().await;
    let mut count = async |table| {
        let count = format!("SELECT count(*) FROM {table}");
        let count = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(count));
        count.fetch_one(&mut database).await.unwrap()
    };
    let tables = ["portcullis_users", "portcullis_user_tokens", "portcullis_access_keys"];
    let mut kept = Vec::new();
    for table in tables {
        kept.push(count(table).await);
    }
    assert_eq!(kept, [2, 1, 1], "nothing is left of the first start");
}

/// But for what is random, and the address.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, shown) = readme.split_once("```text\nDemo accounts").unwrap();
    let (shown, _) = shown.split_once("```\n").unwrap();
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let greeting = server.greeting();
    let printed = greeting.strip_prefix("Demo accounts").unwrap();
    let plain = |text: &str| {
        let text = Regex::new("[0-9a-f]{32,}").unwrap().replace_all(text, "SECRET").into_owned();
        Regex::new("127.0.0.1(:|%3A)[0-9]+").unwrap().replace_all(&text, "ADDRESS").into_owned()
    };
    assert_eq!(plain(printed), plain(shown));
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
    assert_eq!(server.get("/health/live", &[]).await.status, 204);
    // Nor is anybody left to guess how to begin.
    let program = command().get_program().to_str().unwrap().to_owned();
    let told = format!("{program} user add NAME");
    assert!(server.log_so_far().contains(&told), "{}", server.log_so_far());
    server.stop();
    add_carol(&folder);
    assert!(!for_others(&folder, &[]).log_so_far().contains(&told));
}

#[tokio::test]
async fn there_are_some_where_others_can_reach_the_server_if_they_are_asked_for() {
    let folder = Folder::new();
    let server = for_others(&folder, &["--demo"]);
    assert_eq!(count_users(&folder).await, 2);
    assert_eq!(smsgate(&server, &server.alice()).await, 200);
    let pasted = format!("curl -i -X POST {}/3rdparty/v1/messages ", server.url);
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
fn the_smsgate_lines_work_when_they_are_pasted_as_they_are() {
    for arguments in [&[][..], &["--no-camel-case"]] {
        let folder = Folder::new();
        let server = Server::start(&folder, arguments);
        let greeting = server.greeting();
        let (_, lines) = greeting.split_once("SMSGate: ").unwrap();
        let (_, lines) = lines.split_once("\n\n").unwrap();
        let (lines, _) = lines.split_once("\n\nS3P: ").unwrap();
        let sent = paste(lines);
        assert!(sent.starts_with("HTTP/1.1 202 ") && sent.contains("\"state\":"), "{sent}");

        let without_a_token = lines.lines().last().unwrap();
        let refused = paste(without_a_token);
        assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
    }
}

/// The whole session, as it is printed.
#[test]
fn all_lines_work_when_they_are_pasted_at_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let greeting = server.greeting();
    let (_, session) = greeting.split_once("SMP: ").unwrap();
    let lines: Vec<&str> = session.lines().filter(|line| line.starts_with("  ")).collect();
    let answers = paste(&lines.join("\n"));
    // A body without a line break at its end stands before the next answer.
    let statuses = answers.split("HTTP/1.1 ").skip(1);
    let statuses: Vec<&str> = statuses.map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "200", "403", "202", "200"], "{answers}");
    assert!(greeting.contains(&format!("Signatures cover exactly {} (", server.url)), "{greeting}");
}

#[test]
fn a_subcommand_makes_none() {
    let folder = Folder::new();
    let added = run(&folder, &["user", "add", ALICE]);
    assert_eq!(printed(&added, "password (shown once): ").len(), 32);
    assert_eq!(said(&run(&folder, &["s3p-key", "list"])), "");
    assert_eq!(said(&run(&folder, &["user", "list"])).lines().count(), 1);
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
