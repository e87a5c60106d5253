//! How long an answer may take. `Sql` bounds what it does itself; a statement of a handler has the database's own
//! limit, of which nobody hears when the network swallows it.

use std::time::Duration;

use axum::{
    body::HttpBody,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use portcullis::{Rejection, StoreError};
use tokio::time;

use crate::web::BodyTimeout;

const LIMIT: Duration = Duration::from_secs(10);

/// A 503 if there is no answer in time. A body has its own time on top.
pub async fn answered(request: Request, next: Next) -> Response {
    let body = if request.body().is_end_stream() { Duration::ZERO } else { BodyTimeout::of(&request) };
    let answer = time::timeout(body + LIMIT, next.run(request)).await;
    answer.unwrap_or_else(|late| {
        Rejection::unavailable("gateway.late", StoreError::new(late)).into_response()
    })
}
