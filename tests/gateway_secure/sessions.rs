//! How long a session goes on, and what is stored of it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, query, query_as};

use crate::{
    ALICE, BOB, Person,
    gateway_support::{Folder, Server, free_port, run},
};

/// Moves a time that a session remembers into the past.
pub(crate) async fn age(folder: &Folder, name: &str, seconds: i64) {
    let update = format!(
        "UPDATE page_sessions SET body = json_set(body, '$.signed_in.{name}', \
         json_extract(body, '$.signed_in.{name}') - {seconds})"
    );
    query(AssertSqlSafe(update)).execute(&mut folder.database().await).await.unwrap();
}

/// Lets all sessions end in so many seconds.
async fn end_in(folder: &Folder, seconds: i64) {
    let update = format!(
        "UPDATE page_sessions SET expires = CAST(strftime('%s', 'now') AS INTEGER) + {seconds}"
    );
    query(AssertSqlSafe(update)).execute(&mut folder.database().await).await.unwrap();
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_without_a_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    end_in(&folder, 300).await;
    assert!(alice.is_signed_in().await);
    // The last request counts, to the minute.
    end_in(&folder, 300).await;
    age(&folder, "last_request", 60).await;
    let reply = alice.get("password").await;
    assert!(reply.header("set-cookie").contains(&alice.cookie), "{reply:?}");
    let (left,): (i64,) =
        query_as("SELECT expires - CAST(strftime('%s', 'now') AS INTEGER) FROM page_sessions")
            .fetch_one(&mut folder.database().await)
            .await
            .unwrap();
    assert!((1000..=1800).contains(&left), "half an hour, counted anew: {left}");
    end_in(&folder, -60).await;
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_however_busy_it_is() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    age(&folder, "began", 12 * 3600 - 600).await;
    assert!(alice.is_signed_in().await);
    age(&folder, "began", 600).await;
    assert!(!alice.is_signed_in().await);
    let (left,): (i64,) = query_as("SELECT count(*) FROM page_sessions")
        .fetch_one(&mut folder.database().await)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_session_of_a_disabled_user_ends_and_an_enabled_one_signs_in_again() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    assert!(run(&folder, &["user", "disable", ALICE]).status.success());
    let refused = alice.post("user-tokens", &[("name", "laptop")]).await;
    assert_eq!((refused.status.as_u16(), refused.header("location")), (303, "sign-in"));
    assert_eq!((alice.is_signed_in().await, bob.is_signed_in().await), (false, true));
    assert!(run(&folder, &["user", "enable", ALICE]).status.success());
    assert!(!alice.is_signed_in().await, "what has ended stays so");
    assert!(Person::sign_in(&server, ALICE).await.is_signed_in().await);
}

#[tokio::test]
async fn a_password_that_the_operator_sets_ends_the_sessions() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    assert!(run(&folder, &["user", "passwd", ALICE]).status.success());
    assert_eq!((alice.is_signed_in().await, bob.is_signed_in().await), (false, true));
}

#[tokio::test]
async fn a_session_is_known_to_every_instance_and_outlives_each_of_them() {
    let folder = Folder::new();
    let first = Server::start(&folder, &[]);
    let Person { cookie, form_token, .. } = Person::sign_in(&first, ALICE).await;
    let second = Server::start_on(&folder, free_port(), &[]);
    let alice = Person { server: &second, cookie, form_token };
    assert!(alice.is_signed_in().await);
    first.stop();
    assert_eq!(alice.post("user-tokens", &[("name", "laptop")]).await.status, 200);
    assert_eq!(alice.post("sign-out", &[]).await.status, 303);
    assert!(!alice.is_signed_in().await);
}

#[tokio::test]
async fn who_reads_the_database_can_take_over_no_session() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Person::sign_in(&server, ALICE).await;
    let (digest, body): (Vec<u8>, String) = query_as("SELECT digest, body FROM page_sessions")
        .fetch_one(&mut folder.database().await)
        .await
        .unwrap();
    let value = alice.cookie.split_once('=').unwrap().1;
    let id = URL_SAFE_NO_PAD.decode(value).unwrap();
    assert_eq!((id.len(), &*digest), (16, &Sha256::digest(&id)[..]));
    assert!(!body.contains(value), "{body}");
}

#[tokio::test]
async fn strangers_leave_nothing_in_the_database() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let made_up = ["cookie: session=AAAAAAAAAAAAAAAAAAAAAA"];
    for page in ["", "sign-in", "user-tokens", "style.css", "no-such-page"] {
        server.get(&format!("/secure/{page}"), &made_up).await;
        server.get(&format!("/secure/{page}"), &[]).await;
    }
    crate::sign_in(&server, &made_up, ALICE, "wrong").await;
    let (left,): (i64,) = query_as("SELECT count(*) FROM page_sessions")
        .fetch_one(&mut folder.database().await)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
