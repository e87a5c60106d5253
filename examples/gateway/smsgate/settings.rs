//! A user's settings: sections of names and values.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use portcullis::Principal;
use serde_json::{Map, Value};
use sqlx::AnyConnection;

use super::{
    Sms,
    answer::{Body, Refusal},
    id, logs,
};

const LONGEST_NAME: usize = 64;
/// All settings of a user as JSON, in bytes.
const MOST_BYTES: usize = 64 * 1024;

type Settings = BTreeMap<String, Map<String, Value>>;

pub async fn read(State(sms): State<Sms>, caller: Principal) -> Result<Json<Settings>, Refusal> {
    let mut connection = sms.database.pool().acquire().await?;
    Ok(Json(load(&mut connection, caller.subject()).await?))
}

pub async fn replace(
    State(sms): State<Sms>,
    caller: Principal,
    Body(settings): Body<Settings>,
) -> Result<Json<Settings>, Refusal> {
    let mut change = sms.database.change(caller.subject()).await?;
    save(&mut change, caller.subject(), &settings).await?;
    change.commit().await?;
    Ok(Json(settings))
}

/// Changes what is named, and removes what is named `null`.
pub async fn update(
    State(sms): State<Sms>,
    caller: Principal,
    Body(changes): Body<BTreeMap<String, Option<Map<String, Value>>>>,
) -> Result<Json<Settings>, Refusal> {
    let mut change = sms.database.change(caller.subject()).await?;
    let mut settings = load(&mut change, caller.subject()).await?;
    for (section, values) in changes {
        let Some(values) = values else {
            settings.remove(&section);
            continue;
        };
        let kept = settings.entry(section).or_default();
        kept.extend(values);
        kept.retain(|_, value| !value.is_null());
    }
    save(&mut change, caller.subject(), &settings).await?;
    change.commit().await?;
    Ok(Json(settings))
}

async fn load(connection: &mut AnyConnection, user: &str) -> Result<Settings, Refusal> {
    let row: Option<(String,)> = sqlx::query_as("SELECT body FROM sms_settings WHERE user_id = $1")
        .bind(user)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|(body,)| serde_json::from_str(&body)).transpose()?.unwrap_or_default())
}

async fn save(connection: &mut AnyConnection, user: &str, settings: &Settings) -> Result<(), Refusal> {
    if !settings.keys().all(|name| id::is_plain(name, LONGEST_NAME)) {
        return Err(Refusal::bad_request(format!(
            "failed to validate: the name of a section has 1 to {LONGEST_NAME} letters, digits, `-`, \
             `.` and `_`"
        )));
    }
    let body = serde_json::to_string(settings)?;
    if body.len() > MOST_BYTES {
        let message = format!("failed to validate: all settings are {MOST_BYTES} bytes at most");
        return Err(Refusal::bad_request(message));
    }
    sqlx::query(
        "INSERT INTO sms_settings (user_id, body) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET body = excluded.body",
    )
    .bind(user)
    .bind(body)
    .execute(&mut *connection)
    .await?;
    Ok(logs::write(connection, user, "settings", "settings changed").await?)
}
