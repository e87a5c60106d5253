//! Who is it, and may they: the layers, and the words of their refusals.

use std::time::Duration;

use axum::http::{Response, StatusCode, header};
use bytes::Bytes;
use portcullis::{
    AuthenticateLayer, AuthorizeLayer, BearerAuth, Identity, Rejection, RejectionKind, Scope,
    ScopePolicy,
    jwt::{Algorithm, JwtAuth, Key, Keys, refresh::Refresher},
};
use serde_json::json;

use super::bearer::Tokens;
use crate::{Error, Gateway, password::Passwords};

const REALM: &str = "SMSGate";

/// The issuer of the tokens (`iss`).
pub const ISSUER: &str = "sms-gate.app";

/// By how much the clock of the instance that issues a token may differ from that of the one that verifies it.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// HTTP Basic, and JWTs unless they are switched off.
pub fn authenticate(gateway: &Gateway, refresher: Refresher) -> Result<AuthenticateLayer, Error> {
    let basic = gateway.passwords(REALM, Passwords(gateway.database.clone()))?;
    let layer = if gateway.settings.tokens {
        let keys = Keys::new([Key::hmac(Algorithm::HS256, gateway.vault.jwt_secret())?])?;
        let jwt = JwtAuth::builder(keys)
            .issuer(ISSUER)
            // Who trades the password for a token stays the same.
            .identities_of(Identity::LOCAL)
            .leeway(CLOCKS_DIFFER)
            .revocations(gateway.database.store().clone())
            .build()?;
        let tokens = BearerAuth::new(REALM, Tokens { access: jwt, refresher })?;
        AuthenticateLayer::new(tokens).or(basic)
    } else {
        AuthenticateLayer::new(basic)
    };
    let details = gateway.settings.error_details;
    Ok(layer.respond_with(move |rejection: &Rejection| unauthorized(rejection, details)))
}

/// This scope, or `all:any`.
pub fn needs(scope: &'static str) -> AuthorizeLayer {
    authorize(scope, ScopePolicy::from(Scope::from_static(scope)))
}

/// This scope and no other.
pub fn exactly(scope: &'static str) -> AuthorizeLayer {
    authorize(scope, ScopePolicy::from(Scope::from_static(scope)).no_global_scope())
}

fn authorize(scope: &'static str, policy: ScopePolicy) -> AuthorizeLayer {
    AuthorizeLayer::new(policy).respond_with(move |rejection: &Rejection| match rejection.kind() {
        RejectionKind::InsufficientScope => {
            answer(rejection.kind().status(), &json!({"message": format!("scope required: {scope}")}))
        }
        kind => answer(kind.status(), &json!({"message": kind.text()})),
    })
}

/// One text for every reason, unless the operator looks for what is wrong.
fn unauthorized(rejection: &Rejection, details: bool) -> Response<Bytes> {
    let (status, message) = match rejection.kind() {
        RejectionKind::InvalidRequest
        | RejectionKind::MalformedCredentials
        | RejectionKind::MissingCredentials
        | RejectionKind::RefusedCredentials => (StatusCode::UNAUTHORIZED, "Unauthorized"),
        kind => (kind.status(), kind.text()),
    };
    if details {
        answer(status, &json!({"message": message, "reason": rejection.reason()}))
    } else {
        answer(status, &json!({"message": message}))
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
