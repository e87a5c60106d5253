//! The stores that come ready-made: in memory, one for each store trait; in SQLite and PostgreSQL ([`Sql`]); and
//! in Redis.

#[cfg(feature = "contract")]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod contract;
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
#[cfg(all(feature = "redis", any(feature = "_jwt", feature = "basic", feature = "s3p")))]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod redis;
#[cfg(feature = "sql")]
pub mod sql;

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
#[cfg(all(feature = "redis", any(feature = "_jwt", feature = "basic", feature = "s3p")))]
pub use self::redis::{Redis, RedisBuilder};
#[cfg(feature = "sql")]
pub use self::sql::Sql;
#[cfg(feature = "s3p")]
pub use self::{memory_access_keys::MemoryAccessKeyStore, memory_nonces::MemoryNonceStore};
