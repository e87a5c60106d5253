//! What a stranger, and one who has made a mistake, is told.

use serde_json::{Value, json};

use super::{gateway_support::GRPC, *};

const CHALLENGES: [&str; 2] =
    [r#"Bearer realm="SMSGate""#, r#"Basic realm="SMSGate", charset="UTF-8""#];

#[tokio::test]
async fn every_401_reads_the_same() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let answer = Caller::new(&server, server.alice()).ask_for(json!({"scopes": ["all:any"]})).await;
    let good = answer.json()["access_token"].as_str().unwrap().to_owned();
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#),
        good.split('.').nth(1).unwrap()
    );
    let path = format!("{BASE}/messages");
    for lines in [
        vec![],
        vec!["Authorization: Digest username=\"alice\"".to_owned()],
        vec!["Authorization: Code 123456".to_owned()],
        vec!["Authorization: Basic".to_owned()],
        vec!["Authorization: Basic YWxpY2U".to_owned()],
        vec![format!("Authorization: {}", gateway_support::basic("alice@example.org", "wrong"))],
        vec![format!("Authorization: {}", gateway_support::basic("nobody", "wrong"))],
        vec!["Authorization: Bearer".to_owned()],
        vec!["Authorization: Bearer two words".to_owned()],
        vec!["Authorization: Bearer abc".to_owned()],
        vec![format!("Authorization: Bearer {unsigned}")],
        vec![format!("Authorization: Bearer {good}A")],
        vec![format!("Authorization: {}", server.user_token())],
        vec![format!("Authorization: Bearer {good}"), format!("Authorization: Bearer {good}")],
    ] {
        let headers: Vec<&str> = lines.iter().map(String::as_str).collect();
        let reply = server.get(&path, &headers).await;
        assert_refused(&reply, 401, "Unauthorized");
        assert_eq!(reply.header("cache-control"), "no-store");
        let mut challenges = reply.headers.get_all("www-authenticate").iter();
        for begin in CHALLENGES {
            assert!(challenges.next().unwrap().to_str().unwrap().starts_with(begin), "{reply:?}");
        }
    }
    let reply = server.get(&path, &[&format!("Authorization: Bearer {good}")]).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn who_looks_for_a_mistake_may_be_told_the_reason() {
    let folder = Folder::new();
    let server = Server::start(&folder, &["--error-details"]);
    let bad = gateway_support::basic("alice@example.org", "wrong");
    let reply = Caller::new(&server, bad).get("/messages").await;
    let told = json!({"message": "Unauthorized", "reason": "basic.wrong_password"});
    assert_eq!((reply.status.as_u16(), reply.json()), (401, told));
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_told_only_to_users() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for (method, path) in [
        ("GET", ""),
        ("GET", "/nothing"),
        ("GET", "/messages/1/2"),
        ("GET", "//messages"),
        ("GET", "/auth/token"),
        ("DELETE", "/auth/token/"),
        ("PUT", "/messages"),
        ("OPTIONS", "/messages"),
    ] {
        let stranger = server.send(method, &format!("{BASE}{path}"), &[], "").await;
        assert_refused(&stranger, 401, "Unauthorized");
        let user = alice.send(method, path, Value::Null).await;
        assert_refused(&user, 404, "Not Found");
    }
    // Health is nobody's secret.
    for path in ["/health", "/health/live", "/health/ready", "/health/startup"] {
        let stranger = server.send("POST", &format!("{BASE}{path}"), &[], "").await;
        assert_refused(&stranger, 404, "Not Found");
    }
}

#[tokio::test]
async fn what_is_no_json_is_a_bad_request() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let authorization = format!("Authorization: {}", server.alice());
    for path in ["/auth/token", "/messages", "/webhooks", "/inbox/refresh", "/messages/inbox/export"] {
        let path = format!("{BASE}{path}");
        for (headers, body) in [
            (vec![JSON], "{"),
            (vec![JSON], ""),
            (vec![JSON], "[1]"),
            (vec![JSON], "\"\u{fffd}\""),
            (vec![], "{}"),
            (vec!["Content-Type: text/plain"], "{}"),
            (vec!["Content-Type: application/x-www-form-urlencoded"], "scopes=logs%3Aread"),
        ] {
            let headers: Vec<&str> = headers.into_iter().chain([authorization.as_str()]).collect();
            let reply = server.send("POST", &path, &headers, body).await;
            assert_eq!(reply.status, 400, "{path} {body:?}: {reply:?}");
            assert_eq!(reply.header("content-type"), "application/json");
            let said = reply.json()["message"].as_str().unwrap().to_owned();
            assert!(said.starts_with("failed to parse body: "), "{said}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice()).authorization;
    let line = format!("POST {BASE}/messages");
    let answer = server.send_too_long(&line, &[&alice, JSON], 2 * 1024 * 1024);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\r\n\r\n{\"message\":"), "{answer}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_503_and_not_a_wrong_password() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["messages:list"]).await;
    // One: another connection does not know at once what this one has renamed.
    let mut database = folder.database().await;

    sqlx::query("ALTER TABLE sms_messages RENAME TO away").execute(&mut database).await.unwrap();
    assert_refused(&alice.get("/messages").await, 503, "try again later");
    sqlx::query("ALTER TABLE away RENAME TO sms_messages").execute(&mut database).await.unwrap();
    sqlx::query("ALTER TABLE portcullis_users RENAME TO away").execute(&mut database).await.unwrap();
    for caller in [&alice, &pair.access] {
        let reply = caller.get("/messages").await;
        assert_refused(&reply, 503, "try again later");
        assert_eq!(reply.header("retry-after"), "1");
        assert!(!reply.headers.contains_key("www-authenticate"));
    }
    sqlx::query("ALTER TABLE away RENAME TO portcullis_users").execute(&mut database).await.unwrap();
    for caller in [&alice, &pair.access] {
        assert_eq!(caller.get("/messages").await.status, 200);
    }
}

#[tokio::test]
async fn the_prefix_alone_is_told_only_to_users() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice()).authorization;
    for path in ["/3rdparty/v1", "/3rdparty/v1/", "/api/3rdparty/v1", "/api/3rdparty/v1/"] {
        for method in ["GET", "POST"] {
            let stranger = server.send(method, path, &[], "").await;
            assert_refused(&stranger, 401, "Unauthorized");
            let user = server.send(method, path, &[&alice], "").await;
            assert_refused(&user, 404, "Not Found");
        }
    }
}

#[tokio::test]
async fn a_content_type_of_grpc_is_answered_like_any_other() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let token = alice.pair(&["logs:read"]).await.access;
    let wrong = Caller::new(&server, gateway_support::basic("alice@example.org", "wrong"));
    let nobody = Caller::new(&server, "Bearer abc");
    for path in ["/messages", "/auth/token", "/auth/token/refresh", "/nothing"] {
        for caller in [&wrong, &nobody, &token, &alice] {
            let post = async |content_type: &str| {
                let content_type = format!("Content-Type: {content_type}");
                let headers = [&*caller.authorization, &content_type];
                let reply = server.send("POST", &format!("{BASE}{path}"), &headers, "{}").await;
                (reply.status.as_u16(), reply.body)
            };
            let plain = post("text/plain").await;
            assert!(plain.0 >= 400, "{plain:?}");
            for grpc in GRPC {
                assert_eq!(post(grpc).await, plain, "{path} {grpc}");
            }
        }
    }
    let log = server.log().await;
    assert!(!log.contains("path=\"/3rdparty/v1/messages\" status=200"), "{log}");
}
