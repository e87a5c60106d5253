//! Payments: the second step, and what became of them.

use axum::{Json, extract::State};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use portcullis::Principal;
use serde_json::{Value, json};

use super::{
    account::balance,
    catalogue::{self, CURRENCY},
    params::Params,
    refusal::Refusal,
};
use crate::{
    admin::{now, rfc3339},
    database::{Database, new_id},
};

pub async fn collect(
    State(database): State<Database>,
    caller: Principal,
    params: Params,
) -> Result<Json<Value>, Refusal> {
    let quote = params.required("quoteId")?;
    params.required("customerPhonenumber")?;
    params.required("customerEmailaddress")?;
    let (ptn, now) = (new_id(), now());

    // All or nothing: whatever is refused below leaves the quote as it was.
    let mut change = database.change(caller.subject()).await?;
    let quoted: Option<(String, i64)> = sqlx::query_as(
        "DELETE FROM s3p_quotes WHERE id = $1 AND user_id = $2 AND expires >= $3 \
         RETURNING pay_item, amount",
    )
    .bind(quote)
    .bind(caller.subject())
    .bind(now)
    .fetch_optional(&mut *change)
    .await?;
    let (item, amount) = quoted.ok_or_else(Refusal::unknown_quote)?;
    let (item, service) = catalogue::item(&item).ok_or_else(Refusal::unknown_pay_item)?;
    if service.needs_service_number {
        params.required("serviceNumber")?;
    }
    let balance = balance(&mut change, caller.subject()).await?;
    if amount > balance {
        return Err(Refusal::balance_too_low());
    }
    let mut body = json!({
        "ptn": ptn,
        "serviceid": service.id.to_string(),
        "merchant": service.merchant,
        "timestamp": rfc3339(now),
        "receiptNumber": ptn,
        "veriCode": new_id(),
        "clearingDate": rfc3339(now),
        "trid": params.text("trid"),
        "tag": params.text("tag"),
        "priceLocalCur": amount,
        "priceSystemCur": amount,
        "localCur": CURRENCY,
        "systemCur": CURRENCY,
        "pin": null,
        "status": "SUCCESS",
        "payItemId": item.id,
        "payItemDescr": item.name,
        "errorCode": 0,
    });
    sqlx::query(
        "INSERT INTO s3p_collections (ptn, trid, quote_id, user_id, amount, created, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&ptn)
    .bind(params.text("trid"))
    .bind(quote)
    .bind(caller.subject())
    .bind(amount)
    .bind(now)
    .bind(body.to_string())
    .execute(&mut *change)
    .await?;
    change.commit().await?;
    body["agentBalance"] = (balance - amount).into();
    Ok(Json(body))
}

/// The caller's payments of this number, the server's or the caller's own; if both are given, of both.
pub async fn verify(
    State(database): State<Database>,
    caller: Principal,
    params: Params,
) -> Result<Json<Vec<Value>>, Refusal> {
    let (ptn, trid) = (params.text("ptn"), params.text("trid"));
    if ptn.is_none() && trid.is_none() {
        return Err(Refusal::bad_parameter("ptn and trid are missing"));
    }
    let query = sqlx::query_as(
        "SELECT body FROM s3p_collections \
         WHERE user_id = $1 AND ($2 IS NULL OR ptn = $2) AND ($3 IS NULL OR trid = $3) \
         ORDER BY created, ptn LIMIT 1000",
    );
    let rows = query.bind(caller.subject()).bind(ptn).bind(trid).fetch_all(database.pool()).await?;
    Ok(Json(parsed(&rows)))
}

/// The caller's payments of a time, oldest first; of more than a thousand, the first thousand.
pub async fn history(
    State(database): State<Database>,
    caller: Principal,
    params: Params,
) -> Result<Json<Vec<Value>>, Refusal> {
    let from = time(params.required("timestamp_from")?).map(|time| time.first);
    let to = time(params.required("timestamp_to")?).map(|time| time.last);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Refusal::bad_parameter("timestamp_from or timestamp_to is not a time of ISO 8601"));
    };
    let rows = sqlx::query_as(
        "SELECT body FROM s3p_collections WHERE user_id = $1 AND created BETWEEN $2 AND $3 \
         ORDER BY created, ptn LIMIT 1000",
    )
    .bind(caller.subject())
    .bind(from)
    .bind(to)
    .fetch_all(database.pool())
    .await?;
    Ok(Json(parsed(&rows)))
}

/// They were written above.
fn parsed(rows: &[(String,)]) -> Vec<Value> {
    rows.iter().filter_map(|(body,)| serde_json::from_str(body).ok()).collect()
}

/// The seconds that a text of ISO 8601 covers: one, or those of a whole day in UTC.
struct Time {
    first: i64,
    last: i64,
}

fn time(text: &str) -> Option<Time> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        let second = moment.as_second();
        return Some(Time { first: second, last: second });
    }
    let midnight = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?;
    let last = midnight.checked_add(1.day()).ok()?.timestamp().as_second() - 1;
    Some(Time { first: midnight.timestamp().as_second(), last })
}
