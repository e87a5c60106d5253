//! A page for people, at `/secure/`: they sign in with their password, and keep their user tokens, their S3P keys
//! and the password itself.
//!
//! 1. A password is verified as HTTP Basic verifies it: one hash, off the reactor, and the same throttle.
//! 2. What changes something is a form's `POST` from this page: a browser says so (`Sec-Fetch-Site`, `Origin`), and
//!    the form carries the token of its session.
//! 3. Who is signed in is looked up on each request: [`session`].
//! 4. A secret is in the one answer that it was made for, and stored nowhere as it is.
//! 5. A form that makes a secret makes one, however often it is sent: who loads the page of a secret anew is led to
//!    the list. Somebody has 100 active tokens at the most, and 100 active keys; of those that are not active, the
//!    list keeps the last 100.
//! 6. Where it can be known, what did not come over https is refused.
//! 7. Every answer has the same headers: nothing is loaded but this page's own files, nothing is kept in a cache,
//!    and no other page frames this one.
//!
//! Links are relative, and all pages lie in one folder: a proxy may serve it under another path.

mod form;
mod password;
mod refusal;
mod s3p_keys;
mod session;
mod session_store;
mod sign_in;
mod user_tokens;

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{Next, from_fn, from_fn_with_state, map_response},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{any, get, post},
};
use portcullis::{SecureTransport, basic::BasicAuth};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use self::refusal::Refusal;
use crate::{Error, Gateway, password::Passwords};

/// What the handlers share.
#[derive(Clone)]
struct Site {
    gateway: Gateway,
    passwords: BasicAuth,
}

/// How many bytes of a form are read.
const LONGEST_FORM: usize = 16 * 1024;

pub fn router(gateway: &Gateway) -> Result<Router, Error> {
    // The realm is in no answer: nobody is asked by a challenge.
    let passwords = gateway.passwords("secure", Passwords(gateway.database.clone()))?;
    let site = Site { gateway: gateway.clone(), passwords };
    let pages = Router::new()
        .route("/secure/", get(Redirect::to("user-tokens")))
        .route("/secure/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/secure/sign-out", post(sign_in::sign_out))
        .route("/secure/user-tokens", get(user_tokens::show).post(user_tokens::create))
        .route("/secure/revoke-user-token", post(user_tokens::revoke))
        .route("/secure/s3p-keys", get(s3p_keys::show).post(s3p_keys::create))
        .route("/secure/rotate-s3p-key", post(s3p_keys::rotate))
        .route("/secure/revoke-s3p-key", post(s3p_keys::revoke))
        .route("/secure/password", get(password::show).post(password::change))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(session::layer(gateway))
        .layer(map_response(session::take_away_securely))
        .layer(from_fn_with_state(gateway.clone(), over_https));
    let files = Router::new()
        .route("/secure", get(Redirect::permanent("secure/")))
        .route("/secure/style.css", get(([(header::CONTENT_TYPE, "text/css")], STYLE)))
        .route("/secure/copy.js", get(([(header::CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/secure/icon.svg", get(([(header::CONTENT_TYPE, "image/svg+xml")], ICON)))
        .route("/secure/{*path}", any(async || Refusal::not_found("There is no such page.")));
    let site = pages
        .merge(files)
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .layer(same_origin(&gateway.settings.public_url)?)
        .layer(from_fn(with_headers))
        .with_state(site);
    Ok(site)
}

/// Refuses forms of other pages. What no browser has sent has neither of the fields, and no session either.
fn same_origin(
    public_url: &str,
) -> Result<CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + Send + Sync + 'static>, Error> {
    let url: Uri = public_url.parse()?;
    let origin = format!(
        "{}://{}",
        url.scheme_str().unwrap_or_default(),
        url.authority().map_or("", |authority| authority.as_str())
    );
    // A proxy may have put another host into the request.
    let layer = CsrfLayer::new().add_trusted_origin(origin)?;
    Ok(layer.with_rejection_response(|_: ProtectionError| {
        Refusal::forbidden("This form was sent from another page.").into_response()
    }))
}

/// Refuses what did not come over https, where that can be known.
async fn over_https(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let is_secure = request.extensions().get::<SecureTransport>().is_some();
    if gateway.settings.requires_https() && !is_secure {
        return Refusal::forbidden("This page is to be had over https alone.").into_response();
    }
    next.run(request).await
}

async fn with_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}

fn page(status: StatusCode, template: &impl Template) -> Result<Response, Refusal> {
    Ok((status, Html(template.render()?)).into_response())
}

/// A time, as a person reads it.
fn minute(second: i64) -> String {
    jiff::Timestamp::from_second(second).unwrap_or_default().strftime("%Y-%m-%d %H:%M UTC").to_string()
}

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Not `no-referrer`: the `Origin` of this page's own forms would be `null`.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

const STYLE: &str = include_str!("static/style.css");
const SCRIPT: &str = include_str!("static/copy.js");
const ICON: &str = include_str!("static/icon.svg");
