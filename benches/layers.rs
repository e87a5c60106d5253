//! What each layer costs, over a service that answers at once: S3P has a benchmark of its own.
//!
//! `cargo bench --features full --bench layers` runs criterion, for the absolute numbers, and then prints a table of
//! *paired* measurements.

mod paired;
#[cfg(feature = "axum")]
#[path = "layers/table.rs"]
mod table;

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Request, header};
use jsonwebtoken::{EncodingKey, Header};
use paired::{Bare, Body, Cases, alike::template};
use portcullis::{
    AuthorizeLayer, BasicAuthLayer, Identity, JwtScopeLayer, OwnershipLayer, Principal, Scheme, Scope,
    authorize,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, PasswordHash, PasswordVerifier, User},
    jwt::{Algorithm, JwtAuth, Key, Keys},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
};
use tower::Layer;

fn main() {
    paired::measure(|cases| {
        let request = template("/messages?limit=20");
        cases.add("bare, against itself", Bare, || request.clone(), 200);
        authorize_cases(cases);
        #[cfg(feature = "axum")]
        table::cases(cases);
        basic_cases(cases);
        jwt_cases(cases);
        ownership_cases(cases);
    });
}

fn authorize_cases(cases: &mut Cases<'_>) {
    let says = |answer| AuthorizeLayer::new(authorize::from_fn(move |_, _| answer));
    let (yes, no) = (says(true), says(false));
    let request = with_principal(template("/messages?limit=20"));
    let four = yes.layer(yes.layer(yes.layer(yes.layer(Bare))));
    cases.add("AuthorizeLayer, yes", yes.layer(Bare), || request.clone(), 200);
    cases.add("AuthorizeLayer, yes, four of them", four, || request.clone(), 200);
    cases.add("AuthorizeLayer, no", no.layer(Bare), || request.clone(), 403);
}

/// The password is verified at once, so that what is left is the layer's: a way to a blocking thread
/// and back.
fn basic_cases(cases: &mut Cases<'_>) {
    struct AtOnce;
    impl PasswordVerifier for AtOnce {
        fn verify(&self, _: &[u8], _: &PasswordHash) -> bool {
            true
        }
    }
    let users = MemoryUserStore::new();
    let hash = PasswordHash::of("open sesame").expect("a hash");
    users.insert(User::new("aladdin", hash).expect("a user"));
    let auth = || BasicAuth::new("cave", users.clone()).expect("a realm");
    let service = BasicAuthLayer::new(auth().verifier(AtOnce)).layer(Bare);
    let hashed = BasicAuthLayer::new(auth()).layer(Bare);
    let cached = BasicAuthLayer::new(auth().cache(CredentialCache::new(100))).layer(Bare);
    let missing = template("/messages?limit=20");
    let request = authorized(missing.clone(), "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    cases.add("BasicAuthLayer, accepted", service.clone(), || request.clone(), 200);
    cases.add("BasicAuthLayer, accepted after argon2id", hashed, || request.clone(), 200);
    cases.add("BasicAuthLayer, accepted from the cache", cached, || request.clone(), 200);
    cases.add("BasicAuthLayer, no credentials", service, || missing.clone(), 401);
}

fn jwt_cases(cases: &mut Cases<'_>) {
    let claims = serde_json::json!({
        "iss": "https://id.example.org",
        "sub": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "aud": "messages",
        "iat": 1_700_000_000,
        "exp": 4_102_444_800_u64,
        "scope": "messages:list messages:send devices:list",
    });
    let missing = template("/messages?limit=20");
    let mut any = None;
    for (algorithm, signing, key) in key_pairs() {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims, &signing).expect("a token");
        let keys = Keys::new([key]).expect("keys");
        let jwt = JwtAuth::builder(keys).issuer("https://id.example.org").audience("messages").build();
        let scope = Scope::from_static("messages:send");
        let service = JwtScopeLayer::new(jwt.expect("an authenticator"), scope).layer(Bare);
        let request = authorized(missing.clone(), &format!("Bearer {token}"));
        let name = format!("JwtScopeLayer, {algorithm:?}, accepted");
        cases.add(&name, service.clone(), || request.clone(), 200);
        any = Some(service);
    }
    let service = any.expect("one of the algorithms");
    cases.add("JwtScopeLayer, no credentials", service, || missing.clone(), 401);
}

/// What signs and what verifies, for each algorithm.
fn key_pairs() -> [(Algorithm, EncodingKey, Key); 4] {
    let secret = [7; 32];
    let random = SystemRandom::new();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("an RSA key");
    let pkcs8 = rsa.as_der().expect("PKCS #8");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(pkcs8.as_ref())
    );
    let ec =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a P-256 key");
    let ec_pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref());
    let ec_pair = ec_pair.expect("the same key");
    let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("an Ed25519 key");
    let ed_pair = Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("the same key");
    let public = |algorithm, der: &[u8]| Key::from_der(algorithm, der).expect("a public key");
    [
        (
            Algorithm::HS256,
            EncodingKey::from_secret(&secret),
            Key::hmac(Algorithm::HS256, &secret[..]).expect("a secret of 32 bytes"),
        ),
        (
            Algorithm::RS256,
            EncodingKey::from_rsa_pem(pem.as_bytes()).expect("an RSA key"),
            public(Algorithm::RS256, rsa.public_key().as_ref()),
        ),
        (
            Algorithm::ES256,
            EncodingKey::from_ec_der(ec.as_ref()),
            public(Algorithm::ES256, ec_pair.public_key().as_ref()),
        ),
        (
            Algorithm::EdDSA,
            EncodingKey::from_ed_der(ed.as_ref()),
            public(Algorithm::EdDSA, ed_pair.public_key().as_ref()),
        ),
    ]
}

fn ownership_cases(cases: &mut Cases<'_>) {
    let layer = |owner| {
        let owners = MemoryOwnershipStore::new();
        owners.insert(Resource::new("group", "37"), Identity::local(owner).expect("a subject"));
        let path = ResourcePath::new("group", "/groups/{id}", "id").expect("a path");
        OwnershipLayer::new(Ownership::new(owners, [path]).expect("a policy"))
    };
    let mut request = with_principal(template("/messages?limit=20"));
    *request.method_mut() = http::Method::PUT;
    *request.uri_mut() = "/groups/37".parse().expect("a target");
    cases.add("OwnershipLayer, PUT of the owner", layer("alice").layer(Bare), || request.clone(), 200);
    cases.add("OwnershipLayer, PUT of another", layer("bob").layer(Bare), || request.clone(), 403);
}

fn authorized(mut request: Request<Body>, value: &str) -> Request<Body> {
    let value = HeaderValue::from_str(value).expect("a header value");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

fn with_principal(mut request: Request<Body>) -> Request<Body> {
    let alice = Identity::local("alice").expect("a subject");
    request.extensions_mut().insert(Principal::builder(alice, Scheme::BASIC).build());
    request
}
