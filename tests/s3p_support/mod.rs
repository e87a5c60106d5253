//! What the tests of S3P signatures share: requests to sign, and layers at a standing time.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::needless_pass_by_value, reason = "a call reads better without `&`")]

use std::{sync::Arc, time::UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::Full;
use portcullis::{
    Identity, ManualClock, NowOrLater, S3pSignatureLayer, Secret, StoreError,
    s3p::{
        AccessKey, AccessKeyStore, MemoryAccessKeyStore, MemoryNonceStore, Nonce, NonceStore,
        PublicUrl, Recorded, S3pAuth, SignatureMethod, SigningInput, Stamp,
    },
};

/// The time of the scheme's worked examples.
pub const NOW: u64 = 1_361_281_946;
pub const URL: &str = "https://pay.example.org/s3p";
pub const TOKEN: &str = "alices-token";
pub const SECRET: &str = "the secret of alice";
pub const OTHER_TOKEN: &str = "bobs-token";
pub const OTHER_SECRET: &str = "the secret of bob";
pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at_unix(NOW))
}

pub fn url() -> PublicUrl {
    PublicUrl::parse(URL).unwrap()
}

/// Alice's key and Bob's.
pub fn keys() -> MemoryAccessKeyStore {
    let keys = MemoryAccessKeyStore::new();
    for (token, secret, who) in [(TOKEN, SECRET, "alice"), (OTHER_TOKEN, OTHER_SECRET, "bob")] {
        keys.insert(token, AccessKey::new(Identity::local(who).unwrap(), secret).unwrap());
    }
    keys
}

pub fn auth() -> S3pAuth {
    S3pAuth::new(url(), keys(), MemoryNonceStore::new(UNIX_EPOCH)).clock(clock())
}

/// A layer that knows Alice and Bob, and where it is always [`NOW`].
pub fn layer() -> S3pSignatureLayer {
    S3pSignatureLayer::new(auth())
}

/// A layer with these nonces, and its clock.
pub fn layer_with(nonces: impl NonceStore) -> (S3pSignatureLayer, Arc<ManualClock>) {
    let clock = clock();
    let auth = S3pAuth::new(url(), keys(), nonces).clock(clock.clone());
    (S3pSignatureLayer::new(auth), clock)
}

/// A request to sign, in the parts that a test may change.
#[derive(Clone, Debug)]
pub struct Draft {
    pub method: Method,
    pub target: String,
    pub content_type: Option<&'static str>,
    pub body: Bytes,
    pub nonce: String,
    pub timestamp: String,
    pub token: &'static str,
    pub secret: &'static str,
}

impl Draft {
    pub fn new(method: Method, target: &str) -> Self {
        Self {
            method,
            target: target.to_owned(),
            content_type: None,
            body: Bytes::new(),
            nonce: "a-nonce".to_owned(),
            timestamp: NOW.to_string(),
            token: TOKEN,
            secret: SECRET,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, "/v2/quotestd").body(JSON, body)
    }

    pub fn form(body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, "/v2/quotestd").body(FORM, body)
    }

    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.content_type = Some(content_type);
        self.body = body.into();
        self
    }

    pub fn nonce(mut self, nonce: impl ToString) -> Self {
        self.nonce = nonce.to_string();
        self
    }

    pub fn timestamp(mut self, timestamp: impl ToString) -> Self {
        self.timestamp = timestamp.to_string();
        self
    }

    /// By Bob.
    pub fn of_bob(mut self) -> Self {
        (self.token, self.secret) = (OTHER_TOKEN, OTHER_SECRET);
        self
    }

    pub fn headers(&self) -> HeaderMap {
        let content_type = self.content_type.map(|text| (header::CONTENT_TYPE, text));
        content_type.into_iter().map(|(name, text)| (name, HeaderValue::from_static(text))).collect()
    }

    /// Steps 1 and 2 of the scheme, or the code of the refusal.
    pub fn input(&self) -> Result<SigningInput, &'static str> {
        SigningInput::of(
            &self.method,
            &url(),
            &self.target.parse().unwrap(),
            &self.headers(),
            &self.body,
            Stamp {
                method: SignatureMethod::HmacSha1,
                nonce: &self.nonce,
                timestamp: &self.timestamp,
                token: self.token,
            },
        )
        .map_err(|rejection| rejection.reason())
    }

    /// The signature; of what cannot be signed, twenty zero bytes.
    pub fn signature(&self) -> String {
        self.input().map_or_else(
            |_| "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
            |input| input.signature(&Secret::new(self.secret)),
        )
    }

    /// The five fields, in the order of the scheme's page.
    pub fn fields(&self) -> [String; 5] {
        let Self { nonce, timestamp, token, .. } = self;
        [
            format!(r#"s3pAuth_nonce="{nonce}""#),
            format!(r#"s3pAuth_signature="{}""#, self.signature()),
            r#"s3pAuth_signature_method="HMAC-SHA1""#.to_owned(),
            format!(r#"s3pAuth_timestamp="{timestamp}""#),
            format!(r#"s3pAuth_token="{token}""#),
        ]
    }

    pub fn authorization(&self) -> String {
        format!("s3pAuth, {}", self.fields().join(", "))
    }

    pub fn request(&self) -> Request<Full<Bytes>> {
        self.request_with(self.authorization())
    }

    /// The request with another `Authorization` value.
    pub fn request_with(&self, authorization: impl AsRef<[u8]>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.target.parse().unwrap();
        *request.headers_mut() = self.headers();
        let value = HeaderValue::from_bytes(authorization.as_ref()).unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        request
    }
}

/// A store that answers later: the same as the one it holds, after a turn of the executor.
#[derive(Clone, Debug)]
pub struct Later<S>(pub S);

impl<S: AccessKeyStore> AccessKeyStore for Later<S> {
    fn access_key(&self, token: &str) -> NowOrLater<Result<Option<AccessKey>, StoreError>> {
        let answer = self.0.access_key(token);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            answer.await
        })
    }
}

impl<S: NonceStore> NonceStore for Later<S> {
    fn record(&self, nonce: Nonce<'_>) -> NowOrLater<Result<Recorded, StoreError>> {
        let answer = self.0.record(nonce);
        NowOrLater::later(async move {
            tokio::task::yield_now().await;
            answer.await
        })
    }
}
