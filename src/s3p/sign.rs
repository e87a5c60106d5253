use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use hyper::body::Body as HttpBody;
use tower::{BoxError, Service};
use tower_layer::Layer;

use super::{
    Body, PublicUrl, SignatureMethod, SigningInput, Stamp, body::collect, key::check_length,
    signing_key::SigningKey, url,
};
use crate::{
    Clock, ConfigError, Rejection, Secret, SystemClock, clock::unix_seconds, gate::take_ready,
};

/// Signs requests: the client's side of the scheme.
///
/// ```
/// use http::{HeaderMap, Method};
/// use portcullis::s3p::Signer;
///
/// let signer = Signer::new("xvz1evFS4wEEPTGEFPHBog", "a secret of 16 bytes or more")?;
/// let url = "https://dev.smobilpay.com/s3p/v2/ping".parse().unwrap();
/// let authorization = signer.sign(&Method::GET, &url, &HeaderMap::new(), b"")?;
/// assert!(authorization.is_sensitive());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Signer(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    token: String,
    key: SigningKey,
    method: SignatureMethod,
    clock: Arc<dyn Clock>,
    nonces: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Signer {
    /// Signs with this access token and secret, the system's clock, and nonces of 128 random bits.
    ///
    /// # Errors
    ///
    /// When the token is not 1 to 128 visible ASCII characters without `"`, `&` and `\`, or the secret is
    /// shorter than 16 bytes: it could be found by trying, from one request.
    pub fn new(token: &str, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let secret = secret.into();
        check_length(&secret, token)?;
        Self::dangerous_short_secret(token, secret)
    }

    /// The same with a secret of any length, even one that can be found by trying.
    ///
    /// # Errors
    ///
    /// When the token is not 1 to 128 visible ASCII characters without `"`, `&` and `\`.
    pub fn dangerous_short_secret(token: &str, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        if !fits_header(token) {
            return Err(ConfigError::new(
                "the S3P access token is not 1 to 128 visible ASCII characters without `\"`, `&`, `\\`",
            ));
        }
        Ok(Self(Arc::new(Parts {
            token: token.to_owned(),
            key: SigningKey::new(secret.into(), SignatureMethod::HmacSha1),
            method: SignatureMethod::HmacSha1,
            clock: Arc::new(SystemClock),
            nonces: Arc::new(random_nonce),
        })))
    }

    /// Signs by this method. The default is the scheme's own, HMAC-SHA1.
    pub fn method(mut self, method: SignatureMethod) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.method = method;
        parts.key = parts.key.by(method);
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Arc::new(clock);
        self
    }

    /// Takes nonces from this function. Each is used once; it has 1 to 128 visible ASCII characters
    /// without `"`, `&` and `\`.
    pub fn nonces(mut self, nonces: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).nonces = Arc::new(nonces);
        self
    }

    /// The `Authorization` value for a request: its method, its whole URL, its headers (for the type
    /// of the body) and its body. It is marked as sensitive.
    ///
    /// # Errors
    ///
    /// When the URL is not absolute, the nonce does not fit, or the request is one that the scheme
    /// cannot cover or that would be ambiguous; see the [module docs](crate::s3p).
    pub fn sign(
        &self,
        method: &Method,
        url: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<HeaderValue, SignError> {
        let Parts { token, key, method: signature_method, clock, nonces } = &*self.0;
        let origin = url::origin(url).ok_or(SignError::of("the URL is not an absolute http(s) one"))?;
        let origin = PublicUrl::parse(&origin).map_err(SignError::because)?;
        let timestamp = unix_seconds(clock.now()).to_string();
        let nonce = nonces();
        if !fits_header(&nonce) {
            return Err(SignError::of("the nonce does not fit the header"));
        }
        let input = SigningInput::of(
            method,
            &origin,
            url,
            headers,
            body,
            Stamp { nonce: &nonce, timestamp: &timestamp, token, method: *signature_method },
        )
        .map_err(SignError::because)?;
        let signature = input.signature_by(key);
        let value = format!(
            "s3pAuth,s3pAuth_nonce=\"{nonce}\",s3pAuth_signature=\"{signature}\",\
             s3pAuth_signature_method=\"{}\",s3pAuth_timestamp=\"{timestamp}\",\
             s3pAuth_token=\"{token}\"",
            signature_method.as_str(),
        );
        let mut value = HeaderValue::try_from(value).map_err(SignError::because)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// No secret is printed.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("token", &self.0.token).finish_non_exhaustive()
    }
}

fn random_nonce() -> String {
    let mut random = [0; 16];
    crate::random::fill(&mut random);
    format!("{:032x}", u128::from_be_bytes(random))
}

fn fits_header(text: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21..=0x7E) && !matches!(byte, b'"' | b'&' | b'\\');
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

/// A request could not be signed.
#[derive(Debug)]
pub struct SignError {
    message: &'static str,
    source: Option<BoxError>,
}

impl SignError {
    fn of(message: &'static str) -> Self {
        Self { message, source: None }
    }

    fn because(source: impl Into<BoxError>) -> Self {
        Self { message: "the request cannot be signed", source: Some(source.into()) }
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Signs the requests of a client.
///
/// It wraps any service that sends requests: hyper-util's client, for one. A body is read whole, up to
/// 1 MiB, before it is sent.
///
/// ```
/// use portcullis::s3p::{self, SignLayer, Signer};
/// use tower_layer::Layer;
///
/// # fn client<S>(connection: S) -> Result<s3p::Sign<S>, portcullis::ConfigError> {
/// let signer = Signer::new("xvz1evFS4wEEPTGEFPHBog", "a secret of 16 bytes or more")?;
/// let client = SignLayer::new(signer).layer(connection);
/// # Ok(client)
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SignLayer {
    signer: Signer,
    max_body: usize,
}

impl SignLayer {
    /// A layer.
    pub fn new(signer: Signer) -> Self {
        Self { signer, max_body: 1024 * 1024 }
    }

    /// The longest body that is read, in bytes.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }
}

impl<S> Layer<S> for SignLayer {
    type Service = Sign<S>;

    fn layer(&self, inner: S) -> Sign<S> {
        Sign { inner, layer: self.clone() }
    }
}

/// The service of [`SignLayer`].
#[derive(Clone)]
pub struct Sign<S> {
    inner: S,
    layer: SignLayer,
}

impl<S, B> Service<Request<B>> for Sign<S>
where
    S: Service<Request<Body<B>>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut ready = take_ready(&mut self.inner);
        let SignLayer { signer, max_body } = self.layer.clone();
        Box::pin(async move {
            let request = signed(&signer, request, max_body).await?;
            ready.call(request).await.map_err(Into::into)
        })
    }
}

impl<S> fmt::Debug for Sign<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sign").field("layer", &self.layer).finish_non_exhaustive()
    }
}

async fn signed<B>(
    signer: &Signer,
    request: Request<B>,
    max_body: usize,
) -> Result<Request<Body<B>>, SignError>
where
    B: HttpBody,
    B::Error: Into<BoxError>,
{
    /// A body of one's own is not an attack: it may take its time.
    const NO_HURRY: Duration = Duration::from_secs(60 * 60);
    let (mut head, body) = request.into_parts();
    let body: Bytes = collect(body, max_body, NO_HURRY)
        .await
        .map_err(|error: Rejection| SignError::because(error))?;
    let value = signer.sign(&head.method, &head.uri, &head.headers, &body)?;
    head.headers.insert(header::AUTHORIZATION, value);
    Ok(Request::from_parts(head, Body::bytes(body)))
}
