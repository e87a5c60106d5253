//! `BasicAuthLayer` through its public API.
#![cfg(feature = "basic")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "basic/attempts.rs"]
mod attempts;
#[path = "basic/cache.rs"]
mod cache;
#[path = "basic/credentials.rs"]
mod credentials;
#[path = "basic/hash_kinds.rs"]
mod hash_kinds;
#[path = "basic/hashing.rs"]
mod hashing;
#[path = "basic/htpasswd.rs"]
mod htpasswd;
#[cfg(all(feature = "bcrypt", feature = "pbkdf2"))]
#[path = "basic/legacy_hashes.rs"]
mod legacy_hashes;
#[path = "basic/password_hash.rs"]
mod password_hash;
#[path = "basic/pool.rs"]
mod pool;
#[path = "basic/principal.rs"]
mod principal;
#[path = "basic/rehash.rs"]
mod rehash;
#[path = "basic/secrecy.rs"]
mod secrecy;
#[path = "basic/server.rs"]
mod server;
#[path = "basic/spellings.rs"]
mod spellings;
#[path = "basic/states.rs"]
mod states;
mod support;
#[path = "basic/throttle.rs"]
mod throttle;
#[path = "basic/throttle_cache.rs"]
mod throttle_cache;
#[path = "basic/throttle_sources.rs"]
mod throttle_sources;
#[path = "basic/verify.rs"]
mod verify;

use std::sync::{Arc, Mutex};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use portcullis::{
    BasicAuthLayer, NowOrLater, StoreError,
    basic::{
        BasicAuth, MemoryUserStore, PasswordHash, PasswordVerifier, StoredHashes, User, UserStore,
    },
};
use support::{Answer, basic, get, get_with, send};

#[tokio::test]
async fn a_user_with_the_right_password_passes() {
    let users = MemoryUserStore::new();
    users.insert(User::new("aladdin", PasswordHash::of("open sesame").unwrap()).unwrap());
    let answer = send(&layer(users), get_with("/", basic("aladdin", "open sesame"))).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "aladdin"));
}

#[tokio::test]
async fn without_credentials_they_are_asked_for() {
    let answer = send(&layer(aladdin()), get("/")).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.challenges(), [r#"Basic realm="cave", charset="UTF-8""#]);
    assert_eq!(answer.body, "credentials required");
    assert_eq!(answer.reason(), "authorization.missing");
}

#[test]
fn a_realm_that_does_not_fit_a_header_is_refused_when_the_layer_is_built() {
    for realm in ["a\r\nset-cookie: x", "caf\u{e9}", "a\0", "\x7f"] {
        assert!(BasicAuth::new(realm, MemoryUserStore::new()).is_err(), "{realm:?}");
    }
    assert!(BasicAuth::new(r#"the "vault" \"#, MemoryUserStore::new()).is_ok());
}

/// One user, `aladdin`, whose password is `open sesame`.
fn aladdin() -> MemoryUserStore {
    let users = MemoryUserStore::new();
    users.insert(user("aladdin", "open sesame"));
    users
}

fn user(name: &str, password: &str) -> User {
    User::new(name, cheap(password)).unwrap()
}

fn layer(users: impl UserStore) -> BasicAuthLayer {
    BasicAuthLayer::new(BasicAuth::new("cave", users).unwrap())
}

fn watched(users: impl UserStore, verifier: impl PasswordVerifier) -> BasicAuthLayer {
    BasicAuthLayer::new(BasicAuth::new("cave", users).unwrap().verifier(verifier))
}

/// A hash with the smallest parameters there are, so that tables of passwords take no time.
fn cheap(password: &str) -> PasswordHash {
    hash_of_cost(password, 8, 1)
}

/// A hash of so many KiB and passes. Unlike [`PasswordHash::of`], it takes passwords of any length.
fn hash_of_cost(password: &str, memory: u32, passes: u32) -> PasswordHash {
    let params = Params::new(memory, passes, 1, None).unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(password.as_bytes()).unwrap();
    PasswordHash::parse(&hash.to_string()).unwrap()
}

/// Verifies for real, and keeps what it was asked.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Vec<Verification>>>);

#[derive(Clone)]
struct Verification {
    password: Vec<u8>,
    hash: PasswordHash,
    verified: bool,
}

impl Witness {
    /// What was asked since the last time.
    fn take(&self) -> Vec<Verification> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl PasswordVerifier for Witness {
    fn verify(&self, password: &[u8], hash: &PasswordHash) -> bool {
        let verified = StoredHashes::default().verify(password, hash);
        let seen = Verification { password: password.to_vec(), hash: hash.clone(), verified };
        self.0.lock().unwrap().push(seen);
        verified
    }
}

/// A store that is down: at once, or after a while.
#[derive(Clone, Copy)]
enum Down {
    Now,
    Later,
}

impl UserStore for Down {
    fn user(&self, _: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        let down = || Err(StoreError::new("connection refused"));
        match self {
            Self::Now => NowOrLater::now(down()),
            Self::Later => NowOrLater::later(async move {
                tokio::task::yield_now().await;
                down()
            }),
        }
    }
}

/// A store that answers after a while.
struct Later(MemoryUserStore);

impl UserStore for Later {
    fn user(&self, name: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        let user = self.0.user(name);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            user.await
        })
    }
}

/// All that a caller sees of an answer.
fn seen(answer: &Answer) -> (u16, http::HeaderMap, String) {
    (answer.status.as_u16(), answer.headers.clone(), answer.body.clone())
}
