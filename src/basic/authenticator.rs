use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{
    Argon2id, HashingPool, PasswordHash, PasswordVerifier, User, UserStore,
    credentials::BasicCredentials,
};
use crate::{
    Authenticator, Challenge, ConfigError, Head, NowOrLater, Principal, Rejection, RejectionKind,
    Scheme, StoreError,
};

/// The longest password that is looked at, in bytes.
pub(super) const MAX_PASSWORD: usize = 1024;

/// The [`Authenticator`] of HTTP Basic. See the [module docs](crate::basic) for the rules.
#[derive(Clone)]
pub struct BasicAuth(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    users: Arc<dyn UserStore>,
    verifier: Arc<dyn PasswordVerifier>,
    pool: HashingPool,
    decoy: PasswordHash,
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
            verifier: Arc::new(Argon2id::default()),
            pool: HashingPool::default(),
            decoy: PasswordHash::usual_decoy(),
            challenge,
        })))
    }

    /// Hashes in this pool instead of one of its own.
    pub fn hashing_pool(mut self, pool: HashingPool) -> Self {
        Arc::make_mut(&mut self.0).pool = pool;
        self
    }

    /// Verifies with this instead of [`Argon2id`].
    pub fn verifier(mut self, verifier: impl PasswordVerifier) -> Self {
        Arc::make_mut(&mut self.0).verifier = Arc::new(verifier);
        self
    }
}

impl Authenticator for BasicAuth {
    fn scheme(&self) -> Scheme {
        Scheme::BASIC
    }

    fn authenticate(&self, head: &Head<'_>) -> Option<NowOrLater<Result<Principal, Rejection>>> {
        let credentials = head.credentials(Scheme::BASIC.as_str())?;
        Some(match BasicCredentials::parse(credentials) {
            Ok(credentials) => {
                let parts = self.0.clone();
                let user = parts.users.user(credentials.user());
                NowOrLater::later(async move { parts.verify(credentials, user.await).await })
            }
            Err(reason) => {
                NowOrLater::now(Err(Rejection::new(RejectionKind::MalformedCredentials, reason)))
            }
        })
    }

    fn challenge(&self, _refused: Option<RejectionKind>) -> Challenge {
        self.0.challenge.clone()
    }
}

impl Parts {
    async fn verify(
        &self,
        credentials: BasicCredentials,
        user: Result<Option<User>, StoreError>,
    ) -> Result<Principal, Rejection> {
        let user = user.map_err(|error| Rejection::unavailable("basic.store", error))?;
        let verified = self.hash(&credentials, user.as_ref()).await;
        let verified = verified.map_err(|error| Rejection::unavailable("basic.hashing", error))?;
        let refused = |reason| Err(Rejection::new(RejectionKind::RefusedCredentials, reason));
        let password = credentials.password();
        match user {
            None => refused("basic.unknown_user"),
            Some(_) if password.is_empty() => refused("basic.empty_password"),
            Some(_) if password.len() > MAX_PASSWORD => refused("basic.long_password"),
            Some(_) if !verified => refused("basic.wrong_password"),
            Some(user) if user.is_disabled() => refused("basic.disabled"),
            Some(user) => {
                let (identity, name, scopes) = user.into_principal_parts();
                let principal = Principal::builder(identity, Scheme::BASIC);
                Ok(principal.credential_id(name).scopes(scopes).build())
            }
        }
    }

    /// The one hash of a request, whatever its outcome.
    async fn hash(
        &self,
        credentials: &BasicCredentials,
        user: Option<&User>,
    ) -> Result<bool, StoreError> {
        let password = credentials.password();
        // What is too long is not hashed, but something is.
        let known = user.filter(|_| password.len() <= MAX_PASSWORD);
        let password = if password.len() <= MAX_PASSWORD { password } else { "" };
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let hash = match known {
            Some(user) => user.password().clone(),
            None => self.users.decoy().unwrap_or_else(|| self.decoy.clone()),
        };
        let verifier = self.verifier.clone();
        let genuine = known.is_some();
        self.pool.run(move || verifier.verify(&password, &hash) && genuine).await
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("challenge", &self.0.challenge.as_str())
            .field("pool", &self.0.pool)
            .finish_non_exhaustive()
    }
}
