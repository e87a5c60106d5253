use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::freshness::lifetime;
use crate::{NowOrLater, StoreError};

/// Where a JWK set is fetched from: an address, with the feature `jwks-http`, or a client of one's own.
///
/// What `Debug` prints names the source in the log and in errors: leave secrets out.
///
/// ```
/// # use bytes::Bytes;
/// use http::{HeaderValue, Request, Response, header};
/// use portcullis::{NowOrLater, StoreError, jwt::remote::{FetchedJwks, JwksFetch}};
///
/// # #[derive(Clone, Debug)]
/// # struct Client;
/// # impl Client {
/// #     async fn send(&self, _: Request<()>) -> Result<Response<Bytes>, std::io::Error> {
/// #         Ok(Response::new(Bytes::from_static(br#"{"keys":[]}"#)))
/// #     }
/// # }
/// #[derive(Debug)]
/// struct OwnClient(Client);
///
/// impl JwksFetch for OwnClient {
///     fn fetch(&self, etag: Option<&HeaderValue>) -> NowOrLater<Result<FetchedJwks, StoreError>> {
///         let client = self.0.clone();
///         let mut request = Request::new(());
///         *request.uri_mut() = http::Uri::from_static("https://id.example.org/jwks.json");
///         if let Some(etag) = etag {
///             request.headers_mut().insert(header::IF_NONE_MATCH, etag.clone());
///         }
///         NowOrLater::later(async move {
///             FetchedJwks::from_response(client.send(request).await.map_err(StoreError::new)?)
///         })
///     }
/// }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// #     assert!(OwnClient(Client).fetch(None).await.is_ok());
/// # });
/// ```
///
/// # Implementer notes
///
/// * It is called in the background, once at a time. It is dropped when it takes longer than the time limit.
/// * See to it that nobody on the way can change the set (TLS), that its length is bounded while it is read,
///   and that redirects lead nowhere else.
pub trait JwksFetch: fmt::Debug + Send + Sync + 'static {
    /// Fetches the set. `etag` is that of the last set that was adopted, for `If-None-Match` (RFC 9110
    /// section 13.1.2).
    fn fetch(&self, etag: Option<&HeaderValue>) -> NowOrLater<Result<FetchedJwks, StoreError>>;
}

/// What a fetch has brought.
#[derive(Clone)]
#[must_use]
pub struct FetchedJwks {
    /// `None`: not modified.
    pub(super) json: Option<Bytes>,
    pub(super) etag: Option<HeaderValue>,
    pub(super) lifetime: Option<Duration>,
}

impl FetchedJwks {
    /// A JWK set in JSON; or what is said to be one.
    pub fn new(json: impl Into<Bytes>) -> Self {
        Self { json: Some(json.into()), ..Self::not_modified() }
    }

    /// The set has not changed since the one whose `etag` was asked about. Without one, this is a failure: who knows it
    /// by other means brings the set again, or gives it an [`etag`](Self::etag).
    pub const fn not_modified() -> Self {
        Self { json: None, etag: None, lifetime: None }
    }

    /// The entity tag of the set, as sent.
    pub fn etag(mut self, etag: HeaderValue) -> Self {
        self.etag = Some(etag);
        self
    }

    /// How long the set is fresh.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Reads a response by HTTP's rules: 200 and 304, `ETag`, and of `Cache-Control` what a private cache
    /// looks at (`max-age` less `Age`, `no-cache` and `no-store`; RFC 9111). The content type is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// When the status is any other.
    pub fn from_response(response: Response<Bytes>) -> Result<Self, StoreError> {
        let (head, body) = response.into_parts();
        let json = match head.status {
            StatusCode::OK => Some(body),
            StatusCode::NOT_MODIFIED => None,
            status if status.is_redirection() => {
                return Err(StoreError::new(format!(
                    "{status}: redirects are not followed; configure the address that it leads to"
                )));
            }
            status => return Err(StoreError::new(format!("the answer is {status}"))),
        };
        let etag = head.headers.get(header::ETAG).cloned();
        Ok(Self { json, etag, lifetime: lifetime(&head.headers) })
    }
}

impl fmt::Debug for FetchedJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedJwks")
            .field("bytes", &self.json.as_ref().map(Bytes::len))
            .field("etag", &self.etag)
            .field("lifetime", &self.lifetime)
            .finish()
    }
}
