//! User tokens on the page.

use std::fs;

use futures_util::future::join_all;

use crate::{
    ALICE, BOB, Person, between,
    gateway_support::{Folder, Server, run, until},
    shown, smp,
};

#[tokio::test]
async fn a_token_is_shown_once_and_works_at_once() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    assert!(bob.get("user-tokens").await.body.contains("You have no tokens."));
    let created = bob.post("user-tokens", &[("name", "laptop"), ("days", "30")]).await;
    let token = shown(&created, "token");
    assert!(shown(&created, "curl").contains(token), "{created:?}");
    assert_eq!(smp(&server, &format!("Bearer {token}")).await, 200);

    let list = bob.get("user-tokens").await.body;
    assert!(list.contains("laptop") && !list.contains(&token[4..]), "{list}");
    let log = server.log().await;
    assert!(!log.contains(&token[4..]), "{log}");
    for file in ["gateway.db", "gateway.db-wal"] {
        let bytes = fs::read(folder.path(file)).unwrap();
        assert!(!bytes.windows(token.len()).any(|part| part == token.as_bytes()), "{file}");
    }
}

#[tokio::test]
async fn the_list_says_when_a_token_was_used_and_when_it_expires() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let created = bob.post("user-tokens", &[("name", "laptop"), ("days", "")]).await;
    let never = "<td data-label=\"Expires\">never</td>";
    let unused = "<td data-label=\"Last used\">never</td>";
    let list = bob.get("user-tokens").await.body;
    assert!(list.contains(never) && list.contains(unused), "{list}");
    assert_eq!(smp(&server, &format!("Bearer {}", shown(&created, "token"))).await, 200);
    // It is written down after the answer.
    let is_used = async || !bob.get("user-tokens").await.body.contains(unused);
    until("its use is in the list", is_used).await;
    let list = bob.get("user-tokens").await.body;
    assert!(between(&list, "<td data-label=\"Last used\">", "<").ends_with(" UTC"), "{list}");
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_listed_as_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let created = bob.post("user-tokens", &[("name", "laptop")]).await;
    let bearer = format!("Bearer {}", shown(&created, "token"));
    assert_eq!(smp(&server, &bearer).await, 200);
    let list = bob.get("user-tokens").await.body;
    let id = between(&list, "name=\"id\" value=\"", "\"");
    let revoked = bob.post("revoke-user-token", &[("id", id)]).await;
    assert_eq!((revoked.status.as_u16(), revoked.header("location")), (303, "user-tokens"));
    assert_eq!(smp(&server, &bearer).await, 401);
    let list = bob.get("user-tokens").await.body;
    assert!(list.contains(">revoked<") && !list.contains("name=\"id\""), "{list}");
    assert_eq!(bob.post("revoke-user-token", &[("id", id)]).await.status, 404, "it stays revoked");
}

#[tokio::test]
async fn nobody_sees_or_revokes_the_tokens_of_others() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Person::sign_in(&server, ALICE).await, Person::sign_in(&server, BOB).await);
    let list = alice.get("user-tokens").await.body;
    let id = between(&list, "name=\"id\" value=\"", "\"");
    assert!(!bob.get("user-tokens").await.body.contains(id));
    assert_eq!(bob.post("revoke-user-token", &[("id", id)]).await.status, 404);
    assert_eq!(smp(&server, &server.user_token()).await, 200);
    assert_eq!(alice.post("revoke-user-token", &[("id", id)]).await.status, 303);
    assert_eq!(smp(&server, &server.user_token()).await, 401);
}

#[tokio::test]
async fn a_token_may_do_no_more_than_its_user() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let add = ["user", "add", "carol", "--scope", "messages:list", "--scope", "messages:send"];
    let added = String::from_utf8(run(&folder, &add).stdout).unwrap();
    let password = added.trim().rsplit_once(' ').unwrap().1;
    let carol = Person::of(&server, &crate::sign_in(&server, &[], "carol", password).await).await;
    let form = carol.get("user-tokens").await.body;
    assert_eq!(form.matches("name=\"scope\"").count(), 2, "{form}");
    for (scopes, status) in [
        (&[][..], 200),
        (&["messages:list"], 200),
        (&["messages:list", "messages:send"], 200),
        (&["all:any"], 400),
        (&["messages:list", "messages:read"], 400),
        (&["\"quoted\""], 400),
    ] {
        let scopes = scopes.iter().map(|scope| ("scope", *scope));
        let fields: Vec<_> = [("name", "laptop")].into_iter().chain(scopes).collect();
        let reply = carol.post("user-tokens", &fields).await;
        assert_eq!(reply.status, status, "{fields:?}: {reply:?}");
    }
}

/// Everybody holds `all:any` by default: SMSGate's scope for everything, and no word of the SMP's administrators.
#[tokio::test]
async fn the_scope_for_everything_makes_nobody_an_administrator_by_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    assert_eq!(smp(&server, &server.alice()).await, 200);
    let bob = Person::sign_in(&server, BOB).await;
    for scopes in [
        &["smp:admin"][..],
        &["all:any", "smp:admin"],
        &["messages:send smp:admin"],
        &["smp:other"],
        &["messages:sen"],
        &["tokens:refresh"],
    ] {
        let scopes = scopes.iter().map(|scope| ("scope", *scope));
        let fields: Vec<_> = [("name", "laptop")].into_iter().chain(scopes).collect();
        let reply = bob.post("user-tokens", &fields).await;
        assert_eq!(reply.status, 400, "{fields:?}: {reply:?}");
        assert!(reply.body.contains("a token may do no more than its user"), "{reply:?}");
    }
    for scope in ["all:any", "messages:send"] {
        let created = bob.post("user-tokens", &[("name", "laptop"), ("scope", scope)]).await;
        assert_eq!(smp(&server, &format!("Bearer {}", shown(&created, "token"))).await, 403, "{scope}");
    }

    assert!(run(&folder, &["user", "scopes", BOB, "all:any", "smp:admin"]).status.success());
    let created = bob.post("user-tokens", &[("name", "admin"), ("scope", "smp:admin")]).await;
    assert_eq!(smp(&server, &format!("Bearer {}", shown(&created, "token"))).await, 200);
}

#[tokio::test]
async fn nobody_has_more_than_100_active_tokens_nor_a_list_without_an_end() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    // The first 99 are active, then 75 revoked, then 76 expired, so lately that none is forgotten.
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) \
                  INSERT INTO portcullis_user_tokens \
                  (digest, id, issuer, subject, scopes, name, created, revoked, expires) \
                  SELECT randomblob(32), 'id' || i, issuer, subject, '', 'token' || i, now - 1000 + i, \
                  CASE WHEN i BETWEEN 100 AND 174 THEN now - 60 END, CASE WHEN i > 174 THEN now - 60 END \
                  FROM n, (SELECT CAST(strftime('%s', 'now') AS INTEGER) AS now), portcullis_users WHERE portcullis_users.name = $1";
    sqlx::query(insert).bind(BOB).execute(&mut folder.database().await).await.unwrap();
    let create = async |name| bob.post("user-tokens", &[("name", name)]).await;
    let hundredth = create("the hundredth").await;
    assert_eq!(smp(&server, &format!("Bearer {}", shown(&hundredth, "token"))).await, 200);
    let count = async |state: &str| bob.get("user-tokens").await.body.matches(state).count();
    assert_eq!(
        (count(">active<").await, count(">revoked<").await + count(">expired<").await),
        (100, 100)
    );
    let list = bob.get("user-tokens").await.body;
    assert!(list.contains(">token250<") && !list.contains(">token150<"), "the last ones are kept");
    let refused = create("one more").await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.body.contains("You have 100 active tokens")
            && refused.body.contains("value=\"one more\"")
    );
    assert!(!run(&folder, &["token", "create", BOB, "one more"]).status.success());
    assert_eq!(bob.post("revoke-user-token", &[("id", "id1")]).await.status, 303);
    assert_eq!(create("one more").await.status, 200);
    // At once, no more than there may be.
    assert_eq!(bob.post("revoke-user-token", &[("id", "id2")]).await.status, 303);
    let made = join_all((0..8).map(|_| create("at once"))).await;
    assert!(made.iter().filter(|reply| reply.status == 200).count() <= 1);
    assert!(count(">active<").await <= 100);
}

#[tokio::test]
async fn what_is_wrong_with_the_form_is_said() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let bob = Person::sign_in(&server, BOB).await;
    let long = "x".repeat(101);
    for (name, days, text) in [
        (" ", "30", "1 to 100 characters"),
        (&long, "30", "1 to 100 characters"),
        ("a\u{7}b", "30", "no control characters"),
        ("laptop", "0", "for a day at least"),
        ("laptop", "-1", "no such number of days"),
        ("laptop", "65536", "no such number of days"),
    ] {
        let reply = bob.post("user-tokens", &[("name", name), ("days", days)]).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.body.contains(text), "{reply:?}");
    }
    assert!(bob.get("user-tokens").await.body.contains("You have no tokens."));
}
