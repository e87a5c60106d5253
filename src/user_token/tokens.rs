use std::{fmt, sync::Arc, time::Duration};

use super::{UserToken, UserTokenAdmin, UserTokenRecord, token::random_id};
use crate::{Clock, ConfigError, Identity, ScopeSet, StoreError, SystemClock};

/// Creates, lists and revokes the tokens of a store: what is behind a page on which people keep their tokens.
///
/// Who may do so is for the caller to decide, and which scopes they may give on: no more than they hold.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::{
///     Identity, Scope,
///     user_token::{MemoryUserTokenStore, NewUserToken, UserTokens},
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tokens = UserTokens::new(MemoryUserTokenStore::new());
/// let alice = Identity::local("alice")?;
///
/// let new = NewUserToken::named("laptop")?
///     .lifetime(Duration::from_secs(90 * 24 * 60 * 60))
///     .scopes([Scope::from_static("messages:send")]);
/// let (token, record) = tokens.create(&alice, new).await?;
/// println!("shown once: {}", token.expose());
///
/// assert_eq!(tokens.list(&alice).await?.len(), 1);
/// assert!(tokens.revoke(&alice, &record.id).await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct UserTokens {
    store: Arc<dyn UserTokenAdmin>,
    clock: Arc<dyn Clock>,
}

impl UserTokens {
    /// The tokens of this store.
    pub fn new(store: impl UserTokenAdmin) -> Self {
        Self { store: Arc::new(store), clock: Arc::new(SystemClock) }
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Creates a token for this owner. The token is to be shown once: only its digest is kept.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    pub async fn create(
        &self,
        owner: &Identity,
        new: NewUserToken,
    ) -> Result<(UserToken, UserTokenRecord), StoreError> {
        let now = self.clock.now();
        let token = UserToken::generate();
        let mut record = UserTokenRecord::new(random_id(), owner.clone());
        record.name = new.name;
        record.scopes = new.scopes;
        record.created = Some(now);
        // An end that no clock reaches is none.
        record.expires = new.lifetime.and_then(|lifetime| now.checked_add(lifetime));
        self.store.create(&token.digest(), &record).await?;
        Ok((token, record))
    }

    /// The tokens of this owner, the oldest first: the expired and the revoked, too.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    pub async fn list(&self, owner: &Identity) -> Result<Vec<UserTokenRecord>, StoreError> {
        self.store.list(owner).await
    }

    /// Revokes a token of this owner by its id, from the next request on; whether there was one that was
    /// not revoked.
    ///
    /// # Errors
    ///
    /// When the store cannot answer.
    pub async fn revoke(&self, owner: &Identity, id: &str) -> Result<bool, StoreError> {
        self.store.revoke(owner, id, self.clock.now()).await
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserTokens").finish_non_exhaustive()
    }
}

/// A token that somebody asks for.
#[derive(Clone, Debug)]
#[must_use]
pub struct NewUserToken {
    name: Arc<str>,
    scopes: ScopeSet,
    lifetime: Option<Duration>,
}

impl NewUserToken {
    /// A token by this name, which is for its owner to know it by. It has no scopes and does not expire,
    /// unless told otherwise.
    ///
    /// # Errors
    ///
    /// When the name is blank, longer than 100 characters, or has a control character in it.
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
            return Err(ConfigError::new(
                "the name of a user token has 1 to 100 characters, and no control characters",
            ));
        }
        Ok(Self { name: name.into(), scopes: ScopeSet::empty(), lifetime: None })
    }

    /// What the token lets its holder do.
    pub fn scopes(mut self, scopes: impl Into<ScopeSet>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Refuses the token when it is this old.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}
