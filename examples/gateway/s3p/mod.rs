//! Smobilpay S3P, at `/s3p/v2`: paying bills and top-ups in the name of a customer. Each request is
//! signed, and done once.

mod account;
mod catalogue;
mod collections;
mod last_used;
mod masterdata;
mod params;
mod quotes;
mod refusal;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use portcullis::{
    S3pSignatureLayer,
    s3p::{PublicUrl, S3pAuth},
};

use self::{
    catalogue::Kind,
    last_used::LastUsed,
    refusal::{Refusal, Wording},
};
use crate::{Error, Gateway, database::Database};

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    let Gateway { database, settings, .. } = gateway;
    // A nested router does not see what it is nested under, and clients sign it.
    let url = PublicUrl::parse(&format!("{}/s3p/v2", settings.public_url))?;
    let store = database.store();
    let auth = match &gateway.redis {
        None => S3pAuth::new(url, store.clone(), store.clone()),
        Some(redis) => S3pAuth::new(url, store.clone(), redis.clone()),
    };
    let auth = auth.body_timeout(settings.body_timeout);
    let wording = Wording { details: settings.error_details, http_400: settings.s3p_http_400 };

    // Outside of the fallbacks, too: a stranger cannot tell which paths there are.
    let signed = S3pSignatureLayer::new(auth).respond_with(wording).no_grpc();
    Ok(routes()
        .fallback(async || Refusal::not_found("there is no such endpoint"))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .layer(from_fn_with_state(LastUsed::new(database), last_used::note))
        .layer(signed)
        .with_state(database.clone()))
}

fn routes() -> Router<Database> {
    let items = |kind| get(async move |params| masterdata::items(kind, &params));
    Router::new()
        .route("/ping", get(account::ping))
        .route("/account", get(account::account))
        .route("/merchant", get(masterdata::merchants))
        .route("/service", get(masterdata::services))
        .route("/service/{id}", get(masterdata::service))
        .route("/product", items(Kind::Product))
        .route("/voucher", items(Kind::Voucher))
        .route("/topup", items(Kind::Topup))
        .route("/cashin", items(Kind::Cashin))
        .route("/cashout", items(Kind::Cashout))
        .route("/bill", get(masterdata::bills))
        .route("/quotestd", post(quotes::quote))
        .route("/collectstd", post(collections::collect))
        .route("/verifytx", get(collections::verify))
        .route("/historystd", get(collections::history))
}
