//! phoss SMP: who takes part in the network, which documents they take, and where to send them. Reading is
//! open; writing is for the owner of a service group.
//!
//! The real program does otherwise than its page in some places. This server does what the page says; with
//! `--smp-preset phoss`, what the program does, but for what is unsafe:
//!
//! | situation | the page | phoss 8.2.0 | here | with the preset |
//! |---|---|---|---|---|
//! | no credentials | 401 | 403, its text | 401 and challenges | as phoss |
//! | a scheme that is not offered | 401 | 403 "malformed" | 401 | as phoss |
//! | malformed credentials | 401 | 403 "malformed" | 401 | as phoss |
//! | `basic`, `bearer` in lower case | | 403 "malformed" | taken (RFC 9110) | taken |
//! | `Authorization` twice | | the first counts | 401 | 403 "malformed" |
//! | Basic without a name | 401 | 500 | 401 | 403 |
//! | unknown user | 401 | 403, names the user | 401 | 403; names the user with `--error-details` |
//! | wrong password | 401 | 403 | 401 | as phoss |
//! | disabled user | 401 | 403, says so | 401 | 403; says so with `--error-details` |
//! | disabled user's token | 401 | 403, says so | 401 | 403; says so with `--error-details` |
//! | locked or expired user | | has none | 401 | 403, as a disabled one |
//! | unknown or revoked token | 401 | 403, says so | 401 | 403; says so with `--error-details` |
//! | somebody else's group: PUT | 403 | **200, and takes it over** | 403 | **403** |
//! | somebody else's group: all else | 403 | 403, names user and group | 403 | as phoss |
//! | an administrator | | 403 as all | with `smp:admin`, may; it is logged | the same |
//! | no such group, service, card | | 404, names it | 404 | as phoss |
//! | a push without a card | | 400, names the group | 404 | as phoss |
//! | no id in the path: reading | | 400, names it | 404 | as phoss |
//! | no id in the path: writing | | 400, names it | 400 | as phoss |
//! | a document of another group, or of none | | 400, names both | 400 | as phoss |
//! | bad document and bad credentials | | 400, 415: the document first | 401 | 403: credentials first |
//! | a card for no group, and bad credentials | | 404 | 401 | 403: credentials first |
//! | success | | 200, empty | 200, empty | 200, empty |
//!
//! What is otherwise with the preset, too:
//!
//! * Documents are not validated against a schema, which is a 500 there: what is well-formed and has the right root and
//!   ids is stored. Of what is not, the text says less. They are served as they came, and not written and signed anew.
//! * A redirect is taken whatever it names; there, as well. It may not stand beside a service.
//! * No certificate, no SML and no directory is behind it: `create-in-sml`, `delete-in-sml` and a push change nothing
//!   elsewhere, and nothing is switched off (412).
//! * Ids are those of `peppol` alone (`smp.identifiertype`).
//! * What is not on the page is a 404: `/list`, `/complete`, `/servicegroupids`, custom properties, `/exchange`, and
//!   the migration of a participant (`/migration/…`), which is a talk with the SML: without one, to answer that a
//!   participant has moved here would make its caller believe that the network knows.
//! * Texts without details are those of `errordetails=false`; there, `true` is the default.
//!
//! A user token may write what its user owns; it needs no scope for that, and none takes it away. `smp:admin`
//! is asked of the credentials themselves: of a password, the user has it; a token of the same user without it
//! is no administrator's.

mod answer;
mod body;
mod cards;
mod document;
mod groups;
mod id;
mod owner;
mod phoss;
mod services;
mod status;
mod strict;
mod wording;
mod write;

pub use self::{
    answer::{method_not_allowed, not_found},
    owner::transfer,
};

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{Method, StatusCode},
    middleware::{Next, from_fn_with_state, map_response_with_state},
    response::{IntoResponse, Response},
    routing::{MethodRouter, delete, get, post, put},
};
use portcullis::{
    AuthenticateLayer, OwnershipLayer, Scope,
    ownership::{Ownership, ResourcePath},
    user_token::{LastUsed, UserTokenAuth},
};

use crate::{Error, Gateway, args::SmpPreset, limit};

const GROUP: &str = "/{group}";
const SERVICE: &str = "/{group}/services/{document}";
const CARD: &str = "/businesscard/{group}";
const PUSH: &str = "/businesscard/{group}/push";

const REALM: &str = "SMP";

/// Who holds this writes what others own.
const ADMIN: Scope = Scope::from_static("smp:admin");
/// How exact the time is at which a user token was last used.
const LAST_USED: Duration = Duration::from_secs(60);

/// How many bytes of XML are read.
const LONGEST_DOCUMENT: usize = 1024 * 1024;

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    let store = gateway.database.store();
    let wording = wording::Wording { details: gateway.settings.error_details };
    let worded = |methods: MethodRouter<Gateway>| match gateway.settings.smp_preset {
        SmpPreset::Page => methods.route_layer(map_response_with_state(wording, wording::word)),
        SmpPreset::Phoss => methods.route_layer(from_fn_with_state(gateway.clone(), phoss::word)),
    };

    let last_used = LastUsed::new(store.clone(), LAST_USED);
    let tokens = UserTokenAuth::new(REALM, store.clone())?.last_used(last_used);
    let passwords = gateway.passwords(REALM, store.clone())?;
    let authenticate = AuthenticateLayer::new(tokens).or(passwords).no_grpc();
    let authenticate = gateway.over_https(authenticate);

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
    let own = Ownership::of_routes(store.clone(), paths)?.override_scope(ADMIN);
    let own = OwnershipLayer::new(own).no_grpc();

    // Who reads is not asked who they are, and whatever credentials they send are not looked at.
    let owned = |methods: MethodRouter<Gateway>| methods.route_layer(own.clone());
    let write = |methods: MethodRouter<Gateway>| {
        // Inside of the authenticating layer, it is known who asks.
        let methods = worded(methods)
            .route_layer(DefaultBodyLimit::max(LONGEST_DOCUMENT))
            .route_layer(from_fn_with_state(gateway.clone(), to_its_end))
            .route_layer(authenticate.clone());
        worded(methods)
    };
    let check = from_fn_with_state(gateway.clone(), groups::check);
    let group = owned(put(groups::put)).route_layer(check).merge(owned(delete(groups::delete)));
    let service = owned(put(services::put).delete(services::delete));
    let card = owned(put(cards::put).delete(cards::delete));
    let router = Router::new()
        .route(GROUP, worded(get(groups::read)).merge(write(group)))
        .route(SERVICE, worded(get(services::read)).merge(write(service)))
        .route(CARD, worded(get(cards::read)).merge(write(card)))
        .route(PUSH, write(owned(post(cards::push))))
        .route("/ping", get(status::ping))
        .route("/ping/", get(status::ping))
        .route("/smp-status", get(status::status))
        .route("/smp-status/", get(status::status))
        .with_state(gateway.clone());
    Ok(router)
}

/// What has been let in goes on when its caller hangs up, so that no claim stays behind without a group.
async fn to_its_end(gateway: State<Gateway>, request: Request, next: Next) -> Response {
    let response = tokio::spawn(limit::answered(gateway, request, next)).await;
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
