//! The stores that come ready-made: in memory, in SQLite and PostgreSQL ([`Sql`]), and in Redis.
//!
//! Begin in memory or with SQLite: neither needs a server. When one machine is outgrown, the same calls are
//! made to PostgreSQL, and, for what is written on each request, to Redis. Each kind passes
//! [one suite of tests](contract), which a store of your own can pass as well.
//!
//! | trait | in memory | [`Sql`] | [`Redis`] |
//! |---|---|---|---|
//! | [`UserStore`](crate::basic::UserStore) | `MemoryUserStore` | yes | |
//! | [`AttemptStore`](crate::basic::AttemptStore): a throttle | `MemoryAttemptStore` | | yes |
//! | [`UserTokenStore`](crate::user_token::UserTokenStore), [`UserTokenAdmin`](crate::user_token::UserTokenAdmin) | `MemoryUserTokenStore` | yes | |
//! | [`RevocationStore`](crate::jwt::RevocationStore) | `MemoryRevocationStore` | yes | yes |
//! | [`RefreshStore`](crate::jwt::refresh::RefreshStore) | `MemoryRefreshStore` | yes | yes |
//! | [`OwnershipStore`](crate::ownership::OwnershipStore), [`OwnershipAdmin`](crate::ownership::OwnershipAdmin) | `MemoryOwnershipStore` | yes | |
//! | [`AccessKeyStore`](crate::s3p::AccessKeyStore) | `MemoryAccessKeyStore` | yes | |
//! | [`NonceStore`](crate::s3p::NonceStore) | `MemoryNonceStore` | yes | yes |
//!
//! What is kept for good is not in Redis. Attempts to sign in are not in `Sql`: strangers would make it write to the
//! disk as often as they guess.
//!
//! # Guarantees
//!
//! | backend | an acknowledged write | atomic | shared by | a failover can lose |
//! |---|---|---|---|---|
//! | in memory | is gone with the process | by a lock | the clones in one process | |
//! | SQLite | outlives a crash and a power cut (`synchronous = FULL`) | one writer at a time | the processes of one machine | |
//! | PostgreSQL | outlives them, with `synchronous_commit` on (the default) | one statement, or a transaction | all instances | what the standby had not got; nothing, with `synchronous_standby_names` |
//! | Redis | as [`appendfsync`](redis#what-can-be-lost) says; outlives them with `always` | one script | all instances | what the replica had not got |
//!
//! Atomic is, in each: that a nonce is recorded (of many, one is fresh), that a resource is claimed, given away or
//! given up (by the owner that was seen), that a refresh token is used (of many, one gets the next; the family
//! ends, and all that was made with it), that a user token is created or revoked, that an outdated hash is
//! replaced, and that an attempt is counted.
//!
//! What such a loss means: [a nonce, a revocation, a rotation](redis#what-can-be-lost) in Redis; in PostgreSQL, that
//! a user, token, key or owner is as before the change.
//!
//! # What is cached
//!
//! No store here has a cache of its own: an answer is of the moment, and what is revoked, disabled or changed is so on
//! the next request, at every instance. A look-up is one statement over an index, or one script. What costs more than that is
//! cached where it is computed, and never in place of the look-up:
//!
//! | what is asked on a request | cached | because |
//! |---|---|---|
//! | the user of a name | no | the [`CredentialCache`](crate::basic::CredentialCache) saves the password hash, some 20 ms; the user is still looked up, so that a change counts at once, unless the store says without waiting that [nothing has changed](crate::basic::UserStore::version): the one in memory does |
//! | attempts to sign in | no | they are writes. What the `CredentialCache` knows is no attempt, and is not counted |
//! | a user token | no | it has to be refused on the request after its revocation. Its last use is written once [in an interval](crate::user_token::LastUsed) |
//! | whether a JWT is revoked | no | the same. The [cache of verified tokens](crate::jwt::JwtAuthBuilder::cache) saves the signature, and the store is still asked, unless it says without waiting that [nothing has changed](crate::jwt::RevocationStore::version): the one in memory does |
//! | a refresh token | no | it is a write |
//! | the owner of a resource | no | who has given a resource away would go on writing to it |
//! | an S3P access key | if you say so, for a minute at most: [`CachedAccessKeys`] | a stolen secret is good for as long as it is remembered; where that is harmless, a signed request asks the database for nothing but its nonce |
//! | a nonce | no | it is a write |
//!
//! What an authorization server says is cached by [`introspection`](crate::introspection), for as long as you say; the
//! keys of an issuer are [`remote`](crate::jwt::remote) ones.
//!
//! What becomes of requests when a store fails is in [`faults`].

#[cfg(feature = "s3p")]
mod cached_access_keys;
#[cfg(feature = "contract")]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod contract;
pub mod faults;
#[cfg(feature = "s3p")]
mod memory_access_keys;
#[cfg(feature = "basic")]
mod memory_attempts;
#[cfg(feature = "s3p")]
mod memory_nonces;
#[cfg(feature = "ownership")]
mod memory_ownership;
#[cfg(feature = "_jwt")]
mod memory_refreshes;
#[cfg(feature = "_jwt")]
mod memory_revocations;
#[cfg(feature = "user-token")]
mod memory_user_tokens;
#[cfg(feature = "basic")]
mod memory_users;
#[cfg(feature = "s3p")]
mod nonce_table;
#[cfg(feature = "redis")]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod redis;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(any(feature = "redis", feature = "sql"))]
mod verdict;

#[cfg(feature = "basic")]
pub use self::memory_attempts::MemoryAttemptStore;
#[cfg(feature = "ownership")]
pub use self::memory_ownership::MemoryOwnershipStore;
#[cfg(feature = "_jwt")]
pub use self::memory_refreshes::MemoryRefreshStore;
#[cfg(feature = "_jwt")]
pub use self::memory_revocations::MemoryRevocationStore;
#[cfg(feature = "user-token")]
pub use self::memory_user_tokens::MemoryUserTokenStore;
#[cfg(feature = "basic")]
pub use self::memory_users::MemoryUserStore;
#[cfg(feature = "redis")]
pub use self::redis::{Redis, RedisBuilder};
#[cfg(feature = "sql")]
pub use self::sql::Sql;
#[cfg(feature = "s3p")]
pub use self::{
    cached_access_keys::CachedAccessKeys, memory_access_keys::MemoryAccessKeyStore,
    memory_nonces::MemoryNonceStore,
};
