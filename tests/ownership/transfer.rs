//! How a resource changes hands, and what a handler sees of it.

use std::sync::{Arc, Mutex};

use http::Method;
use portcullis::{
    OwnershipLayer,
    ownership::{
        Claim, MemoryOwnershipStore, OwnedResource, Owner, OwnershipAdmin, OwnershipStore, Resource,
    },
};
use tower::{Layer, ServiceExt, service_fn};

use super::{Later, ask, by, local, owners, thing, things};

async fn seen(owners: &MemoryOwnershipStore, id: &str) -> Owner {
    owners.owner(&thing(id)).await.unwrap().expect("an owner")
}

#[tokio::test]
async fn a_transfer_takes_effect_on_the_next_request() {
    let owners = owners();
    let put = |name| ask(things(owners.clone()), by(name, &Method::PUT, "/things/a"));
    assert_eq!((put("alice").await.status.as_u16(), put("bob").await.status.as_u16()), (200, 403));
    let alice = seen(&owners, "a").await;
    let bob = owners.transfer(&thing("a"), &alice, &local("bob")).await.unwrap().unwrap();
    assert_eq!(bob, seen(&owners, "a").await);
    assert_eq!((put("alice").await.status.as_u16(), put("bob").await.status.as_u16()), (403, 200));
    assert!(owners.release(&thing("a"), &bob).await.unwrap());
    assert_eq!(put("alice").await.body, "new a");
}

#[tokio::test]
async fn only_the_owner_that_was_seen_is_replaced_or_taken_away() {
    let owners = owners();
    let first = seen(&owners, "a").await;
    let other_version = Owner::new(local("alice"), first.version() + 1000);
    let other_identity = Owner::new(local("bob"), first.version());
    for stale in [&other_version, &other_identity] {
        assert_eq!(owners.transfer(&thing("a"), stale, &local("eve")).await.unwrap(), None);
        assert!(!owners.release(&thing("a"), stale).await.unwrap());
    }
    // Nobody's is not given away, and another kind's is another thing.
    for resource in [thing("c"), Resource::new("note", "a")] {
        assert_eq!(owners.transfer(&resource, &first, &local("eve")).await.unwrap(), None);
        assert!(!owners.release(&resource, &first).await.unwrap());
    }
    assert_eq!(seen(&owners, "a").await, first);

    // Who had it, and got it back, is seen anew.
    let bob = owners.transfer(&thing("a"), &first, &local("bob")).await.unwrap().unwrap();
    let again = owners.transfer(&thing("a"), &bob, &local("alice")).await.unwrap().unwrap();
    assert_eq!(again.identity(), first.identity());
    assert!(!owners.release(&thing("a"), &first).await.unwrap());
    assert_eq!(seen(&owners, "a").await, again);
}

#[tokio::test]
async fn no_version_is_had_twice_also_not_after_a_release() {
    let owners = MemoryOwnershipStore::new();
    let mut versions = Vec::new();
    for name in ["alice", "bob", "alice", "alice"] {
        let Claim::Claimed(owner) = owners.claim(&thing("a"), &local(name)).await.unwrap() else {
            panic!("it was nobody's")
        };
        let next = owners.transfer(&thing("a"), &owner, &local("eve")).await.unwrap().unwrap();
        // To the same one again: a change of hands all the same.
        let same = owners.transfer(&thing("a"), &next, &local("eve")).await.unwrap().unwrap();
        versions.extend([owner.version(), next.version(), same.version()]);
        assert!(owners.release(&thing("a"), &same).await.unwrap());
    }
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_transfers_at_once_one_is_made() {
    let owners = owners();
    for _ in 0..50 {
        let from = seen(&owners, "a").await;
        let barrier = Arc::new(tokio::sync::Barrier::new(16));
        let transfers: Vec<_> = (0..16)
            .map(|n| {
                let (owners, from, barrier) = (owners.clone(), from.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    owners.transfer(&thing("a"), &from, &local(&format!("user-{n}"))).await.unwrap()
                })
            })
            .collect();
        let mut made = Vec::new();
        for transfer in transfers {
            made.extend(transfer.await.unwrap());
        }
        assert_eq!(made, [seen(&owners, "a").await]);
    }
}

/// Documents with the version under which they may be written: the conditional write of the module's page.
#[derive(Clone)]
struct Documents {
    owners: MemoryOwnershipStore,
    texts: Arc<Mutex<Vec<String>>>,
}

impl Documents {
    async fn write(&self, owned: &OwnedResource, text: &str) -> u16 {
        let owner = self.owners.owner(owned.resource()).await.unwrap();
        if owner.as_ref().map(Owner::version) != Some(owned.version()) {
            return 409;
        }
        self.texts.lock().unwrap().push(text.to_owned());
        200
    }
}

#[tokio::test]
async fn a_write_on_condition_does_not_come_after_a_change_of_owner() {
    let owners = owners();
    let documents = Documents { owners: owners.clone(), texts: Arc::default() };
    for (to, back, status) in [(None, false, 200), (Some("bob"), false, 409), (Some("bob"), true, 409)]
    {
        let handler = {
            let documents = documents.clone();
            service_fn(move |request: http::Request<_>| {
                let documents = documents.clone();
                async move {
                    let owned = request.extensions().get::<OwnedResource>().unwrap();
                    let judged = documents.owners.owner(owned.resource()).await.unwrap().unwrap();
                    assert_eq!((owned.owner(), owned.version()), (&judged, judged.version()));
                    // It changes hands right after the decision.
                    if let Some(to) = to {
                        let transfer = documents.owners.transfer(&thing("a"), &judged, &local(to));
                        let new = transfer.await.unwrap().unwrap();
                        if back {
                            documents
                                .owners
                                .transfer(&thing("a"), &new, judged.identity())
                                .await
                                .unwrap();
                        }
                    }
                    let status = documents.write(owned, "by alice").await;
                    let response = http::Response::builder().status(status);
                    Ok::<_, std::convert::Infallible>(response.body(String::new()).unwrap())
                }
            })
        };
        let service = OwnershipLayer::new(things(owners.clone())).layer(handler);
        let response = service.oneshot(by("alice", &Method::PATCH, "/things/a")).await.unwrap();
        assert_eq!(response.status(), status);
        let owner = seen(&owners, "a").await;
        owners.transfer(&thing("a"), &owner, &local("alice")).await.unwrap();
    }
    assert_eq!(*documents.texts.lock().unwrap(), ["by alice"]);
}

#[tokio::test]
async fn the_owner_and_the_version_come_along_however_the_store_answers() {
    let owners = owners();
    for id in ["a", "new"] {
        let service = service_fn(async |request: http::Request<_>| {
            let owned = request.extensions().get::<OwnedResource>().unwrap();
            assert!(!owned.is_override());
            let text = format!("{} {}", owned.owner().identity().subject(), owned.version());
            Ok::<_, std::convert::Infallible>(http::Response::new(text))
        });
        let path = format!("/things/{id}");
        let later = OwnershipLayer::new(things(Later(owners.clone()))).layer(service);
        let response = later.oneshot(by("alice", &Method::PUT, &path)).await.unwrap();
        let version = seen(&owners, id).await.version();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        assert_eq!(body, format!("alice {version}"));
    }
}
