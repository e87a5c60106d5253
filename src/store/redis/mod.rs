//! [`Redis`]: nonces, revocations, refresh tokens and attempts to sign in, shared by several processes.
//!
//! 1. **One step**: each operation is one script, and so atomic, and one round trip.
//! 2. **Bounded waiting**: an operation has [`time_limit`](RedisBuilder::time_limit) to be answered, reconnecting
//!    included. Of those that wait for an answer there are 4096 at the most; more are refused at once. Each
//!    refusal is a [`StoreError`](crate::StoreError), and so a 503: never a yes.
//! 3. **Reconnecting** goes on in the background for as long as the process runs. A new connection asks the
//!    name service again. A Redis that has become a replica is left, for where the address leads now; and so is
//!    a connection on which three operations in a row were not answered, as when Redis hangs.
//! 4. **Only a Redis that takes writes answers**, to a reader as well: what a replica says may be old.
//! 5. **Expiry** follows the times that the caller passes. Entries are kept for a time and not until one, so that
//!    the clock of Redis need not be right; it must only go on evenly. They are kept longer than is asked for:
//!    attempts by a minute, nonces, revocations and refresh tokens by an hour. The clocks of your servers may differ
//!    by a minute; one that steps back by up to an hour makes no nonce fresh that was seen.
//! 6. **Keys** are digests under a prefix, of one length whatever a request holds, and name nobody; beside them lie
//!    `ready`, for a second, and `id`. All keys of
//!    a script carry one hash tag: they share a slot of a cluster. Each access token has a slot of its own,
//!    each account and source of a throttle, and each issuer of JWTs with its refresh tokens.
//! 7. **No eviction**: [`connect`](RedisBuilder::connect) refuses a Redis whose `maxmemory-policy` is not
//!    `noeviction`, since that may drop a nonce or a revocation that still counts.
//! 8. **An append-only file** is asked for, too: without one, what was acknowledged is gone with Redis.
//!    [`connect`](RedisBuilder::connect) warns then, or refuses, if it is
//!    [required](RedisBuilder::require_append_only).
//! 9. **A full memory** (`maxmemory`) takes nothing new. What is there goes on: refresh tokens are used,
//!    and their families revoked. A [throttle](crate::basic::Throttle) then counts in its own memory, as it
//!    does whenever Redis does not answer.
//!
//! ```no_run
//! use portcullis::{
//!     s3p::{MemoryAccessKeyStore, PublicUrl, S3pAuth},
//!     store::Redis,
//! };
//!
//! # async fn example() -> Result<(), portcullis::ConfigError> {
//! let redis = Redis::builder("redis://127.0.0.1:6379").prefix("pay").connect().await?;
//! let url = PublicUrl::parse("https://pay.example.org")?;
//! let s3p = S3pAuth::new(url, MemoryAccessKeyStore::new(), redis);
//! # Ok(())
//! # }
//! ```
//!
//! Redis 6.2, or Valkey 7.2, or newer: tested with Redis 7.0, it needs only commands that all of these have. With the
//! feature `redis-tls`, `rediss://` is TLS 1.2 or 1.3, with the certificates that the operating system trusts.
//!
//! # What can be lost
//!
//! | Redis | a write that was acknowledged |
//! |---|---|
//! | `appendonly yes`, `appendfsync always` | outlives a crash and a power cut |
//! | `appendfsync everysec` | the last second is lost by a power cut, and by a crash of Redis perhaps less |
//! | snapshots alone (what Redis does, and Debian's, if it is not told otherwise) | everything since the last one is lost |
//! | a failover to a replica | what the replica had not got is lost: replication does not wait |
//!
//! | what is lost | what comes of it |
//! |---|---|
//! | a nonce | one request can be replayed within its window |
//! | a revocation | a token is good again until it expires, and so is what was made with it |
//! | a rotation | a used refresh token is good again; the one that took its place is not, and ends the family |
//! | a family | its refresh tokens are refused; its access tokens are good until they expire, revoked or not |
//! | an attempt | it is not counted |
//!
//! `min-replicas-to-write` makes the loss of a failover smaller, and also stops an old primary that is cut off
//! from answering. For revocations that must never be lost, use a database that waits for its replicas.
//!
//! # Caveats
//!
//! The client speaks to one server: the keys suit a cluster, and the client does not follow it. Give it a proxy that does,
//! or a cluster of one shard; with Sentinel, a name that leads to the primary.
//!
//! When Redis has done what it was asked, and the answer is lost, the caller is told 503, and the nonce is
//! used up: the client must sign again.

#[cfg(feature = "basic")]
mod attempts;
mod builder;
mod id;
mod key;
mod link;
#[cfg(feature = "s3p")]
mod nonces;
mod ready;
#[cfg(feature = "_jwt")]
mod refreshes;
#[cfg(feature = "_jwt")]
mod revocations;

use std::{fmt, io, sync::Arc, time::Duration};

use ::redis::{FromRedisValue, RedisError, ScriptInvocation, cmd};
use tokio::{sync::Semaphore, time::timeout};

pub use self::builder::RedisBuilder;
use self::link::Link;
use super::verdict::Verdict;
use crate::Clock;

/// How many operations may wait for an answer.
const MOST_WAITING: usize = 4096;

/// A Redis or Valkey. A clone is the same store, over the same connection. See the
/// [module docs](crate::store::redis) for the rules.
#[derive(Clone)]
pub struct Redis(Arc<Parts>);

struct Parts {
    link: Link,
    prefix: String,
    time_limit: Duration,
    waiting: Semaphore,
    verdict: Verdict,
    max_live_per_token: usize,
    max_families: usize,
    clock: Arc<dyn Clock>,
}

impl Redis {
    /// Begins with the URL: `redis://user:password@host:6379/0`, `rediss://…` for TLS, or
    /// `unix:///run/redis.sock`.
    pub fn builder(url: impl Into<String>) -> RedisBuilder {
        RedisBuilder::new(url.into())
    }

    /// Runs a script, within the time limit.
    async fn run<T: FromRedisValue>(&self, script: ScriptInvocation<'static>) -> Result<T, RedisError> {
        let Ok(_waiting) = self.0.waiting.try_acquire() else {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "too many operations wait").into());
        };
        let connection = self.0.link.present();
        let mut manager = connection.manager();
        let Ok(answer) = timeout(self.0.time_limit, script.invoke_async(&mut manager)).await else {
            self.0.link.not_answered(&connection);
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time").into());
        };
        connection.answered(&answer);
        if answer.as_ref().is_err_and(|error| says(error, "READONLY")) {
            // It has become a replica. Without this connection, a new one is made to where the address leads.
            let _ = timeout(self.0.time_limit, cmd("QUIT").exec_async(&mut manager)).await;
        }
        answer
    }
}

/// Whether an error of the server has this code. Older servers put a script's errors into another's text.
fn says(error: &RedisError, code: &str) -> bool {
    error.code() == Some(code) || error.detail().is_some_and(|detail| detail.contains(code))
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.0.prefix)
            .field("time_limit", &self.0.time_limit)
            .finish_non_exhaustive()
    }
}
