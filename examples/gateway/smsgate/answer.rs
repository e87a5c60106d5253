//! What the handlers read and refuse with: every refusal is `{"message": …}`.

use std::error::Error;

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time;

use crate::web::BodyTimeout;

/// A refusal of a handler.
pub enum Refusal {
    Plain(StatusCode, String),
    /// In the place of a layer, with the same head.
    OfALayer(Box<Response>),
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Plain(status, message.into())
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

/// The database, mostly: the caller may try again, and the operator reads why.
impl<E: Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        tracing::error!(%error, "cannot answer");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "try again later")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Plain(status, message) => (status, message),
            Self::OfALayer(response) => return *response,
        };
        let mut response = (status, Json(json!({"message": message}))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// No such path; or it does not know the method, which SMSGate does not tell apart.
pub async fn not_found() -> Refusal {
    Refusal::not_found("Not Found")
}

/// A body of JSON. Everything that is wrong with it is a 400, but for its length and its slowness.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = time::timeout(BodyTimeout::of(&request), Json::from_request(request, state)).await;
        let body = body.map_err(|_| {
            Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")
        })?;
        let Json(body) = body.map_err(|rejection| {
            let status = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            // The cause alone says it shorter.
            let what = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
            Refusal::new(status, format!("failed to parse body: {what}"))
        })?;
        Ok(Self(body))
    }
}

/// The parameters of the query.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        without_nul(parts.uri.query().unwrap_or_default())?;
        let Query(params) = Query::from_request_parts(parts, state).await.map_err(|rejection| {
            Refusal::bad_request(format!("failed to parse query: {}", rejection.body_text()))
        })?;
        Ok(Self(params))
    }
}

/// The parameter of the path.
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(id) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
        without_nul(parts.uri.path())?;
        Ok(Self(id))
    }
}

/// PostgreSQL takes no text with one in it. In a URL, there is one way to write it.
fn without_nul(url: &str) -> Result<(), Refusal> {
    if url.contains("%00") {
        return Err(Refusal::bad_request("failed to parse URL: it holds a NUL"));
    }
    Ok(())
}
