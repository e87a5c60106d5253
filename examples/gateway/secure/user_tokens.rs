use std::time::SystemTime;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use portcullis::user_token::UserTokenRecord;

use super::{Site, form::Signed, minute, page, refusal::Refusal, session::SignedIn};
use crate::{
    accounts::{self, MOST},
    admin::unix_seconds,
    demo,
};

#[derive(Template)]
#[template(path = "user-tokens.html")]
struct TokensPage {
    user: SignedIn,
    tokens: Vec<Row>,
    error: Option<String>,
    /// What was in the form.
    name: String,
}

/// A token, as it is listed.
struct Row {
    id: String,
    name: String,
    scopes: String,
    state: &'static str,
    created: String,
    expires: String,
    last_used: String,
}

impl Row {
    fn of(token: &UserTokenRecord) -> Self {
        let shown = |time: Option<SystemTime>, none: &str| {
            time.map_or_else(|| none.to_owned(), |time| minute(unix_seconds(time)))
        };
        Self {
            id: token.id.to_string(),
            name: token.name.to_string(),
            scopes: token.scopes.as_str().to_owned(),
            state: accounts::state(token),
            created: shown(token.created, ""),
            expires: shown(token.expires, "never"),
            last_used: shown(token.last_used, "never"),
        }
    }
}

/// The one page that shows a token.
#[derive(Template)]
#[template(path = "user-token.html")]
struct TokenPage {
    user: SignedIn,
    name: String,
    token: String,
    curl: String,
}

pub async fn show(State(site): State<Site>, user: SignedIn) -> Result<Response, Refusal> {
    list(&site, user, StatusCode::OK, None, String::new()).await
}

pub async fn create(State(site): State<Site>, signed: Signed) -> Result<Response, Refusal> {
    let Signed(user, form) = &signed;
    let name = form.one("name").trim().to_owned();
    let days = Some(form.one("days")).filter(|days| !days.is_empty()).map(str::parse);
    let days =
        days.transpose().map_err(|_| Refusal::bad_request("There is no such number of days."))?;
    let scopes: Vec<&str> = form.all("scope").collect();
    let new = match accounts::new_token(&user.account, &name, days, &scopes.join(" ")) {
        Ok(new) => new,
        Err(error) => return list(&site, signed.0, StatusCode::BAD_REQUEST, Some(error), name).await,
    };
    if !signed.is_first("user-tokens", &site).await? {
        return Ok(Redirect::to("user-tokens").into_response());
    }
    let token = accounts::create_token(&site.gateway.database, &user.account.identity, new).await?;
    let user = signed.0;
    let Some(token) = token else {
        let error = Some(format!("You have {MOST} active tokens, and no more: revoke one first."));
        return list(&site, user, StatusCode::CONFLICT, error, name).await;
    };
    let token = token.expose().to_owned();
    let curl = demo::put_group(&site.gateway.settings.public_url, &token);
    page(StatusCode::OK, &TokenPage { user, name, token, curl })
}

pub async fn revoke(State(site): State<Site>, Signed(user, form): Signed) -> Result<Response, Refusal> {
    let tokens = accounts::tokens(&site.gateway.database);
    if tokens.revoke(&user.account.identity, form.one("id")).await? {
        Ok(Redirect::to("user-tokens").into_response())
    } else {
        Err(Refusal::not_found("There is no such token, or it was revoked before."))
    }
}

async fn list(
    site: &Site,
    user: SignedIn,
    status: StatusCode,
    error: Option<String>,
    name: String,
) -> Result<Response, Refusal> {
    let tokens = accounts::tokens(&site.gateway.database).list(&user.account.identity).await?;
    let tokens = tokens.iter().rev().map(Row::of).collect();
    page(status, &TokensPage { user, tokens, error, name })
}
