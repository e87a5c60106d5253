use std::time::Duration;

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use crate::Error;

/// A page that says what did not work.
#[derive(Template)]
#[template(path = "refusal.html")]
pub struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    pub fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub fn forbidden(text: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, text)
    }

    pub fn not_found(text: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This page is reached from another one.")
    }
}

/// The database, mostly: the person may try again, and the operator reads why.
impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        tracing::error!(error = %error.into(), "cannot answer");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "This does not work just now. Try again in a moment.",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = self.render().unwrap_or_else(|_| self.text.clone());
        let response = (self.status, Html(text));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            return ([(header::RETRY_AFTER, "1")], response).into_response();
        }
        response.into_response()
    }
}

/// As whole seconds, rounded up.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
