//! What bearer tokens of every kind have in common (RFC 6750).

mod auth;
mod place;

pub use self::auth::{BearerAuth, TokenVerifier};
pub(crate) use self::place::Place;

use crate::{Challenge, ConfigError, Rejection, RejectionKind, Scheme, head::after_blanks, secure_url};

/// Reads what follows the scheme's name: one or more blanks, then `b64token` (section 2.1).
pub(crate) fn token(credentials: &[u8]) -> Option<&str> {
    only_token(after_blanks(credentials)?)
}

/// Reads a `b64token` with nothing around it.
fn only_token(token: &[u8]) -> Option<&str> {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = token.split_at(token.len() - padding);
    if text.is_empty() || !text.iter().copied().all(is_b64token) {
        return None;
    }
    std::str::from_utf8(token).ok()
}

/// All but the padding.
fn is_b64token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// The refusal of credentials that are no `b64token`.
pub(crate) fn malformed() -> Rejection {
    Rejection::new(RejectionKind::InvalidRequest, "bearer.malformed")
}

/// Every challenge there is (section 3): made once.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    realm: String,
    plain: Challenge,
    invalid_request: Challenge,
    invalid_token: Challenge,
}

impl Challenges {
    pub(crate) fn new(realm: &str) -> Result<Self, ConfigError> {
        Self::with(realm, None)
    }

    /// Also says where the metadata of the resource is (RFC 9728 section 5.1).
    pub(crate) fn resource_metadata(&self, url: &str) -> Result<Self, ConfigError> {
        secure_url::check_without_query("the URL of the resource's metadata", url)?;
        Self::with(&self.realm, Some(url))
    }

    fn with(realm: &str, resource_metadata: Option<&str>) -> Result<Self, ConfigError> {
        let make = |kind: Option<RejectionKind>| {
            let mut challenge = Challenge::builder(Scheme::BEARER.as_str()).param("realm", realm);
            if let Some(error) = kind.and_then(RejectionKind::oauth_error) {
                challenge = challenge.param("error", error);
            }
            if let Some(url) = resource_metadata {
                challenge = challenge.param("resource_metadata", url);
            }
            challenge.build()
        };
        Ok(Self {
            realm: realm.to_owned(),
            plain: make(None)?,
            invalid_request: make(Some(RejectionKind::InvalidRequest))?,
            invalid_token: make(Some(RejectionKind::RefusedCredentials))?,
        })
    }

    /// The challenge of a refusal of this kind, or of a mere offer.
    pub(crate) fn of(&self, refused: Option<RejectionKind>) -> Challenge {
        match refused.and_then(RejectionKind::oauth_error) {
            Some("invalid_request") => self.invalid_request.clone(),
            Some(_) => self.invalid_token.clone(),
            None => self.plain.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn b64tokens_are_read_and_nothing_else_is() {
        for (sent, read) in [
            (&b" mF_9.B5f-4.1JqM"[..], Some("mF_9.B5f-4.1JqM")),
            (b"   abc==", Some("abc==")),
            (b" a~+/-._", Some("a~+/-._")),
            (b"", None),
            (b" ", None),
            (b" ==", None),
            (b"\tabc", None),
            (b",abc", None),
            (b" a b", None),
            (b" abc ", None),
            (b" a=b", None),
            (b" a\xffb", None),
            (b" a,b", None),
            (b" \"abc\"", None),
        ] {
            assert_eq!(token(sent), read, "{}", String::from_utf8_lossy(sent));
        }
    }
}
