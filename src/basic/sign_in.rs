use std::sync::Arc;

use tokio::runtime::Handle;
use zeroize::Zeroizing;

use super::{
    Source, User,
    authenticator::Parts,
    cache::{Entry, Mac, Version},
    credentials::{BasicCredentials, MAX_PASSWORD},
};
use crate::{NowOrLater, Principal, Rejection, RejectionKind, StoreError};

/// The credentials of one request, on their way to a principal.
pub(super) struct SignIn {
    pub(super) parts: Arc<Parts>,
    pub(super) credentials: BasicCredentials,
    pub(super) source: Option<Source>,
    /// What the cache knows them by, if there is one.
    pub(super) mac: Option<Mac>,
}

type Decision = Result<Principal, Rejection>;

impl SignIn {
    pub(super) fn decide(self) -> NowOrLater<Decision> {
        let Some((cache, mac)) = self.parts.cache.as_ref().zip(self.mac) else {
            return NowOrLater::later(self.verify());
        };
        let Some(entry) = cache.find(&mac, self.parts.clock.now()) else {
            cache.note_guess(&self.credentials, self.source.as_ref());
            return NowOrLater::later(self.verify());
        };
        // First: what changes while the store is asked changes it.
        let version = self.parts.version();
        let user = self.parts.users.user(self.credentials.user());
        user.then(move |user| self.recall(mac, &entry, user, version))
    }

    /// The credentials were verified a short while ago. Whatever has changed since then is decided as if they were
    /// not.
    fn recall(
        self,
        mac: Mac,
        entry: &Entry,
        user: Result<Option<User>, StoreError>,
        version: Option<Version>,
    ) -> NowOrLater<Decision> {
        let now = self.parts.clock.now();
        match user.map_err(store_is_down) {
            Err(rejection) => NowOrLater::now(Err(rejection)),
            Ok(Some(user)) if *user.password() == entry.hash && user.refusal(now).is_none() => {
                if let Some(cache) = self.parts.cache.as_ref().filter(|_| version.is_some()) {
                    let whose = (&self.credentials, self.source.as_ref());
                    cache.renew(mac, whose, entry, (&user, version));
                }
                NowOrLater::now(Ok(user.to_principal()))
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
        let version = self.parts.version();
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
        if let Some((cache, mac)) = self.parts.cache.as_ref().zip(self.mac) {
            let whose = (&self.credentials, self.source.as_ref());
            cache.insert(mac, whose, (&user, version), now);
        }
        self.rehash(&user);
        Ok(user.to_principal())
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

fn store_is_down(error: StoreError) -> Rejection {
    Rejection::unavailable("basic.store", error)
}
