use axum::{
    extract::{FromRequest, FromRequestParts, RawForm, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use portcullis::Secret;
use sha2::{Digest, Sha256};
use tokio::time;

use super::{
    Site,
    refusal::Refusal,
    session::{LONGEST, SignedIn},
};
use crate::{admin::now, web::BodyTimeout};

/// The fields of a form, in their order.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The first field of this name; empty if there is none.
    pub fn one(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let timeout = BodyTimeout::of(&request);
        let body =
            time::timeout(timeout, RawForm::from_request(request, state)).await.map_err(|_| {
                Refusal::new(StatusCode::REQUEST_TIMEOUT, "The form took too long to arrive.")
            })?;
        let RawForm(body) =
            body.map_err(|error| Refusal::new(error.status(), "The form cannot be read."))?;
        Ok(Self(form_urlencoded::parse(&body).into_owned().collect()))
    }
}

/// A form that somebody who is signed in has sent from a page of this session.
pub struct Signed(pub SignedIn, pub Form);

impl Signed {
    /// Whether this form is sent for the first time. Who loads the page anew that it has led to sends it again, and
    /// would make a second secret, or make the first one void.
    pub async fn is_first(&self, about: &str, site: &Site) -> Result<bool, Refusal> {
        let Self(user, form) = self;
        let once = form.one("once");
        if once.is_empty() {
            return Err(Refusal::bad_request("This form is incomplete. Open its page again."));
        }
        let digest = Sha256::new().chain_update(user.account.identity.subject()).chain_update([0]);
        let digest = digest.chain_update(about).chain_update([0]).chain_update(once).finalize();
        let noted = sqlx::query(
            "INSERT INTO page_forms (digest, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        );
        // The session, and with it the form, is at an end by then.
        let noted = noted.bind(digest.to_vec()).bind(now() + LONGEST);
        Ok(noted.execute(site.gateway.database.pool()).await?.rows_affected() == 1)
    }
}

impl FromRequest<Site> for Signed {
    type Rejection = Response;

    async fn from_request(request: Request, site: &Site) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let signed_in = SignedIn::from_request_parts(&mut parts, site).await?;
        let form = Form::from_request(Request::from_parts(parts, body), site).await;
        let form = form.map_err(IntoResponse::into_response)?;
        // The form may have taken its time, and the session have ended meanwhile.
        let signed_in = signed_in.again(site).await?;
        if Secret::from(form.one("form_token")) != Secret::from(signed_in.form_token.as_str()) {
            let text =
                "This form is of an earlier session. Open its page again, and send it from there.";
            return Err(Refusal::forbidden(text).into_response());
        }
        Ok(Self(signed_in, form))
    }
}
