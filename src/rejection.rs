use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode};

use crate::{Challenge, StoreError};

/// Why a request was refused.
///
/// It rides in the extensions of the response, so that layers outside can count and trace it. Its
/// [`kind`](Self::kind) decides what the caller sees; its [`reason`](Self::reason) is for the
/// operator alone.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    retry_after: Option<Duration>,
    challenges: Option<Arc<[HeaderValue]>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Rejection {
    /// A refusal of this kind.
    ///
    /// `reason` is a stable code such as `jwt.expired`: it goes to the trace, never to the caller.
    pub fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self { kind, reason, retry_after: kind.row().retry_after, challenges: None, source: None }
    }

    /// A refusal of credentials that are wrong, expired, revoked or used before: 401.
    pub fn refused(reason: &'static str) -> Self {
        Self::new(RejectionKind::RefusedCredentials, reason)
    }

    /// A refusal because a store could not answer: 503.
    pub fn unavailable(reason: &'static str, cause: StoreError) -> Self {
        Self { source: Some(Arc::new(cause)), ..Self::new(RejectionKind::Unavailable, reason) }
    }

    /// Keeps the cause, for the operator. It must hold no secret: it is printed to the trace.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(cause.into()));
        self
    }

    /// Says when to try again. The header field has whole seconds: a part is rounded up.
    pub fn retry_in(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds a `WWW-Authenticate` line.
    pub fn challenge(mut self, challenge: &Challenge) -> Self {
        let challenges = self.challenges().iter().cloned().chain([challenge.to_header_value()]);
        self.challenges = Some(challenges.collect());
        self
    }

    /// The same, but the caller is told something else.
    #[cfg(feature = "ownership")]
    pub(crate) fn told_as(self, kind: RejectionKind) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn replace_challenges(&mut self, challenges: Arc<[HeaderValue]>) {
        self.challenges = Some(challenges);
    }

    /// What the caller is told.
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// What the operator is told: a stable code.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// When to try again.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The values of the `WWW-Authenticate` lines.
    pub fn challenges(&self) -> &[HeaderValue] {
        self.challenges.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind.text(), self.reason)
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The kinds of refusal: what a caller may tell apart.
///
/// One table (in the source of this type) maps each kind to its HTTP status, its gRPC code, its
/// RFC 6750 error and its `Retry-After`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The request cannot be judged: its target or body breaks the scheme's rules. 400.
    BadRequest,
    /// A policy said no: not the owner, not allowed. 403.
    Forbidden,
    /// The request did not come over TLS. 403, and no challenge: there is nothing to send again.
    HttpsRequired,
    /// A scope is missing. 403, RFC 6750 `insufficient_scope`.
    InsufficientScope,
    /// A bearer token was sent in a way that RFC 6750 section 2 does not know, or twice. 400.
    InvalidRequest,
    /// Credentials that do not follow their scheme's grammar. 401.
    MalformedCredentials,
    /// A mistake in how the layers are put together. 500, and an error in the log.
    Misconfigured,
    /// No credentials. 401.
    MissingCredentials,
    /// As if there were nothing there. 404.
    NotFound,
    /// The body is longer than the layer reads. 413.
    PayloadTooLarge,
    /// Credentials that are wrong, expired, revoked or used before. 401.
    RefusedCredentials,
    /// The body did not arrive in time. 408.
    RequestTimeout,
    /// Too many attempts. 429.
    Throttled,
    /// A store, a key source or the hashing queue cannot answer now. 503.
    Unavailable,
    /// A body of a kind that the scheme cannot cover. 415.
    UnsupportedMediaType,
}

/// One row of the table.
struct Row {
    status: StatusCode,
    grpc: u8,
    oauth: Option<&'static str>,
    retry_after: Option<Duration>,
    text: &'static str,
}

impl RejectionKind {
    const fn row(self) -> Row {
        const SOON: Option<Duration> = Some(Duration::from_secs(1));
        const fn row(
            status: StatusCode,
            grpc: u8,
            oauth: Option<&'static str>,
            retry_after: Option<Duration>,
            text: &'static str,
        ) -> Row {
            Row { status, grpc, oauth, retry_after, text }
        }
        use StatusCode as S;
        match self {
            Self::MissingCredentials => row(S::UNAUTHORIZED, 16, None, None, "credentials required"),
            Self::InvalidRequest => {
                row(S::BAD_REQUEST, 16, Some("invalid_request"), None, "credentials malformed")
            }
            Self::MalformedCredentials => {
                row(S::UNAUTHORIZED, 16, Some("invalid_token"), None, "credentials malformed")
            }
            Self::RefusedCredentials => {
                row(S::UNAUTHORIZED, 16, Some("invalid_token"), None, "credentials refused")
            }
            Self::InsufficientScope => {
                row(S::FORBIDDEN, 7, Some("insufficient_scope"), None, "scope missing")
            }
            Self::Forbidden => row(S::FORBIDDEN, 7, None, None, "forbidden"),
            Self::HttpsRequired => row(S::FORBIDDEN, 7, None, None, "https required"),
            Self::NotFound => row(S::NOT_FOUND, 5, None, None, "not found"),
            Self::BadRequest => row(S::BAD_REQUEST, 3, None, None, "bad request"),
            Self::RequestTimeout => row(S::REQUEST_TIMEOUT, 3, None, None, "request timed out"),
            Self::PayloadTooLarge => row(S::PAYLOAD_TOO_LARGE, 3, None, None, "body too large"),
            Self::UnsupportedMediaType => {
                row(S::UNSUPPORTED_MEDIA_TYPE, 3, None, None, "body type not supported")
            }
            Self::Throttled => row(S::TOO_MANY_REQUESTS, 8, None, SOON, "too many requests"),
            Self::Misconfigured => {
                row(S::INTERNAL_SERVER_ERROR, 13, None, None, "internal server error")
            }
            Self::Unavailable => row(S::SERVICE_UNAVAILABLE, 14, None, SOON, "try again later"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// The gRPC status code.
    pub const fn grpc_code(self) -> u8 {
        self.row().grpc
    }

    /// The `error` of RFC 6750 section 3.1, for a bearer challenge. There is none when no
    /// credentials were sent.
    pub const fn oauth_error(self) -> Option<&'static str> {
        self.row().oauth
    }

    /// What the caller reads. The same for every reason of a kind.
    pub const fn text(self) -> &'static str {
        self.row().text
    }
}
