//! The schemes that the tests over real sockets put in front of a server, and credentials for them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Method, header::CONTENT_TYPE};
use jsonwebtoken::{EncodingKey, Header};
use portcullis::{
    Clock, Identity, ManualClock, NowOrLater, Scope, StoreError,
    basic::{BasicAuth, MemoryUserStore, PasswordHash, PasswordVerifier, User, UserStore},
    jwt::{Algorithm, JwtAuth, Key, Keys},
    ownership::{Claim, Owner, OwnershipStore, Resource},
    s3p::{
        AccessKey, AccessKeyStore, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, Signer,
    },
};
use serde_json::json;

pub const NOW: u64 = 1_700_000_000;
const SECRET: &str = "thirty-two bytes, at the very least";
pub const OPENING: Scope = Scope::from_static("vault:open");

/// Not what is tested here, and so without the cost of a real hash.
struct Sesame;

impl PasswordVerifier for Sesame {
    fn verify(&self, password: &[u8], _hash: &PasswordHash) -> bool {
        password == b"sesame"
    }
}

pub struct Down;

fn down<T>() -> NowOrLater<Result<T, StoreError>> {
    NowOrLater::later(async { Err(StoreError::new("it is down")) })
}

impl UserStore for Down {
    fn user(&self, _: &str) -> NowOrLater<Result<Option<User>, StoreError>> {
        down()
    }
}

impl AccessKeyStore for Down {
    fn access_key(&self, _: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        down()
    }
}

impl OwnershipStore for Down {
    fn owner(&self, _: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        down()
    }

    fn claim(&self, _: &Resource, _: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        down()
    }
}

/// Alice may open the vault; Bob may not.
pub fn users() -> MemoryUserStore {
    let hash = || {
        PasswordHash::parse(
            "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
        .unwrap()
    };
    let users = MemoryUserStore::new();
    users.insert(User::new("alice", hash()).unwrap().scopes([OPENING]));
    users.insert(User::new("bob", hash()).unwrap());
    users
}

pub fn by_password(users: impl UserStore) -> BasicAuth {
    BasicAuth::new("vault", users).unwrap().verifier(Sesame)
}

pub fn by_token(clock: impl Clock) -> JwtAuth {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    JwtAuth::builder(keys).issuer("id").clock(clock).realm("vault").build().unwrap()
}

pub fn bearer(subject: &str, scope: &str, expires: u64) -> String {
    let claims = json!({ "iss": "id", "sub": subject, "scope": scope, "exp": expires });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    format!("Bearer {}", jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap())
}

pub fn good_token() -> String {
    bearer("carol", "vault:open", NOW + 600)
}

pub fn manual_clock() -> ManualClock {
    ManualClock::at_unix(NOW)
}

pub fn s3p(keys: impl AccessKeyStore) -> S3pAuth {
    let url = PublicUrl::parse("http://vault.example.org").unwrap();
    let auth = S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(manual_clock());
    auth.body_timeout(Duration::from_secs(60))
}

/// Well-formed, and not the signature of anything: what needs no key is judged first.
pub fn s3p_line(timestamp: u64) -> String {
    format!(
        "s3pAuth,s3pAuth_nonce=\"1\",s3pAuth_signature=\"{}=\",s3pAuth_signature_method=\"HMAC-SHA1\",\
         s3pAuth_timestamp=\"{timestamp}\",s3pAuth_token=\"token\"",
        "A".repeat(27)
    )
}

pub fn keys() -> MemoryAccessKeyStore {
    let keys = MemoryAccessKeyStore::new();
    keys.insert("token", AccessKey::new(Identity::local("dave").unwrap(), SECRET).unwrap());
    keys
}

pub fn signer() -> Signer {
    Signer::new("token", SECRET).unwrap().clock(manual_clock())
}

/// The `Authorization` value of a request to `http://vault.example.org`, with a nonce of its own.
pub fn signed(method: &Method, path: &str, content_type: Option<&str>, body: &str) -> String {
    let url = format!("http://vault.example.org{path}").parse().unwrap();
    let content_type = content_type.map(|value| (CONTENT_TYPE, value.parse().unwrap()));
    let headers: HeaderMap = content_type.into_iter().collect();
    let value = signer().sign(method, &url, &headers, body.as_bytes()).unwrap();
    value.to_str().unwrap().to_owned()
}
