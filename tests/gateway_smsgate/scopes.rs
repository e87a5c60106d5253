//! Each endpoint asks for its scope, and for no other.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::*;

/// The table of the page, and what today's clients call besides.
const ENDPOINTS: [(&str, &str, &str); 26] = [
    ("GET", "/messages", "messages:list"),
    ("POST", "/messages", "messages:send"),
    ("GET", "/messages/1", "messages:read"),
    ("DELETE", "/messages/1", "messages:cancel"),
    ("POST", "/messages/inbox/export", "messages:export"),
    ("GET", "/message", "messages:list"),
    ("POST", "/message", "messages:send"),
    ("GET", "/message/1", "messages:read"),
    ("DELETE", "/message/1", "messages:cancel"),
    ("GET", "/inbox", "inbox:list"),
    ("POST", "/inbox/refresh", "inbox:refresh"),
    ("POST", "/inbox/export", "messages:export"),
    ("GET", "/inbox/1/attachments/1", "inbox:read"),
    ("GET", "/devices", "devices:list"),
    ("DELETE", "/devices/1", "devices:delete"),
    ("GET", "/device", "devices:list"),
    ("DELETE", "/device/1", "devices:delete"),
    ("GET", "/webhooks", "webhooks:list"),
    ("POST", "/webhooks", "webhooks:write"),
    ("DELETE", "/webhooks/1", "webhooks:delete"),
    ("GET", "/settings", "settings:read"),
    ("PATCH", "/settings", "settings:write"),
    ("PUT", "/settings", "settings:write"),
    ("GET", "/logs", "logs:read"),
    ("POST", "/auth/token", "tokens:manage"),
    ("DELETE", "/auth/token/1", "tokens:manage"),
];

fn is_let_through(reply: &Reply) -> bool {
    reply.status != 401 && reply.status != 403
}

#[tokio::test]
async fn a_token_with_the_scope_alone_is_let_through() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for (method, path, scope) in ENDPOINTS {
        let token = alice.pair(&[scope]).await.access;
        let reply = token.send(method, path, json!({})).await;
        assert!(is_let_through(&reply), "{method} {path}: {reply:?}");
    }
}

#[tokio::test]
async fn a_token_with_every_scope_but_the_one_is_told_which_is_missing() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    for (method, path, scope) in ENDPOINTS {
        let mut others: Vec<&str> = ENDPOINTS.iter().map(|(_, _, other)| *other).collect();
        others.retain(|other| *other != scope);
        let token = alice.pair(&others).await.access;
        let reply = token.send(method, path, json!({})).await;
        assert_refused(&reply, 403, &format!("scope required: {scope}"));
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        assert_eq!(reply.header("www-authenticate"), challenge, "{method} {path}");
    }
}

#[tokio::test]
async fn the_password_and_a_token_for_everything_open_every_endpoint() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let all = alice.pair(&["all:any"]).await.access;
    for (method, path, _) in ENDPOINTS {
        for caller in [&alice, &all] {
            let reply = caller.send(method, path, json!({})).await;
            assert!(is_let_through(&reply), "{method} {path}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn head_asks_for_the_scope_of_get() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["messages:send", "logs:read"]).await;
    assert_eq!(pair.access.send("HEAD", "/messages", Value::Null).await.status, 403);
    assert_eq!(pair.access.send("HEAD", "/logs", Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_user_without_the_scope_is_refused_by_password_too() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let password = add_user(&folder, "carol", &["messages:list"]);
    let carol = Caller::new(&server, gateway_support::basic("carol", &password));
    assert_eq!(carol.get("/messages").await.status, 200);
    let refused = carol.post("/messages", message()).await;
    assert_refused(&refused, 403, "scope required: messages:send");
}

#[tokio::test]
async fn nothing_that_is_not_the_scope_itself_opens_an_endpoint() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let near = ["messages:*", "messages:any", "messages", "*", "MESSAGES:LIST", "all", "all:*"];
    let token = alice.pair(&near).await.access;
    assert_refused(&token.get("/messages").await, 403, "scope required: messages:list");
}

#[tokio::test]
async fn only_a_refresh_token_may_refresh() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let pair = alice.pair(&["all:any"]).await;
    for caller in [&alice, &pair.access] {
        let reply = caller.post("/auth/token/refresh", json!({})).await;
        assert_refused(&reply, 403, "scope required: tokens:refresh");
    }
}

#[tokio::test]
async fn who_may_not_is_refused_before_the_body_has_come() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let alice = Caller::new(&server, server.alice());
    let token = alice.pair(&["messages:list"]).await.access;
    for (header, status) in [(token.authorization.as_str(), "403"), ("X-Nothing: 1", "401")] {
        let address = server.url.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {BASE}/messages HTTP/1.1\r\nHost: {address}\r\n{header}\r\n{JSON}\r\n\
             Content-Length: 1000\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(std::str::from_utf8(&answer).unwrap(), format!("HTTP/1.1 {status}"));
    }
}
