//! SMSGate (the server of «SMS Gateway for Android»), at `/3rdparty/v1`: HTTP Basic or scoped JWTs, and
//! one scope for each endpoint.
//!
//! Scopes are bound to routes, never to paths as text: however a path is spelled, the route that it
//! reaches is the one that asks.
//!
//! The real server also takes forms (`application/x-www-form-urlencoded`). This one takes JSON alone: of what is
//! sent, scopes and phone numbers are lists, and the texts of messages are nested, neither of which axum's `Form`
//! reads; and of its clients, none sends a form.

mod answer;
mod auth;
mod bearer;
mod devices;
mod health;
mod id;
mod inbox;
mod issue;
mod logs;
mod message;
mod messages;
mod scopes;
mod settings;
mod tokens;
mod webhooks;

use axum::{
    Router,
    routing::{delete, get, patch, post, put},
};

use portcullis::jwt::refresh::Refresher;

pub use self::scopes::is_own;
use self::{
    answer::not_found,
    auth::{Schemes, exactly, needs},
    issue::refresher,
};
use crate::{Error, Gateway, database::Database};

/// What the handlers share.
#[derive(Clone)]
struct Sms {
    database: Database,
    refresher: Refresher,
    schemes: Schemes,
    /// Whether new tokens are answered in camel case, too.
    camel_case: bool,
}

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    let (database, secret) = (gateway.database.clone(), gateway.vault.jwt_secret());
    let refresher = refresher(&database, &secret)?;
    let schemes = Schemes::new(gateway, refresher.clone())?;
    let layer = gateway.over_https(schemes.layer());
    let sms = Sms { database, refresher, schemes, camel_case: gateway.settings.camel_case };
    let tokens = if gateway.settings.tokens { token_routes() } else { no_token_routes() };
    let open = Router::new()
        .route("/health", get(health::ready))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/startup", get(health::ready))
        .method_not_allowed_fallback(not_found)
        .with_state(gateway.clone());
    // Around the fallback, too: to a stranger, a path that does not exist is a 401.
    let closed =
        routes().merge(tokens).fallback(not_found).method_not_allowed_fallback(not_found).layer(layer);
    Ok(closed.merge(open).with_state(sms))
}

/// One line for each endpoint: method, path, handler and scope.
fn routes() -> Router<Sms> {
    Router::new()
        .route("/messages", get(messages::list).route_layer(needs("messages:list")))
        .route("/messages", post(messages::send).route_layer(needs("messages:send")))
        .route("/messages/{id}", get(messages::read).route_layer(needs("messages:read")))
        .route("/messages/{id}", delete(messages::cancel).route_layer(needs("messages:cancel")))
        .route("/messages/inbox/export", post(inbox::export).route_layer(needs("messages:export")))
        .route("/inbox", get(inbox::list).route_layer(needs("inbox:list")))
        .route("/inbox/refresh", post(inbox::refresh).route_layer(needs("inbox:refresh")))
        .route(
            "/inbox/{id}/attachments/{part}",
            get(inbox::attachment).route_layer(needs("inbox:read")),
        )
        .route("/devices", get(devices::list).route_layer(needs("devices:list")))
        .route("/devices/{id}", delete(devices::remove).route_layer(needs("devices:delete")))
        .route("/webhooks", get(webhooks::list).route_layer(needs("webhooks:list")))
        .route("/webhooks", post(webhooks::register).route_layer(needs("webhooks:write")))
        .route("/webhooks/{id}", delete(webhooks::remove).route_layer(needs("webhooks:delete")))
        .route("/settings", get(settings::read).route_layer(needs("settings:read")))
        .route("/settings", patch(settings::update).route_layer(needs("settings:write")))
        .route("/settings", put(settings::replace).route_layer(needs("settings:write")))
        .route("/logs", get(logs::list).route_layer(needs("logs:read")))
        // Other names, which clients use.
        .route("/message", get(messages::list).route_layer(needs("messages:list")))
        .route("/message", post(messages::send).route_layer(needs("messages:send")))
        .route("/message/{id}", get(messages::read).route_layer(needs("messages:read")))
        .route("/message/{id}", delete(messages::cancel).route_layer(needs("messages:cancel")))
        .route("/inbox/export", post(inbox::export).route_layer(needs("messages:export")))
        .route("/device", get(devices::list).route_layer(needs("devices:list")))
        .route("/device/{id}", delete(devices::remove).route_layer(needs("devices:delete")))
}

fn token_routes() -> Router<Sms> {
    Router::new()
        .route("/auth/token", post(tokens::create).route_layer(needs("tokens:manage")))
        .route("/auth/token/{jti}", delete(tokens::revoke).route_layer(needs("tokens:manage")))
        .route("/auth/token/refresh", post(tokens::refresh).route_layer(exactly("tokens:refresh")))
}

/// The same, with tokens switched off: no scope is asked for, as nobody can hold that of a refresh.
fn no_token_routes() -> Router<Sms> {
    Router::new()
        .route("/auth/token", post(tokens::create_switched_off))
        .route("/auth/token/{jti}", delete(tokens::switched_off))
        .route("/auth/token/refresh", post(tokens::switched_off))
}
