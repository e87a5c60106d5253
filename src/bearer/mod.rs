//! What bearer tokens of every kind have in common (RFC 6750).

mod auth;
mod place;

pub use self::auth::{BearerAuth, TokenVerifier};
pub(crate) use self::place::Place;

use crate::{Challenge, ConfigError, Rejection, RejectionKind, Scheme, head::after_blanks, secure_url};

/// Reads a `b64token` (section 2.1) with nothing around it.
pub(crate) fn only_token(sent: &[u8]) -> Option<&str> {
    let padding = sent.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = sent.split_at(sent.len() - padding);
    // All of it is looked at, so that many bytes can be looked at together.
    let is_token = text.iter().fold(true, |so_far, byte| so_far & is_b64token(*byte));
    if text.is_empty() || !is_token {
        return None;
    }
    std::str::from_utf8(sent).ok()
}

/// All but the padding.
fn is_b64token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
}

/// What follows the scheme's name and one or more blanks. Whether it is a token was not looked at.
pub(crate) fn sent_after(credentials: &[u8]) -> Result<&[u8], Rejection> {
    after_blanks(credentials).ok_or_else(malformed)
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
    use super::{only_token, sent_after};

    #[test]
    fn b64tokens_are_read_and_nothing_else_is() {
        let token = |credentials| only_token(sent_after(credentials).ok()?);
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
