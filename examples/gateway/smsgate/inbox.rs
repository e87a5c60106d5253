//! Messages that a phone has received. There is no phone here, and so there are none.

use axum::{
    Json,
    http::{HeaderName, StatusCode},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    answer::{Body, Refusal},
    messages::TOTAL_COUNT,
};

pub async fn list() -> ([(HeaderName, &'static str); 1], Json<[Value; 0]>) {
    ([(TOTAL_COUNT, "0")], Json([]))
}

pub async fn attachment() -> Refusal {
    Refusal::not_found("attachment not found")
}

/// Which messages the phone is to report.
#[derive(Deserialize)]
pub struct Period {
    since: Timestamp,
    until: Timestamp,
}

impl Period {
    fn check(&self) -> Result<(), Refusal> {
        if self.since > self.until {
            return Err(Refusal::bad_request("failed to validate: since: is later than until"));
        }
        Ok(())
    }
}

pub async fn refresh(Body(period): Body<Period>) -> Result<(StatusCode, Json<Value>), Refusal> {
    period.check()?;
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

/// The older name of [`refresh`].
pub async fn export(
    Body(period): Body<Period>,
) -> Result<(StatusCode, [(HeaderName, &'static str); 1], Json<Value>), Refusal> {
    period.check()?;
    let deprecated = [(HeaderName::from_static("deprecation"), "true")];
    Ok((StatusCode::ACCEPTED, deprecated, Json(json!({}))))
}
