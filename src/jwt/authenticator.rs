use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    JwtAuthBuilder, KeySource, RevocationStore, TokenFacts,
    cache::{TokenCache, Verified},
    claims::{Accepted, Expected},
    jws::{Scratch, UnverifiedJws},
    keys::{Generation, NO_KEY},
    registered::Registered,
    token_type::TokenTypes,
};
use crate::{
    Authenticator, BearerAuth, Challenge, Clock, Head, Identity, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, StoreError, TokenVerifier,
    bearer::{Challenges, Place, malformed, only_token},
    fingerprint::Fingerprint,
    text::Text,
};

/// The [`Authenticator`] of JWT bearer tokens. See the [module docs](crate::jwt) for the rules.
#[derive(Clone)]
pub struct JwtAuth(Arc<Parts>);

pub(super) struct Parts {
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) types: TokenTypes,
    pub(super) expected: Expected,
    pub(super) identities_of: Option<Text>,
    pub(super) max_length: usize,
    pub(super) revocations: Option<Arc<dyn RevocationStore>>,
    pub(super) cache: Option<TokenCache>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) place: Place,
    pub(super) challenges: Challenges,
}

impl JwtAuth {
    /// Begins with the keys that tokens are verified with: [`Keys`](super::Keys), or a source of them.
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

    /// What is remembered of these very bytes, so that nothing in them need be read again.
    pub(super) fn recall(&self, sent: &[u8]) -> Option<Answer> {
        let Parts { cache, keys, revocations, .. } = &*self.0;
        let cache = cache.as_ref()?;
        let (fingerprint, verified) = cache.find(sent, keys.generation()?, self.0.now().ok()?)?;
        let version = revocations.as_ref().and_then(|revocations| revocations.version());
        // Nothing has been revoked since the store was asked.
        let is_unrevoked = version.is_some() && version == verified.unrevoked_at;
        if revocations.is_none() || is_unrevoked {
            return Some(NowOrLater::now(Ok(verified.principal)));
        }
        let fingerprint = Some(fingerprint);
        Some(self.conclude(Candidate { verified, fingerprint, is_remembered: true }))
    }

    /// Rules 2 to 8. Where no key fits, it is asked for newer ones.
    fn judge(&self, sent: &[u8]) -> Answer {
        let candidate = self.candidate(sent);
        match has_no_key(&candidate).then(|| self.0.keys.renew()).flatten() {
            None => self.conclude_if_good(candidate),
            Some(renewal) => {
                let (jwt, sent) = (self.clone(), sent.to_owned());
                renewal.then(move |renewed| jwt.conclude_if_good(jwt.judge_again(&sent, renewed)))
            }
        }
    }

    /// By the keys that are there now. If none fits, and nobody knows whether there are newer ones, that is no
    /// word against the token.
    fn judge_again(
        &self,
        sent: &[u8],
        renewed: Result<(), StoreError>,
    ) -> Result<Candidate, Rejection> {
        let candidate = self.candidate(sent);
        match renewed {
            Err(error) if has_no_key(&candidate) => Err(Rejection::unavailable("jwt.keys", error)),
            _ => candidate,
        }
    }

    /// Rules 2 to 7.
    fn candidate(&self, sent: &[u8]) -> Result<Candidate, Rejection> {
        let parts = &*self.0;
        if sent.len() > parts.max_length {
            return Err(refusal(sent, "jwt.too_long"));
        }
        let keys = parts.keys.keys().ok_or_else(|| {
            Rejection::unavailable("jwt.keys", StoreError::new("there are no keys to be believed"))
        })?;
        let now = parts.now()?;
        let mut scratch = Scratch::new();
        let jws = UnverifiedJws::open(&keys, sent, &mut scratch, |typ| parts.types.admit(typ));
        let jws = jws.map_err(|reason| refusal(sent, reason))?;
        let verified = parts.verify(&jws, keys.generation(), now).map_err(Rejection::refused)?;
        let fingerprint = parts.cache.as_ref().and_then(|cache| cache.fingerprint(sent));
        Ok(Candidate { verified, fingerprint, is_remembered: false })
    }

    fn conclude_if_good(&self, candidate: Result<Candidate, Rejection>) -> Answer {
        match candidate {
            Ok(candidate) => self.conclude(candidate),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        }
    }

    /// Rule 8: whether a good token was revoked.
    fn conclude(&self, candidate: Candidate) -> Answer {
        let Some(revocations) = &self.0.revocations else {
            return NowOrLater::now(Ok(self.admit(candidate, None)));
        };
        let principal = &candidate.verified.principal;
        let Some(id) = principal.credential_id() else {
            return NowOrLater::now(Err(Rejection::refused("jwt.no_jti")));
        };
        let (issuer, subject) = (principal.issuer(), principal.subject());
        let issued = principal.authenticated_at();
        // First: what is revoked while the store is asked changes it.
        let version = revocations.version();
        let answer = revocations.is_revoked(TokenFacts { issuer, subject, id, issued });
        match answer.into_now() {
            Ok(answer) => NowOrLater::now(self.unless_revoked(candidate, version, answer)),
            Err(later) => {
                let jwt = self.clone();
                later.map(move |answer| jwt.unless_revoked(candidate, version, answer))
            }
        }
    }

    fn unless_revoked(
        &self,
        candidate: Candidate,
        version: Option<u64>,
        revoked: Result<bool, StoreError>,
    ) -> Result<Principal, Rejection> {
        match revoked {
            Ok(false) => Ok(self.admit(candidate, version)),
            Ok(true) => {
                if let Some((cache, fingerprint)) = self.0.cache.as_ref().zip(candidate.fingerprint) {
                    cache.forget(&fingerprint);
                }
                Err(Rejection::refused("jwt.revoked"))
            }
            Err(error) => Err(Rejection::unavailable("jwt.revocation_store", error)),
        }
    }

    /// Lets it in, and remembers it as it is now known.
    fn admit(&self, candidate: Candidate, version: Option<u64>) -> Principal {
        let Candidate { verified, fingerprint, is_remembered } = candidate;
        let principal = verified.principal.clone();
        let is_news = !is_remembered || verified.unrevoked_at != version;
        if let Some((cache, fingerprint)) = self.0.cache.as_ref().zip(fingerprint).filter(|_| is_news) {
            cache.keep(fingerprint, Verified { unrevoked_at: version, ..verified });
        }
        principal
    }

    fn judge_sent(&self, sent: &[u8]) -> Answer {
        self.recall(sent).unwrap_or_else(|| self.judge(sent))
    }
}

/// A token that is good, but for what was revoked.
struct Candidate {
    verified: Verified,
    /// If there is a cache that it fits into.
    fingerprint: Option<Fingerprint>,
    is_remembered: bool,
}

impl Parts {
    /// The time since 1970-01-01T00:00:00Z.
    fn now(&self) -> Result<Duration, Rejection> {
        let now = self.clock.now().duration_since(UNIX_EPOCH);
        now.map_err(|_| Rejection::refused("jwt.clock"))
    }

    /// Rules 5 to 7. The error is a stable code.
    fn verify(
        &self,
        jws: &UnverifiedJws<'_, '_>,
        generation: Generation,
        now: Duration,
    ) -> Result<Verified, &'static str> {
        let found = Registered::parse(jws.unverified_payload());
        if found.as_ref().is_ok_and(|found| self.expected.has_expired(found, now)) {
            return Err("jwt.expired");
        }
        let proof = jws.verify()?;
        let accepted = self.expected.judge(&found?, proof, now)?;
        let Accepted { issuer, subject, id, scopes, issued, expires, validity, claims } = accepted;
        let issuer = self.identities_of.clone().unwrap_or(issuer);
        let identity = Identity::of(issuer, subject).ok_or("jwt.sub")?;
        let mut principal = Principal::builder(identity, Scheme::BEARER).scopes(scopes);
        if let Some(id) = id {
            principal = principal.credential(id);
        }
        if let Some(issued) = issued {
            principal = principal.authenticated_at(UNIX_EPOCH + issued);
        }
        if let Some(expires) = expires {
            principal = principal.expires(UNIX_EPOCH + expires);
        }
        let principal = principal.claims(claims).build();
        Ok(Verified { principal, validity, generation, unrevoked_at: None })
    }
}

type Answer = NowOrLater<Result<Principal, Rejection>>;

/// Of a token that was not even taken apart, only this shows whether it is one at all (rule 1).
fn refusal(sent: &[u8], reason: &'static str) -> Rejection {
    if only_token(sent).is_some() { Rejection::refused(reason) } else { malformed() }
}

fn has_no_key(candidate: &Result<Candidate, Rejection>) -> bool {
    matches!(candidate, Err(rejection) if rejection.reason() == NO_KEY)
}

impl TokenVerifier for JwtAuth {
    fn verify(&self, token: &str) -> Answer {
        self.judge_sent(token.as_bytes())
    }

    fn verify_sent(&self, sent: &[u8]) -> Answer {
        self.judge_sent(sent)
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

    fn authenticate(&self, head: &Head<'_>) -> Option<Answer> {
        Some(match self.0.place.sent(head)? {
            Ok(sent) => self.judge_sent(sent),
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
