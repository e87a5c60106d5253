//! The catalogue, as clients read it.

use axum::{
    Json,
    extract::{Path, rejection::PathRejection},
};
use serde_json::Value;

use super::{
    catalogue::{self, Kind, Merchant, Service},
    params::Params,
    refusal::Refusal,
};

pub async fn merchants() -> Json<Vec<Value>> {
    Json(catalogue::merchants().map(Merchant::to_json).collect())
}

pub async fn services() -> Json<Vec<Value>> {
    Json(catalogue::services().map(Service::to_json).collect())
}

pub async fn service(id: Result<Path<String>, PathRejection>) -> Result<Json<Value>, Refusal> {
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    let service = catalogue::service(&id).ok_or_else(Refusal::unknown_service)?;
    Ok(Json(service.to_json()))
}

/// The open bills of a meter, policy or the like; all three parameters are needed.
pub async fn bills(params: Params) -> Result<Json<Vec<Value>>, Refusal> {
    let (merchant, service_number) = (params.required("merchant")?, params.required("serviceNumber")?);
    let service = catalogue::service(params.required("serviceid")?)
        .filter(|service| service.is(Kind::Bill) && service.merchant == merchant)
        .ok_or_else(Refusal::unknown_service)?;
    let bills = catalogue::items(service).filter(|item| item.is_bill_for(service_number));
    Ok(Json(bills.map(|bill| bill.to_json(service)).collect()))
}

/// What there is of this kind, of one service or of all.
pub fn items(kind: Kind, params: &Params) -> Result<Json<Vec<Value>>, Refusal> {
    let one = params.text("serviceid");
    let one = one.map(|id| catalogue::service(id).ok_or_else(Refusal::unknown_service)).transpose()?;
    let services = catalogue::services()
        .filter(|service| service.is(kind) && one.is_none_or(|one| one.id == service.id));
    let items =
        services.flat_map(|service| catalogue::items(service).map(move |item| item.to_json(service)));
    Ok(Json(items.collect()))
}
