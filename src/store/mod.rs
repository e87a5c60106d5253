//! The stores that come ready-made: in memory, one for each store trait; and in Redis.

#[cfg(feature = "contract")]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod contract;
#[cfg(feature = "s3p")]
mod memory_access_keys;
#[cfg(feature = "s3p")]
mod memory_nonces;
#[cfg(feature = "ownership")]
mod memory_ownership;
#[cfg(feature = "jwt")]
mod memory_revocations;
#[cfg(feature = "user-token")]
mod memory_user_tokens;
#[cfg(feature = "basic")]
mod memory_users;
#[cfg(all(feature = "redis", any(feature = "jwt", feature = "s3p")))]
#[cfg_attr(not(feature = "full"), allow(dead_code, reason = "each trait uses a part of it"))]
pub mod redis;

#[cfg(feature = "ownership")]
pub use self::memory_ownership::MemoryOwnershipStore;
#[cfg(feature = "jwt")]
pub use self::memory_revocations::MemoryRevocationStore;
#[cfg(feature = "user-token")]
pub use self::memory_user_tokens::MemoryUserTokenStore;
#[cfg(feature = "basic")]
pub use self::memory_users::MemoryUserStore;
#[cfg(all(feature = "redis", any(feature = "jwt", feature = "s3p")))]
pub use self::redis::{Redis, RedisBuilder};
#[cfg(feature = "s3p")]
pub use self::{memory_access_keys::MemoryAccessKeyStore, memory_nonces::MemoryNonceStore};
