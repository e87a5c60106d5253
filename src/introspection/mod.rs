//! Bearer tokens that the authorization server is asked about: OAuth 2.0 Token Introspection (RFC 7662).
//!
//! The rules, in the order in which they are applied:
//!
//! 1. What follows `Bearer` is one `b64token` (RFC 6750 section 2.1), and there is no parameter `access_token` in
//!    the query beside it; otherwise 400 `invalid_request`.
//! 2. It is not longer than [`max_length`](IntrospectionAuthBuilder::max_length).
//! 3. With [`cache`](IntrospectionAuthBuilder::cache), an answer that was asked for less than its time ago
//!    is used again. Otherwise the [`IntrospectionEndpoint`] is asked. One that cannot answer: 503.
//! 4. The answer is a JSON object without repeated names, in which `active` is a boolean; any other is no
//!    answer: 503. If `active` is false, the token is refused. Only then is anything else read, and each
//!    member that is looked at has its type: wrong is not absent, and `null` is wrong.
//! 5. `token_type`, if there is one, is `Bearer` in any case.
//! 6. `iss` is needed once an issuer is configured, and where
//!    [`identities_of`](IntrospectionAuthBuilder::identities_of) does not say whose the subjects are. `aud` is
//!    needed once an audience is configured; without one configured, `aud` is refused (RFC 7519 section
//!    4.1.3). `sub` is needed.
//! 7. `exp`, where there is one, is in the future; `nbf` and `iat` are not; all with the same leeway, and
//!    all judged anew when an answer is used again.
//! 8. The scopes are those of `scope`; without one there are none.
//!
//! Each refusal of 2 to 8 is the same 401 `invalid_token`; the reason is in the trace.
//!
//! ```
//! use portcullis::{
//!     AuthenticateLayer, AuthorizeLayer, Scope, ScopePolicy,
//!     introspection::{HttpEndpoint, IntrospectionAuth},
//! };
//!
//! let endpoint = HttpEndpoint::basic("https://id.example.org/introspect", "messages", "its secret")?;
//! let introspection = IntrospectionAuth::builder(endpoint)
//!     .issuer("https://id.example.org")
//!     .audience("https://api.example.org/messages")
//!     .build()?;
//! let who = AuthenticateLayer::new(introspection);
//! let may = AuthorizeLayer::new(ScopePolicy::from(Scope::from_static("messages:send")));
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! With a cache of 10,000 answers, and an endpoint of one's own:
//!
//! ```
//! use std::time::Duration;
//!
//! use bytes::Bytes;
//! use portcullis::{
//!     NowOrLater, Secret, StoreError,
//!     introspection::{IntrospectionAuth, IntrospectionEndpoint},
//! };
//!
//! struct InProcess;
//!
//! impl IntrospectionEndpoint for InProcess {
//!     fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
//!         let known = token == Secret::new("mF_9.B5f-4.1JqM");
//!         let answer: &[u8] = if known { br#"{"active":true,"sub":"alice"}"# } else { br#"{"active":false}"# };
//!         NowOrLater::now(Ok(Bytes::from_static(answer)))
//!     }
//! }
//!
//! let introspection = IntrospectionAuth::builder(InProcess)
//!     .identities_of("https://id.example.org")
//!     .cache(Duration::from_secs(30), 10_000)
//!     .build()?;
//! # Ok::<_, portcullis::ConfigError>(())
//! ```
//!
//! What else was said of the token is the principal's [`extra`](crate::Principal::extra), as an
//! [`IntrospectionResponse`].
//!
//! # The cache
//!
//! There is none, unless it is configured: each request asks, and a token that was revoked is refused on
//! the next one. With a cache, it is refused at the latest when the configured time, 30 seconds at most, has
//! passed since the question; and requests that come with the same token while the answer is on its way
//! share it. Only good answers are kept: one that refuses the token, or that says nothing, is forgotten when
//! those who wait for it have it. The token itself is not kept, but its HMAC under a key that is drawn when
//! the layer is built.
//!
//! # Caveats
//!
//! * Whoever sends made-up tokens makes the layer ask about each. Limit requests outside of it. An
//!   [`HttpEndpoint`] asks about a limited number of tokens at once, and answers 503 when they take too long.
//! * An authorization server may answer for all kinds of tokens that it issues, refresh tokens among them,
//!   and for those of other resources: an audience keeps them out.

mod authenticator;
mod cache;
mod endpoint;
#[cfg(feature = "introspection-http")]
mod http_endpoint;
mod judge;
mod response;

#[cfg(feature = "introspection-http")]
pub use self::http_endpoint::HttpEndpoint;
pub use self::{
    authenticator::{IntrospectionAuth, IntrospectionAuthBuilder},
    endpoint::IntrospectionEndpoint,
    response::IntrospectionResponse,
};
