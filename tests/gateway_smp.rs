//! The SMP part of the example server, over its socket: who may write which group, what a document has to
//! be, and what the clients in use send.
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "gateway_smp/accounts.rs"]
mod accounts;
#[path = "gateway_smp/claims.rs"]
mod claims;
#[path = "gateway_smp/clients.rs"]
mod clients;
#[path = "gateway_smp/documents.rs"]
mod documents;
mod gateway_support;
#[path = "gateway_smp/ids.rs"]
mod ids;
#[path = "gateway_smp/order.rs"]
mod order;
#[path = "gateway_smp/owners.rs"]
mod owners;
#[path = "gateway_smp/phoss.rs"]
mod phoss;
#[path = "gateway_smp/refusals.rs"]
mod refusals;
#[path = "gateway_smp/strict.rs"]
mod strict;
#[path = "gateway_smp/table.rs"]
mod table;

use bytes::Bytes;
use gateway_support::{Folder, Reply, Server, run, until};

const GROUP: &str = "/iso6523-actorid-upis%3A%3A0088%3A5060210000007";
const SERVICE: &str = "/iso6523-actorid-upis%3A%3A0088%3A5060210000007/services/busdox-docid-qns%3A%3Aurn%3A\
    oasis%3Anames%3Aspecification%3Aubl%3Aschema%3Axsd%3AInvoice-2%3A%3AInvoice%23%23urn%3Aexample%3Abilling\
    %3A%3A2.1";
const CARD: &str = "/businesscard/iso6523-actorid-upis%3A%3A0088%3A5060210000007";
const PUSH: &str = "/businesscard/iso6523-actorid-upis%3A%3A0088%3A5060210000007/push";

const GROUP_XML: &str = include_str!("smp-xml/service-group.xml");
const SERVICE_XML: &str = include_str!("smp-xml/service-metadata.xml");
const REDIRECT_XML: &str = include_str!("smp-xml/redirect.xml");
const CARD_XML: &str = include_str!("smp-xml/business-card.xml");

/// A server that waits for half a document as long as a test takes.
const PATIENT: [&str; 2] = ["--body-timeout", "600"];

/// Each write of the page's table, with what it carries.
const WRITES: [(&str, &str, &str); 7] = [
    ("PUT", GROUP, GROUP_XML),
    ("PUT", SERVICE, SERVICE_XML),
    ("PUT", CARD, CARD_XML),
    ("POST", PUSH, ""),
    ("DELETE", CARD, ""),
    ("DELETE", SERVICE, ""),
    ("DELETE", GROUP, ""),
];

/// Writes as somebody: an `Authorization` value.
async fn write(
    server: &Server,
    (method, path, body): (&str, &str, impl Into<Bytes>),
    who: &str,
) -> Reply {
    let credentials = format!("authorization: {who}");
    let headers = [credentials.as_str(), "content-type: application/xml"];
    server.send(method, path, &headers, body).await
}

/// The same, and again where a database that many write to at once has no turn for it in time.
async fn write_in_turn(
    server: &Server,
    (method, path, body): (&str, &str, impl Into<Bytes>),
    who: &str,
) -> Reply {
    let body = body.into();
    let mut last = None;
    until("the database has a turn", async || {
        let reply = write(server, (method, path, body.clone()), who).await;
        last.insert(reply).status != 503
    })
    .await;
    last.unwrap()
}

/// A group, its metadata and its card, all of them somebody's.
async fn publish(server: &Server, who: &str) {
    for (method, path, body) in &WRITES[..3] {
        let reply = write(server, (method, path, *body), who).await;
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
    }
}

/// A service group of this participant.
fn group_of(scheme: &str, value: &str) -> String {
    format!(
        "<ServiceGroup><ParticipantIdentifier scheme=\"{scheme}\">{value}</ParticipantIdentifier>\
         <ServiceMetadataReferenceCollection/></ServiceGroup>"
    )
}

/// A new user token of Bob's.
fn token_of_bob(folder: &Folder) -> String {
    let made = run(folder, &["token", "create", "bob@example.org", "test"]);
    let said = String::from_utf8(made.stdout).unwrap();
    format!("Bearer {}", said.split_whitespace().last().unwrap())
}
