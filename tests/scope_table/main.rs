//! `ScopeTable`: method and path, and what each needs.
#![cfg(all(feature = "axum", feature = "_jwt"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../schemes/mod.rs"]
mod schemes;
#[path = "../support/mod.rs"]
mod support;

mod agreement;
mod axum;
mod config;
mod dry_run;
mod jwt;
mod rules;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use portcullis::{AuthorizeLayer, Identity, Principal, Scheme, Scope, ScopeSet, ScopeTable};
use support::{Answer, send};

const READ: Scope = Scope::from_static("read");
const WRITE: Scope = Scope::from_static("write");
const ADMIN: Scope = Scope::from_static("admin");

/// Somebody with a bearer token of these scopes.
fn holder(scopes: &str) -> Principal {
    let scopes = ScopeSet::parse(scopes).unwrap();
    Principal::builder(Identity::local("alice").unwrap(), Scheme::BEARER).scopes(scopes).build()
}

fn request(method: &str, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

/// The same, from who holds these scopes.
fn by(scopes: &str, mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    request.extensions_mut().insert(holder(scopes));
    request
}

async fn ask(table: &ScopeTable, request: Request<Full<Bytes>>) -> Answer {
    send(&AuthorizeLayer::new(table.clone()), request).await
}

/// What the table's own test says: the rule's name, if there is one.
fn rule(table: &ScopeTable, method: &str, path: &str) -> Option<String> {
    let method: Method = method.parse().unwrap();
    table.rule(&method, path).map(ToString::to_string)
}
