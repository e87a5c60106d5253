//! What an operator does takes effect on the next request, and outlives the server.

use crate::{
    CARD, CARD_XML, GROUP, GROUP_XML, SERVICE, SERVICE_XML,
    gateway_support::{Folder, Server, basic, run},
    publish, token_of_bob, write,
};

#[tokio::test]
async fn groups_and_owners_are_there_after_a_restart() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (token, alice, bob) = (server.user_token(), server.alice(), server.bob());
    publish(&server, &alice).await;
    server.stop();
    let server = Server::start(&folder, &[]);
    server.kill();
    let server = Server::start(&folder, &[]);
    for (path, body) in [(GROUP, GROUP_XML), (SERVICE, SERVICE_XML), (CARD, CARD_XML)] {
        assert_eq!(server.get(path, &[]).await.body, body);
        assert_eq!(write(&server, ("PUT", path, body), &bob).await.status, 403);
        assert_eq!(write(&server, ("PUT", path, body), &token).await.status, 200);
    }
    assert_eq!(write(&server, ("DELETE", GROUP, ""), &alice).await.status, 200);
}

#[tokio::test]
async fn a_disabled_user_is_refused_by_password_and_by_token_and_what_was_published_stays() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    assert!(run(&folder, &["user", "disable", "alice@example.org"]).status.success());
    for who in [server.alice(), server.user_token()] {
        assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &who).await.status, 401);
    }
    assert_eq!(server.get(GROUP, &[]).await.body, GROUP_XML);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &server.bob()).await.status, 403);
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_the_user_goes_on_with_another() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (first, second) = (token_of_bob(&folder), token_of_bob(&folder));
    publish(&server, &first).await;
    let list = run(&folder, &["token", "list", "bob@example.org"]).stdout;
    let list = String::from_utf8(list).unwrap();
    assert!(!list.contains(&first["Bearer ".len()..]), "{list}");
    let ids = list.lines().map(|line| line.split_whitespace().next().unwrap());
    // Which of the two is the first the list does not say: revoke until it is refused.
    for id in ids {
        assert!(run(&folder, &["token", "revoke", id]).status.success());
    }
    for token in [first, second] {
        assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &token).await.status, 401);
    }
    let third = token_of_bob(&folder);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &third).await.status, 200);
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    publish(&server, &server.alice()).await;
    let made = run(&folder, &["user", "passwd", "alice@example.org"]).stdout;
    let password = String::from_utf8(made).unwrap().split_whitespace().last().unwrap().to_owned();
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &server.alice()).await.status, 401);
    let alice = basic("alice@example.org", &password);
    assert_eq!(write(&server, ("PUT", GROUP, GROUP_XML), &alice).await.status, 200);
}

#[tokio::test]
async fn the_log_tells_of_each_refusal_and_of_no_secret() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let password = server.demo("alice@example.org  password");
    let wrong = basic("alice@example.org", "wrong-password");
    let unknown = format!("Bearer pct_{:048x}", 0xfeed);
    let sent = [server.alice(), server.user_token(), wrong, unknown];
    for who in &sent {
        write(&server, ("PUT", GROUP, GROUP_XML), who).await;
        write(&server, ("PUT", GROUP, "<bad>"), who).await;
    }
    assert_eq!(write(&server, ("DELETE", "/no-id", ""), &server.bob()).await.status, 400);
    let log = server.log().await;
    for reason in ["smp.xml.not_well_formed", "basic.", "user_token.", "ownership.resource_id"] {
        assert!(log.contains(reason), "{reason} is not in {log}");
    }
    let values = sent.iter().filter_map(|value| value.split_once(' ')).map(|(_, value)| value);
    for secret in values.chain([password.as_str(), "wrong-password", "ServiceGroup"]) {
        assert!(!log.contains(secret), "{secret} is in {log}");
    }
}
