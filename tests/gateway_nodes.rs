//! Several instances of the example server on one PostgreSQL and one Redis.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "gateway_nodes/alike.rs"]
mod alike;
#[path = "gateway_nodes/backup.rs"]
mod backup;
#[path = "gateway_nodes/dialects.rs"]
mod dialects;
mod gateway_support;
#[path = "gateway_nodes/health.rs"]
mod health;
#[path = "gateway_nodes/race.rs"]
mod race;
#[path = "gateway_nodes/revoked.rs"]
mod revoked;
mod servers;
#[path = "gateway_nodes/texts.rs"]
mod texts;
#[path = "gateway_nodes/upgrade.rs"]
mod upgrade;

use std::process::{Command, Output};

use gateway_support::{Folder, Reply, Server, command, free_port, until};
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use portcullis::s3p::Signer;
use serde_json::{Value, json};

/// Signatures cover the URL: all instances are reached under one name.
const PUBLIC_URL: &str = "https://gateway.example.org";

const SMS: &str = "/3rdparty/v1";
const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";

/// What the instances have in common.
struct Cluster {
    folder: Folder,
    database: String,
    redis: Option<String>,
    /// How long Redis is waited for, in seconds, where it has to fail.
    redis_timeout: Option<&'static str>,
}

impl Cluster {
    fn new(database: String) -> Self {
        Self { folder: Folder::new(), database, redis: None, redis_timeout: None }
    }

    fn with_redis(database: String, redis: String) -> Self {
        Self { redis: Some(redis), ..Self::new(database) }
    }

    fn start(&self) -> Server {
        self.start_on(free_port())
    }

    fn start_on(&self, port: u16) -> Server {
        let mut command = self.command();
        command.args(["--listen", &format!("127.0.0.1:{port}"), "--public-url", PUBLIC_URL]);
        Server::launch(&self.folder, port, &mut command)
    }

    /// Two servers, and what the first one has printed.
    fn start_two(&self) -> ([Server; 2], Accounts) {
        let servers = [self.start(), self.start()];
        let accounts = Accounts::of(&servers[0]);
        (servers, accounts)
    }

    /// Runs a subcommand.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// What a subcommand prints after these words.
    fn printed(&self, arguments: &[&str], words: &str) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        let line = printed.lines().find_map(|line| line.strip_prefix(words));
        line.unwrap_or_else(|| panic!("no {words:?}: {printed}")).to_owned()
    }

    fn command(&self) -> Command {
        let mut command = command();
        command.args(["--database", &self.database, "--keys"]).arg(self.folder.path("gateway.keys"));
        if let Some(redis) = &self.redis {
            command.args(["--redis", redis]);
        }
        if let Some(timeout) = self.redis_timeout {
            command.args(["--redis-timeout", timeout]);
        }
        command
    }
}

/// The demo accounts: what to sign in with.
#[derive(Clone)]
struct Accounts {
    alice: String,
    bob: String,
    /// Alice's user token, with the scheme before it.
    token: String,
    key: Key,
}

impl Accounts {
    fn of(first: &Server) -> Self {
        let key = Key { token: first.demo("access token"), secret: first.demo("  secret") };
        Self { alice: first.alice(), bob: first.bob(), token: first.user_token(), key }
    }
}

/// An access key of S3P.
#[derive(Clone)]
struct Key {
    token: String,
    secret: String,
}

impl Key {
    /// A new `Authorization` line for `ping`.
    fn ping(&self) -> String {
        self.sign(&Method::GET, "/ping", &HeaderMap::new(), "")
    }

    /// Sends an order, signed.
    async fn post(&self, server: &Server, path: &str, order: &Value) -> (u16, Value) {
        let (json, body) = ("content-type: application/json", order.to_string());
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let signed = self.sign(&Method::POST, path, &headers, &body);
        let reply = server.send("POST", &format!("/s3p/v2{path}"), &[&signed, json], body).await;
        (reply.status.as_u16(), reply.json())
    }

    fn sign(&self, method: &Method, path: &str, headers: &HeaderMap, body: &str) -> String {
        let signer = Signer::new(&self.token, self.secret.as_str()).unwrap();
        let url = format!("{PUBLIC_URL}/s3p/v2{path}").parse().unwrap();
        let signed = signer.sign(method, &url, headers, body.as_bytes()).unwrap();
        format!("authorization: {}", signed.to_str().unwrap())
    }
}

async fn send_ping(server: &Server, signed: &str) -> u16 {
    server.get("/s3p/v2/ping", &[signed]).await.status.as_u16()
}

/// A request whose body, if there is one, is JSON.
async fn ask(server: &Server, method: &str, path: &str, who: &str, body: &Value) -> (u16, Value) {
    let headers = [&*format!("authorization: {who}"), "content-type: application/json"];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = server.send(method, path, &headers, body).await;
    (reply.status.as_u16(), serde_json::from_str(&reply.body).unwrap_or_default())
}

async fn messages(server: &Server, who: &str) -> u16 {
    ask(server, "GET", &format!("{SMS}/messages"), who, &Value::Null).await.0
}

async fn refresh(server: &Server, who: &str) -> u16 {
    ask(server, "POST", &format!("{SMS}/auth/token/refresh"), who, &Value::Null).await.0
}

/// An access token, which may send and list messages and manage tokens, and its refresh token.
struct Pair {
    id: String,
    access: String,
    refresh: String,
}

impl Pair {
    async fn issue(server: &Server, who: &str) -> Self {
        Self::ask(server, who).await.unwrap()
    }

    /// Asks for it: whether it is given, or the caller's token is refused.
    async fn ask(server: &Server, who: &str) -> Result<Self, Value> {
        let wish = json!({"scopes": ["messages:send", "messages:list", "tokens:manage"]});
        let (status, pair) = ask(server, "POST", &format!("{SMS}/auth/token"), who, &wish).await;
        if status == 401 {
            return Err(pair);
        }
        assert_eq!(status, 201, "{pair}");
        let text = |name: &str| pair[name].as_str().unwrap().to_owned();
        let [access, refresh] =
            ["access_token", "refresh_token"].map(|name| format!("Bearer {}", text(name)));
        Ok(Self { id: text("id"), access, refresh })
    }

    /// By itself.
    async fn revoke(&self, server: &Server) -> u16 {
        let path = format!("{SMS}/auth/token/{}", self.id);
        ask(server, "DELETE", &path, &self.access, &Value::Null).await.0
    }
}

fn group(name: &str) -> String {
    format!("/iso6523-actorid-upis%3A%3A9915%3A{name}")
}

fn group_xml(name: &str) -> String {
    format!(
        "<ServiceGroup><ParticipantIdentifier scheme=\"iso6523-actorid-upis\">9915:{name}\
         </ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>"
    )
}

async fn put_group(server: &Server, name: &str, who: &str) -> u16 {
    let headers = [&*format!("authorization: {who}"), "content-type: application/xml"];
    server.send("PUT", &group(name), &headers, group_xml(name)).await.status.as_u16()
}
