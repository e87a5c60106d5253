//! Who the caller is, and what is left to spend.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
};
use portcullis::Principal;
use serde_json::{Value, json};
use sqlx::AnyConnection;

use super::{catalogue::CURRENCY, refusal::Refusal};
use crate::{
    admin::{now, rfc3339},
    database::Database,
};

/// What each account had at the start.
const OPENING_BALANCE: i64 = 1_000_000;

pub async fn ping(caller: Principal, headers: HeaderMap) -> Json<Value> {
    Json(json!({
        "time": rfc3339(now()),
        "version": "3.0.0",
        "nonce": nonce(&headers),
        "key": caller.credential_id(),
    }))
}

/// The layer has read the field, and so it is there, and in quotes.
fn nonce(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, nonce) = authorization.split_once("s3pAuth_nonce=\"")?;
    Some(nonce.split_once('"')?.0)
}

pub async fn account(
    State(database): State<Database>,
    caller: Principal,
) -> Result<Json<Value>, Refusal> {
    let mut connection = database.pool().acquire().await?;
    let (name,): (String,) =
        sqlx::query_as("SELECT name FROM portcullis_users WHERE issuer = 'local' AND subject = $1")
            .bind(caller.subject())
            .fetch_one(&mut *connection)
            .await?;
    let balance = balance(&mut connection, caller.subject()).await?;
    Ok(Json(json!({
        "balance": balance,
        "currency": CURRENCY,
        "key": caller.credential_id(),
        "agentId": caller.subject(),
        "agentName": name,
        "agentAddress": "",
        "agentPhonenumber": "",
        "companyName": "Demo Company",
        "companyAddress": "",
        "companyPhonenumber": "",
        "limitMax": OPENING_BALANCE,
        "limitRemaining": balance,
    })))
}

/// What is left, after all that was collected.
pub async fn balance(connection: &mut AnyConnection, user: &str) -> Result<i64, sqlx::Error> {
    let (collected,): (i64,) = sqlx::query_as(
        "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM s3p_collections WHERE user_id = $1",
    )
    .bind(user)
    .fetch_one(connection)
    .await?;
    Ok(OPENING_BALANCE.saturating_sub(collected))
}
