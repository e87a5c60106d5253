use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use super::{Keys, RevocationStore, TokenFacts, claims::Expected};
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, Identity, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, SystemClock,
    bearer::{self, Challenges},
};

/// The [`Authenticator`] of JWT bearer tokens. See the [module docs](crate::jwt) for the rules.
#[derive(Clone)]
pub struct JwtAuth(Arc<Parts>);

struct Parts {
    keys: Keys,
    expected: Expected,
    identities_of: Option<Arc<str>>,
    max_length: usize,
    revocations: Option<Arc<dyn RevocationStore>>,
    clock: Arc<dyn Clock>,
    challenges: Challenges,
}

impl JwtAuth {
    /// Begins with the keys that tokens are verified with.
    pub fn builder(keys: Keys) -> JwtAuthBuilder {
        JwtAuthBuilder {
            keys,
            expected: Expected {
                issuer: None,
                audiences: Vec::new(),
                leeway: Duration::from_secs(60),
                needs_expiry: true,
            },
            identities_of: None,
            max_length: 8 * 1024,
            revocations: None,
            clock: Arc::new(SystemClock),
            realm: "protected".to_owned(),
            resource_metadata: None,
        }
    }

    /// The judgement of a token, revocation included.
    fn judge(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        let principal = match self.verify(token) {
            Ok(principal) => principal,
            Err(reason) => return NowOrLater::now(Err(Rejection::refused(reason))),
        };
        let Some(revocations) = &self.0.revocations else {
            return NowOrLater::now(Ok(principal));
        };
        let Some(id) = principal.credential_id() else {
            return NowOrLater::now(Err(Rejection::refused("jwt.no_jti")));
        };
        let (issuer, subject) = (principal.issuer(), principal.subject());
        let issued = principal.authenticated_at();
        let revoked = revocations.is_revoked(TokenFacts { issuer, subject, id, issued });
        revoked.map(move |revoked| match revoked {
            Ok(false) => Ok(principal),
            Ok(true) => Err(Rejection::refused("jwt.revoked")),
            Err(error) => Err(Rejection::unavailable("jwt.revocation_store", error)),
        })
    }

    /// Everything but revocation. The error is a stable code.
    fn verify(&self, token: &str) -> Result<Principal, &'static str> {
        let parts = &*self.0;
        if token.len() > parts.max_length {
            return Err("jwt.too_long");
        }
        let jws = parts.keys.verify_compact(token)?;
        let now = parts.clock.now().duration_since(UNIX_EPOCH).map_err(|_| "jwt.clock")?;
        let accepted = parts.expected.judge(jws, now)?;
        let issuer = match &parts.identities_of {
            Some(issuer) => issuer.clone(),
            None => accepted.issuer.into(),
        };
        let identity = Identity::new(issuer, accepted.subject).map_err(|_| "jwt.sub")?;
        let mut principal = Principal::builder(identity, Scheme::BEARER).scopes(accepted.scopes);
        if let Some(id) = accepted.claims.id() {
            principal = principal.credential_id(id);
        }
        if let Some(issued) = accepted.issued {
            principal = principal.authenticated_at(UNIX_EPOCH + issued);
        }
        Ok(principal.extra(accepted.claims).build())
    }
}

impl Authenticator for JwtAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let credentials = head.credentials(Scheme::BEARER.as_str())?;
        Some(match bearer::token(credentials) {
            Some(token) => self.judge(token),
            None => NowOrLater::now(Err(bearer::malformed())),
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl fmt::Debug for JwtAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("keys", &self.0.keys)
            .field("expected", &self.0.expected)
            .finish_non_exhaustive()
    }
}

/// A [`JwtAuth`] in the making.
#[must_use]
pub struct JwtAuthBuilder {
    keys: Keys,
    expected: Expected,
    identities_of: Option<String>,
    max_length: usize,
    revocations: Option<Arc<dyn RevocationStore>>,
    clock: Arc<dyn Clock>,
    realm: String,
    resource_metadata: Option<String>,
}

impl JwtAuthBuilder {
    /// Wants `iss` to be this, byte for byte. The keys are this issuer's, and nobody else's (RFC 8725
    /// section 3.8).
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.expected.issuer = Some(issuer.into());
        self
    }

    /// Says whose users the subjects are, if not the issuer's own: for tokens that one's own server issues
    /// for the users of its store, [`Identity::LOCAL`]. See [`Issuer::identities_of`].
    ///
    /// [`Issuer::identities_of`]: super::Issuer::identities_of
    pub fn identities_of(mut self, issuer: impl Into<String>) -> Self {
        self.identities_of = Some(issuer.into());
        self
    }

    /// Wants `aud` to be this, or to hold it. Called again, one of them.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.expected.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and server may differ: at most five minutes. The default is 60
    /// seconds.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.expected.leeway = leeway;
        self
    }

    /// Takes tokens that never expire.
    pub fn dangerous_no_expiry(mut self) -> Self {
        self.expected.needs_expiry = false;
        self
    }

    /// The longest token that is looked at, in bytes. The default is 8,192.
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Refuses tokens that this store knows to be revoked, and tokens without `jti`.
    pub fn revocations(mut self, store: impl RevocationStore) -> Self {
        self.revocations = Some(Arc::new(store));
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Names this realm in the challenge. The default is `protected`.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// Says in the challenges where the metadata of the resource is (RFC 9728 section 5.1), so that a
    /// client learns where to get a token.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }

    /// The authenticator. One that checks neither issuer nor audience says so in the log.
    ///
    /// # Errors
    ///
    /// When the realm does not fit a header field, the URL of the metadata is not `https` (loopback may be
    /// `http`) or has a query or a fragment, the leeway is more than five minutes, or the identities are
    /// said to be another issuer's while no issuer is asked for.
    pub fn build(self) -> Result<JwtAuth, ConfigError> {
        let Self { keys, expected, identities_of, max_length, revocations, clock, realm, .. } = self;
        if expected.leeway > Duration::from_secs(300) {
            return Err(ConfigError::new(
                "a leeway of more than five minutes lets expired tokens in (RFC 7519 section 4.1.4); \
                 set the clocks instead",
            ));
        }
        if identities_of.is_some() && expected.issuer.is_none() {
            return Err(ConfigError::new(
                "`identities_of` without `issuer` makes the users of every issuer one's own: name the issuer",
            ));
        }
        if expected.issuer.is_none() && expected.audiences.is_empty() {
            tracing::warn!(
                "this JWT layer checks neither `iss` nor `aud`: every token that one of its keys has \
                 signed is good here, whatever it was issued for"
            );
        }
        let mut challenges = Challenges::new(&realm)?;
        if let Some(url) = self.resource_metadata {
            challenges = challenges.resource_metadata(&url)?;
        }
        let identities_of = identities_of.map(Arc::from);
        let parts = Parts { keys, expected, identities_of, max_length, revocations, clock, challenges };
        Ok(JwtAuth(Arc::new(parts)))
    }
}

impl fmt::Debug for JwtAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthBuilder")
            .field("keys", &self.keys)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}
