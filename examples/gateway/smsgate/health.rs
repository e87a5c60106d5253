use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Value, json};

use super::Sms;

/// The program runs.
pub async fn live() -> Json<Value> {
    Json(report("pass", &json!({})))
}

/// The database answers.
pub async fn ready(State(sms): State<Sms>) -> (StatusCode, Json<Value>) {
    let (code, status) = if sms.database.is_ready().await {
        (StatusCode::OK, "pass")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "fail")
    };
    let check = json!({
        "status": status,
        "description": "The database answers",
        "observedUnit": "failed queries",
        "observedValue": u8::from(status == "fail"),
    });
    (code, Json(report(status, &json!({"db:ping": check}))))
}

fn report(status: &str, checks: &Value) -> Value {
    json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "releaseId": 1,
        "checks": checks,
    })
}
