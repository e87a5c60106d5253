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
mod strict;
mod wording;

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    http::{Method, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state, map_response_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use portcullis::{
    AuthenticateLayer, OwnershipLayer,
    ownership::{Ownership, ResourcePath},
    user_token::{LastUsed, UserTokenAuth},
};

use crate::{Error, Gateway};

const GROUP: &str = "/{group}";
const SERVICE: &str = "/{group}/services/{document}";
const CARD: &str = "/businesscard/{group}";
const PUSH: &str = "/businesscard/{group}/push";

const REALM: &str = "SMP";

/// How exact the time is at which a user token was last used.
const LAST_USED: Duration = Duration::from_secs(60);

/// How many bytes of XML are read.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    let store = gateway.database.store();
    let wording = wording::Wording { details: gateway.settings.error_details };

    let last_used = LastUsed::new(store.clone(), LAST_USED);
    let tokens = UserTokenAuth::new(REALM, store.clone())?.last_used(last_used);
    let passwords = gateway.passwords(REALM, store.clone())?;
    let authenticate = AuthenticateLayer::new(tokens).or(passwords).respond_with(wording);

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
    let own = OwnershipLayer::new(Ownership::new(store.clone(), paths)?).respond_with(wording);

    let worded = map_response_with_state(wording, wording::word);
    // Who reads is not asked who they are, and whatever credentials they send are not looked at.
    let read = |methods: MethodRouter<Gateway>| methods.route_layer(worded.clone());
    let owned = |methods: MethodRouter<Gateway>| methods.route_layer(own.clone());
    let write = |methods: MethodRouter<Gateway>| {
        methods
            .route_layer(worded.clone())
            .route_layer(DefaultBodyLimit::max(LONGEST_DOCUMENT))
            .route_layer(from_fn(to_its_end))
            .route_layer(authenticate.clone())
    };
    let check = from_fn_with_state(gateway.clone(), groups::check);
    let group = owned(put(groups::put)).route_layer(check).merge(owned(delete(groups::delete)));
    let service = owned(put(services::put).delete(services::delete));
    let card = owned(put(cards::put).delete(cards::delete));
    let router = Router::new()
        .route(GROUP, read(get(groups::read)).merge(write(group)))
        .route(SERVICE, read(get(services::read)).merge(write(service)))
        .route(CARD, read(get(cards::read)).merge(write(card)))
        .route(PUSH, write(owned(post(cards::push))))
        .route("/ping", get(status::ping))
        .route("/ping/", get(status::ping))
        .route("/smp-status", get(status::status))
        .route("/smp-status/", get(status::status))
        .with_state(gateway.clone());
    Ok(router)
}

/// What has been let in goes on when its caller hangs up, so that no claim stays behind without a group.
async fn to_its_end(request: Request, next: Next) -> Response {
    let response = tokio::spawn(next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
