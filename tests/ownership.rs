//! `OwnershipLayer` through its public API.
#![cfg(all(feature = "ownership", feature = "basic", feature = "jwt"))]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "ownership/claims.rs"]
mod claims;
#[path = "ownership/config.rs"]
mod config;
#[path = "ownership/groups.rs"]
mod groups;
#[path = "ownership/hiding.rs"]
mod hiding;
#[path = "ownership/paths.rs"]
mod paths;
#[cfg(feature = "axum")]
#[path = "ownership/routes.rs"]
mod routes;
#[path = "ownership/rules.rs"]
mod rules;
#[path = "ownership/sources.rs"]
mod sources;
mod support;
#[path = "ownership/transfer.rs"]
mod transfer;

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use portcullis::{
    Identity, NowOrLater, OwnershipLayer, Principal, Scheme, StoreError,
    ownership::{
        Claim, MemoryOwnershipStore, OwnedResource, Owner, Ownership, OwnershipStore, Resource,
        ResourcePath,
    },
};
use support::{Answer, check_refusal};
use tower::{Layer, ServiceExt, service_fn};

fn principal(identity: Identity) -> Principal {
    Principal::builder(identity, Scheme::BASIC).build()
}

fn local(name: &str) -> Identity {
    Identity::local(name).unwrap()
}

fn request(method: &Method, path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(path).body(Full::default()).unwrap()
}

/// A request of somebody of the local user store.
fn by(name: &str, method: &Method, path: &str) -> Request<Full<Bytes>> {
    by_identity(local(name), method, path)
}

fn by_identity(identity: Identity, method: &Method, path: &str) -> Request<Full<Bytes>> {
    let mut request = request(method, path);
    request.extensions_mut().insert(principal(identity));
    request
}

/// A resource of the kind that the tests are about.
fn thing(id: &str) -> Resource {
    Resource::new("thing", id)
}

/// Things, which a PUT creates, and their parts.
fn things(owners: impl OwnershipStore) -> Ownership {
    let paths = [
        ResourcePath::new("thing", "/things/{id}", "id").unwrap().created_by(Method::PUT),
        ResourcePath::new("thing", "/things/{id}/parts/{part}", "id").unwrap(),
    ];
    Ownership::new(owners, paths).unwrap()
}

/// A store in which alice owns `a`, and bob `b`.
fn owners() -> MemoryOwnershipStore {
    let owners = MemoryOwnershipStore::new();
    owners.insert(thing("a"), local("alice"));
    owners.insert(thing("b"), local("bob"));
    owners
}

/// Sends a request through the policy's layer. The inner service says which resource was found, and
/// whether it is new; a refused request does not reach it.
async fn ask<B: Send>(ownership: Ownership, request: Request<B>) -> Answer {
    through(&OwnershipLayer::new(ownership), request).await
}

async fn through<L, B: Send, ResBody>(layer: &L, request: Request<B>) -> Answer
where
    L: Layer<Inner<B>>,
    L::Service: tower::Service<Request<B>, Response = Response<ResBody>, Error = Infallible>,
    ResBody: hyper::body::Body,
    ResBody::Error: std::fmt::Debug,
{
    let calls = Arc::new(AtomicUsize::new(0));
    let response = layer.layer(inner(calls.clone())).oneshot(request).await.unwrap();
    let answer = Answer::of(response).await;
    let calls = calls.load(Ordering::SeqCst);
    if answer.rejection.is_some() {
        check_refusal(&answer);
        assert!(!answer.headers.contains_key("etag"), "the inner service's header in a refusal");
    }
    assert_eq!(calls, usize::from(answer.rejection.is_none()), "calls of the inner service");
    answer
}

type Inner<B> = tower::util::BoxCloneSyncService<Request<B>, Response<Full<Bytes>>, Infallible>;

fn inner<B: Send>(calls: Arc<AtomicUsize>) -> Inner<B> {
    let service = service_fn(move |request: Request<B>| {
        calls.fetch_add(1, Ordering::SeqCst);
        let body = match request.extensions().get::<OwnedResource>() {
            Some(owned) if owned.is_new() => format!("new {}", owned.resource().id()),
            Some(owned) => format!("owned {}", owned.resource().id()),
            None => "open".to_owned(),
        };
        let response = Response::builder().header("etag", r#""secret""#).body(Full::from(body));
        std::future::ready(Ok(response.unwrap()))
    });
    Inner::new(service)
}

/// Counts the calls of a store.
#[derive(Clone, Default)]
struct Counted<S> {
    owners: S,
    looks: Arc<AtomicUsize>,
    claims: Arc<AtomicUsize>,
}

impl<S> Counted<S> {
    fn new(owners: S) -> Self {
        Self { owners, looks: Arc::default(), claims: Arc::default() }
    }

    /// How often an owner was looked up, and how often something was claimed, since the last time.
    fn take(&self) -> (usize, usize) {
        (self.looks.swap(0, Ordering::SeqCst), self.claims.swap(0, Ordering::SeqCst))
    }
}

impl<S: OwnershipStore> OwnershipStore for Counted<S> {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.owners.owner(resource)
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.owners.claim(resource, claimant)
    }
}

/// A store that answers after a while.
#[derive(Clone)]
struct Later(MemoryOwnershipStore);

impl OwnershipStore for Later {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        let (owners, resource) = (self.0.clone(), resource.clone());
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            owners.owner(&resource).await
        })
    }

    fn claim(&self, resource: &Resource, claimant: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        let (owners, resource, claimant) = (self.0.clone(), resource.clone(), claimant.clone());
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            owners.claim(&resource, &claimant).await
        })
    }
}
