//! The SMSGate part of the example server, over its socket.
#![cfg(feature = "full")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "gateway_smsgate/data.rs"]
mod data;
mod gateway_support;
#[path = "gateway_smsgate/lifetimes.rs"]
mod lifetimes;
#[path = "gateway_smsgate/messages.rs"]
mod messages;
#[path = "gateway_smsgate/refresh.rs"]
mod refresh;
#[path = "gateway_smsgate/refusals.rs"]
mod refusals;
#[path = "gateway_smsgate/samples.rs"]
mod samples;
#[path = "gateway_smsgate/scopes.rs"]
mod scopes;
#[path = "gateway_smsgate/slow_bodies.rs"]
mod slow_bodies;
#[path = "gateway_smsgate/tokens.rs"]
mod tokens;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gateway_support::{Folder, Reply, Server, run};
use serde_json::{Value, json};

const BASE: &str = "/3rdparty/v1";
const JSON: &str = "Content-Type: application/json";

/// What one caller says, by password or by token.
struct Caller<'s> {
    server: &'s Server,
    authorization: String,
}

impl<'s> Caller<'s> {
    fn new(server: &'s Server, authorization: impl AsRef<str>) -> Self {
        Self { server, authorization: format!("Authorization: {}", authorization.as_ref()) }
    }

    async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, Value::Null).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let path = format!("{BASE}{path}");
        self.server.send(method, &path, &[&self.authorization, JSON], body).await
    }

    async fn ask_for(&self, request: Value) -> Reply {
        self.post("/auth/token", request).await
    }

    /// A pair of tokens with these scopes.
    async fn pair(&self, scopes: &[&str]) -> Pair<'s> {
        let reply = self.ask_for(json!({"scopes": scopes})).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        Pair::new(self.server, &reply.json())
    }
}

/// The callers who hold an access token and its refresh token.
struct Pair<'s> {
    id: String,
    access: Caller<'s>,
    refresh: Caller<'s>,
}

impl<'s> Pair<'s> {
    fn new(server: &'s Server, answer: &Value) -> Self {
        let caller =
            |name: &str| Caller::new(server, format!("Bearer {}", answer[name].as_str().unwrap()));
        let id = answer["id"].as_str().unwrap().to_owned();
        Self { id, access: caller("access_token"), refresh: caller("refresh_token") }
    }

    async fn refreshed(&self) -> Pair<'s> {
        let reply = self.refresh.post("/auth/token/refresh", Value::Null).await;
        assert_eq!(reply.status, 201, "{reply:?}");
        Pair::new(self.refresh.server, &reply.json())
    }
}

fn message() -> Value {
    json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "Hello"}})
}

/// The claims of a token, as anybody may read them.
fn claims(token: &Value) -> Value {
    part(token, 1)
}

fn part(token: &Value, at: usize) -> Value {
    let part = token.as_str().unwrap().split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Adds a user who holds these scopes; the password.
fn add_user(folder: &Folder, name: &str, scopes: &[&str]) -> String {
    let mut arguments = vec!["user", "add", name];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    password(folder, &arguments)
}

/// The password that a subcommand prints.
fn password(folder: &Folder, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.rsplit(' ').next().unwrap().trim().to_owned()
}

fn assert_refused(reply: &Reply, status: u16, message: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.json(), json!({"message": message}));
}
