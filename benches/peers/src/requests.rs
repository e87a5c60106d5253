//! The requests that everybody gets, and the keys and tokens in them.

#[path = "../../paired/alike.rs"]
pub mod alike;

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Request, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use portcullis::jwt::{JwtAuth, JwtAuthBuilder, Key, Keys, MemoryRevocationStore};
use serde::{Deserialize, Serialize};

pub use self::alike::template;
use crate::paired::Body;

pub const ISSUER: &str = "https://id.example.org";
pub const AUDIENCE: &str = "messages";
pub const SCOPE: &str = "messages:send";

/// What the peers read of a token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: u64,
    pub exp: u64,
    pub jti: String,
    pub scope: String,
}

impl Claims {
    pub fn may_send(&self) -> bool {
        self.scope.split(' ').any(|scope| scope == SCOPE)
    }
}

/// A key, for who signs and for who verifies.
#[derive(Clone)]
pub struct Signing {
    pub algorithm: Algorithm,
    signing: EncodingKey,
    pub jwk: Jwk,
}

impl Signing {
    pub fn new(algorithm: Algorithm) -> Self {
        let random = SystemRandom::new();
        let signing = match algorithm {
            Algorithm::HS256 => EncodingKey::from_secret(&[7; 32]),
            Algorithm::RS256 => {
                let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
                let der = STANDARD.encode(rsa.as_der().expect("PKCS #8").as_ref());
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
                EncodingKey::from_rsa_pem(pem.as_bytes()).expect("an RSA key")
            }
            Algorithm::ES256 => {
                let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                EncodingKey::from_ec_der(ec.expect("a P-256 key").as_ref())
            }
            Algorithm::EdDSA => {
                let ed = Ed25519KeyPair::generate().and_then(|key| key.to_pkcs8v1());
                let ed = ed.expect("an Ed25519 key");
                EncodingKey::from_ed_der(ed.as_ref())
            }
            other => panic!("{other:?} is not measured"),
        };
        let mut jwk = Jwk::from_encoding_key(&signing, algorithm).expect("a JWK");
        jwk.common.key_id = Some("k1".to_owned());
        Self { algorithm, signing, jwk }
    }

    /// As JSON, with what every peer asks for.
    pub fn jwk_json(&self) -> serde_json::Value {
        serde_json::to_value(&self.jwk).expect("JSON")
    }

    /// The token of user so-and-so.
    pub fn token(&self, user: usize) -> String {
        self.token_until(user, 4_102_444_800)
    }

    pub fn token_until(&self, user: usize, exp: u64) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some("k1".to_owned());
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: format!("9b1deb4d-3b7d-4bad-9bdd-{user:012}"),
            aud: AUDIENCE.to_owned(),
            iat: 1_700_000_000,
            exp,
            jti: format!("1b9d6bcd-bbfd-4b2d-9b5d-{user:012}"),
            scope: "messages:list messages:send devices:list".to_owned(),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing).expect("a token")
    }

    /// Ours, with issuer, audience, expiry and revocation.
    pub fn builder(&self) -> JwtAuthBuilder {
        let key = match self.algorithm {
            Algorithm::HS256 => Key::hmac(Algorithm::HS256, &[7; 32][..]).map(|key| key.id("k1")),
            algorithm => Key::from_jwk_for(algorithm, &self.jwk),
        };
        let keys = Keys::new([key.expect("a key")]).expect("keys");
        let builder = JwtAuth::builder(keys).issuer(ISSUER).audience(AUDIENCE);
        builder.revocations(MemoryRevocationStore::new())
    }
}

/// The same request without end.
pub fn same(request: &Request<Body>) -> impl FnMut() -> Request<Body> + use<> {
    let request = request.clone();
    move || request.clone()
}

/// With this value of `Authorization`, copied, as if it had just been read.
pub fn authorized(mut request: Request<Body>, value: &str) -> Request<Body> {
    let value = HeaderValue::from_str(value).expect("a header value");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

/// Requests with one of these values, chosen at random.
pub fn any_of(values: std::rc::Rc<Vec<String>>) -> impl FnMut() -> Request<Body> {
    let request = template("/messages?limit=20");
    let random = random();
    move || authorized(request.clone(), &values[random() % values.len()])
}

/// The same random numbers in each run (Marsaglia's xorshift).
pub fn random() -> impl Fn() -> usize {
    let state = Cell::new(88_172_645_463_325_252_u64);
    move || {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        usize::try_from(next >> 16).expect("48 bits")
    }
}

/// A number that was not had before.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(634_968_823_463_411_611);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
