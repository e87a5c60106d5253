//! What a payment costs: the first of two steps.

use axum::{Json, extract::State};
use portcullis::Principal;
use serde_json::{Value, json};

use super::{
    catalogue::{self, CURRENCY},
    params::Params,
    refusal::Refusal,
};
use crate::{
    admin::{now, rfc3339},
    database::{Database, new_id},
};

/// How long a quote can be used, in seconds.
const LIFE: i64 = 600;

pub async fn quote(
    State(database): State<Database>,
    caller: Principal,
    params: Params,
) -> Result<Json<Value>, Refusal> {
    let (item, service) =
        catalogue::item(params.required("payItemId")?).ok_or_else(Refusal::unknown_pay_item)?;
    let amount = params.required("amount")?.parse().ok();
    let amount = amount.filter(|amount| item.takes(service, *amount)).ok_or_else(|| {
        Refusal::bad_parameter("amount is not a whole number that can be paid for this item")
    })?;

    let (id, now) = (new_id(), now());
    let expires = now + LIFE;
    let mut change = database.change(caller.subject()).await?;
    sqlx::query("DELETE FROM s3p_quotes WHERE expires < $1").bind(now).execute(&mut *change).await?;
    sqlx::query(
        "INSERT INTO s3p_quotes (id, user_id, pay_item, amount, expires) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&id)
    .bind(caller.subject())
    .bind(item.id)
    .bind(amount)
    .bind(expires)
    .execute(&mut *change)
    .await?;
    change.commit().await?;
    Ok(Json(json!({
        "quoteId": id,
        "expiresAt": rfc3339(expires),
        "payItemId": item.id,
        "amountLocalCur": amount,
        "priceLocalCur": amount,
        "priceSystemCur": amount,
        "localCur": CURRENCY,
        "systemCur": CURRENCY,
    })))
}
