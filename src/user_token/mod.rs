//! Opaque user tokens: bearer tokens (RFC 6750) that a person makes, sees once, and revokes.
//!
//! A token is a prefix, 160 random bits, and a checksum, as in `pct_` and 48 hexadecimal digits, so that
//! a scanner finds a leaked one. What is stored is its SHA-256, by which it is looked up: the token cannot
//! be had from the store, and there is nothing to compare byte by byte.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. What follows `Bearer` is one `b64token` (RFC 6750 section 2.1); otherwise 400 `invalid_request`.
//! 2. It has the form of a token, and its checksum is right; otherwise 401, without asking the store.
//! 3. Its digest is looked up. A store that cannot answer: 503. Unknown, and revoked: 401.
//! 4. It has not expired: else 401.
//!
//! ```
//! use portcullis::{
//!     Identity, UserTokenLayer,
//!     user_token::{MemoryUserTokenStore, UserToken, UserTokenRecord, UserTokenAuth},
//! };
//!
//! let store = MemoryUserTokenStore::new();
//! let token = UserToken::generate();
//! store.insert(token.digest(), UserTokenRecord::new("laptop", Identity::local("alice")?));
//! println!("shown once: {}", token.expose());
//!
//! let layer = UserTokenLayer::new(UserTokenAuth::new("vault", store)?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Beside passwords:
//!
//! ```
//! # use portcullis::{basic::{BasicAuth, MemoryUserStore}, user_token::{MemoryUserTokenStore, UserTokenAuth}};
//! use portcullis::AuthenticateLayer;
//!
//! # let (tokens, users) = (MemoryUserTokenStore::new(), MemoryUserStore::new());
//! let layer = AuthenticateLayer::new(UserTokenAuth::new("vault", tokens)?)
//!     .or(BasicAuth::new("vault", users)?);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```

mod authenticator;
mod layer;
mod store;
mod token;

pub use self::{
    authenticator::UserTokenAuth,
    layer::UserTokenLayer,
    store::{UserTokenAdmin, UserTokenRecord, UserTokenStore},
    token::{TokenDigest, UserToken},
};
pub use crate::store::MemoryUserTokenStore;
