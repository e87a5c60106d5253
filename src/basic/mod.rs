//! HTTP Basic (RFC 7617) against a user store.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. The credentials are one token68 of strict base64 (RFC 4648 section 4: padded, canonical, up to 4,096
//!    bytes, one or more blanks before it), UTF-8, with a colon and without control characters. Anything
//!    else: 401 *malformed*; no user is looked up.
//! 2. The user name ends at the first colon; it may be empty, and the password may hold more colons.
//!    Names and passwords are compared byte for byte as received: no Unicode normalization.
//! 3. The user is looked up. A store that cannot answer: 503.
//! 4. Exactly one password hash is verified, off the reactor, in every outcome from here on: the user's, or a decoy
//!    of the same cost if there is no such user or the password is longer than 1,024 bytes.
//!    There is a limit to how many run and how many wait ([`HashingPool`]); beyond it: 503.
//! 5. Only then: a wrong password, an empty or overlong one, an unknown or disabled user are all
//!    *refused* with one and the same 401.
//!
//! ```
//! use portcullis::{
//!     BasicAuthLayer, Scope,
//!     basic::{BasicAuth, MemoryUserStore, PasswordHash, User},
//! };
//!
//! let users = MemoryUserStore::new();
//! users.insert(
//!     User::new("alice@example.org", PasswordHash::of("correct horse battery staple")?)?
//!         .scopes([Scope::from_static("messages:send")]),
//! );
//! let layer = BasicAuthLayer::new(BasicAuth::new("vault", users)?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Users from an htpasswd-style file, and a pool of one's own:
//!
//! ```
//! use portcullis::basic::{BasicAuth, HashingPool, MemoryUserStore};
//! use std::time::Duration;
//!
//! # let text = "alice:$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM";
//! // The file's lines are `name:$argon2id$…`; empty lines and lines with `#` are passed over.
//! let users = MemoryUserStore::from_htpasswd(text)?;
//! let pool = HashingPool::new(2).queue(64).wait_limit(Duration::from_millis(500));
//! let basic = BasicAuth::new("vault", users)?.hashing_pool(pool);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! # Caveats
//!
//! The scheme repeats the password in clear with every request (RFC 7617 section 4): serve it over TLS
//! only, see [`require_https`](BasicAuthLayer::require_https). Hashing on every request costs some 20
//! milliseconds of a core; let callers trade the password for a token. Where stored hashes differ in cost, the
//! decoy costs what most of them cost: a user of another cost can be told from one that does not exist.
//!
//! It needs a tokio runtime with its timer enabled.

mod authenticator;
mod cache;
mod credentials;
mod hash;
pub(crate) mod htpasswd;
mod layer;
mod pool;
mod sign_in;
mod throttle;
mod user;

pub use self::{
    authenticator::BasicAuth,
    cache::CredentialCache,
    hash::{Argon2id, PasswordHash, PasswordVerifier, StoredHashes},
    layer::BasicAuthLayer,
    pool::HashingPool,
    throttle::{Admission, AttemptKey, AttemptLimit, AttemptStore, Source, Throttle},
    user::{User, UserStore},
};
pub use crate::store::{MemoryAttemptStore, MemoryUserStore};
