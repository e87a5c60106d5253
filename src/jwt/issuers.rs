use std::{borrow::Cow, fmt, sync::Arc};

use super::{JwtAuth, claims::unverified_issuer, jws::unverified_payload};
use crate::{ConfigError, NowOrLater, Principal, Rejection, TokenVerifier};

/// JWTs of several issuers on the same routes, each with keys, audience and rules of its own.
///
/// A token is judged by the [`JwtAuth`] whose issuer it names, byte for byte, and by no other: no issuer's
/// key is good for another's tokens (RFC 8725 section 3.8).
///
/// ```
/// use portcullis::{
///     AuthenticateLayer, BearerAuth,
///     jwt::{Algorithm, JwtAuth, JwtIssuers, Key, Keys},
/// };
///
/// # let people = Keys::new([Key::hmac(Algorithm::HS256, "a secret of at least 32 bytes, from a file")?])?;
/// # let partners = Keys::new([Key::hmac(Algorithm::HS256, "another secret of 32 bytes, from a file")?])?;
/// let issuers = JwtIssuers::new([
///     JwtAuth::builder(people).issuer("https://id.example.org").audience("messages").build()?,
///     JwtAuth::builder(partners).issuer("https://partners.example").audience("example").build()?,
/// ])?;
/// let layer = AuthenticateLayer::new(BearerAuth::new("messages", issuers)?);
/// # Ok::<_, portcullis::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct JwtIssuers(Arc<[JwtAuth]>);

impl JwtIssuers {
    /// These issuers. Where the token is looked for, and its challenges, are said by the
    /// [`BearerAuth`](crate::BearerAuth) that this is given to.
    ///
    /// # Errors
    ///
    /// When there is none, one of them asks for no issuer, or two ask for the same.
    pub fn new(issuers: impl IntoIterator<Item = JwtAuth>) -> Result<Self, ConfigError> {
        let issuers: Arc<[JwtAuth]> = issuers.into_iter().collect();
        if issuers.is_empty() {
            return Err(ConfigError::new("there is no issuer whose tokens could be judged"));
        }
        for (at, jwt) in issuers.iter().enumerate() {
            let Some(name) = jwt.issuer() else {
                return Err(ConfigError::new(
                    "one of several issuers has no name: call `JwtAuthBuilder::issuer`",
                ));
            };
            if issuers[..at].iter().any(|other| other.issuer() == Some(name)) {
                return Err(ConfigError::new(format!(
                    "the issuer {name:?} is there twice; give one `JwtAuth` all of its keys"
                )));
            }
        }
        Ok(Self(issuers))
    }

    /// What one of them remembers of these very bytes.
    fn recall(&self, sent: &[u8]) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        self.0.iter().find_map(|jwt| jwt.recall(sent))
    }

    /// By the issuer that the token names; what else it says is not looked at.
    fn judge_of(&self, token: &[u8]) -> Result<&JwtAuth, &'static str> {
        if self.0.iter().all(|jwt| token.len() > jwt.max_length()) {
            return Err("jwt.too_long");
        }
        let payload = unverified_payload(token)?;
        let issuer: Cow<'_, str> = unverified_issuer(&payload)?;
        self.0.iter().find(|jwt| jwt.issuer() == Some(&issuer)).ok_or("jwt.iss")
    }
}

impl TokenVerifier for JwtIssuers {
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        if let Some(answer) = self.recall(token.as_bytes()) {
            return answer;
        }
        match self.judge_of(token.as_bytes()) {
            Ok(jwt) => jwt.verify(token),
            Err(reason) => NowOrLater::now(Err(Rejection::refused(reason))),
        }
    }
}

impl fmt::Debug for JwtIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(JwtAuth::issuer)).finish()
    }
}
