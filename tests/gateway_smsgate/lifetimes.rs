//! How long a token lives, and what ends it: the operator, a restart, a switch.

use std::time::Duration;

use base64::engine::general_purpose::STANDARD;
use portcullis::{
    Clock, Identity, ManualClock, Principal, Scheme, Scope, SystemClock,
    jwt::{Algorithm, Grant, Issuer},
};
use serde_json::{Value, json};

use super::*;

fn lifetime(token: &Value) -> u64 {
    let claims = claims(token);
    claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()
}

#[tokio::test]
async fn a_token_lives_as_long_as_was_asked_for_and_a_day_at_most() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for (ttl, seconds) in [
        (json!(null), 900),
        (json!(0), 900),
        (json!(1), 1),
        (json!(3600), 3600),
        (json!(86_400), 86_400),
        (json!(86_401), 86_400),
        (json!(10_000_000_000_u64), 86_400),
        (json!(u64::MAX), 86_400),
    ] {
        let reply = alice.ask_for(json!({"scopes": ["logs:read"], "ttl": ttl})).await;
        assert_eq!(reply.status, 201, "{ttl}: {reply:?}");
        let answer = reply.json();
        assert_eq!(lifetime(&answer["access_token"]), seconds, "{ttl}");
        let expires: jiff::Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(claims(&answer["access_token"])["exp"], expires.as_second());
    }
    let silent = alice.ask_for(json!({"scopes": ["logs:read"]})).await.json();
    assert_eq!(lifetime(&silent["access_token"]), 900);
    assert_eq!(lifetime(&silent["refresh_token"]), 30 * 24 * 60 * 60);
}

#[tokio::test]
async fn a_lifetime_that_is_no_whole_number_is_a_bad_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for ttl in [json!(-1), json!(1.5), json!("60"), json!(true), json!([60])] {
        let reply = alice.ask_for(json!({"scopes": ["logs:read"], "ttl": ttl})).await;
        assert_eq!(reply.status, 400, "{ttl}: {reply:?}");
        assert!(reply.body.contains("ttl"), "{reply:?}");
    }
}

/// As it is with several instances, whose clocks are never quite the same.
#[tokio::test]
async fn a_token_whose_issuer_is_a_few_seconds_ahead_is_good_and_one_from_the_future_is_not() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let first =
        Caller::new(&server, server.alice()).ask_for(json!({"scopes": ["logs:read"]})).await.json();
    let user = claims(&first["access_token"])["sub"].as_str().unwrap().to_owned();
    // The second half of the key file is what tokens are signed with.
    let keys = std::fs::read_to_string(folder.path("gateway.keys")).unwrap();
    let keys = STANDARD.decode(keys.trim()).unwrap();
    let status = async |ahead: Duration| {
        let issuer = Issuer::new("sms-gate.app", Algorithm::HS256, &keys[32..]).unwrap();
        let clock = ManualClock::new(SystemClock.now() + ahead);
        let issuer = issuer.identities_of(Identity::LOCAL).clock(clock);
        let read = [Scope::from_static("logs:read")];
        let holder = Principal::builder(Identity::local(&*user).unwrap(), Scheme::BASIC);
        let token = issuer.issue(Grant::to(&holder.scopes(read.clone()).build(), read)).unwrap();
        Caller::new(&server, format!("Bearer {}", token.token())).get("/logs").await.status.as_u16()
    };
    assert_eq!(status(Duration::ZERO).await, 200);
    assert_eq!(status(Duration::from_secs(4)).await, 200);
    assert_eq!(status(Duration::from_secs(3600)).await, 401);
}

#[tokio::test]
async fn no_token_outlives_the_token_that_it_was_made_with() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let manager =
        alice.ask_for(json!({"scopes": ["tokens:manage", "logs:read"], "ttl": 100})).await.json();
    let end = claims(&manager["access_token"])["exp"].as_u64().unwrap();
    let manager = Pair::new(&server, &manager);
    let made = manager.access.ask_for(json!({"scopes": ["logs:read"], "ttl": 3600})).await.json();
    for name in ["access_token", "refresh_token"] {
        assert!(claims(&made[name])["exp"].as_u64().unwrap() <= end, "{name}: {made}");
    }
}

#[tokio::test]
async fn to_refresh_does_not_move_the_end() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let first = alice.ask_for(json!({"scopes": ["logs:read"]})).await.json();
    let end = claims(&first["refresh_token"])["exp"].as_u64().unwrap();
    let pair = Pair::new(&server, &first);
    let next = pair.refresh.post("/auth/token/refresh", json!({})).await.json();
    assert!(claims(&next["refresh_token"])["exp"].as_u64().unwrap() <= end);
    assert_eq!(lifetime(&next["access_token"]), 900);
}

#[tokio::test]
async fn a_restart_keeps_what_is_good_and_what_is_revoked() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let password = server.alice();
    let alice = Caller::new(&server, &password);
    let (good, revoked) = (alice.pair(&["logs:read"]).await, alice.pair(&["logs:read"]).await);
    let used = alice.pair(&["logs:read"]).await;
    used.refreshed().await;
    assert_eq!(alice.delete(&format!("/auth/token/{}", revoked.id)).await.status, 204);
    let callers = [good.access, good.refresh, revoked.access, revoked.refresh, used.refresh];
    let sent = callers.map(|caller| caller.authorization.replace("Authorization: ", ""));
    server.kill();

    let server = Server::start(&folder, &[]);
    let [good, refresh, revoked, gone, used] = sent.map(|sent| Caller::new(&server, sent));
    assert_eq!(good.get("/logs").await.status, 200);
    assert_eq!(revoked.get("/logs").await.status, 401);
    for (caller, status) in [(refresh, 201), (gone, 401), (used, 401)] {
        assert_eq!(caller.post("/auth/token/refresh", json!({})).await.status, status);
    }
}

#[tokio::test]
async fn a_new_password_ends_all_tokens_and_the_old_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let bob = Caller::new(&server, server.bob());
    let (hers, his) = (alice.pair(&["logs:read"]).await, bob.pair(&["logs:read"]).await);
    let new = password(&folder, &["user", "passwd", "alice@example.org"]);
    assert_refused(&hers.access.get("/logs").await, 401, "Unauthorized");
    let refreshed = hers.refresh.post("/auth/token/refresh", json!({})).await;
    assert_refused(&refreshed, 401, "Unauthorized");
    assert_refused(&alice.get("/logs").await, 401, "Unauthorized");
    let again = Caller::new(&server, gateway_support::basic("alice@example.org", &new));
    assert_eq!(again.get("/logs").await.status, 200);
    assert_eq!(his.access.get("/logs").await.status, 200);
}

#[tokio::test]
async fn a_disabled_user_has_no_tokens() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["logs:read"]).await;
    assert!(run(&folder, &["user", "disable", "alice@example.org"]).status.success());
    for reply in [
        alice.get("/logs").await,
        pair.access.get("/logs").await,
        pair.refresh.post("/auth/token/refresh", json!({})).await,
    ] {
        assert_refused(&reply, 401, "Unauthorized");
    }
}

#[tokio::test]
async fn with_tokens_switched_off_there_is_only_the_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let password = server.alice();
    let pair = Caller::new(&server, &password).pair(&["all:any"]).await;
    let sent = pair.access.authorization.replace("Authorization: ", "");
    server.stop();

    let server = Server::start(&folder, &["--no-tokens"]);
    let alice = Caller::new(&server, &password);
    let refused = Caller::new(&server, sent).get("/logs").await;
    assert_refused(&refused, 401, "Unauthorized");
    assert_eq!(refused.headers.get_all("www-authenticate").iter().count(), 1);
    assert!(refused.header("www-authenticate").starts_with("Basic "), "{refused:?}");

    assert_eq!(alice.get("/logs").await.status, 200);
    let disabled = "token service disabled, contact your administrator";
    let request = json!({"scopes": ["logs:read"]});
    assert_refused(&alice.ask_for(request).await, 501, disabled);
    for wrong in [json!({"scopes": []}), json!({"scopes": ["two words"]}), json!([]), Value::Null] {
        let reply = alice.ask_for(wrong.clone()).await;
        assert_eq!(reply.status, 400, "what is wrong with the body is told first: {wrong} {reply:?}");
    }
    assert_refused(&alice.delete("/auth/token/1").await, 501, disabled);
    let reply = alice.post("/auth/token/refresh", json!({})).await;
    assert_refused(&reply, 501, disabled);
    for path in ["/auth/token", "/auth/token/refresh"] {
        let stranger = server.send("POST", &format!("{BASE}{path}"), &[], "").await;
        assert_refused(&stranger, 401, "Unauthorized");
    }
}
