use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use bytes::Bytes;
use portcullis::{Rejection, RejectionKind};

/// What a refused caller reads: one sentence for each kind, and the reason's code if the operator wants
/// that.
#[derive(Clone, Copy)]
pub struct Wording {
    pub details: bool,
}

impl Wording {
    fn text(self, rejection: &Rejection) -> Bytes {
        let text = sentence(rejection.kind());
        if self.details {
            Bytes::from(format!("{text} ({})", rejection.reason()))
        } else {
            Bytes::from_static(text.as_bytes())
        }
    }
}

pub fn sentence(kind: RejectionKind) -> &'static str {
    match kind {
        RejectionKind::MissingCredentials => {
            "Missing required HTTP header 'Authorization' for user authentication"
        }
        RejectionKind::InvalidRequest | RejectionKind::MalformedCredentials => {
            "The HTTP header 'Authorization' is malformed"
        }
        RejectionKind::RefusedCredentials => "Username, password or token is invalid",
        RejectionKind::Forbidden => "The authenticated user does not own this service group",
        RejectionKind::NotFound => "Not found: it does not exist on this SMP",
        RejectionKind::BadRequest => {
            "Bad request: the identifiers in the path or the XML document cannot be accepted"
        }
        RejectionKind::UnsupportedMediaType => {
            "Unsupported media type: send XML as application/xml or text/xml"
        }
        RejectionKind::PayloadTooLarge => "Payload too large: a document has at most 1 MiB",
        other => other.text(),
    }
}

/// Words what the layers and the handlers refuse.
pub async fn word(State(wording): State<Wording>, mut response: Response) -> Response {
    let Some(rejection) = response.extensions().get::<Rejection>() else {
        return response;
    };
    let text = wording.text(rejection);
    if rejection.kind() == RejectionKind::InvalidRequest {
        // RFC 6750 says 400; the page knows credentials that are missing or invalid, and says 401.
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response.map(|_| Body::from(text))
}
