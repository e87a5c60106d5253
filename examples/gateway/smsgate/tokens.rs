//! `/auth/token`: tokens are made, refreshed and revoked.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use portcullis::{
    Principal, Scheme, Scope, ScopeSet,
    jwt::{
        Grant, IssueErrorKind, RevocationStore, TokenFacts,
        refresh::{RefreshError, RefreshErrorKind, RefreshToken, Refresher},
    },
};
use serde::Deserialize;

use super::{
    Sms,
    answer::{Body, Id, Refusal},
    auth::refuse_first_missing,
    issue::Created,
    logs,
};
use crate::{
    accounts::{let_in, let_in_after_changes},
    database::Database,
};

/// With more and longer ones, a token could be longer than is accepted.
const MOST_SCOPES: usize = 64;
const LONGEST_SCOPE: usize = 64;

/// Why a credential is refused that the layer has let through: it was revoked, replaced or used in the meantime.
const ENDED: &str = "smsgate.credential_ended";

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
                Ok(scope) if scope == Refresher::SCOPE => {
                    Err(invalid(format!("scopes: {scope} is for refresh tokens only")))
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
) -> Result<Created, Refusal> {
    let scopes = request.scopes()?;
    let user = caller.subject();
    let mut grant = Grant::to(&caller, scopes.clone()).claim("user_id", user);
    if let Some(ttl) = request.ttl.filter(|ttl| *ttl > 0) {
        grant = grant.lifetime(Duration::from_secs(ttl));
    }
    let pair = sms.refresher.issue(grant).await;
    let pair = pair.map_err(|error| sms.refusal(error, &scopes, &caller))?;
    // Only now: what ends the credential from here on ends the pair, too.
    if !is_good_still(&sms.database, &caller).await? {
        revoke_family(&sms, &caller, pair.access().id()).await?;
        return Err(sms.schemes.refuse(&caller, ENDED));
    }
    logs::note(&sms.database, user, "auth", &format!("token {} created", pair.access().id())).await;
    Ok(Created { pair, camel_case: sms.camel_case })
}

/// Trades a refresh token, once, for a new pair. The access token that came with it stays good until it
/// expires.
pub async fn refresh(State(sms): State<Sms>, caller: Principal) -> Result<Created, Refusal> {
    let another = || sms.schemes.refuse(&caller, "smsgate.no_refresh_token");
    let token: &RefreshToken = caller.extra().ok_or_else(another)?;
    let user = caller.subject();
    // What the user does not hold any more is not given again.
    let account =
        let_in(&sms.database, user).await?.ok_or_else(|| sms.schemes.refuse(&caller, ENDED))?.account;
    let holder = Principal::builder(caller.identity().clone(), caller.scheme());
    let holder = holder.scopes(account.scopes).build();
    let grant = Grant::to(&holder, token.scopes().clone()).claim("user_id", user);
    let pair = sms.refresher.refresh(token, grant).await;
    let pair = pair.map_err(|error| sms.refusal(error, token.scopes(), &holder))?;
    logs::note(&sms.database, user, "auth", &format!("token {} refreshed", pair.access().id())).await;
    Ok(Created { pair, camel_case: sms.camel_case })
}

/// Revokes one's own token and its whole family: the refresh token that came with it, all that was got with
/// that, and the tokens that were made with any of them; not the one that it was made with. The answer does not
/// tell whether there was one.
pub async fn revoke(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    if revoke_family(&sms, &caller, &id).await? {
        logs::note(&sms.database, caller.subject(), "auth", &format!("token {id} revoked")).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke_family(sms: &Sms, caller: &Principal, id: &str) -> Result<bool, Refusal> {
    Ok(sms.refresher.revoke(caller.identity(), id).await?)
}

impl Sms {
    fn refusal(&self, error: RefreshError, scopes: &ScopeSet, holder: &Principal) -> Refusal {
        match error.kind() {
            RefreshErrorKind::NotGranted(IssueErrorKind::ScopeNotHeld) => {
                refuse_first_missing(scopes, holder).unwrap_or_else(|| error.into())
            }
            RefreshErrorKind::TooDeep => {
                let message = "this token has too many above it to make another";
                Refusal::new(StatusCode::FORBIDDEN, message)
            }
            RefreshErrorKind::Refused => self.schemes.refuse(holder, ENDED),
            _ => error.into(),
        }
    }
}

/// What is wrong with the body is told first.
pub async fn create_switched_off(Body(request): Body<TokenRequest>) -> Refusal {
    match request.scopes() {
        Ok(_) => switched_off().await,
        Err(refusal) => refusal,
    }
}

pub async fn switched_off() -> Refusal {
    let message = "token service disabled, contact your administrator";
    Refusal::new(StatusCode::NOT_IMPLEMENTED, message)
}

/// Whether the caller's credential is good still, now that the body is here: between the head and the
/// body it may have been revoked or replaced.
async fn is_good_still(database: &Database, caller: &Principal) -> Result<bool, Refusal> {
    let (user, credential) = (caller.subject(), caller.credential_id());
    if caller.scheme() == Scheme::BASIC {
        let user = let_in_after_changes(database, user).await?;
        return Ok(user.is_some_and(|user| credential == Some(&*user.mark)));
    }
    let Some(id) = credential else {
        return Ok(false);
    };
    let token = TokenFacts { issuer: caller.issuer(), subject: user, id, issued: None };
    Ok(!database.store().is_revoked(token).await?)
}
