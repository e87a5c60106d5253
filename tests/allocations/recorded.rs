//! The allocations of the main paths, as they are recorded in `benches/allocations.txt`.

use std::{
    collections::BTreeMap, convert::Infallible, env, fmt::Write as _, fs, future::ready,
    time::UNIX_EPOCH,
};

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Extensions, Method, Request, Response, StatusCode, header};
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BasicAuthLayer, BearerAuth, Identity, JwtScopeLayer,
    OwnershipLayer, S3pSignatureLayer, Scope, ScopeTable, UserTokenLayer, authorize,
    basic::{BasicAuth, CredentialCache, MemoryUserStore, PasswordHash, User},
    jwt::{Algorithm, JwtAuth, JwtAuthBuilder, Key, Keys, MemoryRevocationStore},
    ownership::{MemoryOwnershipStore, Ownership, Resource, ResourcePath},
    s3p::{AccessKey, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth, Signer},
    user_token::{MemoryUserTokenStore, UserToken, UserTokenAuth, UserTokenRecord},
};
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt, layer::util::Stack, service_fn};

use super::{Bare, Full, alice};
use crate::support::{Echo, basic, get, get_with};

type Incoming = Request<Full<Bytes>>;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/allocations.txt");
const RECORD: &str = "PORTCULLIS_RECORD=1 cargo test --features full --test allocations recorded";
const ISSUER: &str = "https://id.example.org";
const BILL: &str = "/v2/bill?serviceNumber=TestId&merchant=TESTMERC&serviceid=99999";
const SECRET: &[u8] = &[7; 32];

#[test]
fn the_main_paths_allocate_no_more_than_is_recorded() {
    let counted = counted();
    if env::var_os("PORTCULLIS_RECORD").is_some() {
        let head = format!("# Allocations of a request, by\n# {RECORD}\n");
        let text = counted.iter().fold(head, |mut text, (path, count)| {
            let _ = writeln!(text, "{path}: {count}");
            text
        });
        fs::write(FILE, text).unwrap();
        return;
    }
    let recorded = fs::read_to_string(FILE).unwrap();
    let recorded: BTreeMap<_, u64> = recorded
        .lines()
        .filter_map(|line| line.rsplit_once(": "))
        .filter_map(|(path, count)| Some((path, count.parse().ok()?)))
        .collect();
    let grown = counted.iter().filter_map(|(path, count)| match recorded.get(path) {
        Some(recorded) if count <= recorded => None,
        Some(recorded) => Some(format!("{path}: {count}, recorded {recorded}")),
        None => Some(format!("{path}: {count}, not recorded")),
    });
    let grown = grown.collect::<Vec<_>>().join("\n");
    assert!(grown.is_empty(), "more allocations than recorded:\n{grown}\nIf that has to be: {RECORD}");
}

#[test]
fn an_s3p_get_costs_what_the_extensions_cost() {
    let mut empty = Extensions::new();
    let inserting = measure(|| assert!(empty.insert(alice()).is_none())).count_total;
    let making = measure(|| drop(alice())).count_total;
    assert_eq!(s3p(&Method::GET, BILL, ""), inserting - making);
}

fn counted() -> BTreeMap<&'static str, u64> {
    let yes = AuthorizeLayer::new(authorize::from_fn(|_, _| true));
    let scoped = |jwt| JwtScopeLayer::new(jwt, Scope::from_static("messages:send"));
    let good = format!("Bearer {}", token(4_102_444_800));
    let expired = format!("Bearer {}", token(1_700_000_000));
    let (cached, uncached) = (jwt().cache(100).build().unwrap(), jwt().build().unwrap());
    let (user_tokens, user_token) = user_tokens();
    let write = || put(with_extension(get("/notes/1"), alice()));
    let mut extensions = Extensions::new();
    extensions.insert(alice());
    let insertion = measure(|| assert!(extensions.insert([0_u8; 64]).is_none())).count_total;
    let ownership = allocations(&ownership(), write, 200);
    let stacked = || put(get_with("/notes/1", &good));
    let stack = stack(cached.clone());
    [
        ("authorize, yes", allocations(&yes, || with_extension(get("/"), alice()), 200)),
        ("basic, known", known_by_password()),
        ("jwt, cached", allocations(&scoped(cached), || get_with("/", &good), 200)),
        ("jwt, no cache", allocations(&scoped(uncached.clone()), || get_with("/", &good), 200)),
        ("jwt, expired", allocations(&scoped(uncached.clone()), || get_with("/", &expired), 401)),
        ("no credentials", allocations(&scoped(uncached), || get("/"), 401)),
        ("ownership, a write", ownership),
        ("ownership, a write, without its insertion", ownership - insertion),
        ("s3p get", s3p(&Method::GET, BILL, "")),
        ("s3p post of 1 KiB JSON", s3p(&Method::POST, "/v2/collectstd", &json_of_1_kib())),
        ("stack", allocations(&stack, stacked, 200)),
        ("stack behind a router", allocations(&stack, || with_extension(stacked(), "matched"), 200)),
        ("user token", allocations(&user_tokens, || get_with("/", &user_token), 200)),
    ]
    .into()
}

fn allocations<L>(layer: &L, request: impl Fn() -> Incoming, status: u16) -> u64
where
    L: Layer<Bare>,
    L::Service: Service<Incoming, Error = Infallible>,
    <L::Service as Service<Incoming>>::Response: Status,
{
    allocations_of(layer.layer(Bare), request, status)
}

/// The least of eight requests: tables that grow are not the request's.
fn allocations_of<S>(mut service: S, request: impl Fn() -> Incoming, status: u16) -> u64
where
    S: Service<Incoming, Error = Infallible, Response: Status>,
{
    let counts = (0..8).map(|_| {
        let mut request = Some(request());
        let mut answer = None;
        let counted = measure(|| answer = service.call(request.take().unwrap()).now_or_never());
        assert_eq!(answer.unwrap().unwrap().status(), status);
        counted.count_total
    });
    counts.min().unwrap()
}

trait Status {
    fn status(&self) -> StatusCode;
}

impl<B> Status for Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }
}

fn with_extension<T: Clone + Send + Sync + 'static>(mut request: Incoming, value: T) -> Incoming {
    request.extensions_mut().insert(value);
    request
}

/// As a server hands it on: its path is a part of what was read, and a clone of it copies nothing.
fn put(mut request: Incoming) -> Incoming {
    *request.method_mut() = Method::PUT;
    let shared = request.uri().clone();
    *request.uri_mut() = shared;
    request
}

fn jwt() -> JwtAuthBuilder {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    let builder = JwtAuth::builder(keys).issuer(ISSUER).audience("messages");
    builder.revocations(MemoryRevocationStore::new())
}

fn token(expires: u64) -> String {
    let claims = serde_json::json!({
        "iss": ISSUER,
        "sub": "alice",
        "aud": "messages",
        "iat": 1_600_000_000,
        "exp": expires,
        "jti": "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
        "scope": "messages:list messages:send devices:list",
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap()
}

fn user_tokens() -> (UserTokenLayer, String) {
    let (store, token) = (MemoryUserTokenStore::new(), UserToken::generate());
    store.insert(token.digest(), UserTokenRecord::new("1", Identity::local("alice").unwrap()));
    let layer = UserTokenLayer::new(UserTokenAuth::new("vault", store).unwrap());
    (layer, format!("Bearer {}", token.expose()))
}

/// The first sign-in computes a hash, on another thread.
fn known_by_password() -> u64 {
    let users = MemoryUserStore::new();
    users.insert(User::new("alice", PasswordHash::of("open sesame").unwrap()).unwrap());
    let auth = BasicAuth::new("cave", users).unwrap().cache(CredentialCache::new(10));
    let layer = BasicAuthLayer::new(auth);
    let request = || get_with("/", basic("alice", "open sesame"));
    let first = runtime().block_on(layer.layer(Echo::default()).oneshot(request())).unwrap();
    assert_eq!(first.status(), 200);
    allocations(&layer, request, 200)
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

fn ownership_of(owner: Identity) -> OwnershipLayer {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("note", "1"), owner);
    let path = ResourcePath::new("note", "/notes/{id}", "id").unwrap();
    OwnershipLayer::new(Ownership::new(owners, [path]).unwrap())
}

fn ownership() -> OwnershipLayer {
    ownership_of(alice().identity().clone())
}

/// One of three schemes, a table, ownership.
fn stack(jwt: JwtAuth) -> Stack<Stack<OwnershipLayer, AuthorizeLayer>, AuthenticateLayer> {
    let user_tokens = UserTokenAuth::new("notes", MemoryUserTokenStore::new()).unwrap();
    let bearer = BearerAuth::new("notes", jwt).unwrap().prefix("pct_", user_tokens).unwrap();
    let basic = BasicAuth::new("notes", MemoryUserStore::new()).unwrap();
    let table = ScopeTable::builder()
        .route(Method::GET, "/notes/{id}", Scope::from_static("messages:list"))
        .route(Method::PUT, "/notes/{id}", Scope::from_static("messages:send"));
    let table = AuthorizeLayer::new(table.build().unwrap());
    let inner = Stack::new(ownership_of(Identity::new(ISSUER, "alice").unwrap()), table);
    Stack::new(inner, AuthenticateLayer::new(bearer).or(basic))
}

/// The GET of the scheme's page, or a POST of JSON in one frame.
fn s3p(method: &Method, target: &str, body: &str) -> u64 {
    let (keys, identity) = (MemoryAccessKeyStore::new(), Identity::local("merchant").unwrap());
    keys.insert("token", AccessKey::dangerous_short_secret(identity, "MySecretKey"));
    let url = PublicUrl::parse("https://dev.smobilpay.com/s3p").unwrap();
    let layer = S3pSignatureLayer::new(S3pAuth::new(
        url,
        keys,
        MemoryNonceStore::with_limits(UNIX_EPOCH, 1_000, 1_000),
    ));
    let signer = Signer::dangerous_short_secret("token", "MySecretKey").unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = || {
        let mut request = get(target);
        *request.method_mut() = method.clone();
        *request.body_mut() = Full::new(body.clone());
        let json = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json);
        let url = format!("https://dev.smobilpay.com/s3p{}", request.uri()).parse().unwrap();
        let value = signer.sign(request.method(), &url, request.headers(), &body).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    };
    // What has a body is answered later, by a clone of the service, and has a time limit.
    let runtime = runtime();
    let _entered = runtime.enter();
    let inner = service_fn(|_| ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))));
    allocations_of(layer.layer(inner), request, 200)
}

fn json_of_1_kib() -> String {
    let members: Vec<_> = (10..26).map(|at| format!(r#""field{at}":"{}""#, "v".repeat(50))).collect();
    let json = format!("{{{}}}", members.join(","));
    json.replacen('v', &"v".repeat(1 + 1024 - json.len()), 1)
}
