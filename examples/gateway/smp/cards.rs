//! Business cards: what the directory of the network tells about a participant.

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use portcullis::{Principal, Rejection, ownership::OwnedResource};

use super::{
    answer::{self, unavailable},
    body, document,
    id::Named,
};
use crate::{Gateway, admin::now};

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let group = named.group.ok_or_else(answer::missing)?;
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT body FROM smp_business_cards WHERE group_id = $1")
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
    let group = owned.resource().id();
    let body = body::xml(request).await?;
    document::check_card(body.clone(), group.to_owned()).await?;
    // The group may have been deleted, or be somebody else's, since the ownership layer looked.
    let stored = sqlx::query(
        "INSERT INTO smp_business_cards \
         SELECT g.id, $1, NULL FROM smp_groups g JOIN portcullis_owners o USING (id) \
         WHERE o.kind = 'group' AND g.id = $2 AND o.issuer = $3 AND o.subject = $4 \
         ON CONFLICT (group_id) DO UPDATE SET body = excluded.body, pushed = NULL",
    )
    .bind(body.as_ref())
    .bind(group)
    .bind(principal.issuer())
    .bind(principal.subject())
    .execute(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    answer::changed(stored.rows_affected())
}

pub async fn delete(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
) -> Result<(), Rejection> {
    let deleted = sqlx::query(
        "DELETE FROM smp_business_cards WHERE group_id IN \
         (SELECT id FROM portcullis_owners WHERE kind = 'group' AND id = $1 AND issuer = $2 AND subject = $3)",
    )
    .bind(owned.resource().id())
    .bind(principal.issuer())
    .bind(principal.subject())
    .execute(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    answer::changed(deleted.rows_affected())
}

/// Tells the directory to fetch the card. This server has no directory: it notes when it would have.
pub async fn push(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
) -> Result<(), Rejection> {
    let pushed = sqlx::query(
        "UPDATE smp_business_cards SET pushed = $1 WHERE group_id IN \
         (SELECT id FROM portcullis_owners WHERE kind = 'group' AND id = $2 AND issuer = $3 AND subject = $4)",
    )
    .bind(now())
    .bind(owned.resource().id())
    .bind(principal.issuer())
    .bind(principal.subject())
    .execute(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    answer::changed(pushed.rows_affected())
}
