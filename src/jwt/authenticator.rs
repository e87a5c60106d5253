use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    Claims, JwtAuthBuilder, KeySource, Keys, RevocationStore, TokenFacts,
    cache::{TokenCache, Verified},
    claims::{Accepted, Expected, Registered},
    jws::UnverifiedJws,
    keys::NO_KEY,
    token_type::TokenTypes,
};
use crate::{
    Authenticator, BearerAuth, Challenge, Clock, Head, Identity, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, StoreError, TokenVerifier,
    bearer::{Challenges, Place},
};

/// The [`Authenticator`] of JWT bearer tokens. See the [module docs](crate::jwt) for the rules.
#[derive(Clone)]
pub struct JwtAuth(Arc<Parts>);

pub(super) struct Parts {
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) types: TokenTypes,
    pub(super) expected: Expected,
    pub(super) identities_of: Option<Arc<str>>,
    pub(super) max_length: usize,
    pub(super) revocations: Option<Arc<dyn RevocationStore>>,
    pub(super) cache: Option<TokenCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) place: Place,
    pub(super) challenges: Challenges,
}

impl JwtAuth {
    /// Begins with the keys that tokens are verified with: [`Keys`], or a source of them.
    pub fn builder(keys: impl KeySource) -> JwtAuthBuilder {
        JwtAuthBuilder::new(Arc::new(keys))
    }

    pub(super) fn of(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The issuer whose tokens these are, if one is asked for.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.0.expected.issuer.as_deref()
    }

    pub(super) fn max_length(&self) -> usize {
        self.0.max_length
    }

    /// Rules 2 to 7. Where no key fits, it is asked for newer ones.
    fn judge(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        let principal = self.principal(token);
        match has_no_key(&principal).then(|| self.0.keys.renew()).flatten() {
            None => self.conclude(token, principal),
            Some(renewal) => {
                let (jwt, token) = (self.clone(), token.to_owned());
                renewal.then(move |renewed| jwt.conclude(&token, jwt.judge_again(&token, renewed)))
            }
        }
    }

    /// By the keys that are there now. If none fits, and nobody knows whether there are newer ones, that is no
    /// word against the token.
    fn judge_again(
        &self,
        token: &str,
        renewed: Result<(), StoreError>,
    ) -> Result<Principal, Rejection> {
        let principal = self.principal(token);
        match renewed {
            Err(error) if has_no_key(&principal) => Err(Rejection::unavailable("jwt.keys", error)),
            _ => principal,
        }
    }

    /// Rule 8: whether a good token was revoked.
    fn conclude(
        &self,
        token: &str,
        principal: Result<Principal, Rejection>,
    ) -> NowOrLater<Result<Principal, Rejection>> {
        let (principal, revocations) = match (principal, &self.0.revocations) {
            (Ok(principal), Some(revocations)) => (principal, revocations),
            (principal, _) => return NowOrLater::now(principal),
        };
        let Some(id) = principal.credential_id() else {
            return NowOrLater::now(Err(Rejection::refused("jwt.no_jti")));
        };
        let (issuer, subject) = (principal.issuer(), principal.subject());
        let issued = principal.authenticated_at();
        let answer = revocations.is_revoked(TokenFacts { issuer, subject, id, issued });
        match answer.into_now() {
            Ok(answer) => NowOrLater::now(self.unless_revoked(token, principal, answer)),
            Err(later) => {
                let (jwt, token) = (self.clone(), token.to_owned());
                later.map(move |answer| jwt.unless_revoked(&token, principal, answer))
            }
        }
    }

    fn unless_revoked(
        &self,
        token: &str,
        principal: Principal,
        revoked: Result<bool, StoreError>,
    ) -> Result<Principal, Rejection> {
        match revoked {
            Ok(false) => Ok(principal),
            Ok(true) => {
                if let Some(cache) = &self.0.cache {
                    cache.forget(token);
                }
                Err(Rejection::refused("jwt.revoked"))
            }
            Err(error) => Err(Rejection::unavailable("jwt.revocation_store", error)),
        }
    }

    /// Who the token is from, by what is remembered or by its signature.
    fn principal(&self, token: &str) -> Result<Principal, Rejection> {
        let parts = &*self.0;
        if token.len() > parts.max_length {
            return Err(Rejection::refused("jwt.too_long"));
        }
        let keys = parts.keys.keys().ok_or_else(|| {
            Rejection::unavailable("jwt.keys", StoreError::new("there are no keys to be believed"))
        })?;
        let now = parts.clock.now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|_| Rejection::refused("jwt.clock"))?;
        let Some(cache) = &parts.cache else {
            let verified = parts.verify(&keys, token, now).map_err(Rejection::refused)?;
            return Ok(verified.principal);
        };
        if let Some(principal) = cache.principal(token, keys.generation(), now) {
            return Ok(principal);
        }
        let verified = parts.verify(&keys, token, now).map_err(Rejection::refused)?;
        let principal = verified.principal.clone();
        cache.keep(token, verified);
        Ok(principal)
    }
}

impl Parts {
    /// The error is a stable code.
    fn verify(&self, keys: &Keys, token: &str, now: Duration) -> Result<Verified, &'static str> {
        let jws = UnverifiedJws::open(keys, token, |header| self.types.admit(header))?;
        let found = Registered::parse(jws.unverified_payload());
        if found.as_ref().is_ok_and(|found| self.expected.has_expired(found, now)) {
            return Err("jwt.expired");
        }
        let proof = jws.verify()?;
        let accepted = self.expected.judge(found?, proof, now)?;
        let Accepted { issuer, subject, id, scopes, issued, expires, validity } = accepted;
        let issuer = self.identities_of.clone().unwrap_or_else(|| issuer.into());
        let identity = Identity::new(issuer, subject).map_err(|_| "jwt.sub")?;
        let mut principal = Principal::builder(identity, Scheme::BEARER).scopes(scopes);
        if let Some(id) = &id {
            principal = principal.credential_id(id.as_str());
        }
        if let Some(issued) = issued {
            principal = principal.authenticated_at(UNIX_EPOCH + issued);
        }
        if let Some(expires) = expires {
            principal = principal.expires(UNIX_EPOCH + expires);
        }
        let principal = principal.extra(Claims::new(jws.into_payload(), id, expires)).build();
        Ok(Verified { principal, validity, generation: keys.generation() })
    }
}

fn has_no_key(principal: &Result<Principal, Rejection>) -> bool {
    matches!(principal, Err(rejection) if rejection.reason() == NO_KEY)
}

impl TokenVerifier for JwtAuth {
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        self.judge(token)
    }
}

/// The same tokens, from the same place, with the same challenges.
impl From<JwtAuth> for BearerAuth {
    fn from(jwt: JwtAuth) -> Self {
        let (place, challenges) = (jwt.0.place.clone(), jwt.0.challenges.clone());
        Self::of(Arc::new(jwt), place, challenges)
    }
}

impl Authenticator for JwtAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(match self.0.place.token(head)? {
            Ok(token) => self.judge(token),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl fmt::Debug for JwtAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth").field("expected", &self.0.expected).finish_non_exhaustive()
    }
}
