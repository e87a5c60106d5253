//! `NowOrLater`, `Secret`, `Identity`, `Principal`, `Head`, `ManualClock`: what the layers are made of.

use std::time::{Duration, UNIX_EPOCH};

use portcullis::{Clock, Head, Identity, ManualClock, NowOrLater, Principal, Scheme, ScopeSet, Secret};

use crate::fixtures::{EITHER, When};

#[tokio::test]
async fn an_answer_is_there_or_comes_and_is_the_same() {
    for when in EITHER {
        assert_eq!(when.answer(1).await, 1);
        assert_eq!(when.answer(1).map(|n| n + 1).await, 2);
        for next in EITHER {
            assert_eq!(when.answer(1).then(move |n| next.answer(n + 2)).await, 3);
            // What is there now stays there now, however often it is changed.
            let changed = when.answer(1).map(|n| n + 1).then(move |n| next.answer(n));
            let now = when == When::Now && next == When::Now;
            assert_eq!(changed.into_now().is_ok(), now);
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_later_is_given_back_whole_by_into_now() {
    let mut later = NowOrLater::later(async { 7 });
    for _ in 0..3 {
        later = later.into_now().unwrap_err();
    }
    assert_eq!(later.await, 7);
}

#[test]
fn nothing_is_done_before_an_answer_that_comes_later_is_awaited() {
    let later = When::Later.answer(1);
    let next = later.then(|_| -> NowOrLater<()> { panic!("asked too early") });
    drop(next.map(|()| panic!("changed too early")));
}

#[test]
#[should_panic(expected = "polled after it was ready")]
fn an_answer_is_taken_once() {
    use futures_util::FutureExt;
    let mut now = NowOrLater::now(1);
    assert_eq!((&mut now).now_or_never(), Some(1));
    let _ = (&mut now).now_or_never();
}

#[test]
fn an_answer_shows_its_value_only_when_it_is_there() {
    assert_eq!(format!("{:?}", NowOrLater::now(1)), "Now(Some(1))");
    assert_eq!(format!("{:?}", NowOrLater::later(async { 1 })), "Later");
}

#[test]
fn a_secret_shows_neither_its_bytes_nor_how_many_there_are() {
    let shown = |secret: &Secret| format!("{secret:?} {secret:#?}");
    let long = Secret::new("hunter2-hunter2-hunter2");
    assert_eq!(shown(&long), shown(&Secret::new("")));
    assert!(!shown(&long).contains("hunter2") && !shown(&long).contains("23"));
    assert_eq!(format!("{:?}", Some(long.clone())), "Some(Secret(** redacted **))");
    assert_eq!((long.expose(), long.len()), (&b"hunter2-hunter2-hunter2"[..], 23));
}

#[test]
fn secrets_are_equal_when_every_byte_is() {
    let secret = Secret::from("swordfish");
    assert!(secret == Secret::from(b"swordfish".to_vec()));
    assert!(
        secret == Secret::from("swordfish".to_owned()) && secret == Secret::from(&b"swordfish"[..])
    );
    for other in ["swordfisH", "Swordfish", "swordfis", "swordfishh", ""] {
        assert!(secret != Secret::new(other), "{other}");
    }
    assert!(Secret::new("").is_empty() && Secret::new("") == Secret::new(""));
}

#[test]
fn the_same_subject_of_two_issuers_is_two_people() {
    let alice = |issuer: &str| Identity::new(issuer, "alice").unwrap();
    assert_eq!(alice("a"), alice("a"));
    assert_ne!(alice("a"), alice("b"));
    assert_ne!(Identity::new("ab", "c").unwrap(), Identity::new("a", "bc").unwrap());
    assert_ne!(Identity::local("alice").unwrap(), Identity::local("Alice").unwrap());
    assert!(Identity::new("a", "").unwrap_err().to_string().contains("subject"));
}

#[test]
fn a_principal_has_no_scopes_unless_told_so_and_prints_no_extras() {
    let bare = Principal::builder(Identity::local("alice").unwrap(), Scheme::BASIC).build();
    assert!(bare.scopes().is_empty() && bare.credential_id().is_none());
    assert!(bare.authenticated_at().is_none() && bare.extra::<&str>().is_none());

    let full = Principal::builder(Identity::new("https://id", "alice").unwrap(), Scheme::BEARER)
        .credential_id("jti-1")
        .scopes(ScopeSet::parse("read send").unwrap())
        .authenticated_at(UNIX_EPOCH)
        .extra("canary-claim")
        .build();
    assert_eq!(full.extra::<&str>(), Some(&"canary-claim"));
    assert_eq!((full.extra::<String>(), full.credential_id()), (None, Some("jti-1")));
    assert_eq!(
        (full.issuer(), full.subject(), full.scheme().as_str()),
        ("https://id", "alice", "Bearer")
    );
    assert!(!format!("{full:?}").contains("canary"), "{full:?}");
}

#[test]
fn a_clock_of_ones_own_goes_where_it_is_set() {
    let clock = ManualClock::at_unix(100);
    clock.advance(Duration::from_secs(5));
    assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(105));
    clock.set(UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(clock.now(), UNIX_EPOCH - Duration::from_secs(1));
}

#[test]
fn a_head_and_what_it_holds_show_no_credentials() {
    let request = http::Request::get("/vault?token=canary")
        .header("authorization", "Bearer canary")
        .header("cookie", "session=canary")
        .body(())
        .unwrap();
    let head = Head::new(&request);
    let shown = format!("{head:?} {:?}", head.authorization());
    assert!(shown.contains("/vault") && shown.contains("Bearer"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(head.credentials("bearer"), Some(&b" canary"[..]));
    assert_eq!(head.credentials("basic"), None);
}
