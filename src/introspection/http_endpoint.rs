use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use form_urlencoded::byte_serialize;
use http::{HeaderValue, StatusCode, header};
use reqwest::{Client, Response, Url, redirect};
use tokio::{sync::Semaphore, time::timeout};

use super::IntrospectionEndpoint;
use crate::{ConfigError, NowOrLater, Secret, StoreError, secure_url};

/// The introspection endpoint of an authorization server, over HTTP.
///
/// The rules:
///
/// 1. The URL is `https`, or `http` of a loopback host. Certificates are verified by the platform. No
///    redirect is followed, and no proxy of the environment is used: the token goes to that URL alone.
/// 2. The question is a `POST` of a form with the one field `token` (RFC 7662 section 2.1). Who asks is
///    said by HTTP Basic or by a bearer token.
/// 3. An answer has the status 200, the type `application/json`, and no more bytes than
///    [`max_length`](Self::max_length). Anything else is an error: also 401, which is about this server and
///    not about the token (section 2.3).
/// 4. All of it, and the wait for one of [`max_concurrent`](Self::max_concurrent) places, takes no longer
///    than [`time_limit`](Self::time_limit).
///
/// It needs tokio. A clone shares the connections and the places.
#[derive(Clone)]
pub struct HttpEndpoint(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    client: Client,
    url: Url,
    authorization: HeaderValue,
    time_limit: Duration,
    max_length: usize,
    places: Arc<Semaphore>,
}

impl HttpEndpoint {
    /// An endpoint that knows this server as an OAuth client, by HTTP Basic. Both parts are encoded as in a
    /// form first, as RFC 6749 section 2.3.1 has it.
    ///
    /// # Errors
    ///
    /// When the URL is not `https` (loopback may be `http`) or has user information or a fragment, or, for
    /// `https`, when the platform's certificates cannot be had.
    pub fn basic(url: &str, id: &str, secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let pair = [form_encoded(id.as_bytes()), form_encoded(secret.into().expose())].join(":");
        Self::new(url, &format!("Basic {}", STANDARD.encode(pair)))
    }

    /// An endpoint that knows this server by a bearer token.
    ///
    /// # Errors
    ///
    /// As [`basic`](Self::basic), and when the token does not fit a header field.
    pub fn bearer(url: &str, token: impl Into<Secret>) -> Result<Self, ConfigError> {
        let token = token.into();
        let text = std::str::from_utf8(token.expose()).ok().filter(|token| !token.is_empty());
        let text = text.ok_or_else(not_a_token)?;
        Self::new(url, &format!("Bearer {text}"))
    }

    fn new(url: &str, authorization: &str) -> Result<Self, ConfigError> {
        const WHAT: &str = "the URL of the introspection endpoint";
        secure_url::check(WHAT, url)?;
        let url = Url::parse(url).map_err(|error| ConfigError::because(WHAT, error))?;
        let mut authorization: HeaderValue = authorization.parse().map_err(|_| not_a_token())?;
        authorization.set_sensitive(true);
        let mut client = Client::builder().redirect(redirect::Policy::none()).referer(false).no_proxy();
        if url.scheme() == "http" {
            // Nobody's certificate is looked at: so a machine that trusts no authority will do.
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|error| {
            ConfigError::because("the client of the introspection endpoint cannot be made", error)
        })?;
        Ok(Self(Arc::new(Parts {
            client,
            url,
            authorization,
            time_limit: Duration::from_secs(5),
            max_length: 64 * 1024,
            places: Arc::new(Semaphore::new(100)),
        })))
    }

    /// How long a request waits for an answer. The default is 5 seconds.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        Arc::make_mut(&mut self.0).time_limit = limit;
        self
    }

    /// The longest answer, in bytes. The default is 65,536.
    pub fn max_length(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.0).max_length = bytes;
        self
    }

    /// How many tokens are asked about at once, one at least; the others wait. The default is 100.
    pub fn max_concurrent(mut self, exchanges: usize) -> Self {
        let exchanges = exchanges.clamp(1, Semaphore::MAX_PERMITS);
        Arc::make_mut(&mut self.0).places = Arc::new(Semaphore::new(exchanges));
        self
    }
}

impl Parts {
    async fn exchange(&self, token: Secret) -> Result<Bytes, StoreError> {
        let _place = self.places.acquire().await.map_err(StoreError::new)?;
        let request = self
            .client
            .post(self.url.clone())
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={}", form_encoded(token.expose())));
        let response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(StoreError::new(format!("the answer has the status {}", response.status())));
        }
        if !is_json(response.headers().get(header::CONTENT_TYPE)) {
            return Err(StoreError::new("the answer is not of the type application/json"));
        }
        self.collect(response).await
    }

    async fn collect(&self, mut response: Response) -> Result<Bytes, StoreError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if chunk.len() > self.max_length - body.len() {
                return Err(StoreError::new(format!("the answer exceeds {} bytes", self.max_length)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl IntrospectionEndpoint for HttpEndpoint {
    fn introspect(&self, token: Secret) -> NowOrLater<Result<Bytes, StoreError>> {
        let parts = self.0.clone();
        NowOrLater::later(async move {
            let answer = timeout(parts.time_limit, parts.exchange(token)).await;
            answer.unwrap_or_else(|_| {
                Err(StoreError::new(format!("no answer within {:?}", parts.time_limit)))
            })
        })
    }
}

/// Neither credentials nor a query are printed.
impl fmt::Debug for HttpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEndpoint")
            .field("host", &self.0.url.host_str())
            .field("path", &self.0.url.path())
            .finish_non_exhaustive()
    }
}

fn form_encoded(bytes: &[u8]) -> String {
    byte_serialize(bytes).collect()
}

fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The URL may hold what is not for the log.
fn failed(error: reqwest::Error) -> StoreError {
    StoreError::new(error.without_url())
}

fn not_a_token() -> ConfigError {
    ConfigError::new(
        "the bearer token for the introspection endpoint is empty or does not fit a header field: look \
         for a line break at its end",
    )
}
