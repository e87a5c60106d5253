//! Every layer, with a request that it lets through or refuses, now or later.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, BasicAuthLayer, Challenge, Head, Identity,
    JwtScopeLayer, ManualClock, NowOrLater, OwnershipLayer, Permit, Policy, Principal, Rejection,
    RejectionKind, S3pSignatureLayer, Scheme, Scope, StoreError, StripIdentityHeadersLayer,
    UserTokenLayer,
    basic::{BasicAuth, HashingPool, MemoryUserStore, PasswordHash, PasswordVerifier, User},
    jwt::{
        Algorithm, JwtAuth, JwtAuthBuilder, Key, Keys, MemoryRevocationStore, RevocationStore,
        TokenFacts,
    },
    ownership::{
        Claim, MemoryOwnershipStore, Owner, Ownership, OwnershipStore, Resource, ResourcePath,
    },
    s3p::{
        AccessKey, AccessKeyStore, Body as S3pBody, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl,
        S3pAuth, Signer,
    },
    user_token::{MemoryUserTokenStore, TokenDigest, UserTokenAuth, UserTokenRecord, UserTokenStore},
};
use sha2::{Digest, Sha256};
use tower::{Layer, Service, ServiceExt, util::BoxService};

use crate::support::basic;

const NOW: u64 = 1_700_000_000;
const SECRET: &str = "a secret of at least thirty-two bytes";
/// The bytes 0 to 19, and 20 bytes of 1, each with its checksum.
const KNOWN: &str = "pct_000102030405060708090a0b0c0d0e0f10111213e7aebf57";
const UNKNOWN: &str = "pct_01010101010101010101010101010101010101019b8f6560";

pub(crate) type Sent = Request<Full<Bytes>>;

/// What a layer answers: an error of the inner service passes through as it is.
pub(crate) type Answers<E> = BoxService<Sent, StatusCode, E>;

/// One layer and one request to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Case {
    pub(crate) layer: Which,
    pub(crate) passes: bool,
    pub(crate) later: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Which {
    Authenticate,
    Authorize,
    Basic,
    Jwt,
    Ownership,
    S3p,
    Strip,
    UserToken,
}

/// All there are: no layer answers in more ways.
pub(crate) const CASES: [Case; 28] = {
    use Which::{Authenticate, Authorize, Basic, Jwt, Ownership, S3p, Strip, UserToken};
    const fn case(layer: Which, passes: bool, later: bool) -> Case {
        Case { layer, passes, later }
    }
    [
        case(Authenticate, true, false),
        case(Authenticate, false, false),
        case(Authenticate, true, true),
        case(Authenticate, false, true),
        case(Authorize, true, false),
        case(Authorize, false, false),
        case(Authorize, true, true),
        case(Authorize, false, true),
        // Without credentials; a password is hashed elsewhere, and that takes a while.
        case(Basic, false, false),
        case(Basic, true, true),
        case(Basic, false, true),
        case(Jwt, true, false),
        case(Jwt, false, false),
        // Once the revocation store has answered, scopes are asked for.
        case(Jwt, true, true),
        case(Jwt, false, true),
        case(Ownership, true, false),
        case(Ownership, false, false),
        case(Ownership, true, true),
        case(Ownership, false, true),
        // A GET is decided by its head; a PUT waits for its key and its body.
        case(S3p, true, false),
        case(S3p, false, false),
        case(S3p, true, true),
        case(S3p, false, true),
        case(Strip, true, false),
        case(UserToken, true, false),
        case(UserToken, false, false),
        case(UserToken, true, true),
        case(UserToken, false, true),
    ]
};

pub(crate) fn cases(passes: bool) -> impl Iterator<Item = Case> {
    CASES.into_iter().filter(move |case| case.passes == passes)
}

impl Case {
    /// The layer around a service that takes any body.
    pub(crate) fn around<S, E>(self, inner: S) -> Answers<E>
    where
        S: Service<Sent, Response = Response<()>, Error = E>
            + Service<Request<S3pBody<Full<Bytes>>>, Response = Response<()>, Error = E>
            + Clone
            + Send
            + 'static,
        <S as Service<Sent>>::Future: Send,
        <S as Service<Request<S3pBody<Full<Bytes>>>>>::Future: Send,
        E: 'static,
    {
        match self.layer {
            Which::Authenticate => erase(AuthenticateLayer::new(self).layer(inner)),
            Which::Authorize => erase(AuthorizeLayer::new(self).layer(inner)),
            Which::Basic => erase(BasicAuthLayer::new(passwords()).layer(inner)),
            Which::Jwt => {
                let jwt = if self.later { revocable_tokens() } else { tokens() };
                erase(JwtScopeLayer::new(jwt, Scope::from_static("read")).layer(inner))
            }
            Which::Ownership => erase(OwnershipLayer::new(ownership(self.later)).layer(inner)),
            Which::S3p => {
                let auth = if self.later { signatures(Slow(known())) } else { signatures(known()) };
                erase(S3pSignatureLayer::new(auth).layer(inner))
            }
            Which::Strip => erase(headers().layer(inner)),
            Which::UserToken => erase(UserTokenLayer::new(user_tokens(self.later)).layer(inner)),
        }
    }

    pub(crate) fn request(self) -> Sent {
        let put = self.layer == Which::Ownership || (self.layer == Which::S3p && self.later);
        let mut request = Request::new(Full::default());
        *request.uri_mut() = "/thing".parse().unwrap();
        *request.method_mut() = if put { Method::PUT } else { Method::GET };
        match self.layer {
            Which::Authenticate | Which::Strip => {}
            Which::Authorize => drop(request.extensions_mut().insert(somebody(alice()))),
            Which::Ownership => {
                let mallory = Identity::local("mallory").unwrap();
                let who = if self.passes { alice() } else { mallory };
                request.extensions_mut().insert(somebody(who));
            }
            Which::Basic if !self.later => {}
            Which::Basic => {
                let password = if self.passes { "right" } else { "wrong" };
                authorize(&mut request, HeaderValue::try_from(basic("alice", password)).unwrap());
            }
            Which::Jwt => {
                let value = format!("Bearer {}", token(if self.passes { "read" } else { "other" }));
                authorize(&mut request, HeaderValue::try_from(value).unwrap());
            }
            Which::UserToken => {
                let token = if self.passes { KNOWN } else { UNKNOWN };
                authorize(&mut request, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
            }
            Which::S3p => {
                request = signed(if put { br#"{"a":"1"}"# } else { b"" });
                if !self.passes {
                    *request.uri_mut() = "/another".parse().unwrap();
                }
            }
        }
        request
    }
}

fn authorize(request: &mut Sent, value: HeaderValue) {
    request.headers_mut().insert(header::AUTHORIZATION, value);
}

fn erase<S, ResBody>(service: S) -> Answers<S::Error>
where
    S: Service<Sent, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send,
    ResBody: 'static,
    S::Error: 'static,
{
    BoxService::new(service.map_response(|response| response.status()))
}

fn alice() -> Identity {
    Identity::local("alice").unwrap()
}

fn somebody(identity: Identity) -> Principal {
    Principal::builder(identity, Scheme::new("Case")).build()
}

/// An answer that comes when it has been polled a third time.
fn slowly<T: Send + 'static>(answer: T) -> NowOrLater<T> {
    NowOrLater::later(async {
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        answer
    })
}

impl Case {
    fn judge<T: Send + 'static>(self, yes: T) -> NowOrLater<Result<T, Rejection>> {
        let refused = Rejection::new(RejectionKind::Forbidden, "case.refused");
        let answer = if self.passes { Ok(yes) } else { Err(refused) };
        if self.later { slowly(answer) } else { NowOrLater::now(answer) }
    }
}

impl Authenticator for Case {
    fn scheme(&self) -> Scheme {
        Scheme::new("Case")
    }

    fn authenticate(&self, _: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(self.judge(somebody(alice())))
    }

    fn challenge(&self, _: Option<RejectionKind>) -> Challenge {
        Challenge::builder("Case").build().unwrap()
    }
}

impl Policy for Case {
    fn authorize(&self, _: &Principal, _: &Head<'_>) -> NowOrLater<Result<Permit, Rejection>> {
        self.judge(Permit::granted())
    }
}

/// A store that answers later.
pub(crate) struct Slow<S>(pub(crate) S);

impl OwnershipStore for Slow<MemoryOwnershipStore> {
    fn owner(&self, resource: &Resource) -> NowOrLater<Result<Option<Owner>, StoreError>> {
        self.0.owner(resource).then(slowly)
    }

    fn claim(&self, resource: &Resource, by: &Identity) -> NowOrLater<Result<Claim, StoreError>> {
        self.0.claim(resource, by).then(slowly)
    }
}

impl AccessKeyStore for Slow<MemoryAccessKeyStore> {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        self.0.access_key(token).then(slowly)
    }
}

impl RevocationStore for Slow<MemoryRevocationStore> {
    fn is_revoked(&self, token: TokenFacts<'_>) -> NowOrLater<Result<bool, StoreError>> {
        self.0.is_revoked(token).then(slowly)
    }
}

impl UserTokenStore for Slow<MemoryUserTokenStore> {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        self.0.user_token(digest).then(slowly)
    }
}

/// Spares the tests the cost of real hashes, and stays off the reactor like one.
struct Plain;

impl PasswordVerifier for Plain {
    fn verify(&self, password: &[u8], _: &PasswordHash) -> bool {
        password == b"right"
    }
}

pub(crate) fn passwords() -> BasicAuth {
    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$DRX/xNErmLZiZ/dUgsK9CGJ2QSlhEtLZSCSZHDuylhM";
    let users = MemoryUserStore::new();
    users.insert(User::new("alice", PasswordHash::parse(HASH).unwrap()).unwrap());
    // Nobody waits for a place.
    BasicAuth::new("test", users).unwrap().verifier(Plain).hashing_pool(HashingPool::new(4))
}

pub(crate) fn tokens() -> JwtAuth {
    jwt().build().unwrap()
}

/// Tokens that are looked up in a store that answers later.
fn revocable_tokens() -> JwtAuth {
    jwt().revocations(Slow(MemoryRevocationStore::new())).build().unwrap()
}

fn jwt() -> JwtAuthBuilder {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, SECRET).unwrap()]).unwrap();
    JwtAuth::builder(keys).clock(ManualClock::at_unix(NOW))
}

/// Under which [`KNOWN`] is alice's.
pub(crate) fn user_tokens(later: bool) -> UserTokenAuth {
    let tokens = MemoryUserTokenStore::new();
    let digest: [u8; 32] = Sha256::digest(KNOWN).into();
    tokens.insert(TokenDigest::from_bytes(digest), UserTokenRecord::new("1", alice()));
    if later { UserTokenAuth::new("test", Slow(tokens)) } else { UserTokenAuth::new("test", tokens) }
        .unwrap()
}

/// A policy under which alice owns `/thing`.
pub(crate) fn ownership(later: bool) -> Ownership {
    let owners = MemoryOwnershipStore::new();
    owners.insert(Resource::new("thing", "thing"), alice());
    let paths = [ResourcePath::new("thing", "/{id}", "id").unwrap()];
    if later { Ownership::new(Slow(owners), paths) } else { Ownership::new(owners, paths) }.unwrap()
}

pub(crate) fn headers() -> StripIdentityHeadersLayer {
    StripIdentityHeadersLayer::new(["x-user"]).unwrap()
}

fn token(scope: &str) -> String {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let claims = serde_json::json!({ "sub": "alice", "jti": "1", "exp": NOW + 60, "scope": scope });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

pub(crate) fn known() -> MemoryAccessKeyStore {
    let keys = MemoryAccessKeyStore::new();
    keys.insert("token", AccessKey::new(alice(), SECRET).unwrap());
    keys
}

pub(crate) fn signatures(keys: impl AccessKeyStore) -> S3pAuth {
    let url = PublicUrl::parse("https://pay.example").unwrap();
    S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(ManualClock::at_unix(NOW))
}

/// A request of the S3P scheme: a `GET`, or with a body a `PUT`.
pub(crate) fn signed(body: &'static [u8]) -> Sent {
    let method = if body.is_empty() { Method::GET } else { Method::PUT };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let signer = Signer::new("token", SECRET).unwrap().clock(ManualClock::at_unix(NOW));
    let url = "https://pay.example/thing".parse().unwrap();
    let value = signer.sign(&method, &url, &headers, body).unwrap();
    headers.insert(header::AUTHORIZATION, value);
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = "/thing".parse().unwrap();
    *request.headers_mut() = headers;
    request
}
