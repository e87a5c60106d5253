//! Who is it, and may they: the layers, and the words of their refusals.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header},
};
use bytes::Bytes;
use portcullis::{
    AuthenticateLayer, Authenticator, AuthorizeLayer, BearerAuth, Identity, Principal, Rejection,
    RejectionKind, Scope, ScopePolicy, ScopeSet,
    basic::BasicAuth,
    jwt::{Algorithm, JwtAuth, Key, Keys, refresh::Refresher},
};
use serde_json::json;

use super::{answer::Refusal, bearer::Tokens, scopes::is_own};
use crate::{Error, Gateway, password::Passwords};

const REALM: &str = "SMSGate";

/// The issuer of the tokens (`iss`).
pub const ISSUER: &str = "sms-gate.app";

/// By how much the clock of the instance that issues a token may differ from that of the one that verifies it.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// HTTP Basic, and JWTs unless they are switched off. A clone copies pointers.
#[derive(Clone)]
pub struct Schemes {
    bearer: Option<BearerAuth>,
    basic: BasicAuth,
    details: bool,
}

impl Schemes {
    pub fn new(gateway: &Gateway, refresher: Refresher) -> Result<Self, Error> {
        let bearer = gateway.settings.tokens.then(|| bearer(gateway, refresher)).transpose()?;
        let basic = gateway.passwords(REALM, Passwords(gateway.database.clone()))?;
        Ok(Self { bearer, basic, details: gateway.settings.error_details })
    }

    pub fn layer(&self) -> AuthenticateLayer {
        let Self { bearer, basic, details } = self.clone();
        let layer = match bearer {
            Some(bearer) => AuthenticateLayer::new(bearer).or(basic),
            None => AuthenticateLayer::new(basic),
        };
        layer.no_grpc().respond_with(move |rejection: &Rejection| unauthorized(rejection, details))
    }

    /// Refuses a credential that the layer has let through, as the layer would now.
    pub fn refuse(&self, caller: &Principal, reason: &'static str) -> Refusal {
        let mut rejection = Rejection::refused(reason);
        let bearer = self.bearer.iter().map(|bearer| bearer as &dyn Authenticator);
        for scheme in bearer.chain([&self.basic as &dyn Authenticator]) {
            let is_own = scheme.scheme() == caller.scheme();
            let challenge = scheme.challenge(is_own.then_some(rejection.kind()));
            rejection = rejection.challenge(&challenge);
        }
        as_a_layer(unauthorized(&rejection, self.details), rejection)
    }
}

fn bearer(gateway: &Gateway, refresher: Refresher) -> Result<BearerAuth, Error> {
    let keys = Keys::new([Key::hmac(Algorithm::HS256, gateway.vault.jwt_secret())?])?;
    let jwt = JwtAuth::builder(keys)
        .issuer(ISSUER)
        // Who trades the password for a token stays the same.
        .identities_of(Identity::LOCAL)
        .leeway(CLOCKS_DIFFER)
        .revocations(gateway.database.store().clone())
        .build()?;
    Ok(BearerAuth::new(REALM, Tokens { access: jwt, refresher })?)
}

/// This scope, or `all:any`.
pub fn needs(scope: &'static str) -> AuthorizeLayer {
    assert!(is_own(scope), "{scope} is not in the list of scopes");
    authorize(scope, ScopePolicy::from(Scope::from_static(scope)))
}

/// This scope and no other.
pub fn exactly(scope: &'static str) -> AuthorizeLayer {
    authorize(scope, ScopePolicy::from(Scope::from_static(scope)).no_global_scope())
}

fn authorize(scope: &'static str, policy: ScopePolicy) -> AuthorizeLayer {
    AuthorizeLayer::new(policy).no_grpc().respond_with(move |rejection: &Rejection| {
        match rejection.kind() {
            RejectionKind::InsufficientScope => scope_required(scope),
            kind => answer(kind.status(), &json!({"message": kind.text()})),
        }
    })
}

/// Refuses, as a layer would, who asks for scopes and does not hold all of them: the first that is missing is named.
/// `None` for who does.
pub fn refuse_first_missing(asked: &ScopeSet, holder: &Principal) -> Option<Refusal> {
    asked.iter().find_map(|scope| {
        let policy = ScopePolicy::from(Scope::new(scope).ok()?);
        let rejection = policy.check(holder).err()?;
        Some(as_a_layer(scope_required(scope), rejection))
    })
}

fn scope_required(scope: &str) -> Response<Bytes> {
    answer(StatusCode::FORBIDDEN, &json!({"message": format!("scope required: {scope}")}))
}

/// Adds what the layers add to every refusal.
fn as_a_layer(mut response: Response<Bytes>, rejection: Rejection) -> Refusal {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for challenge in rejection.challenges() {
        headers.append(header::WWW_AUTHENTICATE, challenge.clone());
    }
    response.extensions_mut().insert(rejection);
    Refusal::OfALayer(Box::new(response.map(Body::from)))
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
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
