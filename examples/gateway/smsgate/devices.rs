use axum::{Json, extract::State, http::StatusCode};
use portcullis::Principal;
use serde_json::Value;
use sqlx::AnyConnection;

use super::{
    Sms,
    answer::{Id, Refusal},
    id, logs,
};

pub async fn list(State(sms): State<Sms>, caller: Principal) -> Result<Json<Vec<Value>>, Refusal> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT body FROM sms_devices WHERE user_id = $1 ORDER BY sequence")
            .bind(caller.subject())
            .fetch_all(sms.database.pool())
            .await?;
    Ok(Json(rows.iter().map(|(body,)| serde_json::from_str(body)).collect::<Result<_, _>>()?))
}

pub async fn remove(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let user = caller.subject();
    let mut change = sms.database.change(user).await?;
    let removed = sqlx::query("DELETE FROM sms_devices WHERE user_id = $1 AND id = $2")
        .bind(user)
        .bind(&id)
        .execute(&mut *change)
        .await?;
    if removed.rows_affected() == 0 {
        return Err(Refusal::not_found("device not found"));
    }
    logs::write(&mut change, user, "devices", &format!("device {id} removed")).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The user's device of this id, or the first one there is.
pub async fn choose(
    connection: &mut AnyConnection,
    user: &str,
    wanted: Option<&str>,
) -> Result<String, Refusal> {
    let unknown = || Refusal::bad_request("device not found");
    // All ids are made here: PostgreSQL is not asked for what it cannot hold.
    if wanted.is_some_and(|id| !id::is_plain(id, id::LONGEST_ID)) {
        return Err(unknown());
    }
    let row: Option<(String,)> = sqlx::query_as(
        "SELECT id FROM sms_devices WHERE user_id = $1 AND ($2 IS NULL OR id = $2) \
         ORDER BY sequence LIMIT 1",
    )
    .bind(user)
    .bind(wanted)
    .fetch_optional(connection)
    .await?;
    row.map(|(id,)| id).ok_or_else(unknown)
}
