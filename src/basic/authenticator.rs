use std::{fmt, sync::Arc};

use tokio::sync::Semaphore;

use super::{
    CredentialCache, HashingPool, PasswordHash, PasswordVerifier, Source, StoredHashes, Throttle,
    UserStore,
    cache::{Mac, StoreNumber, Version},
    credentials::BasicCredentials,
    sign_in::SignIn,
};
use crate::{
    Authenticator, Challenge, Clock, ConfigError, Head, NowOrLater, Principal, Rejection,
    RejectionKind, Scheme, SystemClock, head::after_blanks,
};

/// The [`Authenticator`] of HTTP Basic. See the [module docs](crate::basic) for the rules.
#[derive(Clone)]
pub struct BasicAuth(Arc<Parts>);

#[derive(Clone)]
pub(super) struct Parts {
    pub(super) users: Arc<dyn UserStore>,
    store: StoreNumber,
    pub(super) verifier: Arc<dyn PasswordVerifier>,
    pub(super) pool: HashingPool,
    pub(super) decoy: PasswordHash,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cache: Option<CredentialCache>,
    pub(super) throttle: Option<Throttle>,
    /// The turn to hash anew, if that is wanted: one at a time.
    pub(super) rehash: Option<Arc<Semaphore>>,
    challenge: Challenge,
}

impl BasicAuth {
    /// Users of this store, asked for with this realm and `charset="UTF-8"`.
    ///
    /// # Errors
    ///
    /// When the realm does not fit a header field.
    pub fn new(realm: &str, users: impl UserStore) -> Result<Self, ConfigError> {
        let challenge = Challenge::builder(Scheme::BASIC.as_str())
            .param("realm", realm)
            .param("charset", "UTF-8")
            .build()?;
        Ok(Self(Arc::new(Parts {
            users: Arc::new(users),
            store: StoreNumber::next(),
            verifier: Arc::new(StoredHashes::default()),
            pool: HashingPool::default(),
            decoy: PasswordHash::usual_decoy(),
            clock: Arc::new(SystemClock),
            cache: None,
            throttle: None,
            rehash: None,
            challenge,
        })))
    }

    /// Hashes in this pool instead of one of its own.
    pub fn hashing_pool(mut self, pool: HashingPool) -> Self {
        self.parts().pool = pool;
        self
    }

    /// Verifies with this instead of [`StoredHashes`].
    pub fn verifier(mut self, verifier: impl PasswordVerifier) -> Self {
        self.parts().verifier = Arc::new(verifier);
        self
    }

    /// Remembers for a short while who was let in, and does not hash for them again. Without it, every
    /// request costs a hash.
    pub fn cache(mut self, cache: CredentialCache) -> Self {
        self.parts().cache = Some(cache);
        self
    }

    /// Slows down whoever guesses passwords. Without it, only the [`HashingPool`] does.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.parts().throttle = Some(throttle);
        self
    }

    /// After a success with a hash that [is outdated](PasswordHash::is_outdated), makes a new one and hands
    /// it to [`UserStore::rehashed`]. It takes its turn in the [`HashingPool`], one at a time, and the request
    /// does not wait for it; what cannot be done now is done after another success.
    pub fn rehash_outdated(mut self) -> Self {
        self.parts().rehash = Some(Arc::new(Semaphore::new(1)));
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.parts().clock = Arc::new(clock);
        self
    }

    /// Decides over a name and a password that came by another way than the `Authorization` field: from the form of
    /// a page where people sign in. The same rules hold, from the third on, with the same pool, cache and throttle.
    ///
    /// `source` is where the request comes from: what the function given to
    /// [`Throttle::sources`] says of it. Without one, failures are counted for the account alone.
    ///
    /// # Errors
    ///
    /// What the layer would answer. A name or a password that HTTP Basic cannot carry, for its length or a control
    /// character, is [`RejectionKind::MalformedCredentials`]; a name with a colon is nobody's. Tell the person the
    /// same of both kinds.
    pub fn verify(
        &self,
        user: &str,
        password: &str,
        source: Option<Source>,
    ) -> NowOrLater<Result<Principal, Rejection>> {
        let credentials = BasicCredentials::new(user, password);
        let mac =
            self.0.cache.as_ref().zip(credentials.as_ref().ok()).map(|(cache, credentials)| {
                cache.mac(credentials.encoded().as_bytes(), source.as_ref())
            });
        self.decide(credentials, source, mac)
    }

    /// By what is remembered of these very bytes, if the store says that nothing has changed.
    fn recall(&self, mac: &Mac) -> Option<Principal> {
        let now = self.0.clock.now();
        let entry = self.0.cache.as_ref()?.find(mac, now)?;
        let is_present = entry.version.is_some() && entry.version == self.0.version();
        let has_expired = entry.expires.is_some_and(|at| at <= now);
        (is_present && !has_expired).then(|| entry.principal.clone())
    }

    fn decide(
        &self,
        credentials: Result<BasicCredentials, &'static str>,
        source: Option<Source>,
        mac: Option<Mac>,
    ) -> NowOrLater<Result<Principal, Rejection>> {
        match credentials {
            Ok(credentials) => SignIn { parts: self.0.clone(), credentials, source, mac }.decide(),
            Err(reason) => {
                NowOrLater::now(Err(Rejection::new(RejectionKind::MalformedCredentials, reason)))
            }
        }
    }

    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}

impl Parts {
    /// Of the users, if their store tells it.
    pub(super) fn version(&self) -> Option<Version> {
        self.users.version().map(|number| Version { of: self.store, number })
    }
}

impl Authenticator for BasicAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BASIC
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let credentials = head.credentials(Scheme::BASIC.as_str())?;
        let source = self.0.throttle.as_ref().and_then(|throttle| throttle.source_of(head));
        let sent = after_blanks(credentials).unwrap_or_default();
        let mac = self.0.cache.as_ref().map(|cache| cache.mac(sent, source.as_ref()));
        if let Some(principal) = mac.as_ref().and_then(|mac| self.recall(mac)) {
            return Some(NowOrLater::now(Ok(principal)));
        }
        Some(self.decide(BasicCredentials::parse(credentials), source, mac))
    }

    fn challenge(&self, _refused: Option<RejectionKind>) -> Challenge {
        self.0.challenge.clone()
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("challenge", &self.0.challenge.as_str())
            .field("pool", &self.0.pool)
            .field("cache", &self.0.cache)
            .field("throttle", &self.0.throttle)
            .field("rehash", &self.0.rehash.is_some())
            .finish_non_exhaustive()
    }
}
