use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use portcullis::{Rejection, RejectionKind, StoreError};

/// A stored document, as it came.
pub fn xml(document: Option<Vec<u8>>) -> Result<Response, Rejection> {
    let document = document.ok_or_else(missing)?;
    let headers = [
        (header::CONTENT_TYPE, "text/xml; charset=UTF-8"),
        (header::CACHE_CONTROL, "no-store"),
        // Somebody wrote this document: a browser shows it, and runs nothing in it.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, document).into_response())
}

/// There is nothing by this id.
pub fn missing() -> Rejection {
    Rejection::new(RejectionKind::NotFound, "smp.missing")
}

/// Success if a row was changed.
pub fn changed(rows: u64) -> Result<(), Rejection> {
    if rows == 0 { Err(missing()) } else { Ok(()) }
}

/// The database cannot answer.
pub fn unavailable(error: sqlx::Error) -> Rejection {
    Rejection::unavailable("smp.database", StoreError::new(error))
}
