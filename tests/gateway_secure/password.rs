//! Changing one's own password on the page.

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
