//! What a refused caller gets.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::{Rejection, RejectionKind, body::held_body};

held_body! {
    /// The body of a response: a refusal of ours, or the inner service's own body.
    ///
    /// It asks nothing of the inner body, so hyper's `Incoming`, axum's, tonic's and boxed bodies all
    /// work.
    ResponseBody
}

/// How a layer words its refusals over plain HTTP.
///
/// Implemented for functions from a [`Rejection`] to a response. The layer adds what may not be
/// forgotten to whatever is returned: `Cache-Control: no-store`, the challenges, `Retry-After`. A
/// gRPC request is answered in gRPC's own way and never gets here, unless the layer is told that there is
/// [no gRPC](crate::AuthenticateLayer::no_grpc).
///
/// ```
/// use http::Response;
/// use portcullis::{Rejection, Respond};
///
/// fn json(rejection: &Rejection) -> Response<bytes::Bytes> {
///     Response::builder()
///         .status(rejection.kind().status())
///         .header("content-type", "application/json")
///         .body(r#"{"message":"Unauthorized"}"#.into())
///         .unwrap()
/// }
/// # fn takes(_: impl Respond) {}
/// # takes(json);
/// ```
///
/// # Implementer notes
///
/// What is returned goes to strangers. The kind may decide it; the reason and the source may not.
pub trait Respond: Send + Sync + 'static {
    /// The response to a refused request.
    fn respond(&self, rejection: &Rejection) -> Response<Bytes>;
}

impl<F> Respond for F
where
    F: Fn(&Rejection) -> Response<Bytes> + Send + Sync + 'static,
{
    fn respond(&self, rejection: &Rejection) -> Response<Bytes> {
        self(rejection)
    }
}

/// The status and a short sentence in `text/plain`: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainText;

impl Respond for PlainText {
    fn respond(&self, rejection: &Rejection) -> Response<Bytes> {
        let kind = rejection.kind();
        respond(kind, "text/plain; charset=utf-8", Bytes::from_static(kind.text().as_bytes()))
    }
}

/// The status and a problem document (RFC 9457) of type `about:blank`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemJson;

impl Respond for ProblemJson {
    fn respond(&self, rejection: &Rejection) -> Response<Bytes> {
        let kind = rejection.kind();
        let status = kind.status();
        // Both texts are ours and need no escaping.
        let document = format!(
            r#"{{"type":"about:blank","title":"{}","status":{},"detail":"{}"}}"#,
            status.canonical_reason().unwrap_or("Error"),
            status.as_u16(),
            kind.text(),
        );
        respond(kind, "application/problem+json", document.into())
    }
}

/// The status alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyBody;

impl Respond for EmptyBody {
    fn respond(&self, rejection: &Rejection) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = rejection.kind().status();
        response
    }
}

fn respond(kind: RejectionKind, content_type: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = kind.status();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// How a layer answers who is refused.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) wording: Arc<dyn Respond>,
    /// Whether there is no gRPC service behind the layer.
    pub(crate) no_grpc: bool,
}

impl Answers {
    /// What a request is answered in, should it be refused.
    pub(crate) fn wire(&self, method: &Method, headers: &HeaderMap) -> Wire {
        if self.no_grpc { Wire::Http } else { Wire::of(method, headers) }
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self { wording: Arc::new(PlainText), no_grpc: false }
    }
}

/// What the caller speaks, and so what it understands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Http,
    /// With the content type to answer in.
    Grpc(&'static str),
}

impl Wire {
    /// By the request's method and content type (gRPC over HTTP/2, "Requests"). They shape the answer, and
    /// never the decision. Every gRPC call is a `POST`; a proxy that asks by `GET` whether it may let a
    /// request through must see the HTTP status, whatever content type it copies.
    fn of(method: &Method, headers: &HeaderMap) -> Self {
        /// What may be asked for, and what is answered.
        const TYPES: [(&str, &str); 3] = [
            ("application/grpc", "application/grpc"),
            ("application/grpc-web", "application/grpc-web+proto"),
            ("application/grpc-web-text", "application/grpc-web-text+proto"),
        ];
        if method != Method::POST {
            return Self::Http;
        }
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|text| text.split(['+', ';']).next()).map(str::trim_end);
        let known = |essence: &str| TYPES.iter().find(|(asked, _)| asked.eq_ignore_ascii_case(essence));
        essence.and_then(known).map_or(Self::Http, |(_, answer)| Self::Grpc(answer))
    }
}

/// The whole refusal: worded, and with all that every refusal carries.
pub(crate) fn refuse(rejection: Rejection, wire: Wire, wording: &dyn Respond) -> Response<Bytes> {
    let mut response = match wire {
        Wire::Http => wording.respond(&rejection),
        Wire::Grpc(content_type) => trailers_only(rejection.kind(), content_type),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for challenge in rejection.challenges() {
        headers.append(header::WWW_AUTHENTICATE, challenge.clone());
    }
    if let Some(wait) = rejection.retry_after() {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(rejection);
    response
}

/// A gRPC response without a message: HTTP 200, the status in the headers ("Trailers-Only").
fn trailers_only(kind: RejectionKind, content_type: &'static str) -> Response<Bytes> {
    const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
    const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(GRPC_STATUS, HeaderValue::from(u16::from(kind.grpc_code())));
    // Percent-encoding would leave each of the table's texts as it is.
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(kind.text()));
    response
}
