use std::{borrow::Cow, fmt, time::Duration};

use serde::de::DeserializeOwned;

use super::VerifiedJws;
pub(super) use crate::claim::LAST;
use crate::{
    Identity, ScopeSet, claim,
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
    /// All claims, as a type of one's own.
    ///
    /// # Errors
    ///
    /// When they do not fit the type.
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
}

/// The claims that were looked at, and found good.
pub(super) struct Accepted {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) scopes: ScopeSet,
    pub(super) issued: Option<Duration>,
    pub(super) claims: Claims,
}

/// A claim that is looked at, before it is judged. Absent is not the same as of a wrong type: that is
/// an error.
#[derive(Default)]
struct Registered<'j> {
    iss: Option<Cow<'j, str>>,
    sub: Option<Cow<'j, str>>,
    aud: Option<Vec<Cow<'j, str>>>,
    exp: Option<Duration>,
    nbf: Option<Duration>,
    iat: Option<Duration>,
    jti: Option<Cow<'j, str>>,
    scopes: Option<ScopeSet>,
}

impl Expected {
    /// Judges the claims of a token whose signature was verified. `now` is the time since
    /// 1970-01-01T00:00:00Z. The error is a stable code.
    pub(super) fn judge(&self, jws: VerifiedJws, now: Duration) -> Result<Accepted, &'static str> {
        let json = jws.into_payload();
        let found = Registered::parse(&json)?;
        self.judge_times(&found, now)?;
        let issuer = self.judge_issuer(found.iss.as_deref())?.to_owned();
        self.judge_audience(found.aud.as_deref())?;
        let subject = found.sub.filter(|sub| !sub.is_empty()).ok_or("jwt.sub")?.into_owned();
        let id = found.jti.filter(|jti| !jti.is_empty()).map(Cow::into_owned);
        let (scopes, issued, expires) = (found.scopes.unwrap_or_default(), found.iat, found.exp);
        Ok(Accepted { issuer, subject, scopes, issued, claims: Claims { json, id, expires } })
    }

    fn judge_times(&self, found: &Registered<'_>, now: Duration) -> Result<(), &'static str> {
        let later = now.saturating_add(self.leeway);
        match found.exp {
            Some(exp) if now >= exp.saturating_add(self.leeway) => return Err("jwt.expired"),
            None if self.needs_expiry => return Err("jwt.no_exp"),
            _ => {}
        }
        if found.nbf.is_some_and(|nbf| nbf > later) {
            return Err("jwt.not_yet_valid");
        }
        if found.iat.is_some_and(|iat| iat > later) {
            return Err("jwt.issued_in_future");
        }
        Ok(())
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

    fn judge_audience(&self, aud: Option<&[Cow<'_, str>]>) -> Result<(), &'static str> {
        let meant = match aud {
            None => self.audiences.is_empty(),
            Some(aud) => aud.iter().any(|aud| self.audiences.iter().any(|own| own == aud)),
        };
        if meant { Ok(()) } else { Err("jwt.aud") }
    }
}

impl<'j> Registered<'j> {
    fn parse(json: &'j [u8]) -> Result<Self, &'static str> {
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
                "aud" => found.aud = Some(claim::one_or_many(value).ok_or(TYPE)?),
                "exp" => found.exp = Some(date()?),
                "nbf" => found.nbf = Some(date()?),
                "iat" => found.iat = Some(date()?),
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

fn scopes(list: &[Cow<'_, str>]) -> Result<ScopeSet, crate::InvalidScope> {
    list.iter().map(|scope| crate::Scope::new(&**scope)).collect()
}
