//! Rule 6: how something becomes somebody's.

use std::{collections::HashMap, sync::Arc};

use http::Method;
use portcullis::{
    AuthorizeLayer, Head, Identity, NowOrLater, Permit, Policy, Principal, Rejection, RejectionKind,
    Scope, ScopePolicy, StoreError, authorize,
    ownership::{
        Claim, MemoryOwnershipStore, Owner, Ownership, OwnershipStore, Resource, ResourcePath,
    },
};
use tokio::sync::Barrier;

use super::{Counted, Later, ask, by, local, owners, thing, things, through};

pub(super) async fn owner(owners: &MemoryOwnershipStore, id: &str) -> Option<Identity> {
    owners.owner(&thing(id)).await.unwrap().map(|owner| owner.identity().clone())
}

#[tokio::test]
async fn a_put_claims_what_is_nobodys_and_then_it_is_theirs() {
    let owners = owners();
    for (name, status, body) in [
        ("alice", 200, "new c"),
        ("alice", 200, "owned c"),
        ("bob", 403, "forbidden"),
        ("alice", 200, "owned c"),
    ] {
        let answer = ask(things(owners.clone()), by(name, &Method::PUT, "/things/c")).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, body), "{name}");
    }
    assert_eq!(owner(&owners, "c").await, Some(local("alice")));

    // Given back, it is there for the next one.
    assert!(owners.remove(&thing("c")));
    let answer = ask(things(owners.clone()), by("bob", &Method::PUT, "/things/c")).await;
    assert_eq!(answer.body, "new c");
}

#[tokio::test]
async fn nothing_is_claimed_on_sub_paths_by_other_methods_or_when_it_is_somebodys() {
    let owners = Counted::new(owners());
    for (method, path, status) in [
        ("PUT", "/things/c/parts/1", 404),
        ("POST", "/things/c", 404),
        ("PATCH", "/things/c", 404),
        ("DELETE", "/things/c", 404),
        ("put", "/things/c", 404),
        ("MKCOL", "/things/c", 404),
        ("GET", "/things/c", 200),
        ("PUT", "/things/b", 403),
        ("PUT", "/things/c/", 403),
        ("PUT", "/elsewhere", 403),
        ("PUT", "/things/%ff", 400),
    ] {
        let request = by("alice", &method.parse().unwrap(), path);
        let answer = ask(things(owners.clone()), request).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(owners.take().1, 0, "{method} {path}");
    }
    assert_eq!(owner(&owners.owners, "c").await, None);
}

#[tokio::test]
async fn a_path_may_have_several_creating_methods() {
    let path = ResourcePath::new("thing", "/{id}", "id").unwrap();
    let path = path.created_by(Method::PUT).created_by("MKCOL".parse().unwrap());
    let ownership = Ownership::new(MemoryOwnershipStore::new(), [path]).unwrap();
    for (method, id, status) in [("PUT", "/a", 200), ("MKCOL", "/b", 200), ("POST", "/c", 404)] {
        let answer = ask(ownership.clone(), by("alice", &method.parse().unwrap(), id)).await;
        assert_eq!(answer.status, status, "{method}");
    }
}

#[tokio::test]
async fn a_refused_write_claims_nothing_though_another_policy_refuses_it() {
    let owners = MemoryOwnershipStore::new();
    let scope = ScopePolicy::from(Scope::from_static("things:write"));
    let policy = authorize::all([authorize::shared(scope), authorize::shared(things(owners.clone()))]);
    let answer = through(&AuthorizeLayer::new(policy), by("eve", &Method::PUT, "/things/c")).await;
    assert_eq!(answer.kind(), RejectionKind::InsufficientScope);
    assert_eq!(owner(&owners, "c").await, None);
}

/// A policy that asks somewhere else first.
struct AfterAWhile(bool);

impl Policy for AfterAWhile {
    fn authorize(&self, _: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
        let allowed = self.0;
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            if allowed {
                Ok(Permit::granted())
            } else {
                Err(Rejection::new(RejectionKind::Forbidden, "test.later"))
            }
        })
    }
}

#[tokio::test]
async fn a_write_that_an_earlier_policy_refuses_later_claims_nothing() {
    let owners = MemoryOwnershipStore::new();
    let policies = [authorize::shared(AfterAWhile(false)), authorize::shared(things(owners.clone()))];
    let layer = AuthorizeLayer::new(authorize::all(policies));
    let answer = through(&layer, by("eve", &Method::PUT, "/things/c")).await;
    assert_eq!((answer.status.as_u16(), answer.reason()), (403, "test.later"));
    assert_eq!(owner(&owners, "c").await, None, "who is refused owns nothing by it");
}

#[tokio::test]
async fn a_write_that_an_earlier_alternative_allows_later_claims_nothing() {
    let owners = MemoryOwnershipStore::new();
    let policies = [authorize::shared(AfterAWhile(true)), authorize::shared(things(owners.clone()))];
    let layer = AuthorizeLayer::new(authorize::any(policies));
    let answer = through(&layer, by("admin", &Method::PUT, "/things/c")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(owner(&owners, "c").await, None, "the first yes is enough");
}

#[tokio::test]
async fn a_write_that_an_earlier_policy_allows_later_is_claimed() {
    let owners = MemoryOwnershipStore::new();
    let policies = [authorize::shared(AfterAWhile(true)), authorize::shared(things(owners.clone()))];
    let layer = AuthorizeLayer::new(authorize::all(policies));
    assert_eq!(through(&layer, by("alice", &Method::PUT, "/things/c")).await.body, "new c");
    assert_eq!(owner(&owners, "c").await, Some(local("alice")));
}

/// Of 64 requests of two users for each of some resources, one finds it new, its user's others find it
/// their own, and the other user's are refused.
async fn race(owners: impl OwnershipStore + Clone) {
    let ownership = things(owners.clone());
    for id in 0..20 {
        let barrier = Arc::new(Barrier::new(64));
        let requests: Vec<_> = (0..64)
            .map(|n| {
                let (ownership, barrier) = (ownership.clone(), barrier.clone());
                let name = if n % 2 == 0 { "alice" } else { "bob" };
                tokio::spawn(async move {
                    barrier.wait().await;
                    let request = by(name, &Method::PUT, &format!("/things/{id}"));
                    let answer = ask(ownership, request).await;
                    (name, answer.status.as_u16(), answer.body)
                })
            })
            .collect();
        let mut answers: HashMap<_, usize> = HashMap::new();
        for request in requests {
            *answers.entry(request.await.unwrap()).or_default() += 1;
        }
        let owner = owners.owner(&thing(&id.to_string())).await.unwrap().expect("it is claimed");
        let (winner, other) =
            if *owner.identity() == local("alice") { ("alice", "bob") } else { ("bob", "alice") };
        let expected = [
            ((winner, 200, format!("new {id}")), 1),
            ((winner, 200, format!("owned {id}")), 31),
            ((other, 403, "forbidden".to_owned()), 32),
        ];
        assert_eq!(answers, HashMap::from(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_claims_at_once_exactly_one_makes_an_owner() {
    race(MemoryOwnershipStore::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_it_is_with_a_store_that_answers_later() {
    race(Later(MemoryOwnershipStore::new())).await;
}

#[tokio::test]
async fn who_is_overtaken_between_the_look_and_the_claim_is_not_the_owner() {
    /// Nobody's at the look, and bob's at the claim.
    #[derive(Clone, Copy)]
    struct Overtaken;
    impl OwnershipStore for Overtaken {
        fn owner(&self, _: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
            NowOrLater::now(Ok(None))
        }
        fn claim(&self, _: &Resource, _: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
            NowOrLater::now(Ok(Claim::Owned(Owner::new(local("bob"), 1))))
        }
    }
    let put = |name| by(name, &Method::PUT, "/things/c");
    let alice = ask(things(Overtaken), put("alice")).await;
    assert_eq!((alice.status.as_u16(), alice.reason()), (403, "ownership.not_owner"));
    let hidden = ask(things(Overtaken).hide(), put("alice")).await;
    assert_eq!((hidden.status.as_u16(), hidden.reason()), (404, "ownership.not_owner"));
    assert_eq!(ask(things(Overtaken), put("bob")).await.body, "owned c");
}
