use http::{HeaderName, header};

use super::sent_after;
use crate::{Authorization, ConfigError, Head, Rejection, RejectionKind, Scheme, head::is_token};

/// Where a bearer token is looked for: in one place, and nowhere else.
#[derive(Clone, Debug, Default)]
pub(crate) enum Place {
    /// `Authorization: Bearer …` (RFC 6750 section 2.1).
    #[default]
    Authorization,
    /// The cookie of this name (RFC 6265 section 4.2).
    Cookie(String),
    /// The whole value of this header field.
    Header(HeaderName),
}

impl Place {
    pub(crate) fn cookie(name: String) -> Result<Self, ConfigError> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(ConfigError::new(format!(
                "{name:?} is no name of a cookie (RFC 6265 section 4.1.1)"
            )));
        }
        Ok(Self::Cookie(name))
    }

    /// `Authorization` by its own rules, if it is that field.
    pub(crate) fn header(name: HeaderName) -> Self {
        if name == header::AUTHORIZATION { Self::Authorization } else { Self::Header(name) }
    }

    /// What was sent in place of a token; whether it is one was not looked at. `None`: nothing was. Two tokens, here or
    /// here and in `Authorization` or the query, are none that could be judged: 400.
    pub(crate) fn sent<'h>(&self, head: &Head<'h>) -> Option<Result<&'h [u8], Rejection>> {
        let mut sent = match self {
            Self::Authorization => {
                let credentials = head.credentials(Scheme::BEARER.as_str())?;
                return Some(if has_token_in_query(head) {
                    several()
                } else {
                    sent_after(credentials)
                });
            }
            Self::Cookie(name) => Sent::of(cookies(head, name)),
            Self::Header(name) => {
                Sent::of(head.headers().get_all(name).iter().map(http::HeaderValue::as_bytes))
            }
        };
        let is_elsewhere =
            || !matches!(head.authorization(), Authorization::Absent) || has_token_in_query(head);
        if !matches!(sent, Sent::Nothing) && is_elsewhere() {
            sent = Sent::Several;
        }
        match sent {
            Sent::Nothing => None,
            Sent::One(value) => Some(Ok(value)),
            Sent::Several => Some(several()),
        }
    }
}

/// RFC 6750 section 2: no more than one method in a request. One token may be meant for somebody else on the way.
fn several<T>() -> Result<T, Rejection> {
    Err(Rejection::new(RejectionKind::InvalidRequest, "bearer.several_tokens"))
}

/// Whether there is a parameter by which some send tokens (RFC 6750 section 2.3). Here it is none.
fn has_token_in_query(head: &Head<'_>) -> bool {
    let is_token = |pair: &[u8]| {
        pair.strip_prefix(b"access_token").is_some_and(|rest| matches!(rest.first(), None | Some(b'=')))
    };
    head.uri().query().is_some_and(|query| query.as_bytes().split(|byte| *byte == b'&').any(is_token))
}

/// How many values there are.
enum Sent<'h> {
    Nothing,
    One(&'h [u8]),
    Several,
}

impl<'h> Sent<'h> {
    fn of(mut values: impl Iterator<Item = &'h [u8]>) -> Self {
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// The values of the cookies of this name. HTTP/2 sends cookies in several lines (RFC 9113 section
/// 8.2.3).
fn cookies<'h>(head: &Head<'h>, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let lines = head.headers().get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}
