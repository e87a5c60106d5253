//! The preset: what the real program answers where it does otherwise than its page says.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use portcullis::{Principal, Rejection, RejectionKind as Kind};

use super::id::Named;
use crate::Gateway;

const MISSING: &str = "Missing required HTTP header 'Authorization' for user authentication";
const MALFORMED: &str = "The HTTP header 'Authorization' is malformed. Contains neither a Bearer Token nor \
                         Basic Auth";
const REFUSED: &str = "Username and/or password are invalid!";

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
    named: Named,
    url: String,
}

impl Asked {
    fn of(gateway: &Gateway, named: Named, request: &Request) -> Self {
        Self {
            principal: request.extensions().get().cloned(),
            name: name_sent(request).unwrap_or_default(),
            named,
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
            (Kind::RefusedCredentials, "basic.disabled") if details => forbidden("User is disabled!"),
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
            _ => None,
        }
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

fn name_sent(request: &Request) -> Option<String> {
    let sent = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let pair = STANDARD.decode(sent.split_once(' ')?.1.trim()).ok()?;
    String::from_utf8(pair).ok()?.split_once(':').map(|(name, _)| name.to_owned())
}
