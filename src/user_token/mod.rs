//! Opaque user tokens: bearer tokens (RFC 6750) that a person makes, sees once, and revokes.
//!
//! A token is a prefix, 160 random bits, and a checksum. What is stored is its SHA-256, by which it is looked
//! up: the token cannot be had from the store, and there is nothing to compare byte by byte.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. What follows `Bearer` is one `b64token` (RFC 6750 section 2.1), and there is no parameter `access_token` in
//!    the query beside it; otherwise 400 `invalid_request`.
//! 2. It has the form of a token, and its checksum is right; otherwise 401, without asking the store.
//! 3. Its digest is looked up, on every request. A store that cannot answer: 503. Unknown, and revoked: 401.
//! 4. It has not expired: else 401.
//! 5. Its principal has the token's scopes, and of them those alone that its user holds now, if the store knows what
//!    that is: [below](#scopes).
//! 6. That it was used is [written down](LastUsed), if that is wanted; the request does not wait.
//!
//! ```
//! use portcullis::{
//!     Identity, UserTokenLayer,
//!     user_token::{MemoryUserTokenStore, NewUserToken, UserTokenAuth, UserTokens},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryUserTokenStore::new();
//! let new = NewUserToken::named("laptop")?;
//! let (token, _) = UserTokens::new(store.clone()).create(&Identity::local("alice")?, new).await?;
//! println!("shown once: {}", token.expose());
//!
//! let layer = UserTokenLayer::new(UserTokenAuth::new("vault", store)?);
//! # Ok(())
//! # }
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
//!
//! # Scopes
//!
//! A token is made with scopes that its user holds, and there is nothing to be had from it that the user has lost: a
//! store that knows users ([`Sql`](crate::store::Sql)) gives back, on every look-up, those of the token's scopes that
//! its user holds now. What the user is given again, the token has again. [`UserTokens::list`] shows what it was made
//! with.
//!
//! Scopes are compared by name. `all:any` ([`Scope::ALL_ANY`](crate::Scope::ALL_ANY)) is one like any other here: it
//! stands for those alone that the application has said it stands for
//! ([`SqlOptions::global_scope`](crate::store::sql::SqlOptions::global_scope)). Otherwise an administrator who becomes
//! a user like the others would stay one by his old tokens: the scope for everything, which many have, is not the
//! one that [overrides](crate::ownership::Ownership::override_scope) ownership.
//!
//! # Leaks
//!
//! A scanner finds tokens that have leaked, into a repository or a log, by this regular expression
//! ([`UserToken::PATTERN`]):
//!
//! ```text
//! \bpct_[0-9a-f]{48}\b
//! ```
//!
//! The last eight digits are the first four bytes of the SHA-256 of the twenty bytes before them: what has not
//! got them is no token. A token is read from the `Authorization` field, or from the cookie or the field that a
//! [`BearerAuth`](crate::BearerAuth) names, and never from the target or from a form, so that no log of targets
//! holds one.

mod authenticator;
mod last_used;
mod layer;
mod store;
mod token;
mod tokens;

pub use self::{
    authenticator::UserTokenAuth,
    last_used::LastUsed,
    layer::UserTokenLayer,
    store::{UserTokenAdmin, UserTokenRecord, UserTokenStore},
    token::{TokenDigest, UserToken},
    tokens::{NewUserToken, UserTokens},
};
pub use crate::store::MemoryUserTokenStore;
