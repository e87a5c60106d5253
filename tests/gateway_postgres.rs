//! Two instances of the example server on one PostgreSQL.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

mod gateway_support;
mod servers;

use futures_util::future::join_all;
use gateway_support::{Folder, Reply, Server, command, free_port, until};
use http::{HeaderMap, Method};
use portcullis::s3p::Signer;
use serde_json::{Value, json};
use servers::{PATIENCE, Postgres, Proxy};
use sqlx::{Connection, PgConnection, query, query_scalar};
use std::{
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{task::spawn_blocking, time::timeout};

const GROUP: &str = "/iso6523-actorid-upis%3A%3A9915%3Ademo";
const CARD: &str = "/businesscard/iso6523-actorid-upis%3A%3A9915%3Ademo";
const ALICE: &str = "alice@example.org";
const GROUP_XML: &str = "<ServiceGroup><ParticipantIdentifier scheme=\"iso6523-actorid-upis\">9915:demo\
    </ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>";
const SMS: &str = "/3rdparty/v1";

/// How long a database is waited for that has to fail.
const SHORT: [&str; 2] = ["--database-timeout", "5"];

/// Two servers, of which the first has made the demo accounts.
struct Pair {
    folder: Folder,
    database: String,
    servers: [Server; 2],
}

impl Pair {
    fn start(database: String) -> Self {
        Self::start_with(database, &[])
    }

    fn start_with(database: String, more: &[&str]) -> Self {
        let folder = Folder::new();
        let start = || {
            let keys = folder.path("gateway.keys");
            let port = free_port();
            // Signatures cover the URL: both are reached under one name.
            let arguments =
                ["--keys", keys.to_str().unwrap(), "--public-url", "https://gateway.example.org"];
            Server::start_with(&folder, port, &database, &[&arguments, more].concat())
        };
        let servers = [start(), start()];
        Self { folder, database, servers }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command();
        command.args(["--database", &self.database, "--keys"]).arg(self.folder.path("gateway.keys"));
        command.args(arguments).output().unwrap()
    }
}

/// A request whose body, if there is one, is JSON.
async fn ask(server: &Server, method: &str, path: &str, who: &str, body: &Value) -> (u16, Value) {
    let headers = [&*format!("authorization: {who}"), "content-type: application/json"];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = server.send(method, path, &headers, body).await;
    (reply.status.as_u16(), serde_json::from_str(&reply.body).unwrap_or_default())
}

async fn put_card(server: &Server, who: &str) -> u16 {
    let headers = [&*format!("authorization: {who}"), "content-type: application/xml"];
    let card = GROUP_XML.replace("ServiceGroup", "BusinessCard");
    server.send("PUT", CARD, &headers, card).await.status.as_u16()
}

/// Bob signs in at the page for people: the status, and the cookie that he gets.
async fn sign_in(server: &Server, password: &str) -> (u16, String) {
    let form = ["content-type: application/x-www-form-urlencoded"];
    let body = format!("name=bob%40example.org&password={password}");
    let reply = server.send("POST", "/secure/sign-in", &form, body).await;
    let cookie = reply.headers.get("set-cookie").map_or("", |cookie| cookie.to_str().unwrap());
    (reply.status.as_u16(), format!("cookie: {}", cookie.split(';').next().unwrap()))
}

async fn page(server: &Server, cookie: &str) -> u16 {
    server.get("/secure/user-tokens", &[cookie]).await.status.as_u16()
}

async fn put_group(server: &Server, who: &str) -> u16 {
    put_named(server, "demo", who).await.status.as_u16()
}

async fn put_named(server: &Server, name: &str, who: &str) -> Reply {
    let headers = [&*format!("authorization: {who}"), "content-type: application/xml"];
    let [path, group] = [GROUP, GROUP_XML].map(|text| text.replace("demo", name));
    server.send("PUT", &path, &headers, group).await
}

/// An `Authorization` for a request of S3P.
fn sign(first: &Server, path: &str) -> String {
    let signer = Signer::new(&first.demo("access token"), first.demo("  secret")).unwrap();
    let url = format!("https://gateway.example.org/s3p/v2{path}").parse().unwrap();
    let signed = signer.sign(&Method::GET, &url, &HeaderMap::new(), b"").unwrap();
    signed.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_done_at_one_holds_at_the_other() {
    let pair = Pair::start(Postgres::shared().database());
    let [one, two] = &pair.servers;
    let (alice, bob, token) = (one.alice(), one.bob(), one.user_token());

    // SMP: who has claimed a group owns it.
    assert_eq!([put_group(one, &token).await, put_group(two, &bob).await], [200, 403]);
    assert_eq!(two.get(GROUP, &[]).await.body, GROUP_XML);
    assert_eq!(ask(two, "DELETE", GROUP, &alice, &Value::Null).await.0, 200);
    assert_eq!(put_group(two, &bob).await, 200);
    // A card that is there, and none; and an owner who is made another one.
    assert_eq!(put_card(one, &bob).await, 200);
    assert_eq!(ask(two, "DELETE", CARD, &bob, &Value::Null).await.0, 200);
    assert_eq!(one.get(CARD, &[]).await.status, 404);
    assert!(pair.run(&["smp", "owner", "iso6523-actorid-upis::9915:demo", ALICE]).status.success());
    assert_eq!([put_card(one, &bob).await, put_card(two, &alice).await], [403, 200]);
    assert!(pair.run(&["user", "scopes", "bob@example.org", "all:any", "smp:admin"]).status.success());
    assert_eq!([put_card(one, &bob).await, put_group(two, &bob).await], [200, 200]);

    // SMSGate: messages, and tokens that are revoked, or refreshed twice.
    let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "Hello"}});
    assert_eq!(ask(one, "POST", &format!("{SMS}/messages"), &alice, &message).await.0, 202);
    let (status, messages) = ask(two, "GET", &format!("{SMS}/messages"), &alice, &Value::Null).await;
    assert_eq!((status, messages.as_array().map(Vec::len)), (200, Some(1)));
    let wish = json!({"scopes": ["messages:list"]});
    let (status, tokens) = ask(one, "POST", &format!("{SMS}/auth/token"), &alice, &wish).await;
    assert_eq!(status, 201, "{tokens}");
    let [access, refresh] = ["access_token", "refresh_token"]
        .map(|name| format!("Bearer {}", tokens[name].as_str().unwrap()));
    let list =
        async |server| ask(server, "GET", &format!("{SMS}/messages"), &access, &Value::Null).await.0;
    assert_eq!(list(two).await, 200);
    let again = join_all((0..8).map(|n: usize| {
        let (server, refresh) = (&pair.servers[n % 2], &refresh);
        async move {
            let path = format!("{SMS}/auth/token/refresh");
            ask(server, "POST", &path, refresh, &Value::Null).await.0
        }
    }));
    let served = again.await.into_iter().filter(|status| *status == 201).count();
    assert_eq!(served, 1, "a refresh token is used once");
    assert_eq!([list(one).await, list(two).await], [401, 401], "and its family has ended");

    // S3P: a signed request is done once, wherever it is sent.
    let signed = format!("authorization: {}", sign(one, "/ping"));
    let signed = [&*signed];
    let pings = (0..16).map(|n: usize| {
        let ping = pair.servers[n % 2].get("/s3p/v2/ping", &signed);
        async { ping.await.status.as_u16() }
    });
    let pings = join_all(pings).await;
    assert_eq!(pings.iter().filter(|status| **status == 200).count(), 1, "{pings:?}");
    assert_eq!(pings.iter().filter(|status| **status == 401).count(), 15, "{pings:?}");

    // The page: who is signed in is so at both.
    let (status, cookie) = sign_in(one, &one.demo("bob@example.org    password")).await;
    assert_eq!((status, page(one, &cookie).await, page(two, &cookie).await), (303, 200, 200));

    // A user who is disabled is refused everywhere.
    assert!(pair.run(&["user", "disable", "bob@example.org"]).status.success());
    assert_eq!([put_group(one, &bob).await, put_group(two, &bob).await], [401, 401]);
    assert_eq!([page(one, &cookie).await, page(two, &cookie).await], [303, 303]);
}

#[tokio::test]
async fn a_database_that_is_gone_is_a_503_at_both_until_it_is_back() {
    let server = Postgres::start();
    let pair = Pair::start_with(server.database(), &SHORT);
    let alice = pair.servers[0].alice();
    let states = async || {
        join_all(pair.servers.iter().map(async |server| {
            let list = ask(server, "GET", &format!("{SMS}/messages"), &alice, &Value::Null).await.0;
            [list, server.get("/health/ready", &[]).await.status.as_u16()]
        }))
        .await
    };
    until("both are ready", async || states().await == [[200, 204]; 2]).await;
    let password = pair.servers[0].demo("bob@example.org    password");
    let mut cookie = String::new();
    until("he is signed in", async || {
        let (status, given) = sign_in(&pair.servers[0], &password).await;
        cookie = given;
        status == 303
    })
    .await;
    server.kill();
    // That it is ready holds for a while.
    until("both tell it", async || states().await == [[503, 503]; 2]).await;
    for server in &pair.servers {
        assert_eq!((sign_in(server, "wrong").await.0, page(server, &cookie).await), (503, 503));
    }
    for server in &pair.servers {
        assert_eq!(server.get("/health/live", &[]).await.status, 204);
    }
    server.restart();
    until("both recover", async || states().await == [[200, 204]; 2]).await;
}

/// How many statements wait that begin like this.
async fn waiting(watch: &mut PgConnection, statement: &str) -> i64 {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock' AND starts_with(query, $1)";
    query_scalar(waiting).bind(statement).fetch_one(watch).await.unwrap()
}

#[tokio::test]
async fn a_token_that_is_made_while_its_password_is_replaced_ends_with_the_password() {
    let pair = Arc::new(Pair::start(Postgres::shared().database()));
    let server = &pair.servers[0];
    let (alice, path) = (server.alice(), format!("{SMS}/auth/token"));
    let wish = json!({"scopes": ["messages:list"]});
    assert_eq!(ask(server, "POST", &path, &alice, &wish).await.0, 201);
    let mut watch = PgConnection::connect(&pair.database).await.unwrap();
    let mut holder = PgConnection::connect(&pair.database).await.unwrap();
    // At the token from before, the change is held up when it has looked which tokens there are.
    let mut held = holder.begin().await.unwrap();
    query("SELECT 1 FROM portcullis_refresh_families FOR UPDATE").execute(&mut *held).await.unwrap();
    let changing = spawn_blocking({
        let pair = pair.clone();
        move || pair.run(&["user", "passwd", ALICE])
    });
    until("the change waits", async || {
        waiting(&mut watch, "UPDATE portcullis_refresh_families").await == 1
    })
    .await;
    let is_made = AtomicBool::new(false);
    let make = async {
        let made = ask(server, "POST", &path, &alice, &wish).await;
        is_made.store(true, Ordering::Relaxed);
        made
    };
    let let_go = async {
        until("the token is made, or waits for the change", async || {
            let waits = waiting(&mut watch, "SELECT pg_advisory_xact_lock").await == 1;
            waits || is_made.load(Ordering::Relaxed)
        })
        .await;
        held.rollback().await.unwrap();
    };
    let ((status, tokens), ()) = tokio::join!(make, let_go);
    let changed = changing.await.unwrap();
    assert!(changed.status.success(), "{changed:?}");
    assert_eq!(status, 401, "{tokens}");
    let families = "SELECT count(*) FROM portcullis_refresh_families WHERE revoked IS NULL";
    assert_eq!(query_scalar::<_, i64>(families).fetch_one(&mut watch).await.unwrap(), 0);
}

#[test]
fn the_password_of_a_server_that_cannot_be_reached_is_not_told() {
    let folder = Folder::new();
    let keys = folder.path("gateway.keys");
    let url = "postgres://portcullis:s3cret@127.0.0.1:1/gateway";
    let mut command = command();
    command.args(["--database-timeout", "1", "--database", url, "--keys"]);
    let output = command.arg(keys).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("cannot open the database: ") && !told.contains("s3cret"), "{told}");
}

#[tokio::test]
async fn a_list_and_its_length_are_of_one_moment_while_others_write() {
    let pair = Pair::start(Postgres::shared().database());
    // By a token, as of many passwords at once, some would have to wait.
    let (first, list) = (&pair.servers[0], format!("{SMS}/messages"));
    let wish = json!({"scopes": ["messages:send", "messages:list"]});
    let (status, tokens) =
        ask(first, "POST", &format!("{SMS}/auth/token"), &first.alice(), &wish).await;
    assert_eq!(status, 201, "{tokens}");
    let alice = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let authorization = format!("authorization: {alice}");
    let message = json!({"phoneNumbers": ["+1234567890"], "textMessage": {"text": "one more"}});
    // As many as a page has, together.
    let write = async |server| {
        for _ in 0..50 {
            assert_eq!(ask(server, "POST", &list, &alice, &message).await.0, 202);
        }
    };
    let is_written = AtomicBool::new(false);
    let written = async {
        join_all(pair.servers.iter().map(write)).await;
        is_written.store(true, Ordering::Relaxed);
    };
    let page = format!("{list}?limit=100");
    let read = async |reader: usize| {
        while !is_written.load(Ordering::Relaxed) {
            let reply = pair.servers[reader % 2].get(&page, &[&authorization]).await;
            let listed = reply.json().as_array().unwrap().len();
            assert_eq!(reply.header("x-total-count"), listed.to_string());
        }
    };
    tokio::join!(written, join_all((0..4).map(read)));
}

// On several threads, as the start of a server blocks the one that it is called on.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_a_handler_that_the_network_swallows_is_a_503_and_holds_no_connection() {
    let postgres = Postgres::shared();
    let proxy = Proxy::to(postgres.address()).await;
    let folder = Folder::new();
    let keys = folder.path("gateway.keys");
    let arguments = ["--keys", keys.to_str().unwrap(), "--body-timeout", "1"];
    let arguments = [&arguments[..], &SHORT].concat();
    let database = proxy.url(&postgres.database());
    let server = Server::start_with(&folder, free_port(), &database, &arguments);
    let alice = server.user_token();
    // As many as there are connections, and of what goes on when its caller hangs up.
    proxy.swallow("INTO smp_groups");
    let names: Vec<_> = (0..8).map(|number| format!("silent{number}")).collect();
    let written = join_all(names.iter().map(|name| put_named(&server, name, &alice)));
    let written = timeout(PATIENCE, written).await.expect("waiting is bounded");
    for reply in written {
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "1"));
    }
    proxy.carry_on();
    until("it is served again", async || put_group(&server, &alice).await == 200).await;
    // And of what anybody reads.
    proxy.swallow("FROM smp_groups");
    let read = timeout(PATIENCE, server.get(GROUP, &[])).await.expect("waiting is bounded");
    assert_eq!((read.status.as_u16(), read.header("retry-after")), (503, "1"));
    proxy.carry_on();
    until("it is read again", async || server.get(GROUP, &[]).await.body == GROUP_XML).await;
}
