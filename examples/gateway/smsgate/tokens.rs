//! `/auth/token`: tokens are made, refreshed and revoked.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use portcullis::{Principal, Scheme, Scope, ScopeSet, jwt::Claims};
use serde::Deserialize;
use sqlx::AnyConnection;

use super::{
    Sms,
    answer::{Body, Id, Refusal},
    issue::{Pair, REFRESH, RefreshClaims},
    logs,
    password::mark,
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
    let pair = sms
        .issuers
        .issue(&caller, held.clone(), &scopes, lifetime)
        .map_err(|_| not_held(&scopes, &held))?;
    let user = caller.subject();
    let mut change = sms.database.change(user).await?;
    let family = check_again(&mut change, &caller).await?;
    pair.save(&mut change, user, family.as_deref()).await?;
    logs::write(&mut change, user, "auth", &format!("token {} created", pair.id())).await?;
    change.commit().await?;
    Ok(pair)
}

/// Trades a refresh token, once, for a new pair. The access token that came with it stays good until it
/// expires.
pub async fn refresh(State(sms): State<Sms>, caller: Principal) -> Result<Pair, Refusal> {
    let id = caller.credential_id().ok_or_else(Refusal::unauthorized)?;
    let claims = caller.extra::<Claims>().ok_or_else(Refusal::unauthorized)?;
    let claims: RefreshClaims = claims.custom().map_err(|_| Refusal::unauthorized())?;
    let user = caller.subject();

    let mut change = sms.database.change(user).await?;
    let family: Option<(String,)> = sqlx::query_as(
        "UPDATE jwts SET revoked = $1 WHERE id = $2 AND parent IS NOT NULL AND revoked IS NULL \
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
    let held: Option<(String,)> = sqlx::query_as(
        "SELECT scopes FROM portcullis_users \
         WHERE issuer = 'local' AND subject = $1 AND disabled = 0",
    )
    .bind(user)
    .fetch_optional(&mut *change)
    .await?;
    let (held,) = held.ok_or_else(Refusal::unauthorized)?;
    let held = ScopeSet::parse(&held)?;
    let scopes: ScopeSet =
        claims.original_scopes.into_iter().map(Scope::new).collect::<Result<_, _>>()?;
    let pair = sms
        .issuers
        .issue(&caller, held.clone(), &scopes, None)
        .map_err(|_| not_held(&scopes, &held))?;
    pair.save(&mut change, user, Some(&family)).await?;
    logs::write(&mut change, user, "auth", &format!("token {} refreshed", pair.id())).await?;
    change.commit().await?;
    Ok(pair)
}

/// Revokes one's own token and its whole family: the refresh token that came with it, and all that was
/// got with either. The answer does not tell whether there was one.
pub async fn revoke(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let user = caller.subject();
    let mut change = sms.database.change(user).await?;
    // By its refresh token or its family, too: the row of an access token goes when it expires.
    let revoked = sqlx::query(
        "UPDATE jwts SET revoked = $1 WHERE user_id = $3 AND revoked IS NULL AND family IN \
         (SELECT family FROM jwts WHERE user_id = $3 AND (id = $2 OR parent = $2 OR family = $2))",
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

pub async fn switched_off() -> Refusal {
    let message = "token service disabled, contact your administrator";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, message)
}

/// Whether the caller's credential is good still, now that the body is here: between the head and the
/// body it may have been revoked or replaced. The family of the caller's token, if it is one.
async fn check_again(
    change: &mut AnyConnection,
    caller: &Principal,
) -> Result<Option<String>, Refusal> {
    let (user, credential) = (caller.subject(), caller.credential_id());
    if caller.scheme() == Scheme::BASIC {
        let row: Option<(String,)> = sqlx::query_as(
            "SELECT password FROM portcullis_users \
             WHERE issuer = 'local' AND subject = $1 AND disabled = 0",
        )
        .bind(user)
        .fetch_optional(change)
        .await?;
        let is_same = row.is_some_and(|(hash,)| credential == Some(mark(&hash)));
        return if is_same { Ok(None) } else { Err(Refusal::unauthorized()) };
    }
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT j.family FROM jwts j JOIN portcullis_users u ON u.issuer = 'local' AND u.subject = j.user_id \
         WHERE j.id = $1 AND j.user_id = $2 AND j.revoked IS NULL AND j.expires > $3 AND u.disabled = 0",
    )
    .bind(credential)
    .bind(user)
    .bind(now())
    .fetch_optional(change)
    .await?;
    Ok(Some(row.ok_or_else(Refusal::unauthorized)?.0))
}
