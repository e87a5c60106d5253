//! A decision that is there now costs no allocation, but for what it leaves in the request's extensions.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

#[path = "allocations/recorded.rs"]
mod recorded;
mod support;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::UNIX_EPOCH,
};

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, Challenge, Head, Identity, NowOrLater, Principal,
    Rejection, RejectionKind, Requirement, Scheme, Scope, ScopePolicy, ScopeSet, ScopeTable, authorize,
    basic::{Argon2id, PasswordHash, PasswordVerifier},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    s3p::{MemoryNonceStore, Nonce, NonceStore, Recorded},
};
use support::get;
use tower::{Layer, Service};

/// An inner service that allocates nothing itself, and cannot be cloned without being noticed.
struct Bare;

impl Clone for Bare {
    fn clone(&self) -> Self {
        panic!("a decision that is there now does not clone the service")
    }
}

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Ok(Response::new(Full::default())))
    }
}

fn alice() -> Principal {
    let identity = Identity::local("alice").unwrap();
    Principal::builder(identity, Scheme::BASIC).scopes(ScopeSet::parse("a b c").unwrap()).build()
}

/// Knows everybody, at once.
struct Known(Principal);

impl Authenticator for Known {
    fn scheme(&self) -> Scheme {
        Scheme::BASIC
    }

    fn authenticate(&self, _: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(NowOrLater::now(Ok(self.0.clone())))
    }

    fn challenge(&self, _: Option<RejectionKind>) -> Challenge {
        Challenge::builder("Basic").build().unwrap()
    }
}

/// How often a layer allocates for a request that is let through.
fn allocations<L>(layer: &L, mut request: Request<Full<Bytes>>, principal: bool) -> u64
where
    L: Layer<Bare>,
    L::Service: Service<Request<Full<Bytes>>, Error = Infallible>,
{
    let mut service = layer.layer(Bare);
    if principal {
        request.extensions_mut().insert(alice());
    }
    let mut request = Some(request);
    let counted = measure(|| {
        let answer = service.call(request.take().unwrap()).now_or_never();
        assert!(matches!(answer, Some(Ok(_))), "a decision that is there now is acted on at once");
    });
    counted.count_total
}

#[test]
fn a_policy_that_says_yes_at_once_allocates_nothing() {
    let always = AuthorizeLayer::new(authorize::from_fn(|_, _| true));
    assert_eq!(allocations(&always, get("/"), true), 0);
    let scope = AuthorizeLayer::new(ScopePolicy::from(Scope::from_static("c")));
    assert_eq!(allocations(&scope, get("/"), true), 0);
    let stacked = tower::ServiceBuilder::new().layer(always.clone()).layer(scope).layer(always);
    assert_eq!(allocations(&stacked, get("/"), true), 0);
}

#[test]
fn a_table_that_says_yes_allocates_nothing() {
    let scope = Scope::from_static("c");
    let table = ScopeTable::builder()
        .route(http::Method::GET, "/", scope.clone())
        .route(http::Method::GET, "/groups/{group}/notes/{note}", scope.clone())
        .route(http::Method::GET, "/groups/{group}/files/{*path}", scope)
        .route(http::Method::GET, "/health", Requirement::open())
        .route(http::Method::GET, "/me", Requirement::authenticated());
    let layer = AuthorizeLayer::new(table.build().unwrap());
    for path in ["/", "/groups/1/notes/2", "/groups/1/files/a/b/c", "/health", "/me"] {
        assert_eq!(allocations(&layer, get(path), true), 0, "{path}");
    }
    assert_eq!(allocations(&layer, get("/health"), false), 0);
}

#[test]
fn reading_what_is_owned_by_somebody_allocates_nothing() {
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap();
    let own = Ownership::new(MemoryOwnershipStore::new(), [path]).unwrap();
    let layer = portcullis::OwnershipLayer::new(own);
    assert_eq!(allocations(&layer, get("/notes/1"), false), 0);
}

#[test]
fn a_write_by_the_owner_costs_what_the_extensions_cost() {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("note", "1"), alice().identity().clone());
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap();
    let layer = portcullis::OwnershipLayer::new(Ownership::new(owners, [path]).unwrap());
    let mut put = get("/notes/1");
    *put.method_mut() = http::Method::PUT;
    // As a server hands it on: its path is a part of what was read.
    let shared = put.uri().clone();
    *put.uri_mut() = shared;
    let mut extensions = http::Extensions::new();
    extensions.insert(alice());
    let insert = measure(|| assert!(extensions.insert([0_u8; 64]).is_none())).count_total;
    assert_eq!(allocations(&layer, put, true), insert);
}

#[test]
fn a_principal_costs_what_the_extensions_cost() {
    let layer = AuthenticateLayer::new(Known(alice()));
    let mut empty = http::Extensions::new();
    let inserting = measure(|| drop(empty.insert(alice())));
    let making = measure(|| drop(alice()));
    let insert = inserting.count_total - making.count_total;
    assert_eq!(allocations(&layer, get("/"), false), insert);
}

#[test]
fn a_request_that_has_its_principal_already_allocates_nothing() {
    let layer = AuthenticateLayer::new(Known(alice())).skip_authenticated();
    assert_eq!(allocations(&layer, get("/"), true), 0);
}

#[test]
fn a_million_live_nonces_take_less_than_40_bytes_each_and_a_token_less_than_60_more() {
    const MANY: usize = 1_000_000;
    for (tokens, most) in [(1, 40), (100, 40), (MANY, 100)] {
        let store = MemoryNonceStore::with_limits(UNIX_EPOCH, MANY, MANY);
        let record = |nonce: usize| {
            let (token, text) = ((nonce % tokens).to_string(), nonce.to_string());
            let expires = 300 + i64::try_from(nonce % 600).unwrap();
            let nonce = Nonce { token: &token, nonce: &text, expires, now: 0 };
            store.record(nonce).now_or_never().unwrap().unwrap()
        };
        let mut taken = Vec::with_capacity(MANY);
        let counted =
            measure(|| taken.extend((0..MANY).filter(|nonce| record(*nonce) == Recorded::Fresh)));
        assert!(taken.len() > MANY / 10 * 9, "{} are taken before one is refused", taken.len());
        let each = counted.bytes_max / taken.len() as u64;
        assert!(each < most, "{tokens} tokens: a live nonce takes {each} bytes");
        // Full: nothing is dropped for what is new, and what is old is still known.
        let more = (MANY..2 * MANY).filter(|nonce| record(*nonce) == Recorded::Fresh).count();
        assert!(taken.len() + more <= MANY + MANY / 100, "{} live nonces", taken.len() + more);
        assert!(taken.into_iter().all(|nonce| record(nonce) == Recorded::Replayed));
    }
}

#[test]
fn a_hash_works_in_the_memory_of_the_one_before() {
    let (argon2, hash) = (Argon2id::default(), PasswordHash::of("open sesame").unwrap());
    let first = measure(|| assert!(argon2.verify(b"open sesame", &hash)));
    let second = measure(|| assert!(!argon2.verify(b"open barley", &hash)));
    assert!(first.bytes_total > 19 * 1024 * 1024);
    assert!(second.bytes_total < 64 * 1024, "{} bytes", second.bytes_total);
}
