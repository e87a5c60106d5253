//! Outdated hashes are replaced after a success.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use portcullis::{
    BasicAuthLayer, NowOrLater, StoreError,
    basic::{BasicAuth, HashingPool, MemoryUserStore, PasswordHash, User, UserStore},
};
use tokio::sync::mpsc;

use super::{Witness, aladdin, basic, cheap, get_with, send, user};
use crate::support::Log;

/// Hands on, and tells what new hashes it was given.
struct Told {
    users: MemoryUserStore,
    sender: mpsc::UnboundedSender<(String, PasswordHash, PasswordHash)>,
    down: bool,
}

impl UserStore for Told {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        self.users.user(name)
    }

    fn rehashed(
        &self,
        name: &str,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> NowOrLater<Result<(), StoreError>> {
        self.sender.send((name.to_owned(), old.clone(), new.clone())).unwrap();
        if self.down {
            return NowOrLater::now(Err(StoreError::new("connection refused")));
        }
        self.users.rehashed(name, old, new)
    }
}

type Receiver = mpsc::UnboundedReceiver<(String, PasswordHash, PasswordHash)>;

fn told(users: &MemoryUserStore, down: bool) -> (BasicAuth, Receiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let store = Told { users: users.clone(), sender, down };
    (BasicAuth::new("cave", store).unwrap().rehash_outdated(), receiver)
}

/// Lets what was begun come to its end: the pool has one place, and gives it to the next in turn. For what is not to
/// happen: what is, is waited for.
async fn settled(pool: &HashingPool) {
    let layer = BasicAuth::new("cave", MemoryUserStore::new()).unwrap().hashing_pool(pool.clone());
    send(&BasicAuthLayer::new(layer), get_with("/", basic("x", "x"))).await;
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn after_a_success_the_store_is_handed_a_new_hash_and_the_password_still_works() {
    let witness = Witness::default();
    let users = aladdin();
    let (auth, mut told) = told(&users, false);
    let layer = BasicAuthLayer::new(auth.verifier(witness.clone()));
    let answer = send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
    assert_eq!((answer.status.as_u16(), witness.take().len()), (200, 1));

    let (name, old, new) = told.recv().await.unwrap();
    assert_eq!(name, "aladdin");
    assert!(old.is_outdated() && !new.is_outdated());
    // What is stored now is the new one, verified once; and there is nothing more to replace.
    let answer = send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
    assert_eq!(answer.status, 200);
    let [verified] = <[_; 1]>::try_from(witness.take()).ok().unwrap();
    assert_eq!(verified.hash, new);
    assert_eq!(send(&layer, get_with("/", basic("aladdin", "wrong"))).await.status, 401);
    assert!(told.try_recv().is_err());
}

#[cfg(feature = "bcrypt")]
#[tokio::test]
async fn a_hash_of_another_kind_becomes_argon2id() {
    let text = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";
    let users = MemoryUserStore::new();
    users.insert(User::new("aladdin", PasswordHash::parse(text).unwrap()).unwrap());
    let (auth, mut told) = told(&users, false);
    let layer = BasicAuthLayer::new(auth);
    send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
    let (_, old, new) = told.recv().await.unwrap();
    assert_eq!(old.as_str(), text);
    assert!(new.as_str().starts_with("$argon2id$"));
    assert_eq!(send(&layer, get_with("/", basic("aladdin", "open sesame"))).await.status, 200);
}

#[tokio::test]
async fn nothing_is_hashed_anew_after_a_failure_nor_for_a_hash_of_today_nor_unless_asked_for() {
    let users = aladdin();
    users.insert(user("jafar", "serpent").disabled(true));
    users.insert(User::new("jasmine", PasswordHash::of("tiger").unwrap()).unwrap());
    let pool = HashingPool::new(1);
    let (auth, mut told) = told(&users, false);
    let layer = BasicAuthLayer::new(auth.hashing_pool(pool.clone()));
    for (name, password) in [
        ("aladdin", "wrong"),
        ("jafar", "serpent"),
        ("jasmine", "tiger"),
        ("nobody", "x"),
        ("aladdin", ""),
    ] {
        send(&layer, get_with("/", basic(name, password))).await;
        settled(&pool).await;
        assert!(told.try_recv().is_err(), "{name}");
    }

    let (sender, mut told) = mpsc::unbounded_channel();
    let store = Told { users, sender, down: false };
    let auth = BasicAuth::new("cave", store).unwrap().hashing_pool(pool.clone());
    let answer = send(&BasicAuthLayer::new(auth), get_with("/", basic("aladdin", "open sesame"))).await;
    settled(&pool).await;
    assert!(answer.status == 200 && told.try_recv().is_err());
}

#[tokio::test]
async fn a_password_that_was_changed_in_the_meantime_stays() {
    let users = aladdin();
    let stale = cheap("open sesame");
    let new = PasswordHash::of("open sesame").unwrap();
    users.rehashed("aladdin", &stale, &new).await.unwrap();
    users.rehashed("nobody", &stale, &new).await.unwrap();
    let hash = |users: &MemoryUserStore| {
        let witness = Witness::default();
        let layer = super::watched(users.clone(), witness.clone());
        async move {
            let answer = send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
            (answer.status.as_u16(), witness.take()[0].hash.clone())
        }
    };
    // The store had another hash (of another salt) than `stale`.
    let (status, current) = hash(&users).await;
    assert!(status == 200 && current.is_outdated());
    users.insert(user("aladdin", "open sesame").disabled(true));
    let (_, current) = hash(&users).await;
    users.rehashed("aladdin", &current, &new).await.unwrap();
    let (status, current) = hash(&users).await;
    assert_eq!((status, current), (401, new), "all else of the user stays, the state too");
}

#[tokio::test]
async fn a_store_that_cannot_keep_the_new_hash_fails_no_request_and_is_asked_again() {
    let log = Log::capture();
    let (auth, mut told) = told(&aladdin(), true);
    let layer = BasicAuthLayer::new(auth.hashing_pool(HashingPool::new(1)));
    for _ in 0..2 {
        let answer = send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
        assert_eq!(answer.status, 200);
        told.recv().await.unwrap();
        while !log.text().contains("was not replaced") {
            tokio::task::yield_now().await;
        }
    }
    assert!(log.text().contains("aladdin") && !log.text().contains("$argon2id$"), "{}", log.text());
}

#[tokio::test]
async fn of_many_successes_at_once_one_is_hashed_anew_at_a_time() {
    /// Keeps the first new hash until it is told to go on.
    struct Slow(MemoryUserStore, Arc<Mutex<usize>>, Arc<tokio::sync::Semaphore>);
    impl UserStore for Slow {
        fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
            self.0.user(name)
        }
        fn rehashed(
            &self,
            _: &str,
            _: &PasswordHash,
            _: &PasswordHash,
        ) -> NowOrLater<Result<(), StoreError>> {
            *self.1.lock().unwrap() += 1;
            let go_on = self.2.clone();
            NowOrLater::later(async move { go_on.acquire().await.map(drop).map_err(StoreError::new) })
        }
    }
    let (begun, go_on) = (Arc::new(Mutex::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
    let store = Slow(aladdin(), begun.clone(), go_on);
    let pool = HashingPool::new(1).wait_limit(Duration::from_secs(3600));
    let auth = BasicAuth::new("cave", store).unwrap().hashing_pool(pool.clone()).rehash_outdated();
    let layer = BasicAuthLayer::new(auth);
    let sign_in = async || {
        let answer = send(&layer, get_with("/", basic("aladdin", "open sesame"))).await;
        assert_eq!(answer.status, 200);
    };
    for _ in 0..20 {
        sign_in().await;
    }
    let begins = async {
        while *begun.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(60), begins).await;
    assert!(in_time.is_ok(), "none is hashed anew");
    // While that one is kept waiting, there is no other.
    for _ in 0..20 {
        sign_in().await;
    }
    settled(&pool).await;
    assert_eq!(*begun.lock().unwrap(), 1);
}
