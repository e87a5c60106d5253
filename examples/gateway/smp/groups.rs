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
    Identity, Principal, Rejection, RejectionKind,
    ownership::{OwnedResource, OwnershipStore, Resource},
};

use super::{
    answer::{self, unavailable},
    body, document,
    id::Named,
};
use crate::{
    Gateway,
    database::{Database, random},
};

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let group = named.group.ok_or_else(answer::missing)?;
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM smp_groups WHERE id = $1")
        .bind(group)
        .fetch_optional(gateway.database.pool())
        .await
        .map_err(unavailable)?;
    answer::xml(row.map(|(body,)| body))
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
    if owner.is_some_and(|owner| owner.identity() != principal.identity()) {
        return Ok(next.run(request).await);
    }
    let (mut parts, body) = request.into_parts();
    let body = body::xml(Request::from_parts(parts.clone(), body)).await?;
    document::check_group(body.clone(), group).await?;
    parts.extensions.insert(Checked(body));
    Ok(next.run(Request::from_parts(parts, Body::empty())).await)
}

pub async fn put(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
    checked: Option<Extension<Checked>>,
) -> Result<(), Rejection> {
    let write = Write {
        database: gateway.database,
        group: owned.resource().id().to_owned(),
        owner: principal.identity().clone(),
    };
    let written = match checked {
        Some(Extension(Checked(body))) => write.replace(&body).await,
        // It was somebody else's a moment ago, so that nothing was read.
        None => Err(Rejection::new(RejectionKind::Forbidden, "smp.only_now_free")),
    };
    if written.is_err() && owned.is_new() {
        write.give_back().await;
    }
    written
}

pub async fn delete(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
) -> Result<(), Rejection> {
    let write = Write {
        database: gateway.database,
        group: owned.resource().id().to_owned(),
        owner: principal.identity().clone(),
    };
    answer::changed(write.delete().await.map_err(unavailable)?)
}

/// A write to a group by its owner. What the ownership layer has found may have changed by the time of
/// the write, so each statement asks for the owner again.
struct Write {
    database: Database,
    group: String,
    owner: Identity,
}

impl Write {
    async fn replace(&self, body: &[u8]) -> Result<(), Rejection> {
        match self.store(body).await.map_err(unavailable)? {
            0 => Err(Rejection::new(RejectionKind::Forbidden, "smp.no_longer_owner")),
            _ => Ok(()),
        }
    }

    async fn store(&self, body: &[u8]) -> sqlx::Result<u64> {
        let mut change = self.database.change(&self.group).await?;
        // Another request of the same owner may have given the claim back.
        sqlx::query(
            "INSERT INTO portcullis_owners (kind, id, issuer, subject, version) \
             VALUES ('group', $1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .bind(i64::from_be_bytes(random()) & i64::MAX)
        .execute(&mut *change)
        .await?;
        let stored = sqlx::query(
            "INSERT INTO smp_groups SELECT id, $1 FROM portcullis_owners \
             WHERE kind = 'group' AND id = $2 AND issuer = $3 AND subject = $4 \
             ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        )
        .bind(body)
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(stored.rows_affected())
    }

    /// Makes a group that was never stored nobody's again.
    async fn give_back(&self) {
        let given = sqlx::query(
            "DELETE FROM portcullis_owners WHERE kind = 'group' AND id = $1 AND issuer = $2 AND subject = $3 \
             AND id NOT IN (SELECT id FROM smp_groups)",
        )
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .execute(self.database.pool())
        .await;
        if let Err(error) = given {
            tracing::error!("a claim could not be given back: {error}");
        }
    }

    /// Services and card go along with the group.
    async fn delete(&self) -> sqlx::Result<u64> {
        let mut change = self.database.change(&self.group).await?;
        let disowned = sqlx::query(
            "DELETE FROM portcullis_owners WHERE kind = 'group' AND id = $1 AND issuer = $2 AND subject = $3",
        )
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .execute(&mut *change)
        .await?;
        if disowned.rows_affected() == 0 {
            return Ok(0);
        }
        let deleted = sqlx::query("DELETE FROM smp_groups WHERE id = $1")
            .bind(&self.group)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(deleted.rows_affected())
    }
}
