use std::sync::Arc;

use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::{
    PasswordHash, Source, User,
    authenticator::Parts,
    credentials::{BasicCredentials, MAX_PASSWORD},
};
use crate::{NowOrLater, Principal, Rejection, RejectionKind, Scheme, StoreError};

/// The credentials of one request, on their way to a principal.
pub(super) struct SignIn {
    pub(super) parts: Arc<Parts>,
    pub(super) credentials: BasicCredentials,
    pub(super) source: Option<Source>,
}

type Decision = Result<Principal, Rejection>;

impl SignIn {
    pub(super) fn decide(self) -> NowOrLater<Decision> {
        let cache = self.parts.cache.as_ref();
        let source = self.source.as_ref();
        let known = cache.and_then(|it| it.find(&self.credentials, source, self.parts.clock.now()));
        match known {
            Some(hash) => {
                let user = self.parts.users.user(self.credentials.user());
                user.then(move |user| self.recall(&hash, user))
            }
            None => NowOrLater::later(self.verify()),
        }
    }

    /// The credentials were verified against this hash a short while ago. Whatever has changed since then is
    /// decided as if they were not.
    fn recall(
        self,
        verified: &PasswordHash,
        user: Result<Option<User>, StoreError>,
    ) -> NowOrLater<Decision> {
        let now = self.parts.clock.now();
        match user.map_err(store_is_down) {
            Err(rejection) => NowOrLater::now(Err(rejection)),
            Ok(Some(user)) if user.password() == verified && user.refusal(now).is_none() => {
                NowOrLater::now(Ok(principal(user)))
            }
            Ok(_) => NowOrLater::later(self.verify()),
        }
    }

    async fn verify(self) -> Decision {
        let Some(throttle) = &self.parts.throttle else {
            return self.judge().await;
        };
        let account = self.parts.users.normalized(self.credentials.user());
        let now = self.parts.clock.now();
        let attempt = throttle.admit(&account, self.source.as_ref(), now).await?;
        let decision = self.judge().await;
        match decision.as_ref().map_err(Rejection::kind) {
            Ok(_) => attempt.succeed(now).await,
            Err(RejectionKind::Unavailable) => attempt.take_back().await,
            Err(_) => {}
        }
        decision
    }

    async fn judge(&self) -> Decision {
        let user = self.parts.users.user(self.credentials.user()).await.map_err(store_is_down)?;
        let verified = self.hash(user.as_ref()).await;
        let verified = verified.map_err(|error| Rejection::unavailable("basic.hashing", error))?;
        let password = self.credentials.password();
        let now = self.parts.clock.now();
        let Some(user) = user else {
            return Err(Rejection::refused("basic.unknown_user"));
        };
        let reason = if password.is_empty() {
            Some("basic.empty_password")
        } else if password.len() > MAX_PASSWORD {
            Some("basic.long_password")
        } else if let Some(cause) = user.password().unusable() {
            let cause: &dyn std::error::Error = cause;
            tracing::error!(user = user.name(), cause, "a stored password hash cannot be verified");
            Some("basic.unusable_hash")
        } else if !verified {
            Some("basic.wrong_password")
        } else {
            user.refusal(now)
        };
        if let Some(reason) = reason {
            return Err(Rejection::refused(reason));
        }
        if let Some(cache) = &self.parts.cache {
            cache.insert(&self.credentials, self.source.as_ref(), &user, now);
        }
        self.rehash(&user);
        Ok(principal(user))
    }

    /// The one hash of a request, whatever its outcome.
    async fn hash(&self, user: Option<&User>) -> Result<bool, StoreError> {
        let password = self.credentials.password();
        // What is too long is not hashed, but something is.
        let usable = |user: &&User| user.password().unusable().is_none();
        let known = user.filter(|_| password.len() <= MAX_PASSWORD).filter(usable);
        let password = if password.len() <= MAX_PASSWORD { password } else { "" };
        let password = Zeroizing::new(password.as_bytes().to_vec());
        let hash = match known {
            Some(user) => user.password().clone(),
            None => self.parts.users.decoy().unwrap_or_else(|| self.parts.decoy.clone()),
        };
        let verifier = self.parts.verifier.clone();
        let genuine = known.is_some();
        self.parts.pool.run(move || verifier.verify(&password, &hash) && genuine).await
    }

    /// Hands a stronger hash of the password to the store, later, if it is wanted and no other is
    /// in the making.
    fn rehash(&self, user: &User) {
        let old = user.password();
        let Some(turn) = self.parts.rehash.as_ref().filter(|_| old.is_outdated()) else { return };
        let (Ok(turn), Ok(runtime)) = (turn.clone().try_acquire_owned(), Handle::try_current()) else {
            return;
        };
        let (parts, name, old) = (self.parts.clone(), user.name().to_owned(), old.clone());
        let password = Zeroizing::new(self.credentials.password().to_owned());
        runtime.spawn(async move {
            let stored = match parts.pool.hash(&password).await {
                Ok(new) => parts.users.rehashed(&name, &old, &new).await,
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(user = name, error, "an outdated password hash was not replaced");
            }
            drop(turn);
        });
    }
}

fn principal(user: User) -> Principal {
    let (identity, name, scopes) = user.into_principal_parts();
    Principal::builder(identity, Scheme::BASIC).credential_id(name).scopes(scopes).build()
}

fn store_is_down(error: StoreError) -> Rejection {
    Rejection::unavailable("basic.store", error)
}
