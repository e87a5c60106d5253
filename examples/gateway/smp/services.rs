//! Service metadata: where a participant takes documents of one type.

use axum::{
    extract::{Request, State},
    response::Response,
};
use portcullis::{Rejection, RejectionKind};

use super::{
    answer::{self, missing, unavailable},
    body, document,
    id::Named,
    write::Write,
};
use crate::Gateway;

const MISSING: &str = "smp.missing_service";

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as(
        "SELECT s.body FROM smp_groups g LEFT JOIN smp_services s ON s.group_id = g.id AND s.document = $2 \
         WHERE g.id = $1",
    )
    .bind(named.group()?)
    .bind(named.document.as_deref().ok_or_else(|| missing("smp.no_document_type"))?)
    .fetch_optional(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    let (service,) = row.ok_or_else(|| missing("smp.missing"))?;
    Ok(answer::xml(service.ok_or_else(|| missing(MISSING))?))
}

pub async fn put(write: Write, named: Named, request: Request) -> Result<(), Rejection> {
    let body = body::xml(request).await?;
    let document = named.document.ok_or_else(no_document_type)?;
    document::check_metadata(body.clone(), write.group().to_owned(), document.clone()).await?;
    let put = sqlx::query(
        "INSERT INTO smp_services SELECT id, $2, $3 FROM smp_groups WHERE id = $1 \
         ON CONFLICT (group_id, document) DO UPDATE SET body = excluded.body",
    );
    write.run(put.bind(write.group()).bind(document).bind(body.as_ref()), "smp.missing").await
}

pub async fn delete(write: Write, named: Named) -> Result<(), Rejection> {
    let document = named.document.ok_or_else(no_document_type)?;
    let delete = sqlx::query("DELETE FROM smp_services WHERE group_id = $1 AND document = $2");
    write.run(delete.bind(write.group()).bind(document), MISSING).await
}

fn no_document_type() -> Rejection {
    Rejection::new(RejectionKind::BadRequest, "smp.document_type_id")
}
