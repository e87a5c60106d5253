//! `user passwd`, and passwords that the operator chooses.

use crate::{
    ALICE, CAROL, Key, ask_for_jwt, count_users,
    gateway_support::{Folder, Server, basic, run, run_with_input},
    printed, refusal, s3p, said, smp, smsgate,
};

#[tokio::test]
async fn a_new_password_is_printed_once_and_the_old_one_is_refused_at_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = server.alice();
    assert_eq!(smsgate(&server, &old).await, 200);
    let changed = run(&folder, &["user", "passwd", ALICE]);
    let password = printed(&changed, "password (shown once): ");
    assert_eq!(said(&changed), format!("password (shown once): {password}\n"));
    assert_eq!(smsgate(&server, &old).await, 401);
    assert_eq!(smsgate(&server, &basic(ALICE, &password)).await, 200);
}

#[tokio::test]
async fn a_new_password_ends_the_users_jwts_and_nobody_elses() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (token, key) = (server.user_token(), Key::of_demo(&server));
    let jwt = async |who: String, kind: &str| {
        let pair = ask_for_jwt(&server, &who, "messages:list").await.json();
        format!("Bearer {}", pair[kind].as_str().unwrap())
    };
    let of_alice = jwt(server.alice(), "access_token").await;
    let of_bob = jwt(server.bob(), "access_token").await;
    let refresh = format!("authorization: {}", jwt(server.alice(), "refresh_token").await);
    said(&run(&folder, &["user", "passwd", ALICE]));
    assert_eq!(smsgate(&server, &of_alice).await, 401);
    assert_eq!(smsgate(&server, &of_bob).await, 200);
    let refreshed = server.send("POST", "/3rdparty/v1/auth/token/refresh", &[&refresh], "").await;
    assert_eq!(refreshed.status, 401);
    // Made for machines: they are revoked by themselves.
    assert_eq!((smp(&server, &token).await, s3p(&server, &key).await), (200, 200));
}

#[tokio::test]
async fn a_password_is_read_from_standard_input_without_its_line_end_and_is_not_printed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let add = ["user", "add", CAROL, "--password-stdin"];
    let passwd = ["user", "passwd", CAROL, "--password-stdin"];
    for (command, input, password) in [
        (add, "correct horse\n", "correct horse"),
        (passwd, "battery staple\r\n", "battery staple"),
        (passwd, " pass phrase ", " pass phrase "),
        (passwd, "gr\u{fc}\u{df}e", "gr\u{fc}\u{df}e"),
    ] {
        let output = run_with_input(&folder, &command, input);
        assert_eq!(said(&output), "");
        assert!(output.stderr.is_empty(), "{output:?}");
        assert_eq!(smsgate(&server, &basic(CAROL, password)).await, 200, "{input:?}");
    }
    assert_eq!(smsgate(&server, &basic(CAROL, "correct horse")).await, 401);
}

#[tokio::test]
async fn a_password_that_could_never_be_sent_is_refused_and_nobody_is_added() {
    let folder = Folder::new();
    let too_long = "x".repeat(1025);
    for (input, reason) in [
        (&b""[..], "between 1 and 1024 bytes"),
        (b"\n", "between 1 and 1024 bytes"),
        (too_long.as_bytes(), "between 1 and 1024 bytes"),
        (b"one\ntwo\n", "line break"),
        (b"tab\there", "control character"),
        (b"caf\xe9", "UTF-8"),
    ] {
        let add = ["user", "add", CAROL, "--password-stdin"];
        let told = refusal(&run_with_input(&folder, &add, input));
        assert!(told.contains(reason), "{input:?}: {told}");
    }
    assert_eq!(count_users(&folder).await, 0);
}

#[tokio::test]
async fn a_refused_password_leaves_the_old_one() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let passwd = ["user", "passwd", ALICE, "--password-stdin"];
    refusal(&run_with_input(&folder, &passwd, ""));
    assert_eq!(smsgate(&server, &server.alice()).await, 200);
}
