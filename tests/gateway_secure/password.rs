//! Changing one's own password on the page.

use portcullis::basic::PasswordHash;

use crate::{
    ALICE, BOB, Person,
    gateway_support::{Folder, Server, basic},
    password_of, sign_in, smp,
};

const NEW: &str = "correct horse battery staple";

#[tokio::test]
async fn a_new_password_counts_at_once_and_ends_all_sessions_of_its_user() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = password_of(&server, ALICE);
    let (alice, elsewhere) =
        (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, ALICE).await);
    let bob = Person::sign_in(&server, BOB).await;
    // From now on the old one is remembered as verified.
    assert_eq!(smp(&server, &basic(ALICE, &old)).await, 200);
    let changed = alice.post("password", &[("old", &old), ("new", NEW), ("again", NEW)]).await;
    assert!(changed.status == 200 && changed.body.contains("The password is changed."), "{changed:?}");
    assert!(!alice.is_signed_in().await && !elsewhere.is_signed_in().await);
    assert!(bob.is_signed_in().await);

    assert_eq!(smp(&server, &basic(ALICE, &old)).await, 401);
    assert_eq!(smp(&server, &basic(ALICE, NEW)).await, 200);
    assert_eq!(sign_in(&server, &[], ALICE, &old).await.status, 403);
    assert_eq!(sign_in(&server, &[], ALICE, NEW).await.status, 303);
    assert_eq!(smp(&server, &server.user_token()).await, 200, "tokens stay");
}

#[tokio::test]
async fn without_the_old_password_or_with_a_bad_new_one_nothing_changes() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = password_of(&server, ALICE);
    let alice = Person::sign_in(&server, ALICE).await;
    let (long, control) = ("x".repeat(1025), "correct horse\tbattery");
    let (of_bob, short) = (password_of(&server, BOB), "fourteen chars");
    for (sent, new, again, status, text) in [
        ("wrong", NEW, NEW, 403, "The old password is wrong."),
        ("", NEW, NEW, 403, "The old password is wrong."),
        (&of_bob, NEW, NEW, 403, "The old password is wrong."),
        (&old, NEW, "another one, and a longer", 400, "differ"),
        (&old, short, short, 400, "too short"),
        (&old, "", "", 400, "too short"),
        (&old, &long, &long, 400, "too long"),
        (&old, control, control, 400, "control character"),
    ] {
        let reply = alice.post("password", &[("old", sent), ("new", new), ("again", again)]).await;
        assert!(reply.status == status && reply.body.contains(text), "{text}: {reply:?}");
    }
    assert!(alice.is_signed_in().await);
    assert_eq!(smp(&server, &basic(ALICE, &old)).await, 200);
}

#[tokio::test]
async fn a_password_that_is_changed_while_another_change_is_under_way_stays() {
    const OPERATORS: &str = "chosen by the operator";
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let old = password_of(&server, ALICE);
    let alice = Person::sign_in(&server, ALICE).await;
    let chosen = PasswordHash::of(OPERATORS).unwrap();
    let mut operator = folder.database().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut operator).await.unwrap();
    sqlx::query("UPDATE portcullis_users SET password = $1 WHERE name = $2")
        .bind(chosen.as_str())
        .bind(ALICE)
        .execute(&mut operator)
        .await
        .unwrap();
    // The old password is right as long as that is not committed, and the new one has to wait for it.
    let fields = [("old", &*old), ("new", NEW), ("again", NEW)];
    let change = alice.post("password", &fields);
    let commit = async {
        for _ in 0..6 {
            // It takes a turn in the same pool of hashes.
            assert_eq!(smp(&server, &basic("nobody", "x")).await, 401);
        }
        sqlx::query("COMMIT").execute(&mut operator).await.unwrap();
    };
    let (changed, ()) = tokio::join!(change, commit);
    match changed.status.as_u16() {
        409 => assert!(changed.body.contains("changed meanwhile"), "{changed:?}"),
        // On a machine that is very busy, it may come too late for its session or the old password, or wait too long.
        status => assert!([303, 403, 503].contains(&status), "{changed:?}"),
    }
    assert!(!alice.is_signed_in().await);
    assert_eq!(smp(&server, &basic(ALICE, NEW)).await, 401);
    assert_eq!(smp(&server, &basic(ALICE, OPERATORS)).await, 200);
}
