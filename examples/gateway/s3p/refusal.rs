//! How S3P refuses. Of its codes, few are published; the others are the HTTP status and two zeros.
//!
//! | HTTP | `respCode` | when | published |
//! |---|---|---|---|
//! | 401, or 400 if it is asked for | 4009 | not signed, signed wrongly, too old, or seen before | yes, with HTTP 400 |
//! | 400 | 4209 | the quote is unknown, used, expired, or of another user | yes |
//! | 400 | 40302 | the pay item is unknown | yes |
//! | 404 | 40602 | the service is unknown | yes |
//! | 400 | 40000 | a parameter is missing or wrong, or the signature cannot cover the request | |
//! | 402 | 40200 | the balance does not suffice | |
//! | 403, 404, 405 | 40300, 40400, 40500 | not allowed; no such endpoint; not by this method | |
//! | 408, 413, 415 | 40800, 41300, 41500 | the body is late, too long, or neither JSON nor a form | |
//! | 429 | 42900 | too many requests of one access token | |
//! | 500, 503 | 50000, 50300 | the server's fault; a store cannot answer now | |

use std::borrow::Cow;

use axum::{
    body::Bytes,
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use portcullis::{Rejection, RejectionKind, Respond};
use serde_json::json;

/// What the documentation's own example links to.
const LINK: &str = "http://support.maviance.com/";

/// A refusal of a handler.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    code: u32,
    developer: Cow<'static, str>,
    user: &'static str,
}

impl Refusal {
    pub fn bad_parameter(what: impl Into<Cow<'static, str>>) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, what, "The request cannot be processed")
    }

    pub fn unknown_pay_item() -> Self {
        let refusal = Self::bad_parameter("payItemId is not known");
        Self { code: 40302, user: "Invalid payment item", ..refusal }
    }

    pub fn unknown_quote() -> Self {
        let refusal = Self::bad_parameter("quoteId is not known, used, or expired");
        Self { code: 4209, user: "The quote is invalid or has expired", ..refusal }
    }

    pub fn unknown_service() -> Self {
        let refusal = Self::not_found("serviceid is not known");
        Self { code: 40602, user: "Unknown service", ..refusal }
    }

    pub fn balance_too_low() -> Self {
        let what = "The balance of the account is too low";
        Self::plain(StatusCode::PAYMENT_REQUIRED, what, what)
    }

    pub fn not_found(what: &'static str) -> Self {
        Self::plain(StatusCode::NOT_FOUND, what, "Not found")
    }

    pub fn method_not_allowed() -> Self {
        let what = "the endpoint does not know this method";
        Self::plain(StatusCode::METHOD_NOT_ALLOWED, what, "Not found")
    }

    fn plain(status: StatusCode, developer: impl Into<Cow<'static, str>>, user: &'static str) -> Self {
        let code = u32::from(status.as_u16()) * 100;
        Self { status, code, developer: developer.into(), user }
    }

    fn body(&self) -> String {
        let Self { code, developer, user, .. } = self;
        json!({"devMsg": developer, "usrMsg": user, "respCode": code, "link": LINK}).to_string()
    }
}

/// The database: the caller may try again, and the operator reads why.
impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the database cannot answer");
        of_kind(RejectionKind::Unavailable)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (self.status, json, self.body()).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// How the signature's layer words its refusals.
#[derive(Clone, Copy)]
pub struct Wording {
    /// Whether the caller is told the reason.
    pub details: bool,
    /// Whether a request that is not authenticated is refused with 400, as in the documentation's example.
    pub http_400: bool,
}

impl Respond for Wording {
    fn respond(&self, rejection: &Rejection) -> Response<Bytes> {
        let mut refusal = of_kind(rejection.kind());
        if self.http_400 && refusal.status == StatusCode::UNAUTHORIZED {
            refusal.status = StatusCode::BAD_REQUEST;
        }
        if self.details {
            refusal.developer = format!("{} ({})", refusal.developer, rejection.reason()).into();
        }
        let mut response = Response::new(refusal.body().into());
        *response.status_mut() = refusal.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

/// The texts are fixed: whatever the reason, the caller reads no more than the kind.
fn of_kind(kind: RejectionKind) -> Refusal {
    let status = kind.status();
    match status {
        StatusCode::UNAUTHORIZED => Refusal {
            status,
            code: 4009,
            developer: "Access token invalid".into(),
            user: "Authentication error when connecting to service",
        },
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => {
            Refusal::plain(status, kind.text(), "The service is not available, try again later")
        }
        _ => Refusal::plain(status, kind.text(), "The request cannot be processed"),
    }
}
