//! Signing in and out.

use http::StatusCode;

use crate::{
    ALICE, BOB, Person, cookie_of,
    gateway_support::{Folder, Server, basic, run},
    password_of, sign_in, smp,
};

#[tokio::test]
async fn who_is_not_signed_in_is_sent_to_the_form() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for page in ["user-tokens", "s3p-keys", "password"] {
        let reply = server.get(&format!("/secure/{page}"), &[]).await;
        assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "sign-in"));
        assert!(reply.body.is_empty() && !reply.headers.contains_key("set-cookie"), "{reply:?}");
    }
    let form = server.get("/secure/sign-in", &[]).await;
    assert!(form.status == 200 && form.body.contains("type=\"password\""), "{form:?}");
    assert!(!form.headers.contains_key("set-cookie"), "a session begins with a password");
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let reply = sign_in(&server, &[], ALICE, &password_of(&server, ALICE)).await;
    let cookie = reply.header("set-cookie");
    assert!(cookie.starts_with("session=") && !cookie.contains("Secure"), "{cookie}");
    for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=1800"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host_and_never_sent_in_clear() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--public-url", "https://gateway.example.org"]);
    let here = ["origin: https://gateway.example.org"];
    let reply = sign_in(&server, &here, ALICE, &password_of(&server, ALICE)).await;
    let alice = Person::of(&server, &reply).await;
    let left = alice.post("sign-out", &[]).await;
    for reply in [&reply, &left] {
        let cookie = reply.header("set-cookie");
        assert!(cookie.starts_with("__Host-session="), "{cookie}");
        assert!(cookie.contains("; Secure") && cookie.contains("; Path=/"), "{cookie}");
    }
    assert!(left.header("set-cookie").contains("; Max-Age=0"), "{left:?}");
}

#[tokio::test]
async fn every_refusal_reads_the_same() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    run(&folder, &["user", "disable", BOB]);
    let (of_bob, long) = (password_of(&server, BOB), "x".repeat(5000));
    let mut texts = Vec::new();
    for (name, password) in [
        (ALICE, "wrong"),
        (ALICE, ""),
        (ALICE, "a\tb"),
        (ALICE, &long),
        (BOB, &of_bob),
        ("nobody", "wrong"),
        ("a:b", "c"),
    ] {
        let reply = sign_in(&server, &[], name, password).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{name} {reply:?}");
        assert!(!reply.headers.contains_key("set-cookie"), "{reply:?}");
        assert!(reply.body.contains("The name or the password is wrong."), "{reply:?}");
        texts.push(reply.body.replace(&format!("value=\"{name}\""), ""));
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn who_guesses_is_told_to_wait_here_and_at_the_other_doors() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for _ in 0..20 {
        assert_eq!(smp(&server, &basic(ALICE, "wrong")).await, 401);
    }
    // Each attempt that is let through doubles the wait.
    for _ in 0..8 {
        let reply = sign_in(&server, &[], ALICE, "wrong").await;
        if reply.status == StatusCode::TOO_MANY_REQUESTS {
            assert!(reply.body.contains("Too many attempts. Try again in "), "{reply:?}");
            assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
            let log = server.log().await;
            assert!(log.contains("refused=\"basic.throttled_account\""), "{log}");
            return;
        }
    }
    panic!("nobody was told to wait");
}

#[tokio::test]
async fn a_session_that_was_put_into_the_browser_before_is_not_the_one_that_begins() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let made_up = "cookie: session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    for planted in [bob.cookie_line(), made_up, "cookie: session=no id".to_owned()] {
        let reply = sign_in(&server, &[&planted], ALICE, &password_of(&server, ALICE)).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        assert_ne!(format!("cookie: {}", cookie_of(&reply)), planted);
        let planted = server.get("/secure/user-tokens", &[&planted]).await;
        assert_eq!(planted.status, 303, "who has planted it is not signed in as Alice");
    }
}

#[tokio::test]
async fn who_signs_out_is_out_with_the_same_cookie_too() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (one, other) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, ALICE).await);
    assert_ne!(one.cookie, other.cookie);
    let reply = one.post("sign-out", &[]).await;
    assert_eq!((reply.status.as_u16(), reply.header("location")), (303, "sign-in"));
    assert_eq!((one.is_signed_in().await, other.is_signed_in().await), (false, true));
}
