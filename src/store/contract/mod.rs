//! What every store must do, as tests for a store of your own.
//!
//! There is a function for each store trait. It is given a function that makes a new store, with nothing in
//! it but what is asked for; it panics with the rule that the store has broken.
//!
//! 1. **Atomic**: of any number of callers at once, one is first. What compares and changes does so in one step.
//! 2. **Scoped**: texts are compared byte for byte, and two that belong together are never run together:
//!    `("ab", "c")` is not `("a", "bc")`. No text is too long or too odd to be looked up.
//! 3. **Expiring by the caller's clock**: what is recorded counts through its last second. Clocks that jump
//!    let nothing in.
//! 4. **Bounded**: a full store refuses, and forgets nothing that counts.
//! 5. **Failing closed**: a store that is down says so, in bounded time. Hand one to the `broken_…` functions:
//!    its server stopped, its disk full, its network cut.
//!
//! ```
//! use std::time::UNIX_EPOCH;
//!
//! use portcullis::{s3p::MemoryNonceStore, store::contract};
//!
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! contract::nonces(async || MemoryNonceStore::new(UNIX_EPOCH)).await;
//! contract::bounded_nonces(async |each| MemoryNonceStore::with_limits(UNIX_EPOCH, 1000, each)).await;
//! # });
//! ```
//!
//! All of them need tokio's multi-threaded runtime (`#[tokio::test(flavor = "multi_thread")]`): on one thread,
//! two callers are hardly ever at one place at one time.
//!
//! # A store of one's own
//!
//! The example `own_store` keeps nonces in files, and runs the contract on that, but for rule 4: it has no bound of its own,
//! and a disk that is full is one that is down. Who needs one runs `bounded_nonces`, too:
//!
#![doc = concat!("```no_run\n", include_str!("../../../examples/own_store.rs"), "```")]

#[cfg(feature = "s3p")]
mod access_keys;
#[cfg(feature = "basic")]
mod attempts;
#[cfg(feature = "s3p")]
mod nonces;
#[cfg(feature = "ownership")]
mod ownership;
#[cfg(feature = "ownership")]
mod ownership_admin;
#[cfg(feature = "_jwt")]
mod refresh_families;
#[cfg(feature = "_jwt")]
mod refreshes;
#[cfg(feature = "_jwt")]
mod revocations;
#[cfg(feature = "user-token")]
mod user_token_admin;
#[cfg(feature = "user-token")]
mod user_tokens;
#[cfg(feature = "basic")]
mod users;
#[cfg(any(feature = "basic", feature = "_jwt"))]
mod versions;

use std::{fmt::Debug, future::Future, sync::Arc, time::Duration};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Barrier,
};

#[cfg(feature = "s3p")]
pub use self::{
    access_keys::{AccessKeySeed, access_keys, broken_access_keys},
    nonces::{bounded_nonces, broken_nonces, nonces},
};
#[cfg(feature = "basic")]
pub use self::{
    attempts::{attempts, bounded_attempts, broken_attempts},
    users::{UserSeed, broken_users, rehashed_users, users},
    versions::versioned_users,
};
#[cfg(feature = "ownership")]
pub use self::{
    ownership::{broken_ownership, ownership},
    ownership_admin::{broken_ownership_admin, ownership_admin},
};
#[cfg(feature = "_jwt")]
pub use self::{
    refreshes::{bounded_refreshes, broken_refreshes, refreshes},
    revocations::{Revocation, broken_revocations, revocations},
    versions::versioned_revocations,
};
#[cfg(feature = "user-token")]
pub use self::{
    user_token_admin::{bounded_user_token_admin, broken_user_token_admin, user_token_admin},
    user_tokens::{UserTokenSeed, broken_user_tokens, user_tokens, user_tokens_of_users},
};
use crate::{NowOrLater, StoreError};

/// How many callers there are at once.
const CALLERS: usize = 64;

/// How long an answer may take, of a store that is down, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Texts of which two are never one.
#[rustfmt::skip]
const TEXTS: [&str; 26] = [
    "a", "A", " a", "a ", "aa", "ａ", "a\0", "a\0b", "\0", "e\u{301}", "\u{e9}", "ß", "ss", "ﬁ", "fi",
    "1", "01", "1.0", "NULL", "'", "\"", "'; DROP TABLE users; --", "%", "_", "{a}:*", "\u{202e}\u{1f511}",
];

/// Pairs of which two are never one, also when somebody puts a sign between them.
const PAIRS: [(&str, &str); 12] = [
    ("ab", "c"),
    ("a", "bc"),
    ("abc", "d"),
    ("a", "b:c"),
    ("a:b", "c"),
    ("a", "b\0c"),
    ("a\0b", "c"),
    ("a", "b|c"),
    ("a|b", "c"),
    ("2:ab", "c"),
    ("c", "ab"),
    ("bc", "a"),
];

/// [`TEXTS`], and two that are long and nearly the same.
fn texts() -> Vec<String> {
    // No part of it repeats another, so that no database stores it shorter: the upper digits of a sequence that is
    // as good as random (Knuth's).
    let sequence = (0..8_000).scan(1_u64, |last, _| {
        *last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_digit(u32::try_from(*last >> 59).ok()?, 32)
    });
    let long: String = sequence.collect();
    let long = ["x", "y"].map(|end| format!("{long}{end}"));
    TEXTS.map(str::to_owned).into_iter().chain(long).collect()
}

/// The answer of a store that is not down.
async fn answer<T>(answer: NowOrLater<Result<T, StoreError>>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            panic!("the store must answer, whatever it is asked for; it said: {error}: {cause:?}")
        }
    }
}

/// Asks a store that is down.
async fn must_fail<T: Debug>(answer: NowOrLater<Result<T, StoreError>>) {
    let Ok(answer) = tokio::time::timeout(PATIENCE, answer).await else {
        panic!("a store that is down must say so within {PATIENCE:?}");
    };
    if let Ok(answer) = answer {
        panic!("a store that is down must not answer; it said {answer:?}");
    }
}

/// What many callers are answered, who ask at one time. Each is told his number.
async fn at_once<T, F>(ask: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    assert!(
        Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread,
        "run the contract on several threads: `#[tokio::test(flavor = \"multi_thread\")]`"
    );
    let barrier = Arc::new(Barrier::new(CALLERS));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (asking, barrier) = (ask(caller), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                asking.await
            })
        })
        .collect();
    let mut answers = Vec::with_capacity(CALLERS);
    for caller in callers {
        answers.push(caller.await.expect("the store does not panic"));
    }
    answers
}
