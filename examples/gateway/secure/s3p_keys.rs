use std::time::Duration;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};

use super::{Site, form::Signed, minute, page, refusal::Refusal, session::SignedIn};
use crate::{
    accounts::{self, MOST, NewS3pKey, S3pKey},
    database::Database,
};

#[derive(Template)]
#[template(path = "s3p-keys.html")]
struct KeysPage {
    user: SignedIn,
    keys: Vec<Row>,
    error: Option<String>,
    /// What was in the form.
    name: String,
}

/// A key, as it is listed.
struct Row {
    token: String,
    name: String,
    created: String,
    last_used: String,
    is_active: bool,
}

impl Row {
    fn of(key: S3pKey) -> Self {
        Self {
            token: key.token,
            name: if key.name.is_empty() { "unnamed".to_owned() } else { key.name },
            created: minute(key.created),
            last_used: key.last_used.map_or_else(|| "never".to_owned(), minute),
            is_active: key.is_active,
        }
    }
}

/// The one page that shows a secret.
#[derive(Template)]
#[template(path = "s3p-key.html")]
struct KeyPage {
    user: SignedIn,
    name: String,
    key: NewS3pKey,
    is_new: bool,
}

pub async fn show(State(site): State<Site>, user: SignedIn) -> Result<Response, Refusal> {
    list(&site, user, StatusCode::OK, None, String::new()).await
}

pub async fn create(State(site): State<Site>, signed: Signed) -> Result<Response, Refusal> {
    let name = signed.1.one("name").to_owned();
    let name = match accounts::key_name(&name) {
        Ok(name) => name.to_owned(),
        Err(error) => return list(&site, signed.0, StatusCode::BAD_REQUEST, Some(error), name).await,
    };
    if !signed.is_first("s3p-keys", &site).await? {
        return Ok(Redirect::to("s3p-keys").into_response());
    }
    let user = signed.0;
    let key = accounts::add_s3p_key(&site.gateway.database, &user.account.identity, &name).await?;
    let Some(key) = key else {
        let error = Some(format!("You have {MOST} active keys, and no more: revoke one first."));
        return list(&site, user, StatusCode::CONFLICT, error, name).await;
    };
    page(StatusCode::OK, &KeyPage { user, name, key, is_new: true })
}

pub async fn rotate(State(site): State<Site>, signed: Signed) -> Result<Response, Refusal> {
    let database = &site.gateway.database;
    let Row { token, name, .. } = own(database, &signed.0, signed.1.one("token")).await?;
    if !signed.is_first(&token, &site).await? {
        return Ok(Redirect::to("s3p-keys").into_response());
    }
    let user = signed.0;
    // At once: the old secret may have been stolen.
    let secret =
        accounts::rotate_s3p_key(database, &token, Duration::ZERO).await?.ok_or_else(no_key)?;
    page(StatusCode::OK, &KeyPage { user, name, key: NewS3pKey { token, secret }, is_new: false })
}

pub async fn revoke(State(site): State<Site>, Signed(user, form): Signed) -> Result<Response, Refusal> {
    let database = &site.gateway.database;
    let Row { token, .. } = own(database, &user, form.one("token")).await?;
    database.store().set_access_key_disabled(&token, true).await?;
    Ok(Redirect::to("s3p-keys").into_response())
}

/// The key of this access token, if it is this user's and not revoked.
async fn own(database: &Database, user: &SignedIn, token: &str) -> Result<Row, Refusal> {
    let keys = accounts::s3p_keys(database, Some(&user.account.identity)).await?;
    let key = keys.into_iter().find(|key| key.token == token && key.is_active);
    key.map(Row::of).ok_or_else(no_key)
}

fn no_key() -> Refusal {
    Refusal::not_found("There is no such key, or it was revoked before.")
}

/// The newest first.
async fn list(
    site: &Site,
    user: SignedIn,
    status: StatusCode,
    error: Option<String>,
    name: String,
) -> Result<Response, Refusal> {
    let keys = accounts::s3p_keys(&site.gateway.database, Some(&user.account.identity)).await?;
    let keys = keys.into_iter().rev().map(Row::of).collect();
    page(status, &KeysPage { user, keys, error, name })
}
