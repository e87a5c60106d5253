//! `/auth/token`: tokens are made, refreshed and revoked.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use portcullis::{Principal, Scope, ScopeSet, jwt::Claims};
use serde::Deserialize;

use super::{
    Sms,
    answer::{Body, Id, Refusal},
    issue::{Issuers, Pair, REFRESH, RefreshClaims},
    logs,
    reuse::revoke_family_of,
};
use crate::admin::now;

/// With more and longer ones, a token could be longer than is accepted.
const MOST_SCOPES: usize = 64;
const LONGEST_SCOPE: usize = 64;

#[derive(Deserialize)]
pub struct TokenRequest {
    /// In seconds. None, and zero, are the default.
    ttl: Option<u64>,
    scopes: Option<Vec<String>>,
}

impl TokenRequest {
    fn scopes(&self) -> Result<ScopeSet, Refusal> {
        let invalid = |what: String| Refusal::bad_request(format!("failed to validate: {what}"));
        let scopes = self.scopes.as_deref().unwrap_or_default();
        if scopes.is_empty() || scopes.len() > MOST_SCOPES {
            return Err(invalid(format!("scopes: 1 to {MOST_SCOPES} are needed")));
        }
        scopes
            .iter()
            .map(|scope| match Scope::new(scope.as_str()) {
                Ok(scope) if scope == REFRESH => {
                    Err(invalid(format!("scopes: {REFRESH} is for refresh tokens only")))
                }
                Ok(scope) if scope.as_str().len() <= LONGEST_SCOPE => Ok(scope),
                _ => Err(invalid(format!("scopes: not a scope: {scope:?}"))),
            })
            .collect()
    }
}

pub async fn create(
    State(sms): State<Sms>,
    caller: Principal,
    Body(request): Body<TokenRequest>,
) -> Result<Pair, Refusal> {
    let scopes = request.scopes()?;
    let lifetime = request.ttl.filter(|ttl| *ttl > 0).map(Duration::from_secs);
    let held = caller.scopes().clone();
    let pair = issuers(&sms)?
        .issue(&caller, held.clone(), &scopes, lifetime)
        .map_err(|_| not_held(&scopes, &held))?;
    let user = caller.subject();
    let mut change = sms.database.pool().begin().await?;
    pair.save(&mut change, user, None).await?;
    logs::write(&mut change, user, "auth", &format!("token {} created", pair.id())).await?;
    change.commit().await?;
    Ok(pair)
}

/// Trades a refresh token, once, for a new pair. The access token that came with it stays good until it
/// expires.
pub async fn refresh(State(sms): State<Sms>, caller: Principal) -> Result<Pair, Refusal> {
    let issuers = issuers(&sms)?;
    let id = caller.credential_id().ok_or_else(Refusal::unauthorized)?;
    let claims = caller.extra::<Claims>().ok_or_else(Refusal::unauthorized)?;
    let claims: RefreshClaims = claims.custom().map_err(|_| Refusal::unauthorized())?;
    let user = caller.subject();

    let mut change = sms.database.pool().begin().await?;
    let family: Option<(String,)> = sqlx::query_as(
        "UPDATE jwts SET revoked = ? WHERE id = ? AND parent IS NOT NULL AND revoked IS NULL \
         RETURNING family",
    )
    .bind(now())
    .bind(id)
    .fetch_optional(&mut *change)
    .await?;
    let Some((family,)) = family else {
        // Somebody was faster.
        change.rollback().await?;
        revoke_family_of(&sms.database, id).await?;
        return Err(Refusal::unauthorized());
    };
    // What the user does not hold any more is not given again.
    let (held,): (String,) = sqlx::query_as("SELECT scopes FROM users WHERE id = ? AND NOT disabled")
        .bind(user)
        .fetch_one(&mut *change)
        .await?;
    let held = ScopeSet::parse(&held)?;
    let scopes: ScopeSet =
        claims.original_scopes.into_iter().map(Scope::new).collect::<Result<_, _>>()?;
    let pair =
        issuers.issue(&caller, held.clone(), &scopes, None).map_err(|_| not_held(&scopes, &held))?;
    pair.save(&mut change, user, Some(&family)).await?;
    logs::write(&mut change, user, "auth", &format!("token {} refreshed", pair.id())).await?;
    change.commit().await?;
    Ok(pair)
}

/// Revokes one's own token, and the refresh token that came with it. The answer does not tell whether
/// there was one.
pub async fn revoke(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    issuers(&sms)?;
    let user = caller.subject();
    let mut change = sms.database.pool().begin().await?;
    let revoked = sqlx::query(
        "UPDATE jwts SET revoked = ?1 WHERE (id = ?2 OR parent = ?2) AND user_id = ?3 \
         AND revoked IS NULL",
    )
    .bind(now())
    .bind(&id)
    .bind(user)
    .execute(&mut *change)
    .await?;
    if revoked.rows_affected() > 0 {
        logs::write(&mut change, user, "auth", &format!("token {id} revoked")).await?;
    }
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn not_held(scopes: &ScopeSet, held: &ScopeSet) -> Refusal {
    let missing: Vec<&str> =
        scopes.iter().filter(|scope| held.iter().all(|held| held != *scope)).collect();
    let message = format!("scope not held, and so not given on: {}", missing.join(" "));
    Refusal::new(StatusCode::FORBIDDEN, message)
}

fn issuers(sms: &Sms) -> Result<&Issuers, Refusal> {
    sms.issuers.as_ref().ok_or_else(|| {
        let message = "token service disabled, contact your administrator";
        Refusal::new(StatusCode::NOT_IMPLEMENTED, message)
    })
}
