//! Who is signed in.
//!
//! 1. A session has an id of 128 random bits, drawn when somebody signs in. It is in a cookie that scripts cannot
//!    read and other sites do not send; if the public URL is `https`, its name begins with `__Host-`, and it is not
//!    sent in clear.
//! 2. It ends after half an hour without a request, after twelve hours, and when its person signs out.
//! 3. It ends when its user is disabled, locked or expired, or has another password than it began with. That is looked at
//!    again when a form has come.

use axum::{
    extract::FromRequestParts,
    http::{
        HeaderValue,
        header::{self, Entry},
        request::Parts,
    },
    response::{IntoResponse, Redirect, Response},
};
use portcullis::Principal;
use serde::{Deserialize, Serialize};
use tower_sessions::{Expiry, Session, SessionManagerLayer, cookie::time::Duration};

use super::{Site, refusal::Refusal, session_store::Sessions};
use crate::{
    Gateway,
    accounts::{self, Account, LetIn},
    admin::now,
    database::new_secret,
};

const IDLE: Duration = Duration::minutes(30);
/// In seconds, like all that follows.
pub const LONGEST: i64 = 12 * 60 * 60;
/// How exact the time of the last request is.
const EXACTNESS: i64 = 60;

/// Under which name a session has its facts.
const FACTS: &str = "signed_in";

pub fn layer(gateway: &Gateway) -> SessionManagerLayer<Sessions> {
    let secure = gateway.settings.public_url.starts_with("https:");
    SessionManagerLayer::new(Sessions(gateway.database.clone()))
        .with_name(if secure { "__Host-session" } else { "session" })
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(IDLE))
}

/// Somebody who is signed in. Anybody else is sent to the form for that.
pub struct SignedIn {
    pub name: String,
    pub account: Account,
    /// What each form of the session carries.
    pub form_token: String,
    /// What the forms of this page carry, so that none of them is taken twice.
    pub once: String,
    session: Session,
}

impl SignedIn {
    /// The same, if that is so still: the session is read from the database anew.
    pub async fn again(self, site: &Site) -> Result<Self, Response> {
        self.session.load().await.map_err(|error| Refusal::from(error).into_response())?;
        or_sign_in(self.session, site).await
    }

    /// Ends the session.
    pub async fn sign_out(self) -> Result<(), Refusal> {
        Ok(self.session.flush().await?)
    }
}

/// What a session remembers.
#[derive(Deserialize, Serialize)]
struct Facts {
    subject: String,
    /// Of the password that it began with.
    mark: String,
    form_token: String,
    began: i64,
    last_request: i64,
}

/// Begins a session, whatever session the request has come with.
pub async fn begin(session: &Session, principal: &Principal) -> Result<(), Refusal> {
    let now = now();
    let facts = Facts {
        subject: principal.subject().to_owned(),
        mark: principal.credential_id().unwrap_or_default().to_owned(),
        form_token: new_secret(),
        began: now,
        last_request: now,
    };
    session.cycle_id().await?;
    session.insert(FACTS, facts).await?;
    Ok(session.save().await?)
}

async fn find(session: Session, site: &Site) -> Result<Option<SignedIn>, Refusal> {
    let Some(mut facts) = session.get::<Facts>(FACTS).await? else {
        return Ok(None);
    };
    let now = now();
    let user = accounts::let_in(&site.gateway.database, &facts.subject).await?;
    let user = user.filter(|_| now - facts.began < LONGEST);
    let Some(LetIn { name, account, .. }) = user.filter(|user| user.mark == facts.mark) else {
        session.flush().await?;
        return Ok(None);
    };
    let form_token = facts.form_token.clone();
    if now - facts.last_request >= EXACTNESS {
        facts.last_request = now;
        session.insert(FACTS, facts).await?;
    }
    Ok(Some(SignedIn { name, account, form_token, once: new_secret(), session }))
}

impl FromRequestParts<Site> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, site).await;
        or_sign_in(session.map_err(IntoResponse::into_response)?, site).await
    }
}

/// Whoever is not signed in is sent to where that is done.
async fn or_sign_in(session: Session, site: &Site) -> Result<SignedIn, Response> {
    match find(session, site).await {
        Ok(Some(signed_in)) => Ok(signed_in),
        Ok(None) => Err(Redirect::to("sign-in").into_response()),
        Err(refusal) => Err(refusal.into_response()),
    }
}

/// `tower-sessions` takes a cookie away by one that is not `Secure`, which no browser accepts under the name that
/// it has over https.
pub async fn take_away_securely(mut response: Response) -> Response {
    if let Entry::Occupied(mut cookie) = response.headers_mut().entry(header::SET_COOKIE) {
        let text = cookie.get().as_bytes();
        if text.starts_with(b"__Host-") && !text.windows(8).any(|part| part == b"; Secure") {
            let text = [text, b"; Secure"].concat();
            cookie.insert(HeaderValue::from_bytes(&text).expect("it was one before"));
        }
    }
    response
}
