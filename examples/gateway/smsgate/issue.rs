//! Pairs of an access token and a refresh token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use portcullis::{
    Identity, Principal, Scope, ScopeSet, Secret,
    jwt::{Algorithm, Claims, Grant, IssueError, Issued, Issuer},
};
use serde::Deserialize;
use serde_json::json;
use sqlx::AnyConnection;

use super::auth::ISSUER;
use crate::{
    Error,
    admin::{now, rfc3339},
};

/// What a refresh token may do, and nothing else may.
pub const REFRESH: Scope = Scope::from_static("tokens:refresh");

const ACCESS_LIFETIME: Duration = Duration::from_secs(15 * 60);
const LONGEST_ACCESS_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// One for each kind of token.
#[derive(Clone)]
pub struct Issuers {
    access: Issuer,
    refresh: Issuer,
}

impl Issuers {
    pub fn new(secret: Secret) -> Result<Self, Error> {
        let issuer = Issuer::new(ISSUER, Algorithm::HS256, secret)?
            .identities_of(Identity::LOCAL)
            .global_scope(Scope::ALL_ANY);
        Ok(Self {
            access: issuer.clone().lifetime(ACCESS_LIFETIME, LONGEST_ACCESS_LIFETIME)?,
            refresh: issuer.lifetime(REFRESH_LIFETIME, REFRESH_LIFETIME)?,
        })
    }

    /// Issues scopes out of those that the caller holds. Neither token outlives the one by which the
    /// caller came: what began with a password ends 30 days later, however often it is refreshed.
    pub fn issue(
        &self,
        caller: &Principal,
        held: ScopeSet,
        scopes: &ScopeSet,
        lifetime: Option<Duration>,
    ) -> Result<Pair, IssueError> {
        let now = Duration::from_secs(now().unsigned_abs());
        let expires = caller.extra::<Claims>().and_then(Claims::expires);
        let left = expires.map_or(Duration::MAX, |expires| expires.saturating_sub(now));
        let principal = |scopes| {
            Principal::builder(caller.identity().clone(), caller.scheme()).scopes(scopes).build()
        };
        let (holder, refresher) = (principal(held), principal([REFRESH].into()));
        let user = caller.subject();
        let original: Vec<&str> = scopes.iter().collect();
        let refresh = Grant::to(&refresher, [REFRESH])
            .claim("user_id", user)
            .claim("original_scopes", original)
            .lifetime(left);
        let access = Grant::to(&holder, scopes.clone())
            .claim("user_id", user)
            .lifetime(lifetime.unwrap_or(ACCESS_LIFETIME).min(left));
        Ok(Pair { access: self.access.issue(access)?, refresh: self.refresh.issue(refresh)? })
    }
}

/// The claim that only a refresh token has.
#[derive(Deserialize)]
pub struct RefreshClaims {
    pub original_scopes: Vec<String>,
}

pub struct Pair {
    access: Issued,
    refresh: Issued,
}

impl Pair {
    /// The id of the access token.
    pub fn id(&self) -> &str {
        self.access.id()
    }

    /// Records the pair; without a row, a token is not accepted. The family is that of the token by
    /// which the caller came, if it was one.
    pub async fn save(
        &self,
        connection: &mut AnyConnection,
        user: &str,
        family: Option<&str>,
    ) -> sqlx::Result<()> {
        let (id, family) = (self.id(), family.unwrap_or(self.id()));
        for (token, parent) in [(&self.access, None), (&self.refresh, Some(id))] {
            sqlx::query(
                "INSERT INTO jwts (id, user_id, parent, family, expires) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(token.id())
            .bind(user)
            .bind(parent)
            .bind(family)
            .bind(seconds(token.expires()))
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}

/// With the documented names, and their twins that some clients read.
impl IntoResponse for Pair {
    fn into_response(self) -> Response {
        let Self { access, refresh } = self;
        let expires = rfc3339(seconds(access.expires()));
        let body = json!({
            "id": access.id(),
            "token_type": "Bearer",
            "access_token": access.token(),
            "refresh_token": refresh.token(),
            "expires_at": expires,
            "tokenType": "Bearer",
            "accessToken": access.token(),
            "refreshToken": refresh.token(),
            "expiresAt": expires,
        });
        (StatusCode::CREATED, [("cache-control", "no-store")], Json(body)).into_response()
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
