use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use portcullis::{Rejection, RejectionKind, StoreError};

use super::wording::sentence;

/// A stored document, as it came.
pub fn xml(document: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/xml; charset=UTF-8"),
        (header::CACHE_CONTROL, "no-store"),
        // Somebody wrote this document: a browser shows it, and runs nothing in it.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, document).into_response()
}

/// No such path.
pub async fn not_found() -> impl IntoResponse {
    let text = sentence(RejectionKind::NotFound);
    (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], text)
}

/// A path that is there, but not by this method.
pub async fn method_not_allowed() -> impl IntoResponse {
    let text = "Method not allowed on this path";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CACHE_CONTROL, "no-store")], text)
}

/// There is no such group, service or card: the reason says which.
pub fn missing(what: &'static str) -> Rejection {
    Rejection::new(RejectionKind::NotFound, what)
}

/// The database cannot answer.
pub fn unavailable(error: sqlx::Error) -> Rejection {
    Rejection::unavailable("smp.database", StoreError::new(error))
}
