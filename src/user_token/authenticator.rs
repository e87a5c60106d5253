use std::{fmt, sync::Arc};

use super::{TokenDigest, UserTokenStore};
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, SystemClock,
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
                Some(record) if record.revoked.is_some() => {
                    Err(Rejection::refused("user_token.revoked"))
                }
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
