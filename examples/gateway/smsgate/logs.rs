//! What a user has done, for that user to read.

use axum::{Json, extract::State};
use jiff::Timestamp;
use portcullis::Principal;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::{
    Sms,
    answer::{Params, Refusal},
};
use crate::{
    admin::{now, rfc3339},
    database::Database,
};

/// How many entries are answered: the newest.
const MOST_ENTRIES: i64 = 1_000;

#[derive(Deserialize)]
pub struct Period {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

pub async fn list(
    State(sms): State<Sms>,
    caller: Principal,
    Params(period): Params<Period>,
) -> Result<Json<Vec<Value>>, Refusal> {
    let rows: Vec<(i64, String)> = sqlx::query_as(
        "SELECT sequence, body FROM sms_logs WHERE user_id = $1 AND created BETWEEN $2 AND $3 \
         ORDER BY sequence DESC LIMIT $4",
    )
    .bind(caller.subject())
    .bind(period.from.map_or(i64::MIN, Timestamp::as_second))
    .bind(period.to.map_or(i64::MAX, Timestamp::as_second))
    .bind(MOST_ENTRIES)
    .fetch_all(sms.database.pool())
    .await?;
    let mut entries = Vec::with_capacity(rows.len());
    for (sequence, body) in rows.into_iter().rev() {
        let mut entry: Value = serde_json::from_str(&body)?;
        entry["id"] = sequence.into();
        entries.push(entry);
    }
    Ok(Json(entries))
}

/// Adds an entry about what has been done, and cannot be undone if this fails.
pub async fn note(database: &Database, user: &str, module: &str, message: &str) {
    let written = async { write(&mut *database.pool().acquire().await?, user, module, message).await };
    if let Err(error) = written.await {
        tracing::warn!(%error, message, "not in the user's log");
    }
}

/// Adds an entry. No secret belongs in it, and nothing that is as long as a caller likes.
pub async fn write(
    connection: &mut AnyConnection,
    user: &str,
    module: &str,
    message: &str,
) -> sqlx::Result<()> {
    let created = now();
    let body = json!({
        "createdAt": rfc3339(created),
        "module": module,
        "priority": "INFO",
        "message": message,
        "context": {},
    });
    sqlx::query("INSERT INTO sms_logs (user_id, created, body) VALUES ($1, $2, $3)")
        .bind(user)
        .bind(created)
        .bind(body.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
