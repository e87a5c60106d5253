use axum::{Json, extract::State, http::header, response::IntoResponse};
use serde_json::json;

use crate::{
    Gateway,
    admin::{now, rfc3339},
};

pub async fn ping() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "pong")
}

/// The names are phoss's; what this server does not have is left out.
pub async fn status(State(gateway): State<Gateway>) -> impl IntoResponse {
    let status = json!({
        "status.datetime": rfc3339(now()),
        "version.smp": env!("CARGO_PKG_VERSION"),
        "smp.backend": "sql",
        "smp.mode": "test",
        "smp.resttype": "peppol",
        "smp.identifiertype": "peppol",
        "smp.writable-rest-api.enabled": true,
        "smp.publicurl": gateway.settings.public_url,
        "smp.sml.enabled": false,
        "smp.pd.enabled": false,
    });
    ([(header::CACHE_CONTROL, "no-store")], Json(status))
}
