//! Extractors for axum.

use axum_core::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::request::Parts;

use crate::{
    Anonymous, PlainText, Principal, Rejection, authorize::no_principal, gate, response::Wire,
};

/// The principal of the request. Without one: 401 if the request is [`Anonymous`]; 500, and an error in
/// the log, if no authenticating layer is outside of the handler.
impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        match Seen::of(parts)? {
            Seen::Principal(principal) => Ok(principal.clone()),
            Seen::Anonymous(anonymous) => Err(anonymous.refusal("extract.anonymous")),
        }
    }
}

/// The principal of the request, or `None` if it is [`Anonymous`]. If no authenticating layer is outside
/// of the handler: 500, and an error in the log.
impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Rejection> {
        match Seen::of(parts)? {
            Seen::Principal(principal) => Ok(Some(principal.clone())),
            Seen::Anonymous(_) => Ok(None),
        }
    }
}

/// What an authenticating layer has left.
enum Seen<'p> {
    Principal(&'p Principal),
    Anonymous(&'p Anonymous),
}

impl<'p> Seen<'p> {
    fn of(parts: &'p Parts) -> Result<Self, Rejection> {
        let principal = parts.extensions.get().map(Self::Principal);
        principal.or_else(|| parts.extensions.get().map(Self::Anonymous)).ok_or_else(no_principal)
    }
}

/// As the layers answer, worded by [`PlainText`].
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        gate::answer(self, Wire::Http, &PlainText).map(axum_core::body::Body::from)
    }
}
