use askama::Template;
use axum::{Extension, extract::State, http::StatusCode, response::Response};
use portcullis::basic::Source;

use super::{
    Site,
    form::Signed,
    page,
    refusal::Refusal,
    session::SignedIn,
    sign_in::{SignInPage, refused},
};
use crate::{accounts, web::Client};

/// In characters. NIST SP 800-63B-4 section 3.1.1.2 asks for so many of a password that is the only factor.
const SHORTEST: usize = 15;
/// In bytes.
const LONGEST: usize = 1024;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    user: SignedIn,
    error: Option<String>,
}

pub async fn show(user: SignedIn) -> Result<Response, Refusal> {
    page(StatusCode::OK, &PasswordPage { user, error: None })
}

/// All sessions end, this one too: whoever has got into another one is out.
pub async fn change(
    State(site): State<Site>,
    client: Option<Extension<Client>>,
    Signed(user, form): Signed,
) -> Result<Response, Refusal> {
    let [old, new, again] = ["old", "new", "again"].map(|name| form.one(name));
    if let Some(error) = what_is_wrong_with(new, again) {
        let error = Some(error.to_owned());
        return page(StatusCode::BAD_REQUEST, &PasswordPage { user, error });
    }
    let source = client.map(|Extension(Client(address))| Source::ip(address));
    let verified = match site.passwords.verify(&user.name, old, source).await {
        Ok(principal) => principal,
        Err(rejection) => {
            return refused(rejection, "The old password is wrong.", |status, error| {
                page(status, &PasswordPage { user, error: Some(error) })
            });
        }
    };
    let hash = site.gateway.hashing.hash(new).await?;
    let (database, owner) = (&site.gateway.database, &user.account.identity);
    if !accounts::set_password(database, owner, &hash, verified.credential_id()).await? {
        let error = Some("The password was changed meanwhile. Sign in with that one.".to_owned());
        return page(StatusCode::CONFLICT, &PasswordPage { user, error });
    }
    let name = user.name.clone();
    user.sign_out().await?;
    let notice = Some("The password is changed. Sign in with the new one.");
    page(StatusCode::OK, &SignInPage { name, error: None, notice })
}

fn what_is_wrong_with(new: &str, again: &str) -> Option<&'static str> {
    if new != again {
        Some("The new password and its repetition differ.")
    } else if new.chars().count() < SHORTEST {
        Some("The new password is too short: it has at least 15 characters.")
    } else if new.len() > LONGEST {
        Some("The new password is too long: it has at most 1,024 bytes.")
    } else if new.contains(char::is_control) {
        Some("The new password holds a control character, which HTTP Basic cannot carry.")
    } else {
        None
    }
}
