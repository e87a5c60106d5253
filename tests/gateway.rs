//! The example server as an operator meets it: accounts, flags, files, restart, health, log.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "gateway/demo.rs"]
mod demo;
#[path = "gateway/environment.rs"]
mod environment;
#[path = "gateway/files.rs"]
mod files;
#[path = "gateway/flags.rs"]
mod flags;
mod gateway_support;
#[path = "gateway/health.rs"]
mod health;
#[path = "gateway/keys.rs"]
mod keys;
#[path = "gateway/log.rs"]
mod log;
#[path = "gateway/memory.rs"]
mod memory;
#[path = "gateway/passwords.rs"]
mod passwords;
#[path = "gateway/shutdown.rs"]
mod shutdown;
#[path = "gateway/tls.rs"]
mod tls;
#[path = "gateway/tokens.rs"]
mod tokens;
#[path = "gateway/users.rs"]
mod users;

use std::process::Output;

use gateway_support::{Folder, Reply, Server, basic, run};
use http::{HeaderMap, Method};
use portcullis::s3p::Signer;

const ALICE: &str = "alice@example.org";
const BOB: &str = "bob@example.org";
const CAROL: &str = "carol@example.org";

const GROUP: &str = "/iso6523-actorid-upis%3A%3A9915%3Ademo";
const GROUP_XML: &str = "<ServiceGroup><ParticipantIdentifier scheme=\"iso6523-actorid-upis\">9915:demo\
    </ParticipantIdentifier><ServiceMetadataReferenceCollection/></ServiceGroup>";

/// An access key of S3P.
#[derive(Clone)]
struct Key {
    token: String,
    secret: String,
}

impl Key {
    fn of_demo(server: &Server) -> Self {
        Self { token: server.demo("access token"), secret: server.demo("  secret") }
    }

    /// An `Authorization` header for `ping`, signed for the server at this URL.
    fn ping(&self, url: &str) -> String {
        let signer = Signer::new(&self.token, self.secret.as_str()).unwrap();
        let url = format!("{url}/s3p/v2/ping").parse().unwrap();
        let signed = signer.sign(&Method::GET, &url, &HeaderMap::new(), b"").unwrap();
        format!("authorization: {}", signed.to_str().unwrap())
    }
}

/// Whether S3P lets this key in, as a status.
async fn s3p(server: &Server, key: &Key) -> u16 {
    server.get("/s3p/v2/ping", &[&key.ping(&server.url)]).await.status.as_u16()
}

/// Whether SMSGate lets somebody in, as a status.
async fn smsgate(server: &Server, who: &str) -> u16 {
    let authorization = format!("authorization: {who}");
    server.get("/3rdparty/v1/messages", &[&authorization]).await.status.as_u16()
}

/// Whether the SMP lets somebody write, as a status.
async fn smp(server: &Server, who: &str) -> u16 {
    let headers = [&*format!("authorization: {who}"), "content-type: application/xml"];
    server.send("PUT", GROUP, &headers, GROUP_XML).await.status.as_u16()
}

/// Asks for a JWT that may do this.
async fn ask_for_jwt(server: &Server, who: &str, scope: &str) -> Reply {
    let headers = [&*format!("authorization: {who}"), "content-type: application/json"];
    let body = format!("{{\"scopes\": [\"{scope}\"]}}");
    server.send("POST", "/3rdparty/v1/auth/token", &headers, body).await
}

/// Adds Carol; what to sign in with.
fn add_carol(folder: &Folder) -> String {
    basic(CAROL, &printed(&run(folder, &["user", "add", CAROL]), "password (shown once): "))
}

/// What a subcommand has printed, all of it.
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Of what a subcommand has printed: the line that begins with these words.
fn printed(output: &Output, words: &str) -> String {
    let said = said(output);
    let line = said.lines().find_map(|line| line.strip_prefix(words));
    line.unwrap_or_else(|| panic!("no {words:?}: {said}")).to_owned()
}

/// What the program has told the operator when it refused: one line, and exit code 1.
fn refusal(output: &Output) -> String {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]), "{told}");
    assert!(told.lines().count() == 1 && told.contains(" ERROR "), "{told}");
    told
}

async fn count_users(folder: &Folder) -> i64 {
    let mut database = folder.database().await;
    sqlx::query_scalar("SELECT count(*) FROM portcullis_users").fetch_one(&mut database).await.unwrap()
}
