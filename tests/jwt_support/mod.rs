//! What the JWT tests share: a signer that is not this crate's, and tokens made by hand.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{EncodingKey, jwk::Jwk};
use portcullis::{
    Authenticator, Head, ManualClock, Principal,
    jwt::{Algorithm, JwtAuth, JwtAuthBuilder, Key, Keys},
};
use tower::{Layer, Service};

use crate::support::{Answer, Echo, IntoAnswer, get_with, send};

/// The time of the clock that [`builder`] gives, in seconds since 1970-01-01T00:00:00Z.
pub const NOW: u64 = 1_700_000_000;
pub const ISSUER: &str = "https://id.example.org";
pub const AUDIENCE: &str = "messages";
/// Long enough for HS512.
pub const SECRET: &str = "canary-secret: sixty-four bytes or more, as HS512 wants of its keys.";
/// The header of most tokens.
pub const HS256: &str = r#"{"alg":"HS256"}"#;

pub const RSA_PUBLIC: &str = include_str!("../keys/rsa-2048.public.pem");
pub const RSA_PUBLIC_PKCS1: &str = include_str!("../keys/rsa-2048.public.pkcs1.pem");
pub const RSA_1024_PUBLIC: &str = include_str!("../keys/rsa-1024.public.pem");
/// Both primes as the faulty generator of CVE-2017-15361 (ROCA) made them.
pub const RSA_ROCA_PUBLIC: &str = include_str!("../keys/rsa-2048-roca.public.pem");
pub const P256_PUBLIC: &str = include_str!("../keys/p-256.public.pem");
pub const P384_PUBLIC: &str = include_str!("../keys/p-384.public.pem");
pub const P521_PUBLIC: &str = include_str!("../keys/p-521.public.pem");
pub const ED25519_PUBLIC: &str = include_str!("../keys/ed25519.public.pem");
pub const RSA_PRIVATE: &str = include_str!("../keys/rsa-2048.private.pem");
pub const P256_PRIVATE: &str = include_str!("../keys/p-256.private.pem");
pub const P384_PRIVATE: &str = include_str!("../keys/p-384.private.pem");
pub const ED25519_PRIVATE: &str = include_str!("../keys/ed25519.private.pem");

pub const ALGORITHMS: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The private half, for the crate `jsonwebtoken`.
pub fn signer(algorithm: Algorithm) -> EncodingKey {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            EncodingKey::from_secret(SECRET.as_bytes())
        }
        Algorithm::ES256 => EncodingKey::from_ec_pem(P256_PRIVATE.as_bytes()).unwrap(),
        Algorithm::ES384 => EncodingKey::from_ec_pem(P384_PRIVATE.as_bytes()).unwrap(),
        Algorithm::EdDSA => EncodingKey::from_ed_pem(ED25519_PRIVATE.as_bytes()).unwrap(),
        _ => EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap(),
    }
}

/// The public half in PEM; `None` for a shared secret.
pub fn public_pem(algorithm: Algorithm) -> Option<&'static str> {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => None,
        Algorithm::ES256 => Some(P256_PUBLIC),
        Algorithm::ES384 => Some(P384_PUBLIC),
        Algorithm::EdDSA => Some(ED25519_PUBLIC),
        _ => Some(RSA_PUBLIC),
    }
}

/// The key that verifies what [`signer`] signs.
pub fn key(algorithm: Algorithm) -> Key {
    match public_pem(algorithm) {
        Some(pem) => Key::from_pem(algorithm, pem).unwrap(),
        None => Key::hmac(algorithm, SECRET).unwrap(),
    }
}

pub fn keys(algorithm: Algorithm) -> Keys {
    Keys::new([key(algorithm)]).unwrap()
}

/// The same key as a JWK, written by the crate `jsonwebtoken`, with these members set.
pub fn jwk(algorithm: Algorithm, members: &serde_json::Value) -> Jwk {
    let own = Jwk::from_encoding_key(&signer(algorithm), algorithm).unwrap();
    let mut json = serde_json::to_value(own).unwrap();
    for (name, value) in members.as_object().unwrap() {
        json[name] = value.clone();
    }
    serde_json::from_value(json).unwrap()
}

/// What is inside a PEM document.
pub fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap()
}

/// The reverse.
pub fn pem(label: &str, der: impl AsRef<[u8]>) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> =
        base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Base64url, as in a token.
pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn unb64(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// An authenticator for tokens of [`sign`], at the time [`NOW`].
pub fn builder() -> JwtAuthBuilder {
    JwtAuth::builder(keys(Algorithm::HS256))
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(ManualClock::at_unix(NOW))
}

pub fn jwt() -> JwtAuth {
    builder().build().unwrap()
}

/// A token with these bytes as header and payload, and a good signature by this algorithm.
pub fn sign_with(algorithm: Algorithm, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_text(algorithm, &format!("{}.{}", b64(header), b64(payload)))
}

/// A good signature over a text, whatever it is.
pub fn sign_text(algorithm: Algorithm, text: &str) -> String {
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &signer(algorithm), algorithm).unwrap();
    format!("{text}.{signature}")
}

pub fn sign(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_with(Algorithm::HS256, header, payload)
}

pub fn token(payload: impl AsRef<[u8]>) -> String {
    sign(HS256, payload)
}

/// Claims that are good, but for these: a name, and its value as JSON. An empty value takes the claim
/// out.
pub fn claims(changes: &[(&str, &str)]) -> String {
    let expiry = (NOW + 600).to_string();
    let (iss, aud) = (format!("{ISSUER:?}"), format!("{AUDIENCE:?}"));
    let mut all = vec![("iss", &*iss), ("aud", &*aud), ("sub", r#""alice""#), ("exp", &*expiry)];
    for (name, value) in changes {
        all.retain(|(other, _)| other != name);
        if !value.is_empty() {
            all.push((name, value));
        }
    }
    let members: Vec<_> = all.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    format!("{{{}}}", members.join(","))
}

/// The verdict on a token: the principal, or the code of the refusal.
pub fn judge(jwt: &JwtAuth, token: &str) -> Result<Principal, &'static str> {
    let request = get_with("/", format!("Bearer {token}"));
    let verdict = jwt.authenticate(&Head::new(&request)).expect("the scheme is its own");
    let verdict = verdict.into_now().expect("a JWT needs nothing that has to be waited for");
    verdict.map_err(|rejection| rejection.reason())
}

/// The code of the refusal of a token with these claims; `None` if it is accepted.
pub fn refusal(jwt: &JwtAuth, claims: impl AsRef<[u8]>) -> Option<&'static str> {
    judge(jwt, &token(claims)).err()
}

/// The answer of a layer to a bearer token.
pub async fn ask<L>(layer: &L, token: &str) -> Answer
where
    L: Layer<Echo>,
    L::Service: Service<Request, Error = std::convert::Infallible>,
    <L::Service as Service<Request>>::Response: IntoAnswer,
{
    send(layer, get_with("/", format!("Bearer {token}"))).await
}

type Request = http::Request<http_body_util::Full<bytes::Bytes>>;
