//! Keys, flags and files, as the operator meets them; and clients that are not Rust.

use std::{fs, process::Command};

use super::{
    caller::{AIRTIME, Caller, order, printed, verdict},
    gateway_support::{Folder, Server, paste, run},
};

#[tokio::test]
async fn the_printed_lines_work_when_they_are_pasted_and_their_replay_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let greeting = server.greeting();
    let (_, lines) = greeting.split_once("S3P: ").unwrap();
    let (_, lines) = lines.split_once("\n\n").unwrap();
    let last = lines.trim_end().lines().last().unwrap();
    assert!(last.trim_start().starts_with("curl -i "), "{lines}");
    let said = paste(&format!("{lines}\n{last}\n"));
    let (first, second) = said.split_at(said.rfind("HTTP/1.1 ").unwrap());
    assert!(first.starts_with("HTTP/1.1 200 ") && first.contains("\"nonce\""), "{said}");
    assert!(second.starts_with("HTTP/1.1 401 ") && second.contains("\"respCode\":4009"), "{said}");
}

#[tokio::test]
async fn a_client_written_from_the_page_alone_passes() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let client = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/s3p_client.py");
    let ran = Command::new("python3")
        .arg(client)
        .env("GATEWAY_URL", &server.url)
        .env("S3P_TOKEN", &alice.token)
        .env("S3P_SECRET", &alice.secret)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.ends_with(" passed, 0 failed\n"), "{said}");
    assert_eq!(alice.paid(&server).await.len(), 2);
}

#[tokio::test]
async fn a_disabled_user_is_refused_from_the_next_request_on() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::alice(&server), Caller::bob(&server, &folder));
    assert_eq!(bob.get(&server, "/ping").await.status, 200);
    assert!(run(&folder, &["user", "disable", "bob@example.org"]).status.success());
    assert_eq!(verdict(&bob.get(&server, "/ping").await), (401, 4009));
    assert_eq!(alice.get(&server, "/ping").await.status, 200);
}

#[tokio::test]
async fn while_clients_change_over_a_key_may_have_two_secrets() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = Caller::alice(&server);
    let rotate = |overlap: &str| {
        let rotated = run(&folder, &["s3p-key", "rotate", &old.token, "--overlap", overlap]);
        Caller { secret: printed(&rotated, "secret (shown once): "), ..Caller::alice(&server) }
    };
    let new = rotate("86400");
    assert_ne!(new.secret, old.secret);
    for caller in [&old, &new] {
        assert_eq!(caller.get(&server, "/ping").await.status, 200);
    }
    let newest = rotate("0");
    for caller in [&old, &new] {
        assert_eq!(verdict(&caller.get(&server, "/ping").await), (401, 4009));
    }
    assert_eq!(newest.get(&server, "/ping").await.status, 200);
}

#[tokio::test]
async fn a_rotated_key_has_one_secret_the_new_one() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::alice(&server);
    let quote = alice.quote(&server, AIRTIME, 1000).await;
    let rotated = run(&folder, &["s3p-key", "rotate", &alice.token]);
    let secret = printed(&rotated, "secret (shown once): ");
    let rotated = Caller { secret, ..alice.clone() };
    assert_eq!(verdict(&alice.get(&server, "/ping").await), (401, 4009));
    assert_eq!(rotated.post(&server, "/collectstd", &order(&quote)).await.status, 200);

    let listed = String::from_utf8(run(&folder, &["s3p-key", "list"]).stdout).unwrap();
    assert!(listed.contains(&alice.token) && listed.contains("alice@example.org"), "{listed}");
    assert!(!listed.contains(&alice.secret) && !listed.contains(&rotated.secret), "{listed}");
}

#[tokio::test]
async fn behind_a_proxy_clients_sign_the_public_url() {
    let folder = Folder::new();
    let public = "https://pay.example.org/gateway";
    let server = Server::start(&folder, &["--public-url", public]);
    let inside = Caller::alice(&server);
    let outside = Caller { url: public.into(), ..inside.clone() };
    assert_eq!(outside.get(&server, "/ping").await.status, 200);
    assert_eq!(verdict(&inside.get(&server, "/ping").await), (401, 4009));
}

#[tokio::test]
async fn no_secret_is_in_the_database_file_or_in_the_log() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let alice = Caller::alice(&server);
    let rotated = run(&folder, &["s3p-key", "rotate", &alice.token]);
    let rotated = Caller { secret: printed(&rotated, "secret (shown once): "), ..alice.clone() };
    let quote = rotated.quote(&server, AIRTIME, 1000).await;
    assert_eq!(rotated.post(&server, "/collectstd", &order(&quote)).await.status, 200);
    assert_eq!(alice.get(&server, "/ping").await.status, 401);
    for authorization in [server.alice(), server.bob(), server.user_token()] {
        let authorization = format!("authorization: {authorization}");
        server.get("/s3p/v2/ping", &[&authorization]).await;
        server.get("/3rdparty/v1/messages", &[&authorization]).await;
        server.get("/smp-status/", &[&authorization]).await;
    }

    let mut files = Vec::new();
    for name in ["gateway.db", "gateway.db-wal"] {
        files.extend(fs::read(folder.path(name)).unwrap());
    }
    let log = server.log().await;
    let holds = |text: &str| files.windows(text.len()).any(|bytes| bytes == text.as_bytes());
    assert!(holds(&alice.token) && log.contains("/s3p/v2/quotestd"), "what is no secret can be found");
    for secret in [
        &alice.secret,
        &rotated.secret,
        &server.demo("alice@example.org  password"),
        &server.demo("bob@example.org    password"),
        &server.demo("user token"),
    ] {
        assert!(!holds(secret), "a secret is in the database");
        assert!(!log.contains(secret.as_str()), "a secret is in the log");
    }
}
