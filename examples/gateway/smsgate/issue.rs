//! Pairs of an access token and a refresh token.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use portcullis::{
    Identity, Scope, Secret,
    jwt::{
        Algorithm, Issuer,
        refresh::{Pair, Refresher},
    },
};
use serde_json::json;

use super::auth::ISSUER;
use crate::{
    Error,
    admin::{rfc3339, unix_seconds},
    database::Database,
};

const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);
const LONGEST_ACCESS_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// What began with a password ends then, however often it is refreshed.
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub fn refresher(database: &Database, secret: &Secret) -> Result<Refresher, Error> {
    let issuer = Issuer::new(ISSUER, Algorithm::HS256, secret.clone())?
        .identities_of(Identity::LOCAL)
        .global_scope(Scope::ALL_ANY)
        .lifetime(ACCESS_LIFETIME, LONGEST_ACCESS_LIFETIME)?;
    Ok(Refresher::new(issuer, secret.clone(), database.store().clone())?
        .lifetime(REFRESH_LIFETIME, REFRESH_LIFETIME)?)
}

/// The answer with a pair.
pub struct Created {
    pub pair: Pair,
    /// Whether the documented names have their twins, which some clients read.
    pub camel_case: bool,
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let (access, refresh) = (self.pair.access(), self.pair.refresh());
        let expires = rfc3339(unix_seconds(access.expires()));
        let mut body = json!({"id": access.id()});
        for (name, twin, value) in [
            ("token_type", "tokenType", "Bearer"),
            ("access_token", "accessToken", access.token()),
            ("refresh_token", "refreshToken", refresh.token()),
            ("expires_at", "expiresAt", &expires),
        ] {
            body[name] = value.into();
            if self.camel_case {
                body[twin] = value.into();
            }
        }
        (StatusCode::CREATED, [("cache-control", "no-store")], Json(body)).into_response()
    }
}
