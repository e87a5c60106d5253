use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::SystemTime,
};

use crate::{
    Identity, NowOrLater, StoreError,
    user_token::{TokenDigest, UserTokenAdmin, UserTokenRecord, UserTokenStore},
};

/// User tokens in memory. A clone is the same store; what is changed takes effect on the next request.
///
/// # Caveats
///
/// It knows no users: whoever disables one revokes the user's tokens, too. And it has no bound: who may create
/// tokens, and how many, is for the application to say.
#[derive(Clone, Default)]
pub struct MemoryUserTokenStore(Arc<RwLock<HashMap<TokenDigest, UserTokenRecord>>>);

impl MemoryUserTokenStore {
    /// A store without tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the token of this digest, or replaces it.
    pub fn insert(&self, digest: TokenDigest, record: UserTokenRecord) {
        self.write().insert(digest, record);
    }

    /// Forgets the token of this digest; whether there was one.
    pub fn remove(&self, digest: &TokenDigest) -> bool {
        self.write().remove(digest).is_some()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<TokenDigest, UserTokenRecord>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TokenDigest, UserTokenRecord>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UserTokenStore for MemoryUserTokenStore {
    fn user_token(
        &self,
        digest: &TokenDigest,
    ) -> NowOrLater<Result<Option<UserTokenRecord>, StoreError>> {
        NowOrLater::now(Ok(self.read().get(digest).cloned()))
    }
}

impl UserTokenAdmin for MemoryUserTokenStore {
    fn create(
        &self,
        digest: &TokenDigest,
        record: &UserTokenRecord,
    ) -> NowOrLater<Result<(), StoreError>> {
        let mut tokens = self.write();
        if tokens.contains_key(digest) || tokens.values().any(|token| token.id == record.id) {
            return NowOrLater::now(Err(StoreError::new("there is such a token already")));
        }
        tokens.insert(*digest, record.clone());
        NowOrLater::now(Ok(()))
    }

    fn list(&self, owner: &Identity) -> NowOrLater<Result<Vec<UserTokenRecord>, StoreError>> {
        let tokens = self.read();
        let theirs = tokens.values().filter(|token| token.owner == *owner);
        let mut theirs: Vec<_> = theirs.cloned().collect();
        theirs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        NowOrLater::now(Ok(theirs))
    }

    fn revoke(
        &self,
        owner: &Identity,
        id: &str,
        now: SystemTime,
    ) -> NowOrLater<Result<bool, StoreError>> {
        let mut tokens = self.write();
        let token = tokens.values_mut().find(|token| *token.id == *id && token.owner == *owner);
        let token = token.filter(|token| token.revoked.is_none());
        NowOrLater::now(Ok(token.map(|token| token.revoked = Some(now)).is_some()))
    }

    fn used(&self, digest: &TokenDigest, now: SystemTime) -> NowOrLater<Result<(), StoreError>> {
        if let Some(token) = self.write().get_mut(digest) {
            token.last_used = Some(now);
        }
        NowOrLater::now(Ok(()))
    }
}

impl fmt::Debug for MemoryUserTokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserTokenStore").finish_non_exhaustive()
    }
}
