//! A refresh token is good for one new pair.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;

async fn refresh(pair: &Pair<'_>) -> Reply {
    pair.refresh.post("/auth/token/refresh", json!({})).await
}

#[tokio::test]
async fn the_new_pair_holds_what_the_old_one_held() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let first = alice.pair(&["messages:send", "logs:read"]).await;
    let reply = refresh(&first).await;
    assert_eq!(reply.status, 201);
    let answer = reply.json();
    let (access, refresh) = (claims(&answer["access_token"]), claims(&answer["refresh_token"]));
    assert_eq!(access["scopes"], json!(["messages:send", "logs:read"]));
    assert_eq!(refresh["original_scopes"], access["scopes"]);
    assert_eq!(answer["accessToken"], answer["access_token"]);
    let second = Pair::new(&server, &answer);
    assert_ne!(first.id, second.id);
    assert_eq!(second.access.get("/logs").await.status, 200);
    assert_eq!(second.access.get("/devices").await.status, 403);
    // What is under way with the old access token may end.
    assert_eq!(first.access.get("/logs").await.status, 200);
}

#[tokio::test]
async fn a_body_is_not_needed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let pair = Caller::new(&server, server.alice()).pair(&["logs:read"]).await;
    let path = format!("{BASE}/auth/token/refresh");
    let reply = server.send("POST", &path, &[&pair.refresh.authorization], "").await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn a_refresh_token_does_nothing_else() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let pair = Caller::new(&server, server.alice()).pair(&["all:any"]).await;
    let reply = pair.refresh.get("/messages").await;
    assert_refused(&reply, 403, "scope required: messages:list");
    let reply = pair.refresh.ask_for(json!({"scopes": ["all:any"]})).await;
    assert_refused(&reply, 403, "scope required: tokens:manage");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_its_whole_family() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let first = alice.pair(&["logs:read"]).await;
    let second = first.refreshed().await;
    let third = second.refreshed().await;
    let stranger = alice.pair(&["logs:read"]).await;
    assert_eq!(third.access.get("/logs").await.status, 200);

    assert_refused(&refresh(&first).await, 401, "Unauthorized");
    for pair in [&first, &second, &third] {
        assert_refused(&pair.access.get("/logs").await, 401, "Unauthorized");
        assert_refused(&refresh(pair).await, 401, "Unauthorized");
    }
    assert_eq!(stranger.access.get("/logs").await.status, 200);
    let log = server.log().await;
    assert!(log.contains("came twice"), "{log}");
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_ends_neither_the_token_it_was_made_with_nor_its_siblings() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let manager = alice.pair(&["tokens:manage", "logs:read"]).await;
    let first = manager.access.pair(&["logs:read"]).await;
    let second = manager.access.pair(&["logs:read"]).await;
    let heir = first.refreshed().await;
    assert_refused(&refresh(&first).await, 401, "Unauthorized");
    for pair in [&first, &heir] {
        assert_refused(&pair.access.get("/logs").await, 401, "Unauthorized");
        assert_refused(&refresh(pair).await, 401, "Unauthorized");
    }
    for pair in [&manager, &second] {
        assert_eq!(pair.access.get("/logs").await.status, 200);
        assert_eq!(refresh(pair).await.status, 201);
    }
    // The manager's own, twice: that ends what was made with it.
    assert_refused(&refresh(&manager).await, 401, "Unauthorized");
    for pair in [&manager, &second] {
        assert_refused(&pair.access.get("/logs").await, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn a_used_refresh_token_ends_its_family_wherever_it_is_shown() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let first = Caller::new(&server, server.alice()).pair(&["logs:read"]).await;
    let second = first.refreshed().await;
    assert_refused(&first.refresh.get("/messages").await, 401, "Unauthorized");
    assert_refused(&second.access.get("/logs").await, 401, "Unauthorized");
}

#[tokio::test]
async fn to_revoke_any_token_of_a_family_ends_all_of_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let stranger = alice.pair(&["logs:read"]).await;
    for at in 0..3 {
        let first = alice.pair(&["logs:read"]).await;
        let second = first.refreshed().await;
        let third = second.refreshed().await;
        let family = [first, second, third];
        assert_eq!(alice.delete(&format!("/auth/token/{}", family[at].id)).await.status, 204);
        for pair in &family {
            assert_refused(&pair.access.get("/logs").await, 401, "Unauthorized");
            assert_refused(&refresh(pair).await, 401, "Unauthorized");
        }
    }
    assert_eq!(stranger.access.get("/logs").await.status, 200);
}

#[tokio::test]
async fn to_revoke_an_access_token_that_has_expired_ends_its_family_too() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let first = alice.pair(&["logs:read"]).await;
    // Of its access token nothing is kept: it is as if that had expired long ago.
    let mut database = folder.database().await;
    let kept = sqlx::query(
        "SELECT 1 FROM portcullis_refresh_tokens WHERE id = $1 \
         UNION SELECT 1 FROM portcullis_refresh_families WHERE id = $1",
    )
    .bind(&first.id)
    .fetch_optional(&mut database)
    .await;
    assert!(kept.unwrap().is_none());
    assert_eq!(alice.delete(&format!("/auth/token/{}", first.id)).await.status, 204);
    assert_refused(&refresh(&first).await, 401, "Unauthorized");
}

#[tokio::test]
async fn of_many_who_refresh_at_once_one_is_served_and_then_none() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let first = Caller::new(&server, server.alice()).pair(&["logs:read"]).await;
    let mut replies = join_all((0..16).map(|_| refresh(&first))).await;
    // Those for which the database had no turn in time have not been looked at.
    replies.retain(|reply| reply.status != 503);
    let served: Vec<&Reply> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(served.len(), 1, "{replies:?}");
    replies.iter().filter(|reply| reply.status != 201).for_each(|reply| {
        assert_refused(reply, 401, "Unauthorized");
        assert!(reply.header("www-authenticate").starts_with("Bearer "));
    });
    let second = Pair::new(&server, &served[0].json());
    assert_refused(&second.access.get("/logs").await, 401, "Unauthorized");
}

#[tokio::test]
async fn what_a_user_has_lost_is_not_refreshed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let pair = Caller::new(&server, server.alice()).pair(&["logs:read", "messages:list"]).await;
    let mut database = folder.database().await;
    sqlx::query("UPDATE portcullis_users SET scopes = 'messages:list'")
        .execute(&mut database)
        .await
        .unwrap();
    let reply = refresh(&pair).await;
    assert_refused(&reply, 403, "scope required: logs:read");
    sqlx::query("UPDATE portcullis_users SET scopes = 'all:any'").execute(&mut database).await.unwrap();
    assert_eq!(refresh(&pair).await.status, 201, "a refusal does not use the token up");
}

#[tokio::test]
async fn a_refresh_token_with_another_scope_in_it_is_not_one_of_ours() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let answer = alice.ask_for(json!({"scopes": ["logs:read"]})).await.json();
    let token = answer["refresh_token"].as_str().unwrap();
    let mut forged = claims(&answer["refresh_token"]);
    forged["original_scopes"] = json!(["all:any"]);
    let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
    let parts: Vec<&str> = token.split('.').collect();
    let forged = Caller::new(&server, format!("Bearer {}.{forged}.{}", parts[0], parts[2]));
    let reply = forged.post("/auth/token/refresh", Value::Null).await;
    assert_refused(&reply, 401, "Unauthorized");
}
