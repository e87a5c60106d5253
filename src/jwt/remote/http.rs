use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use reqwest::{Certificate, Client, Url, redirect};

use super::{FetchedJwks, JwksFetch};
use crate::{ConfigError, NowOrLater, StoreError, secure_url};

/// A JWK set at an address.
///
/// It is fetched over https, or from the same machine. Redirects are not followed; at most 512 KiB are read;
/// a connection is there within three seconds. A proxy is taken from the environment, as by other programs,
/// and sees no more than the name of the host; plain http takes none.
#[derive(Clone)]
pub struct JwksUrl {
    client: Client,
    url: Url,
    headers: HeaderMap,
}

impl JwksUrl {
    /// A set at this address.
    ///
    /// # Errors
    ///
    /// As of [`JwksUrlBuilder::build`].
    pub fn new(url: impl Into<String>) -> Result<Self, ConfigError> {
        Self::builder(url).build()
    }

    /// Begins with the address.
    pub fn builder(url: impl Into<String>) -> JwksUrlBuilder {
        let headers = HeaderMap::from_iter([(
            header::ACCEPT,
            HeaderValue::from_static("application/jwk-set+json, application/json;q=0.9"),
        )]);
        JwksUrlBuilder { url: url.into(), headers, roots: None, plain: false }
    }
}

impl JwksFetch for JwksUrl {
    fn fetch(&self, etag: Option<&HeaderValue>) -> NowOrLater<Result<FetchedJwks, StoreError>> {
        let mut request = self.client.get(self.url.clone()).headers(self.headers.clone());
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        NowOrLater::later(async move {
            let mut response = request.send().await.map_err(failed)?;
            let mut answer = Response::new(Bytes::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = std::mem::take(response.headers_mut());
            if answer.status().is_success() {
                *answer.body_mut() = read(response).await?;
            }
            FetchedJwks::from_response(answer)
        })
    }
}

/// Without the query, which may be a secret.
impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.url.origin().ascii_serialization(), self.url.path())
    }
}

/// A [`JwksUrl`] in the making.
#[must_use]
pub struct JwksUrlBuilder {
    url: String,
    headers: HeaderMap,
    roots: Option<Vec<u8>>,
    plain: bool,
}

impl JwksUrlBuilder {
    /// Sends this header field with every request.
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Trusts these certificate authorities (PEM, one or more), and not those of the system.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Takes an `http` address that is not on this machine. Whoever can change what is sent on the way can
    /// then sign tokens.
    pub fn dangerous_plain_http(mut self) -> Self {
        self.plain = true;
        self
    }

    /// The source.
    ///
    /// # Errors
    ///
    /// When the address is not an https URL (or an http one of a loopback host), or has user information or a
    /// fragment; a certificate cannot be read; or, for https, the system trusts no authority and none was named.
    pub fn build(self) -> Result<JwksUrl, ConfigError> {
        let Self { url, headers, roots, plain } = self;
        match url.strip_prefix("http://") {
            // All but the scheme.
            Some(rest) if plain => secure_url::check(WHAT, &format!("https://{rest}"))?,
            _ => secure_url::check(WHAT, &url)?,
        };
        let url = Url::parse(&url).map_err(|error| ConfigError::because(WHAT, error))?;
        let mut client = Client::builder()
            .tls_backend_rustls()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")));
        if url.scheme() == "http" {
            // Nobody's certificate is looked at: so a machine that trusts no authority will do.
            client = client.no_proxy().tls_certs_only([]);
        }
        if let Some(pem) = roots {
            let roots = Certificate::from_pem_bundle(&pem).ok().filter(|roots| !roots.is_empty());
            let roots = roots.ok_or_else(|| ConfigError::new("there is no certificate in PEM here"))?;
            client = client.tls_certs_only(roots);
        }
        let client = client.build().map_err(|error| {
            ConfigError::because("the client that fetches JWK sets cannot be set up", error)
        })?;
        Ok(JwksUrl { client, url, headers })
    }
}

impl fmt::Debug for JwksUrlBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksUrlBuilder").finish_non_exhaustive()
    }
}

const WHAT: &str = "the address of the JWK set";
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const MAX_LENGTH: usize = 512 * 1024;

/// The body; its length is counted as it comes, whatever the header says.
async fn read(mut response: reqwest::Response) -> Result<Bytes, StoreError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_LENGTH {
            return Err(StoreError::new("the answer is longer than 512 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The address may hold a secret.
fn failed(error: reqwest::Error) -> StoreError {
    StoreError::new(error.without_url())
}
