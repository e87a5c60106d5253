//! The parameters of a request, as they were signed.

use std::collections::HashMap;

use axum::{
    Form, Json,
    extract::{FromRequest, Query, Request},
    http::{Method, header},
};
use serde_json::Value;

use super::refusal::Refusal;

/// Of a `GET`, from the query; of a `POST`, from a flat JSON object or a form. The layer has verified
/// them: each is there once, and is a text or a number.
pub struct Params(HashMap<String, String>);

impl Params {
    /// A parameter that says something.
    pub fn text(&self, name: &str) -> Option<&str> {
        // Blanks around a value are not signed, so they say nothing.
        let text = self.0.get(name)?.trim_matches([' ', '\t', '\n', '\r']);
        (!text.is_empty()).then_some(text)
    }

    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::bad_parameter(format!("{name} is missing")))
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let params: Option<HashMap<_, _>> = if request.method() != Method::POST {
            Query::try_from_uri(request.uri()).ok().map(|Query(params)| params)
        } else if is_json(&request) {
            let json = Json::<HashMap<String, Value>>::from_request(request, state).await.ok();
            json.map(|Json(json)| {
                json.into_iter().map(|(name, value)| (name, text_of(value))).collect()
            })
        } else {
            Form::from_request(request, state).await.ok().map(|Form(params)| params)
        };
        let params = params.ok_or_else(|| Refusal::bad_parameter("the parameters cannot be read"))?;
        // PostgreSQL takes no text with one in it.
        if params.values().any(|text| text.contains('\0')) {
            return Err(Refusal::bad_parameter("a parameter holds a NUL"));
        }
        Ok(Self(params))
    }
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map_or(&b""[..], |value| value.as_bytes());
    let json = b"application/json";
    content_type.get(..json.len()).is_some_and(|start| start.eq_ignore_ascii_case(json))
}

/// `1000` and `"1000"` have one signature, and so they are one value.
fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
