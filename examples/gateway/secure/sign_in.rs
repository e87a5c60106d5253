use askama::Template;
use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use portcullis::{Rejection, RejectionKind, basic::Source};
use tower_sessions::Session;

use super::{
    Site,
    form::{Form, Signed},
    page,
    refusal::{Refusal, seconds},
    session::{SignedIn, begin},
};
use crate::web::Client;

/// The form, and what it says about what was done before.
#[derive(Default, Template)]
#[template(path = "sign-in.html")]
pub struct SignInPage {
    /// The name to begin with.
    pub name: String,
    pub error: Option<String>,
    pub notice: Option<&'static str>,
}

pub async fn show(signed_in: Result<SignedIn, Response>) -> Result<Response, Refusal> {
    match signed_in {
        Ok(_) => Ok(Redirect::to("user-tokens").into_response()),
        // Of nobody, it is this page that they are sent to.
        Err(response) if response.status().is_redirection() => {
            page(StatusCode::OK, &SignInPage::default())
        }
        Err(response) => Ok(response),
    }
}

pub async fn sign_in(
    State(site): State<Site>,
    session: Session,
    client: Option<Extension<Client>>,
    form: Form,
) -> Result<Response, Refusal> {
    let (name, password) = (form.one("name"), form.one("password"));
    let source = client.map(|Extension(Client(address))| Source::ip(address));
    match site.passwords.verify(name, password, source).await {
        Ok(principal) => {
            begin(&session, &principal).await?;
            Ok(Redirect::to("user-tokens").into_response())
        }
        Err(rejection) => {
            let sign_in =
                |error| SignInPage { name: name.to_owned(), error: Some(error), notice: None };
            refused(rejection, "The name or the password is wrong.", |status, error| {
                page(status, &sign_in(error))
            })
        }
    }
}

pub async fn sign_out(Signed(signed_in, _): Signed) -> Result<Redirect, Refusal> {
    signed_in.sign_out().await?;
    Ok(Redirect::to("sign-in"))
}

/// What somebody is shown whose password was not accepted: one text, whatever the reason is.
pub fn refused(
    rejection: Rejection,
    wrong: &str,
    page: impl FnOnce(StatusCode, String) -> Result<Response, Refusal>,
) -> Result<Response, Refusal> {
    let wait = rejection.retry_after().map(seconds);
    let (status, text) = match rejection.kind() {
        RejectionKind::RefusedCredentials | RejectionKind::MalformedCredentials => {
            (StatusCode::FORBIDDEN, wrong.to_owned())
        }
        RejectionKind::Throttled => {
            let text = format!("Too many attempts. Try again in {} seconds.", wait.unwrap_or(1));
            (StatusCode::TOO_MANY_REQUESTS, text)
        }
        _ => {
            let text = "Nobody can sign in just now. Try again in a moment.".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    };
    let mut response = page(status, text)?;
    if let Some(wait) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, wait.into());
    }
    // For the log.
    response.extensions_mut().insert(rejection);
    Ok(response)
}
