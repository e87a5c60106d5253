//! Identifiers: `scheme::value`. No fixed first segment of a path looks like one, so that none of them
//! ever becomes a group.

use std::{collections::HashMap, convert::Infallible};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use portcullis::Rejection;

use super::answer::missing;
use crate::database::is_stored_as_it_is;

/// The scheme in which case does not matter, written like this.
const WITHOUT_CASE: &str = "iso6523-actorid-upis";

/// The one spelling of a participant's id, percent-decoded already, by which its group is owned, stored
/// and compared.
pub fn participant(text: &str) -> Option<String> {
    let (scheme, value) = split(text)?;
    if scheme == WITHOUT_CASE { spelled(scheme, &value.to_lowercase()) } else { spelled(scheme, value) }
}

/// The one spelling of a document type's id. Its case matters.
pub fn document_type(text: &str) -> Option<String> {
    let (scheme, value) = split(text)?;
    spelled(scheme, value)
}

/// An id as documents have it: the scheme in an attribute, the value in the element.
pub fn joined(scheme: &str, value: &str) -> Option<String> {
    let (scheme, value) = (scheme.trim(), value.trim());
    let text = format!("{scheme}::{value}");
    // Colons at the end of a scheme would make it the id of another.
    (split(&text) == Some((scheme, value))).then_some(text)
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (scheme, value) = text.trim().split_once("::")?;
    let is_id = !scheme.is_empty() && !value.is_empty() && !text.trim().contains(char::is_control);
    is_id.then_some((scheme, value))
}

fn spelled(scheme: &str, value: &str) -> Option<String> {
    let id = format!("{scheme}::{value}");
    is_stored_as_it_is(&id).then_some(id)
}

/// What the path names; `None` for what is no id.
pub struct Named {
    pub group: Option<String>,
    pub document: Option<String>,
    params: HashMap<String, String>,
}

impl Named {
    /// A parameter as it was sent, decoded.
    pub fn sent(&self, param: &str) -> &str {
        self.params.get(param).map_or("", |text| text.trim())
    }

    /// For who reads: nothing is there by what is no id.
    pub fn group(&self) -> Result<&str, Rejection> {
        self.group.as_deref().ok_or_else(|| missing("smp.no_id"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let path = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let params = path.map(|Path(params)| params).unwrap_or_default();
        Ok(Self {
            group: params.get("group").and_then(|text| participant(text)),
            document: params.get("document").and_then(|text| document_type(text)),
            params,
        })
    }
}
