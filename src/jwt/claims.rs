use std::{borrow::Cow, fmt, time::Duration};

use serde::de::DeserializeOwned;

use super::jws::SignatureVerified;
pub(super) use crate::claim::LAST;
use crate::{
    Identity, ScopeSet,
    claim::{self, Untimely, Validity},
    json::{self, Object},
};

/// The claims of a verified token, left in the [`Principal`](crate::Principal) as its `extra`.
///
/// ```
/// # use portcullis::{Principal, jwt::Claims};
/// #[derive(serde::Deserialize)]
/// struct Mine {
///     email: String,
/// }
///
/// fn email(principal: &Principal) -> Option<String> {
///     let claims = principal.extra::<Claims>()?;
///     claims.custom::<Mine>().ok().map(|mine| mine.email)
/// }
/// ```
pub struct Claims {
    json: Vec<u8>,
    id: Option<String>,
    expires: Option<Duration>,
}

impl Claims {
    pub(super) fn new(json: Vec<u8>, id: Option<String>, expires: Option<Duration>) -> Self {
        Self { json, id, expires }
    }

    /// All claims, as a type of one's own.
    ///
    /// # Errors
    ///
    /// When they do not fit the type. The error's text may hold a part of them: it is not for the log.
    pub fn custom<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.json)
    }

    /// The token's own id: `jti` (RFC 7519 section 4.1.7).
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// When the token expires: the time since 1970-01-01T00:00:00Z, without the leeway.
    pub fn expires(&self) -> Option<Duration> {
        self.expires
    }
}

/// No claim is printed.
impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// What is asked of the registered claims (RFC 7519 section 4.1).
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) issuer: Option<String>,
    pub(super) audiences: Vec<String>,
    pub(super) leeway: Duration,
    pub(super) needs_expiry: bool,
    pub(super) max_lifetime: Option<Duration>,
    /// The claims that RFC 9068 section 2.2 wants.
    pub(super) is_rfc9068: bool,
}

/// The claims that were looked at, and found good.
pub(super) struct Accepted {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) id: Option<String>,
    pub(super) scopes: ScopeSet,
    pub(super) issued: Option<Duration>,
    pub(super) expires: Option<Duration>,
    pub(super) validity: Validity,
}

/// A claim that is looked at, before it is judged. Absent is not the same as of a wrong type: that is
/// an error.
#[derive(Default)]
pub(super) struct Registered<'j> {
    iss: Option<Cow<'j, str>>,
    sub: Option<Cow<'j, str>>,
    aud: Option<Vec<Cow<'j, str>>>,
    exp: Option<Duration>,
    nbf: Option<Duration>,
    iat: Option<Duration>,
    jti: Option<Cow<'j, str>>,
    client_id: Option<Cow<'j, str>>,
    scopes: Option<ScopeSet>,
}

impl Expected {
    /// Whether a token says of itself that it is of no use any more. That may be believed of anybody.
    pub(super) fn has_expired(&self, found: &Registered<'_>, now: Duration) -> bool {
        self.validity(found).judge(now) == Err(Untimely::Expired)
    }

    /// Judges the claims of a token whose signature was verified. `now` is the time since
    /// 1970-01-01T00:00:00Z. The error is a stable code.
    pub(super) fn judge(
        &self,
        found: Registered<'_>,
        _proof: SignatureVerified,
        now: Duration,
    ) -> Result<Accepted, &'static str> {
        let validity = self.judge_times(&found, now)?;
        let issuer = self.judge_issuer(found.iss.as_deref())?.to_owned();
        if !claim::is_meant_for(found.aud.as_deref(), &self.audiences) {
            return Err("jwt.aud");
        }
        let subject = found.sub.filter(|sub| !sub.is_empty()).ok_or("jwt.sub")?.into_owned();
        let id = found.jti.filter(|jti| !jti.is_empty()).map(Cow::into_owned);
        if self.is_rfc9068 && (id.is_none() || found.iat.is_none() || found.client_id.is_none()) {
            return Err("jwt.rfc9068");
        }
        let (scopes, issued, expires) = (found.scopes.unwrap_or_default(), found.iat, found.exp);
        Ok(Accepted { issuer, subject, id, scopes, issued, expires, validity })
    }

    fn validity(&self, found: &Registered<'_>) -> Validity {
        Validity { exp: found.exp, nbf: found.nbf, iat: found.iat, leeway: self.leeway }
    }

    fn judge_times(&self, found: &Registered<'_>, now: Duration) -> Result<Validity, &'static str> {
        if found.exp.is_none() && self.needs_expiry {
            return Err("jwt.no_exp");
        }
        let validity = self.validity(found);
        validity.judge(now).map_err(|untimely| match untimely {
            Untimely::Expired => "jwt.expired",
            Untimely::NotYetValid => "jwt.not_yet_valid",
            Untimely::IssuedInFuture => "jwt.issued_in_future",
        })?;
        self.judge_lifetime(found)?;
        Ok(validity)
    }

    fn judge_lifetime(&self, found: &Registered<'_>) -> Result<(), &'static str> {
        match (self.max_lifetime, found.iat, found.exp) {
            (None, _, _) => Ok(()),
            (Some(_), None, _) => Err("jwt.no_iat"),
            (Some(max), Some(iat), Some(exp)) if exp <= iat.saturating_add(max) => Ok(()),
            (Some(_), Some(_), _) => Err("jwt.lifetime"),
        }
    }

    /// Exact bytes: no prefix, no other case, no forgotten slash.
    fn judge_issuer<'i>(&self, iss: Option<&'i str>) -> Result<&'i str, &'static str> {
        match &self.issuer {
            Some(issuer) => iss.filter(|iss| iss == issuer),
            // A stranger's token does not become one of the own users'.
            None => Some(iss.unwrap_or_default()).filter(|iss| *iss != Identity::LOCAL),
        }
        .ok_or("jwt.iss")
    }
}

impl<'j> Registered<'j> {
    /// Reads the claims, believing none. The error is a stable code.
    pub(super) fn parse(json: &'j [u8]) -> Result<Self, &'static str> {
        let object = Object::parse(json).ok_or("jwt.claims")?;
        let mut found = Self::default();
        for (name, value) in object.members() {
            const TYPE: &str = "jwt.claim_type";
            let text = || json::string(value).ok_or(TYPE);
            let many = || claim::strings(value).ok_or(TYPE);
            let date = || claim::numeric_date(value).ok_or(TYPE);
            match &**name {
                "iss" => found.iss = Some(text()?),
                "sub" => found.sub = Some(text()?),
                "jti" => found.jti = Some(text()?),
                "client_id" => found.client_id = Some(text()?),
                "aud" => found.aud = Some(claim::one_or_many(value).ok_or(TYPE)?),
                "exp" => found.exp = Some(date()?),
                "nbf" => found.nbf = Some(date()?),
                "iat" => found.iat = Some(date()?),
                // Good only with a proof that this layer does not look at (RFC 7800 section 3).
                "cnf" => return Err("jwt.bound"),
                "scope" => found.add_scopes(ScopeSet::parse(&text()?))?,
                "scopes" => found.add_scopes(scopes(&many()?))?,
                "scp" => found.add_scopes(match text() {
                    Ok(text) => ScopeSet::parse(&text),
                    Err(_) => scopes(&many()?),
                })?,
                _ => {}
            }
        }
        Ok(found)
    }

    fn add_scopes(
        &mut self,
        scopes: Result<ScopeSet, crate::InvalidScope>,
    ) -> Result<(), &'static str> {
        let scopes = scopes.map_err(|_| "jwt.scope")?;
        match &self.scopes {
            Some(other) if *other != scopes => Err("jwt.scopes_differ"),
            _ => {
                self.scopes = Some(scopes);
                Ok(())
            }
        }
    }
}

/// The issuer that a token names, of whom nothing is proved.
pub(super) fn unverified_issuer(json: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let object = Object::parse(json).ok_or("jwt.claims")?;
    let iss = object.members().iter().find(|(name, _)| name == "iss");
    iss.and_then(|(_, value)| json::string(value)).ok_or("jwt.iss")
}

fn scopes(list: &[Cow<'_, str>]) -> Result<ScopeSet, crate::InvalidScope> {
    list.iter().map(|scope| crate::Scope::new(&**scope)).collect()
}
