use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::UNIX_EPOCH,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::Full;
use tower::Service;
use tower_layer::Layer;

use super::{answer, must_fail, texts};
use crate::{
    Identity, ManualClock, Principal, S3pSignatureLayer, ScopeSet, Secret,
    s3p::{
        AccessKey, AccessKeyStore, Dialect, MemoryAccessKeyStore, MemoryNonceStore, PublicUrl, S3pAuth,
        SignatureMethod, SigningInput, Stamp,
    },
};

/// An access key that a store is to hold: with the defaults, but for these.
#[derive(Clone, Debug)]
pub struct AccessKeySeed {
    /// The access token.
    pub token: String,
    /// Whose it is.
    pub identity: Identity,
    /// What its requests are signed with.
    pub secret: Secret,
    /// In which dialects.
    pub dialects: Vec<Dialect>,
    /// By which method.
    pub method: SignatureMethod,
    /// What its holder may do.
    pub scopes: ScopeSet,
}

/// What every [`AccessKeyStore`] must do. The function makes a store that holds these keys.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn access_keys<S: AccessKeyStore>(new_store: impl AsyncFn(Vec<AccessKeySeed>) -> S) {
    let seeds: Vec<_> = texts().iter().enumerate().map(|(at, text)| seed(at, text)).collect();
    for part in 0..2 {
        // Each token has neighbours that nobody has.
        let (known, unknown): (Vec<_>, Vec<_>) =
            seeds.iter().cloned().enumerate().partition(|(at, _)| at % 2 == part);
        let store = new_store(known.iter().map(|(_, seed)| seed.clone()).collect()).await;
        for (_, seed) in known {
            let found = answer(store.access_key(&seed.token)).await;
            let token = &seed.token;
            let key = found.unwrap_or_else(|| panic!("a key is found by its token: {token:?}"));
            is_the_same(&key, &seed).await;
        }
        for (_, seed) in unknown {
            let found = answer(store.access_key(&seed.token)).await;
            assert!(found.is_none(), "tokens are compared byte for byte: {:?} is nobody's", seed.token);
        }
    }
}

/// What an [`AccessKeyStore`] must do that is down.
///
/// # Panics
///
/// When the store breaks a rule.
pub async fn broken_access_keys(store: &impl AccessKeyStore) {
    must_fail(store.access_key("token")).await;
}

/// Each of them signs [`TARGET`] in its own way.
const DIALECTS: [Dialect; 5] = [
    Dialect::STRICT,
    Dialect::MAVIANCE_NODEJS,
    Dialect::MAVIANCE_JAVA,
    Dialect::NDOLE_GO,
    Dialect::PYTHON,
];

const METHODS: [SignatureMethod; 2] = [SignatureMethod::HmacSha1, SignatureMethod::HmacSha256];

const NOW: &str = "1361281946";
const URL: &str = "https://pay.example.org";
const TARGET: &str = "/ping?note=%20a%20b!*~";

fn seed(at: usize, token: &str) -> AccessKeySeed {
    let dialects = match at % 4 {
        0 => &DIALECTS[..1],
        1 => &DIALECTS[1..2],
        2 => &DIALECTS[..4],
        _ => &DIALECTS[2..],
    };
    AccessKeySeed {
        token: token.to_owned(),
        identity: Identity::new(format!("issuer {}", at % 2), token).expect("the texts are not empty"),
        secret: Secret::new(format!("the secret of key {at}")),
        dialects: dialects.to_vec(),
        method: METHODS[at % 3 % 2],
        scopes: ScopeSet::parse(["", "read", "pay read"][at % 3]).expect("they are scopes"),
    }
}

async fn is_the_same(key: &AccessKey, seed: &AccessKeySeed) {
    let AccessKeySeed { token, secret, .. } = seed;
    for method in METHODS {
        for dialect in DIALECTS {
            let caller = present(key, signed(secret, dialect, method)).await;
            let is_listed = seed.method == method && seed.dialects.contains(&dialect);
            assert_eq!(
                caller.is_some(),
                is_listed,
                "a key has the dialects and the method that it was given: {token:?}, {dialect}, {method}"
            );
            if let Some(caller) = caller {
                assert_eq!(*caller.identity(), seed.identity, "whose {token:?} is");
                assert_eq!(*caller.scopes(), seed.scopes, "the scopes of {token:?}");
            }
        }
    }
    let another = Secret::new("the secret of no key");
    let caller = present(key, signed(&another, seed.dialects[0], seed.method)).await;
    assert!(caller.is_none(), "the secret of {token:?}");
}

/// An `Authorization` line by this secret.
fn signed(secret: &Secret, dialect: Dialect, method: SignatureMethod) -> String {
    let url = PublicUrl::parse(URL).expect("it is a URL");
    let (uri, headers) = (Uri::from_static(TARGET), HeaderMap::new());
    let stamp = Stamp { method, nonce: "1", timestamp: NOW, token: "token" };
    let input = SigningInput::in_dialect(dialect, &Method::GET, &url, &uri, &headers, b"", stamp)
        .expect("nothing in it is ambiguous");
    format!(
        "s3pAuth,s3pAuth_nonce=\"1\",s3pAuth_signature=\"{}\",s3pAuth_signature_method=\"{method}\",\
         s3pAuth_timestamp=\"{NOW}\",s3pAuth_token=\"token\"",
        input.signature(secret)
    )
}

/// Who is let in by this line, where the token is this key's.
async fn present(key: &AccessKey, authorization: String) -> Option<Principal> {
    let keys = MemoryAccessKeyStore::new();
    keys.insert("token", key.clone());
    let url = PublicUrl::parse(URL).expect("it is a URL");
    let clock = ManualClock::at_unix(NOW.parse().expect("it is a number"));
    let auth = S3pAuth::new(url, keys, MemoryNonceStore::new(UNIX_EPOCH)).clock(clock);
    // `Whom` is always ready.
    let mut service = S3pSignatureLayer::new(auth).layer(Whom);
    let request = Request::get(TARGET).header(header::AUTHORIZATION, authorization);
    let request = request.body(Full::<Bytes>::default()).expect("it is a request");
    let Ok(response) = service.call(request).await;
    response.extensions().get().cloned()
}

/// Answers with whom it has been called by.
#[derive(Clone)]
struct Whom;

impl<B> Service<Request<B>> for Whom {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut response = Response::new(Full::default());
        if let Some(caller) = request.extensions().get::<Principal>() {
            response.extensions_mut().insert(caller.clone());
        }
        ready(Ok(response))
    }
}
