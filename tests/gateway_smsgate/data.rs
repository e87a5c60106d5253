//! Webhooks, devices, settings, logs, the inbox and health.

use serde_json::{Value, json};

use super::{gateway_support::until, *};

#[tokio::test]
async fn a_webhook_is_registered_replaced_and_removed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    assert_eq!(alice.get("/webhooks").await.json(), json!([]));
    let hook = json!({"id": "mine", "url": "https://example.com/hook", "event": "sms:received"});
    let made = alice.post("/webhooks", hook.clone()).await;
    assert_eq!((made.status.as_u16(), made.json()), (201, hook.clone()));
    let other = json!({"id": "mine", "url": "https://example.com/other", "event": "sms:sent"});
    assert_eq!(alice.post("/webhooks", other.clone()).await.status, 201);
    assert_eq!(alice.get("/webhooks").await.json(), json!([other]));
    // The same id is another webhook for another user.
    assert_eq!(bob.post("/webhooks", hook.clone()).await.status, 201);
    assert_eq!(bob.delete("/webhooks/mine").await.status, 204);
    assert_eq!(alice.get("/webhooks").await.json(), json!([other]));
    assert_eq!(alice.delete("/webhooks/mine").await.status, 204);
    assert_eq!(alice.delete("/webhooks/mine").await.status, 204);
    assert_eq!(alice.get("/webhooks").await.json(), json!([]));
}

#[tokio::test]
async fn a_webhook_needs_a_url_an_event_and_ones_own_device() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    let mine = alice.get("/devices").await.json()[0]["id"].clone();
    let his = bob.get("/devices").await.json()[0]["id"].clone();
    let url = "https://example.com/";
    for body in [
        json!({"event": "sms:sent"}),
        json!({"url": url}),
        json!({"url": "example.com", "event": "sms:sent"}),
        json!({"url": "file:///etc/passwd", "event": "sms:sent"}),
        json!({"url": url, "event": "sms:unheard"}),
        json!({"url": url, "event": "sms:sent", "deviceId": his}),
        json!({"url": format!("{url}{}", "x".repeat(2048 - url.len() + 1)), "event": "sms:sent"}),
        json!({"id": "1".repeat(37), "url": url, "event": "sms:sent"}),
        json!({"id": "a/b", "url": url, "event": "sms:sent"}),
        json!({"id": "..", "url": url, "event": "sms:sent"}),
    ] {
        let reply = alice.post("/webhooks", body.clone()).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
    }
    let body = json!({"id": null, "url": url, "event": "sms:sent", "deviceId": mine});
    let made = alice.post("/webhooks", body).await;
    assert_eq!(made.status, 201);
    assert!(made.json()["id"].is_string());
    let longest = format!("{url}{}", "x".repeat(2048 - url.len()));
    let body = json!({"id": "1".repeat(36), "url": longest, "event": "sms:sent"});
    assert_eq!(alice.post("/webhooks", body).await.status, 201);
}

#[tokio::test]
async fn a_user_has_a_hundred_webhooks_at_most() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    let alice = alice.pair(&["all:any"]).await.access;
    let hook = |id: u8| json!({"id": id.to_string(), "url": "https://a.example", "event": "sms:sent"});
    for id in 0..100 {
        assert_eq!(alice.post("/webhooks", hook(id)).await.status, 201, "{id}");
    }
    let reply = alice.post("/webhooks", hook(100)).await;
    assert_refused(&reply, 409, "no more than 100 webhooks are kept");
    // One may still be replaced, and another user has their own.
    assert_eq!(alice.post("/webhooks", hook(99)).await.status, 201);
    assert_eq!(bob.post("/webhooks", hook(0)).await.status, 201);
    assert_eq!(alice.delete("/webhooks/0").await.status, 204);
    assert_eq!(alice.post("/webhooks", hook(100)).await.status, 201);
}

#[tokio::test]
async fn a_device_is_removed_by_its_user_alone() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    let devices = alice.get("/devices").await;
    assert_eq!(devices.status, 200);
    assert_eq!(alice.get("/device").await.json(), devices.json());
    let device = &devices.json()[0];
    for name in ["id", "name", "createdAt", "updatedAt", "lastSeen"] {
        assert!(device[name].is_string(), "{name}: {device}");
    }
    let path = format!("/devices/{}", device["id"].as_str().unwrap());
    assert_refused(&bob.delete(&path).await, 404, "device not found");
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_refused(&alice.delete(&path).await, 404, "device not found");
    assert_eq!(alice.get("/devices").await.json(), json!([]));
    assert_refused(&alice.post("/messages", message()).await, 400, "device not found");
}

#[tokio::test]
async fn settings_are_replaced_and_changed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    assert_eq!(alice.get("/settings").await.json(), json!({}));
    let all = json!({"logs": {"lifetime_days": 7}, "ping": {"interval_seconds": 60, "x": 1}});
    let put = alice.send("PUT", "/settings", all.clone()).await;
    assert_eq!((put.status.as_u16(), put.json()), (200, all));
    let changes = json!({"ping": {"interval_seconds": 90, "x": null}, "logs": null, "new": {"a": [1]}});
    let patched = alice.send("PATCH", "/settings", changes).await;
    let expected = json!({"ping": {"interval_seconds": 90}, "new": {"a": [1]}});
    assert_eq!((patched.status.as_u16(), patched.json()), (200, expected.clone()));
    assert_eq!(alice.get("/settings").await.json(), expected);
    assert_eq!(bob.get("/settings").await.json(), json!({}));
    for body in [json!([]), json!({"ping": 1}), json!("ping")] {
        assert_eq!(alice.send("PUT", "/settings", body).await.status, 400);
    }
    assert_eq!(alice.get("/settings").await.json(), expected);
}

#[tokio::test]
async fn settings_have_short_plain_names_and_an_end() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice()).pair(&["all:any"]).await.access;
    let longest = json!({"s".repeat(64): {"a": 1}});
    assert_eq!(alice.send("PUT", "/settings", longest.clone()).await.status, 200);
    for settings in [
        json!({"s".repeat(65): {"a": 1}}),
        json!({"": {"a": 1}}),
        json!({"two words": {"a": 1}}),
        json!({"a": {"b": "x".repeat(64 * 1024)}}),
    ] {
        for method in ["PUT", "PATCH"] {
            let reply = alice.send(method, "/settings", settings.clone()).await;
            assert_eq!(reply.status, 400, "{method} {settings}: {reply:?}");
            assert!(reply.json()["message"].as_str().unwrap().starts_with("failed to validate: "));
        }
    }
    // Not in many small steps, either.
    let half = "x".repeat(33 * 1024);
    let patch = |name: &str| json!({name: {"value": half}});
    assert_eq!(alice.send("PATCH", "/settings", patch("one")).await.status, 200);
    assert_eq!(alice.send("PATCH", "/settings", patch("two")).await.status, 400);
    let logs = alice.get("/logs").await;
    assert!(!logs.body.contains("sss"), "{logs:?}");
}

#[tokio::test]
async fn logs_tell_what_the_user_has_done_and_no_secret() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let (alice, bob) = (Caller::new(&server, server.alice()), Caller::new(&server, server.bob()));
    alice.post("/messages", message()).await;
    let secret = json!({"encryption": {"passphrase": "swordfish"}});
    alice.send("PUT", "/settings", secret).await;
    let pair = alice.pair(&["logs:read"]).await;
    let logs = pair.access.get("/logs").await;
    assert_eq!(logs.status, 200);
    let Value::Array(entries) = logs.json() else { panic!("{logs:?}") };
    let modules: Vec<&str> = entries.iter().map(|entry| entry["module"].as_str().unwrap()).collect();
    assert_eq!(modules, ["messages", "settings", "auth"]);
    for entry in &entries {
        assert!(entry["id"].is_i64() && entry["createdAt"].is_string(), "{entry}");
        assert_eq!(entry["priority"], "INFO");
    }
    assert!(!logs.body.contains("swordfish") && !logs.body.contains("Hello"), "{logs:?}");
    assert_eq!(bob.get("/logs").await.json(), json!([]));
    let past = alice.get("/logs?to=2020-01-01T00:00:00Z").await;
    assert_eq!(past.json(), json!([]));
    assert_eq!(alice.get("/logs?from=yesterday").await.status, 400);
}

#[tokio::test]
async fn the_inbox_is_empty_and_may_be_refreshed() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let inbox = alice.get("/inbox?type=SMS&limit=10").await;
    assert_eq!((inbox.status.as_u16(), inbox.json()), (200, json!([])));
    assert_eq!(inbox.header("x-total-count"), "0");
    assert_refused(&alice.get("/inbox/1/attachments/2").await, 404, "attachment not found");
    let period = json!({"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"});
    assert_eq!(alice.post("/inbox/refresh", period.clone()).await.status, 202);
    for path in ["/messages/inbox/export", "/inbox/export"] {
        let reply = alice.post(path, period.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.header("deprecation")), (202, "true"));
    }
    let turned = json!({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"});
    assert_eq!(alice.post("/inbox/refresh", turned).await.status, 400);
}

#[tokio::test]
async fn health_is_open_and_honest() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    for prefix in ["/3rdparty/v1", "/api/3rdparty/v1"] {
        for path in ["/health", "/health/live", "/health/ready", "/health/startup"] {
            let path = format!("{prefix}{path}");
            until(&path, async || {
                let reply = server.get(&path, &["Authorization: Basic wrong"]).await;
                let report = reply.json();
                assert!(report["version"].is_string() && report["releaseId"].is_i64(), "{report}");
                assert!(report["checks"].is_object());
                reply.status == 200 && report["status"] == "pass"
            })
            .await;
            until(&path, async || server.send("HEAD", &path, &[], "").await.status == 200).await;
        }
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_power_failure() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let password = server.alice();
    let alice = Caller::new(&server, &password);
    alice.post("/messages", message()).await;
    let hook = json!({"url": "https://example.com/", "event": "sms:sent"});
    alice.post("/webhooks", hook).await;
    alice.send("PUT", "/settings", json!({"ping": {"interval_seconds": 60}})).await;
    let paths = ["/messages", "/webhooks", "/devices", "/settings", "/logs"];
    let mut before = Vec::new();
    for path in paths {
        before.push(alice.get(path).await.json());
    }
    server.kill();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, &password);
    for (path, before) in paths.iter().zip(before) {
        assert_eq!(alice.get(path).await.json(), before, "{path}");
        assert!(before.as_array().is_none_or(|list| !list.is_empty()), "{path}");
    }
}
