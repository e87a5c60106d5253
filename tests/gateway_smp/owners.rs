//! Who writes what somebody else owns: administrators, and new owners.

use std::process::Output;

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, PATIENT, SERVICE, SERVICE_XML, WRITES,
    claims::Slow,
    gateway_support::{Folder, Server, run},
    publish, token_of_bob, write,
};

const ID: &str = "iso6523-actorid-upis::0088:5060210000007";
const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

fn transfer(folder: &Folder, group: &str, user: &str) -> Output {
    run(folder, &["smp", "owner", group, user])
}

fn set_scopes(folder: &Folder, user: &str, scopes: &[&str]) {
    let said = run(folder, &[&["user", "scopes", user], scopes].concat());
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

#[tokio::test]
async fn an_administrator_writes_what_others_own_and_it_stays_theirs_and_is_logged() {
    for mode in [&[][..], &["--smp-preset", "phoss"]] {
        let folder = Folder::new();
        let server = Server::start(&folder, mode);
        administer(&server, &folder).await;
    }
}

async fn administer(server: &Server, folder: &Folder) {
    let (alice, bob) = (server.alice(), server.bob());
    publish(server, &alice).await;
    let others = format!("{GROUP_XML}<!-- an administrator's -->");
    let put = ("PUT", GROUP, others.clone());
    // The scope for everything is no override.
    set_scopes(folder, BOB, &["all:any"]);
    assert_eq!(write(server, put.clone(), &bob).await.status, 403);
    assert!(!server.log().await.contains("ownership.override"));

    set_scopes(folder, BOB, &["all:any", "smp:admin"]);
    assert_eq!(write(server, put, &bob).await.status, 200);
    assert_eq!(server.get(GROUP, &[]).await.body, others);
    let log = server.log().await;
    let line = log.lines().find(|line| line.contains("ownership.override")).unwrap();
    assert!(
        line.contains(" WARN ") && line.contains(&format!("id={ID:?} owner_issuer=\"local\"")),
        "{line}"
    );
    assert_eq!(write(server, ("PUT", GROUP, "<bad>"), &bob).await.status, 400);
    // It is Alice's still.
    assert_eq!(write(server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 200);
    for (method, path, body) in WRITES {
        assert_eq!(write(server, (method, path, body), &bob).await.status, 200, "{method} {path}");
    }
    // What is nobody's, an administrator owns by writing it, as everybody does.
    assert_eq!(write(server, ("PUT", GROUP, GROUP_XML), &bob).await.status, 200);
    assert_eq!(write(server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 403);

    assert!(transfer(folder, ID, ALICE).status.success());
    publish(server, &alice).await;
    set_scopes(folder, BOB, &["all:any"]);
    assert_eq!(write(server, ("DELETE", GROUP, ""), &bob).await.status, 403);
}

#[tokio::test]
async fn a_token_without_scopes_writes_what_its_user_owns_and_is_no_administrators() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let token = token_of_bob(&folder);
    publish(&server, &token).await;
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.bob()).await.status, 200);
    publish(&server, &server.alice()).await;
    set_scopes(&folder, BOB, &["smp:admin"]);
    for (method, path, body) in WRITES {
        assert_eq!(write(&server, (method, path, body), &token).await.status, 403, "{method} {path}");
    }
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &server.bob()).await.status, 200);
}

#[tokio::test]
async fn who_is_no_administrator_any_more_is_none_by_the_tokens_of_before() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    set_scopes(&folder, BOB, &["all:any", "smp:admin"]);
    let made = run(&folder, &["token", "create", BOB, "admin", "--scope", "smp:admin"]);
    let token = String::from_utf8(made.stdout).unwrap();
    let token = format!("Bearer {}", token.split_whitespace().last().unwrap());
    let put = ("PUT", GROUP, GROUP_XML);
    assert_eq!(write(&server, put, &token).await.status, 200);
    for (held, status) in [
        (&["messages:list"][..], 403),
        // The scope that everybody has by default does not stand for it.
        (&["all:any"], 403),
        (&["smp:admin"], 200),
        (&["smp:administrator"], 403),
    ] {
        set_scopes(&folder, BOB, held);
        assert_eq!(write(&server, put, &token).await.status, status, "{held:?}");
    }
}

#[tokio::test]
async fn a_group_that_is_transferred_is_the_new_owners_with_all_that_is_in_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (server.user_token(), token_of_bob(&folder));
    publish(&server, &alice).await;
    // The id may be written as clients write it.
    let upper = "iso6523-actorid-upis::0088:5060210000007 ";
    assert!(transfer(&folder, upper, BOB).status.success());
    for (path, body) in [(GROUP, GROUP_XML), (SERVICE, SERVICE_XML), (CARD, CARD_XML)] {
        assert_eq!(server.get(path, &[]).await.body, body, "{path}");
        assert_eq!(write(&server, ("PUT", path, body), &alice).await.status, 403, "{path}");
        assert_eq!(write(&server, ("PUT", path, body), &bob).await.status, 200, "{path}");
    }
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &bob).await.status, 200);
}

#[test]
fn a_transfer_of_nothing_or_to_nobody_is_an_error() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for (group, user, said) in [
        (ID, BOB, "there is no group"),
        ("no-id", BOB, "scheme::value"),
        (ID, "nobody@example.org", "there is no user"),
    ] {
        let done = transfer(&folder, group, user);
        let text = String::from_utf8(done.stderr).unwrap();
        assert!(!done.status.success() && text.contains(said), "{group} {user}: {text}");
    }
    assert!(!run(&folder, &["user", "scopes", "nobody@example.org", "smp:admin"]).status.success());
    drop(server);
}

/// The ownership layer has let the write in, and then the owner changes: also back to who it was.
#[tokio::test]
async fn a_write_that_was_let_in_before_a_transfer_changes_nothing_after_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &PATIENT);
    let alice = server.user_token();
    publish(&server, &alice).await;
    let others = |document: &str| format!("{document}<!-- too late -->");
    for owners in [&[ALICE, BOB, ALICE][..], &[BOB]] {
        let documents = [SERVICE_XML, CARD_XML].map(others);
        let slow = [(SERVICE, &documents[0]), (CARD, &documents[1])]
            .map(|(path, document)| (Slow::begin(&server, path, document, &alice), path));
        for owner in owners {
            assert!(transfer(&folder, ID, owner).status.success());
        }
        for (slow, path) in slow {
            assert_eq!(slow.finish(), "HTTP/1.1 403", "{path}");
        }
    }
    for (path, body) in [(SERVICE, SERVICE_XML), (CARD, CARD_XML)] {
        assert_eq!(server.get(path, &[]).await.body, body, "{path}");
    }
}
