//! `s3p-key add`, `s3p-key rotate`, `s3p-key revoke` and `s3p-key list`, beside a running server.

use crate::{
    CAROL, Key, add_carol,
    gateway_support::{Folder, Server, run, until},
    printed, refusal, s3p, said,
};

#[tokio::test]
async fn an_added_key_signs_at_once_and_its_secret_is_printed_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    add_carol(&folder);
    let added = run(&folder, &["s3p-key", "add", CAROL]);
    let key = Key {
        token: printed(&added, "access token: "),
        secret: printed(&added, "secret (shown once): "),
    };
    assert_eq!(said(&added).lines().count(), 2);
    assert_eq!(s3p(&server, &key).await, 200);
    let swapped = Key { token: key.token.clone(), secret: server.demo("  secret") };
    assert_eq!(s3p(&server, &swapped).await, 401);
}

#[tokio::test]
async fn a_rotated_key_has_a_new_secret_at_once_and_the_other_keys_keep_theirs() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = Key::of_demo(&server);
    let added = run(&folder, &["s3p-key", "add", "bob@example.org"]);
    let other = Key {
        token: printed(&added, "access token: "),
        secret: printed(&added, "secret (shown once): "),
    };
    let rotated = run(&folder, &["s3p-key", "rotate", &old.token]);
    let secret = printed(&rotated, "secret (shown once): ");
    assert_eq!(said(&rotated), format!("secret (shown once): {secret}\n"));
    let new = Key { secret, ..old.clone() };
    let verdicts = [s3p(&server, &old).await, s3p(&server, &new).await, s3p(&server, &other).await];
    assert_eq!(verdicts, [401, 200, 200]);
}

#[test]
fn a_list_shows_whose_keys_there_are_and_no_secret() {
    let folder = Folder::new();
    add_carol(&folder);
    assert_eq!(said(&run(&folder, &["s3p-key", "list"])), "");
    let added = run(&folder, &["s3p-key", "add", CAROL, "night batch"]);
    let (token, secret) = (printed(&added, "access token: "), printed(&added, "secret (shown once): "));
    let rotated = printed(&run(&folder, &["s3p-key", "rotate", &token]), "secret (shown once): ");
    let list = said(&run(&folder, &["s3p-key", "list"]));
    assert_eq!(list.lines().count(), 1, "{list}");
    let end = "  used -  HMAC-SHA1 strict  carol@example.org  night batch\n";
    assert!(list.starts_with(&token) && list.ends_with(end), "{list}");
    assert!(!list.contains(&secret) && !list.contains(&rotated), "{list}");
    for name in [" ", "a\nb", &"x".repeat(101)] {
        let told = refusal(&run(&folder, &["s3p-key", "add", CAROL, name]));
        assert!(told.contains("1 to 100 characters"), "{told}");
    }
}

#[tokio::test]
async fn a_list_shows_when_a_key_was_last_used() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let key = Key::of_demo(&server);
    let wrong = Key { secret: "0".repeat(32), ..key.clone() };
    assert_eq!(s3p(&server, &wrong).await, 401);
    assert!(said(&run(&folder, &["s3p-key", "list"])).contains("  used -  "));
    assert_eq!(s3p(&server, &key).await, 200);
    // It is written down beside the answer.
    let is_listed = async || said(&run(&folder, &["s3p-key", "list"])).contains("Z  used 2");
    until("its use is in the list", is_listed).await;
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_listed_as_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let key = Key::of_demo(&server);
    assert_eq!(s3p(&server, &key).await, 200);
    assert!(said(&run(&folder, &["s3p-key", "list"])).contains("  active   "));
    assert_eq!(said(&run(&folder, &["s3p-key", "revoke", &key.token])), "");
    assert_eq!(s3p(&server, &key).await, 401);
    assert!(said(&run(&folder, &["s3p-key", "list"])).contains("  revoked  "));
    let told = refusal(&run(&folder, &["s3p-key", "revoke", "nobodys"]));
    assert!(told.contains("there is no access key with the token \"nobodys\""), "{told}");
}

#[tokio::test]
async fn a_key_that_is_not_there_cannot_be_rotated() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let told = refusal(&run(&folder, &["s3p-key", "rotate", "nobodys"]));
    assert!(told.contains("there is no access key with the token \"nobodys\""), "{told}");
    assert_eq!(s3p(&server, &Key::of_demo(&server)).await, 200);
}
