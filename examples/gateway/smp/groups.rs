//! Service groups: who writes a new one owns it.

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use portcullis::{Identity, Principal, Rejection, RejectionKind, ownership::OwnedResource};

use super::{
    answer::{self, unavailable},
    body, document,
    id::Named,
};
use crate::{Gateway, database::Database};

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let group = named.group.ok_or_else(answer::missing)?;
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM smp_groups WHERE id = ?")
        .bind(group)
        .fetch_optional(gateway.database.pool())
        .await
        .map_err(unavailable)?;
    answer::xml(row.map(|(body,)| body))
}

pub async fn put(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
    request: Request,
) -> Result<(), Rejection> {
    let write = Write {
        database: gateway.database,
        group: owned.resource().id().to_owned(),
        owner: principal.identity().clone(),
    };
    let written = write.read_and_store(request).await;
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
    async fn read_and_store(&self, request: Request) -> Result<(), Rejection> {
        let body = body::xml(request).await?;
        document::check_group(&body, &self.group)?;
        match self.store(&body).await.map_err(unavailable)? {
            0 => Err(Rejection::new(RejectionKind::Forbidden, "smp.no_longer_owner")),
            _ => Ok(()),
        }
    }

    async fn store(&self, body: &[u8]) -> sqlx::Result<u64> {
        let mut change = self.database.pool().begin().await?;
        // Another request of the same owner may have given the claim back.
        sqlx::query("INSERT INTO owners VALUES ('group', ?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(&self.group)
            .bind(self.owner.issuer())
            .bind(self.owner.subject())
            .execute(&mut *change)
            .await?;
        let stored = sqlx::query(
            "INSERT INTO smp_groups SELECT id, ? FROM owners \
             WHERE kind = 'group' AND id = ? AND issuer = ? AND subject = ? \
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
            "DELETE FROM owners WHERE kind = 'group' AND id = ? AND issuer = ? AND subject = ? \
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
        let mut change = self.database.pool().begin().await?;
        let disowned = sqlx::query(
            "DELETE FROM owners WHERE kind = 'group' AND id = ? AND issuer = ? AND subject = ?",
        )
        .bind(&self.group)
        .bind(self.owner.issuer())
        .bind(self.owner.subject())
        .execute(&mut *change)
        .await?;
        if disowned.rows_affected() == 0 {
            return Ok(0);
        }
        let deleted = sqlx::query("DELETE FROM smp_groups WHERE id = ?")
            .bind(&self.group)
            .execute(&mut *change)
            .await?;
        change.commit().await?;
        Ok(deleted.rows_affected())
    }
}
