//! How many hashes a request costs, and of what.

use portcullis::{
    NowOrLater, RejectionKind, StoreError,
    basic::{Argon2id, MemoryUserStore, PasswordHash, PasswordVerifier, User, UserStore},
};

use super::{
    Down, Later, Verification, Witness, aladdin, basic, cheap, get, get_with, hash_of_cost, layer,
    send, user, watched,
};
use crate::support::Log;

/// The one verification that a request has cost.
fn one(witness: &Witness) -> Verification {
    let [seen] = <[_; 1]>::try_from(witness.take()).ok().expect("exactly one verification");
    seen
}

/// What decides the cost of a hash: `m=8,t=1,p=1`.
fn cost(hash: &PasswordHash) -> String {
    hash.as_str().split('$').nth(3).unwrap().to_owned()
}

#[tokio::test]
async fn every_outcome_costs_exactly_one_hash_and_malformed_credentials_none() {
    let witness = Witness::default();
    let users = aladdin();
    users.insert(user("jafar", "serpent").disabled(true));
    let layer = watched(users, witness.clone());
    let (limit, long) = ("x".repeat(1024), "x".repeat(1025));
    for (name, password, status) in [
        ("aladdin", "open sesame", 200),
        ("aladdin", "wrong", 401),
        ("aladdin", "", 401),
        ("aladdin", &*limit, 401),
        ("aladdin", &*long, 401),
        ("aladdin", &"x".repeat(3000), 401),
        ("jasmine", "open sesame", 401),
        ("jasmine", "", 401),
        ("jasmine", &*long, 401),
        ("", "", 401),
        ("jafar", "serpent", 401),
        ("jafar", "wrong", 401),
        ("jafar", "", 401),
        ("jafar", &*long, 401),
    ] {
        let answer = send(&layer, get_with("/", basic(name, password))).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(witness.take().len(), 1, "{name} {}", password.len());
    }
    let vast = basic("aladdin", &"x".repeat(1_000_000));
    for sent in
        [&*vast, "Basic", "Basic !", "Basic YTpiYw", "Basic bm9jb2xvbg==", "Basic YToA", "Bearer YTpi"]
    {
        let answer = send(&layer, get_with("/", sent)).await;
        let seen = (answer.status.as_u16(), witness.take().len());
        assert_eq!(seen, (401, 0), "{}", &sent[..sent.len().min(20)]);
    }
    assert_eq!(send(&layer, get("/")).await.status, 401);
    assert_eq!(witness.take().len(), 0);
}

#[tokio::test]
async fn a_known_user_is_verified_against_the_stored_hash_and_what_was_sent() {
    let witness = Witness::default();
    let hash = cheap("open sesame");
    let users = MemoryUserStore::new();
    users.insert(User::new("aladdin", hash.clone()).unwrap());
    let layer = watched(users, witness.clone());
    for password in ["open sesame", "wrong", ""] {
        send(&layer, get_with("/", basic("aladdin", password))).await;
        let seen = one(&witness);
        assert_eq!(seen.hash.as_str(), hash.as_str());
        assert_eq!(seen.password, password.as_bytes());
    }
    // What is too long never gets as far.
    send(&layer, get_with("/", basic("aladdin", &"x".repeat(1025)))).await;
    assert!(one(&witness).password.len() <= 1024);
}

#[tokio::test]
async fn the_decoy_costs_what_most_users_cost_and_no_password_is_its() {
    let witness = Witness::default();
    let users = MemoryUserStore::new();
    let layer = watched(users.clone(), witness.clone());
    let dear = hash_of_cost("dear", 16, 2);
    let stored = [cheap("one"), cheap("two"), cheap("three")];
    let names = ["one", "two", "three"];
    users.insert(User::new("dear", dear.clone()).unwrap());
    for (name, hash) in names.iter().zip(&stored) {
        users.insert(User::new(*name, hash.clone()).unwrap());
    }

    for password in ["one", "two", "three", "dear", "", &"x".repeat(1025)] {
        send(&layer, get_with("/", basic("nobody", password))).await;
        let decoy = one(&witness);
        assert_eq!(cost(&decoy.hash), "m=8,t=1,p=1");
        assert!(!decoy.verified && stored.iter().all(|hash| hash.as_str() != decoy.hash.as_str()));
        let output = |hash: &PasswordHash| hash.as_str().rsplit('$').next().unwrap().len();
        assert_eq!(output(&decoy.hash), output(&stored[0]));
    }
    // For a password that is too long, the decoy stands in for a known user's hash as well.
    send(&layer, get_with("/", basic("dear", &"x".repeat(1025)))).await;
    assert_eq!(cost(&one(&witness).hash), "m=8,t=1,p=1");

    // The majority changes, and the decoy with it.
    for name in ["one", "two", "three"] {
        users.remove(name);
    }
    send(&layer, get_with("/", basic("nobody", "x"))).await;
    assert_eq!(cost(&one(&witness).hash), cost(&dear));
}

#[tokio::test]
async fn without_users_the_decoy_has_the_usual_cost() {
    let usual = cost(&PasswordHash::of("x").unwrap());
    let decoys = [MemoryUserStore::new().decoy(), Down::Now.decoy()];
    assert!(decoys.iter().all(Option::is_none));
    let witness = Witness::default();
    for layer in [
        watched(MemoryUserStore::new(), witness.clone()),
        watched(Later(MemoryUserStore::new()), witness.clone()),
    ] {
        send(&layer, get_with("/", basic("nobody", "x"))).await;
        let seen = one(&witness);
        assert_eq!((cost(&seen.hash), seen.verified), (usual.clone(), false));
    }
}

#[tokio::test]
async fn a_store_may_bring_its_own_decoy() {
    struct Own(PasswordHash);
    impl UserStore for Own {
        fn user(&self, _: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
            NowOrLater::now(Ok(None))
        }
        fn decoy(&self) -> Option<PasswordHash> {
            Some(self.0.clone())
        }
    }
    let witness = Witness::default();
    let layer = watched(Own(hash_of_cost("known to somebody", 24, 3)), witness.clone());
    let answer = send(&layer, get_with("/", basic("nobody", "known to somebody"))).await;
    // Even a decoy that verifies lets nobody in.
    let seen = one(&witness);
    assert_eq!((cost(&seen.hash).as_str(), seen.verified), ("m=24,t=3,p=1", true));
    assert_eq!((answer.status.as_u16(), answer.reason()), (401, "basic.unknown_user"));
}

#[tokio::test]
async fn a_verifier_that_says_yes_to_everything_lets_no_more_in_than_there_are_users() {
    struct Gullible;
    impl PasswordVerifier for Gullible {
        fn verify(&self, _: &[u8], _: &PasswordHash) -> bool {
            true
        }
    }
    let users = aladdin();
    users.insert(user("jafar", "serpent").disabled(true));
    let layer = watched(users, Gullible);
    for (name, password, status) in [
        ("aladdin", "x", 200),
        ("aladdin", "", 401),
        ("aladdin", &*"x".repeat(1025), 401),
        ("nobody", "x", 401),
        ("", "x", 401),
        ("jafar", "serpent", 401),
    ] {
        let answer = send(&layer, get_with("/", basic(name, password))).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_a_503_and_never_a_401() {
    for down in [Down::Now, Down::Later] {
        for password in ["open sesame", "wrong", "", &"x".repeat(1025)] {
            let log = Log::capture();
            let witness = Witness::default();
            let answer =
                send(&watched(down, witness.clone()), get_with("/", basic("aladdin", password))).await;
            assert_eq!(answer.status, 503);
            assert_eq!(answer.kind(), RejectionKind::Unavailable);
            assert_eq!(answer.reason(), "basic.store");
            assert_eq!(answer.headers["retry-after"], "1");
            assert!(answer.challenges().is_empty());
            assert_eq!(answer.body, "try again later");
            assert_eq!(witness.take().len(), 0);
            // The cause is for the operator alone.
            assert!(log.text().contains("connection refused"), "{}", log.text());
        }
        // What is malformed does not get as far as the store.
        assert_eq!(send(&layer(down), get_with("/", "Basic !")).await.status, 401);
    }
}

#[tokio::test]
async fn a_store_that_answers_later_decides_the_same() {
    let layer = layer(Later(aladdin()));
    for (name, password, status) in
        [("aladdin", "open sesame", 200), ("aladdin", "wrong", 401), ("nobody", "open sesame", 401)]
    {
        let answer = send(&layer, get_with("/", basic(name, password))).await;
        assert_eq!(answer.status, status, "{name}");
    }
}

#[tokio::test]
async fn what_changes_in_the_store_takes_effect_on_the_next_request() {
    let users = aladdin();
    let layer = layer(users.clone());
    let status = async |password: &str| {
        send(&layer, get_with("/", basic("aladdin", password))).await.status.as_u16()
    };
    assert_eq!((status("open sesame").await, status("open barley").await), (200, 401));

    users.insert(user("aladdin", "open barley"));
    assert_eq!((status("open sesame").await, status("open barley").await), (401, 200));

    users.insert(user("aladdin", "open barley").disabled(true));
    assert_eq!(status("open barley").await, 401);
    users.insert(user("aladdin", "open barley").disabled(true).disabled(false));
    assert_eq!(status("open barley").await, 200);

    assert!(users.remove("aladdin") && !users.remove("aladdin"));
    assert_eq!(status("open barley").await, 401);
}

#[test]
fn argon2id_verifies_the_password_and_no_other() {
    let hash = PasswordHash::of("open sesame").unwrap();
    assert!(Argon2id::default().verify(b"open sesame", &hash));
    assert!(!Argon2id::default().verify(b"open sesame ", &hash));
    assert!(!Argon2id::default().verify(b"", &hash));
    // A salt of its own for each hash.
    assert_ne!(hash.as_str(), PasswordHash::of("open sesame").unwrap().as_str());
}
