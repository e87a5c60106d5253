//! Keys of S3P on the page.

use futures_util::future::join_all;
use http::{HeaderMap, Method};
use portcullis::s3p::Signer;

use crate::{
    ALICE, BOB, Person, between,
    gateway_support::{Folder, Server, run, until},
    shown,
};

/// Whether S3P lets this key in, as a status.
async fn ping(server: &Server, token: &str, secret: &str) -> u16 {
    let url = format!("{}/s3p/v2/ping", server.url).parse().unwrap();
    let signer = Signer::new(token, secret).unwrap();
    let signed = signer.sign(&Method::GET, &url, &HeaderMap::new(), b"").unwrap();
    let authorization = format!("authorization: {}", signed.to_str().unwrap());
    server.get("/s3p/v2/ping", &[&authorization]).await.status.as_u16()
}

#[tokio::test]
async fn a_key_is_made_given_another_secret_and_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    assert!(bob.get("s3p-keys").await.body.contains("You have no keys."));
    let created = bob.post("s3p-keys", &[("name", "shop")]).await;
    let (token, first) = (shown(&created, "token"), shown(&created, "secret"));
    assert_eq!(ping(&server, token, first).await, 200);

    let rotated = bob.post("rotate-s3p-key", &[("token", token)]).await;
    let second = shown(&rotated, "secret");
    assert_eq!(shown(&rotated, "token"), token);
    assert_eq!((ping(&server, token, first).await, ping(&server, token, second).await), (401, 200));

    let list = bob.get("s3p-keys").await.body;
    assert!(list.contains(token) && !list.contains(first) && !list.contains(second), "{list}");
    let log = server.log().await;
    assert!(!log.contains(first) && !log.contains(second), "{log}");

    let revoked = bob.post("revoke-s3p-key", &[("token", token)]).await;
    assert_eq!((revoked.status.as_u16(), revoked.header("location")), (303, "s3p-keys"));
    assert_eq!(ping(&server, token, second).await, 401);
    assert!(bob.get("s3p-keys").await.body.contains(">revoked<"));
    for form in ["rotate-s3p-key", "revoke-s3p-key"] {
        assert_eq!(bob.post(form, &[("token", token)]).await.status, 404, "it stays revoked");
    }
}

#[tokio::test]
async fn the_list_has_names_and_when_each_key_was_last_used() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    for name in ["", " ", "a\u{7}b", &"x".repeat(101)] {
        let reply = bob.post("s3p-keys", &[("name", name)]).await;
        assert!(reply.status == 400 && reply.body.contains("1 to 100 characters"), "{reply:?}");
    }
    assert!(bob.get("s3p-keys").await.body.contains("You have no keys."));
    let created = bob.post("s3p-keys", &[("name", " night batch ")]).await;
    let (token, secret) = (shown(&created, "token"), shown(&created, "secret"));
    let unused = "<td data-label=\"Last used\">never</td>";
    let list = bob.get("s3p-keys").await.body;
    assert!(list.contains("<th scope=\"row\">night batch</th>") && list.contains(unused), "{list}");
    assert_eq!(ping(&server, token, &"0".repeat(32)).await, 401);
    assert!(bob.get("s3p-keys").await.body.contains(unused), "who cannot sign has not used it");
    assert_eq!(ping(&server, token, secret).await, 200);
    // It is written down beside the answer.
    let is_used = async || !bob.get("s3p-keys").await.body.contains(unused);
    until("its use is in the list", is_used).await;
    let list = bob.get("s3p-keys").await.body;
    assert!(between(&list, "<td data-label=\"Last used\">", "<").ends_with(" UTC"), "{list}");
    // A new secret is not another key.
    bob.post("rotate-s3p-key", &[("token", token)]).await;
    assert!(bob.get("s3p-keys").await.body.contains("<th scope=\"row\">night batch</th>"));
}

#[tokio::test]
async fn a_form_for_another_secret_that_is_sent_again_leaves_the_first() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let keys = ["shop", "batch"].map(|name| [("name", name)]);
    let (one, other) = (bob.post("s3p-keys", &keys[0]).await, bob.post("s3p-keys", &keys[1]).await);
    let token = shown(&one, "token");
    let rotated = bob.post_again("rotate-s3p-key", "once", &[("token", token)]).await;
    let again = bob.post_again("rotate-s3p-key", "once", &[("token", token)]).await;
    assert_eq!((again.status.as_u16(), again.header("location")), (303, "s3p-keys"));
    assert_eq!(ping(&server, token, shown(&rotated, "secret")).await, 200);
    // Of the same page, the form of another key.
    let fields = [("token", shown(&other, "token"))];
    assert_eq!(bob.post_again("rotate-s3p-key", "once", &fields).await.status, 200);
}

#[tokio::test]
async fn nobody_has_more_than_100_active_keys_nor_a_list_without_an_end() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let mut database = folder.database().await;
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) \
                  INSERT INTO portcullis_access_keys (token, issuer, subject, secret, scopes, disabled, created) \
                  SELECT 'key' || i, issuer, subject, x'00', '', i > 99, i FROM n, portcullis_users WHERE name = $1";
    sqlx::query(insert).bind(BOB).execute(&mut database).await.unwrap();
    assert_eq!(bob.post("s3p-keys", &[("name", "the hundredth")]).await.status, 200);
    let list = bob.get("s3p-keys").await.body;
    assert_eq!((list.matches(">active<").count(), list.matches(">revoked<").count()), (100, 100));
    assert!(list.contains("key250<") && !list.contains("key150<"), "the last ones are kept");
    let refused = bob.post("s3p-keys", &[("name", "one more")]).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("You have 100 active keys")
            && refused.body.contains("value=\"one more\"")
    );
    assert!(!run(&folder, &["s3p-key", "add", BOB]).status.success());
    assert_eq!(bob.post("revoke-s3p-key", &[("token", "key1")]).await.status, 303);
    assert_eq!(bob.post("s3p-keys", &[("name", "one more")]).await.status, 200);
    // At once, no more than there may be.
    assert_eq!(bob.post("revoke-s3p-key", &[("token", "key2")]).await.status, 303);
    let at_once = (0..8).map(|_| bob.post("s3p-keys", &[("name", "at once")]));
    let made = join_all(at_once).await.iter().filter(|reply| reply.status == 200).count();
    assert!(made <= 1, "{made}");
    assert!(bob.get("s3p-keys").await.body.matches(">active<").count() <= 100);
}

#[tokio::test]
async fn nobody_sees_or_changes_the_keys_of_others() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (token, secret) = (server.demo("access token"), server.demo("  secret"));
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    bob.post("s3p-keys", &[("name", "shop")]).await;
    assert!(alice.get("s3p-keys").await.body.contains(&token));
    assert!(!bob.get("s3p-keys").await.body.contains(&token));
    for form in ["rotate-s3p-key", "revoke-s3p-key"] {
        assert_eq!(bob.post(form, &[("token", &token)]).await.status, 404);
    }
    assert_eq!(ping(&server, &token, &secret).await, 200);
}
