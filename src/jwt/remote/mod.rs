//! Keys that an issuer publishes, and changes: a JWK set (RFC 7517 section 5) that is fetched again and
//! again.
//!
//! [`RemoteKeys`] is a [`KeySource`](super::KeySource). The rules:
//!
//! 1. Requests read the keys without a lock, and never wait for a fetch, but for those of rule 4.
//! 2. The set is fetched again in the background when its `Cache-Control` (RFC 9111) says so, within
//!    [bounds](RemoteKeysBuilder::refresh_between), and then up to a quarter sooner, by chance, so that the
//!    servers of a fleet do not ask together. Where nothing is said: every 15 minutes.
//! 3. The request has the `ETag` of the last set. After a 304, and after a body of the same bytes, the
//!    [`Keys`](super::Keys) are the very same ones.
//! 4. A token that no key fits starts a fetch, and waits for it. There is one fetch at a time: who comes
//!    meanwhile waits for the same one, 256 requests at most. After a fetch that a request has started, the
//!    next one is started no sooner than the [cooldown](RemoteKeysBuilder::cooldown), whatever came of the
//!    first. The fetches of rule 2 and 6 do not count, so that keys which change shortly after the start
//!    are found. Requests that may not start a fetch are judged by the keys at hand. If no key fits even
//!    then: 401, if the last fetch has succeeded; 503, if it has failed or the request found no room to wait,
//!    for then nobody knows which keys there are. Whose key is known is never answered so.
//! 5. A set without a key that can be used is not adopted; nor is one in which two keys have one id, nor
//!    anything that is no JWK set. Single bad keys are passed over
//!    (see [`Keys::from_jwks_json`](super::Keys::from_jwks_json)).
//! 6. After a failure the last good set is kept. The next attempts come after about 1, 2, 4, … seconds,
//!    and at last every minute.
//! 7. A set that could not be confirmed for [`max_stale`](RemoteKeysBuilder::max_stale) is not believed any
//!    more: requests are answered 503, as they are before the first fetch.
//! 8. No fetch takes longer than the [time limit](RemoteKeysBuilder::time_limit).
//!
//! Times are measured by tokio's monotonic clock: a wall clock that is set changes nothing.
//!
#![cfg_attr(feature = "jwks-http", doc = "```no_run")]
#![cfg_attr(not(feature = "jwks-http"), doc = "```ignore")]
//! use portcullis::{
//!     JwtScopeLayer, Scope,
//!     jwt::{JwtAuth, remote::{JwksUrl, RemoteKeys}},
//! };
//!
//! # async fn connect() -> Result<(), portcullis::ConfigError> {
//! let keys = RemoteKeys::connect(JwksUrl::new("https://id.example.org/jwks.json")?).await?;
//! let jwt = JwtAuth::builder(keys).issuer("https://id.example.org").audience("messages").build()?;
//! let layer = JwtScopeLayer::new(jwt, Scope::from_static("messages:send"));
//! # Ok(())
//! # }
//! ```
//!
//! A server that starts without its issuer, keeps a handle for its health check, and knows that the
//! issuer's RSA keys, which do not say their algorithm, sign by RS256:
//!
#![cfg_attr(feature = "jwks-http", doc = "```no_run")]
#![cfg_attr(not(feature = "jwks-http"), doc = "```ignore")]
//! use portcullis::jwt::{Algorithm, JwtAuth, remote::{JwksUrl, RemoteKeys}};
//!
//! # fn start() -> Result<(), portcullis::ConfigError> {
//! let keys = RemoteKeys::builder(JwksUrl::new("https://id.example.org/jwks.json")?)
//!     .rsa_algorithm(Algorithm::RS256)
//!     .connect_lazy()?;
//! let jwt = JwtAuth::builder(keys.clone()).issuer("https://id.example.org").audience("messages").build()?;
//! let ready = move || keys.is_ready();
//! # Ok(())
//! # }
//! ```
//!
//! # Caveats
//!
//! A key that the issuer has removed is believed until the next fetch that succeeds, and at most for
//! `max_stale`.
//!
//! One issuer's keys are for one issuer's tokens: make a `RemoteKeys` and a [`JwtAuth`](super::JwtAuth) for
//! each, and always name the [`issuer`](super::JwtAuthBuilder::issuer).

mod builder;
mod fetch;
mod flight;
mod freshness;
#[cfg(feature = "jwks-http")]
mod http;
mod refresh;
mod source;

#[cfg(feature = "jwks-http")]
pub use self::http::{JwksUrl, JwksUrlBuilder};
pub use self::{
    builder::RemoteKeysBuilder,
    fetch::{FetchedJwks, JwksFetch},
    source::RemoteKeys,
};
