//! Which stores take writes. While one does not, reading may go on, but no token is given and no signed request
//! accepted.

use std::{error::Error as _, time::Duration};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use portcullis::StoreError;
use tokio::time::timeout;

use crate::Gateway;

/// How long a store is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// A store, and whether it is ready.
pub type Check = (&'static str, bool);

/// All at once, so that the answer takes no longer than the slowest of them.
pub async fn checks(Gateway { database, redis, .. }: &Gateway) -> Vec<Check> {
    let database = check("database", database.store().check_ready());
    match redis {
        None => vec![database.await],
        Some(redis) => {
            let (database, redis) = tokio::join!(database, check("redis", redis.check_ready()));
            vec![database, redis]
        }
    }
}

async fn check(store: &'static str, asked: impl Future<Output = Result<(), StoreError>>) -> Check {
    let answer = timeout(PATIENCE, asked).await.unwrap_or_else(|late| Err(StoreError::new(late)));
    if let Err(error) = &answer {
        tracing::warn!(store, error = %error.source().unwrap_or(error), "not ready");
    }
    (store, answer.is_ok())
}

/// What is down is named, and no more: anybody may ask.
pub async fn ready(State(gateway): State<Gateway>) -> Response {
    let checks = checks(&gateway).await;
    let down: Vec<_> = checks.iter().filter(|(_, ready)| !ready).map(|(store, _)| *store).collect();
    if down.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let text = format!("not ready: {}\n", down.join(", "));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], text).into_response()
}
