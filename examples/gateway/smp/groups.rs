//! Service groups: who writes a new one owns it.

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use portcullis::{
    Principal, Rejection, RejectionKind,
    ownership::{OwnershipStore, Resource},
};

use super::{
    ADMIN,
    answer::{self, missing, unavailable},
    body, document,
    id::Named,
    write::Write,
};
use crate::Gateway;

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM smp_groups WHERE id = $1")
        .bind(named.group()?)
        .fetch_optional(gateway.database.pool())
        .await
        .map_err(unavailable)?;
    let (group,) = row.ok_or_else(|| missing("smp.missing"))?;
    Ok(answer::xml(group))
}

/// A group that has arrived and is in order.
#[derive(Clone)]
pub struct Checked(Bytes);

/// Goes before the ownership layer, so that nobody claims a group by a document that never arrives. What
/// that layer is going to refuse is not read.
pub async fn check(
    State(gateway): State<Gateway>,
    principal: Principal,
    named: Named,
    request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    let Some(group) = named.group else {
        return Ok(next.run(request).await);
    };
    let owner = gateway.database.store().owner(&Resource::new("group", group.as_str())).await;
    let owner = owner.map_err(|error| Rejection::unavailable("smp.database", error))?;
    let may_write = owner.is_none_or(|owner| owner.identity() == principal.identity());
    if !may_write && !principal.scopes().contains(&ADMIN) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let body = body::xml(Request::from_parts(parts.clone(), body)).await?;
    document::check_group(body.clone(), group).await?;
    parts.extensions.insert(Checked(body));
    Ok(next.run(Request::from_parts(parts, Body::empty())).await)
}

pub async fn put(write: Write, checked: Option<Extension<Checked>>) -> Result<(), Rejection> {
    let stored = match checked {
        Some(Extension(Checked(body))) => store(&write, &body).await,
        // It was somebody else's a moment ago, so that nothing was read.
        None => Err(Rejection::new(RejectionKind::Forbidden, "smp.only_now_free")),
    };
    if stored.is_err()
        && write.is_new()
        && let Err(error) = write.give_back().await
    {
        tracing::error!("a claim could not be given back: {error}");
    }
    stored
}

async fn store(write: &Write, body: &[u8]) -> Result<(), Rejection> {
    let mut change = write.begin_again().await?;
    sqlx::query(
        "INSERT INTO smp_groups VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
    )
    .bind(write.group())
    .bind(body)
    .execute(&mut *change)
    .await
    .map_err(unavailable)?;
    change.commit().await.map_err(unavailable)
}

/// Services, card and owner go along with the group.
pub async fn delete(write: Write) -> Result<(), Rejection> {
    let mut change = write.begin().await?;
    let deleted = sqlx::query("DELETE FROM smp_groups WHERE id = $1")
        .bind(write.group())
        .execute(&mut *change)
        .await
        .map_err(unavailable)?;
    if deleted.rows_affected() == 0 {
        // It is claimed, and not there yet.
        return Err(missing("smp.missing"));
    }
    sqlx::query("DELETE FROM portcullis_owners WHERE kind = 'group' AND id = $1")
        .bind(write.group())
        .execute(&mut *change)
        .await
        .map_err(unavailable)?;
    change.commit().await.map_err(unavailable)
}
