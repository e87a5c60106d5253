//! What each layer costs, over a service that answers at once.
//!
//! `cargo bench --features full --bench layers` runs criterion, for the absolute numbers, and then
//! prints a table of *paired* measurements: bare and layered service take turns in one process, and
//! the median of the differences is the layer's overhead. A slow spell of the machine meets both.

#[path = "layers/paired.rs"]
mod paired;
#[cfg(feature = "axum")]
#[path = "layers/table.rs"]
mod table;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use criterion::Criterion;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use jsonwebtoken::{EncodingKey, Header};
use paired::{Bare, Body, Cases};
use portcullis::{
    AuthorizeLayer, BasicAuthLayer, Identity, JwtScopeLayer, OwnershipLayer, Principal,
    S3pSignatureLayer, Scheme, Scope, authorize,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, PasswordHash, PasswordVerifier, User},
    jwt::{Algorithm, JwtAuth, Key, Keys},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, Signer},
};
use tower::Layer;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    let mut cases = Cases::new(criterion, &runtime);

    let request = template();
    cases.add("bare, against itself", Bare, || request.clone(), 200);
    authorize_cases(&mut cases);
    #[cfg(feature = "axum")]
    table::cases(&mut cases);
    basic_cases(&mut cases);
    jwt_cases(&mut cases);
    s3p_cases(&mut cases);
    ownership_cases(&mut cases);
    cases.finish();
}

fn authorize_cases(cases: &mut Cases<'_>) {
    let says = |answer| AuthorizeLayer::new(authorize::from_fn(move |_, _| answer));
    let (yes, no) = (says(true), says(false));
    let request = with_principal(template());
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
    let missing = template();
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
    let missing = template();
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

/// The request of the scheme's page, and a body of 1 KiB; each signed anew.
fn s3p_cases(cases: &mut Cases<'_>) {
    const TOKEN: &str = "xvz1evFS4wEEPTGEFPHBog";
    static NONCE: AtomicU64 = AtomicU64::new(634_968_823_463_411_611);
    const GET: &str = "/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999";
    let signer = Signer::dangerous_short_secret(TOKEN, "MySecretKey").expect("a signer");
    let signer = signer.nonces(|| NONCE.fetch_add(1, Ordering::Relaxed).to_string());
    let signed = |request: Request<Body>, body: &[u8]| {
        let url = format!("https://dev.smobilpay.com/s3p{}", request.uri()).parse().expect("a URL");
        let value = signer.sign(request.method(), &url, request.headers(), body).expect("a signature");
        let mut request = request;
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    };
    let service = || {
        let keys = MemoryAccessKeyStore::new();
        let identity = Identity::local("TESTMERC").expect("a subject");
        keys.insert(TOKEN, AccessKey::dangerous_short_secret(identity, "MySecretKey"));
        let url = PublicUrl::parse("https://dev.smobilpay.com/s3p").expect("a URL");
        // As many nonces as the measurement needs.
        let nonces = MemoryNonceStore::with_limits(UNIX_EPOCH, usize::MAX, usize::MAX);
        S3pSignatureLayer::new(S3pAuth::new(url, keys, nonces)).layer(Bare)
    };
    let mut get = template();
    *get.uri_mut() = GET.parse().expect("a target");
    let body: Bytes = json_of_1_kib().into();
    let mut post = template();
    *post.method_mut() = http::Method::POST;
    *post.uri_mut() = "/v2/collectstd".parse().expect("a target");
    let json = HeaderValue::from_static("application/json");
    post.headers_mut().insert(header::CONTENT_TYPE, json);
    *post.body_mut() = Full::new(body.clone());
    cases.add("S3pSignatureLayer, GET, accepted", service(), || signed(get.clone(), b""), 200);
    cases.add(
        "S3pSignatureLayer, POST of 1 KiB JSON, accepted",
        service(),
        || signed(post.clone(), &body),
        200,
    );
    cases.add("S3pSignatureLayer, no credentials", service(), || get.clone(), 401);
}

fn json_of_1_kib() -> String {
    let members: Vec<_> = (10..26).map(|at| format!(r#""field{at}":"{}""#, "v".repeat(50))).collect();
    let json = format!("{{{}}}", members.join(","));
    let missing = 1024 - json.len();
    let json = json.replacen('v', &"v".repeat(1 + missing), 1);
    assert_eq!(json.len(), 1024);
    json
}

fn ownership_cases(cases: &mut Cases<'_>) {
    let layer = |owner| {
        let owners = MemoryOwnershipStore::new();
        owners.insert(Resource::new("group", "37"), Identity::local(owner).expect("a subject"));
        let path = ResourcePath::new("group", "/groups/{id}", "id").expect("a path");
        OwnershipLayer::new(Ownership::new(owners, [path]).expect("a policy"))
    };
    let mut request = with_principal(template());
    *request.method_mut() = http::Method::PUT;
    *request.uri_mut() = "/groups/37".parse().expect("a target");
    cases.add("OwnershipLayer, PUT of the owner", layer("alice").layer(Bare), || request.clone(), 200);
    cases.add("OwnershipLayer, PUT of another", layer("bob").layer(Bare), || request.clone(), 403);
}

/// A request with seven ordinary headers.
fn template() -> Request<Body> {
    Request::get("/messages?limit=20")
        .header("host", "api.example.org")
        .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
        .header("accept", "application/json")
        .header("accept-encoding", "gzip, deflate, br")
        .header("accept-language", "en-GB,en;q=0.7")
        .header("cache-control", "no-cache")
        .header("x-request-id", "5f0c1f6e-5b0a-4a53-9d4b-0d4f0f5ac1b2")
        .body(Body::default())
        .expect("a request")
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
