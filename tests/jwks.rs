//! Keys from JWK sets: in JSON, and fetched again and again from an issuer that may misbehave.
#![cfg(feature = "jwks-http")]
#![allow(clippy::unwrap_used, reason = "what cannot go on fails")]

#[path = "jwks/adoption.rs"]
mod adoption;
#[path = "jwks/config.rs"]
mod config;
#[path = "jwks/faults.rs"]
mod faults;
#[path = "jwks/flights.rs"]
mod flights;
#[path = "jwks/freshness.rs"]
mod freshness;
#[path = "jwks/http.rs"]
mod http_rules;
#[path = "jwks/issuer.rs"]
mod issuer;
#[path = "jwks/json.rs"]
mod json;
mod jwt_support;
#[path = "jwks/script.rs"]
mod script;
#[path = "jwks/staleness.rs"]
mod staleness;
mod support;
#[path = "jwks/tls.rs"]
mod tls;

use std::time::Duration;

use jsonwebtoken::jwk::Jwk;
use jwt_support::{AUDIENCE, ISSUER, NOW, claims, jwk, sign_with};
use portcullis::{
    AuthenticateLayer, ConfigError, ManualClock,
    jwt::{
        Algorithm, JwtAuth, KeySource,
        remote::{JwksUrl, RemoteKeys},
    },
};
use serde_json::json;

/// How long a fetch may take: the longest that there is.
const PATIENCE: Duration = Duration::from_secs(60);

/// The id of a key is the name of its algorithm: these are the keys of a set.
fn set(algorithms: &[Algorithm]) -> String {
    let keys: Vec<Jwk> = algorithms.iter().map(|it| jwk(*it, &json!({ "kid": kid(*it) }))).collect();
    json!({ "keys": keys }).to_string()
}

/// A good token, by the key of that id.
fn token(algorithm: Algorithm) -> String {
    token_of(algorithm, &kid(algorithm))
}

/// A good token that claims another key.
fn token_of(algorithm: Algorithm, kid: &str) -> String {
    let header = json!({ "alg": format!("{algorithm:?}"), "kid": kid }).to_string();
    sign_with(algorithm, header, claims(&[]))
}

fn kid(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

/// With a cache of verified tokens, which must not outlive the keys.
fn jwt(keys: impl KeySource) -> JwtAuth {
    let jwt = JwtAuth::builder(keys).issuer(ISSUER).audience(AUDIENCE);
    jwt.clock(ManualClock::at_unix(NOW)).cache(64).build().unwrap()
}

fn layer(keys: impl KeySource) -> AuthenticateLayer {
    AuthenticateLayer::new(jwt(keys))
}

/// Keys from there, however busy the machine is.
async fn connect(source: JwksUrl) -> Result<RemoteKeys, ConfigError> {
    RemoteKeys::builder(source).time_limit(PATIENCE).connect().await
}

/// An error and its causes.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
