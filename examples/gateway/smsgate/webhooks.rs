//! Webhooks are kept and shown, and never called.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, Uri},
};
use portcullis::Principal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Sms,
    answer::{Body, Id, Refusal},
    devices, id, logs,
};

/// Of one user.
const MOST_WEBHOOKS: i64 = 100;
const LONGEST_URL: usize = 2048;

const EVENTS: [&str; 14] = [
    "sms:received",
    "sms:data-received",
    "sms:sent",
    "sms:delivered",
    "sms:failed",
    "sms:cancelled",
    "system:ping",
    "mms:received",
    "mms:downloaded",
    "app:started",
    "sms:batch:received",
    "sms:batch:data-received",
    "mms:batch:received",
    "mms:batch:downloaded",
];

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    url: String,
    event: String,
}

impl Webhook {
    fn check(&self) -> Result<(), Refusal> {
        if self.url.len() > LONGEST_URL {
            let message = format!("failed to validate: url: longer than {LONGEST_URL} bytes");
            return Err(Refusal::bad_request(message));
        }
        let uri = self.url.parse::<Uri>().ok();
        let web = uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        });
        if !web {
            return Err(Refusal::bad_request("failed to validate: url: not an http or https URL"));
        }
        if !EVENTS.contains(&self.event.as_str()) {
            return Err(Refusal::bad_request("failed to validate: event: there is no such event"));
        }
        Ok(())
    }
}

pub async fn list(State(sms): State<Sms>, caller: Principal) -> Result<Json<Vec<Value>>, Refusal> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT body FROM sms_webhooks WHERE user_id = $1 ORDER BY sequence")
            .bind(caller.subject())
            .fetch_all(sms.database.pool())
            .await?;
    Ok(Json(rows.iter().map(|(body,)| serde_json::from_str(body)).collect::<Result<_, _>>()?))
}

/// A webhook with an id that there is already replaces that one.
pub async fn register(
    State(sms): State<Sms>,
    caller: Principal,
    Body(mut webhook): Body<Webhook>,
) -> Result<(StatusCode, Json<Webhook>), Refusal> {
    webhook.check()?;
    let user = caller.subject();
    let id = id::or_new(webhook.id.as_deref())?;
    webhook.id = Some(id.clone());
    let mut change = sms.database.change(user).await?;
    if let Some(device) = &webhook.device_id {
        devices::choose(&mut change, user, Some(device)).await?;
    }
    let (others,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sms_webhooks WHERE user_id = $1 AND id <> $2")
            .bind(user)
            .bind(&id)
            .fetch_one(&mut *change)
            .await?;
    if others >= MOST_WEBHOOKS {
        let message = format!("no more than {MOST_WEBHOOKS} webhooks are kept");
        return Err(Refusal::new(StatusCode::CONFLICT, message));
    }
    sqlx::query(
        "INSERT INTO sms_webhooks (id, user_id, body) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, id) DO UPDATE SET body = excluded.body",
    )
    .bind(&id)
    .bind(user)
    .bind(serde_json::to_string(&webhook)?)
    .execute(&mut *change)
    .await?;
    logs::write(&mut change, user, "webhooks", &format!("webhook {id} registered")).await?;
    change.commit().await?;
    Ok((StatusCode::CREATED, Json(webhook)))
}

/// 204 whether there was one or not.
pub async fn remove(
    State(sms): State<Sms>,
    caller: Principal,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let user = caller.subject();
    let mut change = sms.database.change(user).await?;
    let removed = sqlx::query("DELETE FROM sms_webhooks WHERE user_id = $1 AND id = $2")
        .bind(user)
        .bind(&id)
        .execute(&mut *change)
        .await?;
    if removed.rows_affected() > 0 {
        logs::write(&mut change, user, "webhooks", &format!("webhook {id} removed")).await?;
    }
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
