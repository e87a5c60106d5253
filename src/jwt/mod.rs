//! JSON Web Tokens as bearer tokens (RFC 7519, RFC 6750), with scopes.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. What follows `Bearer` is one `b64token` (RFC 6750 section 2.1), and the only token: beside a parameter
//!    `access_token` of the query, which is otherwise ignored, it is none; 400 `invalid_request`. The body is not
//!    looked at.
//! 2. It is not longer than [`max_length`](JwtAuthBuilder::max_length), and a compact JWS: three parts of strict
//!    base64url. JWE and JSON serialization are refused.
//! 3. The header is a JSON object without repeated names. `crit`, `zip` and `b64` are refused: no
//!    extension is understood. `jku`, `x5u`, `jwk` and `x5c` are ignored, and never fetched. `typ` is absent,
//!    `JWT` or `at+jwt`, or what [`token_type`](JwtAuthBuilder::token_type) names.
//! 4. The key decides the algorithm; the header's `alg` must name the same. `kid`, of 256 bytes at most,
//!    chooses the key; where it does not leave exactly one, the token is refused. A [`KeySource`] whose keys may
//!    still be renewed is asked for newer ones first; one that cannot say whether there are, or has none to be
//!    believed: 503.
//! 5. A token that has expired by its own word is refused; nothing else is believed before the signature
//!    is verified. The claims are a JSON object without repeated names, in which each claim that is looked
//!    at has its type. One that is bound to a key (`cnf`, RFC 7800) is refused: it is no bearer token.
//! 6. `exp` is needed, and is in the future; `nbf` and `iat` are not; all with the same leeway. `iss`
//!    and `aud` are needed once they are configured. `aud` without an audience configured is refused
//!    (RFC 7519 section 4.1.3). `sub` is needed.
//! 7. The scopes are those of `scope` (a string, RFC 9068), `scopes` (an array), or `scp` (either). Two
//!    of them that differ are refused.
//! 8. With [`revocations`](JwtAuthBuilder::revocations), `jti` is needed, and the token was not revoked. A
//!    store that cannot answer: 503.
//! 9. [`JwtScopeLayer`] then asks for scopes: 403 `insufficient_scope`. With a
//!    [`table`](JwtScopeLayer::table), those of the [route or gRPC method](crate::authorize::table).
//!
//! Each refusal of 2 to 8 is the same 401 `invalid_token`; the reason is in the trace.
//!
//! ```
//! use portcullis::{
//!     JwtScopeLayer, Scope,
//!     jwt::{Algorithm, JwtAuth, Key, Keys},
//! };
//!
//! let keys = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
//! let jwt = JwtAuth::builder(keys).issuer("https://id.example.org").audience("messages").build()?;
//! let layer = JwtScopeLayer::new(jwt, Scope::from_static("messages:send"));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! With a table of the scopes that each route needs:
//!
//! ```
//! # use portcullis::jwt::{Algorithm, JwtAuth, Key, Keys};
//! use http::Method;
//! use portcullis::{JwtScopeLayer, Requirement, Scope, ScopeTable};
//!
//! # let keys = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
//! # let jwt = JwtAuth::builder(keys).issuer("https://id.example.org").audience("messages").build()?;
//! let table = ScopeTable::builder()
//!     .route(Method::GET, "/messages/{id}", Scope::from_static("messages:read"))
//!     .route(Method::POST, "/messages", Scope::from_static("messages:send"))
//!     .route(Method::GET, "/health", Requirement::open())
//!     .build()?;
//! let layer = JwtScopeLayer::table(jwt, table);
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Authenticated once, with other scopes for each route:
//!
//! ```
//! # use portcullis::jwt::{Algorithm, JwtAuth, Key, Keys};
//! use portcullis::{AuthenticateLayer, AuthorizeLayer, Scope, ScopePolicy};
//! use std::time::Duration;
//!
//! # let keys = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
//! let jwt = JwtAuth::builder(keys)
//!     .issuer("https://id.example.org")
//!     .audience("messages")
//!     .leeway(Duration::from_secs(5))
//!     .realm("messages")
//!     .build()?;
//! let outside = AuthenticateLayer::new(jwt);
//! let send = AuthorizeLayer::new(ScopePolicy::from(Scope::from_static("messages:send")));
//! let list = AuthorizeLayer::new(ScopePolicy::any_of([
//!     Scope::from_static("messages:list"),
//!     Scope::from_static("messages:read"),
//! ]));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! Others are the builder's to say: access tokens by [RFC 9068](JwtAuthBuilder::rfc9068), a
//! [`max_lifetime`](JwtAuthBuilder::max_lifetime), a [`cookie`](JwtAuthBuilder::cookie) in place of the
//! header, a [`cache`](JwtAuthBuilder::cache) of verified tokens. Several issuers are
//! [`JwtIssuers`]; JWTs beside other bearer tokens are a [`BearerAuth`](crate::BearerAuth).
//!
//! The keys of an issuer that changes them are fetched from where it publishes them: see the page `remote`
//! (feature `jwks`).
//!
//! [`Issuer`] issues tokens, and [`MemoryRevocationStore`] revokes them. Tokens that are short-lived and
//! renewed come in pairs: see [`refresh`].
//!
//! # Caveats
//!
//! A token is good until it expires or is revoked: what its subject loses meanwhile, it keeps. Keep
//! lifetimes short. It is judged when the request begins: a stream or an upgraded connection that outlives
//! the token goes on, unless the handler looks at [`Claims::expires`], and asks its [`RevocationStore`] again,
//! when it pleases. No layer does so in between: what it would have to cut off, and where, only the handler knows.
//!
//! While a revocation store is down, tokens are answered 503. There is no setting by which older answers would do
//! for a while: whoever has a token that was revoked would only have to keep the store busy.

mod admission;
mod authenticator;
mod backend;
mod builder;
mod cache;
mod claims;
#[cfg(feature = "axum")]
mod extract;
mod grant;
mod header;
mod issue;
mod issuers;
mod jwks;
mod jws;
mod key;
mod keys;
mod layer;
mod plain;
pub mod refresh;
mod registered;
#[cfg(feature = "jwks")]
pub mod remote;
mod revocation;
mod source;
mod token_type;

pub use jsonwebtoken::Algorithm;

#[cfg(feature = "axum")]
pub use self::extract::CustomClaims;
pub use self::{
    authenticator::JwtAuth,
    builder::JwtAuthBuilder,
    claims::Claims,
    grant::Grant,
    issue::{IssueError, IssueErrorKind, Issued, Issuer},
    issuers::JwtIssuers,
    jws::VerifiedJws,
    key::Key,
    keys::{Generation, Keys},
    layer::JwtScopeLayer,
    revocation::{RevocationStore, TokenFacts},
    source::KeySource,
};
pub use crate::store::MemoryRevocationStore;
