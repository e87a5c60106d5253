use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    super::{
        Algorithm, Claims, Grant, IssueError, IssueErrorKind, Issuer, Key, Keys, admission::shared_key,
        claims::Expected, issue::expiry,
    },
    Addition, Pair, RefreshError, RefreshFacts, RefreshStore, RefreshToken, Rotation, family,
    pair::Span,
    token::{FAMILY_EXPIRES, SCOPES},
};
use crate::{ConfigError, Identity, NowOrLater, Principal, Scheme, Scope, ScopeSet, Secret};

/// How far the clocks of the servers of one issuer may differ. A token expires by each of them to the second.
const SKEW: Duration = Duration::from_secs(60);

/// Issues pairs of an access token and a refresh token, and trades a refresh token, once, for the next pair.
/// See the [module docs](crate::jwt::refresh) for the rules.
#[derive(Clone)]
pub struct Refresher(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    /// Of access tokens.
    access: Issuer,
    /// Of refresh tokens: in the same name, with a key of its own.
    refresh: Issuer,
    keys: Arc<Keys>,
    expected: Expected,
    idle: Duration,
    max: Duration,
    store: Arc<dyn RefreshStore>,
}

impl Refresher {
    /// The only scope that a refresh token itself holds. What it was given for stands in another claim.
    pub const SCOPE: Scope = Scope::from_static("tokens:refresh");

    /// How many families may stand above one: whose token has so many makes no others.
    pub const MOST_ANCESTORS: usize = 8;

    /// Access tokens of this issuer, and refresh tokens in the same name, by the same clock. A refresh token
    /// expires after 7 days without use, and a family 30 days after it began.
    ///
    /// The key of the refresh tokens is derived from the secret, which may be the issuer's own: no refresh
    /// token is ever good as an access token, nor the other way round (RFC 8725 section 3.12).
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 32 bytes.
    pub fn new(
        issuer: Issuer,
        secret: impl Into<Secret>,
        store: impl RefreshStore,
    ) -> Result<Self, ConfigError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let algorithm = Algorithm::HS256;
        let derived = shared_key(algorithm, &secret.into())?.sign(b"portcullis refresh tokens");
        let derived = Secret::new(derived.as_ref());
        let key = shared_key(algorithm, &derived)?;
        Ok(Self(Arc::new(Parts {
            refresh: issuer.of_another_kind(algorithm, key),
            keys: Arc::new(Keys::new([Key::hmac(algorithm, derived)?])?),
            expected: Expected {
                issuer: Some(issuer.name().to_owned()),
                audiences: Vec::new(),
                leeway: SKEW,
                needs_expiry: true,
                max_lifetime: None,
                is_rfc9068: false,
            },
            access: issuer,
            idle: 7 * DAY,
            max: 30 * DAY,
            store: Arc::new(store),
        })))
    }

    /// How long a refresh token lives without being used, and how long a family lives however often it is
    /// refreshed.
    ///
    /// # Errors
    ///
    /// When a token would live longer than its family, or not a second.
    pub fn lifetime(mut self, idle: Duration, max: Duration) -> Result<Self, ConfigError> {
        if idle > max || idle < Duration::from_secs(1) {
            return Err(ConfigError::new(
                "a refresh token lives for a second at least, and no longer than its family",
            ));
        }
        let parts = Arc::make_mut(&mut self.0);
        (parts.idle, parts.max) = (idle, max);
        Ok(self)
    }

    /// Issues the first pair of a family, which expires no later than the
    /// [credential](Principal::expires) by which the principal has come. If that is an access token, the family
    /// is a child of the token's.
    ///
    /// # Errors
    ///
    /// When the grant is more than the [issuer](Issuer::issue) gives; when the family of the principal's token
    /// has ended, or has [as many ancestors](Self::MOST_ANCESTORS) as there may be; or when the store cannot
    /// answer.
    pub fn issue(&self, grant: Grant<'_>) -> NowOrLater<Result<Pair, RefreshError>> {
        let now = self.0.access.now();
        let credential_expires = expiry(grant.principal);
        let ends = now.saturating_add(self.0.max).min(credential_expires);
        let parent = grant.principal.extra::<Claims>().and_then(Claims::id).and_then(family::of);
        let (identity, scopes) = (grant.principal.identity(), grant.scopes.clone());
        let span = Span { now, ends };
        let pair = match self.sign(grant, &scopes, None, span) {
            Ok(pair) => pair,
            Err(error) => return NowOrLater::now(Err(RefreshError::not_granted(error))),
        };
        let mut facts = pair.facts(identity, span);
        if parent.is_some() {
            // Of a parent whose token came alone, the store learns no other way for how long it can be revoked.
            facts.family_expires = facts.family_expires.max(UNIX_EPOCH + credential_expires);
        }
        let added = self.0.store.add(facts, parent);
        added.map(|added| match added {
            Ok(Addition::Added) => Ok(pair),
            Ok(Addition::Revoked) => Err(RefreshError::refused("refresh.revoked")),
            Ok(Addition::TooDeep) => Err(RefreshError::too_deep()),
            Err(error) => Err(RefreshError::unavailable(error)),
        })
    }

    /// Verifies a refresh token, but for whether it was used: form, signature, issuer, and expiry.
    ///
    /// # Errors
    ///
    /// When it is none, or has expired.
    pub fn verify(&self, token: &str) -> Result<RefreshToken, RefreshError> {
        let Parts { access, keys, expected, .. } = &*self.0;
        let now = access.now();
        let token = RefreshToken::verify(token, keys, expected, access.identities(), now)
            .map_err(RefreshError::refused)?;
        token.check_expiry(now).map(|()| token)
    }

    /// Uses a refresh token up, for the next pair. The grant is for its principal, with scopes out of those
    /// that it was given for; a user store's present principal keeps what the user has lost since from being
    /// given again. The next refresh token is for the same scopes, whatever the grant.
    ///
    /// Both tokens are made before the store is asked: after it has answered, nothing can fail.
    ///
    /// # Errors
    ///
    /// When the grant is for somebody else or for more, which does not use the token up; when the token has
    /// expired, is revoked, or was used before, which revokes its family; or when the store cannot answer.
    pub fn refresh(
        &self,
        token: &RefreshToken,
        grant: Grant<'_>,
    ) -> NowOrLater<Result<Pair, RefreshError>> {
        let span = Span { now: self.0.access.now(), ends: token.family_lifetime() };
        let pair = token.check_expiry(span.now).and_then(|()| {
            self.check_grant(token, &grant)
                .and_then(|()| self.sign(grant, token.scopes(), family::of(token.id()), span))
                .map_err(RefreshError::not_granted)
        });
        match pair {
            Ok(pair) => {
                let facts = pair.facts(token.principal().identity(), span);
                self.rotate(token.id(), facts).map(|rotated| rotated.map(|()| pair))
            }
            Err(error) => NowOrLater::now(Err(error)),
        }
    }

    /// Whether a refresh token is unused, without using it up: for a server that meets refresh tokens
    /// elsewhere than at its refresh endpoint. One that was used before revokes its family there, too.
    ///
    /// # Errors
    ///
    /// When it was used, is revoked or has expired, or the store cannot answer.
    pub fn check(&self, token: &RefreshToken) -> NowOrLater<Result<(), RefreshError>> {
        let now = self.0.access.now();
        match token.check_expiry(now) {
            Ok(()) => self.rotate(token.id(), token.facts(now)),
            Err(error) => NowOrLater::now(Err(error)),
        }
    }

    /// Revokes a family of this identity's, by the id of any of its tokens or by its own, and so ends all below
    /// it: whether it was good until now. It is not said whether it is somebody else's.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    pub fn revoke(&self, identity: &Identity, id: &str) -> NowOrLater<Result<bool, RefreshError>> {
        match family::named_by(id) {
            Some(family) => {
                let revoked = self.0.store.revoke(identity, family);
                revoked.map(|revoked| revoked.map_err(RefreshError::unavailable))
            }
            None => NowOrLater::now(Ok(false)),
        }
    }

    /// Revokes all families of this identity's that began up to this time, and so ends all below them.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    pub fn revoke_all(
        &self,
        identity: &Identity,
        up_to: SystemTime,
    ) -> NowOrLater<Result<(), RefreshError>> {
        let revoked = self.0.store.revoke_all(identity, up_to);
        revoked.map(|revoked| revoked.map_err(RefreshError::unavailable))
    }

    fn check_grant(&self, token: &RefreshToken, grant: &Grant<'_>) -> Result<(), IssueError> {
        if grant.principal.identity() != token.principal().identity() {
            return Err(IssueError(IssueErrorKind::ForeignPrincipal));
        }
        if !self.0.access.may_give(token.scopes(), &grant.scopes) {
            return Err(IssueError(IssueErrorKind::ScopeNotHeld));
        }
        Ok(())
    }

    fn rotate(&self, used: &str, next: RefreshFacts<'_>) -> NowOrLater<Result<(), RefreshError>> {
        let family = next.family().to_owned();
        self.0.store.rotate(used, next).map(move |rotation| match rotation {
            Ok(Rotation::Rotated) => Ok(()),
            Ok(Rotation::Reused) => {
                tracing::warn!(
                    family,
                    "a refresh token came twice: all tokens of its family are revoked, and those made with them"
                );
                Err(RefreshError::refused("refresh.reused"))
            }
            Ok(Rotation::Revoked) => Err(RefreshError::refused("refresh.revoked")),
            Err(error) => Err(RefreshError::unavailable(error)),
        })
    }

    /// A pair that no store knows yet; the refresh token is for these scopes.
    fn sign(
        &self,
        grant: Grant<'_>,
        scopes: &ScopeSet,
        family: Option<&str>,
        span: Span,
    ) -> Result<Pair, IssueError> {
        let Parts { access, refresh, idle, .. } = &*self.0;
        if let Some(name) =
            [SCOPES, FAMILY_EXPIRES].into_iter().find(|name| grant.claims.contains_key(*name))
        {
            return Err(IssueError(IssueErrorKind::OwnClaim(name)));
        }
        let refresher = Principal::builder(grant.principal.identity().clone(), Scheme::BEARER);
        let refresher = refresher.scopes([Self::SCOPE]).build();
        let mut to_refresh = Grant::to(&refresher, [Self::SCOPE]).lifetime(*idle);
        to_refresh.claims.clone_from(&grant.claims);
        // It is for nobody but the issuer, who asks for no proof of a key.
        to_refresh.claims.remove("aud");
        to_refresh.claims.remove("cnf");
        let to_refresh = to_refresh
            .claim(SCOPES, scopes.iter().collect::<Vec<_>>())
            .claim(FAMILY_EXPIRES, span.ends.as_secs());
        let access = access.issue_stamped(span.stamp(family), grant)?;
        let refresh = refresh.issue_stamped(span.stamp(family::of(access.id())), to_refresh)?;
        Ok(Pair { access, refresh })
    }
}

impl fmt::Debug for Refresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresher").field("issuer", &self.0.access).finish_non_exhaustive()
    }
}
