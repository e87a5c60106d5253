//! What changes something is a form of this page and of this session.

use crate::{
    ALICE, BOB, Person,
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
    let fields = [("form_token", &*alice.form_token), ("name", "laptop")];
    let host = format!("origin: {}", server.url);
    for (headers, status) in [
        (&["sec-fetch-site: cross-site"][..], 403),
        (&["sec-fetch-site: same-site"], 403),
        (&["origin: https://evil.example"], 403),
        (&["origin: null"], 403),
        (&["origin: https://evil.example", "sec-fetch-site: cross-site"], 403),
        (&["sec-fetch-site: same-origin"], 200),
        (&[&host], 200),
    ] {
        for form in ["user-tokens", "sign-in"] {
            let cookie = alice.cookie_line();
            let sent = [&[cookie.as_str()], headers].concat();
            let reply = match form {
                "sign-in" if status == 403 => {
                    sign_in(&server, headers, ALICE, &password_of(&server, ALICE)).await
                }
                _ => post(&server, "user-tokens", &sent, &fields).await,
            };
            assert_eq!(reply.status, status, "{form} {headers:?}: {reply:?}");
            assert!(!reply.headers.contains_key("set-cookie"), "{reply:?}");
        }
    }
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
