//! Service metadata: where a participant takes documents of one type.

use axum::{
    Extension,
    extract::{Request, State},
    response::Response,
};
use portcullis::{Principal, Rejection, RejectionKind, ownership::OwnedResource};

use super::{
    answer::{self, unavailable},
    body, document,
    id::Named,
};
use crate::Gateway;

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let (group, document) = named.group.zip(named.document).ok_or_else(answer::missing)?;
    let row: Option<(Vec<u8>,)> =
        sqlx::query_as("SELECT body FROM smp_services WHERE group_id = $1 AND document = $2")
            .bind(group)
            .bind(document)
            .fetch_optional(gateway.database.pool())
            .await
            .map_err(unavailable)?;
    answer::xml(row.map(|(body,)| body))
}

pub async fn put(
    State(gateway): State<Gateway>,
    Extension(owned): Extension<OwnedResource>,
    principal: Principal,
    named: Named,
    request: Request,
) -> Result<(), Rejection> {
    let group = owned.resource().id();
    let body = body::xml(request).await?;
    let document = named.document.ok_or_else(no_document_type)?;
    document::check_metadata(body.clone(), group.to_owned(), document.clone()).await?;
    // The group may have been deleted, or be somebody else's, since the ownership layer looked.
    let stored = sqlx::query(
        "INSERT INTO smp_services SELECT g.id, $1, $2 FROM smp_groups g JOIN portcullis_owners o USING (id) \
         WHERE o.kind = 'group' AND g.id = $3 AND o.issuer = $4 AND o.subject = $5 \
         ON CONFLICT (group_id, document) DO UPDATE SET body = excluded.body",
    )
    .bind(document)
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
    named: Named,
) -> Result<(), Rejection> {
    let document = named.document.ok_or_else(no_document_type)?;
    let deleted = sqlx::query(
        "DELETE FROM smp_services WHERE document = $1 AND group_id IN \
         (SELECT id FROM portcullis_owners WHERE kind = 'group' AND id = $2 AND issuer = $3 AND subject = $4)",
    )
    .bind(document)
    .bind(owned.resource().id())
    .bind(principal.issuer())
    .bind(principal.subject())
    .execute(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    answer::changed(deleted.rows_affected())
}

fn no_document_type() -> Rejection {
    Rejection::new(RejectionKind::BadRequest, "smp.document_type_id")
}
