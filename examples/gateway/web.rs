//! The whole router: the three systems, health, and the request log.

use std::time::Duration;

use axum::{
    Extension, Router,
    extract::Request,
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::{any_service, get},
};
use portcullis::{Clock, Rejection, SystemClock};

use crate::{Error, Gateway, health, s3p, smp, smsgate};

pub fn app(gateway: &Gateway) -> Result<Router, Error> {
    let checks = Router::new()
        .route("/health/live", get(StatusCode::NO_CONTENT))
        .route("/health/ready", get(health::ready))
        .with_state(gateway.clone());
    let smsgate = smsgate::router(gateway)?;
    let app = smp::router(gateway)?
        .merge(checks)
        // What `nest` leaves out: a stranger is told nothing there, either.
        .route("/3rdparty/v1/", any_service(smsgate.clone()))
        .route("/api/3rdparty/v1/", any_service(smsgate.clone()))
        .nest("/3rdparty/v1", smsgate.clone())
        .nest("/api/3rdparty/v1", smsgate)
        .nest("/s3p/v2", s3p::router(gateway)?);
    let timeout = BodyTimeout(gateway.settings.body_timeout);
    Ok(app.layer(Extension(timeout)).layer(middleware::from_fn(log)))
}

/// How long the body of a request may take to arrive; every request carries it.
#[derive(Clone, Copy)]
pub struct BodyTimeout(Duration);

impl BodyTimeout {
    /// Of this request.
    pub fn of(request: &Request) -> Duration {
        request.extensions().get().map_or(Duration::from_secs(30), |Self(timeout)| *timeout)
    }
}

/// One line for each request: no header, no query and no body is in it.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = SystemClock.now();
    let response = next.run(request).await;
    let took = SystemClock.now().duration_since(started).unwrap_or(Duration::ZERO);
    tracing::info!(
        %method,
        // Debug form: what a stranger sends cannot break the line.
        ?path,
        status = response.status().as_u16(),
        refused = response.extensions().get::<Rejection>().map(Rejection::reason),
        took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
