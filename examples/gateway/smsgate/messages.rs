//! Messages to send. There is no phone here: they stay `Pending` until they are cancelled.

use axum::{
    Json,
    extract::{NestedPath, State},
    http::{HeaderName, StatusCode, header},
};
use jiff::Timestamp;
use portcullis::Principal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Sms,
    answer::{Body, Id, Params, Refusal},
    devices, logs,
    message::NewMessage,
};
use crate::admin::{now, rfc3339};

pub const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

pub async fn send(
    State(sms): State<Sms>,
    caller: Principal,
    prefix: NestedPath,
    Body(message): Body<NewMessage>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Value>), Refusal> {
    let user = caller.subject();
    let id = message.id()?;
    let recipients = message.recipients()?;
    let (form, content) = message.content()?;
    let mut change = sms.database.change(user).await?;
    let device = devices::choose(&mut change, user, message.device()).await?;
    let created = now();
    let recipients: Vec<Value> = recipients
        .iter()
        .map(|number| json!({"phoneNumber": number, "state": "Pending", "error": null}))
        .collect();
    let body = json!({
        "id": id,
        "deviceId": device,
        "state": "Pending",
        "isHashed": false,
        "isEncrypted": message.is_encrypted(),
        "recipients": recipients,
        "states": {"Pending": rfc3339(created)},
        "createdAt": rfc3339(created),
        form: content,
    });
    let inserted = sqlx::query(
        "INSERT INTO sms_messages (id, user_id, created, state, device, body) \
         VALUES ($1, $2, $3, 'Pending', $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(&id)
    .bind(user)
    .bind(created)
    .bind(&device)
    .bind(body.to_string())
    .execute(&mut *change)
    .await?;
    if inserted.rows_affected() == 0 {
        return Err(Refusal::new(StatusCode::CONFLICT, "message with the same id already exists"));
    }
    logs::write(&mut change, user, "messages", &format!("message {id} enqueued")).await?;
    change.commit().await?;
    let location = format!("{}/messages/{id}", prefix.as_str());
    let body = without_content(body);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(body)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    state: Option<String>,
    device_id: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
    #[serde(default)]
    sort: Sort,
    #[serde(default)]
    include_content: bool,
}

#[derive(Default, Deserialize)]
enum Sort {
    #[serde(rename = "created_at")]
    OldestFirst,
    #[default]
    #[serde(rename = "-created_at")]
    NewestFirst,
}

pub async fn list(
    State(sms): State<Sms>,
    caller: Principal,
    Params(filter): Params<Filter>,
) -> Result<([(HeaderName, String); 1], Json<Vec<Value>>), Refusal> {
    let limit = filter.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::bad_request("failed to validate: limit: from 1 to 100"));
    }
    let from = filter.from.map_or(i64::MIN, Timestamp::as_second);
    let to = filter.to.map_or(i64::MAX, Timestamp::as_second);
    let mut snapshot = sms.database.snapshot().await?;
    let (total,): (i64,) = sqlx::query_as(
        "SELECT count(*) FROM sms_messages WHERE user_id = $1 AND created BETWEEN $2 AND $3 \
         AND ($4 IS NULL OR state = $4) AND ($5 IS NULL OR device = $5)",
    )
    .bind(caller.subject())
    .bind(from)
    .bind(to)
    .bind(&filter.state)
    .bind(&filter.device_id)
    .fetch_one(&mut *snapshot)
    .await?;
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT body FROM sms_messages WHERE user_id = $1 AND created BETWEEN $2 AND $3 \
         AND ($4 IS NULL OR state = $4) AND ($5 IS NULL OR device = $5) \
         ORDER BY sequence * $6 LIMIT $7 OFFSET $8",
    )
    .bind(caller.subject())
    .bind(from)
    .bind(to)
    .bind(filter.state)
    .bind(filter.device_id)
    .bind(match filter.sort {
        Sort::OldestFirst => 1_i64,
        Sort::NewestFirst => -1,
    })
    .bind(i64::from(limit))
    .bind(i64::from(filter.offset.unwrap_or(0)))
    .fetch_all(&mut *snapshot)
    .await?;
    snapshot.commit().await?;
    let mut messages = Vec::with_capacity(rows.len());
    for (body,) in rows {
        let body = serde_json::from_str(&body)?;
        messages.push(if filter.include_content { body } else { without_content(body) });
    }
    Ok(([(TOTAL_COUNT, total.to_string())], Json(messages)))
}

pub async fn read(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<Json<Value>, Refusal> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT body FROM sms_messages WHERE user_id = $1 AND id = $2")
            .bind(caller.subject())
            .bind(id)
            .fetch_optional(sms.database.pool())
            .await?;
    let (body,) = row.ok_or_else(unknown)?;
    Ok(Json(serde_json::from_str(&body)?))
}

pub async fn cancel(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<Json<Value>, Refusal> {
    let user = caller.subject();
    let mut change = sms.database.change(user).await?;
    let row: Option<(String, String)> =
        sqlx::query_as("SELECT state, body FROM sms_messages WHERE user_id = $1 AND id = $2")
            .bind(user)
            .bind(&id)
            .fetch_optional(&mut *change)
            .await?;
    let (state, body) = row.ok_or_else(unknown)?;
    if state != "Pending" {
        return Err(Refusal::new(StatusCode::CONFLICT, "message is not pending"));
    }
    let mut body: Value = serde_json::from_str(&body)?;
    body["state"] = "Cancelled".into();
    body["states"]["Cancelled"] = rfc3339(now()).into();
    for recipient in body["recipients"].as_array_mut().into_iter().flatten() {
        recipient["state"] = "Cancelled".into();
    }
    sqlx::query(
        "UPDATE sms_messages SET state = 'Cancelled', body = $1 WHERE user_id = $2 AND id = $3",
    )
    .bind(body.to_string())
    .bind(user)
    .bind(&id)
    .execute(&mut *change)
    .await?;
    logs::write(&mut change, user, "messages", &format!("message {id} cancelled")).await?;
    change.commit().await?;
    Ok(Json(without_content(body)))
}

/// Another user's message is not known, either.
fn unknown() -> Refusal {
    Refusal::not_found("message not found")
}

/// The state of a message; what it says is told to who asks for it.
fn without_content(mut message: Value) -> Value {
    if let Some(members) = message.as_object_mut() {
        members.retain(|name, _| !name.ends_with("Message"));
    }
    message
}
