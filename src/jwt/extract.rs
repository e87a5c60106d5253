use std::any::type_name;

use axum_core::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::Claims;
use crate::{Principal, Rejection, RejectionKind};

/// An axum extractor: all claims of the request's token, as a type of one's own.
///
/// ```
/// use portcullis::jwt::CustomClaims;
///
/// #[derive(serde::Deserialize)]
/// struct Mine {
///     email: String,
/// }
///
/// async fn handler(CustomClaims(mine): CustomClaims<Mine>) -> String {
///     mine.email
/// }
/// ```
///
/// It refuses as [`Principal`] does; besides, a principal that came without a JWT, and claims that do not
/// fit the type: 403.
#[derive(Clone, Copy, Debug)]
pub struct CustomClaims<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for CustomClaims<T> {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let principal = <Principal as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let forbidden = |reason| Rejection::new(RejectionKind::Forbidden, reason);
        let claims = principal.extra::<Claims>().ok_or_else(|| forbidden("jwt.no_claims"))?;
        claims.custom().map(Self).map_err(|error| {
            // The error's own text may hold a claim, which is not for the log.
            let (wanted, column) = (type_name::<T>(), error.column());
            forbidden("jwt.custom")
                .caused_by(format!("the claims do not fit {wanted}: see their byte {column}"))
        })
    }
}
