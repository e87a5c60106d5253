use axum::{Json, extract::State, http::StatusCode};
use serde_json::{Map, Value, json};

use crate::{Gateway, health};

/// The program runs.
pub async fn live() -> Json<Value> {
    Json(report("pass", &Map::new()))
}

/// The stores answer.
pub async fn ready(State(gateway): State<Gateway>) -> (StatusCode, Json<Value>) {
    let checks = health::checks(&gateway).await;
    let (code, status) = if checks.iter().all(|(_, ready)| *ready) {
        (StatusCode::OK, "pass")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "fail")
    };
    (code, Json(report(status, &checks.into_iter().map(check).collect())))
}

fn check((store, ready): health::Check) -> (String, Value) {
    let (name, description) = match store {
        "database" => ("db:ping", "The database answers"),
        _ => ("redis:ping", "Redis answers"),
    };
    let check = json!({
        "status": if ready { "pass" } else { "fail" },
        "description": description,
        "observedUnit": "failed queries",
        "observedValue": u8::from(!ready),
    });
    (name.to_owned(), check)
}

fn report(status: &str, checks: &Map<String, Value>) -> Value {
    json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "releaseId": 1,
        "checks": checks,
    })
}
