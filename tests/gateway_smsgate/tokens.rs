//! Tokens are made, used and revoked.

use serde_json::json;

use super::*;

/// The documented names, and those that some clients read.
const TWINS: [(&str, &str); 4] = [
    ("token_type", "tokenType"),
    ("access_token", "accessToken"),
    ("refresh_token", "refreshToken"),
    ("expires_at", "expiresAt"),
];

#[tokio::test]
async fn the_answer_has_the_documented_names_and_their_twins() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let reply = alice.ask_for(json!({"scopes": ["messages:send", "messages:read"]})).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("cache-control"), "no-store");
    let refreshed =
        Pair::new(&server, &reply.json()).refresh.post("/auth/token/refresh", json!({})).await;
    for answer in [reply.json(), refreshed.json()] {
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["id"].as_str().unwrap().len(), 21);
        for (name, twin) in TWINS {
            assert!(answer[name].is_string(), "{name}: {answer}");
            assert_eq!(answer[name], answer[twin]);
        }
        assert_eq!(answer.as_object().unwrap().len(), 9, "{answer}");
    }
}

#[tokio::test]
async fn the_answer_has_the_documented_names_alone_if_the_operator_says_so() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--no-camel-case"]);
    let answer = Caller::new(&server, server.alice()).ask_for(json!({"scopes": ["logs:read"]})).await;
    let pair = Pair::new(&server, &answer.json());
    let refreshed = pair.refresh.post("/auth/token/refresh", json!({})).await;
    for answer in [answer.json(), refreshed.json()] {
        let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
        assert_eq!(names, ["access_token", "expires_at", "id", "refresh_token", "token_type"]);
    }
}

#[tokio::test]
async fn the_tokens_say_who_may_do_what() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let answer = alice.ask_for(json!({"scopes": ["messages:send", "logs:read"]})).await.json();
    let access = claims(&answer["access_token"]);
    let refresh = claims(&answer["refresh_token"]);
    assert_eq!(part(&answer["access_token"], 0), json!({"alg": "HS256", "typ": "JWT"}));
    assert_eq!(access["iss"], "sms-gate.app");
    assert_eq!(access["jti"], answer["id"]);
    assert_eq!(access["user_id"], access["sub"]);
    assert_eq!(access["scopes"], json!(["messages:send", "logs:read"]));
    assert_eq!(refresh["scopes"], json!(["tokens:refresh"]));
    assert_eq!(refresh["original_scopes"], access["scopes"]);
    assert_eq!(refresh["user_id"], access["user_id"]);
}

#[tokio::test]
async fn what_is_sent_by_token_belongs_to_the_user_who_has_the_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["messages:send"]).await;
    let sent = pair.access.post("/messages", message()).await;
    assert_eq!(sent.status, 202);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(alice.get(&format!("/messages/{id}")).await.status, 200);
}

#[tokio::test]
async fn a_request_without_good_scopes_is_a_bad_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for request in [
        json!({}),
        json!({"scopes": null}),
        json!({"scopes": []}),
        json!({"scopes": [""]}),
        json!({"scopes": ["two words"]}),
        json!({"scopes": "messages:send"}),
        json!({"scopes": [1]}),
        json!({"scopes": ["tokens:refresh"]}),
        json!({"scopes": ["s".repeat(65)]}),
        json!({"scopes": vec!["s"; 65]}),
        json!([]),
    ] {
        let reply = alice.ask_for(request.clone()).await;
        assert_eq!(reply.status, 400, "{request}: {reply:?}");
        let said = reply.json()["message"].as_str().unwrap().to_owned();
        assert!(said.starts_with("failed to "), "{said}");
    }
}

#[tokio::test]
async fn the_largest_token_that_is_issued_is_accepted() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let mut scopes: Vec<String> = (0..63).map(|at| format!("{at:064}")).collect();
    scopes.push("messages:list".to_owned());
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let pair = alice.pair(&scopes).await;
    assert_eq!(pair.access.get("/messages").await.status, 200);
    assert_eq!(pair.refreshed().await.access.get("/messages").await.status, 200);
}

#[tokio::test]
async fn nobody_gives_on_what_they_do_not_hold() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let password = add_user(&folder, "carol", &["messages:send", "tokens:manage"]);
    let carol = Caller::new(&server, gateway_support::basic("carol", &password));
    assert_eq!(carol.ask_for(json!({"scopes": ["messages:send"]})).await.status, 201);
    for (scopes, first_missing) in [
        (json!(["messages:list"]), "messages:list"),
        (json!(["messages:send", "logs:read", "devices:list"]), "logs:read"),
        (json!(["all:any"]), "all:any"),
    ] {
        let reply = carol.ask_for(json!({"scopes": scopes})).await;
        assert_refused(&reply, 403, &format!("scope required: {first_missing}"));
        assert!(!reply.headers.contains_key("www-authenticate"), "no other password would do");
    }

    let alice = Caller::new(&server, server.alice());
    let manager = alice.pair(&["tokens:manage", "logs:read"]).await.access;
    assert_eq!(manager.ask_for(json!({"scopes": ["logs:read"]})).await.status, 201);
    // As the layer refuses who may not call an endpoint, down to the head.
    let by_handler = manager.ask_for(json!({"scopes": ["messages:list"]})).await;
    assert_refused(&by_handler, 403, "scope required: messages:list");
    let by_layer = manager.get("/messages").await;
    assert_eq!(by_handler.body, by_layer.body);
    for name in ["cache-control", "content-type", "www-authenticate"] {
        assert_eq!(by_handler.header(name), by_layer.header(name));
    }
    let log = server.log().await;
    assert!(log.contains("status=403 refused=\"scope.missing\""), "{log}");
}

#[tokio::test]
async fn who_holds_everything_gives_on_anything() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let all = alice.pair(&["all:any"]).await.access;
    let token = all.pair(&["messages:list"]).await.access;
    assert_eq!(token.get("/messages").await.status, 200);
}

#[tokio::test]
async fn a_revoked_token_is_refused_with_the_next_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["messages:list"]).await;
    let other = alice.pair(&["messages:list"]).await;
    assert_eq!(pair.access.get("/messages").await.status, 200);
    let revoked = alice.delete(&format!("/auth/token/{}", pair.id)).await;
    assert_eq!((revoked.status.as_u16(), revoked.body.as_str()), (204, ""));
    assert_refused(&pair.access.get("/messages").await, 401, "Unauthorized");
    assert_eq!(other.access.get("/messages").await.status, 200);
    // Again, and what never was: the same answer.
    for id in [pair.id.as_str(), "w8pxz0a4Fwa4xgzyCvSeC"] {
        assert_eq!(alice.delete(&format!("/auth/token/{id}")).await.status, 204);
    }
}

#[tokio::test]
async fn to_revoke_a_token_revokes_its_refresh_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["messages:list"]).await;
    alice.delete(&format!("/auth/token/{}", pair.id)).await;
    let reply = pair.refresh.post("/auth/token/refresh", json!({})).await;
    assert_refused(&reply, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_may_revoke_itself() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["tokens:manage"]).await;
    assert_eq!(pair.access.delete(&format!("/auth/token/{}", pair.id)).await.status, 204);
    assert_eq!(pair.access.delete(&format!("/auth/token/{}", pair.id)).await.status, 401);
}

#[tokio::test]
async fn nobody_revokes_another_users_token() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let bob = Caller::new(&server, server.bob());
    let pair = alice.pair(&["messages:list"]).await;
    assert_eq!(bob.delete(&format!("/auth/token/{}", pair.id)).await.status, 204);
    assert_eq!(pair.access.get("/messages").await.status, 200);
}

#[tokio::test]
async fn to_revoke_a_token_that_was_made_with_another_leaves_that_and_its_siblings() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let manager = alice.pair(&["tokens:manage", "logs:read"]).await;
    let first = manager.access.pair(&["tokens:manage", "logs:read"]).await;
    let second = manager.access.pair(&["logs:read"]).await;
    let grandchild = first.access.pair(&["logs:read"]).await;
    // By whom it was made, and by the password.
    for (revoking, revoked) in [(&manager.access, &grandchild), (&alice, &first)] {
        assert_eq!(revoking.delete(&format!("/auth/token/{}", revoked.id)).await.status, 204);
        assert_ended(revoked).await;
        for pair in [&manager, &second] {
            assert_eq!(pair.access.get("/logs").await.status, 200);
        }
    }
    // They go on, and end with the manager's.
    let second = second.refreshed().await;
    let third = manager.access.pair(&["logs:read"]).await;
    let manager = manager.refreshed().await;
    for pair in [&manager, &second, &third] {
        assert_eq!(pair.access.get("/logs").await.status, 200);
    }
    assert_eq!(manager.access.delete(&format!("/auth/token/{}", manager.id)).await.status, 204);
    for pair in [&manager, &second, &third] {
        assert_ended(pair).await;
    }
}

async fn assert_ended(pair: &Pair<'_>) {
    assert_refused(&pair.access.get("/logs").await, 401, "Unauthorized");
    let reply = pair.refresh.post("/auth/token/refresh", json!({})).await;
    assert_refused(&reply, 401, "Unauthorized");
}

#[tokio::test]
async fn a_token_that_was_made_with_one_that_was_made_and_so_on_eight_times_makes_no_other() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let first = alice.pair(&["tokens:manage", "logs:read"]).await;
    let mut last = first.access.pair(&["tokens:manage", "logs:read"]).await;
    for _ in 1..8 {
        last = last.access.pair(&["tokens:manage", "logs:read"]).await;
    }
    let reply = last.access.ask_for(json!({"scopes": ["logs:read"]})).await;
    assert_refused(&reply, 403, "this token has too many above it to make another");
    assert_eq!(last.access.get("/logs").await.status, 200);
    assert_eq!(alice.delete(&format!("/auth/token/{}", first.id)).await.status, 204);
    assert_ended(&last).await;
}

#[tokio::test]
async fn to_revoke_a_token_ends_what_was_made_with_it() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let parent = alice.pair(&["tokens:manage", "logs:read"]).await;
    let child = parent.access.pair(&["tokens:manage", "logs:read"]).await;
    let grandchild = child.access.pair(&["logs:read"]).await;
    assert_eq!(alice.delete(&format!("/auth/token/{}", parent.id)).await.status, 204);
    for pair in [&parent, &child, &grandchild] {
        assert_ended(pair).await;
    }
}
