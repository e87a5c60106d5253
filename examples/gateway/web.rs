//! The whole router: the three systems, the page for people, health, and the request log.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{ConnectInfo, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{Redirect, Response},
    routing::{any_service, get},
};
use portcullis::{Rejection, SecureTransport};
use tokio::time::Instant;

use crate::{Error, Gateway, Settings, health, limit, s3p, secure, smp, smsgate};

pub fn app(gateway: &Gateway) -> Result<Router, Error> {
    let checks = Router::new()
        .route("/health/live", get(StatusCode::NO_CONTENT))
        .route("/health/ready", get(health::ready))
        .with_state(gateway.clone());
    let (smsgate, s3p) = (smsgate::router(gateway)?, s3p::router(gateway)?);
    let app = smp::router(gateway)?
        .merge(checks)
        .merge(secure::router(gateway)?)
        // A person who has the address alone.
        .route("/", get(Redirect::to("secure/")))
        .fallback(smp::not_found)
        .method_not_allowed_fallback(smp::method_not_allowed)
        // What `nest` leaves out: a stranger is told nothing there, either.
        .route("/3rdparty/v1/", any_service(smsgate.clone()))
        .route("/api/3rdparty/v1/", any_service(smsgate.clone()))
        .route("/s3p/v2/", any_service(s3p.clone()))
        .nest("/3rdparty/v1", smsgate.clone())
        .nest("/api/3rdparty/v1", smsgate)
        .nest("/s3p/v2", s3p);
    let timeout = BodyTimeout(gateway.settings.body_timeout);
    let app = app.layer(middleware::from_fn_with_state(gateway.clone(), limit::answered));
    let app = app.layer(Extension(timeout));
    let app = app.layer(middleware::from_fn(log));
    Ok(app.layer(middleware::from_fn_with_state(gateway.clone(), note_client)))
}

/// Who has sent a request: every request carries it, unless that may be a proxy of which nothing is known.
#[derive(Clone, Copy)]
pub struct Client(pub IpAddr);

/// Who guesses passwords is told from others by the address, and whether they came over https is noted.
async fn note_client(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let Settings { ends_tls, proxies, .. } = &*gateway.settings;
    let client = proxies.client(peer.ip(), request.headers());
    let is_secure = *ends_tls || proxies.say_https(peer.ip(), request.headers());
    if *ends_tls || !proxies.is_empty() {
        request.extensions_mut().insert(Client(client));
    }
    if is_secure {
        request.extensions_mut().insert(SecureTransport);
    }
    next.run(request).await
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
    // Finer than the layers' clock.
    let started = Instant::now();
    let response = next.run(request).await;
    let took = started.elapsed();
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
