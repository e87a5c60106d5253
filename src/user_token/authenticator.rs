use std::{fmt, sync::Arc, time::SystemTime};

use super::{LastUsed, TokenDigest, UserTokenRecord, UserTokenStore};
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, StoreError, SystemClock, TokenVerifier,
    bearer::{Challenges, Place},
};

/// The [`Authenticator`] of user tokens. See the [module docs](crate::user_token) for the rules.
#[derive(Clone)]
pub struct UserTokenAuth(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    store: Arc<dyn UserTokenStore>,
    clock: Arc<dyn Clock>,
    last_used: Option<LastUsed>,
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
            last_used: None,
            challenges: Challenges::new(realm)?,
        })))
    }

    /// Says in the challenges where the metadata of the resource is (RFC 9728 section 5.1), so that a
    /// client learns where to get a token.
    ///
    /// # Errors
    ///
    /// When the URL is not `https` (loopback may be `http`), or has a query or a fragment.
    pub fn resource_metadata(mut self, url: &str) -> Result<Self, ConfigError> {
        let challenges = self.0.challenges.resource_metadata(url)?;
        Arc::make_mut(&mut self.0).challenges = challenges;
        Ok(self)
    }

    /// Writes down when a token was last let in.
    pub fn last_used(mut self, last_used: LastUsed) -> Self {
        Arc::make_mut(&mut self.0).last_used = Some(last_used);
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        Arc::make_mut(&mut self.0).clock = Arc::new(clock);
        self
    }
}

impl Parts {
    fn judge(
        &self,
        digest: &TokenDigest,
        now: SystemTime,
        record: Result<Option<UserTokenRecord>, StoreError>,
    ) -> Result<Principal, Rejection> {
        let record = record.map_err(|error| Rejection::unavailable("user_token.store", error))?;
        let record = record.ok_or_else(|| Rejection::refused("user_token.unknown"))?;
        if record.revoked.is_some() {
            return Err(Rejection::refused("user_token.revoked"));
        }
        if record.has_expired(now) {
            return Err(Rejection::refused("user_token.expired"));
        }
        if let Some(last_used) = &self.last_used {
            last_used.note(digest, &record, now);
        }
        Ok(record.into_principal())
    }
}

impl Authenticator for UserTokenAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BEARER
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        Some(match Place::Authorization.sent(head)? {
            Ok(sent) => self.verify_sent(sent),
            Err(rejection) => NowOrLater::now(Err(rejection)),
        })
    }

    fn challenge(&self, refused: Option<RejectionKind>) -> Challenge {
        self.0.challenges.of(refused)
    }
}

impl TokenVerifier for UserTokenAuth {
    fn verify(&self, token: &str) -> NowOrLater<Result<Principal, Rejection>> {
        let Some(digest) = TokenDigest::of_sent(token) else {
            return NowOrLater::now(Err(Rejection::refused("user_token.form")));
        };
        let now = self.0.clock.now();
        match self.0.store.user_token(&digest).into_now() {
            Ok(record) => NowOrLater::now(self.0.judge(&digest, now, record)),
            Err(later) => {
                let parts = self.0.clone();
                later.map(move |record| parts.judge(&digest, now, record))
            }
        }
    }
}

impl fmt::Debug for UserTokenAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokenAuth").finish_non_exhaustive()
    }
}
