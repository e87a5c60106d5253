//! `user add`, `user list`, `user disable` and `user enable`, beside a running server.

use crate::{
    ALICE, CAROL, Key, add_carol, ask_for_jwt, count_users,
    gateway_support::{Folder, Server, basic, run},
    printed, refusal, s3p, said, smp, smsgate,
};

#[tokio::test]
async fn an_added_user_signs_in_at_once_by_the_password_that_is_printed_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let added = run(&folder, &["user", "add", CAROL]);
    let password = printed(&added, "password (shown once): ");
    assert_eq!(said(&added), format!("password (shown once): {password}\n"));
    assert!(password.len() == 32 && password.chars().all(|c| c.is_ascii_hexdigit()), "{password}");

    let carol = basic(CAROL, &password);
    assert_eq!(smsgate(&server, &carol).await, 200);
    assert_eq!(smp(&server, &carol).await, 200);
    let authorization = format!("authorization: {carol}");
    let devices = server.get("/3rdparty/v1/devices", &[&authorization]).await;
    assert_eq!(devices.json().as_array().map(Vec::len), Some(1), "a phone comes along: {devices:?}");
}

#[tokio::test]
async fn a_user_may_do_on_smsgate_what_the_scopes_say_and_no_more() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let scopes = ["--scope", "messages:list", "--scope", "tokens:manage"];
    let added = run(&folder, &[&["user", "add", CAROL][..], &scopes].concat());
    let carol = basic(CAROL, &printed(&added, "password (shown once): "));
    assert_eq!(smsgate(&server, &carol).await, 200);
    let authorization = format!("authorization: {carol}");
    assert_eq!(server.get("/3rdparty/v1/devices", &[&authorization]).await.status, 403);
    assert_eq!(ask_for_jwt(&server, &carol, "messages:list").await.status, 201);
    assert_eq!(ask_for_jwt(&server, &carol, "messages:send").await.status, 403);
}

#[tokio::test]
async fn a_user_who_is_there_already_keeps_the_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let told = refusal(&run(&folder, &["user", "add", ALICE]));
    assert!(told.contains("there is a user \"alice@example.org\" already"), "{told}");
    assert_eq!(smsgate(&server, &server.alice()).await, 200);
    assert_eq!(count_users(&folder).await, 2);
}

#[tokio::test]
async fn a_user_who_could_never_sign_in_is_not_added() {
    let folder = Folder::new();
    for (arguments, reason) in [
        (&["a:b"][..], "colon"),
        (&["a\nb"], "control character"),
        (&[""], "may not be empty"),
        (&["a\u{10FFFF}"], "U+10FFFF"),
        (&[&"a".repeat(1_025)], "1,024 bytes"),
        (&[CAROL, "--scope", "all:\"any\""], "a scope is visible ASCII"),
    ] {
        let told = refusal(&run(&folder, &[&["user", "add"], arguments].concat()));
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
    assert_eq!(count_users(&folder).await, 0);
}

#[tokio::test]
async fn a_disabled_user_is_refused_from_the_next_request_on_whatever_is_shown() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob, token) = (server.alice(), server.bob(), server.user_token());
    let key = Key::of_demo(&server);
    let jwt = ask_for_jwt(&server, &alice, "messages:list").await.json();
    let jwt = format!("Bearer {}", jwt["access_token"].as_str().unwrap());
    let verdicts = async || {
        [
            smsgate(&server, &alice).await,
            smsgate(&server, &jwt).await,
            smp(&server, &alice).await,
            smp(&server, &token).await,
            s3p(&server, &key).await,
            smsgate(&server, &bob).await,
        ]
    };
    assert_eq!(verdicts().await, [200; 6]);
    assert_eq!(said(&run(&folder, &["user", "disable", ALICE])), "");
    assert_eq!(verdicts().await, [401, 401, 401, 401, 401, 200]);
    assert_eq!(ask_for_jwt(&server, &alice, "messages:list").await.status, 401);
}

#[tokio::test]
async fn an_enabled_user_is_let_in_again_with_all_that_was_shown() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, token, key) = (server.alice(), server.user_token(), Key::of_demo(&server));
    assert_eq!(said(&run(&folder, &["user", "disable", ALICE])), "");
    assert_eq!(smsgate(&server, &alice).await, 401);
    let list = said(&run(&folder, &["user", "list"]));
    let lines = "alice@example.org  disabled  all:any\nbob@example.org  active    all:any\n";
    assert_eq!(list, lines);
    assert_eq!(said(&run(&folder, &["user", "enable", ALICE])), "");
    let verdicts =
        [smsgate(&server, &alice).await, smp(&server, &token).await, s3p(&server, &key).await];
    assert_eq!(verdicts, [200; 3]);
}

#[tokio::test]
async fn what_a_disabled_user_is_given_does_not_let_them_in() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    add_carol(&folder);
    assert_eq!(said(&run(&folder, &["user", "disable", CAROL])), "");
    let password = printed(&run(&folder, &["user", "passwd", CAROL]), "password (shown once): ");
    let token = printed(&run(&folder, &["token", "create", CAROL, "laptop"]), "token (shown once): ");
    let made = run(&folder, &["s3p-key", "add", CAROL]);
    let key = Key {
        token: printed(&made, "access token: "),
        secret: printed(&made, "secret (shown once): "),
    };
    assert_eq!(smsgate(&server, &basic(CAROL, &password)).await, 401);
    assert_eq!(smp(&server, &format!("Bearer {token}")).await, 401);
    assert_eq!(s3p(&server, &key).await, 401);
}

#[test]
fn who_is_not_there_is_named() {
    let folder = Folder::new();
    said(&run(&folder, &["user", "add", ALICE]));
    for arguments in [
        &["user", "disable", CAROL][..],
        &["user", "enable", CAROL],
        &["user", "passwd", CAROL],
        &["token", "create", CAROL, "laptop"],
        &["token", "list", CAROL],
        &["s3p-key", "add", CAROL],
    ] {
        let told = refusal(&run(&folder, arguments));
        assert!(told.contains("there is no user \"carol@example.org\""), "{arguments:?}: {told}");
    }
}
