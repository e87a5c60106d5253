use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use portcullis::Identity;

use super::{Site, form::Signed, minute, page, refusal::Refusal, session::SignedIn};
use crate::{
    accounts::{self, NewS3pKey},
    database::Database,
};

#[derive(Template)]
#[template(path = "s3p-keys.html")]
struct KeysPage {
    user: SignedIn,
    keys: Vec<Key>,
}

/// A key, as it is listed.
struct Key {
    token: String,
    created: String,
    is_active: bool,
}

/// The one page that shows a secret.
#[derive(Template)]
#[template(path = "s3p-key.html")]
struct KeyPage {
    user: SignedIn,
    key: NewS3pKey,
    is_new: bool,
}

pub async fn show(State(site): State<Site>, user: SignedIn) -> Result<Response, Refusal> {
    let keys = keys_of(&site.gateway.database, &user.account.identity).await?;
    page(StatusCode::OK, &KeysPage { user, keys })
}

pub async fn create(State(site): State<Site>, Signed(user, _): Signed) -> Result<Response, Refusal> {
    let key = accounts::add_s3p_key(&site.gateway.database, &user.account.identity).await?;
    page(StatusCode::OK, &KeyPage { user, key, is_new: true })
}

pub async fn rotate(State(site): State<Site>, Signed(user, form): Signed) -> Result<Response, Refusal> {
    let database = &site.gateway.database;
    let token = own(database, &user, form.one("token")).await?;
    let secret = accounts::rotate_s3p_key(database, &token).await?.ok_or_else(no_key)?;
    page(StatusCode::OK, &KeyPage { user, key: NewS3pKey { token, secret }, is_new: false })
}

pub async fn revoke(State(site): State<Site>, Signed(user, form): Signed) -> Result<Response, Refusal> {
    let database = &site.gateway.database;
    let token = own(database, &user, form.one("token")).await?;
    database.store().set_access_key_disabled(&token, true).await?;
    Ok(Redirect::to("s3p-keys").into_response())
}

/// The access token of a key, if it is this user's and not revoked.
async fn own(database: &Database, user: &SignedIn, token: &str) -> Result<String, Refusal> {
    let keys = keys_of(database, &user.account.identity).await?;
    let key = keys.into_iter().find(|key| key.token == token && key.is_active);
    key.map(|key| key.token).ok_or_else(no_key)
}

fn no_key() -> Refusal {
    Refusal::not_found("There is no such key, or it was revoked before.")
}

/// The newest first.
async fn keys_of(database: &Database, owner: &Identity) -> Result<Vec<Key>, Refusal> {
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT token, created, disabled FROM portcullis_access_keys \
         WHERE issuer = $1 AND subject = $2 ORDER BY created DESC, token",
    )
    .bind(owner.issuer())
    .bind(owner.subject())
    .fetch_all(database.pool())
    .await?;
    let key =
        |(token, created, disabled)| Key { token, created: minute(created), is_active: disabled == 0 };
    Ok(rows.into_iter().map(key).collect())
}
