//! phoss SMP: who takes part in the network, which documents they take, and where to send them. Reading is
//! open; writing is for the owner of a service group.

mod answer;
mod body;
mod cards;
mod document;
mod groups;
mod id;
mod services;
mod status;
mod wording;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{Method, StatusCode},
    middleware::{Next, from_fn, map_response_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use portcullis::{
    AuthenticateLayer, OwnershipLayer,
    basic::BasicAuth,
    ownership::{Ownership, ResourcePath},
    user_token::UserTokenAuth,
};

use crate::{Error, Gateway};

const GROUP: &str = "/{group}";
const SERVICE: &str = "/{group}/services/{document}";
const CARD: &str = "/businesscard/{group}";
const PUSH: &str = "/businesscard/{group}/push";

const REALM: &str = "SMP";

/// How many bytes of XML are read.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    let database = &gateway.database;
    let wording = wording::Wording { details: gateway.settings.error_details };

    let tokens = UserTokenAuth::new(REALM, database.clone())?;
    let passwords = BasicAuth::new(REALM, database.clone())?;
    let authenticate = AuthenticateLayer::new(tokens).or(passwords).optional().respond_with(wording);

    // This kind is also in the statements about owners.
    let group_in = |path| {
        Ok::<_, Error>(ResourcePath::new("group", path, "group")?.normalized_by(id::participant))
    };
    let paths = [
        group_in(GROUP)?.created_by(Method::PUT),
        group_in(SERVICE)?,
        group_in(CARD)?,
        group_in(PUSH)?,
    ];
    let own = OwnershipLayer::new(Ownership::new(database.clone(), paths)?).respond_with(wording);

    let owned = Router::new()
        .route(GROUP, get(groups::read).put(groups::put).delete(groups::delete))
        .route(SERVICE, get(services::read).put(services::put).delete(services::delete))
        .route(CARD, get(cards::read).put(cards::put).delete(cards::delete))
        .route(PUSH, post(cards::push))
        .route_layer(map_response_with_state(wording, wording::word))
        .route_layer(DefaultBodyLimit::max(LONGEST_DOCUMENT))
        .route_layer(own)
        .route_layer(from_fn(to_its_end))
        .route_layer(authenticate);
    let open = Router::new()
        .route("/ping", get(status::ping))
        .route("/ping/", get(status::ping))
        .route("/smp-status", get(status::status))
        .route("/smp-status/", get(status::status));
    Ok(owned.merge(open).with_state(gateway.clone()))
}

/// What has been let in goes on when its caller hangs up, so that no claim stays behind without a group.
async fn to_its_end(request: Request, next: Next) -> Response {
    let response = tokio::spawn(next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
