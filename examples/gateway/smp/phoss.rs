//! The preset: what the real program answers where it does otherwise than its page says.

use std::error::Error;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{Principal, Rejection, RejectionKind as Kind};
use sha2::{Digest, Sha256};

use super::{document::OtherId, id::Named};
use crate::{Gateway, admin::now};

const MISSING: &str = "Missing required HTTP header 'Authorization' for user authentication";
const MALFORMED: &str = "The HTTP header 'Authorization' is malformed. Contains neither a Bearer Token nor \
                         Basic Auth";
const REFUSED: &str = "Username and/or password are invalid!";
const DISABLED: &str = "User is disabled!";

/// On a response that has its words.
#[derive(Clone)]
struct Worded;

/// Words a refusal. It stands outside of the authenticating layer, for what that refuses, and once more inside,
/// where it is known who asks.
pub async fn word(
    State(gateway): State<Gateway>,
    named: Named,
    request: Request,
    next: Next,
) -> Response {
    let asked = Asked::of(&gateway, named, &request);
    let mut response = next.run(request).await;
    if response.extensions().get::<Worded>().is_some() {
        return response;
    }
    let Some(rejection) = response.extensions().get::<Rejection>().cloned() else {
        return response;
    };
    let Some((status, text)) = asked.answer(&gateway, &rejection).await else {
        return response;
    };
    *response.status_mut() = status;
    *response.body_mut() = Body::from(text);
    response.extensions_mut().insert(Worded);
    let headers = response.headers_mut();
    headers.remove(header::WWW_AUTHENTICATE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    // The caller's own words are in it.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What a refusal repeats of a request.
struct Asked {
    principal: Option<Principal>,
    /// The name that was sent with a password.
    name: String,
    /// The digest of the bearer token that was sent.
    token: Option<Vec<u8>>,
    named: Named,
    path: String,
    url: String,
}

impl Asked {
    fn of(gateway: &Gateway, named: Named, request: &Request) -> Self {
        Self {
            principal: request.extensions().get().cloned(),
            name: name_sent(request).unwrap_or_default(),
            token: sent(request).map(|token| Sha256::digest(token).to_vec()),
            named,
            path: request.uri().path().to_owned(),
            url: format!("{}{}", gateway.settings.public_url, request.uri().path()),
        }
    }

    /// `None` for what it has no words of its own for.
    async fn answer(&self, gateway: &Gateway, rejection: &Rejection) -> Option<(StatusCode, String)> {
        let Self { name, named, url, .. } = self;
        let (group, document) = (named.sent("group"), named.sent("document"));
        // As it is owned.
        let id = named.group.as_deref().unwrap_or_default();
        let details = gateway.settings.error_details;
        let forbidden = |text: &str| Some((StatusCode::FORBIDDEN, text.to_owned()));
        let missing = |text| Some((StatusCode::NOT_FOUND, format!("Not found: {text}")));
        let bad = |text| Some((StatusCode::BAD_REQUEST, format!("Bad request: {text} at '{url}'")));
        match (rejection.kind(), rejection.reason()) {
            (Kind::MissingCredentials, _) => forbidden(MISSING),
            (Kind::MalformedCredentials | Kind::InvalidRequest, _)
            | (_, "authorization.unknown_scheme") => forbidden(MALFORMED),
            (Kind::RefusedCredentials, "basic.unknown_user") if details => {
                forbidden(&format!("Unknown user '{name}'"))
            }
            (Kind::RefusedCredentials, "basic.disabled" | "basic.locked" | "basic.expired")
                if details =>
            {
                forbidden(DISABLED)
            }
            (Kind::RefusedCredentials, "user_token.unknown")
                if details && self.is_of_refused_user(gateway).await =>
            {
                forbidden(DISABLED)
            }
            (Kind::RefusedCredentials, reason) if details && reason.starts_with("user_token.") => {
                forbidden("Unknown Bearer token")
            }
            (Kind::RefusedCredentials, _) => forbidden(REFUSED),
            (Kind::Forbidden, _) => {
                let login = self.login(gateway).await;
                forbidden(&format!("User '{login}' does not own '{id}'"))
            }
            (_, "ownership.unknown") => {
                missing(format!("Service Group '{id}' is not registered on this SMP"))
            }
            (_, "smp.missing") => {
                missing(format!("Service Group '{group}' is not registered on this SMP at {url}"))
            }
            (_, "smp.missing_service") => missing(format!(
                "Service Group '{group}' doesn't support the document type ID '{document}' at {url}"
            )),
            (_, "smp.missing_card") => {
                missing(format!("No Business Card assigned to Service Group '{group}' at {url}"))
            }
            (_, "smp.no_card_to_push") => {
                bad(format!("The provided Service Group ID '{group}' has no BusinessCard on this SMP"))
            }
            (_, "smp.no_id" | "ownership.resource_id" | "ownership.percent_encoding") => {
                bad(format!("Failed to parse Service Group ID '{group}'"))
            }
            (_, "smp.no_document_type" | "smp.document_type_id") => {
                bad(format!("Failed to parse Document Type ID '{document}'"))
            }
            (_, "smp.xml.other_participant" | "smp.xml.other_document_type" | "smp.xml.no_id") => {
                let other = rejection.source().and_then(|cause| cause.downcast_ref::<OtherId>());
                bad(self.inconsistency(rejection.reason(), other)?)
            }
            _ => None,
        }
    }

    /// What is said of a document whose id is not the one in its path.
    fn inconsistency(&self, reason: &str, other: Option<&OtherId>) -> Option<String> {
        let Self { named, path, .. } = self;
        let group = named.group.as_deref()?;
        let other = other.map(|OtherId(id)| format!("'{id}'"));
        if path.starts_with("/businesscard/") {
            let other = other?;
            return Some(format!(
                "Participant Inconsistency. The URL points to '{group}' whereas the BusinessCard contains {other}"
            ));
        }
        let other = other.unwrap_or_else(|| "<none>".to_owned());
        let Some(document) = named.document.as_deref() else {
            return Some(format!(
                "Service Group Inconsistency. The URL points to '{group}' whereas the Service Group contains {other}"
            ));
        };
        // The misspelling is the program's.
        let (what, sent) = match reason {
            "smp.xml.other_document_type" => ("Service Information Document Type ID", document),
            _ => ("Service Infoformation Participant ID", group),
        };
        Some(format!(
            "Save Service Metadata was called with inconsistent values.\n{what}: {other}\nURL parameter value: '{sent}'"
        ))
    }

    /// Whether the token that was sent is good, but for its user, who is disabled, locked or expired.
    async fn is_of_refused_user(&self, gateway: &Gateway) -> bool {
        let select: sqlx::Result<Option<(i64,)>> = sqlx::query_as(
            "SELECT 1 FROM portcullis_user_tokens t \
             JOIN portcullis_users u ON u.issuer = t.issuer AND u.subject = t.subject \
             WHERE t.digest = $1 AND t.revoked IS NULL AND (t.expires IS NULL OR t.expires > $2) \
             AND (u.disabled <> 0 OR u.locked <> 0 OR u.expires <= $2)",
        )
        .bind(self.token.as_deref())
        .bind(now())
        .fetch_optional(gateway.database.pool())
        .await;
        matches!(select, Ok(Some(_)))
    }

    /// The name that the caller signs in by.
    async fn login(&self, gateway: &Gateway) -> String {
        let Some(principal) = &self.principal else { return String::new() };
        let name: sqlx::Result<(String,)> =
            sqlx::query_as("SELECT name FROM portcullis_users WHERE issuer = $1 AND subject = $2")
                .bind(principal.issuer())
                .bind(principal.subject())
                .fetch_one(gateway.database.pool())
                .await;
        name.map_or_else(|_| principal.subject().to_owned(), |(name,)| name)
    }
}

/// What was sent behind the name of a scheme.
fn sent(request: &Request) -> Option<&str> {
    let sent = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    Some(sent.split_once(' ')?.1.trim())
}

fn name_sent(request: &Request) -> Option<String> {
    let pair = STANDARD.decode(sent(request)?).ok()?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(name, _)| name.to_owned())
}
