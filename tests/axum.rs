//! The layers in axum's routers, and the extractors.
#![cfg(all(
    feature = "axum",
    feature = "basic",
    feature = "_jwt",
    feature = "ownership",
    feature = "s3p"
))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "axum/cors.rs"]
mod cors;
#[path = "axum/extractors.rs"]
mod extractors;
#[path = "axum/nesting.rs"]
mod nesting;
#[path = "axum/readme.rs"]
mod readme;
#[path = "axum/routing.rs"]
mod routing;
#[path = "axum/schemes.rs"]
mod schemes;
mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use axum::Router;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use portcullis::{
    BasicAuthLayer, Principal,
    basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
};
use support::{Answer, check_refusal};
use tower::ServiceExt;

/// Sends a request through a router, and checks what holds for every refusal.
async fn ask(router: &Router, request: Request<Full<Bytes>>) -> Answer {
    let answer = Answer::of(router.clone().oneshot(request).await.unwrap()).await;
    if answer.rejection.is_some() {
        check_refusal(&answer);
    }
    answer
}

fn request(method: &Method, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

/// The same request, from alice.
fn by_alice(request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    with(request, &support::basic("alice", "wonderland"))
}

fn with(mut request: Request<Full<Bytes>>, authorization: &str) -> Request<Full<Bytes>> {
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    request
}

/// A layer that knows alice and bob.
fn basic_layer() -> BasicAuthLayer {
    BasicAuthLayer::new(basic_auth())
}

fn basic_auth() -> BasicAuth {
    let users = MemoryUserStore::new();
    for (name, password) in [("alice", "wonderland"), ("bob", "builder")] {
        users.insert(User::new(name, cheap(password)).unwrap());
    }
    BasicAuth::new("house", users).unwrap()
}

/// A hash with the smallest parameters there are.
fn cheap(password: &str) -> PasswordHash {
    let params = Params::new(8, 1, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    PasswordHash::parse(&argon2.hash_password(password.as_bytes()).unwrap().to_string()).unwrap()
}

/// A handler that says who is there.
async fn whoami(principal: Principal) -> String {
    principal.subject().to_owned()
}

/// Counts the calls of handlers.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// The calls since the last time.
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}
