use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::{
    Rejection, ScopeSet, StoreError,
    claim::{Texts, Value},
    json::Object,
};

/// What was said of a good token (RFC 7662 section 2.2), left in the [`Principal`](crate::Principal) as its
/// `extra`.
///
/// ```
/// # use portcullis::{Principal, introspection::IntrospectionResponse};
/// fn client(principal: &Principal) -> Option<&str> {
///     principal.extra::<IntrospectionResponse>()?.client_id()
/// }
/// ```
pub struct IntrospectionResponse {
    pub(super) json: Bytes,
    pub(super) client_id: Option<String>,
    pub(super) username: Option<String>,
    pub(super) expires: Option<Duration>,
}

impl IntrospectionResponse {
    /// The client that the token was issued to: `client_id`.
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// A name for people of who has authorized the token: `username`. Not an identity: it may be given to
    /// somebody else.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// When the token expires: the time since 1970-01-01T00:00:00Z, without the leeway.
    pub fn expires(&self) -> Option<Duration> {
        self.expires
    }

    /// All members, as a type of one's own.
    ///
    /// # Errors
    ///
    /// When they do not fit the type. The error's text may hold a part of them: it is not for the log.
    pub fn custom<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.json)
    }
}

/// No member is printed.
impl fmt::Debug for IntrospectionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionResponse").finish_non_exhaustive()
    }
}

/// The members of an active token's response that are looked at, before they are judged.
#[derive(Default)]
pub(super) struct Members<'j> {
    pub(super) iss: Option<Cow<'j, str>>,
    pub(super) sub: Option<Cow<'j, str>>,
    pub(super) aud: Option<Texts<'j>>,
    pub(super) exp: Option<Duration>,
    pub(super) nbf: Option<Duration>,
    pub(super) iat: Option<Duration>,
    pub(super) jti: Option<Cow<'j, str>>,
    pub(super) scope: ScopeSet,
    pub(super) token_type: Option<Cow<'j, str>>,
    pub(super) client_id: Option<Cow<'j, str>>,
    pub(super) username: Option<Cow<'j, str>>,
}

impl<'j> Members<'j> {
    /// Reads the response to a question about a token, which is refused if it is not active.
    pub(super) fn parse(json: &'j [u8]) -> Result<Self, Rejection> {
        let object = Object::parse(json).ok_or_else(no_answer)?;
        let members = object.members();
        let active = members.iter().find(|(name, _)| name == "active");
        match active.map(|(_, value)| value.get()) {
            Some("true") => {}
            Some("false") => return Err(Rejection::refused("introspection.inactive")),
            _ => return Err(no_answer()),
        }
        let mut found = Self::default();
        for (name, value) in members {
            found.read(name, value).map_err(Rejection::refused)?;
        }
        Ok(found)
    }

    fn read(&mut self, name: &str, value: &'j RawValue) -> Result<(), &'static str> {
        const TYPE: &str = "introspection.member_type";
        let value = || serde_json::from_str::<Value<'_>>(value.get()).map_err(|_| TYPE);
        let text = || value()?.into_text().ok_or(TYPE);
        let date = || value()?.into_date().ok_or(TYPE);
        match name {
            "iss" => self.iss = Some(text()?),
            "sub" => self.sub = Some(text()?),
            "aud" => self.aud = Some(value()?.into_texts().ok_or(TYPE)?),
            "exp" => self.exp = Some(date()?),
            "nbf" => self.nbf = Some(date()?),
            "iat" => self.iat = Some(date()?),
            "jti" => self.jti = Some(text()?),
            "scope" => self.scope = ScopeSet::parse(&text()?).map_err(|_| "introspection.scope")?,
            "token_type" => self.token_type = Some(text()?),
            "client_id" => self.client_id = Some(text()?),
            "username" => self.username = Some(text()?),
            // Good only with a proof that this layer does not look at (RFC 7800 section 3).
            "cnf" => return Err("introspection.bound"),
            _ => {}
        }
        Ok(())
    }
}

fn no_answer() -> Rejection {
    let cause = StoreError::new("what came is no JSON object with a boolean `active`");
    Rejection::unavailable("introspection.response", cause)
}
