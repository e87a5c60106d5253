use std::{fmt, sync::Arc, time::SystemTime};

use super::TokenDigest;
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, Identity, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, ScopeSet, StoreError, SystemClock,
    bearer::{self, Challenges},
};

/// The [`Authenticator`] of user tokens. See the [module docs](crate::user_token) for the rules.
#[derive(Clone)]
pub struct UserTokenAuth(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    store: Arc<dyn UserTokenStore>,
    clock: Arc<dyn Clock>,
    challenges: Challenges,
}

impl UserTokenAuth {
    /// Tokens of this store, asked for with this realm.
    ///
    /// # Errors
    ///
    /// When the realm does not fit a header field.
    pub fn new(realm: &str, store: impl UserTokenStore) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Parts {
            store: Arc::new(store),
            clock: Arc::new(SystemClock),
            challenges: Challenges::new(realm)?,
        })))
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Arc::new(clock);
        self
    }
}

impl Authenticator for UserTokenAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let credentials = head.credentials(Scheme::BEARER.as_str())?;
        let Some(token) = bearer::token(credentials) else {
            return Some(NowOrLater::now(Err(bearer::malformed())));
        };
        let Some(digest) = TokenDigest::of_sent(token) else {
            return Some(NowOrLater::now(Err(Rejection::refused("user_token.form"))));
        };
        let now = self.0.clock.now();
        let record = self.0.store.user_token(&digest);
        Some(record.map(move |record| {
            match record.map_err(|error| Rejection::unavailable("user_token.store", error))? {
                None => Err(Rejection::refused("user_token.unknown")),
                Some(record) if record.has_expired(now) => {
                    Err(Rejection::refused("user_token.expired"))
                }
                Some(record) => Ok(record.into_principal()),
            }
        }))
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl fmt::Debug for UserTokenAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokenAuth").finish_non_exhaustive()
    }
}

/// What a store knows of a token.
#[derive(Clone, Debug)]
pub struct UserTokenRecord {
    id: Arc<str>,
    identity: Identity,
    scopes: ScopeSet,
    expires: Option<SystemTime>,
}

impl UserTokenRecord {
    /// A token by this id, which is not secret, of somebody's.
    pub fn new(id: impl Into<Arc<str>>, identity: Identity) -> Self {
        Self { id: id.into(), identity, scopes: ScopeSet::empty(), expires: None }
    }

    /// What the token lets its holder do. Nothing, unless told otherwise.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Refuses the token from this time on.
    pub fn expires(mut self, time: SystemTime) -> Self {
        self.expires = Some(time);
        self
    }

    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }

    pub(crate) fn into_principal(self) -> Principal {
        let principal = Principal::builder(self.identity, Scheme::BEARER);
        principal.credential_id(self.id).scopes(self.scopes).build()
    }
}

/// Where user tokens are kept.
///
/// # Implementer notes
///
/// * Keep the digest, never the token. `Ok(None)` is "there is no such token", and also "it was revoked"
///   and "its user is disabled"; a store that is down is an error.
/// * An index over the digest may be of any kind: who does not have the token cannot choose the digest.
pub trait UserTokenStore: Send + Sync + 'static {
    /// The token of this digest, if it is good.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>>;
}
