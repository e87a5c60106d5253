//! Business cards: what the directory of the network tells about a participant.

use axum::{
    extract::{Request, State},
    response::Response,
};
use portcullis::Rejection;

use super::{
    answer::{self, missing, unavailable},
    body, document,
    id::Named,
    write::Write,
};
use crate::{Gateway, admin::now};

const MISSING: &str = "smp.missing_card";

pub async fn read(State(gateway): State<Gateway>, named: Named) -> Result<Response, Rejection> {
    let row: Option<(Option<Vec<u8>>,)> = sqlx::query_as(
        "SELECT c.body FROM smp_groups g LEFT JOIN smp_business_cards c ON c.group_id = g.id WHERE g.id = $1",
    )
    .bind(named.group()?)
    .fetch_optional(gateway.database.pool())
    .await
    .map_err(unavailable)?;
    let (card,) = row.ok_or_else(|| missing("smp.missing"))?;
    Ok(answer::xml(card.ok_or_else(|| missing(MISSING))?))
}

pub async fn put(write: Write, request: Request) -> Result<(), Rejection> {
    let body = body::xml(request).await?;
    document::check_card(body.clone(), write.group().to_owned()).await?;
    let put = sqlx::query(
        "INSERT INTO smp_business_cards SELECT id, $2, NULL FROM smp_groups WHERE id = $1 \
         ON CONFLICT (group_id) DO UPDATE SET body = excluded.body, pushed = NULL",
    );
    write.run(put.bind(write.group()).bind(body.as_ref()), "smp.missing").await
}

pub async fn delete(write: Write) -> Result<(), Rejection> {
    let delete = sqlx::query("DELETE FROM smp_business_cards WHERE group_id = $1");
    write.run(delete.bind(write.group()), MISSING).await
}

/// Tells the directory to fetch the card. This server has no directory: it notes when it would have.
pub async fn push(write: Write) -> Result<(), Rejection> {
    let push = sqlx::query("UPDATE smp_business_cards SET pushed = $2 WHERE group_id = $1");
    write.run(push.bind(write.group()).bind(now()), "smp.no_card_to_push").await
}
