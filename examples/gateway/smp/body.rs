use axum::{
    extract::{FromRequest, Request},
    http::{StatusCode, header},
};
use bytes::Bytes;
use portcullis::{Rejection, RejectionKind};
use tokio::time;

use crate::web::BodyTimeout;

/// The document that a request carries. Nothing is read of what is declared to be something else.
pub async fn xml(request: Request) -> Result<Bytes, Rejection> {
    if !is_xml(&request) {
        return Err(Rejection::new(RejectionKind::UnsupportedMediaType, "smp.content_type"));
    }
    let body = time::timeout(BodyTimeout::of(&request), Bytes::from_request(request, &())).await;
    let body = body.map_err(|_| Rejection::new(RejectionKind::RequestTimeout, "smp.body.slow"))?;
    body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Rejection::new(RejectionKind::PayloadTooLarge, "smp.body.long")
        }
        _ => Rejection::new(RejectionKind::BadRequest, "smp.body.broken"),
    })
}

/// By the media type alone: its parameters do not matter, and the document is UTF-8 whatever they say.
fn is_xml(request: &Request) -> bool {
    let sent = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    sent.is_some_and(|sent| {
        let media_type = sent.split(';').next().unwrap_or_default().trim();
        ["application/xml", "text/xml"].iter().any(|xml| media_type.eq_ignore_ascii_case(xml))
    })
}
