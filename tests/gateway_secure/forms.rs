//! What changes something is a form of this page and of this session.

use futures_util::future::join_all;

use crate::{
    ALICE, BOB, Person, between,
    gateway_support::{Folder, Server},
    password_of, post, sign_in,
};

const FORMS: [&str; 7] = [
    "user-tokens",
    "revoke-user-token",
    "s3p-keys",
    "rotate-s3p-key",
    "revoke-s3p-key",
    "password",
    "sign-out",
];

#[tokio::test]
async fn a_form_without_the_token_of_its_session_is_refused() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    let earlier = Person::sign_in(&server, ALICE).await;
    for form in FORMS {
        for token in [None, Some(""), Some("0"), Some(&*bob.form_token), Some(&*earlier.form_token)] {
            let fields: Vec<_> = token.map(|token| ("form_token", token)).into_iter().collect();
            let reply = post(&server, form, &[&alice.cookie_line()], &fields).await;
            assert_eq!(reply.status, 403, "{form} {token:?}: {reply:?}");
        }
    }
    assert!(alice.is_signed_in().await);
    assert!(alice.get("s3p-keys").await.body.matches(">active<").count() == 1, "the demo key alone");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused_with_the_right_token_too() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    let cookie = alice.cookie_line();
    let here = format!("origin: {}", server.url);
    for (once, (headers, is_refused)) in ["1", "2", "3", "4", "5", "6", "7"].into_iter().zip([
        (&["sec-fetch-site: cross-site"][..], true),
        (&["sec-fetch-site: same-site"], true),
        (&["origin: https://evil.example"], true),
        (&["origin: null"], true),
        (&["origin: https://evil.example", "sec-fetch-site: cross-site"], true),
        (&["sec-fetch-site: same-origin"], false),
        (&[&here], false),
    ]) {
        let fields = [("form_token", &*alice.form_token), ("once", once), ("name", "laptop")];
        let created = post(&server, "user-tokens", &[&[&*cookie], headers].concat(), &fields).await;
        assert_eq!(created.status, if is_refused { 403 } else { 200 }, "{headers:?}: {created:?}");
        // Nobody is signed in as somebody else without knowing it.
        let signed_in = sign_in(&server, headers, ALICE, &password_of(&server, ALICE)).await;
        assert_eq!(signed_in.status, if is_refused { 403 } else { 303 }, "{headers:?}: {signed_in:?}");
    }
    assert!(alice.is_signed_in().await);
}

#[tokio::test]
async fn a_form_without_a_session_leads_to_the_sign_in() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for form in FORMS {
        let reply = post(&server, form, &[], &[("form_token", "")]).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "sign-in"), "{form}");
    }
}

#[tokio::test]
async fn a_form_that_is_sent_again_makes_nothing_again() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    for (page, called) in
        [("user-tokens", "<th scope=\"row\">laptop"), ("s3p-keys", "<th scope=\"row\">shop")]
    {
        let fields = [("name", if page == "s3p-keys" { "shop" } else { "laptop" })];
        assert_eq!(bob.post_again(page, "", &fields).await.status, 400, "it is no form of this page");
        // At once, as by a double click, and one after the other.
        let again = join_all((0..8).map(|_| bob.post_again(page, "once", &fields))).await;
        let made = again.iter().filter(|reply| reply.status == 200).count();
        let led = again.iter().filter(|reply| reply.status == 303 && reply.header("location") == page);
        assert_eq!((made, led.count()), (1, 7), "{again:?}");
        let later = bob.post_again(page, "once", &fields).await;
        assert_eq!((later.status.as_u16(), later.header("location")), (303, page));
        assert_eq!(bob.get(page).await.body.matches(called).count(), 1);
        // Each page has forms of its own, and each person.
        assert_ne!(
            between(&bob.get(page).await.body, "name=\"once\" value=\"", "\""),
            between(&bob.get(page).await.body, "name=\"once\" value=\"", "\"")
        );
        assert_eq!(alice.post_again(page, "once", &fields).await.status, 200);
    }
}
