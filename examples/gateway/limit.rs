//! How long an answer may take. `Sql` bounds what it does itself; a statement of a handler has the database's own
//! limit, of which nobody hears when the network swallows it.

use std::time::Duration;

use axum::{
    body::HttpBody,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use portcullis::{Rejection, StoreError};
use tokio::time;

use crate::{Gateway, Settings};

/// A 503 if there is no answer in time. A body has its own time on top.
pub async fn answered(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let Settings { body_timeout, answer_timeout, .. } = *gateway.settings;
    let body = if request.body().is_end_stream() { Duration::ZERO } else { body_timeout };
    let answer = time::timeout(body + answer_timeout, next.run(request)).await;
    answer.unwrap_or_else(|late| {
        Rejection::unavailable("gateway.late", StoreError::new(late)).into_response()
    })
}
