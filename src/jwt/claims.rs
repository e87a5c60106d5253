use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;

use super::{jws::SignatureVerified, registered::Registered};
use crate::{
    Identity, InvalidScope, Scope, ScopeSet,
    claim::{self, Texts, Untimely, Validity},
    text::Text,
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
    json: Arc<str>,
    id: Option<Text>,
    expires: Option<Duration>,
}

impl Claims {
    /// All claims, as a type of one's own.
    ///
    /// # Errors
    ///
    /// When they do not fit the type. The error's text may hold a part of them: it is not for the log.
    pub fn custom<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.json)
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
    pub(super) issuer: Text,
    pub(super) subject: Text,
    pub(super) id: Option<Text>,
    pub(super) scopes: ScopeSet,
    pub(super) issued: Option<Duration>,
    pub(super) expires: Option<Duration>,
    pub(super) validity: Validity,
    pub(super) claims: Claims,
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
        found: &Registered<'_>,
        _proof: SignatureVerified,
        now: Duration,
    ) -> Result<Accepted, &'static str> {
        let validity = self.judge_times(found, now)?;
        let issuer = self.judge_issuer(found.iss.as_deref())?;
        if !claim::is_meant_for(found.aud.as_ref(), &self.audiences) {
            return Err("jwt.aud");
        }
        let subject = found.sub.as_deref().filter(|sub| !sub.is_empty()).ok_or("jwt.sub")?;
        let id = found.jti.as_deref().filter(|jti| !jti.is_empty());
        if self.is_rfc9068 && (id.is_none() || found.iat.is_none() || found.client_id.is_none()) {
            return Err("jwt.rfc9068");
        }
        // One copy of the claims holds all texts.
        let json: Arc<str> = found.json.into();
        let text = |part: &str| Text::part_of(&json, found.json, part);
        let (id, issued, expires) = (id.map(text), found.iat, found.exp);
        Ok(Accepted {
            issuer: text(issuer),
            subject: text(subject),
            id: id.clone(),
            scopes: scopes(found, text)?,
            issued,
            expires,
            validity,
            claims: Claims { json: json.clone(), id, expires },
        })
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

/// The scopes, by whichever claim has them. The error is a stable code.
fn scopes(found: &Registered<'_>, text: impl Fn(&str) -> Text) -> Result<ScopeSet, &'static str> {
    let one = |scopes: &Cow<'_, str>| ScopeSet::parse_text(text(scopes));
    let many = |scopes: &Vec<Cow<'_, str>>| scopes.iter().map(|scope| Scope::new(&**scope)).collect();
    let claims: [Option<Result<ScopeSet, InvalidScope>>; 3] = [
        found.scope.as_ref().map(one),
        found.scopes.as_ref().map(many),
        found.scp.as_ref().map(|scp| match scp {
            Texts::One(scopes) => one(scopes),
            Texts::Many(scopes) => many(scopes),
        }),
    ];
    let mut scopes: Option<ScopeSet> = None;
    for these in claims.into_iter().flatten() {
        let these = these.map_err(|_| "jwt.scope")?;
        if scopes.replace(these.clone()).is_some_and(|others| others != these) {
            return Err("jwt.scopes_differ");
        }
    }
    Ok(scopes.unwrap_or_default())
}

/// The issuer that a token names, of whom nothing is proved.
pub(super) fn unverified_issuer(json: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    Registered::parse(json)?.iss.ok_or("jwt.iss")
}
